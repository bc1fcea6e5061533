"""What the paid steps after generation would cost, before they are taken.

Rows that are written already go through the filters as far as stored answers say; a row about which nobody was asked yet is taken to pass.
For each row that is not written yet, one of usual length stands in, which passes everything. An answer that is missing is taken to be the
one that leads to most calls: it agrees with no other, so a second opinion is asked for, and it lets a distractor stand. So the figures are
upper bounds, but for distractors that replace refused ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from typing import Any

from synthgen.asking import Asking, asked_models
from synthgen.config import Config
from synthgen.corpus import Corpus
from synthgen.distractors import add_distractors
from synthgen.distractors.checking import STAGE, Pair, checking_step
from synthgen.encoders import CorpusEncoders
from synthgen.filters import PAID, Context, apply_filters
from synthgen.generation import Generator
from synthgen.generators import IMPORT
from synthgen.llm import Answers, Step
from synthgen.llm.calls import Call, CallStore
from synthgen.llm.estimate import Prefixes, estimate
from synthgen.records import Chunk, Completion, Request, Triple, make_triple
from synthgen.retrieval.bm25 import over_chunks
from synthgen.rowstep import Row, RowStep
from synthgen.written import write_answers

__all__ = ["prices_after_generation"]

_QUERY_TOKENS, _ANSWER_TOKENS = 15, 35  # of a row that is still to be written


def prices_after_generation(
    generator: Generator, corpus: Corpus, store: CallStore | None, prefixes: Prefixes, queries: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """An estimate for each paid step after generation, in the order of a run. `queries` are those that the run is measured on."""
    config = generator.config
    asked = asked_models(config)
    if not asked:
        return []
    pricing = _Pricing(config, store, prefixes)
    rows = _Rows(generator, corpus, store, queries)
    for place, stage in enumerate(config.filters.order):
        if stage in PAID:
            apply_filters([*rows.after(place), *rows.stand_ins], [stage], rows.context(pricing), options=_of(config, [stage]))
    if STAGE in asked or config.answers.enabled:
        kept = rows.after(len(config.filters.order))
        if STAGE in asked:
            step = checking_step(pricing, config.distractors.check_model)
            pricing.answers(step, [*rows.pairs(kept), *_unmined(rows.stand_ins, corpus.chunks, config.distractors.num)])
        if config.answers.enabled:
            write_answers([*kept, *rows.stand_ins], corpus.by_id, config.answers, pricing, seed=config.seed)
    return pricing.estimates


class _Rows:
    """The candidates of a run as far as they are written, and stand-ins for the others."""

    def __init__(self, generator: Generator, corpus: Corpus, store: CallStore | None, queries: Sequence[str]) -> None:
        self._config, self._corpus = generator.config, corpus
        chunks = generator.asked(corpus.chunks)
        found = generator.rows(chunks, store)
        unwritten = {skip.chunk_id for skip in found.skipped if skip.reason == "not_called"}
        per_chunk = self._config.generation.per_chunk * max(1, len(generator.prompts))
        self._written = found.triples
        self.stand_ins = [_stand_in(chunk, n) for chunk in chunks if chunk.id in unwritten for n in range(per_chunk)]
        self._index = over_chunks(corpus.chunks) if found.triples else None
        self._encoders = CorpusEncoders(self._config.training, corpus.chunks, seed=self._config.seed)
        self._stored = Context(
            corpus.by_id,
            self._index,
            generator.shots,
            queries,
            encoders=self._encoders,
            paid=Asking(self._config, store),
            lowers=self._config.model != IMPORT,
        )

    def context(self, pricing: _Pricing) -> Context:
        return replace(self._stored, paid=pricing)

    def after(self, place: int) -> list[Triple]:
        """The written rows that the first `place` filters keep, or about which one of these has still to ask."""
        order = self._config.filters.order[:place]
        sifted = apply_filters(self._written, order, self._stored, options=_of(self._config, order))
        return [*sifted.kept, *(fallen.triple for fallen in sifted.rejected if fallen.reason == "not_asked")]

    def pairs(self, rows: Sequence[Triple]) -> Iterator[Pair]:
        """These rows with each of the distractors that a model is asked about first."""
        if self._index is None:
            return iter(())
        settings = self._config.distractors.model_copy(update={"check": False})
        by_id, seed = self._corpus.by_id, self._config.seed
        mined, _ = add_distractors(rows, by_id, self._index, settings, encoders=self._encoders, seed=seed)
        return ((row, by_id[distractor.chunk_id]) for row in mined for distractor in row.distractors)


class _Pricing(Asking):
    """Asks nothing, and notes in `estimates` what it would cost."""

    def __init__(self, config: Config, store: CallStore | None, prefixes: Prefixes) -> None:
        super().__init__(config, store)
        self._prefixes = prefixes
        self.estimates: list[dict[str, Any]] = []

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        if not rows:
            return {}
        llm, tokens = self._config.llm, step.output_tokens
        priced = estimate(step.requests(rows), llm, output_tokens=tokens, store=self._store, prefixes=self._prefixes)
        prompt = step.prompt if isinstance(step, RowStep) else step.stage
        self.estimates.append({"stage": step.stage, "prompt": prompt} | asdict(priced))
        return _Supposed(self._store, next(iter(step.requests(rows))))


@dataclass(frozen=True, slots=True)
class _Supposed:
    """Stored answers. For a missing one stands "no" in every field that `like`, a request of the same step, asks for."""

    store: CallStore | None
    like: Request

    def get(self, key: str, /) -> Call | None:
        stored = None if self.store is None else self.store.get(key)
        return stored or Call(Completion(key, self._nothing, "stop"))

    @property
    def _nothing(self) -> str:
        fields: Mapping[str, Any] = (self.like.schema or {})["properties"]["items"]["items"]["properties"]
        return json.dumps({"items": [dict.fromkeys(fields, "no")]})


def _unmined(rows: Iterable[Triple], chunks: Sequence[Chunk], each: int) -> Iterator[Pair]:
    """Rows with chunks of the corpus, in turn, where their own distractors cannot be known."""
    turn = cycle(chunks)
    return ((row, chunk) for row in rows for chunk in islice(turn, each))


def _of(config: Config, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    return {name: options for name, options in config.filters.options.items() if name in names}


def _stand_in(chunk: Chunk, number: int) -> Triple:
    """A row of usual length about a chunk, in the chunk's own words."""
    per_token = len(chunk.text) / max(1, chunk.n_tokens)
    start = number % max(1, len(chunk.text))
    middle = start + round(_QUERY_TOKENS * per_token)
    text = chunk.text * (1 + (middle + round(_ANSWER_TOKENS * per_token)) // len(chunk.text))
    return make_triple(chunk, text[start:middle], text[middle : middle + round(_ANSWER_TOKENS * per_token)])

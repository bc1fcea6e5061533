"""What the paid steps after generation would cost, before they are taken.

Rows that are written already go through the filters as far as stored answers say; a row about which nobody was asked yet is taken to pass.
For each row that is not written yet, one of usual length stands in, which passes everything. An answer that is missing is taken to be the
one that leads to most calls: it agrees with no other, so a second opinion is asked for. Only of distractors it clears each; a refused one
is asked about another in its place, and `at_most` says what that can come to. So the figures are upper bounds: of the checks of
distractors `at_most` is, and `calls` counts what is sure to be asked of the rows there are.

A failed answer that a run would ask for again is missing, too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from itertools import chain, cycle, islice
from typing import Any

from synthgen.answers.write import write_answers
from synthgen.config.settings import Config
from synthgen.distractors.checks import STAGE, Pair, checking_step
from synthgen.distractors.select import ROUNDS, add_distractors
from synthgen.filters import is_paid
from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.llm import Answers, Step
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.costs.estimate import Prefixes, estimate
from synthgen.llm.reask import standing
from synthgen.pipeline.corpus import Corpus
from synthgen.pipeline.generation import Generator
from synthgen.pipeline.paid_steps import StepRunner, asked_models
from synthgen.prompting.row_questions import Row, RowStep
from synthgen.records import Chunk, Completion, Triple, make_triple
from synthgen.retrieval.bm25 import over_chunks
from synthgen.training.corpus_encoders import CorpusEncoders

__all__ = ["prices_after_generation"]

_QUERY_TOKENS, _ANSWER_TOKENS = 15, 35  # of a row that is still to be written


def prices_after_generation(
    generator: Generator,
    corpus: Corpus,
    store: CallStore | None,
    prefixes: Prefixes,
    queries: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """An estimate for each paid step after generation, in the order of a run; that of `distractor_check` has `at_most`, too.

    `queries` are those that the run is measured on.
    """
    config = generator.config
    asked = asked_models(config)
    if not asked:
        return []
    pricing = _Pricing(config, store, corpus.chunks)
    rows = _Rows(generator, corpus, store, queries)
    for place, stage in enumerate(config.filters.order):
        if is_paid(stage):
            apply_filters([*rows.after(place), *rows.stand_ins], [stage], rows.context(pricing), options=_of(config, [stage]))
    if STAGE in asked or config.answers.enabled:
        kept = rows.after(len(config.filters.order))
        if STAGE in asked:
            rows.check_distractors(kept, pricing)
            step = checking_step(pricing, config.distractors.check_model)
            pricing.answers(step, list(_unmined(rows.stand_ins, corpus.chunks, config.distractors.num)))
        if config.answers.enabled:
            write_answers([*kept, *rows.stand_ins], corpus.by_id, config.answers, pricing, seed=config.seed)
    return pricing.estimates(prefixes)


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
        self._stored = FilterContext(
            corpus.by_id,
            self._index,
            generator.shots,
            queries,
            encoders=self._encoders,
            paid=_Stored(self._config, store),
            lowers=generator.lowers_thresholds,
        )

    def context(self, pricing: _Pricing) -> FilterContext:
        return replace(self._stored, paid=pricing)

    def after(self, place: int) -> list[Triple]:
        """The written rows that the first `place` filters keep, or about which one of these has still to ask."""
        order = self._config.filters.order[:place]
        filtered = apply_filters(self._written, order, self._stored, options=_of(self._config, order))
        return [*filtered.kept, *(fallen.triple for fallen in filtered.rejected if fallen.reason == "not_asked")]

    def check_distractors(self, rows: Sequence[Triple], pricing: _Pricing) -> None:
        """Look for distractors as a run does, and ask `pricing` about them."""
        if self._index is not None:
            settings, by_id = self._config.distractors, self._corpus.by_id
            add_distractors(rows, by_id, self._index, settings, encoders=self._encoders, paid=pricing, seed=self._config.seed)


class _Stored(StepRunner):
    """Asks nothing: what a run would still ask for is missing."""

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        return _Known(self._store, {key for key in self._open(step, rows) if key})

    def _open(self, step: Step[Row, Any], rows: Sequence[Row]) -> list[str]:
        """The key of each request that a run would still ask for, "" for the others."""
        return [one.request.key if one.sent else "" for one in standing(step.requests(rows), self._store)]


class _Pricing(_Stored):
    """Asks nothing, takes what is missing for the dearest answer, and says what it would cost."""

    def __init__(self, config: Config, store: CallStore | None, chunks: Sequence[Chunk]) -> None:
        super().__init__(config, store)
        self._asked: dict[tuple[str, str], list[tuple[Step[Any, Any], Sequence[Any]]]] = {}
        self._checks = _Checks(min(ROUNDS * config.distractors.num, len(chunks) - 1))

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        if not rows:
            return {}
        prompt = step.prompt if isinstance(step, RowStep) else step.stage
        self._asked.setdefault((step.stage, prompt), []).append((step, rows))
        missing = self._open(step, rows)
        if step.stage == STAGE:
            self._checks.add(rows, missing)  # type: ignore[arg-type]  # the rows of this step are pairs
        fields: Mapping[str, Any] = (next(iter(step.requests(rows))).schema or {})["properties"]["items"]["items"]["properties"]
        return _Known(self._store, {key for key in missing if key}, json.dumps({"items": [dict.fromkeys(fields, "no")]}))

    def estimates(self, prefixes: Prefixes) -> list[dict[str, Any]]:
        """One for each prompt of each step, in the order in which they were asked first."""
        found = []
        for (stage, prompt), asked in self._asked.items():
            requests = chain.from_iterable(step.requests(rows) for step, rows in asked)
            tokens = asked[0][0].output_tokens
            priced = asdict(estimate(requests, self._config.llm, output_tokens=tokens, store=self._store, prefixes=prefixes))
            bound = {"at_most": max(priced["calls"], self._checks.at_most)} if stage == STAGE else {}
            found.append({"stage": stage, "prompt": prompt} | priced | bound)
        return found


class _Checks:
    """How many checks of distractors are missing if all of them refuse: `each` is the most that a row can have in all rounds."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._known: Counter[str] = (
            Counter()
        )  # of the rounds up to the first with a missing answer, after which others may follow
        self._open: set[str] = set()

    @property
    def at_most(self) -> int:
        return sum(self._each - self._known[row] for row in self._open)

    def add(self, pairs: Sequence[Pair], missing: Sequence[str]) -> None:
        """One round of some rows; `missing` has a key for each pair without an answer, and "" for the others."""
        here = [(row.id, key) for (row, _), key in zip(pairs, missing, strict=True) if row.id not in self._open]
        self._known.update(row for row, key in here if not key)
        self._open.update(row for row, key in here if key)


@dataclass(frozen=True, slots=True)
class _Known:
    """Stored answers, but for the requests that are `open`. `supposed` stands for each that is missing, if it is given."""

    store: CallStore | None
    open: Set[str]
    supposed: str | None = None

    def get(self, key: str, /) -> Call | None:
        stored = self.store.get(key) if self.store is not None and key not in self.open else None
        return Call(Completion(key, self.supposed, "stop")) if stored is None and self.supposed is not None else stored


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

"""Filters that ask a model, within a run: who is asked, what it came to, and what it would cost.

What such filters ask goes through the same store as generation, and through the caps and the pace of the same command. Where no call
may be made (`synthgen filter`), stored answers are used and the rest is counted as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from synthgen.config import LLM, Config
from synthgen.corpus import Corpus
from synthgen.encoders import CorpusEncoders
from synthgen.errors import ConfigError
from synthgen.filters import PAID, Context, apply_filters
from synthgen.generation import Generator, open_store, store_path
from synthgen.generators import IMPORT, split_model
from synthgen.llm import Answers, Step
from synthgen.llm.calls import CallStore
from synthgen.llm.client import Wanted, fill
from synthgen.llm.estimate import Prefixes, estimate
from synthgen.llm.followup import Outcomes, failed_again, outcomes, to_ask
from synthgen.llm.loops import run_async
from synthgen.llm.shared import Shared
from synthgen.records import Chunk, OnEvent, Request, Triple, make_triple
from synthgen.retrieval import index_text
from synthgen.retrieval.bm25 import BM25
from synthgen.rowstep import Row
from synthgen.runfolder import RunFolder

__all__ = ["Asking", "asked_models", "asking", "prices_of_filters", "repeating", "shared_by"]

_QUERY_TOKENS, _ANSWER_TOKENS = 15, 35  # of a row that is still to be written


def asked_models(config: Config) -> dict[str, str]:
    """The model of each filter in the order that asks one. Raises ConfigError for a filter that has none to ask."""
    options = config.filters.options
    return {name: _model(config, name, options.get(name, {}).get("model")) for name in config.filters.order if name in PAID}


def shared_by(generator: Generator) -> Shared:
    """The caps and the pace of a command. Raises ConfigError for a filter that has no model to ask."""
    own = [generator.model] if generator.makes_calls else []
    return Shared.of(generator.config.llm, {*asked_models(generator.config).values(), *own})


def repeating(request: Request, answers: Answers) -> Request | None:
    """For `synthgen retry`: what failed, and what was never asked because of it."""
    return failed_again(request, answers) or to_ask(request, answers)


@contextmanager
def asking(
    generator: Generator,
    folder: RunFolder,
    *,
    shared: Shared | None = None,
    wanted: Wanted = to_ask,
    on_event: OnEvent | None = None,
) -> Iterator[Asking | None]:
    """The way to the models of a run's filters, None where none asks. Without `shared` no call is made."""
    path = store_path(generator.config, folder.calls)
    if not asked_models(generator.config):
        yield None
    elif shared is not None:
        with open_store(generator.config, folder) as store:
            yield Asking(generator.config, store, shared, wanted, on_event)
    elif path.exists():
        with CallStore(path, read_only=True) as store:
            yield Asking(generator.config, store)
    else:
        yield Asking(generator.config)


class Asking:
    """The `rowstep.Paid` of a run. `outcomes` tells what became of the requests of each filter."""

    def __init__(
        self,
        config: Config,
        store: CallStore | None = None,
        shared: Shared | None = None,
        wanted: Wanted = to_ask,
        on_event: OnEvent | None = None,
    ) -> None:
        self._config, self._store, self._shared, self._wanted, self._on_event = config, store, shared, wanted, on_event
        self.outcomes: dict[str, Outcomes] = {}
        self._counted: set[str] = set()  # keys: a row that comes back is asked about once

    def model(self, stage: str, given: str | None) -> tuple[str, LLM]:
        return _model(self._config, stage, given), self._config.llm

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        if self._shared is not None and self._store is not None and rows:
            filling = fill(
                step.requests(rows),
                self._store,
                self._config.llm,
                shared=self._shared,
                check=step.check,
                wanted=self._wanted,
                stage=step.stage,
                total=len(rows),
                on_event=self._on_event,
            )
            run_async(filling)
        fresh = [request for request in step.requests(rows) if request.key not in self._counted]
        self._counted.update(request.key for request in fresh)
        self.outcomes[step.stage] = self.outcomes.get(step.stage, Outcomes()).plus(outcomes(fresh, self._store))
        return {} if self._store is None else self._store

    def report(self) -> dict[str, Any]:
        """What was asked, how it ended, and how many answers are missing, for each filter that asks."""
        return {
            stage: {"asked": found.total, "ok": found.ok, "failed": found.failed, "missing": found.remaining + found.waiting}
            for stage, found in self.outcomes.items()
        }


def prices_of_filters(
    generator: Generator, corpus: Corpus, store: CallStore | None, prefixes: Prefixes
) -> list[dict[str, Any]]:
    """An estimate for each filter that asks a model, as if everything else that asks let every row through.

    Rows that are written already go through the filters before it. For each that is not, one of usual length stands in and goes
    through none, so the figure is an upper bound. Not in it: second calls of `answer_check.equivalence`.
    """
    config = generator.config
    if not asked_models(config):
        return []
    chunks, order = generator.asked(corpus.chunks), config.filters.order
    candidates = generator.rows(chunks, store)
    unwritten = {skip.chunk_id for skip in candidates.skipped if skip.reason == "not_called"}
    per_chunk = config.generation.per_chunk * max(1, len(generator.prompts))
    stand_ins = [_stand_in(chunk, number) for chunk in chunks if chunk.id in unwritten for number in range(per_chunk)]
    index = BM25([c.id for c in corpus.chunks], [index_text(c) for c in corpus.chunks]) if candidates.triples else None
    pricing = _Pricing(config, store, prefixes)
    encoders = CorpusEncoders(config.training, corpus.chunks, seed=config.seed)
    context = Context(corpus.by_id, index, generator.shots, encoders=encoders, paid=pricing, lowers=config.model != IMPORT)
    found = []
    for place, stage in enumerate(order):
        if stage in PAID:
            before = [name for name in order[:place] if name not in PAID]
            rows = [*apply_filters(candidates.triples, before, context, options=_of(config, before)).kept, *stand_ins]
            apply_filters(rows, [stage], context, options=_of(config, [stage]))
            found += [{"stage": stage, "prompt": stage} | priced for priced in pricing.taken()]
    return found


class _Pricing(Asking):
    """Asks nothing, and notes what it would cost."""

    def __init__(self, config: Config, store: CallStore | None, prefixes: Prefixes) -> None:
        super().__init__(config, store)
        self._prefixes = prefixes
        self._estimates: list[dict[str, Any]] = []

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        if rows:
            llm, tokens = self._config.llm, step.output_tokens
            priced = estimate(step.requests(rows), llm, output_tokens=tokens, store=self._store, prefixes=self._prefixes)
            self._estimates.append(asdict(priced))
        return {} if self._store is None else self._store

    def taken(self) -> list[dict[str, Any]]:
        """The estimates since the last time."""
        taken, self._estimates = self._estimates, []
        return taken


def _model(config: Config, stage: str, given: str | None) -> str:
    provider, name = split_model(given or config.model)
    if provider != "openai":
        raise ConfigError(
            f"The filter {stage!r} asks a model, and {given or config.model!r} is none that can be asked. "
            f"Set filters.options.{stage}.model=openai/NAME, or leave the filter out of filters.order."
        )
    return name


def _of(config: Config, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    return {name: options for name, options in config.filters.options.items() if name in names}


def _stand_in(chunk: Chunk, number: int) -> Triple:
    """A row of usual length about a chunk, in the chunk's own words."""
    per_token = len(chunk.text) / max(1, chunk.n_tokens)
    start = number % max(1, len(chunk.text))
    middle = start + round(_QUERY_TOKENS * per_token)
    text = chunk.text * (1 + (middle + round(_ANSWER_TOKENS * per_token)) // len(chunk.text))
    return make_triple(chunk, text[start:middle], text[middle : middle + round(_ANSWER_TOKENS * per_token)])

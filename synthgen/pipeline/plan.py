"""What a run would do and cost: the verb `plan`. No call is made, except by a pilot."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

from synthgen.config.settings import Config
from synthgen.llm.call_store import CallStore
from synthgen.llm.costs.estimate import Prefixes, estimate
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.corpus import Corpus, prepare, read_corpus
from synthgen.pipeline.generation import Generator, make_generator
from synthgen.pipeline.paid_step_costs import prices_after_generation
from synthgen.pipeline.pilot import PilotReport, check_pilot, draw, make_calls, price_pilot
from synthgen.pipeline.queries import human_queries
from synthgen.pipeline.replacement import changes, check_documents
from synthgen.pipeline.report_schema import Report
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import store_path, stored_answers, stores_before
from synthgen.records import Chunk, OnEvent

__all__ = ["PlanReport", "StepEstimate", "plan"]


class StepEstimate(Report):
    """What one paid step would send, with one prompt (see `llm.costs.estimate.Estimate`)."""

    stage: str
    prompt: str
    model: str
    calls: int
    stored: int
    waiting: int
    prompt_tokens: int
    output_tokens: int
    dollars: float | None = Field(description="None when the price is unknown")
    batch_dollars: float | None = Field(description="None when the price is unknown or there is no batch API")
    prices_dated: str
    estimated_tokens: bool
    static_tokens: int
    prefixes: int
    cache_saving: float | None
    at_most: int = Field(0, description="calls if every passage is refused; only of distractor_check")


class PlanReport(Report):
    """What a run would do and cost, as `synthgen plan --json` prints it.

    `calls` has an estimate for each paid step. `messages` holds requests exactly as they would be sent.
    """

    documents: int
    skipped: dict[str, int]
    chunks: int
    chunks_asked: int
    tokens: int
    model: str
    calls: list[StepEstimate]
    pilot: PilotReport | None
    stopped_by: list[str] = Field(description="the caps that the run would reach, as settings")
    messages: list[list[dict[str, str]]]
    changes: list[str] = Field(description="what the run folder was generated with otherwise, so that the run needs an update")


def plan(
    docs: str | Path,
    run_folder: str | Path | None = None,
    *,
    config: Config,
    show: int = 0,
    pilot: int | None = None,
    on_event: OnEvent | None = None,
) -> PlanReport:
    """Files, chunks, calls, tokens and dollars of a run over `docs`; answers stored in `run_folder` are not counted again.

    `show` is how many requests are reported as they would be sent. `pilot` makes so many calls on a sample, keeps them in
    `run_folder`, and gives a range for what is left. Raises what a run's calls raise then, StoppedEarly at a cap included, and ConfigError without `run_folder`.
    """
    generator = make_generator(config)
    piloted: PilotReport | None = None
    with _workplace(docs, run_folder, generator, pilot) as folder:
        corpus = read_corpus(Path(docs), RunContext(folder, generator, on_event))
        if pilot is not None:
            check_documents(folder, Path(docs), corpus)
        changed = changes(folder, generator.facts)
        chunks = generator.asked(corpus.chunks)
        drawn = draw(generator, chunks, pilot) if pilot else []
        if drawn:
            make_calls(generator, drawn, folder, on_event)
        with stored_answers(_found_in(generator, folder), generator.config, folder) as store:
            calls = _estimates(generator, corpus, store, human_queries(folder))
            if drawn:
                piloted = price_pilot(generator, drawn, store, calls[: len(generator.prompts)])
    return PlanReport(
        documents=len(corpus.documents),
        skipped=dict(sorted(Counter(skip.reason for skip in corpus.skipped).items())),
        chunks=len(corpus.chunks),
        chunks_asked=len(chunks),
        tokens=sum(chunk.n_tokens for chunk in corpus.chunks),
        model=config.model,
        calls=[StepEstimate.model_validate(one) for one in calls],
        pilot=piloted,
        stopped_by=_stopped_by(config, calls),
        messages=_messages(generator, chunks, show),
        changes=changed,
    )


@contextmanager
def _workplace(docs: str | Path, run_folder: str | Path | None, generator: Generator, pilot: int | None) -> Iterator[RunFolder]:
    """The run folder to look into, which need not exist; for a pilot it is made, and held meanwhile."""
    if pilot is not None:
        check_pilot(pilot, run_folder, generator)
        folder = prepare(docs, str(run_folder))
        with folder.held():
            yield folder
    elif run_folder is not None:
        yield RunFolder(Path(run_folder))
    else:
        with tempfile.TemporaryDirectory() as nowhere:
            yield RunFolder(Path(nowhere))


def _estimates(generator: Generator, corpus: Corpus, store: CallStore | None, queries: Sequence[str]) -> list[dict[str, Any]]:
    """One estimate for each paid step, in the order of a run; without a batch price where the provider has no batch API."""
    llm, prefixes, chunks = generator.config.llm, Prefixes(), generator.asked(corpus.chunks)
    generation = [
        {"stage": step.stage, "prompt": prompt.name}
        | asdict(estimate(step.requests(chunks), llm, output_tokens=step.output_tokens, store=store, prefixes=prefixes))
        for prompt, step in zip(generator.prompts, generator.steps(), strict=True)
    ]
    estimates = generation + prices_after_generation(generator, corpus, store, prefixes, queries)
    return [one if generator.endpoint.has_batches(one["model"]) else one | {"batch_dollars": None} for one in estimates]


def _stopped_by(config: Config, calls: list[dict[str, Any]]) -> list[str]:
    """The caps that such a run would reach, as settings."""
    tokens = sum(estimate["prompt_tokens"] + estimate["output_tokens"] for estimate in calls)
    expected = {
        "max_calls": sum(estimate["calls"] for estimate in calls),
        "max_total_tokens": tokens,
        "max_cost": sum(estimate["dollars"] or 0.0 for estimate in calls),
    }
    caps = {name: getattr(config.llm, name) for name in expected}
    return [f"llm.{name} = {cap}" for name, cap in caps.items() if cap is not None and expected[name] > cap]


def _messages(generator: Generator, chunks: list[Chunk], show: int) -> list[list[dict[str, str]]]:
    requests = islice(generator.requests(chunks), show)
    return [[dict(message) for message in request.messages] for request in requests]


def _found_in(generator: Generator, folder: RunFolder) -> Path:
    """Where a run finds its answers: in its store or, while there is none, in one that it would take over."""
    path = store_path(generator.config, folder.calls)
    return path if path.exists() else next(iter(stores_before(folder)), path)

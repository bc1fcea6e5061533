"""Where a run stands: the verb `status`. What its calls became, what they cost, and what the same command would still do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from synthgen.llm.batch.ledger import open_batches
from synthgen.llm.call_store import CallStore, Totals
from synthgen.llm.costs.estimate import Prefixes
from synthgen.llm.costs.prices import Price, load_prices
from synthgen.llm.findings import stored_findings
from synthgen.pipeline.corpus import Corpus
from synthgen.pipeline.generation import Generator
from synthgen.pipeline.imported import stored_generator
from synthgen.pipeline.paid_step_costs import prices_after_generation
from synthgen.pipeline.queries import human_queries
from synthgen.pipeline.report import read_report
from synthgen.pipeline.report_schema import Report, RunReport, TokenCounts
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import store_path, stored_answers
from synthgen.records import Usage

__all__ = ["Spending", "StatusReport", "status"]


class GenerationCalls(Report):
    """The calls of generation. `remaining` would be sent by the same command, `waiting` ones are in a batch."""

    total: int
    ok: int
    failed: dict[str, int]
    remaining: int
    waiting: int


class Spending(Report):
    """Attempts, tokens and dollars of a call store, those through batches apart, each model at its own price.

    Dollars are None when one of the prices is unknown; `unpriced` has the models. `per_second` is over the time from the first to
    the last live call, None where that is too short.
    """

    calls: int
    attempts: int
    rate_limited: int
    uncounted: int = Field(description="attempts whose usage never came")
    first: str
    last: str
    per_second: float | None
    usage: TokenCounts
    batch_usage: TokenCounts
    model: str
    unpriced: list[str]
    dollars: float | None
    batch_dollars: float | None
    prices_dated: str
    store: str
    shared: bool = Field(description="whether other runs may use the store")


class OpenBatch(Report):
    """A batch that is not collected."""

    id: str
    run: str
    endpoint: str
    requests: int
    created: str
    state: str
    file_id: str
    batch_id: str
    ended: str


class StatusReport(Report):
    """Where a run stands, as `synthgen status --json` prints it.

    `documents` is the path of their folder from here, or the whole one. `calls` is of generation, None when it makes none. `later` has how many calls each step after generation lacks, as the report
    counts them or, where there is none, as `plan` does, for which stored candidates go through the filters. `calls_remaining` is
    the sum of both. `spent` and the open `batches` are of its call store, which other runs may share; `spent` is None when there
    is none yet. `findings` is what the last calls have found out about the server of generation, "" for nothing.
    """

    run: str
    documents: str
    model: str
    finished: bool
    calls: GenerationCalls | None
    later: dict[str, int]
    calls_remaining: int
    spent: Spending | None
    findings: str
    batches: list[OpenBatch]
    report: RunReport | None


def status(run_folder: str | Path) -> StatusReport:
    """The report of a run, the calls it asks for, what its call store has cost, and what the same command would still do."""
    folder = RunFolder(Path(run_folder))
    config, stored = folder.open()
    generator, path = stored_generator(config, folder), store_path(config, folder.calls)
    if damaged := folder.damaged():
        raise damaged[0]
    with stored_answers(path, config, folder) as store:
        calls = _asked(generator, folder, store) if generator.makes_calls else None
        report = read_report(folder)
        later = _later(generator, folder, store, report)
        shared = {"store": str(path), "shared": path.resolve() != folder.calls.resolve()}
        spent = None if store is None else _spent(generator, store.totals()) | shared
        findings = stored_findings(store, generator.endpoint.id) if store is not None and generator.makes_calls else ""
        batches = [] if store is None else [asdict(batch) for batch in open_batches(store)]
    remaining, waiting = (calls["remaining"], calls["waiting"]) if calls else (0, 0)
    remaining += sum(later.values())
    return StatusReport(
        run=str(folder.path),
        documents=folder.documents(stored),
        model=config.model,
        finished=report is not None and remaining == waiting == 0,
        calls=GenerationCalls.model_validate(calls) if calls else None,
        later=later,
        calls_remaining=remaining,
        spent=Spending.model_validate(spent) if spent else None,
        findings=findings,
        batches=[OpenBatch.model_validate(batch) for batch in batches],
        report=report,
    )


def _asked(generator: Generator, folder: RunFolder, store: CallStore | None) -> dict[str, Any]:
    """What became of the requests of this run."""
    chunks = list(folder.read("chunks")) if folder.has("chunks") else []
    found = asdict(generator.outcomes(generator.asked(chunks), store))
    found.pop("usage")  # `spent` has it, with what it cost
    return found


def _later(generator: Generator, folder: RunFolder, store: CallStore | None, report: RunReport | None) -> dict[str, int]:
    """How many calls each step after generation lacks."""
    if report is not None:
        return {stage: calls.missing for stage, calls in report.judgements.items()}
    if not folder.has("chunks") or not folder.has("documents"):
        return {}
    corpus = Corpus(list(folder.read("documents")), list(folder.read("chunks")), [])
    measured_on = folder.queries()
    queries = human_queries(folder) if measured_on is not None and measured_on.is_dir() else []
    lacking: Counter[str] = Counter()
    for step in prices_after_generation(generator, corpus, store, Prefixes(), queries):
        lacking[step["stage"]] += step["calls"]
    return dict(lacking)


def _spent(generator: Generator, totals: Totals) -> dict[str, Any]:
    prices = load_prices(generator.config.llm.prices)
    paid = {key: usage for key, usage in totals.used.items() if usage.prompt or usage.output}
    known = {model: prices.of(model or generator.model) for model, _ in paid}
    if len(known) == 1:  # it is the model that was asked for, whatever the server calls it
        known = {model: price or prices.of(generator.model) for model, price in known.items()}
    unknown = sorted(model or generator.model for model, price in known.items() if price is None)
    seconds = (_time(totals.last) - _time(totals.first)).total_seconds() if totals.live else 0.0
    return {
        "calls": totals.calls,
        "attempts": totals.attempts,
        "rate_limited": totals.rate_limited,
        "uncounted": totals.uncounted,
        "first": totals.first,
        "last": totals.last,
        "per_second": totals.live / seconds if seconds else None,
        "usage": totals.usage.to_dict(),
        "batch_usage": totals.batch_usage.to_dict(),
        "model": generator.config.model,
        "unpriced": unknown,
        "dollars": None if unknown else _dollars(paid, known, batch=False),
        "batch_dollars": None if unknown else _dollars(paid, known, batch=True),
        "prices_dated": str(prices.dated),
    }


def _dollars(paid: Mapping[tuple[str, bool], Usage], prices: Mapping[str, Price | None], *, batch: bool) -> float:
    """What was used live, or through batches, each model at its own price."""
    mine = [(prices[model], usage) for (model, batched), usage in paid.items() if batched == batch]
    return sum(price.dollars(usage, batch=batch) for price, usage in mine if price)


def _time(iso: str) -> datetime:
    return datetime.fromisoformat(iso)

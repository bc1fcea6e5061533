"""What a run would do, and what a run has done: counts, tokens, money. Nothing here makes a call but a pilot."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from synthgen import storage
from synthgen.config.settings import Config
from synthgen.errors import InputError
from synthgen.generators import IMPORT
from synthgen.llm.batch.ledger import open_batches
from synthgen.llm.call_store import CallStore, Totals
from synthgen.llm.costs.estimate import Prefixes, estimate
from synthgen.llm.costs.prices import Price, load_prices
from synthgen.pipeline.assemble import human_queries
from synthgen.pipeline.corpus import Corpus, prepare, read_corpus
from synthgen.pipeline.generation import Generator, make_generator, store_path, stores_before
from synthgen.pipeline.paid_step_costs import prices_after_generation
from synthgen.pipeline.pilot import check_pilot, draw, make_calls, price_pilot
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Chunk, OnEvent, Rejection, Triple, Usage

__all__ = ["plan", "rows", "status"]


def plan(
    docs: str | Path,
    run_folder: str | Path | None = None,
    *,
    config: Config,
    show: int = 0,
    pilot: int | None = None,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Files, chunks, calls, tokens and dollars of a run over `docs`; answers stored in `run_folder` are not counted again.

    `calls` has an estimate for each paid step. `dollars` is None when the price is unknown. `messages` holds the first `show`
    requests exactly as they would be sent.

    `pilot` makes so many calls on a sample, keeps them in `run_folder`, and gives a range for what is left (`piloting`). Raises
    what a run's calls raise then, StoppedEarly at a cap included, and ConfigError without `run_folder`.
    """
    generator = make_generator(config)
    piloted: dict[str, Any] | None = None
    with _workplace(docs, run_folder, generator, pilot) as folder:
        corpus = read_corpus(Path(docs), folder, config, generator.prompts, on_event)
        chunks = generator.asked(corpus.chunks)
        drawn = draw(generator, chunks, pilot) if pilot else []
        if drawn:
            make_calls(generator, drawn, folder, on_event)
        with _stored_answers(_found_in(generator, folder)) as store:
            calls = _estimates(generator, corpus, store, human_queries(folder))
            if drawn:
                piloted = price_pilot(generator, drawn, store, calls[: len(generator.prompts)])
    return {
        "documents": len(corpus.documents),
        "skipped": dict(sorted(Counter(skip.reason for skip in corpus.skipped).items())),
        "chunks": len(corpus.chunks),
        "chunks_asked": len(chunks),
        "tokens": sum(chunk.n_tokens for chunk in corpus.chunks),
        "model": config.model,
        "calls": calls,
        "pilot": piloted,
        "stopped_by": _stopped_by(config, calls),
        "messages": _messages(generator, chunks, show),
    }


def status(run_folder: str | Path) -> dict[str, Any]:
    """The report of a run, the calls it asks for, what its call store has cost, and what the same command would still do.

    `calls` is of generation, None when it makes none. `later` has how many calls each step after generation lacks, as the report
    counts them or, where there is none, as `pricing` does, for which stored candidates go through the filters. `calls_remaining` is
    the sum of both. `spent` and the open `batches` are of its call store, which other runs may
    share; `spent` is None when there is none yet.
    """
    folder = RunFolder(Path(run_folder))
    config, stored = folder.open()
    generator, path = make_generator(config), store_path(config, folder.calls)
    with _stored_answers(path) as store:
        calls = _asked(generator, folder, store) if generator.makes_calls else None
        report = storage.read_json(folder.report) if folder.report.exists() else None
        later = _later(generator, folder, store, report)
        shared = {"store": str(path), "shared": path.resolve() != folder.calls.resolve()}
        spent = None if store is None else _spent(generator, store.totals()) | shared
        batches = [] if store is None else [asdict(batch) for batch in open_batches(store)]
    remaining, waiting = (calls["remaining"], calls["waiting"]) if calls else (0, 0)
    remaining += sum(later.values())
    return {
        "run": str(folder.path),
        "documents": stored["docs"],
        "model": config.model,
        "finished": report is not None and remaining == waiting == 0,
        "calls": calls,
        "later": later,
        "calls_remaining": remaining,
        "spent": spent,
        "batches": batches,
        "report": report,
    }


def rows(
    run_folder: str | Path, n: int, *, rejected: bool = False, reason: str | None = None
) -> tuple[list[Triple] | list[Rejection], dict[str, Chunk]]:
    """The first `n` rows that were kept, or that were `rejected` (for that `reason`), and their chunks by id.

    Raises InputError for a reason that no row was rejected for.
    """
    folder = RunFolder(Path(run_folder))
    found = folder.read("rejected" if rejected or reason is not None else "triples")
    wanted = list(islice((row for row in found if reason is None or row.reason == reason), n))
    if not wanted and reason is not None:
        seen = sorted({row.reason for row in folder.read("rejected")})
        raise InputError(f"No row was rejected for {reason!r}. Reasons of this run: {', '.join(seen) or 'none'}.")
    named = {(row.triple if isinstance(row, Rejection) else row).chunk_id for row in wanted}
    return wanted, {chunk.id: chunk for chunk in folder.read("chunks") if chunk.id in named}


def _spent(generator: Generator, totals: Totals) -> dict[str, Any]:
    """Attempts, tokens and dollars of a call store, those through batches apart, each model at its own price.

    Dollars are None when one of the prices is unknown; `unpriced` has the models.

    `per_second` is over the time from the first to the last live call, None where that is too short to tell.
    """
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


@contextmanager
def _workplace(docs: str | Path, run_folder: str | Path | None, generator: Generator, pilot: int | None) -> Iterator[RunFolder]:
    """The run folder to look into, which need not exist; for a pilot it is made, and held meanwhile."""
    if pilot is not None:
        check_pilot(pilot, run_folder, generator)
        folder = prepare(docs, str(run_folder))
        with folder.held():
            folder.check(Path(docs), generator.facts, update=True)
            yield folder
    elif run_folder is not None:
        yield RunFolder(Path(run_folder))
    else:
        with tempfile.TemporaryDirectory() as nowhere:
            yield RunFolder(Path(nowhere))


def _estimates(generator: Generator, corpus: Corpus, store: CallStore | None, queries: Sequence[str]) -> list[dict[str, Any]]:
    """One estimate for each paid step, in the order of a run."""
    llm, prefixes, chunks = generator.config.llm, Prefixes(), generator.asked(corpus.chunks)
    generation = [
        {"stage": step.stage, "prompt": prompt.name}
        | asdict(estimate(step.requests(chunks), llm, output_tokens=step.output_tokens, store=store, prefixes=prefixes))
        for prompt, step in zip(generator.prompts, generator.steps(), strict=True)
    ]
    return generation + prices_after_generation(generator, corpus, store, prefixes, queries)


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


def _asked(generator: Generator, folder: RunFolder, store: CallStore | None) -> dict[str, Any]:
    """What became of the requests of this run."""
    chunks = list(folder.read("chunks")) if folder.table("chunks").exists() else []
    found = asdict(generator.outcomes(generator.asked(chunks), store))
    found.pop("usage")  # `spent` has it, with what it cost
    return found


def _later(
    generator: Generator, folder: RunFolder, store: CallStore | None, report: Mapping[str, Any] | None
) -> dict[str, int]:
    """How many calls each step after generation lacks."""
    if report is not None:
        return {stage: told["missing"] for stage, told in report.get("judgements", {}).items()}
    if not folder.table("chunks").exists() or not folder.table("documents").exists():
        return {}
    corpus = Corpus(list(folder.read("documents")), list(folder.read("chunks")), [])
    rows = [*folder.read("candidates")] if folder.table("candidates").exists() else []
    imported = rows if generator.config.model == IMPORT else None
    measured_on = folder.queries()
    queries = human_queries(folder) if measured_on is not None and measured_on.is_dir() else []
    lacking: Counter[str] = Counter()
    for step in prices_after_generation(generator, corpus, store, Prefixes(), queries, imported=imported):
        lacking[step["stage"]] += step["calls"]
    return dict(lacking)


def _found_in(generator: Generator, folder: RunFolder) -> Path:
    """Where a run finds its answers: in its store or, while there is none, in one that it would take over."""
    path = store_path(generator.config, folder.calls)
    return path if path.exists() else next(iter(stores_before(folder)), path)


@contextmanager
def _stored_answers(path: Path) -> Iterator[CallStore | None]:
    if not path.exists():
        yield None
        return
    with CallStore(path, read_only=True) as store:
        yield store

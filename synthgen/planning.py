"""What a run would do, and what a run has done: counts, tokens, money. Nothing here makes a call."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen import storage
from synthgen.config import Config
from synthgen.corpus import read_corpus
from synthgen.generation import Generator, make_generator, store_path
from synthgen.generators import split_model
from synthgen.records import Chunk, OnEvent
from synthgen.runfolder import RunFolder

if TYPE_CHECKING:
    from synthgen.llm.calls import CallStore, Totals

__all__ = ["plan", "status"]


def plan(
    docs: str | Path, run_folder: str | Path | None = None, *, config: Config, show: int = 0, on_event: OnEvent | None = None
) -> dict[str, Any]:
    """Files, chunks, calls, tokens and dollars of a run over `docs`; answers stored in `run_folder` are not counted again.

    `dollars` is None when the price is unknown. `messages` holds the first `show` requests exactly as they would be sent.
    """
    generator = make_generator(config)
    with tempfile.TemporaryDirectory() as nowhere:
        folder = RunFolder(Path(run_folder) if run_folder else Path(nowhere))
        corpus = read_corpus(Path(docs), folder, config, generator.prompts, on_event)
        chunks = generator.asked(corpus.chunks)
        with _stored_answers(store_path(generator.config, folder.calls)) as store:
            calls = _estimates(generator, chunks, store)
    return {
        "documents": len(corpus.documents),
        "skipped": dict(sorted(Counter(skip.reason for skip in corpus.skipped).items())),
        "chunks": len(corpus.chunks),
        "chunks_asked": len(chunks),
        "tokens": sum(chunk.n_tokens for chunk in corpus.chunks),
        "model": config.model,
        "calls": calls,
        "stopped_by": _stopped_by(config, calls),
        "messages": _messages(generator, chunks, show),
    }


def status(run_folder: str | Path) -> dict[str, Any]:
    """The report of a run, the totals of its call store, and what the same command would still do."""
    folder = RunFolder(Path(run_folder))
    config, stored = folder.open()
    with _stored_answers(store_path(config, folder.calls)) as store:
        totals = store.totals() if store else None
        calls = None if totals is None else _spent(config, totals)
        remaining = _remaining(folder, config, store)
    return {
        "run": str(folder.path),
        "documents": stored["docs"],
        "model": config.model,
        "finished": folder.report.exists() and remaining == 0,
        "calls": calls,
        "calls_remaining": remaining,
        "report": storage.read_json(folder.report) if folder.report.exists() else None,
    }


def _spent(config: Config, totals: Totals) -> dict[str, Any]:
    """Calls, tokens and dollars of a call store; `dollars` is None when the price is unknown."""
    from synthgen.llm.budget import load_prices

    prices = load_prices(config.llm.prices)
    price = prices.of(split_model(config.model)[1])
    return {
        "ok": totals.ok,
        "failed": totals.failed,
        "usage": totals.usage.to_dict(),
        "model": config.model,
        "dollars": price.dollars(totals.usage) if price else None,
        "prices_dated": str(prices.dated),
    }


def _estimates(generator: Generator, chunks: list[Chunk], store: CallStore | None) -> list[dict[str, Any]]:
    """One estimate for each prompt."""
    from synthgen.llm.budget import estimate

    llm, estimates = generator.config.llm, []
    for prompt, step in zip(generator.prompts, generator.steps(), strict=True):
        estimated = estimate(step.requests(chunks), llm, output_tokens=step.output_tokens, store=store)
        estimates.append({"prompt": prompt.name, **asdict(estimated)})
    return estimates


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


def _remaining(folder: RunFolder, config: Config, store: CallStore | None) -> int:
    """Calls of this run that no answer is stored for."""
    generator = make_generator(config)
    if not generator.makes_calls or not folder.table("chunks").exists():
        return 0
    chunks = generator.asked(list(folder.read("chunks")))
    calls = (store.get(request.key) if store else None for request in generator.requests(chunks))
    return sum(call is None or call.ask_again for call in calls)


@contextmanager
def _stored_answers(path: Path) -> Iterator[CallStore | None]:
    from synthgen.llm.calls import CallStore

    if not path.exists():
        yield None
        return
    with CallStore(path, read_only=True) as store:
        yield store

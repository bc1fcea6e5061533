"""What a run would do, and what a run has done: counts, tokens, money. Nothing here makes a call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen import storage
from synthgen.config import Config
from synthgen.corpus import Corpus, read_corpus
from synthgen.generation import Generator, make_generator, sample, store_path
from synthgen.records import Chunk, OnEvent
from synthgen.runfolder import RunFolder

if TYPE_CHECKING:
    from synthgen.llm.calls import CallStore

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
        chunks = sample(corpus.chunks, config.generation.limit, seed=config.seed)
        path = store_path(config, folder.calls)
        with _stored_answers(path) as store:
            calls = _estimates(generator, chunks, store)
    return {
        "documents": len(corpus.documents),
        "skipped": _skips(corpus),
        "chunks": len(corpus.chunks),
        "chunks_asked": len(chunks),
        "tokens": sum(chunk.n_tokens for chunk in corpus.chunks),
        "model": config.model,
        "calls": calls,
        "messages": _messages(generator, chunks, show),
    }


def status(run_folder: str | Path) -> dict[str, Any]:
    """The report of a run, the totals of its call store, and what the same command would still do."""
    folder = RunFolder(Path(run_folder))
    config, stored = folder.open()
    with _stored_answers(store_path(config, folder.calls)) as store:
        totals = store.totals() if store else None
        calls = None if totals is None else {"ok": totals.ok, "failed": totals.failed, "usage": totals.usage.to_dict()}
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


def _estimates(generator: Generator, chunks: list[Chunk], store: CallStore | None) -> list[dict[str, Any]]:
    """One estimate for each prompt."""
    from dataclasses import asdict

    from synthgen.llm.budget import estimate

    llm, estimates = generator.config.llm, []
    for prompt, step in zip(generator.prompts, generator.steps(), strict=True):
        estimated = estimate(step.requests(chunks), llm, output_tokens=step.output_tokens, store=store)
        estimates.append({"prompt": prompt.name, **asdict(estimated)})
    return estimates


def _messages(generator: Generator, chunks: list[Chunk], show: int) -> list[list[dict[str, str]]]:
    requests = chain.from_iterable(step.requests(chunks) for step in generator.steps())
    return [[dict(message) for message in request.messages] for request in islice(requests, show)]


def _remaining(folder: RunFolder, config: Config, store: CallStore | None) -> int:
    """Calls of this run that no answer is stored for."""
    generator = make_generator(config)
    if not generator.makes_calls or not folder.table("chunks").exists():
        return 0
    chunks = sample(list(folder.read("chunks")), config.generation.limit, seed=config.seed)
    requests = chain.from_iterable(step.requests(chunks) for step in generator.steps())
    calls = (store.get(request.key) if store else None for request in requests)
    return sum(call is None or call.ask_again for call in calls)


def _skips(corpus: Corpus) -> dict[str, int]:
    reasons = sorted({skip.reason for skip in corpus.skipped})
    return {reason: sum(skip.reason == reason for skip in corpus.skipped) for reason in reasons}


@contextmanager
def _stored_answers(path: Path) -> Iterator[CallStore | None]:
    from synthgen.llm.calls import CallStore

    if not path.exists():
        yield None
        return
    with CallStore(path, read_only=True) as store:
        yield store

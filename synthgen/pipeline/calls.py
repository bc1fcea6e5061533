"""The calls of a run's generator, as far as its store does not have them."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.llm.event_loop import run_async
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.stores import open_store
from synthgen.records import Chunk

__all__ = ["make_calls"]


def make_calls(run: RunContext, chunks: Sequence[Chunk]) -> None:
    """Ask about these chunks, or a sample of them, what is not in the store. Raises what `llm.fill.fill` raises."""
    generator = run.generator
    if generator.makes_calls:
        asked = generator.asked(chunks)
        with open_store(run.config, run.folder) as store:
            run_async(generator.agenerate(asked, store, run.on_event, wanted=run.wanted, session=run.session))

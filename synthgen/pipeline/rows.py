"""Rows of a run to read, and what gave none: the verb `show`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from synthgen.errors import InputError
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Chunk, Rejection, Skipped, Triple

__all__ = ["rows", "skipped"]


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


def skipped(run_folder: str | Path, n: int, *, reason: str | None = None) -> tuple[list[Skipped], int]:
    """The first `n` files, chunks and calls without a result (of that `reason`), files first, and how many there are.

    Raises InputError for a reason that nothing was skipped for.
    """
    folder = RunFolder(Path(run_folder))
    everything = list(folder.read("skipped"))
    found = [skip for skip in everything if reason is None or skip.reason == reason]
    if not found and reason is not None:
        seen = sorted({skip.reason for skip in everything})
        raise InputError(f"Nothing was skipped for {reason!r}. Reasons of this run: {', '.join(seen) or 'none'}.")
    return sorted(found, key=lambda skip: skip.stage != "sources")[:n], len(found)

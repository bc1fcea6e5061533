"""Selects which of several rows is kept, and what it takes over from the rejected ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from synthgen.records import Triple
from synthgen.retrieval.passages import Passages

__all__ = ["rank", "with_positives"]


def rank(triple: Triple, prefer: str) -> tuple[bool, float, str, str, str, str]:
    """Return the sort key that puts the survivor first.

    Reviewed rows come first, then the best score, then ids and the rest of the content. So the order of arrival never
    decides. Rows without the score `prefer` come after those that have it.
    """
    score = triple.scores.get(prefer)
    return (
        not triple.reviewed,
        -float(score) if isinstance(score, int | float) else float("inf"),
        triple.id,
        triple.chunk_id,
        triple.answer or "",
        triple.generator,
    )


def with_positives(triple: Triple, others: Iterable[Triple], passages: Passages) -> Triple:
    """Return the triple with the positives of `others` that are the same passage as its own and belong to its split."""
    own = passages.chunks[triple.chunk_id]
    found = dict.fromkeys(triple.positives)
    for other in others:
        for id in other.positives:
            chunk = passages.chunks[id]
            if id not in found and chunk.split == own.split and passages.same(own, chunk):
                found[id] = None
    if len(found) == len(triple.positives):
        return triple
    return replace(triple, positives=(triple.chunk_id, *sorted(found.keys() - {triple.chunk_id})))

"""Search over chunks, for the round-trip filter, the distractor miner and the evaluation.

A stage that needs search is *given* a `Retriever`; it never builds one. Scores of different retrievers are not
comparable; `range_normalised` maps the scores of one query to a common range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from synthgen.records import Chunk

__all__ = ["Hit", "Retriever", "index_text", "range_normalised"]


class Hit(NamedTuple):
    """A chunk id with its score; larger is better."""

    id: str
    score: float


class Retriever(Protocol):
    """A search over a fixed set of chunk ids. Equal scores are ordered by the position of the id in the index."""

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """Return the best `k` hits of each query, best first; fewer when the index is smaller."""
        ...

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        """Return the score of each query with each of its own `ids`."""
        ...


def index_text(chunk: Chunk) -> str:
    """Return the indexed text of a chunk: its breadcrumb, then its text."""
    return "\n".join([*chunk.headings, chunk.text])


def range_normalised(source: float, best: float, floor: float) -> float | None:
    """Return the place of `source` between the floor (0) and the best score (1) of its query; None when these are equal.

    The floor is the 51st best score, or the worst one when there are fewer. Unlike a raw ratio, the result is
    comparable between scores that start at zero and cosines between .7 and 1.
    """
    return None if best == floor else (source - floor) / (best - floor)

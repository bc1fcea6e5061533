"""Search over chunks: what the round-trip filter, the distractor miner and the evaluation ask for.

A stage that needs search is *given* a `Retriever`; it never builds one. Scores of different retrievers are not
comparable; `range_normalised` puts one query's scores on a common range.
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
    """Two methods over a fixed set of chunk ids. Equal scores are ordered by id's position in the index."""

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` hits (fewer when the index is smaller) of each query, best first."""
        ...

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        """The score of each query with each of its own `ids`."""
        ...


def index_text(chunk: Chunk) -> str:
    """What is indexed for a chunk: its breadcrumb, then its text."""
    return "\n".join([*chunk.headings, chunk.text])


def range_normalised(source: float, best: float, floor: float) -> float | None:
    """Where `source` lies between the floor (0) and the best score (1) of its query; None when they are equal.

    The floor is the 51st best score, or the worst one when there are fewer: unlike a raw ratio, this means the same for
    scores that start at zero and for cosines that all lie between .7 and 1.
    """
    return None if best == floor else (source - floor) / (best - floor)

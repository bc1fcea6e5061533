"""What the retrievers share: the best k of a row of scores, and hits from positions.

A retriever ranks by *position* in its index, as arrays, which is what the evaluation of thousands of queries needs;
`search` turns these into hits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthgen.retrieval import Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Ranking", "best"]


class Ranking(ABC):
    """A retriever over `ids`, once it can rank them."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = list(ids)
        self._positions = {id: position for position, id in enumerate(self.ids)}

    @abstractmethod
    def rank(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Positions and scores of the best `k` (or all, if the index is smaller), best first: two queries x k arrays."""

    @abstractmethod
    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        """The score of each query with each of its own `ids`."""

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` hits (fewer when the index is smaller) of each query, best first."""
        positions, scores = self.rank(queries, k)
        pairs = zip(positions.tolist(), scores.tolist(), strict=True)
        return [[Hit(self.ids[p], s) for p, s in zip(at, values, strict=True)] for at, values in pairs]

    def positions(self, ids: Sequence[str]) -> list[int]:
        """Where these ids stand in the index. Raises KeyError for an id that is not in it."""
        return [self._positions[id] for id in ids]


def best(scores: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Positions of the `k` largest of one row of scores; equal ones in the order of the index."""
    import numpy as np

    k = min(k, len(scores))
    if k <= 0:
        return np.zeros(0, dtype=np.intp)
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = np.flatnonzero(scores > last)
    above = above[np.argsort(-scores[above], kind="stable")]
    return np.concatenate([above, np.flatnonzero(scores == last)[: k - len(above)]])

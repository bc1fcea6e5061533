"""The common base of the retrievers: the best k of a row of scores, and hits from positions.

A retriever ranks by *position* in its index, as arrays, which the evaluation of thousands of queries needs. `search`
turns positions into hits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from synthgen.retrieval import Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Ranking", "best"]

_COLUMNS_PER_HIT = 8


class Ranking(ABC):
    """A retriever over `ids`. Subclasses rank them."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = list(ids)
        self._positions = {id: position for position, id in enumerate(self.ids)}

    @abstractmethod
    def rank(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return positions and scores of the best `k` (or all, if the index is smaller), best first: two queries x k arrays."""

    @abstractmethod
    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        """Return the score of each query with each of its own `ids`."""

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """Return the best `k` hits of each query, best first; fewer when the index is smaller."""
        positions, scores = self.rank(queries, k)
        pairs = zip(positions.tolist(), scores.tolist(), strict=True)
        return [list(map(_hit, zip(map(self.ids.__getitem__, at), values, strict=True))) for at, values in pairs]

    def positions(self, ids: Sequence[str]) -> list[int]:
        """Return the positions of these ids in the index. Raises KeyError for an unknown id."""
        return [self._positions[id] for id in ids]


_hit: Callable[[tuple[str, float]], Hit] = partial(tuple.__new__, Hit)  # three times as fast as Hit, for millions of hits


def best(scores: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Return the positions of the `k` largest of one row of scores, equal ones in the order of the index."""
    import numpy as np

    k = min(k, len(scores))
    if k <= 0:
        return np.zeros(0, dtype=np.intp)
    width = len(scores) // (_COLUMNS_PER_HIT * k)
    if width < 2:
        return _best_of(scores, np.arange(len(scores)), k)
    # k columns hold a score of at least `threshold`, so the best k are among the scores that do: a few hundred instead of all.
    tops = scores[: len(scores) // width * width].reshape(width, -1).max(axis=0)
    threshold = np.partition(tops, len(tops) - k)[len(tops) - k]
    places = np.flatnonzero(scores >= threshold)
    return _best_of(scores[places], places, k)


def _best_of(scores: NDArray[Any], places: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    import numpy as np

    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = np.flatnonzero(scores > last)
    above = above[np.argsort(-scores[above], kind="stable")]
    found: NDArray[np.intp] = places[np.concatenate([above, np.flatnonzero(scores == last)[: k - len(above)]])]
    return found

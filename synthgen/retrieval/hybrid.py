"""Reciprocal rank fusion of several retrievers (Cormack, Clarke and Büttcher 2009).

A chunk's score is the sum of 1 / (60 + rank) over the retrievers, so their own scores need not be comparable. A chunk
below the best `depth` of a retriever gets nothing from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from synthgen.retrieval.base import Ranking, best

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Hybrid"]

_K = 60  # from the paper; a larger value flattens the first ranks


class Hybrid(Ranking):
    """The fusion of `retrievers`, which must hold the same ids in the same order."""

    def __init__(self, retrievers: Sequence[Ranking], *, depth: int = 1_000) -> None:
        super().__init__(retrievers[0].ids)
        if any(retriever.ids != self.ids for retriever in retrievers):
            raise ValueError("Retrievers can be fused only when they hold the same ids in the same order.")
        self._retrievers, self._depth = list(retrievers), depth

    def rank(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        import numpy as np

        k = min(k, len(self.ids))
        positions = np.zeros((len(queries), k), dtype=np.intp)
        scores = np.zeros((len(queries), k), dtype=np.float32)
        for row, fused in enumerate(self._fused(queries)):
            positions[row] = best(fused, k)
            scores[row] = fused[positions[row]]
        return positions, scores

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        pairs = zip(self._fused(queries), ids, strict=True)
        return [fused[self.positions(wanted)].tolist() for fused, wanted in pairs]

    def _fused(self, queries: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yield the scores of all chunks, query by query."""
        import numpy as np

        ranked = [retriever.rank(queries, self._depth)[0] for retriever in self._retrievers]
        for row in range(len(queries)):
            fused = np.zeros(len(self.ids), dtype=np.float32)
            for positions in ranked:
                fused[positions[row]] += 1 / (_K + 1 + np.arange(positions.shape[1], dtype=np.float32))
            yield fused

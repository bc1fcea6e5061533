"""Search by vectors: exact inner products (faiss IndexFlatIP), so cosines when the vectors have length 1.

Not covered: approximate indexes; below about 500,000 chunks the exact one is quick enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from synthgen.retrieval.ranking import Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Dense"]

Encode = Callable[[Sequence[str]], "NDArray[np.float32]"]


class Dense(Ranking):
    """An index of `vectors` (ids x dimensions) under `ids`; `encode` turns queries into vectors of the same space."""

    def __init__(self, ids: Sequence[str], vectors: NDArray[np.float32], encode: Encode) -> None:
        import faiss
        import numpy as np

        super().__init__(ids)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if len(vectors) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids were given for {len(vectors)} vectors.")
        self._encode = encode
        self._index: Any = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def rank(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        import numpy as np

        k = min(k, len(self.ids))
        if not queries or not k:
            return np.zeros((len(queries), k), dtype=np.intp), np.zeros((len(queries), k), dtype=np.float32)
        scores, positions = self._index.search(self._vectors(queries), k)
        order = np.lexsort((positions, -scores))  # faiss leaves equal scores in any order
        return np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1)

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        found = []
        for vector, wanted in zip(self._vectors(queries) if queries else [], ids, strict=True):
            found.append([float(self._index.reconstruct(position) @ vector) for position in self.positions(wanted)])
        return found

    def _vectors(self, queries: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        return np.ascontiguousarray(self._encode(queries), dtype=np.float32)

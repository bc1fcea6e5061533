"""Search by vectors: exact inner products (faiss IndexFlatIP), which are cosines when the vectors have length 1.

faiss finds the best hits. Their scores are then computed one by one, because faiss's own differ in the last digits with
the number of queries in a search.

Approximate indexes are not supported: below about 500,000 chunks the exact one is fast enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from synthgen.retrieval.base import Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BiEncoder", "Dense"]

Encode = Callable[[Sequence[str]], "NDArray[np.float32]"]

_QUERIES_AT_A_TIME = 64


class Dense(Ranking):
    """An index of `vectors` (ids x dimensions) under `ids`. `encode` turns queries into vectors of the same space."""

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
        # A view of the index's own copy, so the given vectors can be freed.
        self._vectors: NDArray[np.float32] = faiss.rev_swig_ptr(self._index.get_xb(), vectors.size).reshape(vectors.shape)

    def rank(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        import numpy as np

        k = min(k, len(self.ids))
        if not queries or not k:
            return np.zeros((len(queries), k), dtype=np.intp), np.zeros((len(queries), k), dtype=np.float32)
        vectors = _encoded(self._encode, queries)
        positions = self._index.search(vectors, k)[1]
        scores = np.concatenate(
            [
                np.einsum(
                    "qkd,qd->qk", self._vectors[positions[at : at + _QUERIES_AT_A_TIME]], vectors[at : at + _QUERIES_AT_A_TIME]
                )
                for at in range(0, len(queries), _QUERIES_AT_A_TIME)
            ]
        )
        order = np.lexsort((positions, -scores))  # faiss returns equal scores in any order
        return np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1)

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        import numpy as np

        if not queries:
            return []
        pairs = zip(_encoded(self._encode, queries), ids, strict=True)
        return [np.einsum("kd,d->k", self._vectors[self.positions(wanted)], vector).tolist() for vector, wanted in pairs]


class BiEncoder(Dense):
    """A search that can also score texts outside its index. `encode_texts` turns them into vectors."""

    def __init__(self, ids: Sequence[str], vectors: NDArray[np.float32], encode: Encode, encode_texts: Encode) -> None:
        super().__init__(ids, vectors, encode)
        self._encode_texts = encode_texts

    def score_texts(self, queries: Sequence[str], texts: Sequence[str]) -> list[float]:
        """Return the score of each query with its own text."""
        import numpy as np

        if not queries:
            return []
        found: list[float] = np.einsum(
            "qd,qd->q", _encoded(self._encode, queries), _encoded(self._encode_texts, texts)
        ).tolist()
        return found


def _encoded(encode: Encode, texts: Sequence[str]) -> NDArray[np.float32]:
    import numpy as np

    return np.ascontiguousarray(encode(texts), dtype=np.float32)

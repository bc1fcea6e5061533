"""Lexical search: BM25 over the words of `text.words` (character bigrams for scripts without spaces).

Scores are those of Lucene's variant (Kamphuis et al. 2020, "Which BM25 Do You Mean?"), computed when the index is built
(bm25s; Lù 2024), so a query only adds up columns: about a millisecond for 50,000 chunks. A chunk without any word
of the query scores 0 and still ranks, in the order of the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from synthgen.retrieval.ranking import Ranking, best
from synthgen.text import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BM25"]


class BM25(Ranking):
    """An index of `texts` under `ids`. `k1` bounds the weight of repetition, `b` is the share of length normalisation."""

    def __init__(self, ids: Sequence[str], texts: Iterable[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        import bm25s

        super().__init__(ids)
        self._vocabulary: dict[str, int] = {}
        number = self._vocabulary
        tokens = [[number.setdefault(word, len(number)) for word in words(text)] for text in texts]
        if len(tokens) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids were given for {len(tokens)} texts.")
        self._index = bm25s.BM25(k1=k1, b=b, method="lucene", backend="numpy")
        if number:
            self._index.index((tokens, dict(number)), create_empty_token=False, show_progress=False)

    def rank(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        import numpy as np

        k = min(k, len(self.ids))
        positions = np.zeros((len(queries), k), dtype=np.intp)
        scores = np.zeros((len(queries), k), dtype=np.float32)
        for row, query in enumerate(queries):
            found = self._scores(query)
            positions[row] = best(found, k)
            scores[row] = found[positions[row]]
        return positions, scores

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        pairs = zip(queries, ids, strict=True)
        return [self._scores(query)[self.positions(wanted)].tolist() for query, wanted in pairs]

    def _scores(self, query: str) -> NDArray[np.float32]:
        import numpy as np

        known = [self._vocabulary[word] for word in words(query) if word in self._vocabulary]
        if not known:
            return np.zeros(len(self.ids), dtype=np.float32)
        found: NDArray[np.float32] = self._index.get_scores_from_ids(known)
        return found

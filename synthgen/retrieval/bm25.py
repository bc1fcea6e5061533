"""Lexical search: BM25 over the words of `text.words` (character bigrams for scripts without spaces).

Scores are those of Lucene's variant (Kamphuis et al. 2020, "Which BM25 Do You Mean?"). They are computed when the index
is built (bm25s; Lù 2024), so a query only adds up columns. A chunk without any word of the query scores 0 and still
ranks, in the order of the index.

The longest columns, of words that occur in a twentieth of the chunks or more, are also kept as arrays over all chunks
after their first use. Adding such an array is up to thirty times as fast and gives the same sums.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from synthgen.records import Chunk
from synthgen.retrieval import index_text
from synthgen.retrieval.base import Ranking, best
from synthgen.text.words import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BM25", "over_chunks"]

_FREQUENT = 0.05  # share of the chunks
_MAX_ARRAY_BYTES = 64_000_000


class BM25(Ranking):
    """An index of `texts` under `ids`. `k1` bounds the weight of repetition, `b` is the share of length normalisation."""

    def __init__(self, ids: Sequence[str], texts: Iterable[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        import numpy as np

        super().__init__(ids)
        self._vocabulary: dict[str, int] = {}
        number = self._vocabulary
        tokens = [[number.setdefault(word, len(number)) for word in words(text)] for text in texts]
        if len(tokens) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids were given for {len(tokens)} texts.")
        index = _bm25s().BM25(k1=k1, b=b, method="lucene", backend="numpy")
        if not number:
            return
        index.index((tokens, dict(number)), create_empty_token=False, show_progress=False)
        self._scores: NDArray[np.float32] = index.scores["data"]
        self._places: NDArray[np.int32] = index.scores["indices"]  # ascending within each word
        self._starts: list[int] = index.scores["indptr"].tolist()
        self._frequent = self._most_frequent(np.diff(index.scores["indptr"]))

    def rank(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        import numpy as np

        k = min(k, len(self.ids))
        positions = np.zeros((len(queries), k), dtype=np.intp)
        scores = np.zeros((len(queries), k), dtype=np.float32)
        totals = np.zeros(len(self.ids), dtype=np.float32)  # one for all queries: new memory pages cost more than the sums
        for row, query in enumerate(queries):
            self._sum(self._word_numbers(query), totals)
            positions[row] = best(totals, k)
            scores[row] = totals[positions[row]]
        return positions, scores

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        import numpy as np

        pairs = zip(queries, ids, strict=True)
        return [
            self._at(self._word_numbers(query), np.array(self.positions(wanted), np.intp)).tolist() for query, wanted in pairs
        ]

    def _word_numbers(self, query: str) -> list[int]:
        return [self._vocabulary[word] for word in words(query) if word in self._vocabulary]

    def _column(self, word: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the positions of the chunks with the word, and its scores there."""
        column = slice(self._starts[word], self._starts[word + 1])
        return self._places[column], self._scores[column]

    def _sum(self, numbers: Sequence[int], found: NDArray[np.float32]) -> None:
        """Write the score of every chunk into `found`."""
        found.fill(0)
        for word in numbers:
            if word in self._frequent:
                found += self._array(word)
            else:
                places, scores = self._column(word)
                found[places] += scores

    def _at(self, numbers: Sequence[int], positions: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the scores of the chunks at these positions, summed in the same order as for all chunks."""
        import numpy as np

        found = np.zeros(len(positions), dtype=np.float32)
        for word in numbers:
            places, scores = self._column(word)
            at = np.minimum(places.searchsorted(positions), len(places) - 1)
            found += np.where(places[at] == positions, scores[at], np.float32(0))
        return found

    def _array(self, word: int) -> NDArray[np.float32]:
        import numpy as np

        array = self._frequent[word]
        if array is None:
            array = self._frequent[word] = np.zeros(len(self.ids), dtype=np.float32)
            places, scores = self._column(word)
            array[places] = scores
        return array

    def _most_frequent(self, counts: NDArray[np.int32]) -> dict[int, NDArray[np.float32] | None]:
        """Return the words whose columns are kept as arrays; the arrays are created later."""
        import numpy as np

        order = np.argsort(-counts, kind="stable")[: _MAX_ARRAY_BYTES // (4 * len(self.ids))]
        return dict.fromkeys(order[counts[order] >= _FREQUENT * len(self.ids)].tolist())


def over_chunks(chunks: Iterable[Chunk]) -> BM25:
    """Return an index of chunks ordered by their texts, so that the order of equal scores does not depend on file names."""
    ordered = sorted(chunks, key=lambda chunk: (chunk.sha256, chunk.id))
    return BM25([chunk.id for chunk in ordered], map(index_text, ordered))


@cache
def _bm25s() -> Any:
    """Return the library, whose import sets its logger to DEBUG."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s

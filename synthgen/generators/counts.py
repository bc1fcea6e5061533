"""What a corpus says about its words: document frequencies, and how tightly characters stick together.

One pass over the chunks; ids and texts are not kept. Words are those of `text.words`, so scripts without spaces count
character bigrams. For these scripts the counts of characters and their pairs also give word borders: two characters
belong together when they are seen side by side much more often than chance (pointwise mutual information; Sproat and
Shih 1990, "A statistical method for finding word boundaries in Chinese text"). A small corpus gives rough borders.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import regex

from synthgen.records import Chunk
from synthgen.text import contents, words

__all__ = ["Counts"]

UNSPACED_RUN = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+")
_CLUSTER = regex.compile(r"\X")
_TOGETHER = 2.0
_COMMON_SHARE = 0.25


class Counts:
    """Word and character statistics of a set of chunks. `add` may be called as they stream by."""

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        self.chunks = 0
        self.chunks_with: Counter[str] = Counter()
        self._clusters: Counter[str] = Counter()
        self._pairs: Counter[str] = Counter()
        self._total = 0
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: Chunk) -> None:
        self.chunks += 1
        self.chunks_with.update(sorted(set(words(chunk.text))))
        for run in UNSPACED_RUN.findall(chunk.text):
            clusters = _CLUSTER.findall(run)
            self._clusters.update(clusters)
            self._total += len(clusters)
            self._pairs.update(a + b for a, b in zip(clusters, clusters[1:], strict=False))

    def idf(self, word: str) -> float:
        """Smoothed inverse document frequency, in nats; never negative."""
        return math.log((1 + self.chunks) / (1 + self.chunks_with[word])) + 1e-3

    def mass(self, text: str) -> float:
        """The summed idf of the distinct content words of `text`: how much it says that other chunks do not."""
        return sum(self.idf(word) for word in sorted(set(contents(words(text)))))

    def segments(self, run: str) -> list[str]:
        """A run of an unspaced script, cut where neighbours are no more often together than chance would have it."""
        clusters = _CLUSTER.findall(run)
        pieces = clusters[:1]
        for left, right in zip(clusters, clusters[1:], strict=False):
            if self._affinity(left, right) >= _TOGETHER:
                pieces[-1] += right
            else:
                pieces.append(right)
        return pieces

    def common(self, parts: Sequence[str]) -> bool:
        """Whether all of `parts` stand in so many chunks that they work as function words, whatever the language."""
        return self.chunks >= 20 and all(self.chunks_with[word] > _COMMON_SHARE * self.chunks for word in parts)

    def _affinity(self, left: str, right: str) -> float:
        together = self._pairs[left + right]
        if not together:
            return 0.0
        return math.log(together * self._total / (self._clusters[left] * self._clusters[right]))

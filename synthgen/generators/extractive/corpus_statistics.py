"""Word statistics of a corpus: document frequencies, and how strongly characters stick together.

One pass over the chunks; ids and texts are not kept. Words are those of `text.words`, so scripts without spaces count
character bigrams. For these scripts the counts of characters and their pairs also give word borders: two characters
belong together when they occur side by side much more often than by chance (pointwise mutual information; Sproat and
Shih 1990, "A statistical method for finding word boundaries in Chinese text"). A small corpus gives rough borders.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import regex

from synthgen.records import Chunk
from synthgen.text.words import UNSPACED, contents, words

__all__ = ["HAN", "UNSPACED_RUN", "Counts"]

UNSPACED_RUN = regex.compile(rf"[{UNSPACED}]+")
# A character with its marks. Thai and Lao vowels written before or after their consonant stay with it.
_CLUSTER = regex.compile(r"[\u0E40-\u0E44\u0EC0-\u0EC4]?\X[\u0E2F-\u0E33\u0E45\u0E46\u0EB0-\u0EB3]*")
HAN = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
# Nats above chance. An alphabet has few letters, so its pairs cannot rise as far above chance as those of thousands of signs.
_TOGETHER_SIGNS, _TOGETHER_LETTERS = 2.0, 1.0
_COMMON_SHARE = 0.25


class Counts:
    """Word and character statistics of a set of chunks. `add` may be called while they are streamed."""

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
            self._pairs.update(a + b for a, b in pairwise(clusters))

    def idf(self, word: str) -> float:
        """Return the smoothed inverse document frequency, in nats; never negative."""
        return math.log((1 + self.chunks) / (1 + self.chunks_with[word])) + 1e-3

    def mass(self, text: str) -> float:
        """Return the summed idf of the distinct content words of `text`: how much it contains that other chunks do not."""
        return sum(self.idf(word) for word in sorted(set(contents(words(text)))))

    def segments(self, run: str) -> list[str]:
        """Return a run of an unspaced script, cut where neighbours occur together no more often than by chance."""
        clusters = _CLUSTER.findall(run)
        pieces = clusters[:1]
        for left, right in pairwise(clusters):
            if self._affinity(left, right) >= (_TOGETHER_SIGNS if HAN.match(left) else _TOGETHER_LETTERS):
                pieces[-1] += right
            else:
                pieces.append(right)
        return pieces

    def common(self, parts: Sequence[str]) -> bool:
        """Whether all of `parts` occur in so many chunks that they work as function words, whatever the language."""
        return self.chunks >= 20 and all(self.chunks_with[word] > _COMMON_SHARE * self.chunks for word in parts)

    def _affinity(self, left: str, right: str) -> float:
        together = self._pairs[left + right]
        if not together:
            return 0.0
        rarer = min(self._clusters[left], self._clusters[right])
        discount = together / (together + 1) * rarer / (rarer + 1)
        return discount * math.log(together * self._total / (self._clusters[left] * self._clusters[right]))

"""Two things that can be said of a query and its passage: where the passage ends up in a search, and how much was copied.

`judged` reads a search: the range-normalised score of the passage, its rank, its best rival. `Copying` measures the lexical copy,
the other end of the band that makes a row worth training on: pairs with too little in common are noise (Qwen3-Embedding and
doc2query-- drop these), pairs with too much teach a retriever nothing (NVIDIA's retriever recipe drops those).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import NamedTuple

from synthgen.records import Chunk, Triple
from synthgen.retrieval import Hit, index_text, range_normalised
from synthgen.retrieval.passages import Passages, SourceRank, is_hidden, shown_text
from synthgen.text.words import contents, words

__all__ = ["TOO_EASY", "Copying", "SourceJudgement", "contenders", "judged"]

TOO_EASY = 0.8
"""Share of copy from which a query is called too easy: 4 to 10 % of human questions on four corpora are, 22 % on a fifth."""

_PASSAGES_KEPT = 1_024


class SourceJudgement(NamedTuple):
    """How one search sees a row's passage.

    `ratio` is range-normalised, `raw` the score divided by the best; each is None when it is not defined. Equal scores share a
    `rank`, which is None below the best hits. `rival` is the best chunk that is not the passage.
    """

    ratio: float | None
    raw: float | None
    rank: int | None
    rival: str | None


def judged(triple: Triple, standing: SourceRank, passages: Passages, *, rank_hidden: bool = True) -> SourceJudgement:
    """Copies of the source count as the source, except for a query made from hidden text: a copy shows that text.

    Such a query has many hits above its source, each of which has to be told from a copy before it counts for the rank; without
    `rank_hidden` that is saved.
    """
    hidden = standing.shown is not None
    source = standing.source if standing.shown is None else standing.shown
    own = [passages.chunks[positive] for positive in triple.positives]
    rivals: list[Hit] = []
    for hit in standing.hits:
        if rivals and (hit.score <= source or (hidden and not rank_hidden)):
            break
        chunk = passages.chunks[hit.id]
        if not any(passages.same(chunk, positive) for positive in own):
            rivals.append(hit)
        elif not hidden:
            source = max(source, hit.score)
    best = max([source, *(hit.score for hit in rivals)])
    ratio = range_normalised(source, best, standing.floor)
    ranked = source >= standing.floor and (rank_hidden or not hidden)
    return SourceJudgement(
        ratio=None if ratio is None else round(ratio, 6),
        raw=None if best <= 0 else round(source / best, 6),
        rank=1 + sum(hit.score > source for hit in rivals) if ranked else None,
        rival=rivals[0].id if rivals else None,
    )


def contenders(triple: Triple, standing: SourceRank, passages: Passages, depth: int) -> list[str]:
    """Those of the best `depth` hits that are other passages than the row's own."""
    own = [passages.chunks[positive] for positive in triple.positives]
    return [hit.id for hit in standing.hits[:depth] if not any(passages.same(passages.chunks[hit.id], mine) for mine in own)]


class Copying:
    """The share of copy in a query: 1 when its words stand in the passage one after the other, about 1/2 when they are scattered.

    Of the query's words that carry content and the pairs of neighbours among these, it is the share that stands in what the row
    shows, whose neighbours are likewise taken without the words between that carry none. A query without content is measured by
    its words alone.
    """

    def __init__(self, chunks: Mapping[str, Chunk]) -> None:
        self._chunks = chunks
        self._whole = functools.lru_cache(maxsize=_PASSAGES_KEPT)(lambda name: _Told(index_text(chunks[name])))

    def share(self, triple: Triple) -> float:
        chunk = self._chunks[triple.chunk_id]
        shown = _Told(shown_text(triple, chunk)) if is_hidden(triple, chunk) else self._whole(chunk.id)
        said = words(triple.query)
        told = contents(said)
        parts = len(told or said) + max(0, len(told) - 1)
        copied = sum(word in shown.words for word in told or said)
        copied += sum(f" {left} {right} " in shown.contents for left, right in itertools.pairwise(told))
        return round(copied / parts, 6) if parts else 0.0


class _Told:
    """The words of a text, and those of them that carry content, between spaces and in their order."""

    def __init__(self, text: str) -> None:
        found = words(text)
        self.words, self.contents = frozenset(found), f" {' '.join(contents(found))} "

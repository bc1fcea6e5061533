"""Two measurements of a query and its passage: the passage's rank in a search, and the share of copied words.

`judge_source` reads a search: the range-normalised score of the passage, its rank, and its best rival. `Copying`
measures lexical overlap. Rows worth training on lie between two limits: pairs with too little in common are noise
(Qwen3-Embedding and doc2query-- drop these), and pairs with too much teach a retriever nothing (NVIDIA's retriever
recipe drops those).
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

__all__ = ["TOO_EASY", "Copying", "SourceJudgement", "contenders", "judge_source"]

TOO_EASY = 0.8
"""The share of copy above which a query is too easy: 4 to 10 % of human questions on four corpora are, 22 % on a fifth."""

_PASSAGES_KEPT = 1_024


class SourceJudgement(NamedTuple):
    """The place of a row's passage in one search.

    `ratio` is range-normalised, `raw` is the score divided by the best; each is None when undefined. Equal scores share
    a `rank`, which is None below the best hits. `rival` is the best chunk that is not the passage.
    """

    ratio: float | None
    raw: float | None
    rank: int | None
    rival: str | None


def judge_source(triple: Triple, source_rank: SourceRank, passages: Passages, *, rank_hidden: bool = True) -> SourceJudgement:
    """Return the place of the source. Copies of it count as the source, except for a query made from hidden text, which
    a copy shows.

    Such a query has many hits above its source, and each must be compared with the source before it counts for the
    rank. `rank_hidden=False` saves this and leaves the rank None.
    """
    hidden = source_rank.visible is not None
    source = source_rank.source if source_rank.visible is None else source_rank.visible
    own = [passages.chunks[positive] for positive in triple.positives]
    rivals: list[Hit] = []
    for hit in source_rank.hits:
        if rivals and (hit.score <= source or (hidden and not rank_hidden)):
            break
        chunk = passages.chunks[hit.id]
        if not any(passages.same(chunk, positive) for positive in own):
            rivals.append(hit)
        elif not hidden:
            source = max(source, hit.score)
    best = max([source, *(hit.score for hit in rivals)])
    ratio = range_normalised(source, best, source_rank.floor)
    ranked = source >= source_rank.floor and (rank_hidden or not hidden)
    return SourceJudgement(
        ratio=None if ratio is None else round(ratio, 6),
        raw=None if best <= 0 else round(source / best, 6),
        rank=1 + sum(hit.score > source for hit in rivals) if ranked else None,
        rival=rivals[0].id if rivals else None,
    )


def contenders(triple: Triple, source_rank: SourceRank, passages: Passages, depth: int) -> list[str]:
    """Return the best `depth` hits without those that are the row's own passage."""
    own = [passages.chunks[positive] for positive in triple.positives]
    return [
        hit.id
        for hit in source_rank.hits[:depth]
        if not any(passages.same(passages.chunks[hit.id], positive) for positive in own)
    ]


class Copying:
    """The share of copy in a query: 1 when its words occur in the passage in the same order, about 1/2 when they are
    scattered.

    It is the share of the query's content words, and of their pairs of neighbours, that occur in the visible text.
    Neighbours are content words without regard to the function words between them. A query without content words is
    measured by its words alone.
    """

    def __init__(self, chunks: Mapping[str, Chunk]) -> None:
        self._chunks = chunks
        self._whole = functools.lru_cache(maxsize=_PASSAGES_KEPT)(lambda name: _TextWords(index_text(chunks[name])))

    def share(self, triple: Triple) -> float:
        chunk = self._chunks[triple.chunk_id]
        passage_words = _TextWords(shown_text(triple, chunk)) if is_hidden(triple, chunk) else self._whole(chunk.id)
        query_words = words(triple.query)
        content = contents(query_words)
        parts = len(content or query_words) + max(0, len(content) - 1)
        copied = sum(word in passage_words.words for word in content or query_words)
        copied += sum(f" {left} {right} " in passage_words.contents for left, right in itertools.pairwise(content))
        return round(copied / parts, 6) if parts else 0.0


class _TextWords:
    """The words of a text, and its content words, between spaces and in order."""

    def __init__(self, text: str) -> None:
        found = words(text)
        self.words, self.contents = frozenset(found), f" {' '.join(contents(found))} "

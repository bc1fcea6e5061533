"""How a row's own passage stands in a search, and which other chunks count as it.

Both the round trip and the distractor miner ask this, and both would be fooled in the same two ways. The text of a
chunk often stands in the index more than once (equal, nearly equal or overlapping chunks): a copy is no rival. And a
query made from a sentence of its chunk, or from the heading above it, finds that chunk trivially, because the index
holds what the row hides. Such a query is scored with only those of its words that the reader of the row can still see:
lexical scores add up over words, so this is the score the passage would have without the hidden text (up to term
frequency and length, which still count it).

Not covered: scores that do not add up over words; a dense judge needs the hidden text out of its index.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthgen.records import Chunk, Triple, passage
from synthgen.retrieval import Hit, Retriever
from synthgen.text import contents, jaccard, key, shingles, words

__all__ = ["FLOOR_RANK", "Passages", "Standing", "is_hidden", "standings", "visible_query"]

FLOOR_RANK = 51
NEAR_DUPLICATE = 0.8
_QUERIES_PER_SEARCH = 1_000
_SHINGLES_KEPT = 1_024  # sets of about 1,000 short strings: 100 MB at most


@dataclass(frozen=True, slots=True)
class Standing:
    """One row's search: its `hits`, best first, the score of its own passage, and the score at the floor.

    The floor is the 51st best score, or the worst when the index is smaller. `hidden` says that `source` is the score
    of what the row still shows.
    """

    hits: Sequence[Hit]
    source: float
    floor: float
    hidden: bool


class Passages:
    """Chunks by id, and whether two of them are the same passage."""

    def __init__(self, chunks: Mapping[str, Chunk]) -> None:
        self.chunks = chunks
        self._shingles = functools.lru_cache(maxsize=_SHINGLES_KEPT)(shingles)

    def same(self, left: Chunk, right: Chunk) -> bool:
        """Equal, overlapping or nearly equal (Jaccard of 4-character shingles at least .8) chunks."""
        return self.identical(left, right) or self.overlapping(left, right) or self.near_duplicates(left, right)

    def identical(self, left: Chunk, right: Chunk) -> bool:
        return left.sha256 == right.sha256 or right.id in left.places or left.id in right.places

    def overlapping(self, left: Chunk, right: Chunk) -> bool:
        return left.document_id == right.document_id and left.start < right.end and right.start < left.end

    def near_duplicates(self, left: Chunk, right: Chunk) -> bool:
        """Whatever documents they stand in: boilerplate is shared by documents of different groups, too."""
        if not 0.5 < len(left.text) / max(1, len(right.text)) < 2:  # far from .8 in any script; saves the shingles
            return False
        return jaccard(self._shingles(left.text), self._shingles(right.text)) >= NEAR_DUPLICATE


def is_hidden(triple: Triple, chunk: Chunk) -> bool:
    """Whether the query was made from text that the row does not show: a masked span or the heading above."""
    return bool(triple.masks) or bool(_quoted_headings(triple, chunk))


def visible_query(triple: Triple, chunk: Chunk) -> str:
    """The words of the query that still stand in what the row shows of its chunk, or under its other headings."""
    quoted = _quoted_headings(triple, chunk)
    shown = [passage(triple, chunk), *(h for h in chunk.headings if h not in quoted)]
    seen = set(words("\n".join(shown)))
    return " ".join(w for w in words(triple.query) if w in seen)


def standings(
    triples: Iterable[Triple], chunks: Mapping[str, Chunk], retriever: Retriever, *, depth: int = FLOOR_RANK
) -> Iterator[tuple[Triple, Standing]]:
    """Search for every row, in batches. `depth` hits are returned, 51 at least."""
    depth, stream = max(depth, FLOOR_RANK), iter(triples)
    while batch := list(itertools.islice(stream, _QUERIES_PER_SEARCH)):
        hidden = [is_hidden(t, chunks[t.chunk_id]) for t in batch]
        own = [visible_query(t, chunks[t.chunk_id]) if h else t.query for t, h in zip(batch, hidden, strict=True)]
        ids = [[t.chunk_id] if h else list(t.positives) for t, h in zip(batch, hidden, strict=True)]
        found = retriever.search([t.query for t in batch], depth)
        scores = retriever.score(own, ids)
        for triple, hits, mine, hides in zip(batch, found, scores, hidden, strict=True):
            floor = hits[min(FLOOR_RANK, len(hits)) - 1].score if hits else 0.0
            yield triple, Standing(hits, max(mine), floor, hides)


def _quoted_headings(triple: Triple, chunk: Chunk) -> frozenset[str]:
    """The headings that the query repeats, when it says nothing beyond them."""
    query = key(triple.query)
    quoted = [h for h in chunk.headings if (folded := key(h)) and folded in query]
    rest = set(contents(words(triple.query))) - set(words("\n".join(quoted)))
    return frozenset() if rest else frozenset(quoted)

"""How a row's own passage stands in a search, and which other chunks count as it.

Both the round trip and the distractor miner ask this. The text of a chunk often stands in the index more than once
(equal, nearly equal or overlapping chunks): a copy is no rival. And a query made from a sentence of its chunk, or from
the heading above it, finds that chunk trivially, because the index holds what the row hides. Such a query is also
scored without the hidden text. A retriever that can score any text (`ScoresTexts`) is given the one that the row shows. A
lexical one is asked with only those words of the query that the reader of the row can still see: its scores add up over words,
so this is the score the passage would have (up to term frequency and length, which still count what is hidden).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from synthgen.records import Chunk, Triple, passage
from synthgen.retrieval import Hit, Retriever
from synthgen.text.words import contents, jaccard, key, shingles, words

__all__ = ["FLOOR_RANK", "Passages", "ScoresTexts", "SourceRank", "is_hidden", "shown_text", "standings", "visible_query"]

FLOOR_RANK = 51
NEAR_DUPLICATE = 0.8
_QUERIES_PER_SEARCH = 1_000
_SHINGLES_KEPT = 1_024  # sets of about 1,000 short strings: 100 MB at most
_PERMUTATIONS, _MAX_UNEQUAL = 256, 56
_SHINGLE = 4


@dataclass(frozen=True, slots=True)
class SourceRank:
    """One row's search: its `hits`, best first, the score of its own passage, and the score at the floor.

    The floor is the 51st best score, or the worst when the index is smaller. `shown` is the score of what the row still
    shows, and None when it shows everything that its query was made from.
    """

    hits: Sequence[Hit]
    source: float
    floor: float
    shown: float | None


@runtime_checkable
class ScoresTexts(Protocol):
    """A retriever that can score texts which are not in its index."""

    def score_texts(self, queries: Sequence[str], texts: Sequence[str]) -> list[float]:
        """The score of each query with its own text."""
        ...


class Passages:
    """Chunks by id, and whether two of them are the same passage.

    Nearly every pair is told apart by signatures of one bit a permutation (b-bit minwise hashing, Li and König 2010), kept for
    each chunk that was asked for: two bits are unequal with a probability of half the distance, so at the threshold more than
    56 of 256 are for one pair in 10^8. The others are compared shingle by shingle.
    """

    def __init__(self, chunks: Mapping[str, Chunk]) -> None:
        self.chunks = chunks
        self._shingles = functools.lru_cache(maxsize=_SHINGLES_KEPT)(shingles)
        self._signatures: dict[str, int] = {}

    def same(self, left: Chunk, right: Chunk) -> bool:
        """Equal, overlapping or nearly equal (Jaccard of 4-character shingles at least .8) chunks."""
        return self.identical(left, right) or self.overlapping(left, right) or self.near_duplicates(left, right)

    def identical(self, left: Chunk, right: Chunk) -> bool:
        return left.sha256 == right.sha256 or right.id in left.places or left.id in right.places

    def overlapping(self, left: Chunk, right: Chunk) -> bool:
        return left.document_id == right.document_id and left.start < right.end and right.start < left.end

    def near_duplicates(self, left: Chunk, right: Chunk) -> bool:
        """Whatever documents they stand in: boilerplate is shared by documents of different groups, too."""
        if (self._signature(left) ^ self._signature(right)).bit_count() > _MAX_UNEQUAL:
            return False
        return jaccard(self._shingles(left.text), self._shingles(right.text)) >= NEAR_DUPLICATE

    def _signature(self, chunk: Chunk) -> int:
        found = self._signatures.get(chunk.sha256)
        if found is None:
            found = self._signatures[chunk.sha256] = _lowest_bits(chunk.text)
        return found


def _lowest_bits(text: str) -> int:
    """The lowest bit of each minimal hash of the text's shingles."""
    import numpy as np
    from rensa import RMinHash

    folded = key(text)
    minhash = RMinHash(num_perm=_PERMUTATIONS, seed=0)
    # In any order and however often: each hash is a minimum. A set of them would take longer than all the rest.
    minhash.update([folded[at : at + _SHINGLE] for at in range(max(1, len(folded) - _SHINGLE + 1))] if folded else [])
    bits = np.array(minhash.digest(), dtype=np.uint32) & 1
    return int.from_bytes(np.packbits(bits.astype(np.uint8)).tobytes(), "big")


def is_hidden(triple: Triple, chunk: Chunk) -> bool:
    """Whether the query was made from text that the row does not show: a masked span or the heading above."""
    return bool(triple.masks) or bool(_quoted_headings(triple, chunk))


def shown_text(triple: Triple, chunk: Chunk) -> str:
    """What is indexed for a chunk, without what the row hides: its masked spans and the headings its query repeats."""
    quoted = _quoted_headings(triple, chunk)
    return "\n".join([*(h for h in chunk.headings if h not in quoted), passage(triple, chunk)])


def visible_query(triple: Triple, chunk: Chunk) -> str:
    """The words of the query that still stand in what the row shows of its chunk, or under its other headings."""
    seen = set(words(shown_text(triple, chunk)))
    return " ".join(w for w in words(triple.query) if w in seen)


def standings(
    triples: Iterable[Triple], chunks: Mapping[str, Chunk], retriever: Retriever, *, depth: int = FLOOR_RANK
) -> Iterator[tuple[Triple, SourceRank]]:
    """Search for every row, in batches. `depth` hits are returned, 51 at least."""
    depth, stream = max(depth, FLOOR_RANK), iter(triples)
    while batch := list(itertools.islice(stream, _QUERIES_PER_SEARCH)):
        found = retriever.search([t.query for t in batch], depth)
        sources = _sources(batch, found, retriever)
        hiding = [t for t in batch if is_hidden(t, chunks[t.chunk_id])]
        shown = dict(zip(map(id, hiding), _shown(hiding, chunks, retriever), strict=True))
        for triple, hits, source in zip(batch, found, sources, strict=True):
            floor = hits[min(FLOOR_RANK, len(hits)) - 1].score if hits else 0.0
            yield triple, SourceRank(hits, source, floor, shown.get(id(triple)))


def _shown(triples: Sequence[Triple], chunks: Mapping[str, Chunk], retriever: Retriever) -> list[float]:
    """The score of each row's passage without what the row hides."""
    own = [chunks[t.chunk_id] for t in triples]
    if isinstance(retriever, ScoresTexts):
        return retriever.score_texts([t.query for t in triples], list(map(shown_text, triples, own)))
    found = retriever.score(list(map(visible_query, triples, own)), [[chunk.id] for chunk in own])
    return [max(scores) for scores in found]


def _sources(triples: Sequence[Triple], found: Sequence[Sequence[Hit]], retriever: Retriever) -> list[float]:
    """The best score of each row's positives: from its hits, and asked for only where none is among them."""
    scores = []
    for triple, hits in zip(triples, found, strict=True):
        scores.append([hit.score for hit in hits if hit.id in triple.positives])
    unseen = [i for i, mine in enumerate(scores) if not mine]
    asked = retriever.score([triples[i].query for i in unseen], [triples[i].positives for i in unseen])
    for i, mine in zip(unseen, asked, strict=True):
        scores[i] = mine
    return [max(mine) for mine in scores]


def _quoted_headings(triple: Triple, chunk: Chunk) -> frozenset[str]:
    """The headings that the query repeats, when it says nothing beyond them."""
    query = key(triple.query)
    quoted = [h for h in chunk.headings if (folded := key(h)) and folded in query]
    if not quoted:
        return frozenset()
    rest = set(contents(words(triple.query))) - set(words("\n".join(quoted)))
    return frozenset() if rest else frozenset(quoted)

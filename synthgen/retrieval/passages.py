"""How a row's own passage ranks in a search, and which other chunks count as the same passage.

The round trip and the distractor miner use this. The text of a chunk often occurs in the index more than once (equal,
nearly equal or overlapping chunks); a copy is not a rival.

A query that was made from a sentence of its chunk, or from the heading above it, finds that chunk trivially, because
the index contains what the row hides. Such a query is also scored without the hidden text. A retriever that can score
any text (`ScoresTexts`) scores the visible text. A lexical retriever gets only the words of the query that are visible
in the row: its scores add up over words, so this is the score of the visible passage, apart from term frequency and
length, which still include the hidden text.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from synthgen.records import Chunk, Triple, passage
from synthgen.retrieval import Hit, Retriever
from synthgen.text.fold import key
from synthgen.text.words import contents, jaccard, shingles, words

__all__ = ["FLOOR_RANK", "Passages", "ScoresTexts", "SourceRank", "is_hidden", "shown_text", "source_ranks", "visible_query"]

FLOOR_RANK = 51
NEAR_DUPLICATE = 0.8
_QUERIES_PER_SEARCH = 1_000
_SHINGLES_KEPT = 1_024  # sets of about 1,000 short strings: 100 MB at most
_PERMUTATIONS, _MAX_UNEQUAL = 256, 56
_SHINGLE = 4


@dataclass(frozen=True, slots=True)
class SourceRank:
    """The search of one row: its `hits`, best first, the score of its own passage, and the score at the floor.

    The floor is the 51st best score, or the worst when the index is smaller. `visible` is the score of the visible
    text, and None when the row hides nothing that its query was made from.
    """

    hits: Sequence[Hit]
    source: float
    floor: float
    visible: float | None


@runtime_checkable
class ScoresTexts(Protocol):
    """A retriever that can score texts outside its index."""

    def score_texts(self, queries: Sequence[str], texts: Sequence[str]) -> list[float]:
        """Return the score of each query with its own text."""
        ...


class Passages:
    """Chunks by id, and whether two of them are the same passage.

    Signatures of one bit per permutation (b-bit minwise hashing, Li and König 2010) separate nearly every pair; they
    are kept for each chunk that was compared. Two bits differ with a probability of half the distance, so at the
    threshold more than 56 of 256 differ for one pair in 10^8. The remaining pairs are compared shingle by shingle.
    """

    def __init__(self, chunks: Mapping[str, Chunk]) -> None:
        self.chunks = chunks
        self._shingles = functools.lru_cache(maxsize=_SHINGLES_KEPT)(shingles)
        self._signatures: dict[str, int] = {}

    def same(self, left: Chunk, right: Chunk) -> bool:
        """Return whether two chunks are equal, overlap, or are nearly equal (Jaccard of 4-character shingles at least .8)."""
        return self.identical(left, right) or self.overlapping(left, right) or self.near_duplicates(left, right)

    def identical(self, left: Chunk, right: Chunk) -> bool:
        return left.sha256 == right.sha256 or right.id in left.places or left.id in right.places

    def overlapping(self, left: Chunk, right: Chunk) -> bool:
        return left.document_id == right.document_id and left.start < right.end and right.start < left.end

    def near_duplicates(self, left: Chunk, right: Chunk) -> bool:
        """Return whether two texts are nearly equal, in whatever documents: groups can share boilerplate."""
        if (self._signature(left) ^ self._signature(right)).bit_count() > _MAX_UNEQUAL:
            return False
        return jaccard(self._shingles(left.text), self._shingles(right.text)) >= NEAR_DUPLICATE

    def _signature(self, chunk: Chunk) -> int:
        found = self._signatures.get(chunk.sha256)
        if found is None:
            found = self._signatures[chunk.sha256] = _lowest_bits(chunk.text)
        return found


def _lowest_bits(text: str) -> int:
    """Return the lowest bit of each minimal hash of the text's shingles."""
    import numpy as np
    from rensa import RMinHash

    folded = key(text)
    minhash = RMinHash(num_perm=_PERMUTATIONS, seed=0)
    # Order and repetition do not matter, because each hash is a minimum. Building a set would take longer than all the rest.
    minhash.update([folded[at : at + _SHINGLE] for at in range(max(1, len(folded) - _SHINGLE + 1))] if folded else [])
    bits = np.array(minhash.digest(), dtype=np.uint32) & 1
    return int.from_bytes(np.packbits(bits.astype(np.uint8)).tobytes(), "big")


def is_hidden(triple: Triple, chunk: Chunk) -> bool:
    """Return whether the query was made from text that the row hides: a masked span, or the heading above."""
    return bool(triple.masks) or bool(_quoted_headings(triple, chunk))


def shown_text(triple: Triple, chunk: Chunk) -> str:
    """Return the indexed text of a chunk without what the row hides: its masked spans and the headings that its query repeats."""
    quoted = _quoted_headings(triple, chunk)
    return "\n".join([*(h for h in chunk.headings if h not in quoted), passage(triple, chunk)])


def visible_query(triple: Triple, chunk: Chunk) -> str:
    """Return the words of the query that occur in the visible text of its chunk, or in its other headings."""
    visible = set(words(shown_text(triple, chunk)))
    return " ".join(w for w in words(triple.query) if w in visible)


def source_ranks(
    triples: Iterable[Triple], chunks: Mapping[str, Chunk], retriever: Retriever, *, depth: int = FLOOR_RANK
) -> Iterator[tuple[Triple, SourceRank]]:
    """Search for every row, in batches of queries. At least 51 hits are returned, or `depth`."""
    depth, stream = max(depth, FLOOR_RANK), iter(triples)
    while batch := list(itertools.islice(stream, _QUERIES_PER_SEARCH)):
        found = retriever.search([t.query for t in batch], depth)
        sources = _source_scores(batch, found, retriever)
        with_hidden = [t for t in batch if is_hidden(t, chunks[t.chunk_id])]
        visible = dict(zip(map(id, with_hidden), _visible_scores(with_hidden, chunks, retriever), strict=True))
        for triple, hits, source in zip(batch, found, sources, strict=True):
            floor = hits[min(FLOOR_RANK, len(hits)) - 1].score if hits else 0.0
            yield triple, SourceRank(hits, source, floor, visible.get(id(triple)))


def _visible_scores(triples: Sequence[Triple], chunks: Mapping[str, Chunk], retriever: Retriever) -> list[float]:
    """Return the score of each row's visible text."""
    own = [chunks[t.chunk_id] for t in triples]
    if isinstance(retriever, ScoresTexts):
        return retriever.score_texts([t.query for t in triples], list(map(shown_text, triples, own)))
    found = retriever.score(list(map(visible_query, triples, own)), [[chunk.id] for chunk in own])
    return [max(scores) for scores in found]


def _source_scores(triples: Sequence[Triple], found: Sequence[Sequence[Hit]], retriever: Retriever) -> list[float]:
    """Return the best score of each row's positives. Rows without one among their hits are scored separately."""
    scores = []
    for triple, hits in zip(triples, found, strict=True):
        scores.append([hit.score for hit in hits if hit.id in triple.positives])
    missing = [i for i, own in enumerate(scores) if not own]
    scored = retriever.score([triples[i].query for i in missing], [triples[i].positives for i in missing])
    for i, own in zip(missing, scored, strict=True):
        scores[i] = own
    return [max(own) for own in scores]


def _quoted_headings(triple: Triple, chunk: Chunk) -> frozenset[str]:
    """Return the headings that the query repeats, if it has no other content words."""
    query = key(triple.query)
    quoted = [h for h in chunk.headings if (folded := key(h)) and folded in query]
    if not quoted:
        return frozenset()
    rest = set(contents(words(triple.query))) - set(words("\n".join(quoted)))
    return frozenset() if rest else frozenset(quoted)

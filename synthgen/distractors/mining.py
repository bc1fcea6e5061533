"""Where distractors come from, and in which order they are tried.

- `mined`: the best hits of each judge's search, in the order of their ranks, `skip` of them passed over and `take` looked at; the row's
  own passages do not count. A hit at the floor or below has nothing to do with the query and is none.
- `same_document`: other chunks of the source's document, drawn for each row.
- `random`: any chunk of the row's split, drawn for each row.

Every judge may refuse a candidate, however it was found (reason `score`): at or above `max_relative` of the positive's range-normalised
score is where the unlabelled positives are (NV-Retriever, arXiv 2407.15831; on Cranfield this takes the false ones of naive top-3
mining from 31 % to 8 %). Where the positive itself does not stand above the floor, no hit can be told from it, and only chunks that
score no more than the floor pass. A distractor keeps the score of the search that found it; drawn ones have rank 0 and the score of
the first judge.

Draws are points on a circle of text digests, chosen by the seed and the row's id, and take the text that follows; when they are used up,
what follows the first of them. So a renamed file changes no draw, and an edited one only those that were it or are it now.

A hit that clearly answers the query better (`better`) becomes a further positive before anything is taken; a reviewed row keeps those
that it has.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from synthgen.config.settings import Distractors
from synthgen.distractors.further_positives import answering
from synthgen.distractors.guard import OWN, Guard, Sought
from synthgen.distractors.sources import SOURCES
from synthgen.records import Chunk, Distractor, Triple, digest
from synthgen.retrieval import Hit, Retriever, range_normalised
from synthgen.retrieval.passages import SourceRank, standings

__all__ = ["MinedRow", "Miner"]

_OWN_HITS = 20  # looked at beyond the window, because the row's own passages are among the best
_DRAWS, _DRAWS_PER_PLACE = 20, 12
_POINTS_PER_PLACE, _POINT = 3, 8  # digits of a point

Circle = Sequence[tuple[str, str]]


class MinedRow:
    """A triple on its way to its distractors: what each source still has to offer, and what was taken of it."""

    def __init__(self, triple: Triple, quota: Mapping[str, int]) -> None:
        self.triple, self.quota, self.num = triple, quota, sum(quota.values())
        self.further = 0
        self.found: dict[str, list[Distractor]] = {source: [] for source in SOURCES}
        self.supplies: Mapping[str, Iterator[Distractor]] = {}
        self.judged: Sequence[_Judged] = ()
        self._checked: set[str] = set()

    def fill(self) -> None:
        """Take from each source what the quota says, and from any what others could not give."""
        for source in SOURCES:
            self._take(source, self.quota[source] - len(self.found[source]))
        for source in SOURCES:
            self._take(source, self.num - sum(map(len, self.found.values())))

    def unchecked(self) -> list[Distractor]:
        """Those that nobody was asked about yet."""
        return [d for source in SOURCES for d in self.found[source] if d.chunk_id not in self._checked]

    def settle(self, distractor: Distractor, *, refused: bool) -> None:
        """What was said of one of them."""
        self._checked.add(distractor.chunk_id)
        if refused:
            for found in self.found.values():
                if distractor in found:
                    found.remove(distractor)

    def hardness(self, distractor: Distractor) -> tuple[float | None, float]:
        """Its score by the first judge, divided by the positive's; and on the normalised range."""
        judged = self.judged[0]
        score, source = judged.scores[distractor.chunk_id], judged.standing.source
        return score / source if source > 0 else None, max(0.0, judged.share(distractor.chunk_id) or 0.0)

    def _take(self, source: str, wanted: int) -> None:
        self.found[source] += itertools.islice(self.supplies[source], max(0, wanted))


class _Judged:
    """How one judge sees a row: its search, and the score of every candidate."""

    def __init__(self, standing: SourceRank) -> None:
        self.standing = standing
        self.scores = {hit.id: hit.score for hit in standing.hits}

    def share(self, id: str) -> float | None:
        """Range-normalised share of the positive's score; None where the positive does not stand above the floor."""
        source, floor = self.standing.source, self.standing.floor
        return range_normalised(self.scores[id], source, floor) if source > floor else None

    def admits(self, id: str, limit: float) -> bool:
        share = self.share(id)
        return self.scores[id] <= self.standing.floor if share is None else share < limit


class Miner:
    """Gives rows their supplies: lazily checked candidates of each source."""

    def __init__(
        self, chunks: Mapping[str, Chunk], judges: Mapping[str, Retriever], guard: Guard, settings: Distractors, *, seed: int
    ) -> None:
        self._chunks, self._judges, self._guard, self._settings, self._seed = chunks, judges, guard, settings, seed
        self._anywhere, self._documents = _circles(chunks)

    def supply(self, rows: Sequence[MinedRow]) -> None:
        """Search for all the rows at once, and score their draws."""
        depth = self._settings.skip + self._settings.take + _OWN_HITS
        triples = [row.triple for row in rows]
        searched = [
            [_Judged(standing) for _, standing in standings(triples, self._chunks, judge, depth=depth)]
            for judge in self._judges.values()
        ]
        drawn = [self._draws(row) for row in rows]
        for judge, of_rows in zip(self._judges.values(), searched, strict=True):
            asked = []
            for i, judged in enumerate(of_rows):
                others = (hit.id for other in searched for hit in other[i].standing.hits) if len(searched) > 1 else ()
                wanted = dict.fromkeys(itertools.chain(others, *drawn[i].values()))
                asked.append([id for id in wanted if id not in judged.scores])
            scored = judge.score([triple.query for triple in triples], asked)
            for judged, ids, scores in zip(of_rows, asked, scored, strict=True):
                judged.scores.update(zip(ids, scores, strict=True))
        for i, row in enumerate(rows):
            row.judged = [of_rows[i] for of_rows in searched]
            self._prepare(row, drawn[i])

    def _prepare(self, row: MinedRow, drawn: Mapping[str, Sequence[str]]) -> None:
        sought = self._guard.sought(row.triple)
        self._add_positives(row)
        positives = [self._chunks[positive] for positive in row.triple.positives]
        candidates = _Candidates(row, positives, sought, self._chunks, self._guard, self._settings.max_relative)
        searches = [self._mined(name, judged, candidates) for name, judged in zip(self._judges, row.judged, strict=True)]
        supplies = {
            "mined": heapq.merge(*searches, key=lambda distractor: distractor.rank),
            **{source: self._drawn(source, row.judged[0], ids, candidates) for source, ids in drawn.items()},
        }
        row.supplies = {source: candidates.once(found) for source, found in supplies.items()}

    def _add_positives(self, row: MinedRow) -> None:
        triple, positives = row.triple, [self._chunks[positive] for positive in row.triple.positives]
        if triple.reviewed or triple.answer is None:
            return
        first, *others = row.judged
        hits = itertools.takewhile(lambda hit: hit.score > first.standing.source, first.standing.hits)
        above = [hit.id for hit in hits if all(other.scores[hit.id] > other.standing.source for other in others)]
        allowed = (
            self._chunks[id]
            for id in above
            if self._chunks[id].split == triple.split
            and not any(self._guard.sameness(self._chunks[id], positive) for positive in positives)
        )
        further = [chunk.id for chunk in answering(triple, positives[0], allowed)]
        row.further = len(further)
        row.triple = replace(triple, positives=(*triple.positives, *further)) if further else triple

    def _mined(self, name: str, judged: _Judged, candidates: _Candidates) -> Iterator[Distractor]:
        seen = 0
        for rank, hit in enumerate(judged.standing.hits, 1):
            if hit.score <= judged.standing.floor:
                return
            reason = candidates.refusal(hit.id)
            seen += reason not in OWN
            if seen > self._settings.skip + self._settings.take:
                return
            if not reason and seen > self._settings.skip:
                yield _distractor(name, rank, hit, judged)

    def _drawn(self, source: str, judged: _Judged, ids: Sequence[str], candidates: _Candidates) -> Iterator[Distractor]:
        for id in ids:
            if not candidates.refusal(id):
                yield _distractor(source, 0, Hit(id, judged.scores[id]), judged)

    def _draws(self, row: MinedRow) -> dict[str, list[str]]:
        triple = row.triple
        circles = {
            "same_document": self._documents.get((triple.document_id, triple.split), []),
            "random": self._anywhere.get(triple.split, []),
        }
        return {source: self._walk(circle, triple.id, row.num) for source, circle in circles.items()}

    def _walk(self, circle: Circle, id: str, num: int) -> list[str]:
        if not circle:
            return []
        points: list[str] = []
        while len(points) < _POINTS_PER_PLACE * num:
            drawn = digest([self._seed, "distractors", id, len(points)])
            points += (drawn[at : at + _POINT] for at in range(0, len(drawn), _POINT))
        starts = [bisect.bisect(circle, (point, "")) for point in points]
        more = min(len(circle), _DRAWS + _DRAWS_PER_PLACE * num)  # whatever follows the first of them
        places = itertools.chain(starts, range(starts[0], starts[0] + more) if starts else ())
        return list(dict.fromkeys(circle[place % len(circle)][1] for place in places))


class _Candidates:
    """What the guard and the judges say of chunks for one row; each is counted once, however often it is met."""

    def __init__(
        self, row: MinedRow, positives: Sequence[Chunk], sought: Sought, chunks: Mapping[str, Chunk], guard: Guard, limit: float
    ) -> None:
        self._row, self._positives, self._sought = row, positives, sought
        self._chunks, self._guard, self._limit = chunks, guard, limit
        self._said: dict[str, str] = {}
        self._taken: set[str] = set()

    def refusal(self, id: str) -> str:
        if id not in self._said:
            reason = self._guard.refusal(self._chunks[id], self._row.triple.split, self._positives, self._sought)
            if not reason and not all(judged.admits(id, self._limit) for judged in self._row.judged):
                reason = "score"
            self._said[id] = reason
            self._guard.refused[reason] += bool(reason)
        return self._said[id]

    def once(self, found: Iterator[Distractor]) -> Iterator[Distractor]:
        """Each text at most once in a row."""
        for distractor in found:
            text = self._chunks[distractor.chunk_id].sha256
            if text not in self._taken:
                self._taken.add(text)
                yield distractor


def _distractor(found_by: str, rank: int, hit: Hit, judged: _Judged) -> Distractor:
    relative = max(0.0, judged.share(hit.id) or 0.0)
    return Distractor(hit.id, found_by, rank, round(hit.score, 6), round(relative, 6))


def _circles(chunks: Mapping[str, Chunk]) -> tuple[dict[str, Circle], dict[tuple[str, str], Circle]]:
    """(digest, id) of the chunks of each split, and of each document and split, in order of their digests."""
    anywhere: dict[str, list[tuple[str, str]]] = {}
    documents: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for sha256, id in sorted((chunk.sha256, chunk.id) for chunk in chunks.values()):
        chunk = chunks[id]
        anywhere.setdefault(chunk.split, []).append((sha256, id))
        documents.setdefault((chunk.document_id, chunk.split), []).append((sha256, id))
    return dict(anywhere), dict(documents)

"""The sources of distractors, and the order in which candidates are tried.

- `mined`: the best hits of each judge's search, by rank. `skip` of them are passed over, and `take` are tried. The
  row's own passages do not count. A hit at the floor or below is unrelated to the query and is not used.
- `same_document`: other chunks of the source's document, drawn for each row.
- `random`: any chunk of the row's split, drawn for each row.

Every judge can reject a candidate of any source (reason `score`). At or above `max_relative` of the positive's
range-normalised score lie the unlabelled positives (NV-Retriever, arXiv 2407.15831; on Cranfield this reduces the false
ones of naive top-3 mining from 31 % to 8 %). When the positive itself is not above the floor, only chunks with scores
up to the floor pass, because hits above it cannot be told from the positive. A distractor keeps the score of the search
that found it. Drawn distractors have rank 0 and the score of the first judge.

Draws are points on a circle of text digests, chosen by the seed and the row's id. Each takes the text that follows it;
when the points are used up, the texts after the first point follow. A renamed file therefore changes no draw, and an
edited file changes only the draws of its old and new texts.

A hit that clearly answers the query better (`further_positives`) becomes a further positive before mining. A reviewed
row keeps its positives.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from synthgen.config.settings import Distractors
from synthgen.distractors.further_positives import better_answers
from synthgen.distractors.guard import OWN, AnswerForms, Guard
from synthgen.distractors.sources import SOURCES
from synthgen.records import Chunk, Distractor, Triple, digest
from synthgen.retrieval import Hit, Retriever, range_normalised
from synthgen.retrieval.passages import SourceRank, source_ranks

__all__ = ["MinedRow", "Miner"]

_OWN_HITS = 20  # hits beyond the window, because the row's own passages are among the best
_DRAWS, _DRAWS_PER_PLACE = 20, 12
_POINTS_PER_PLACE, _POINT = 3, 8  # digits of a point

Circle = Sequence[tuple[str, str]]


class MinedRow:
    """A triple with the candidates that each source still has, and the distractors taken from them."""

    def __init__(self, triple: Triple, quota: Mapping[str, int]) -> None:
        self.triple, self.quota, self.num = triple, quota, sum(quota.values())
        self.further = 0
        self.found: dict[str, list[Distractor]] = {source: [] for source in SOURCES}
        self.candidates: Mapping[str, Iterator[Distractor]] = {}
        self.judged: Sequence[_JudgeScores] = ()
        self._checked: set[str] = set()

    def fill(self) -> None:
        """Take each source's quota, then fill up from any source."""
        for source in SOURCES:
            self._take(source, self.quota[source] - len(self.found[source]))
        for source in SOURCES:
            self._take(source, self.num - sum(map(len, self.found.values())))

    def unchecked(self) -> list[Distractor]:
        """Return the distractors that no check has seen yet."""
        return [d for source in SOURCES for d in self.found[source] if d.chunk_id not in self._checked]

    def record_check(self, distractor: Distractor, *, rejected: bool) -> None:
        """Record the result of a distractor's check."""
        self._checked.add(distractor.chunk_id)
        if rejected:
            for found in self.found.values():
                if distractor in found:
                    found.remove(distractor)

    def hardness(self, distractor: Distractor) -> tuple[float | None, float]:
        """Return its score by the first judge divided by the positive's, and the same on the normalised range."""
        judged = self.judged[0]
        score, source = judged.scores[distractor.chunk_id], judged.source_rank.source
        return score / source if source > 0 else None, max(0.0, judged.share(distractor.chunk_id) or 0.0)

    def _take(self, source: str, count: int) -> None:
        self.found[source] += itertools.islice(self.candidates[source], max(0, count))


class _JudgeScores:
    """One judge's view of a row: its search, and the score of every candidate."""

    def __init__(self, source_rank: SourceRank) -> None:
        self.source_rank = source_rank
        self.scores = {hit.id: hit.score for hit in source_rank.hits}

    def share(self, id: str) -> float | None:
        """Return the range-normalised share of the positive's score; None when the positive is not above the floor."""
        source, floor = self.source_rank.source, self.source_rank.floor
        return range_normalised(self.scores[id], source, floor) if source > floor else None

    def admits(self, id: str, limit: float) -> bool:
        share = self.share(id)
        return self.scores[id] <= self.source_rank.floor if share is None else share < limit


class Miner:
    """Gives rows their candidates of each source, which are checked lazily."""

    def __init__(
        self, chunks: Mapping[str, Chunk], judges: Mapping[str, Retriever], guard: Guard, settings: Distractors, *, seed: int
    ) -> None:
        self._chunks, self._judges, self._guard, self._settings, self._seed = chunks, judges, guard, settings, seed
        self._anywhere, self._documents = _circles(chunks)

    def supply(self, rows: Sequence[MinedRow]) -> None:
        """Search for all rows at once, and score their draws."""
        depth = self._settings.skip + self._settings.take + _OWN_HITS
        triples = [row.triple for row in rows]
        searched = [
            [_JudgeScores(source_rank) for _, source_rank in source_ranks(triples, self._chunks, judge, depth=depth)]
            for judge in self._judges.values()
        ]
        drawn = [self._draws(row) for row in rows]
        for judge, of_rows in zip(self._judges.values(), searched, strict=True):
            unscored = []
            for i, judged in enumerate(of_rows):
                others = (hit.id for other in searched for hit in other[i].source_rank.hits) if len(searched) > 1 else ()
                candidate_ids = dict.fromkeys(itertools.chain(others, *drawn[i].values()))
                unscored.append([id for id in candidate_ids if id not in judged.scores])
            scored = judge.score([triple.query for triple in triples], unscored)
            for judged, ids, scores in zip(of_rows, unscored, scored, strict=True):
                judged.scores.update(zip(ids, scores, strict=True))
        for i, row in enumerate(rows):
            row.judged = [of_rows[i] for of_rows in searched]
            self._prepare(row, drawn[i])

    def _prepare(self, row: MinedRow, drawn: Mapping[str, Sequence[str]]) -> None:
        forms = self._guard.answer_forms(row.triple)
        self._add_positives(row)
        positives = [self._chunks[positive] for positive in row.triple.positives]
        candidates = _Candidates(row, positives, forms, self._chunks, self._guard, self._settings.max_relative)
        searches = [self._mined(name, judged, candidates) for name, judged in zip(self._judges, row.judged, strict=True)]
        sources = {
            "mined": heapq.merge(*searches, key=lambda distractor: distractor.rank),
            **{source: self._drawn(source, row.judged[0], ids, candidates) for source, ids in drawn.items()},
        }
        row.candidates = {source: candidates.once(found) for source, found in sources.items()}

    def _add_positives(self, row: MinedRow) -> None:
        triple, positives = row.triple, [self._chunks[positive] for positive in row.triple.positives]
        if triple.reviewed or triple.answer is None:
            return
        first, *others = row.judged
        hits = itertools.takewhile(lambda hit: hit.score > first.source_rank.source, first.source_rank.hits)
        above = [hit.id for hit in hits if all(other.scores[hit.id] > other.source_rank.source for other in others)]
        allowed = (
            self._chunks[id]
            for id in above
            if self._chunks[id].split == triple.split
            and not any(self._guard.sameness(self._chunks[id], positive) for positive in positives)
        )
        further = [chunk.id for chunk in better_answers(triple, positives[0], allowed)]
        row.further = len(further)
        row.triple = replace(triple, positives=(*triple.positives, *further)) if further else triple

    def _mined(self, name: str, judged: _JudgeScores, candidates: _Candidates) -> Iterator[Distractor]:
        tried = 0
        for rank, hit in enumerate(judged.source_rank.hits, 1):
            if hit.score <= judged.source_rank.floor:
                return
            reason = candidates.rejection_reason(hit.id)
            tried += reason not in OWN
            if tried > self._settings.skip + self._settings.take:
                return
            if not reason and tried > self._settings.skip:
                yield _distractor(name, rank, hit, judged)

    def _drawn(self, source: str, judged: _JudgeScores, ids: Sequence[str], candidates: _Candidates) -> Iterator[Distractor]:
        for id in ids:
            if not candidates.rejection_reason(id):
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
        more = min(len(circle), _DRAWS + _DRAWS_PER_PLACE * num)  # the texts after the first point
        places = itertools.chain(starts, range(starts[0], starts[0] + more) if starts else ())
        return list(dict.fromkeys(circle[place % len(circle)][1] for place in places))


class _Candidates:
    """The decisions of the guard and the judges on chunks for one row. Each chunk is counted once."""

    def __init__(
        self,
        row: MinedRow,
        positives: Sequence[Chunk],
        forms: AnswerForms,
        chunks: Mapping[str, Chunk],
        guard: Guard,
        limit: float,
    ) -> None:
        self._row, self._positives, self._forms = row, positives, forms
        self._chunks, self._guard, self._limit = chunks, guard, limit
        self._reasons: dict[str, str] = {}
        self._taken: set[str] = set()

    def rejection_reason(self, id: str) -> str:
        if id not in self._reasons:
            reason = self._guard.rejection_reason(self._chunks[id], self._row.triple.split, self._positives, self._forms)
            if not reason and not all(judged.admits(id, self._limit) for judged in self._row.judged):
                reason = "score"
            self._reasons[id] = reason
            self._guard.rejected[reason] += bool(reason)
        return self._reasons[id]

    def once(self, found: Iterator[Distractor]) -> Iterator[Distractor]:
        """Yield the distractors with each text at most once in a row."""
        for distractor in found:
            text = self._chunks[distractor.chunk_id].sha256
            if text not in self._taken:
                self._taken.add(text)
                yield distractor


def _distractor(found_by: str, rank: int, hit: Hit, judged: _JudgeScores) -> Distractor:
    relative = max(0.0, judged.share(hit.id) or 0.0)
    return Distractor(hit.id, found_by, rank, round(hit.score, 6), round(relative, 6))


def _circles(chunks: Mapping[str, Chunk]) -> tuple[dict[str, Circle], dict[tuple[str, str], Circle]]:
    """Return (digest, id) of the chunks of each split, and of each document and split, in order of the digests."""
    anywhere: dict[str, list[tuple[str, str]]] = {}
    documents: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for sha256, id in sorted((chunk.sha256, chunk.id) for chunk in chunks.values()):
        chunk = chunks[id]
        anywhere.setdefault(chunk.split, []).append((sha256, id))
        documents.setdefault((chunk.document_id, chunk.split), []).append((sha256, id))
    return dict(anywhere), dict(documents)

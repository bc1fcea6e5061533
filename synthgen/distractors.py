"""Distractors: passages that look like the answer to a query and are not.

Mined ones are the best BM25 hits that pass the guard; where too few are left, random chunks that pass it fill up. The
guard holds for every distractor, however it was found. It refuses

- `split`: text of another split than the row's, so that no dev or test text reaches a training file;
- `positive`: a positive, the same text elsewhere, an overlapping span, or a nearly equal text (Jaccard of 4-character
  shingles at least .8; another section of the same document, or of its near-duplicate, is welcome);
- `answer`: a chunk that contains the answer, compared by key at word borders. A word of one or two letters ("no", "is"),
  or a single one of a script without spaces (是), is not looked for, because nearly every text contains it:
  `unchecked_answers` counts those; numbers are always looked for;
- `score`: at or above `max_relative` of the positive's range-normalised score, which is where the unlabelled positives
  are (NV-Retriever, arXiv 2407.15831; on Cranfield it takes the false ones of naive top-3 mining from 31 % to 8 %).
  Where the positive itself does not stand above the floor, no hit can be told from it, and only chunks that score no
  more than the floor pass.

Random chunks are drawn by their text's digest, on a circle from a point that the seed and the row's id choose, so a
renamed or edited file changes no other row's. They have rank 0.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthgen.records import Chunk, Distractor, Event, OnEvent, Triple, digest
from synthgen.retrieval import Retriever, range_normalised
from synthgen.retrieval.passages import Passages, Standing, standings
from synthgen.text import find, key, units

__all__ = ["add_distractors"]

_SHORT_ANSWER_CHARS = 2
_DRAWS_PER_PLACE = 20  # random chunks looked at for each place to fill
_KEYS_KEPT = 20_000


def add_distractors(
    triples: Sequence[Triple],
    chunks: Mapping[str, Chunk],
    retriever: Retriever,
    *,
    num: int = 5,
    depth: int = 30,
    max_relative: float = 0.95,
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> tuple[list[Triple], dict[str, Any]]:
    """The triples with up to `num` distractors each, the best mined ones first; and what was found.

    Counts: `rows`, `asked`, `mined`, `random`, `missing` (places left empty) in `short` rows, `unchecked_answers`,
    `refused` by reason, and `hardness`, the mean relative score of the mined ones (None without any).
    """
    guard, circles = _Guard(chunks, max_relative), _circles(chunks)
    found: list[Triple] = []
    for triple, standing in standings(triples, chunks, retriever, depth=depth):
        row = guard.row(triple, standing)
        chosen = list(itertools.islice(_mined(row, guard, depth), num))
        if len(chosen) < num:
            chosen += _random(row, guard, circles.get(triple.split, []), retriever, seed, num - len(chosen))
        found.append(replace(triple, distractors=tuple(chosen)))
        if on_event and (len(found) % 1_000 == 0 or len(found) == len(triples)):
            on_event(Event("distractors", len(found), len(triples)))
    return found, _stats(found, num, guard)


@dataclass(frozen=True, slots=True)
class _Row:
    """What the guard needs to know of a triple. `answer` is its key, empty when not looked for; `taken` are digests."""

    triple: Triple
    standing: Standing
    positives: Sequence[Chunk]
    answer: str
    taken: set[str]


class _Guard:
    """Decides whether a chunk may be a row's distractor, and counts what it refuses."""

    def __init__(self, chunks: Mapping[str, Chunk], max_relative: float) -> None:
        self.chunks, self.max_relative = chunks, max_relative
        self.passages = Passages(chunks)
        self.refused: Counter[str] = Counter()
        self.unchecked_answers = 0
        self._key = functools.lru_cache(maxsize=_KEYS_KEPT)(key)

    def row(self, triple: Triple, standing: Standing) -> _Row:
        answer = key(triple.answer or "")
        if len(answer) <= _SHORT_ANSWER_CHARS and len(units(answer)) < 2 and not any(map(str.isdigit, answer)):
            self.unchecked_answers += bool(answer)
            answer = ""
        return _Row(triple, standing, [self.chunks[positive] for positive in triple.positives], answer, set())

    def admits(self, row: _Row, chunk: Chunk) -> bool:
        """Whatever does not need a score. The dear test is the last."""
        reason = self._refusal(row, chunk)
        if reason:
            self.refused[reason] += 1
        return not reason

    def distractor(self, row: _Row, chunk: Chunk, found_by: str, rank: int, score: float) -> Distractor | None:
        """None when the chunk scores too near to the positive, or is there already."""
        if chunk.sha256 in row.taken:
            return None
        source, floor = row.standing.source, row.standing.floor
        share = range_normalised(score, source, floor) if source > floor else None
        if (share is None and score > floor) or (share is not None and share >= self.max_relative):
            self.refused["score"] += 1
            return None
        row.taken.add(chunk.sha256)
        return Distractor(chunk.id, found_by, rank, round(score, 6), round(max(0.0, share or 0.0), 6))

    def _refusal(self, row: _Row, chunk: Chunk) -> str:
        if chunk.split != row.triple.split:
            return "split"
        if any(self.passages.identical(chunk, p) or self.passages.overlapping(chunk, p) for p in row.positives):
            return "positive"
        if row.answer and find(row.answer, self._key(chunk.text)) >= 0:
            return "answer"
        return "positive" if any(self.passages.near_duplicates(chunk, p) for p in row.positives) else ""


def _mined(row: _Row, guard: _Guard, depth: int) -> Iterator[Distractor]:
    for rank, hit in enumerate(row.standing.hits[:depth], 1):
        if hit.score <= row.standing.floor:
            return
        chunk = guard.chunks[hit.id]
        if guard.admits(row, chunk) and (found := guard.distractor(row, chunk, "bm25", rank, hit.score)):
            yield found


def _random(
    row: _Row, guard: _Guard, circle: Sequence[tuple[str, str]], retriever: Retriever, seed: int, missing: int
) -> list[Distractor]:
    start = bisect.bisect(circle, (digest([seed, "distractors", row.triple.id]), ""))
    draws = range(start, start + min(len(circle), _DRAWS_PER_PLACE * missing))
    walk = (guard.chunks[circle[at % len(circle)][1]] for at in draws)
    admitted = (chunk for chunk in walk if guard.admits(row, chunk))
    found: list[Distractor] = []
    while len(found) < missing and (drawn := list(itertools.islice(admitted, missing - len(found)))):
        scores = retriever.score([row.triple.query], [[chunk.id for chunk in drawn]])[0]
        made = (guard.distractor(row, c, "random", 0, score) for c, score in zip(drawn, scores, strict=True))
        found.extend(distractor for distractor in made if distractor)
    return found


def _circles(chunks: Mapping[str, Chunk]) -> dict[str, list[tuple[str, str]]]:
    """(digest, id) of the chunks of each split, in order of their digests."""
    circles: dict[str, list[tuple[str, str]]] = {}
    for chunk in chunks.values():
        circles.setdefault(chunk.split, []).append((chunk.sha256, chunk.id))
    return {split: sorted(circle) for split, circle in circles.items()}


def _stats(triples: Sequence[Triple], num: int, guard: _Guard) -> dict[str, Any]:
    mined = [d for t in triples for d in t.distractors if d.mined]
    random = sum(len(t.distractors) for t in triples) - len(mined)
    return {
        "rows": len(triples),
        "asked": num * len(triples),
        "mined": len(mined),
        "random": random,
        "missing": num * len(triples) - len(mined) - random,
        "short": sum(len(t.distractors) < num for t in triples),
        "unchecked_answers": guard.unchecked_answers,
        "hardness": round(sum(d.relative for d in mined) / len(mined), 6) if mined else None,
        "refused": dict(sorted(guard.refused.items())),
    }

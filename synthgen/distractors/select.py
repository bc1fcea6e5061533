"""Distractors: passages that look like the answer to a query and are not.

They come from searches (`mined`), from the same document (`same_document`) and from anywhere (`random`), by default
half, a quarter and a quarter; the shares are exact over a run (`sources`). A source that has too few is filled up by
the others. `mining` selects candidates, `guard` rejects what no distractor may be, and `checks` can ask a cross-encoder
or a model as well. Each prefix of a row's list has about the same mix, the hardest of each source first.

Before that, a chunk that clearly answers the query better than the row's own passage becomes a further positive
(`further_positives`).

All choices follow the seed and the texts, so a renamed or edited file does not change other rows' choices. One
exception: with an odd number of places, the assignment of the odd ones depends on all rows, and a further row moves its
borders by one.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from synthgen.config.settings import Distractors
from synthgen.distractors.checks import Check, cross_encoder_check, model_check
from synthgen.distractors.guard import Guard
from synthgen.distractors.mining import MinedRow, Miner
from synthgen.distractors.sources import SOURCES, interleaved, quotas, shares_of
from synthgen.errors import ConfigError
from synthgen.prompting.row_questions import Paid
from synthgen.records import Chunk, Event, OnEvent, Triple
from synthgen.retrieval import Retriever

__all__ = ["ROUNDS", "DistractorEncoders", "add_distractors"]

_ROWS_AT_A_TIME = 2_000
ROUNDS = 4  # of checks: of the first choice, then of the replacements of rejected distractors


class DistractorEncoders(Protocol):
    """The encoders that distractors may need. Each is created at its first use."""

    def dense(self) -> Retriever:
        """Return a search over the chunks by the untuned encoder."""
        ...

    def rerank(self, pairs: Sequence[tuple[str, str]], *, model: str) -> list[float]:
        """Return the score of each (query, text) by the named cross-encoder; larger is better."""
        ...


def add_distractors(
    triples: Sequence[Triple],
    chunks: Mapping[str, Chunk],
    retriever: Retriever,
    settings: Distractors,
    *,
    encoders: DistractorEncoders | None = None,
    paid: Paid | None = None,
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> tuple[list[Triple], dict[str, Any]]:
    """Return the triples with up to `settings.num` distractors each and with further positives, and the counts.

    Distractors that an import gave stay if they are in the row's split, and come first; mining adds to them.

    `retriever` is the lexical search. Counts: `rows`, `asked`, `found` by source, `filled` (places that another source
    filled), `missing` (empty places) in `short` rows, `refused` by reason, `unchecked_answers` (see `guard`) and
    `further_positives`. `hardness` is about the mined distractors and the first of `judges`: the mean of their score
    divided by the positive's (`raw`), and the same on the normalised range (`relative`); None without any.

    Raises ConfigError for a judge or a check without encoders or models here, and the errors of `encoders` and `paid`.
    """
    judges: Mapping[str, Retriever] = {name: _judge(name, retriever, encoders) for name in settings.judges}
    guard = Guard(chunks, adjacent=settings.adjacent)
    miner = Miner(chunks, judges, guard, settings, seed=seed)
    checks = _checks(chunks, settings, encoders, paid)
    shares = shares_of(settings.mined, settings.same_document)
    row_quotas = iter(quotas([triple.id for triple in triples], settings.num, shares, seed=seed))
    found: list[Triple] = []
    counts = _Counts(settings)
    for batch in _batches(triples):
        rows = [MinedRow(triple, quota) for triple, quota in zip(batch, row_quotas, strict=False)]
        miner.supply(rows)
        for row in rows:
            row.fill()
        _check(rows, checks, chunks, guard)
        for row in rows:
            counts.add(row)
            split = row.triple.split
            given = [d for d in row.triple.distractors if d.given and chunks[d.chunk_id].split == split]
            known = {distractor.chunk_id for distractor in given}
            added = [distractor for distractor in interleaved(row.found, shares) if distractor.chunk_id not in known]
            found.append(replace(row.triple, distractors=(*given, *added)[: max(settings.num, len(given))]))
        if on_event:
            on_event(Event("distractors", len(found), len(triples)))
    return found, counts.report(guard)


def _batches(triples: Sequence[Triple]) -> Iterator[Sequence[Triple]]:
    stream = iter(triples)
    while batch := list(itertools.islice(stream, _ROWS_AT_A_TIME)):
        yield batch


def _judge(name: str, retriever: Retriever, encoders: DistractorEncoders | None) -> Retriever:
    if name == "bm25":
        return retriever
    if encoders is None:
        raise ConfigError(f"distractors.judges has {name!r}, but no encoders were given. Use it in a run, or leave it out.")
    return encoders.dense()


def _checks(
    chunks: Mapping[str, Chunk], settings: Distractors, encoders: DistractorEncoders | None, paid: Paid | None
) -> list[Check]:
    """Return the checks, the cheap one first."""
    checks: list[Check] = []
    if settings.cross_encoder is not None:
        if encoders is None:
            raise ConfigError("distractors.cross_encoder is set, but no encoders were given. Use it in a run, or leave it out.")
        checks.append(cross_encoder_check(encoders.rerank, settings.cross_encoder, chunks))
    if settings.check:
        if paid is None:
            raise ConfigError("distractors.check is set, but no model was given. Use it in a run, or leave it out.")
        checks.append(model_check(paid, settings.check_model))
    return checks


def _check(rows: Sequence[MinedRow], checks: Sequence[Check], chunks: Mapping[str, Chunk], guard: Guard) -> None:
    """Check every distractor, then the replacements of rejected ones, and so on. No unchecked distractor stays.

    A row with a distractor that could not be checked is not refilled: its other candidates could not be checked either.
    """
    if not checks:
        return
    for remaining_rounds in reversed(range(ROUNDS)):
        unchecked = [(row, distractor) for row in rows for distractor in row.unchecked()]
        if not unchecked:
            return
        reasons_of = [""] * len(unchecked)
        for check in checks:
            pending = [i for i, reason in enumerate(reasons_of) if not reason]
            reasons = check([(unchecked[i][0].triple, chunks[unchecked[i][1].chunk_id]) for i in pending])
            for i, reason in zip(pending, reasons, strict=True):
                reasons_of[i] = reason
        checkable: dict[int, bool] = {}
        for (row, distractor), reason in zip(unchecked, reasons_of, strict=True):
            checkable[id(row)] = checkable.get(id(row), True) and reason != "not_asked"
            row.record_check(distractor, rejected=bool(reason))
            guard.rejected[reason] += bool(reason)
        for row in rows:
            if remaining_rounds and checkable.get(id(row)):
                row.fill()


class _Counts:
    """The counts of a run."""

    def __init__(self, settings: Distractors) -> None:
        self._settings = settings
        self._found: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._raw: list[float] = []
        self._relative: list[float] = []

    def add(self, row: MinedRow) -> None:
        distractors = [distractor for source in SOURCES for distractor in row.found[source]]
        missing = self._settings.num - len(distractors)
        self._found.update(distractor.found_by for distractor in distractors)
        self._counts.update(
            rows=1,
            missing=missing,
            short=int(missing > 0),
            filled=sum(max(0, len(row.found[source]) - row.quota[source]) for source in SOURCES),
            further_positives=row.further,
        )
        for distractor in row.found["mined"]:
            raw, relative = row.hardness(distractor)
            self._relative.append(relative)
            if raw is not None:
                self._raw.append(raw)

    def report(self, guard: Guard) -> dict[str, Any]:
        rows = self._counts["rows"]
        return {
            "rows": rows,
            "asked": self._settings.num * rows,
            "found": dict(sorted(self._found.items())),
            **{name: self._counts[name] for name in ("filled", "missing", "short", "further_positives")},
            "unchecked_answers": guard.unchecked_answers,
            "hardness": {"judge": self._settings.judges[0], "raw": _mean(self._raw), "relative": _mean(self._relative)},
            "refused": {reason: n for reason, n in sorted(guard.rejected.items()) if n},
        }


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 6) if values else None

"""Distractors: passages that look like the answer to a query and are not.

They come from searches (`mined`), from other places of the same document, and from anywhere (`random`), by default half, a quarter
and a quarter, which is met exactly over a run (`mix`). What one source cannot give, another fills. `mining` says how each source
chooses, `guard` what no distractor may be, whatever its source, and `checking` how a cross-encoder or a model may be asked as well.
The list of a row is ordered so that each of its beginnings has about the same mix, the hardest of each source first.

A chunk that clearly answers the query better than the row's own passage becomes a further positive before (`better`).

All choices follow the seed and the texts, so a renamed or edited file changes no other row's. (With an odd number of places, which
rows get the odd ones depends on all rows: another row more moves the borders by one.)
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from synthgen.config.settings import Distractors
from synthgen.distractors.checks import Check, model_check, reranking
from synthgen.distractors.guard import Guard
from synthgen.distractors.mining import MinedRow, Miner
from synthgen.distractors.sources import SOURCES, interleaved, quotas, shares_of
from synthgen.errors import ConfigError
from synthgen.prompting.row_questions import Paid
from synthgen.records import Chunk, Event, OnEvent, Triple
from synthgen.retrieval import Retriever

__all__ = ["ROUNDS", "DistractorEncoders", "add_distractors"]

_ROWS_AT_A_TIME = 2_000
ROUNDS = 4  # of asking: for the first choice, then for what takes the place of the refused


class DistractorEncoders(Protocol):
    """What distractors may need of encoders, each made when it is first asked for."""

    def dense(self) -> Retriever:
        """Search over the chunks by the encoder as it is."""
        ...

    def rerank(self, pairs: Sequence[tuple[str, str]], *, model: str) -> list[float]:
        """How well each (query, text) fits, by the cross-encoder of that name or path; larger is better."""
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
    """The triples with up to `settings.num` distractors each, and with further positives; and what was found.

    `retriever` is the lexical search. Counts: `rows`, `asked`, `found` by what found them, `filled` (places that another source gave),
    `missing` (places left empty) in `short` rows, `refused` by reason, `unchecked_answers` (see `guard`), `further_positives`, and
    `hardness` of the mined ones: the means of their score divided by the positive's (`raw`) and of the same on the normalised range
    (`relative`), by the first of `judges`; None without any. Raises ConfigError for a judge or a check that nothing here can be
    asked for, and the errors of `encoders` and `paid`.
    """
    judges: Mapping[str, Retriever] = {name: _judge(name, retriever, encoders) for name in settings.judges}
    guard = Guard(chunks, adjacent=settings.adjacent)
    miner = Miner(chunks, judges, guard, settings, seed=seed)
    checks = _checks(chunks, settings, encoders, paid)
    shares = shares_of(settings.mined, settings.same_document)
    wanted = iter(quotas([triple.id for triple in triples], settings.num, shares, seed=seed))
    found: list[Triple] = []
    tally = _Counts(settings)
    for batch in _batches(triples):
        rows = [MinedRow(triple, quota) for triple, quota in zip(batch, wanted, strict=False)]
        miner.supply(rows)
        for row in rows:
            row.fill()
        _check(rows, checks, chunks, guard)
        for row in rows:
            tally.add(row)
            found.append(replace(row.triple, distractors=tuple(interleaved(row.found, shares))))
        if on_event:
            on_event(Event("distractors", len(found), len(triples)))
    return found, tally.report(guard)


def _batches(triples: Sequence[Triple]) -> Iterator[Sequence[Triple]]:
    stream = iter(triples)
    while batch := list(itertools.islice(stream, _ROWS_AT_A_TIME)):
        yield batch


def _judge(name: str, retriever: Retriever, encoders: DistractorEncoders | None) -> Retriever:
    if name == "bm25":
        return retriever
    if encoders is None:
        raise ConfigError(f"distractors.judges has {name!r}, but there is no encoder here. Use it in a run, or leave it out.")
    return encoders.dense()


def _checks(
    chunks: Mapping[str, Chunk], settings: Distractors, encoders: DistractorEncoders | None, paid: Paid | None
) -> list[Check]:
    """The cheap one first."""
    checks: list[Check] = []
    if settings.cross_encoder is not None:
        if encoders is None:
            raise ConfigError(
                "distractors.cross_encoder is set, but there is no encoder here. Use it in a run, or leave it out."
            )
        checks.append(reranking(encoders.rerank, settings.cross_encoder, chunks))
    if settings.check:
        if paid is None:
            raise ConfigError("distractors.check asks a model, but was given no way to one. Use it in a run, or leave it out.")
        checks.append(model_check(paid, settings.check_model))
    return checks


def _check(rows: Sequence[MinedRow], checks: Sequence[Check], chunks: Mapping[str, Chunk], guard: Guard) -> None:
    """Ask about every distractor, then about what takes the place of those refused, and so on; nothing unasked stays.

    A row with something that could not be asked is left as it is then: more of the same would be said of other candidates.
    """
    if not checks:
        return
    for left in reversed(range(ROUNDS)):
        waiting = [(row, distractor) for row in rows for distractor in row.unchecked()]
        if not waiting:
            return
        said = [""] * len(waiting)
        for check in checks:
            asked = [i for i, reason in enumerate(said) if not reason]
            reasons = check([(waiting[i][0].triple, chunks[waiting[i][1].chunk_id]) for i in asked])
            for i, reason in zip(asked, reasons, strict=True):
                said[i] = reason
        asked_about: dict[int, bool] = {}
        for (row, distractor), reason in zip(waiting, said, strict=True):
            asked_about[id(row)] = asked_about.get(id(row), True) and reason != "not_asked"
            row.settle(distractor, refused=bool(reason))
            guard.refused[reason] += bool(reason)
        for row in rows:
            if left and asked_about.get(id(row)):
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
        given = [distractor for source in SOURCES for distractor in row.found[source]]
        missing = self._settings.num - len(given)
        self._found.update(distractor.found_by for distractor in given)
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
            "refused": {reason: n for reason, n in sorted(guard.refused.items()) if n},
        }


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 6) if values else None

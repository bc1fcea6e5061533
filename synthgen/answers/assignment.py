"""Which row is answered in which way: exact shares of styles, lengths and forms, whatever the order of the rows.

Within each split, a share p of n rows is the distance of its bounds on the line of all shares, each bound rounded as floor(n·p + ½). So
the counts of a dimension add up, and none is a whole row away from its share. The dimensions are dealt one within the other: each stratum of rows that are
alike so far gets its part of every way, as even as whole rows allow. Who in a stratum gets which is decided by the rank of a digest of
the row, so that a row more or less changes what is asked of a few others only, and not of all.

A length is of plain text: rows with a JSON form get none, and shares of lengths are of the others. The schema can bound those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any

from synthgen.config.answer_styles import AnswerForm, Length, Style, Way
from synthgen.config.settings import AnswerSettings
from synthgen.quotas import exact, in_turn, rounded
from synthgen.records import Triple, digest

__all__ = ["Task", "deal"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a row's answer."""

    style: Style | None = None
    length: Length | None = None
    form: AnswerForm | None = None

    @property
    def instruction(self) -> str:
        """What the model and the exported question say; "" when nothing is asked."""
        return "\n".join(way.instruction for way in (self.style, self.length, self.form) if way and way.instruction)

    @property
    def json_schema(self) -> Mapping[str, Any] | None:
        """What the answer fits where it is to be JSON."""
        return self.form.json_schema if self.form else None

    @property
    def names(self) -> dict[str, str]:
        """The name of each way that was dealt: style, length, form."""
        dealt: Mapping[str, Way | None] = {"style": self.style, "length": self.length, "form": self.form}
        return {kind: way.name for kind, way in dealt.items() if way}


Stratum = tuple[Task, Sequence[str]]
"""Ids of rows that are asked for the same."""


def deal(triples: Sequence[Triple], settings: AnswerSettings, *, seed: int) -> dict[str, Task]:
    """The task of each row, by id, in the order of `triples`."""
    tasks: dict[str, Task] = {}
    for split in sorted({triple.split for triple in triples}):
        strata: list[Stratum] = [(Task(), [triple.id for triple in triples if triple.split == split])]
        strata = _dealt(strata, "form", settings.forms, seed)
        strata = _dealt(strata, "style", settings.styles, seed)
        prose = [(task, ids) for task, ids in strata if task.json_schema is None]
        others = [(task, ids) for task, ids in strata if task.json_schema is not None]
        for task, ids in (*_dealt(prose, "length", settings.lengths, seed), *others):
            tasks |= dict.fromkeys(ids, task)
    return {triple.id: tasks[triple.id] for triple in triples}


def _dealt(strata: Sequence[Stratum], kind: str, ways: Sequence[Way], seed: int) -> list[Stratum]:
    """The strata cut by `ways`; the rest of the rows gets None."""
    turns = in_turn(_quotas(sum(len(ids) for _, ids in strata), ways))
    cut: list[Stratum] = []
    for task, ids in strata:
        counts = Counter(islice(turns, len(ids)))
        ranked = iter(sorted(ids, key=lambda row: digest([seed, "answers", kind, row])))
        for number, way in enumerate([*ways, None]):
            told = replace(task, **{kind: way})  # type: ignore[arg-type]  # each kind has ways of its own type
            cut.append((told, list(islice(ranked, counts[number]))))
    return cut


def _quotas(rows: int, ways: Sequence[Way]) -> list[int]:
    """How many rows each way gets, and, last, how many get none."""
    given = [None if way.share is None else exact(way.share) for way in ways]
    left, unset = 1 - sum((share for share in given if share is not None), Fraction(0)), given.count(None)
    bounds, at = [0], Fraction(0)
    for share in given:
        at += left / unset if share is None else share
        bounds.append(rounded(rows, at))
    return [last - first for first, last in zip(bounds, [*bounds[1:], rows], strict=True)]

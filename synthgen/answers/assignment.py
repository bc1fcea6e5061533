"""Assign an answer style, length and form to each row, with exact shares that do not depend on the order of the rows.

Within each split, a share p of n rows is the distance of its two bounds on the line of all shares, each bound rounded
as floor(n·p + ½). The counts of a dimension therefore add up, and none differs from its share by a whole row. The
dimensions are assigned one inside the other: each stratum of rows with equal assignments so far gets its part of every
option, as even as whole rows allow. Within a stratum, the rank of a digest of the row decides, so one more or one fewer
row changes the assignment of few others.

Lengths apply to plain text. Rows with a JSON form get none, and the shares of lengths count the other rows. A schema
can limit the length of JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any

from synthgen.config.answer_styles import AnswerForm, AnswerOption, Length, Style
from synthgen.config.settings import AnswerSettings
from synthgen.quotas import exact, in_turn, rounded
from synthgen.records import Triple, digest

__all__ = ["AnswerTask", "assign_tasks"]


@dataclass(frozen=True, slots=True)
class AnswerTask:
    """The requirements of a row's answer."""

    style: Style | None = None
    length: Length | None = None
    form: AnswerForm | None = None

    @property
    def instruction(self) -> str:
        """The instruction for the model and the exported question; "" without requirements."""
        return "\n".join(way.instruction for way in (self.style, self.length, self.form) if way and way.instruction)

    @property
    def json_schema(self) -> Mapping[str, Any] | None:
        """The schema of the answer, if it is to be JSON."""
        return self.form.json_schema if self.form else None

    @property
    def names(self) -> dict[str, str]:
        """The name of each assigned option: style, length, form."""
        options: Mapping[str, AnswerOption | None] = {"style": self.style, "length": self.length, "form": self.form}
        return {kind: option.name for kind, option in options.items() if option}


Stratum = tuple[AnswerTask, Sequence[str]]
"""A task, and the ids of the rows that share it."""


def assign_tasks(triples: Sequence[Triple], settings: AnswerSettings, *, seed: int) -> dict[str, AnswerTask]:
    """Return the task of each row by id, in the order of `triples`."""
    tasks: dict[str, AnswerTask] = {}
    for split in sorted({triple.split for triple in triples}):
        strata: list[Stratum] = [(AnswerTask(), [triple.id for triple in triples if triple.split == split])]
        strata = _divided(strata, "form", settings.forms, seed)
        strata = _divided(strata, "style", settings.styles, seed)
        prose = [(task, ids) for task, ids in strata if task.json_schema is None]
        others = [(task, ids) for task, ids in strata if task.json_schema is not None]
        for task, ids in (*_divided(prose, "length", settings.lengths, seed), *others):
            tasks |= dict.fromkeys(ids, task)
    return {triple.id: tasks[triple.id] for triple in triples}


def _divided(strata: Sequence[Stratum], kind: str, options: Sequence[AnswerOption], seed: int) -> list[Stratum]:
    """Return the strata divided among `options`; the remaining rows get None."""
    turns = in_turn(_quotas(sum(len(ids) for _, ids in strata), options))
    divided: list[Stratum] = []
    for task, ids in strata:
        counts = Counter(islice(turns, len(ids)))
        ranked = iter(sorted(ids, key=lambda row: digest([seed, "answers", kind, row])))
        for number, option in enumerate([*options, None]):
            with_option = replace(task, **{kind: option})  # type: ignore[arg-type]  # each kind has its own type of options
            divided.append((with_option, list(islice(ranked, counts[number]))))
    return divided


def _quotas(rows: int, options: Sequence[AnswerOption]) -> list[int]:
    """Return the number of rows of each option, followed by the number of rows without one."""
    shares = [None if option.share is None else exact(option.share) for option in options]
    remaining, unset = 1 - sum((share for share in shares if share is not None), Fraction(0)), shares.count(None)
    bounds, at = [0], Fraction(0)
    for share in shares:
        at += remaining / unset if share is None else share
        bounds.append(rounded(rows, at))
    return [last - first for first, last in zip(bounds, [*bounds[1:], rows], strict=True)]

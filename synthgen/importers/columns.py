"""Assign a role to each column, and turn raw rows into import rows.

`ROLES` lists the usual column names. A mapping of role to column overrides them: then that column alone has the role.
Every other column is kept in `metadata` under its own name. Wrong answers (`distractor1`, `incorrect_answers`, …) are
kept as the list `wrong_answers`. A question that is marked as impossible has no answer; the answers that it comes with
are kept as `plausible_answers`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import regex

from synthgen.errors import ConfigError, InputError, nearest
from synthgen.importers.chat import Flat, flatten
from synthgen.importers.files import raw_rows
from synthgen.importers.own_exports import check_is_whole, plain_export
from synthgen.importers.own_rows import OwnRow, check_is_rows, is_own, read_own, rejection_of
from synthgen.importers.values import BadValue, jsonable, parse_bool, parse_cell, parse_split, whole_number
from synthgen.importers.verdicts import ACCEPTED, EDITED, Verdicts
from synthgen.records import Skipped
from synthgen.text.words import normalise

__all__ = ["ROLES", "ImportRow", "ReadSummary", "check_mapping", "other_columns", "read_rows"]

ROLES: Mapping[str, tuple[str, ...]] = {
    "query": ("query", "question", "anchor", "user_input", "prompt"),
    "answer": ("answer", "answers", "correct_answer", "response", "completion", "ground_truth", "reference"),
    "context": ("context", "contexts", "passage", "support", "positive", "reference_contexts"),
    "document": ("document", "document_id", "doc"),
    "start": ("start",),
    "end": ("end",),
    "chunk_id": ("chunk_id",),
    "chunk_sha256": ("chunk_sha256",),
    "reviewed": ("reviewed",),
    "generator": ("generator",),
    "reasoning": ("reasoning",),
    "title": ("title",),
    "answer_start": ("answer_start",),
    "impossible": ("is_impossible",),
    "split": ("split",),
    "kind": (),
}
"""Role -> its usual column names. The first that a row has is used."""

_WRONG_ANSWER = regex.compile(r"(?:distractor|wrong_answer|incorrect_answer)(?:s|_?\d+)")
_NEGATIVE = regex.compile(r"(?:hard_)?negatives?(?:_?\d+)?")
_SQUAD_CELL = regex.compile(
    r"\s*\[?\s*\{\s*(['\"])(?:text\1.*['\"]answer_start|answer_start\1.*['\"]text)['\"]\s*:", regex.DOTALL
)  # SQuAD's answers in a CSV cell
_OWN = {"query": "query", "answer": "answer", "chunk_id": "chunk_id", "reviewed": "reviewed", "generator": "generator"}
_EMPTY_LIST = "[]"  # in a CSV cell
_MAX_LISTED = 40  # columns listed in a message


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row with known columns. `start` and `end` are offsets in the document, `answer_start` is one in the context."""

    where: str
    query: str
    answer: str | None = None
    context: str = ""
    document: str = ""
    start: int | None = None
    end: int | None = None
    chunk_id: str = ""
    chunk_sha256: str = ""
    verdict: str = ""
    generator: str = ""
    reasoning: str | None = None
    kind: str = ""
    title: str = ""
    answer_start: int | None = None
    split: str = ""
    negatives: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    own: OwnRow | None = None

    @property
    def reviewed(self) -> bool:
        """Whether a person has accepted or edited the row."""
        return self.verdict in (ACCEPTED, EDITED)


@dataclass(slots=True)
class ReadSummary:
    """What was read from a file: its format, its number of rows, and the number of rows by role and column."""

    format: str
    rows: int = 0
    columns: Counter[tuple[str, str]] = field(default_factory=Counter)
    metadata: set[str] = field(default_factory=set)
    verdicts: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        roles: dict[str, dict[str, int]] = {}
        for role, column in sorted(self.columns, key=lambda pair: (list(ROLES).index(pair[0]), pair[1])):
            roles.setdefault(role, {})[column] = self.columns[role, column]
        verdicts = {verdict: n for verdict, n in sorted(self.verdicts.items()) if verdict}
        read = {
            "format": self.format,
            "rows": self.rows,
            "columns": roles,
            "metadata": sorted(self.metadata),
        }
        given = {"verdicts": verdicts, "splits": {split: n for split, n in sorted(self.splits.items()) if split}}
        return read | {name: counted for name, counted in given.items() if counted}


def check_mapping(
    mapping: Mapping[str, str],
    roles: Collection[str] = ROLES,
    *,
    where: str = "",
    example: str = "query=question,answer=correct_answer,context=support",
) -> dict[str, str]:
    """Return a copy of `mapping`. Raises ConfigError for a role that is not in `roles`; `where` names the kind of rows."""
    for role in mapping:
        if role not in roles:
            raise ConfigError(
                f"A column cannot be mapped to {role!r}{where}.{nearest(role, roles)} Allowed: {', '.join(roles)}; "
                f"for example {example}. Other columns are kept in metadata as they are."
            )
    return dict(mapping)


def read_rows(path: Path, mapping: Mapping[str, str] | None = None) -> tuple[list[ImportRow], list[Skipped], ReadSummary]:
    """Return the rows of a file, the rows that cannot be used, and a summary of what was read.

    Raises InputError for a file that cannot be read or has no row, and ConfigError when no row has a mapped column or
    no column is the query.
    """
    mapping = check_mapping(mapping or {})
    format, raw = raw_rows(path)
    reader, summary = _RowReader(mapping), ReadSummary(format)
    own = mapping.keys() <= {"reviewed"}  # other columns than ours are asked for
    rows: list[ImportRow] = []
    skipped: list[Skipped] = []
    seen: dict[str, None] = {}
    for where, columns, problem in raw:
        summary.rows += 1
        check_is_rows(path, columns)
        if not mapping:
            check_is_whole(path, columns)
        if own and not problem and is_own(columns):
            seen |= dict.fromkeys(columns)
            read = reader.own(where, columns, summary, accepted=path.stem != "candidates" and format != "beir")
            rows.append(read) if isinstance(read, ImportRow) else skipped.append(read)
            continue
        flat = Flat(columns, "bad_row", problem) if problem else flatten(plain_export(columns))
        seen |= dict.fromkeys(columns) | dict.fromkeys(flat.columns)
        found = (
            Skipped(where, "import", flat.reason, detail=flat.detail)
            if flat.reason
            else reader.row(where, flat.columns, summary)
        )
        skipped += [Skipped(where, "import", "other_turn", detail=query[:80]) for query in flat.other_turns]
        rows.append(found) if isinstance(found, ImportRow) else skipped.append(found)
    _check(path, mapping, list(seen), summary, skipped)
    return rows, skipped, summary


def _check(path: Path, mapping: Mapping[str, str], seen: list[str], summary: ReadSummary, skipped: list[Skipped]) -> None:
    columns = ", ".join(seen[:_MAX_LISTED])
    if seen and skipped and len(skipped) == summary.rows and all(skip.reason == "was_rejected" for skip in skipped):
        raise InputError(
            f"{path} is the table `rejected` of a run, and none of its {len(skipped)} rows is marked as reviewed. "
            "Set `reviewed` to true, or to accepted or edited, in the rows to keep."
        )
    if not seen:
        raise InputError(f"{path} has no rows{f': {skipped[0].path} is {skipped[0].detail}' if skipped else ''}.")
    for role, column in mapping.items():
        if column not in seen:
            raise ConfigError(f"{path} has no column {column!r} for {role}.{nearest(column, seen)} It has: {columns}.")
    if not any(role == "query" for role, _ in summary.columns):
        raise ConfigError(
            f"None of the columns of {path} has a usual name for the query. It has: {columns}. Name the column with --map query=COLUMN; "
            f"the usual names are {', '.join(ROLES['query'])}."
        )


class _RowReader:
    """Converts raw rows. The roles of columns are found once for rows with the same columns; equal contexts share their text."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._mapping = mapping
        self._verdicts = Verdicts(mapping.get("reviewed"))
        self._roles: dict[tuple[str, ...], dict[str, str]] = {}
        self._contexts: dict[str, str] = {}

    def row(self, where: str, columns: Mapping[str, Any], summary: ReadSummary) -> ImportRow | Skipped:
        names = tuple(columns)
        if names not in self._roles:
            self._roles[names] = _roles(names, self._mapping)
            summary.metadata |= set(names) - set(self._roles[names].values())
        roles = self._roles[names]
        summary.columns.update(roles.items())
        values = {role: columns[column] for role, column in roles.items()}
        try:
            verdict, of = self._verdicts.of(columns)
            if not (query := _text(values.get("query"), "query")):
                return Skipped(where, "import", "no_query")
            contexts = _texts(values.get("context"), "context")
            if len(set(contexts)) > 1:
                return Skipped(where, "import", "several_contexts", detail=f"{len(contexts)} contexts")
            answer_value = _parse_cell(values.get("answer"))
            answers, answer_start = _answers(answer_value)
            impossible = parse_bool(values.get("impossible"), "impossible")
            if impossible is None and isinstance(answer_value, Mapping) and not answers:
                impossible = True
            metadata = other_columns({name: columns[name] for name in names if name not in roles.values()})
            if impossible is not None:
                metadata["is_impossible"] = impossible
            if impossible and (plausible := [answer for answer in answers if answer != _EMPTY_LIST]):
                metadata.setdefault("plausible_answers", plausible)
            if not impossible and len(set(answers)) > 1:
                metadata["answers"] = answers
            split = parse_split(_text(values.get("split"), "split"))
            summary.verdicts[verdict] += 1
            summary.splits[split] += 1
            summary.columns.update(("reviewed", column) for column in of if column != roles.get("reviewed"))
            return ImportRow(
                where=where,
                query=query,
                answer=answers[0] if answers and not impossible else None,
                context=self._shared(contexts[0]) if contexts else "",
                document=_text(values.get("document"), "document").removeprefix("./"),
                start=_number(values.get("start"), "start"),
                end=_number(values.get("end"), "end"),
                chunk_id=_text(values.get("chunk_id"), "chunk_id"),
                chunk_sha256=_text(values.get("chunk_sha256"), "chunk_sha256"),
                verdict=verdict,
                split=split,
                generator=_text(values.get("generator"), "generator"),
                reasoning=_text(values.get("reasoning"), "reasoning") or None,
                kind=_text(values.get("kind"), "kind"),
                title=_text(values.get("title"), "title"),
                answer_start=answer_start if answer_start is not None else _number(values.get("answer_start"), "answer_start"),
                negatives=_negatives(columns, roles.values()),
                metadata=metadata,
            )
        except BadValue as bad:
            return Skipped(where, "import", "bad_row", detail=str(bad))

    def own(self, where: str, columns: Mapping[str, Any], summary: ReadSummary, *, accepted: bool) -> ImportRow | Skipped:
        """Return a row of one of our tables as it is, or why it cannot be used."""
        try:
            verdict, of = self._verdicts.of(columns)
            row = read_own(columns, verdict, accepted=accepted)
            if (rejection := rejection_of(columns)) and not row.triple.reviewed:
                return Skipped(where, "import", "was_rejected", row.triple.chunk_id, f"{rejection}; `reviewed` would keep it")
        except BadValue as bad:
            return Skipped(where, "import", "bad_row", detail=str(bad))
        summary.verdicts[verdict] += 1
        summary.splits[row.triple.split] += 1
        summary.columns.update((role, column) for role, column in _OWN.items() if column in columns)
        summary.columns.update(("reviewed", column) for column in of if column != "reviewed")
        triple = row.triple
        return ImportRow(
            where=where,
            query=triple.query,
            answer=triple.answer,
            context=self._shared(row.context),
            document=triple.document_id,
            start=triple.start,
            end=triple.end,
            chunk_id=triple.chunk_id,
            chunk_sha256=triple.chunk_sha256,
            verdict=verdict,
            generator=triple.generator,
            reasoning=triple.reasoning,
            kind=triple.kind,
            title=row.title,
            split=triple.split,
            metadata=triple.metadata,
            own=replace(row, accepted=accepted and not rejection),
        )

    def _shared(self, context: str) -> str:
        return self._contexts.setdefault(context, context)


def _roles(names: tuple[str, ...], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return role -> column for rows with these columns. A mapped column has no other role."""
    mapped = set(mapping.values())
    found = {role: column for role, column in mapping.items() if column in names}
    for role, usual_names in ROLES.items():
        column = next((name for name in usual_names if name in names and name not in mapped), None)
        if role == "answer" and column == "answer" and "_task_hash" in names:  # Prodigy's verdict
            column = None
        if role not in mapping and column is not None:
            found[role] = column
    return found


def _negatives(columns: Mapping[str, Any], taken: Collection[str]) -> tuple[str, ...]:
    """Return the passages that a row gives as wrong ones, in the order of its columns."""
    found: list[str] = []
    for name, value in columns.items():
        if name not in taken and _NEGATIVE.fullmatch(name):
            found += [normalise(one).strip() for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return tuple(text for text in found if text)


def _text(value: Any, role: str) -> str:
    """Return a value in normal form, without surrounding space; "" for None and NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) and role == "answer":
        value = "yes" if value else "no"
    if isinstance(value, date | time):
        value = value.isoformat()
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise BadValue(f"{role} is {str(value)[:40]!r} ({type(value).__name__}), not text")
    text = normalise(value if isinstance(value, str) else str(value))
    return text.strip()


def _texts(value: Any, role: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for item in values if (text := _text(item, role))]


def _parse_cell(value: Any) -> Any:
    """Return SQuAD's answers from a cell that holds them as JSON or as a Python literal; other values unchanged."""
    if not (isinstance(value, str) and _SQUAD_CELL.match(value)):
        return value
    try:
        return parse_cell(value)
    except BadValue as bad:
        raise BadValue(f"answer holds texts with starts, but is {bad}") from None


def _answers(value: Any) -> tuple[list[str], int | None]:
    """Return the answers of a row and the start of the first in the context, from a text, a list, or SQuAD's texts with
    starts.
    """
    starts: Any = None
    if isinstance(value, Mapping) and "text" in value:
        value, starts = value["text"], value.get("answer_start")
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) and "text" in item for item in value):
        value, starts = [item["text"] for item in value], [item.get("answer_start") for item in value]
    first = starts[0] if isinstance(starts, list) and starts else starts
    return _texts(value, "answer"), None if first == [] else _number(first, "answer_start")


def _number(value: Any, role: str) -> int | None:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return whole_number(value, role)


def other_columns(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the other columns in a form that JSON can represent, with all wrong answers in one list.

    Raises BadValue for two columns whose names are one in normal form.
    """
    wrong: list[str] = []
    kept: dict[str, Any] = {}
    for name, value in columns.items():
        values = value if isinstance(value, list) else [value]
        if _WRONG_ANSWER.fullmatch(name) and values and all(isinstance(v, str) for v in values):
            wrong += [text for text in map(str.strip, map(normalise, values)) if text]
        elif value is not None:
            plain, kept_value = normalise(name), jsonable(value)
            if kept.setdefault(plain, kept_value) != kept_value:
                raise BadValue(f"two columns have the name {plain!r}, in two ways of writing it")
    return kept | ({"wrong_answers": wrong} if wrong else {})

"""Read labelled texts as import rows of kind `classification`.

The text takes the place of the query, its label that of the answer, and the text is its own context: without a folder
of documents it becomes a document, with one it must occur in a document. A label is a text, a number or a boolean. A
list of one label counts as that label; a row with several labels cannot be used. All columns but those of `ROLES` are
kept in `metadata`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, InputError, nearest
from synthgen.importers.columns import ImportRow, ReadSummary, check_mapping, other_columns
from synthgen.importers.files import raw_rows
from synthgen.importers.values import BadValue, parse_split
from synthgen.importers.verdicts import Verdicts
from synthgen.records import CLASSIFICATION, Skipped
from synthgen.text.words import normalise

__all__ = ["ROLES", "check_label_mapping", "read_labelled"]

ROLES = ("text", "label", "reviewed", "generator")
"""The roles of columns, which are also their default names."""

_ROW_FIELDS = {"text": "query", "label": "answer"}


def check_label_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of `mapping`. Raises ConfigError for an unknown role."""
    return check_mapping(mapping, ROLES, where=" for rows that are labelled texts", example="text=review,label=stars")


def read_labelled(path: Path, mapping: Mapping[str, str] | None = None) -> tuple[list[ImportRow], list[Skipped], ReadSummary]:
    """Return the rows of a file, the rows that cannot be used, and a summary of what was read.

    Raises InputError for a file that cannot be read or has no row, ConfigError when it has no column for the text or
    the label.
    """
    columns = {role: role for role in ROLES} | check_label_mapping(mapping or {})
    verdicts = Verdicts((mapping or {}).get("reviewed"))
    format, raw = raw_rows(path)
    summary, rows, skipped = ReadSummary(format), list[ImportRow](), list[Skipped]()
    seen: dict[str, None] = {}
    for where, given, problem in raw:
        summary.rows += 1
        given = given if mapping else _plain(given)
        seen |= dict.fromkeys(given)
        summary.columns.update((_ROW_FIELDS.get(role, role), name) for role, name in columns.items() if name in given)
        found = (
            Skipped(where, "import", "bad_row", detail=problem) if problem else _row(where, given, columns, verdicts, summary)
        )
        rows.append(found) if isinstance(found, ImportRow) else skipped.append(found)
    summary.metadata = set(seen) - set(columns.values())
    _check(path, columns, mapping or {}, list(seen), skipped)
    return rows, skipped, summary


def _check(path: Path, columns: Mapping[str, str], mapping: Mapping[str, str], seen: list[str], skipped: list[Skipped]) -> None:
    if not seen:
        raise InputError(f"{path} has no rows{f': {skipped[0].path} is {skipped[0].detail}' if skipped else ''}.")
    for role, column in columns.items():
        if column not in seen and (role in _ROW_FIELDS or role in mapping):
            raise ConfigError(
                f"{path} has no column {column!r} for the {role}.{nearest(column, seen)} It has: {', '.join(seen[:40])}. "
                f"Name the column with --map {role}=COLUMN."
            )


def _plain(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the text and the label of a conversation in which the user gives the one and the assistant the other."""
    messages = given.get("messages")
    turns = [message for message in messages if isinstance(message, Mapping)] if isinstance(messages, list) else []
    said = {str(turn.get("role")): turn.get("content") for turn in turns}
    if [turn.get("role") for turn in turns if turn.get("role") != "system"] != ["user", "assistant"]:
        return given
    rest = {name: value for name, value in given.items() if name != "messages"}
    return {"text": said["user"], "label": said["assistant"], **rest}


def _row(
    where: str, given: Mapping[str, Any], columns: Mapping[str, str], verdicts: Verdicts, summary: ReadSummary
) -> ImportRow | Skipped:
    values = {role: given.get(column) for role, column in columns.items()}
    try:
        verdict, of = verdicts.of(given)
        text, label = _text(values["text"], "text"), " ".join(_label(values["label"]).split())
        if not text or not label:
            return Skipped(where, "import", "no_label" if text else "no_text")
        split = parse_split(_text(given.get("split"), "split"))
        summary.verdicts[verdict] += 1
        summary.splits[split] += 1
        summary.columns.update(("reviewed", column) for column in of if column != columns["reviewed"])
        return ImportRow(
            where=where,
            query=text,
            answer=label,
            context=text,
            kind=CLASSIFICATION,
            verdict=verdict,
            split=split,
            generator=_text(values["generator"], "generator"),
            metadata=other_columns({name: value for name, value in given.items() if name not in columns.values()}),
        )
    except BadValue as bad:
        return Skipped(where, "import", "bad_row", detail=str(bad))


def _text(value: Any, role: str) -> str:
    """Return a value in normal form, without surrounding space; "" for None."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadValue(f"{role} is {type(value).__name__}, not text")
    return normalise(value).strip()


def _label(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise BadValue(f"{len(value)} labels, where one can be used")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return "" if math.isnan(value) else str(value)
    return _text(value, "label")

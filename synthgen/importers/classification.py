"""Texts and their labels: raw rows to import rows of the kind `classification`.

The text stands in place of a query, its label in place of an answer, and the text is its own context: without a folder of documents
each is one, and with one it has to stand there. A label is a text, a number, or true or false; a list of one is taken for its
only label, and a row of several cannot be used. All columns but those of `ROLES` are kept in `metadata`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, InputError, nearest
from synthgen.importers.columns import BadValue, ImportRow, Taken, check_mapping, other_columns, truth
from synthgen.importers.files import raw_rows
from synthgen.records import CLASSIFICATION, Skipped
from synthgen.text.words import normalise

__all__ = ["ROLES", "check_label_mapping", "read_labelled"]

ROLES = ("text", "label", "reviewed", "generator")
"""What a column can be, and what it is called unless a mapping says otherwise."""

_SHOWN_AS = {"text": "query", "label": "answer"}


def check_label_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Raises ConfigError for a role that there is not."""
    return check_mapping(mapping, ROLES, where=" where rows are texts with labels", example="text=review,label=stars")


def read_labelled(path: Path, mapping: Mapping[str, str] | None = None) -> tuple[list[ImportRow], list[Skipped], Taken]:
    """The rows of a file, those that cannot be used, and what was taken for what.

    Raises InputError for a file that cannot be read or has no row, ConfigError when it has no column for the text or the label.
    """
    columns = {role: role for role in ROLES} | check_label_mapping(mapping or {})
    format, raw = raw_rows(path)
    taken, rows, skipped = Taken(format), list[ImportRow](), list[Skipped]()
    seen: dict[str, None] = {}
    for where, given, problem in raw:
        taken.rows += 1
        seen |= dict.fromkeys(given)
        taken.columns.update((_SHOWN_AS.get(role, role), name) for role, name in columns.items() if name in given)
        found = Skipped(where, "import", "bad_row", detail=problem) if problem else _row(where, given, columns)
        rows.append(found) if isinstance(found, ImportRow) else skipped.append(found)
    taken.metadata = set(seen) - set(columns.values())
    _check(path, columns, mapping or {}, list(seen), skipped)
    return rows, skipped, taken


def _check(path: Path, columns: Mapping[str, str], mapping: Mapping[str, str], seen: list[str], skipped: list[Skipped]) -> None:
    if not seen:
        raise InputError(f"{path} has no row{f': {skipped[0].path} is {skipped[0].detail}' if skipped else ''}.")
    for role, column in columns.items():
        if column not in seen and (role in _SHOWN_AS or role in mapping):
            raise ConfigError(
                f"{path} has no column {column!r} for the {role}.{nearest(column, seen)} It has: {', '.join(seen[:40])}. "
                f"Say which it is with --map {role}=COLUMN."
            )


def _row(where: str, given: Mapping[str, Any], columns: Mapping[str, str]) -> ImportRow | Skipped:
    values = {role: given.get(column) for role, column in columns.items()}
    try:
        text, label = _text(values["text"], "text"), " ".join(_label(values["label"]).split())
        if not text or not label:
            return Skipped(where, "import", "no_label" if text else "no_text")
        return ImportRow(
            where=where,
            query=text,
            answer=label,
            context=text,
            kind=CLASSIFICATION,
            reviewed=truth(values["reviewed"], "reviewed") is True,
            generator=_text(values["generator"], "generator"),
            metadata=other_columns({name: value for name, value in given.items() if name not in columns.values()}),
        )
    except BadValue as bad:
        return Skipped(where, "import", "bad_row", detail=str(bad))


def _text(value: Any, role: str) -> str:
    """In normal form and without the space around it; "" for nothing."""
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

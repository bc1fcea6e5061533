"""Tables of text: CSV and TSV as spreadsheets and data frames write them.

The separator is the one that a first line `sep=;` names, or else the most frequent of the header. Names of columns are
taken without the space around them. Cells that hold a list, as JSON, Python or numpy write it, are that list.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import regex

from synthgen.errors import InputError
from synthgen.importers.values import BadValue, parse_cell, parse_literal
from synthgen.text.foreign import check_encoding, reading

__all__ = ["parsed_list", "read_table"]

_MAX_CELL = 50_000_000
_SEP = regex.compile(r"\"?sep=(?P<separator>.)\"?\s*", regex.IGNORECASE)
_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_ARRAY = regex.compile(rf"(?:array\()?\[\s*{_ITEM}(?:[\s,]+{_ITEM})*\s*,?\s*\](?:,\s*dtype=\w+)?\)?", regex.DOTALL)
_ITEMS = regex.compile(_ITEM, regex.DOTALL)


def read_table(path: Path) -> Iterator[tuple[int, Mapping[str, Any], str]]:
    """Yield the line, the columns and the problem of each row.

    Raises InputError for a file that is not UTF-8 or no table, and for one with a column twice.
    """
    csv.field_size_limit(_MAX_CELL)
    try:
        with reading(path), path.open(encoding="utf-8-sig", newline="") as file:
            check_encoding(file.buffer, path)  # type: ignore[arg-type]
            head = file.readline()
            if named := _SEP.fullmatch(head):
                separator, skipped = named["separator"], 1
            else:
                separator, skipped = "\t" if path.suffix.lower() == ".tsv" else max(",;\t|", key=_unquoted(head).count), 0
                file.seek(0)
            reader = csv.reader(file, delimiter=separator)
            names = _names(path, next(reader, []))
            for cells in reader:
                line = reader.line_num + skipped
                if not any(cell.strip() for cell in cells):
                    continue
                while len(cells) > len(names) and not cells[-1].strip():
                    cells.pop()
                if len(cells) != len(names):
                    yield line, {}, f"{len(cells)} cells under {len(names)} column names"
                else:
                    yield line, {name: parsed_list(cell) for name, cell in zip(names, cells, strict=True) if name}, ""
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV table: {error}.") from None


def parsed_list(cell: Any) -> Any:
    """Return the texts of a cell that holds a list of them; any other value unchanged."""
    if not isinstance(cell, str) or not _ARRAY.fullmatch(cell.strip()):
        return cell
    text = cell.strip()
    between = _ITEMS.sub("", text)
    if text.startswith("[") and between.count(",") >= len(_ITEMS.findall(text)) - 1:  # numpy has no commas, and Python joins
        with suppress(BadValue):
            return list(parse_cell(text))
    try:
        return [str(parse_literal(item)) for item in _ITEMS.findall(text)]
    except (ValueError, SyntaxError):
        return cell


def _names(path: Path, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    twice = [name for name, n in Counter(names).items() if n > 1 and name]
    if twice:
        raise InputError(
            f"{path} has the column {twice[0]!r} {Counter(names)[twice[0]]} times. Rename or delete all but one of them."
        )
    return names


def _unquoted(head: str) -> str:
    return regex.sub(r'"[^"]*"', "", head)

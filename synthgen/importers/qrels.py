"""Relevance judgments of a retrieval collection: BEIR's three columns or TREC's four, with or without a header.

Columns are separated by tabs, or by spaces where a line has no tab. A first line without a number is a header, which may name the columns in
another order. Blank lines and comments (`#`) are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import regex

from synthgen.text.data import BYTE_ORDER_MARK
from synthgen.text.foreign import read_text

__all__ = ["LAYOUT", "BadLine", "Judgment", "read_qrels"]

LAYOUT = "query, passage and score; or TREC's query, iteration, passage and score; separated by tabs or spaces"

_NAMES = {
    "query": regex.compile(r"_?(?:q|qid|query|topic|question)s?(?:[-_ ]?(?:id|no|number))?", regex.IGNORECASE),
    "passage": regex.compile(
        r"_?(?:c|d|p)id|_?(?:corpus|doc(?:ument)?|passage|chunk|text)(?:[-_ ]?(?:id|no))?", regex.IGNORECASE
    ),
    "score": regex.compile(
        r"score|rel(?:evance|evancy)?(?:[-_ ]?(?:score|grade))?|label|grade|gain|judge?ment", regex.IGNORECASE
    ),
}
_BEIR, _TREC = (0, 1, 2), (0, 2, 3)


class Judgment(NamedTuple):
    """How relevant a passage is to a query, and the line that says so."""

    line: int
    query: str
    passage: str
    score: float


class BadLine(NamedTuple):
    """A line that is no judgment."""

    line: int
    text: str


def read_qrels(path: Path) -> Iterator[Judgment | BadLine]:
    """Yield the judgments of a file, in order. Raises InputError for a file that is not UTF-8."""
    lines = read_text(path).split("\n")
    named, first = None, True
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r").removeprefix(BYTE_ORDER_MARK)
        if not line.strip():
            continue
        cells = _cells(line)
        if first and (named := _header(cells)):
            first = False
            continue
        judgment = _judgment(number, cells, named)
        if judgment is None and line.lstrip().startswith("#"):
            continue
        first = False
        yield judgment or BadLine(number, line)


def _cells(line: str) -> list[str]:
    cells = [cell.strip() for cell in line.rstrip().split("\t")] if "\t" in line.strip() else line.split()
    if "\t" not in line.strip() and len(cells) > 4 and cells[1].upper() in ("0", "Q0"):  # TREC, with spaces in a path
        cells[2:-1] = [" ".join(cells[2:-1])]
    return cells


def _header(cells: list[str]) -> tuple[int, int, int] | None:
    """Return where query, passage and score stand, if the cells are names of columns."""
    if any(_number(cell) is not None for cell in cells[1:]):
        return None
    places = {role: [i for i, cell in enumerate(cells) if name.fullmatch(cell.strip("# "))] for role, name in _NAMES.items()}
    if all(len(found) == 1 for found in places.values()):
        return places["query"][0], places["passage"][0], places["score"][0]
    return (_TREC if len(cells) == 4 else _BEIR) if places["query"] or places["score"] else None


def _judgment(line: int, cells: list[str], named: tuple[int, int, int] | None) -> Judgment | None:
    query, passage, score = named or (_TREC if len(cells) == 4 else _BEIR)
    if named and len(cells) == 4 and max(named) < 3:  # a header of three names over TREC's columns
        query, passage, score = _TREC
    if len(cells) not in (3, 4) or max(query, passage, score) >= len(cells):
        return None
    value = _number(cells[score])
    return (
        None if value is None or not cells[query] or not cells[passage] else Judgment(line, cells[query], cells[passage], value)
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

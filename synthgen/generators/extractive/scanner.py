"""The blocks of a chunk's text as the rules need them: prose apart from code, table cells, definitions, headings.

A chunk may start or end anywhere and does not say what format its file had, so this is a forgiving line scanner over
Markdown, reStructuredText and leftovers of HTML, and not a parser: what it does not know is a paragraph. The borders of
chunks come from `synthgen.chunking.markup`, which knows the format and the whole document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import regex

from synthgen.records import Span

__all__ = ["ScannedBlock", "cells", "scan"]


@dataclass(frozen=True, slots=True)
class ScannedBlock:
    """`text[start:end]` is the block with its marks, `text[inner:inner_end]` its content.

    `kind` is heading, paragraph, item, definition (of the `term`, a span), table or code.
    """

    kind: str
    start: int
    end: int
    inner: int
    inner_end: int
    term: Span | None = None


_FENCE = regex.compile(r"\s*(?:>\s*)?(`{3,}|~{3,})")
_HEADING = regex.compile(r"\s{0,3}(#{1,6})[ \t]+(?P<text>.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = regex.compile(r"([=\-~^\"'`#*+.:_])\1{2,}\s*$")
_TABLE_RULE = regex.compile(r"\s*(?=.*\|)\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_GRID_RULE = regex.compile(r"\s*\+(?:[-=]+\+)+\s*$")
_SIMPLE_RULE = regex.compile(r"\s*=+(?:[ \t]+=+)+\s*$")
_ITEM = regex.compile(r"(?P<indent>[ \t]*)(?:[-*+•]|\(?(?:\d{1,3}|[a-zA-Z])[.)]|#\.)[ \t]+(?=\S)")
_MARKDOWN_DEFINITION = regex.compile(r":[ \t]+(?=\S)")
_DIRECTIVE = regex.compile(r"\s*\.\.(?:\s+(?P<name>[\w:-]+)::.*|\s+\S.*|\s*$)")
_SPEAKING = {"note", "warning", "tip", "important", "caution", "hint", "attention", "danger", "versionadded", "versionchanged"}
_FIELD = regex.compile(r"\s*:[\w -]+:\s")
_TAG_ONLY = regex.compile(r"\s*(?:</?[a-zA-Z][^<>]*>\s*|<!--.*?-->\s*|\{\{[<%].*?[%>]\}\}\s*|:::.*)+$")
_BREAK = regex.compile(r"\s*(?:[-*_]\s*){3,}$")
_LINK_TARGET = regex.compile(r"\s{0,3}\[[^\]]+\]:\s*\S+|\s*\[\[?[A-Z]\S*\]?\]\s*$")
_MAX_TERM_CHARS = 80

Line = tuple[int, int, str]
Found = tuple[ScannedBlock | None, int]


def scan(text: str) -> list[ScannedBlock]:
    """The blocks of `text` in order; what lies between them (rules, tags, link targets, comments) is no text."""
    lines, found, i = _lines(text), list[ScannedBlock](), 0
    while i < len(lines):
        for recognise in _BLOCKS:
            if step := recognise(lines, i, found):
                block, i = step
                found += [block] if block else []
                break
    return found


def cells(text: str, table: ScannedBlock) -> list[list[Span]]:
    """The cells of a table, row by row without its rules; the first row is the header. Uneven rows are left out."""
    lines = _lines(text[table.start : table.end], table.start)
    grid = [
        line for line in lines if not (_TABLE_RULE.match(line[2]) or _GRID_RULE.match(line[2]) or _SIMPLE_RULE.match(line[2]))
    ]
    rule = next((line[2] for line in lines if _SIMPLE_RULE.match(line[2])), None)
    if rule is not None:
        columns = [match.span() for match in regex.finditer(r"=+", rule)]
        rows = [_simple_row(line, columns) for line in grid]
    else:
        rows = [_piped_row(line) for line in grid]
    width = len(rows[0]) if rows else 0
    return [row for row in rows if len(row) == width]


def _nothing(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    line = lines[i][2]
    blank = not line.strip() or any(mark.match(line) for mark in (_TAG_ONLY, _BREAK, _LINK_TARGET, _FIELD))
    return (None, i + 1) if blank else None


def _fenced(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    fence = _FENCE.match(lines[i][2])
    if not fence:
        return None
    stop = _until(lines, i + 1, lambda line: line.strip().lstrip("> ").startswith(fence[1]))
    return _block("code", lines, i, min(stop + 1, len(lines)))


def _literal(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    """Indented code: after a blank line and no list, or after a paragraph that ends in `::`."""
    indent = _indent(lines[i][2])
    after_mark = _paragraph_before(lines, i).endswith("::")
    if not (indent >= 4 or (indent and after_mark)) or (i and lines[i - 1][2].strip()):
        return None
    if before and before[-1].kind == "item" and not after_mark and indent < 8:
        return None
    stop = _until(lines, i, lambda line: bool(line.strip()) and _indent(line) < min(indent, 4))
    while not lines[stop - 1][2].strip():
        stop -= 1
    return _block("code", lines, i, stop)


def _heading(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    start, end, line = lines[i]
    if marked := _HEADING.match(line):
        return ScannedBlock("heading", start, end, start + marked.start("text"), start + marked.end("text")), i + 1
    if _is_title(line, _line(lines, i + 1)):
        return ScannedBlock("heading", start, lines[i + 1][1], start + _indent(line), end), i + 2
    if _UNDERLINE.match(line) and _line(lines, i + 2).strip() == line.strip():
        return ScannedBlock("heading", start, lines[i + 2][1], lines[i + 1][0], lines[i + 1][1]), i + 3
    return None


def _table(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    line = lines[i][2]
    if "|" in line and _TABLE_RULE.match(_line(lines, i + 1)):
        return _block("table", lines, i, _until(lines, i + 2, lambda line: "|" not in line))
    if _GRID_RULE.match(line) or _SIMPLE_RULE.match(line):
        return _block("table", lines, i, _until(lines, i + 1, lambda line: not line.strip()))
    return None


def _directive(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    """An rst directive or comment with what is indented below it; of a note only the first line."""
    directive, indent = _DIRECTIVE.match(lines[i][2]), _indent(lines[i][2])
    if not directive:
        return None
    if directive["name"] in _SPEAKING:
        return None, i + 1
    return None, _until(lines, i + 1, lambda line: bool(line.strip()) and _indent(line) <= indent)


def _item(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    mark = _ITEM.match(lines[i][2])
    return _block("item", lines, i, _end_of_paragraph(lines, i), skip=len(mark.group())) if mark else None


def _definition(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found | None:
    """A term with its text in the next line: after a colon (Markdown), indented (reStructuredText) or in tags (HTML)."""
    start, end, line = lines[i]
    below = _line(lines, i + 1)
    if line.lstrip().startswith("<dt") and below.lstrip().startswith("<dd"):
        stop = min(_until(lines, i + 1, lambda line: "</dd>" in line or not line.strip()) + 1, len(lines))
        inner = lines[i + 1][0]
    elif _indent(line) or len(line) > _MAX_TERM_CHARS:
        return None
    elif mark := _MARKDOWN_DEFINITION.match(below):
        stop, inner = _until(lines, i + 1, lambda line: not line.strip()), lines[i + 1][0] + mark.end()
    elif _indent(below) >= 2 and not _ITEM.match(below) and not line.rstrip().endswith((".", ",", ":", ";")):
        stop, inner = _until(lines, i + 1, lambda line: not line.strip()), lines[i + 1][0] + _indent(below)
    else:
        return None
    last = lines[stop - 1][1]
    return ScannedBlock("definition", start, last, inner, last, term=(start, end)), stop


def _paragraph(lines: list[Line], i: int, before: list[ScannedBlock]) -> Found:
    return _block("paragraph", lines, i, _end_of_paragraph(lines, i), skip=_indent(lines[i][2]))


# Tried in this order; the last one always recognises.
_BLOCKS: tuple[Callable[[list[Line], int, list[ScannedBlock]], Found | None], ...] = (
    _nothing, _fenced, _heading, _table, _directive, _item, _literal, _definition, _paragraph,
)  # fmt: skip


def _block(kind: str, lines: list[Line], i: int, stop: int, skip: int = 0) -> Found:
    start, end = lines[i][0], lines[stop - 1][1]
    return ScannedBlock(kind, start, end, start + skip, end), stop


def _lines(text: str, base: int = 0) -> list[Line]:
    found, at = [], base
    for line in text.split("\n"):
        found.append((at, at + len(line), line))
        at += len(line) + 1
    return found


def _line(lines: list[Line], i: int) -> str:
    return lines[i][2] if i < len(lines) else ""


def _until(lines: list[Line], i: int, stop: Callable[[str], bool]) -> int:
    while i < len(lines) and not stop(lines[i][2]):
        i += 1
    return i


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _paragraph_before(lines: list[Line], i: int) -> str:
    """The last line with text before line `i`."""
    return next((line.rstrip() for _, _, line in reversed(lines[:i]) if line.strip()), "")


def _is_title(line: str, below: str) -> bool:
    """A title underlined as Markdown (=, -) or reStructuredText (any mark, about as long as the title) does."""
    if not line.strip() or not _UNDERLINE.match(below) or _UNDERLINE.match(line) or "|" in line or _ITEM.match(line):
        return False
    return len(below.rstrip()) >= min(len(line.strip()), 12) - 1 or below[0] == "="


def _end_of_paragraph(lines: list[Line], i: int) -> int:
    """The first line after `i` that cannot continue its paragraph."""

    def opens(j: int) -> bool:
        line, below = lines[j][2], _line(lines, j + 1)
        marks = (_FENCE, _HEADING, _ITEM, _TAG_ONLY, _LINK_TARGET)
        return (
            not line.strip()
            or any(m.match(line) for m in marks)
            or _is_title(line, below)
            or ("|" in line and _TABLE_RULE.match(below) is not None)
        )

    return next((j for j in range(i + 1, len(lines)) if opens(j)), len(lines))


def _trimmed(line: Line, start: int, end: int) -> Span:
    piece = line[2][start:end]
    left = len(piece) - len(piece.lstrip())
    return line[0] + start + left, line[0] + start + max(left, len(piece.rstrip()))


def _piped_row(line: Line) -> list[Span]:
    bars = [m.start() for m in regex.finditer(r"(?<!\\)\|", regex.sub(r"`[^`]*`", lambda m: "x" * len(m.group()), line[2]))]
    text = line[2].strip()
    edges = [*([] if text.startswith("|") else [-1]), *bars, *([] if text.endswith("|") else [len(line[2])])]
    return [_trimmed(line, left + 1, right) for left, right in pairwise(edges)]


def _simple_row(line: Line, columns: list[Span]) -> list[Span]:
    starts = [start for start, _ in columns]
    return [_trimmed(line, left, right) for left, right in zip(starts, [*starts[1:], len(line[2])], strict=True)]

"""The blocks of a chunk's text: headings, paragraphs, list items, definitions, tables and code, with their spans.

A chunk may start or end anywhere and mixes Markdown, reStructuredText and leftovers of HTML, so this is a forgiving line
scanner and not a parser: what it does not know is a paragraph. Rules need only to tell prose from code and tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from synthgen.records import Span

__all__ = ["Block", "blocks", "cells"]


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]` is the block with its marks, `text[inner:end]` its content.

    `kind` is heading, paragraph, item, definition (`term` is its span), table or code. `depth` is the level of a
    Markdown heading, else 0; a reStructuredText underline belongs to the block.
    """

    kind: str
    start: int
    end: int
    inner: int
    inner_end: int
    term: Span | None = None


Line = tuple[int, int, str]

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


def blocks(text: str) -> list[Block]:
    """The blocks of `text` in order."""
    return list(_scan(_lines(text)))


def cells(text: str, table: Block) -> list[list[Span]]:
    """The cells of a table, row by row without its rules; the first row is the header. Uneven rows are left out."""
    lines = _lines(text[table.start : table.end], table.start)
    grid = [line for line in lines if not (_TABLE_RULE.match(line[2]) or _GRID_RULE.match(line[2]) or _SIMPLE_RULE.match(line[2]))]
    rule = next((line[2] for line in lines if _SIMPLE_RULE.match(line[2])), None)
    if rule is not None:
        columns = [match.span() for match in regex.finditer(r"=+", rule)]
        rows = [_simple_row(line, columns) for line in grid]
    else:
        rows = [_piped_row(line) for line in grid]
    width = len(rows[0]) if rows else 0
    return [row for row in rows if len(row) == width]


def _scan(lines: list[Line]) -> Iterator[Block]:
    i, listing = 0, -1
    while i < len(lines):
        start, end, line = lines[i]
        indent = len(line) - len(line.lstrip())
        following = lines[i + 1][2] if i + 1 < len(lines) else ""
        if not line.strip() or _TAG_ONLY.match(line) or _BREAK.match(line) or _LINK_TARGET.match(line):
            i += 1
            continue
        if fence := _FENCE.match(line):
            i = _until(lines, i + 1, lambda s, mark=fence[1]: s.strip().lstrip("> ").startswith(mark)) + 1
            yield Block("code", start, lines[min(i, len(lines)) - 1][1], start, end)
        elif heading := _HEADING.match(line):
            listing, i = -1, i + 1
            yield Block("heading", start, end, start + heading.start("text"), start + heading.end("text"))
        elif "|" in line and _TABLE_RULE.match(following):
            j = _until(lines, i + 2, lambda s: "|" not in s)
            yield Block("table", start, lines[j - 1][1], start, lines[j - 1][1])
            i = j
        elif _GRID_RULE.match(line) or _SIMPLE_RULE.match(line):
            j = _until(lines, i + 1, lambda s: not s.strip())
            yield Block("table", start, lines[j - 1][1], start, lines[j - 1][1])
            i = j
        elif _is_title(line, following):
            yield Block("heading", start, lines[i + 1][1], start + indent, end)
            listing, i = -1, i + 2
        elif _UNDERLINE.match(line) and i + 2 < len(lines) and lines[i + 2][2].strip() == line.strip():
            yield Block("heading", start, lines[i + 2][1], lines[i + 1][0], lines[i + 1][1])
            listing, i = -1, i + 3
        elif directive := _DIRECTIVE.match(line):
            i = i + 1 if directive["name"] in _SPEAKING else _until(lines, i + 1, lambda s, n=indent: bool(s.strip()) and _indent(s) <= n)
        elif _FIELD.match(line):
            i += 1
        elif item := _ITEM.match(line):
            listing = len(item.group())
            j = _end_of_paragraph(lines, i)
            yield Block("item", start, lines[j - 1][1], start + listing, lines[j - 1][1])
            i = j
        elif indent >= 4 and (listing < 0 or indent >= listing + 4) and (i == 0 or not lines[i - 1][2].strip()):
            j = _until(lines, i, lambda s: bool(s.strip()) and _indent(s) < 4)
            while not lines[j - 1][2].strip():
                j -= 1
            yield Block("code", start, lines[j - 1][1], start, lines[j - 1][1])
            i = j
        elif definition := _definition(lines, i):
            yield definition[0]
            i = definition[1]
        else:
            listing = listing if indent and listing >= 0 else -1
            j = _end_of_paragraph(lines, i)
            yield Block("paragraph", start, lines[j - 1][1], start + indent, lines[j - 1][1])
            literal = lines[j - 1][2].rstrip().endswith("::")
            i = j
            if literal:
                while i < len(lines) and not lines[i][2].strip():
                    i += 1
                j = _until(lines, i, lambda s, n=indent: bool(s.strip()) and _indent(s) <= n)
                if j > i:
                    yield Block("code", lines[i][0], lines[j - 1][1], lines[i][0], lines[j - 1][1])
                    i = j


def _lines(text: str, base: int = 0) -> list[Line]:
    found, at = [], base
    for line in text.split("\n"):
        found.append((at, at + len(line), line))
        at += len(line) + 1
    return found


def _until(lines: list[Line], i: int, stop: object) -> int:
    while i < len(lines) and not stop(lines[i][2]):  # type: ignore[operator]
        i += 1
    return i


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_title(line: str, following: str) -> bool:
    """A title underlined as Markdown (=, -) or reStructuredText (any mark, about as long as the title) does."""
    if not _UNDERLINE.match(following) or _UNDERLINE.match(line) or "|" in line or _ITEM.match(line):
        return False
    return len(following.rstrip()) >= min(len(line.strip()), 12) - 1 or following[0] == "="


def _end_of_paragraph(lines: list[Line], i: int) -> int:
    """The first line after `i` that cannot continue its paragraph."""
    j = i + 1
    while j < len(lines):
        line = lines[j][2]
        following = lines[j + 1][2] if j + 1 < len(lines) else ""
        opens = _FENCE.match(line) or _HEADING.match(line) or _ITEM.match(line) or _TAG_ONLY.match(line) or _LINK_TARGET.match(line)
        if not line.strip() or opens or ("|" in line and _TABLE_RULE.match(following)) or _is_title(line, following):
            break
        j += 1
    return j


def _definition(lines: list[Line], i: int) -> tuple[Block, int] | None:
    """A one-line term with `: text` below it (Markdown), or with an indented text right below it (reStructuredText)."""
    start, end, line = lines[i]
    j = i + 1
    if j == len(lines) or _indent(line) > 0 or len(line) > 80:
        return None
    below = lines[j][2]
    mark = _MARKDOWN_DEFINITION.match(below)
    if not mark and not (_indent(below) >= 2 and not _ITEM.match(below) and not line.rstrip().endswith((".", ",", ":", ";"))):
        return None
    inner = lines[j][0] + (mark.end() if mark else _indent(below))
    stop = _until(lines, j, lambda s: not s.strip())
    return Block("definition", start, lines[stop - 1][1], inner, lines[stop - 1][1], term=(start, end)), stop


def _trimmed(line: Line, start: int, end: int) -> Span:
    piece = line[2][start:end]
    left = len(piece) - len(piece.lstrip())
    return line[0] + start + left, line[0] + start + max(left, len(piece.rstrip()))


def _piped_row(line: Line) -> list[Span]:
    bars = [m.start() for m in regex.finditer(r"(?<!\\)\|", regex.sub(r"`[^`]*`", lambda m: "x" * len(m.group()), line[2]))]
    text = line[2].strip()
    edges = [*([] if text.startswith("|") else [-1]), *bars, *([] if text.endswith("|") else [len(line[2])])]
    return [_trimmed(line, left + 1, right) for left, right in zip(edges, edges[1:], strict=False)]


def _simple_row(line: Line, columns: list[Span]) -> list[Span]:
    starts = [start for start, _ in columns]
    return [_trimmed(line, left, right) for left, right in zip(starts, [*starts[1:], len(line[2])], strict=True)]

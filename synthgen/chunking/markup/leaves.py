"""The leaves of a text: headings, paragraphs, list items, definitions, tables and code, in order.

`parse_blocks` gives the structure of a text. Leaves are its content: without asides, link targets, tags and directives
that show nothing, each with the span of its content inside its marks. A quotation and a list give the leaves of their
parts.

Not covered: cells that continue on the next line, definitions of several paragraphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import regex

from synthgen.chunking.markup import parse_blocks
from synthgen.chunking.markup.block import Block, trimmed
from synthgen.records import Span

__all__ = ["Leaf", "cells", "leaves"]

_MAX_TERM_CHARS = 80
_LITERAL_INDENT = 4

_PIECE = regex.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_LINE = regex.compile(r"[^\n]+")
_QUOTED = regex.compile(r"(?:[ \t]*+>)*+[ \t]*+")
_ITEM = regex.compile(r"(?:[ \t]*+>)*+[ \t]*+(?:[-*+•‣–]|\(?(?:\d{1,9}|[a-zA-Z]|#)[.)])[ \t]++(?=\S)")
_CODE_OPENS = regex.compile(
    r"""\s*+
        (?: (?:>\s*+)? (?P<fence>`{3,}+|~{3,}+) [^\n]*+\n                 # Markdown
          | \.\.\s++[\w:-]+::[^\n]*+\n (?:[ \t]++:[\w-]++:[^\n]*+\n)*+    # a directive with its options
        )""",
    regex.VERBOSE,
)
_MARKED_TITLE = regex.compile(r"[ \t]*+#{1,6}[ \t]++(?P<title>.*?)(?:[ \t]++#++)?+[ \t]*+", regex.DOTALL)
_ADORNED_TITLE = regex.compile(
    r"(?:(?P<over>[^\s\w])(?P=over)*+[ \t]*+\n)?[ \t]*+(?P<title>.*?)[ \t]*+\n[ \t]*+(?P<under>[^\s\w])(?P=under)*+[ \t]*+",
    regex.DOTALL,
)
_BULLET = regex.compile(r"[ \t]*+[-*+•‣–][ \t]++(?=\S)")
_DEFINED = regex.compile(r":[ \t]+(?=\S)")
_DIRECTIVE = regex.compile(r"\.\.\s+(?:(?P<name>[\w:-]+)::[ \t]*)?")
_ADMONITIONS = frozenset(["note", "warning", "tip", "important", "caution", "hint", "attention", "danger", "seealso"])
_VERSIONS = frozenset(["versionadded", "versionchanged"])
_SILENT = regex.compile(
    r"""\s*+(?: (?> </?[a-zA-Z][^<>]*>\s* | <!--.*?-->\s* | \{\{[<%].*?[%>]\}\}\s* | :::.* )++  # tags, template calls
             | \[[^\]]++\]:\s*+\S.*                                                             # link targets
             | \[\[?[A-Z]\S*\]?\]\s*+
             | (?:[-*_]\s*+){3,}+ )$""",
    regex.VERBOSE,
)
_FIELD = regex.compile(r"[ \t]*:[\w -]+:\s")
_TABLE_RULE = regex.compile(r"\s*+(?=.*\|)\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+$")
_GRID_RULE = regex.compile(r"\s*+\+(?:[-=]++\+)++\s*+$")
_SIMPLE_RULE = regex.compile(r"\s*+=++(?:[ \t]++=++)++\s*+$")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf: `text[start:end]` with its marks, `text[inner:inner_end]` without them.

    `term` is the term that a definition explains.
    """

    kind: Literal["heading", "paragraph", "item", "definition", "table", "code"]
    start: int
    end: int
    inner: int
    inner_end: int
    term: Span | None = None


def leaves(text: str, format: str) -> list[Leaf]:
    """Return the leaves of `text` in order, from the same parser of its format that chunking uses."""
    reader = _Reader(text, format)
    return [leaf for block in parse_blocks(text, format) for leaf in reader.leaves(block)]


def cells(text: str, table: Leaf) -> list[list[Span]]:
    """Return the cells of a table, row by row without its rules. The first row is the header. Uneven rows are left out."""
    lines = [line.span() for line in _LINE.finditer(text, table.start, table.end)]
    grid = [span for span in lines if not any(rule.match(text, *span) for rule in (_TABLE_RULE, _GRID_RULE, _SIMPLE_RULE))]
    border = next((span for span in lines if _SIMPLE_RULE.match(text, *span)), None)
    if border is None:
        rows = [_piped_row(text, *span) for span in grid]
    else:
        columns = [match.start() - border[0] for match in regex.finditer(r"=+", text, pos=border[0], endpos=border[1])]
        rows = [_aligned_row(text, *span, columns) for span in grid]
    width = len(rows[0]) if rows else 0
    return [row for row in rows if len(row) == width]


@dataclass(frozen=True, slots=True)
class _Reader:
    text: str
    format: str

    def leaves(self, block: Block, *, item: bool = False) -> Iterator[Leaf]:
        """Yield the leaves of a block; with `item`, of one that begins with the mark of a list item."""
        start, end = block.start, block.end
        if block.parts:
            for number, part in enumerate(block.parts):
                yield from self.leaves(part, item=block.kind == "list" or (item and number == 0))
        elif block.kind == "heading":
            yield self._heading(start, end)
        elif block.kind == "table":
            yield Leaf("table", start, end, start, end)
        elif block.kind == "code":
            yield Leaf("code", start, end, *_code(self.text, start, end))
        elif block.kind != "aside":
            yield from self._body(start, end, item=item)

    def _heading(self, start: int, end: int) -> Leaf:
        marked = _MARKED_TITLE.fullmatch(self.text, start, end) or _ADORNED_TITLE.fullmatch(self.text, start, end)
        return Leaf("heading", start, end, *(marked.span("title") if marked else (start, end)))

    def _body(self, start: int, end: int, *, item: bool) -> Iterator[Leaf]:
        """Yield the paragraphs between blank lines of a block, a list item, or a directive that shows its text."""
        if self.format == "rst" and (directive := _DIRECTIVE.match(self.text, start, end)):
            if directive["name"] in _ADMONITIONS:
                start = directive.end()
            elif directive["name"] in _VERSIONS:
                start = self._line_end(start, end)
            else:
                return
        for piece in _PIECE.finditer(self.text, start, end):
            lines = [line.span() for line in _LINE.finditer(self.text, *piece.span())]
            yield from self._literal(lines) or self._lines(lines, item=item)

    def _literal(self, lines: list[Span]) -> list[Leaf]:
        """Return the leaves of indented lines of plain text, where indentation marks code and other things.

        Lines that end like a sentence are not code.
        """
        start, end = lines[0][0], lines[-1][1]
        if self.format != "text" or self.text[end - 1] in ".!?。！？" or min(map(self._indent, lines)) < _LITERAL_INDENT:
            return []
        return [Leaf("code", start, end, start + _indent(self.text, start, end), end)]

    def _lines(self, lines: list[Span], *, item: bool) -> Iterator[Leaf]:
        """Yield leaves of lines without a blank one between them, cut where a line shows nothing or begins a nested item."""
        i = 0
        while i < len(lines):
            if _SILENT.match(self.text, *lines[i]) or _FIELD.match(self.text, *lines[i]):
                i += 1
                continue
            stop = self._html_definition(lines, i)
            if stop:
                yield Leaf("definition", lines[i][0], lines[stop - 1][1], lines[i + 1][0], lines[stop - 1][1], lines[i])
            else:
                stop = next((j for j in range(i + 1, len(lines)) if self._opens(lines[j], item)), len(lines))
                yield self._definition(lines[i:stop]) or self._paragraph(lines[i:stop], item=item)
            i = stop

    def _opens(self, line: Span, item: bool) -> bool:
        """Whether a line cannot continue the text above it. Nested items come without theirs where a chunk was cut."""
        mark = _ITEM if item and self.format != "markdown" else _BULLET
        return bool(mark.match(self.text, *line) or _SILENT.match(self.text, *line))

    def _html_definition(self, lines: list[Span], i: int) -> int:
        """Return the index after the last line of `<dt>…<dd>…</dd>`; 0 where none begins."""
        texts = [self.text[a:b].lstrip() for a, b in lines[i:]]
        if len(texts) < 2 or not (texts[0].startswith("<dt") and texts[1].startswith("<dd")):
            return 0
        return i + 1 + next((n for n, line in enumerate(texts) if n and "</dd>" in line), len(texts) - 1)

    def _definition(self, lines: list[Span]) -> Leaf | None:
        """Return a term with its text in the next line.

        The text follows a colon (Markdown) or is indented (reStructuredText, plain text).
        """
        (start, stop), end = lines[0], lines[-1][1]
        opens_line = start == self.text.rfind("\n", 0, start) + 1 and not self.text[start].isspace()
        if len(lines) < 2 or not opens_line or stop - start > _MAX_TERM_CHARS:
            return None
        below = lines[1]
        mark = _DEFINED.match(self.text, *below)
        indented = self._indent(below) if self.format != "markdown" else 0
        if mark:
            inner = mark.end()
        elif indented >= 2 and not self.text[start:stop].rstrip().endswith((".", ",", ":", ";")):
            inner = below[0] + indented
        else:
            return None
        if _ITEM.match(self.text, start, stop) or _ITEM.match(self.text, *below):
            return None
        return Leaf("definition", start, end, inner, end, (start, stop))

    def _paragraph(self, lines: list[Span], *, item: bool) -> Leaf:
        start, end = lines[0][0], lines[-1][1]
        mark = (_ITEM if item or self.format == "text" else _BULLET).match(self.text, start, end)
        inner = (mark or _QUOTED.match(self.text, start, end)).end()  # type: ignore[union-attr]
        return Leaf("item" if mark else "paragraph", start, end, inner, end)

    def _indent(self, line: Span) -> int:
        """Return the indentation of a line, even where its span leaves it out."""
        start = self.text.rfind("\n", 0, line[0]) + 1
        return _indent(self.text, start, line[1])

    def _line_end(self, start: int, end: int) -> int:
        stop = self.text.find("\n", start, end)
        return end if stop < 0 else stop


def _code(text: str, start: int, end: int) -> Span:
    """Return the span of code without white space around it, its fences, or the directive that shows it."""
    opening = _CODE_OPENS.match(text, start, end)
    if opening is None:
        return trimmed(text, start, end)
    inner, stop = trimmed(text, opening.end(), end)
    if not opening["fence"]:
        return inner, stop
    marks = inner + len(text[inner:stop].rstrip("`~"))
    fence = opening["fence"][: stop - marks]  # one that is shorter closes it, too
    closing = next((at for size in range(len(fence), 2, -1) if (at := text.find(fence[:size], marks, stop)) >= 0), None)
    if closing is None:
        return trimmed(text, start, end)
    quoted = text[inner:closing].rstrip().removesuffix(">")
    return inner, inner + len(quoted.rstrip())


def _indent(text: str, start: int, end: int) -> int:
    line = text[start:end]
    return len(line) - len(line.lstrip())


def _piped_row(text: str, start: int, end: int) -> list[Span]:
    line = text[start:end]
    bars = [m.start() for m in regex.finditer(r"(?<!\\)\|", regex.sub(r"`[^`]*`", lambda m: "x" * len(m.group()), line))]
    said = line.strip()
    edges = [*([] if said.startswith("|") else [-1]), *bars, *([] if said.endswith("|") else [len(line)])]
    return [_cell(text, start + left + 1, start + right) for left, right in pairwise(edges)]


def _aligned_row(text: str, start: int, end: int, columns: list[int]) -> list[Span]:
    edges = [min(start + column, end) for column in columns]
    return [_cell(text, left, right) for left, right in pairwise([*edges, end])]


def _cell(text: str, start: int, end: int) -> Span:
    left = start + _indent(text, start, end)
    return left, max(left, start + len(text[start:end].rstrip()))

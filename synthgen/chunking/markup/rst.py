"""Reads the blocks of reStructuredText with a scanner over lines.

It recognises what matters for cutting: sections (underlined, or over- and underlined; levels by order of appearance),
literal blocks after `::`, directives with their bodies, tables, lists, comments and link targets. Not covered: inline
markup beyond titles, nested structure (a list with paragraphs is one block with its items), and whatever docutils would
report as an error (it is a paragraph here).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import regex

from synthgen.chunking.markup.block import MAX_HEADING_CHARS, Block, Kind, line_starts, trimmed

__all__ = ["parse_rst"]

_ADORNMENT = regex.compile(r"""([!-/:-@\[-`{-~])\1*+\s*+""")
_DIRECTIVE = regex.compile(r"\.\.\s+(?:\|[^|]+\|\s+)?(?P<name>[\w.+:-]*\w)\s*::")
_EXPLICIT = regex.compile(r"\.\.(?:\s|$)|__\s")
_NOTE = regex.compile(r"\.\.\s+\[[^\]]+\]\s")
_SIMPLE_TABLE = regex.compile(r"=++(?:\s++=++)++\s*+")
_GRID_TABLE = regex.compile(r"\+(?:[-=]++\+)++\s*+")
_ITEM = regex.compile(r"(?:[-*+•]|(?:\d{1,3}|[A-Za-z]|#)[.)]|\((?:\d{1,3}|[A-Za-z]|#)\))\s+\S|:[^:\s][^:]*:(?:\s|$)")
_ROLE = regex.compile(r":[\w:.+-]+:(?=`)")
_MARKUP = regex.compile(r"``(.+?)``|`(?P<link>[^`<]++)(?:<[^`>]*>)?`_{0,2}|\*\*(.+?)\*\*|\*(\S.*?)\*|\|(\S.*?)\|_{0,2}")
_SPACE = regex.compile(r"\s+")

# Directives that a reader of the rendered page does not see, or sees elsewhere. Others show their body.
_UNSEEN = frozenset(
    [
        "toctree",
        "contents",
        "sectnum",
        "index",
        "meta",
        "highlight",
        "default-role",
        "role",
        "include",
        "image",
        "currentmodule",
        "module",
        "py:currentmodule",
        "py:module",
        "title",
        "raw",
        "target-notes",
        "sphinx",
    ]
)
_CODE = frozenset(
    ["code", "code-block", "sourcecode", "literalinclude", "parsed-literal", "prompt", "console", "doctest", "testcode", "math"]
)
_TABLES = frozenset(["table", "list-table", "csv-table"])


def parse_rst(text: str) -> list[Block]:
    """Return the blocks of a document, in order. All of its text is in one of them."""
    return [block for block in _Scanner(text).blocks() if block.start < block.end]


class _Scanner:
    """One pass over the lines. `at` is the next line; each method that reads a block moves it past the block."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = line_starts(text)
        self.lines = [text[a:b].rstrip() for a, b in itertools.pairwise(self.starts)]
        self.at = 0
        self.styles: list[tuple[str, bool]] = []  # of the titles so far: their mark, and whether there is a line above too

    def blocks(self) -> Iterator[Block]:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not line:
                self.at += 1
            elif line[0].isspace():
                yield self._block("paragraph", self._indented(self.at))
            else:
                yield from self._heading() or self._body(line)

    def _body(self, line: str) -> Iterator[Block]:
        if _EXPLICIT.match(line):
            yield self._explicit(line)
        elif _GRID_TABLE.fullmatch(line):
            yield self._block("table", self._paragraph())
        elif _SIMPLE_TABLE.fullmatch(line):
            yield self._block("table", self._simple_table())
        elif _ADORNMENT.fullmatch(line) and len(line) >= 4:
            yield self._block("aside", self.at + 1)
        elif line.startswith(">>> "):
            yield self._block("code", self._paragraph())
        elif _ITEM.match(line):
            yield self._list()
        else:
            end = self._paragraph()
            literal = self.lines[end - 1].endswith("::")
            yield self._block("paragraph", end)
            if literal:
                yield self._block("code", self._literal())

    def _heading(self) -> list[Block]:
        over = self.lines[self.at] if _ADORNMENT.fullmatch(self.lines[self.at]) else ""
        first = self.at + bool(over)
        title, under = (*self.lines[first : first + 2], "", "")[:2]
        if not (title.strip() and under and _ADORNMENT.fullmatch(under) and len(title) <= MAX_HEADING_CHARS):
            return []
        if (over and over != under) or _ADORNMENT.fullmatch(title) or (not over and title[0].isspace()):
            return []
        if len(under) < min(4, len(title.strip())) or _SIMPLE_TABLE.fullmatch(title):
            return []
        plain = _title(title)
        style = (under[0], bool(over))
        if style not in self.styles:
            self.styles.append(style)
        start, end = self._span(first + 2)
        kind: Kind = "heading" if plain else "paragraph"
        return [Block(kind, start, end, level=self.styles.index(style) + 1, title=plain)]

    def _explicit(self, line: str) -> Block:
        """Read a directive, footnote, comment or link target, with the indented lines that belong to it."""
        end = self._indented(self.at + 1)
        directive = _DIRECTIVE.match(line)
        if not directive:
            return self._block("paragraph" if _NOTE.match(line) else "aside", end)
        name = directive["name"].lower()
        if name in _UNSEEN:
            return self._block("aside", end)
        return self._block("code" if name in _CODE else "table" if name in _TABLES else "paragraph", end)

    def _paragraph(self) -> int:
        end = self.at + 1
        while end < len(self.lines) and self.lines[end]:
            end += 1
        return end

    def _indented(self, end: int) -> int:
        """Return the line after the indented and blank lines from `end` on; blank ones at the end do not count."""
        last = end
        while end < len(self.lines) and (not self.lines[end] or self.lines[end][0].isspace()):
            end += 1
            last = end if self.lines[end - 1] else last
        return max(last, self.at + 1)

    def _literal(self) -> int:
        """Return the end of an indented literal block, or of a quoted one, whose lines all begin with the same mark."""
        while self.at < len(self.lines) and not self.lines[self.at]:
            self.at += 1
        if self.at < len(self.lines) and self.lines[self.at][0] in ">|#$%":
            return self._paragraph()
        end = self._indented(self.at)
        return end if self.at < len(self.lines) and self.lines[self.at][0].isspace() else self.at

    def _simple_table(self) -> int:
        """Return the second border that is followed by a blank line or the end (the first may close the head)."""
        end = self.at + 1
        while end < len(self.lines):
            end += 1
            closes = _SIMPLE_TABLE.fullmatch(self.lines[end - 1]) and not "".join(self.lines[end : end + 1])
            if closes and end - self.at > 2:
                return end
        return self._paragraph()

    def _list(self) -> Block:
        """Read items and their indented lines, blank lines between them included."""
        items, end = [self.at], self._item_end(self.at)
        while end < len(self.lines):
            following = end
            while following < len(self.lines) and not self.lines[following]:
                following += 1
            if following == len(self.lines) or not _ITEM.match(self.lines[following]):
                break
            items.append(following)
            end = self._item_end(following)
        borders = [self.starts[i] for i in (*items, end)]
        parts = tuple(Block("paragraph", *trimmed(self.text, a, b)) for a, b in itertools.pairwise(borders))
        start, stop = self._span(end)
        return Block("list", start, stop, parts=parts)

    def _item_end(self, line: int) -> int:
        end = line + 1
        while end < len(self.lines) and self.lines[end] and not _ITEM.match(self.lines[end]):
            end += 1
        return max(end, self._indented(end))

    def _block(self, kind: Kind, end: int) -> Block:
        start, stop = self._span(end, keep_indent=kind == "code")
        return Block(kind, start, stop)

    def _span(self, end: int, *, keep_indent: bool = False) -> tuple[int, int]:
        """Return the characters from the current line to line `end`, which becomes the current one."""
        span = trimmed(self.text, self.starts[self.at], self.starts[end], keep_indent=keep_indent)
        self.at = end
        return span


def _title(line: str) -> str:
    return _SPACE.sub(" ", _MARKUP.sub(_content, _ROLE.sub("", line))).strip()


def _content(marked: regex.Match[str]) -> str:
    return (marked["link"] or "").rstrip() or next((group for group in marked.groups() if group), "")

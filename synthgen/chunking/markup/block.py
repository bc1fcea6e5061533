"""The type of a block, and the spans that every block parser uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import regex

__all__ = ["MAX_HEADING_CHARS", "Block", "Kind", "line_starts", "trimmed"]

Kind = Literal["heading", "paragraph", "list", "quote", "table", "code", "aside"]

MAX_HEADING_CHARS = 200  # a longer "heading" is a paragraph marked up as one


@dataclass(frozen=True, slots=True)
class Block:
    """The block `text[start:end]`, without surrounding white space (code keeps the indentation of its first line).

    `title` (plain text) and `level` (1 is the outermost) are those of a heading. `parts` are the items of a list and
    the blocks of a quotation or an item. An `aside` is not text to a reader: front matter, comments, rules.
    """

    kind: Kind
    start: int
    end: int
    level: int = 0
    title: str = ""
    parts: tuple[Block, ...] = ()


def line_starts(text: str) -> list[int]:
    """Return the offset of every line, then the length of the text, so that line i is `text[s[i]:s[i + 1]]`."""
    starts = [0, *(m.end() for m in regex.finditer("\n", text))]
    return starts if starts[-1] == len(text) else [*starts, len(text)]


def trimmed(text: str, start: int, end: int, *, keep_indent: bool = False) -> tuple[int, int]:
    """Return the span without surrounding white space; with `keep_indent` only whole blank lines are removed at its start."""
    body = text[start:end]
    end = start + len(body.rstrip())
    first = start + len(body) - len(body.lstrip())
    if keep_indent and first < end:
        first = max(start, text.rfind("\n", start, first) + 1)
    return min(first, end), end

"""Reads the blocks of plain text: paragraphs between blank lines, and the few headings that can be recognised reliably."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import regex

from synthgen.chunking.markup.block import MAX_HEADING_CHARS, Block, trimmed

__all__ = ["parse_plain"]

_SPACE = regex.compile(r"\s+")
_PARAGRAPH = regex.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_UNDERLINED = regex.compile(r"(?P<title>[^\s=\-~][^\n]*+)\n(?P<mark>[=\-~])(?P=mark){2,}+[ \t]*+(?=\n|$)")
_NUMBERED = regex.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})\.?[ \t]{1,4}(?P<title>\p{Lu}[^\n]{1,70}[^\s.,;:!?])[ \t]*")
_CAPITALS = regex.compile(r"(?=[^\n]*\p{Lu}{3})[\p{Lu}\p{N}][\p{Lu}\p{N} \t,/&'()-]{2,58}[\p{Lu}\p{N})]")
_PAGE_FOOT = regex.compile(r"[^\n]*\[Page [\divxlc]+\]")
_ITEM = regex.compile(r"^[ \t]*(?:[-*+•‣–]|\d{1,3}[.)])[ \t]+\S", regex.MULTILINE)


def parse_plain(text: str) -> list[Block]:
    """Return paragraphs. Numbered and all-capital lines are headings only where a document has several of that kind."""
    spans = [trimmed(text, *m.span()) for m in _PARAGRAPH.finditer(text)]
    several = [p for p in (_NUMBERED, _CAPITALS) if sum(1 for span in spans if p.fullmatch(text, *span)) >= 3]
    blocks: list[Block] = []
    for start, end in spans:
        if _is_page_mark(text, start, end, blocks):
            blocks.append(Block("aside", start, end))
        else:
            blocks.extend(_plain_blocks(text, start, end, several))
    return blocks


def _is_page_mark(text: str, start: int, end: int, before: Sequence[Block]) -> bool:
    """Whether this is the foot of a printed page, or the head of the next one, which follows it after a form feed."""
    if "\n" in text[start:end]:
        return False
    after_foot = bool(before) and before[-1].kind == "aside" and "\f" in text[before[-1].end : start]
    return after_foot or _PAGE_FOOT.fullmatch(text, start, end) is not None


def _plain_blocks(text: str, start: int, end: int, several: Sequence[regex.Pattern[str]]) -> Iterator[Block]:
    underlined = _UNDERLINED.match(text, start, end)
    if underlined and len(underlined["title"]) <= MAX_HEADING_CHARS:
        level = 1 if underlined["mark"] == "=" else 2
        yield Block("heading", start, trimmed(text, *underlined.span())[1], level=level, title=underlined["title"].strip())
        start, end = trimmed(text, underlined.end(), end)
    for pattern in several:
        if match := pattern.fullmatch(text, start, end):
            level = 1 + match["number"].count(".") if pattern is _NUMBERED else 1
            yield Block("heading", start, end, level=level, title=_SPACE.sub(" ", match[0]))
            return
    if start < end:
        yield (
            Block("paragraph", start, end)
            if len(parts := _items(text, start, end)) < 2
            else Block("list", start, end, parts=parts)
        )


def _items(text: str, start: int, end: int) -> tuple[Block, ...]:
    """Return the items of a paragraph that opens with a list mark; none for any other."""
    marks = [start + m.start() for m in _ITEM.finditer(text[start:end])]
    if not marks or marks[0] != start:
        return ()
    return tuple(Block("paragraph", *trimmed(text, a, b)) for a, b in itertools.pairwise([*marks, end]))

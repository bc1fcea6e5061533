"""Reads the blocks of Markdown with markdown-it-py (CommonMark and tables), whose line maps give the spans."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import regex

from synthgen.chunking.markup.block import MAX_HEADING_CHARS, Block, Kind, line_starts, trimmed
from synthgen.chunking.markup.front_matter import front_matter
from synthgen.text.inline_html import rewritten

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["parse_markdown"]

_COMMENT_ONLY = regex.compile(r"\s*+(?:<!--(?>.*?-->)\s*+)++", regex.DOTALL)
_ANCHOR = regex.compile(r"\s*\{[#.:][^{}]*\}\s*$")
_INLINE = regex.compile(r"[\\`*_\[\]<>&!]")
_SPACE = regex.compile(r"\s+")
_SENTENCE = regex.compile(r"\S++(?:\s++\S++){3,}+(?<=\S[.…])|.{10,}[。।]")


@lru_cache(maxsize=2)
def _parser(*, inline: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    return parser if inline else parser.disable("inline")


def parse_markdown(text: str) -> list[Block]:
    starts = line_starts(text)
    cut = front_matter(text).end
    # Blank lines in its place keep the line numbers. A parser would read front matter as a rule and a heading.
    tokens = _parser(inline=False).parse("\n" * text.count("\n", 0, cut) + text[cut:])
    found = [*_tree(text, starts, tokens)]
    if cut:
        found.insert(0, Block("aside", *trimmed(text, 0, cut)))
    return list(_with_gaps(text, found))


def _tree(text: str, starts: Sequence[int], tokens: Sequence[Token]) -> list[Block]:
    """Return blocks from a flat token stream. markdown-it nests at most 20 deep, but no recursion is needed anyway."""
    stack: list[list[Block]] = [[]]
    opened: list[Token] = []
    for index, token in enumerate(tokens):
        if token.type in _CONTAINERS:
            opened.append(token)
            stack.append([])
        elif opened and token.type == opened[-1].type.replace("_open", "_close"):
            parts, start = stack.pop(), opened.pop()
            stack[-1].append(_block(text, starts, start, _CONTAINERS[start.type], parts=tuple(parts)))
        elif token.type == "heading_open":
            stack[-1].append(_heading(text, starts, token, tokens[index + 1].content, nested=bool(opened)))
        elif token.type in _LEAVES:
            stack[-1].append(_block(text, starts, token, _LEAVES[token.type]))
    return [block for block in stack[0] if block.start < block.end]


_CONTAINERS: dict[str, Kind] = {
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "list_item_open": "paragraph",
    "blockquote_open": "quote",
}
_LEAVES: dict[str, Kind] = {
    "paragraph_open": "paragraph",
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "html_block": "paragraph",
    "hr": "aside",
}


def _block(text: str, starts: Sequence[int], token: Token, kind: Kind, *, parts: tuple[Block, ...] = ()) -> Block:
    first, last = token.map or (0, 0)
    start, end = trimmed(text, starts[first], starts[min(last, len(starts) - 1)], keep_indent=kind == "code")
    if token.type == "html_block" and _COMMENT_ONLY.fullmatch(text, start, end):
        kind = "aside"
    return Block(kind, start, end, parts=tuple(part for part in parts if part.start < part.end))


def _heading(text: str, starts: Sequence[int], token: Token, content: str, *, nested: bool) -> Block:
    block = _block(text, starts, token, "paragraph")
    if nested or block.end - block.start > MAX_HEADING_CHARS:
        return block
    title = _plain_title(content)
    is_prose = token.markup == "-" and _SENTENCE.fullmatch(title)  # a paragraph between two rules
    if not title or is_prose:
        return block
    return Block("heading", block.start, block.end, level=int(token.tag[1]), title=title)


def _plain_title(content: str) -> str:
    content = rewritten(_ANCHOR.sub("", content))
    if not _INLINE.search(content):
        return _SPACE.sub(" ", content).strip()
    children = itertools.chain.from_iterable(t.children or () for t in _parser(inline=True).parseInline(content))
    return _SPACE.sub(
        " ", "".join(c.content or (" " if c.type.endswith("break") else "") for c in children if c.type != "html_inline")
    ).strip()


def _with_gaps(text: str, found: Sequence[Block]) -> Iterator[Block]:
    """Yield `found`, and a paragraph for text that no block covers (link definitions, text that is nested too deep)."""
    at = 0
    for block in [*found, Block("aside", len(text), len(text))]:
        start, end = trimmed(text, at, max(at, block.start))
        if start < end:
            yield Block("paragraph", start, end)
        if block.start < block.end:
            yield block
        at = max(at, block.end)

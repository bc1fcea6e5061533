"""The blocks of a document: headings, paragraphs, lists, tables, code, with exact character spans.

Markdown is read by markdown-it-py (CommonMark and tables), whose line maps give the spans; reStructuredText by the
line scanner in `rst`; plain text by blank lines, with the few headings that can be told reliably. Blocks are in
order and do not overlap, and every character that is not white space lies in exactly one of them.

Not covered: inline structure, and headings inside lists and quotations (they are text there).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import regex

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Block", "Kind", "front_matter", "line_starts", "parse_blocks"]

Kind = Literal["heading", "paragraph", "list", "quote", "table", "code", "aside"]

MAX_HEADING_CHARS = 200  # a longer "heading" is a paragraph that somebody marked up

_FRONT_MATTER = regex.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?\n)?(\1|\.\.\.)[ \t]*(?:\n|\Z)", regex.DOTALL)
_FIRST_KEY = regex.compile(r"(?:\s*(?:#.*)?\n)*[\"']?[\w.-]+[\"']?[ \t]*[:=]")
_COMMENT_ONLY = regex.compile(r"\s*(?:<!--.*?-->\s*)+", regex.DOTALL)
_ANCHOR = regex.compile(r"\s*\{[#.:][^{}]*\}\s*$")
_INLINE = regex.compile(r"[\\`*_\[\]<>&!]")
_SPACE = regex.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]`, without white space around it (code keeps the indentation of its first line).

    `title` (plain text) and `level` (1 is the outermost) are those of a heading. `parts` are the items of a list and
    the blocks of a quotation or an item. An `aside` is what a reader does not see as text: front matter, comments, rules.
    """

    kind: Kind
    start: int
    end: int
    level: int = 0
    title: str = ""
    parts: tuple[Block, ...] = ()


def parse_blocks(text: str, format: str) -> list[Block]:
    """The blocks of `text`; `format` is `markdown`, `rst`, or anything else for plain text."""
    if format == "markdown":
        return _markdown(text)
    if format == "rst":
        from synthgen.rst import parse_rst

        return parse_rst(text)
    return _plain(text)


def front_matter(text: str) -> tuple[str, int]:
    """The YAML or TOML between the fences that open a document, and the offset where it ends; ("", 0) if there is none."""
    match = _FRONT_MATTER.match(text)
    if match and match[2] and _FIRST_KEY.match(match[2]):
        return match[2], match.end()
    return "", 0


def line_starts(text: str) -> list[int]:
    """The offset of every line, and the length of the text as one more, so that line i is `text[s[i]:s[i + 1]]`."""
    starts = [0, *(m.end() for m in regex.finditer("\n", text))]
    return starts if starts[-1] == len(text) else [*starts, len(text)]


def trimmed(text: str, start: int, end: int, *, keep_indent: bool = False) -> tuple[int, int]:
    """The span without white space around it; with `keep_indent` only whole blank lines go at its head."""
    body = text[start:end]
    end = start + len(body.rstrip())
    first = start + len(body) - len(body.lstrip())
    if keep_indent and first < end:
        first = max(start, text.rfind("\n", start, first) + 1)
    return min(first, end), end


# --- Markdown ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _parser(*, inline: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    return parser if inline else parser.disable("inline")


def _markdown(text: str) -> list[Block]:
    starts = line_starts(text)
    _, cut = front_matter(text)
    # Blank lines in its place keep the line numbers: a parser would read front matter as a rule and a heading.
    tokens = _parser(inline=False).parse("\n" * text.count("\n", 0, cut) + text[cut:])
    found = [*_tree(text, starts, tokens)]
    if cut:
        found.insert(0, Block("aside", *trimmed(text, 0, cut)))
    return list(_with_gaps(text, found))


def _tree(text: str, starts: Sequence[int], tokens: Sequence[Token]) -> list[Block]:
    """Blocks from a flat token stream. markdown-it nests at most 20 deep, but no recursion is needed anyway."""
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
    title = _plain_title(content)
    if nested or not title or block.end - block.start > MAX_HEADING_CHARS:
        return block
    return Block("heading", block.start, block.end, level=int(token.tag[1]), title=title)


def _plain_title(content: str) -> str:
    content = _ANCHOR.sub("", content)
    if not _INLINE.search(content):
        return _SPACE.sub(" ", content).strip()
    children = itertools.chain.from_iterable(t.children or () for t in _parser(inline=True).parseInline(content))
    return _SPACE.sub(
        " ", "".join(c.content or (" " if c.type.endswith("break") else "") for c in children if c.type != "html_inline")
    ).strip()


def _with_gaps(text: str, found: Sequence[Block]) -> Iterator[Block]:
    """`found`, and a paragraph for text that no block covers (link definitions, what lies too deep)."""
    at = 0
    for block in [*found, Block("aside", len(text), len(text))]:
        start, end = trimmed(text, at, max(at, block.start))
        if start < end:
            yield Block("paragraph", start, end)
        if block.start < block.end:
            yield block
        at = max(at, block.end)


# --- plain text -------------------------------------------------------------------------------------------------------

_PARAGRAPH = regex.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_UNDERLINED = regex.compile(r"(?P<title>[^\s=\-~][^\n]*)\n(?P<mark>[=\-~])(?P=mark){2,}[ \t]*(?=\n|$)")
_NUMBERED = regex.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})\.?[ \t]{1,4}(?P<title>\p{Lu}[^\n]{1,70}[^\s.,;:!?])[ \t]*")
_CAPITALS = regex.compile(r"(?=[^\n]*\p{Lu}{3})[\p{Lu}\p{N}][\p{Lu}\p{N} \t,/&'()-]{2,58}[\p{Lu}\p{N})]")
_PAGE_FOOT = regex.compile(r"[^\n]*\[Page [\divxlc]+\]")
_ITEM = regex.compile(r"^[ \t]*(?:[-*+•‣–]|\d{1,3}[.)])[ \t]+\S", regex.MULTILINE)


def _plain(text: str) -> list[Block]:
    """Paragraphs. Numbered and all-capital lines are headings only where a document has several of that kind."""
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
    """The foot of a printed page, or the head of the next one, which follows it after a form feed."""
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
    """The items of a paragraph that opens with a list mark; empty for any other."""
    marks = [start + m.start() for m in _ITEM.finditer(text[start:end])]
    if not marks or marks[0] != start:
        return ()
    return tuple(Block("paragraph", *trimmed(text, a, b)) for a, b in itertools.pairwise([*marks, end]))

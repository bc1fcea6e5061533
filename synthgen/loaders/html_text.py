"""Write the content of a page as Markdown-like text.

Headings become `#` lines, lists and quotations get their marks, tables become pipe tables, `pre` becomes fenced code,
and links keep their text. One walk writes running text, cells, captions and code. It does not recurse into elements, so
nesting can be arbitrarily deep.

What changes a number or a word is kept as text: `10<sup>6</sup>` is 10⁶, `x<sub>max</sub>` is x_max, a reference number
is in brackets, struck-out text is left out, and items of a list have the numbers or letters that a reader sees. A `<` of the
text is escaped where it would begin a tag, and so are the marks in a heading.

Not covered: nested tables (their text stays in the outer cell), spanning cells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import regex

from synthgen.loaders.html_content import BLOCKS, Content
from synthgen.loaders.html_lists import List
from synthgen.text.inline_html import lowered, raised

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["Writer"]

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_STRUCK_OUT = frozenset(["s", "del", "strike"])
_LAYOUT = "h1, h2, h3, h4, h5, h6, pre, ul, ol, blockquote, p + p"  # a table with one of these is for layout
_STYLED = frozenset(["span", "font", "b", "i", "em", "strong", "u", "p", "div", "li"])  # where a style is looked at
_MAX_DEPTH = 8  # of list and quotation marks, and of tables; deeper lines get the marks of the eighth
_MATH_IMAGE = regex.compile(r"\b(?:math|tex|latex|formula|equation)", regex.IGNORECASE)
_LINE_NUMBERS = regex.compile(r"(?:^|[\s_-])(?:lineno|linenos|line-?numbers?|ln-num|gutter)(?:$|[\s_-])", regex.IGNORECASE)

_SPACE = regex.compile(r"[ \t\r\n\f]+")
_LINE_MARK = regex.compile(r"^(?=#{1,6}(?:\s|$)|[>|]|[-+*](?:\s|$)|={2,}\s*$|-{2,}\s*$|`{3}|~{3})|^(\d{1,9})(?=[.)](?:\s|$))")
_FENCES = regex.compile(r"`{3,}")
_LANGUAGE = regex.compile(r"(?:language|lang|highlight(?:-source)?)-([\w+#-]+)")
_PERMALINK = regex.compile(r"[#¶§🔗]")
_PERMALINK_CLASS = regex.compile(r"anchor|link", regex.IGNORECASE)
_REFERENCE = regex.compile(r"\[?\d+(?:\s*[,–-]\s*\d+)*\]?")
_DIGITS = regex.compile(r"\d+")
_CODE_SPAN = r"(?P<code>(?<!(?<!\\)`)`++[^`]++`++)"
_TAG_LIKE = regex.compile(rf"{_CODE_SPAN}|<(?=[a-zA-Z/!?])")
_MARK_LIKE = regex.compile(
    rf"""{_CODE_SPAN} | <(?=[a-zA-Z/!?]) | &(?=\#?\w+;) | \\(?=[\p{{P}}\p{{S}}])
        | (?<![\w_])_+(?=[^\W_][^_]{{0,200}}_) | (?<!\*)\*+(?=[^\s*][^*]{{0,200}}\*) | \[(?=[^\]]{{0,200}}\]\() | ~~(?=\S[^~]{{0,200}}~~)""",
    regex.VERBOSE,
)
_STRUCK_OUT_STYLE = regex.compile(
    r"text-decoration[\w-]{0,20}+\s*+:(?:(?!line-through|text-decoration)[^;])*+line-through", regex.IGNORECASE
)
_LEVEL_STYLE = regex.compile(r"vertical-align\s*:\s*(super|sub)\b", regex.IGNORECASE)


class Writer:
    """Collects blocks. `marks` are the list and quotation marks before the next lines."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.blocks: list[str] = []
        self.inline: list[str] = []
        self.wrapped: list[int] = []  # where the text of each open inline element begins
        self.marks: list[tuple[str, str]] = []  # for the first line, for the others
        self.lists: list[List] = []
        self.tight = False  # the next block begins an item and follows without a blank line
        self.tables = 0  # open tables for layout
        self.has_first_heading = False

    def text(self) -> str:
        return "".join(self.blocks)

    def write(self, root: LexborNode) -> None:
        self._walk(root, self._enter, self._leave)
        self._flush()

    def _walk(
        self, root: LexborNode, enter: Callable[[LexborNode, str], bool], leave: Callable[[LexborNode, str], None]
    ) -> None:
        """Visit what is read, in order. `enter` says whether the children are visited, and `leave` follows them."""
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            tag = node.tag or ""
            if tag == "-text":
                self.inline.append(node.text(deep=False))
            elif leaving:
                if wrap := _wrap_of(node, tag):
                    self._wrap(node, wrap)
                leave(node, tag)
            elif tag.startswith("-") or (node is not root and not self._is_read(node, tag)):
                continue
            elif (whole := _whole(node, tag)) is not None:
                self.inline.append(whole)
            elif enter(node, tag):
                if _wrap_of(node, tag):
                    self.wrapped.append(len(self.inline))
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))

    def _is_read(self, node: LexborNode, tag: str) -> bool:
        return not _is_struck_out(node, tag) and self.content.is_read(node) and not (tag == "a" and _is_permalink(node))

    def _wrap(self, node: LexborNode, wrap: _Wrap) -> None:
        start = self.wrapped.pop()
        inner = "".join(self.inline[start:])
        del self.inline[start:]
        before = next((part[-1] for part in reversed(self.inline) if part), "")
        self.inline.append(wrap(inner, node, before))

    def _enter(self, node: LexborNode, tag: str) -> bool:
        if tag in BLOCKS:
            self._flush()
        if tag == "br":
            self.inline.append("\v")
        elif tag == "hr":
            self._flush()
            self._add("---")
        elif tag == "pre":
            self._add(self._fenced(node))
            return False
        elif tag == "table":
            if self.tables < _MAX_DEPTH and not _is_layout(node):
                self._add(self._table(node))
                return False
            self.tables += 1
        elif tag in ("ul", "ol"):
            self.lists.append(List(node))
        elif tag == "li":
            self._item(node)
        elif tag == "blockquote":
            self.marks.append(("> ", "> "))
        elif tag in ("td", "th"):
            self.inline.append(" ")
        return True

    def _leave(self, node: LexborNode, tag: str) -> None:
        if tag in _HEADINGS:
            self._heading(_HEADINGS[tag])
        elif tag in BLOCKS:
            self._flush()
        if tag in ("ul", "ol"):
            self.lists.pop()
        elif tag == "table":
            self.tables -= 1
        elif tag in ("li", "blockquote"):
            self.marks.pop()
            self.tight = False

    def _item(self, node: LexborNode) -> None:
        if not self.lists:
            self.lists.append(List(None))
        here = self.lists[-1]
        self.tight = here.items > 0 or bool(self.marks)
        mark = here.next_mark(node)
        self.marks.append((mark, " " * len(mark)))

    def _heading(self, level: int) -> None:
        if title := _line(self._taken().replace("\v", " ")):
            self.has_first_heading |= level == 1
            self._add(f"{'#' * level} {_not_a_closing_mark(_escaped(_MARK_LIKE, title))}")

    def _flush(self) -> None:
        lines = [_paragraph_line(line) for line in map(_line, self._taken().split("\v")) if line]
        if lines:
            self._add("\n".join(lines))

    def _taken(self) -> str:
        """Return the running text so far, and begin anew. Inline elements that are open go on in the next block."""
        text = "".join(self.inline)
        self.inline.clear()
        self.wrapped = [0] * len(self.wrapped)
        return text

    def _add(self, block: str) -> None:
        if not block:
            return
        first = "".join(mark for mark, _ in self.marks[:_MAX_DEPTH])
        others = "".join(mark for _, mark in self.marks[:_MAX_DEPTH])
        lines = block.split("\n")
        placed = [first + lines[0], *(others + line if line else others.rstrip() for line in lines[1:])]
        separator = "" if not self.blocks else "\n" if self.tight else "\n\n"
        self.blocks.append(separator + "\n".join(placed))
        self.marks = [(rest, rest) for _, rest in self.marks]
        self.tight = False

    def _run(self, node: LexborNode, separator: str) -> str:
        """Return the running text of an element, with `separator` in place of line breaks and around blocks."""
        inner = Writer(self.content)

        def enter(node: LexborNode, tag: str) -> bool:
            if tag == "br":
                inner.inline.append(separator)
            elif separator == "\n" and _LINE_NUMBERS.search(node.attributes.get("class") or ""):
                return False
            else:
                leave(node, tag)
            return True

        def leave(_: LexborNode, tag: str) -> None:
            if tag in BLOCKS and inner.inline and not inner.inline[-1].endswith(separator):
                inner.inline.append(separator)

        inner._walk(node, enter, leave)
        return "".join(inner.inline)

    def _fenced(self, node: LexborNode) -> str:
        code = self._run(node, "\n").strip("\n").rstrip()
        inside = node.css_first("code")
        classes = " ".join(str(n.attributes.get("class") or "") for n in (node, inside) if n is not None)
        language = _LANGUAGE.search(classes)
        fence = max(["``", *_FENCES.findall(code)], key=len) + "`"
        return f"{fence}{language[1] if language else ''}\n{code}\n{fence}" if code.strip() else ""

    def _table(self, node: LexborNode) -> str:
        """Return a pipe table. Its first row is the header, since a pipe table must have one."""
        rows = [[self._cell(cell) for cell in row.css("td, th") if self.content.is_read(cell)] for row in node.css("tr")]
        rows = [row for row in rows if any(row)]
        width = max(map(len, rows), default=0)
        caption = node.css_first("caption")
        head = (
            _escaped(_TAG_LIKE, _line(self._run(caption, " "))) if caption is not None and self.content.is_read(caption) else ""
        )
        if width == 1:
            return "\n\n".join(_LINE_MARK.sub(r"\1\\", text) for text in [head, *(row[0] for row in rows)] if text)
        lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in rows]
        above = [head, ""] if head else []
        return "\n".join([*above, *lines[:1], f"|{' --- |' * width}", *lines[1:]]) if rows else head

    def _cell(self, node: LexborNode) -> str:
        return _escaped(_TAG_LIKE, _line(self._run(node, " "))).replace("|", "\\|")


_Wrap = Callable[[str, "LexborNode", str], str]
"""(text of an element, the element, the character before it) -> what is written for it."""


def _raised(inner: str, node: LexborNode, before: str) -> str:
    text = inner.strip()
    if not text or not before:
        return inner
    if _REFERENCE.fullmatch(text) and (node.css_first("a") is not None or _is_link(node.parent, text)):
        return text if text.startswith("[") else f"[{text}]"
    if _text_after(node).startswith(("/", "⁄")):
        return f" {text}" if before.isalnum() else text
    return raised(text, before) if before.strip() or _DIGITS.fullmatch(text) else inner


def _lowered(inner: str, node: LexborNode, before: str) -> str:
    return lowered(inner, before) if inner.strip() else inner


def _quoted(inner: str, node: LexborNode, before: str) -> str:
    return f"“{inner}”" if inner.strip() else inner


def _read_aloud(inner: str, node: LexborNode, before: str) -> str:
    """Return the reading of a word in parentheses, as `rp` would write them."""
    return inner if before in ("(", "（") or not inner.strip() else f"({inner.strip()})"


def _apart(inner: str, node: LexborNode, before: str) -> str:
    return f" {inner}" if before.isalnum() and inner[:1].isalnum() else inner


def _part_of_fraction(inner: str, node: LexborNode, before: str) -> str:
    text = inner.strip()
    part = text if text.isalnum() else f"({text})"
    return f"/{part}" if _is_second(node) else f" {part}" if before.isalnum() else part


def _as_root(inner: str, node: LexborNode, before: str) -> str:
    text = inner.strip()
    return f"√{text}" if len(text) == 1 or text.isdigit() else f"√({text})"


def _as_degree(inner: str, node: LexborNode, before: str) -> str:
    return f"^(1/{inner.strip()})"


def _code(inner: str, node: LexborNode, before: str) -> str:
    code = inner.replace("\v", " ").strip()
    return inner if not code or "`" in code or _in_pre(node) else f"`{code}`"


_WRAPS: dict[str, _Wrap] = {"sup": _raised, "sub": _lowered, "q": _quoted, "rt": _read_aloud, "kbd": _apart, "code": _code}
_WRAPS_OF_MATH: dict[str, _Wrap] = {"msqrt": _as_root, "mtd": _apart}
_WRAPS_OF_PARTS: dict[str, tuple[_Wrap, ...]] = {
    "msup": (_raised,),
    "msub": (_lowered,),
    "msubsup": (_lowered, _raised),
    "munder": (_lowered,),
    "mover": (_raised,),
    "munderover": (_lowered, _raised),
    "mroot": (_as_degree,),
}


def _wrap_of(node: LexborNode, tag: str) -> _Wrap | None:
    if tag in _STYLED and (level := _LEVEL_STYLE.search(node.attributes.get("style") or "")):
        return _raised if level[1].lower() == "super" else _lowered
    if not tag.startswith("m"):
        return _WRAPS.get(tag)
    above = node.parent.tag or "" if node.parent is not None else ""
    if above == "mfrac":
        return _part_of_fraction
    wraps, place = _WRAPS_OF_PARTS.get(above, ()), _elements_before(node)
    return wraps[place - 1] if 1 <= place <= len(wraps) else _WRAPS_OF_MATH.get(tag)


def _whole(node: LexborNode, tag: str) -> str | None:
    """Return the text of an element that is read as a whole; None for the others."""
    if tag == "math":
        return _formula(node)
    if tag == "img" and (alt := node.attributes.get("alt") or "").strip():
        return f" {alt.strip()} " if _MATH_IMAGE.search(node.attributes.get("class") or "") else ""
    if tag == "input" and (node.attributes.get("type") or "text").lower() in ("text", "number"):
        value = (node.attributes.get("value") or "").strip()
        return value if any(map(str.isdigit, value)) else ""
    return None


def _formula(node: LexborNode) -> str | None:
    """Return a formula in TeX, where the page has it."""
    found = node.css_first('annotation[encoding="application/x-tex"]')
    tex = (found.text() if found is not None else node.attributes.get("alttext") or "").strip()
    return f"${tex}$" if tex else None


def _is_permalink(node: LexborNode) -> bool:
    attributes = node.attributes
    says_so = (attributes.get("href") or "").startswith("#") or _PERMALINK_CLASS.search(attributes.get("class") or "")
    return bool(says_so) and _PERMALINK.fullmatch(node.text().strip()) is not None


def _is_second(node: LexborNode) -> bool:
    return _elements_before(node) > 0


def _elements_before(node: LexborNode) -> int:
    count, before = 0, node.prev
    while before is not None and count < len(_WRAPS_OF_PARTS):
        count += not (before.tag or "").startswith("-")
        before = before.prev
    return count


def _is_struck_out(node: LexborNode, tag: str) -> bool:
    return tag in _STRUCK_OUT or (tag in _STYLED and bool(_STRUCK_OUT_STYLE.search(node.attributes.get("style") or "")))


def _is_link(node: LexborNode | None, text: str) -> bool:
    """Whether an element is a link with nothing else than `text`."""
    return node is not None and node.tag == "a" and node.text().strip() == text


def _text_after(node: LexborNode) -> str:
    after = node.next
    return (after.text(deep=False) or "") if after is not None and after.tag == "-text" else ""


def _in_pre(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.tag == "pre":
            return True
        parent = parent.parent
    return False


def _is_layout(table: LexborNode) -> bool:
    return table.css_first(_LAYOUT) is not None or len(table.css("table")) > 1


def _paragraph_line(line: str) -> str:
    return _LINE_MARK.sub(r"\1\\", _escaped(_TAG_LIKE, line))


def _escaped(marks: regex.Pattern[str], line: str) -> str:
    """Escape what is a mark of Markdown for others, outside of code."""
    return marks.sub(lambda found: found["code"] or "".join(f"\\{mark}" for mark in found[0]), line)


def _not_a_closing_mark(title: str) -> str:
    """Escape a `#` at the end of a title that Markdown would take for its closing mark."""
    return regex.sub(r"(?<=^|\s)(#+)$", r"\\\1", title)


def _line(text: str) -> str:
    return _SPACE.sub(" ", text).strip(" ")

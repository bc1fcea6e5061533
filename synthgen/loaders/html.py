"""Convert HTML to Markdown-like text: what a reader sees, with the structure that chunking needs.

Headings become `#` lines, lists and quotations get their marks, tables become pipe tables, `pre` becomes fenced code,
and links keep their text. Navigation, forms, scripts and hidden elements are left out. This text, not the markup, is
the document's normal form; every offset refers to it. The walk does not recurse, so nesting can be arbitrarily deep.

Nested tables (their text stays in the outer cell), spanning cells and styles that hide elements are not supported.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import regex

from synthgen.config.settings import Sources
from synthgen.loaders.encodings import Decoded, Undecodable, decode
from synthgen.loaders.plain_text import document_of
from synthgen.records import Document, Skipped

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["html_to_text", "load_html"]

_DROPPED = frozenset(
    [
        "script",
        "style",
        "nav",
        "header",
        "footer",
        "aside",
        "form",
        "template",
        "noscript",
        "svg",
        "button",
        "select",
        "textarea",
        "iframe",
        "object",
        "canvas",
        "dialog",
        "head",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "body",
        "html",
        "dl",
        "dt",
        "dd",
        "figure",
        "figcaption",
        "details",
        "summary",
        "address",
        "fieldset",
        "legend",
        "hgroup",
        "center",
        "ul",
        "ol",
        "li",
        "blockquote",
        "table",
        "caption",
        "header",
    ]
) | set(_HEADINGS)
_LAYOUT = "h1, h2, h3, h4, h5, h6, pre, ul, ol, blockquote, p + p"  # a table with one of these is for layout
_MAX_DEPTH = 8  # of list and quotation marks; deeper lines get the marks of the eighth

_SPACE = regex.compile(r"[ \t\r\n\f]+")
_LINE_MARK = regex.compile(r"^(?=#{1,6}(?:\s|$)|[>|]|[-+*](?:\s|$)|={2,}\s*$|-{2,}\s*$|`{3}|~{3}|<)|^(\d{1,9})(?=[.)](?:\s|$))")
_FENCES = regex.compile(r"`{3,}")
_LANGUAGE = regex.compile(r"(?:language|lang|highlight(?:-source)?)-([\w+#-]+)")
_PERMALINK = regex.compile(r"\s*[¶#🔗]+$")
_DECLARED = regex.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)", regex.IGNORECASE)
# Declared names that browsers read as a larger character set (WHATWG Encoding Standard).
_BROWSER_ENCODINGS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}


def load_html(raw: bytes, id: str, settings: Sources) -> Document | Skipped:
    """HTML. The title is the first heading, else `<title>`."""
    decoded = decode(raw, settings.encoding)
    if not settings.encoding and (declared := _declared(raw)) and not _is_certain(decoded):
        as_declared = decode(raw, declared)
        decoded = as_declared if isinstance(as_declared, Decoded) else decoded
    if isinstance(decoded, Undecodable):
        return Skipped(id, "sources", decoded.reason, detail=decoded.detail)
    title, text = html_to_text(decoded.text)
    return document_of(id, text, "markdown", decoded, len(raw), title=title)


def _is_certain(decoded: Decoded | Undecodable) -> bool:
    return not decoded.guessed if isinstance(decoded, Decoded) else decoded.reason == "binary"


def _declared(raw: bytes) -> str:
    """Return the encoding that the page declares, if Python knows it."""
    match = _DECLARED.search(raw, 0, 4_096)
    try:
        name = codecs.lookup(match[1].decode("ascii", "ignore")).name if match else ""
    except LookupError:
        return ""
    return _BROWSER_ENCODINGS.get(name, name)


def html_to_text(html: str) -> tuple[str, str]:
    """Return the content of `<title>` and the text in Markdown's form."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    found = tree.css_first("title")
    title = _SPACE.sub(" ", found.text()).strip() if found else ""
    root = tree.css_first("main") or tree.body
    return title, _Writer().walk(root) if root else ""


class _Writer:
    """Collects blocks. `marks` are the list and quotation marks before the next lines."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.inline: list[str] = []
        self.marks: list[tuple[str, str]] = []  # for the first line, for the others
        self.lists: list[tuple[bool, int]] = []  # open lists: ordered or not, number of items so far
        self.tight = False  # the next block begins an item and follows without a blank line

    def walk(self, root: LexborNode) -> str:
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
            elif node.tag == "-text":
                self.inline.append(node.text(deep=False))
            elif self._enter(node):
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))
        self._flush()
        return "".join(self.blocks)

    def _enter(self, node: LexborNode) -> bool:
        """Begin an element. Returns whether its children are visited."""
        tag = node.tag or ""
        if (tag in _DROPPED and not (tag == "header" and _inside_article(node))) or "hidden" in node.attributes:
            return False
        if tag in _BLOCKS:
            self._flush()
        if tag == "br":
            self.inline.append("\v")
        elif tag == "hr":
            self._flush()
            self._add("---")
        elif tag == "pre":
            self._flush()
            self._add(_fenced(node))
            return False
        elif tag == "table" and not _is_layout(node):
            self._add(_table(node))
            return False
        elif tag == "code" and "`" not in (code := node.text()) and code.strip():
            self.inline.append(f"`{code.strip()}`")
            return False
        elif tag in ("ul", "ol"):
            self.lists.append((tag == "ol", 0))
        elif tag == "li":
            self._item()
        elif tag == "blockquote":
            self.marks.append(("> ", "> "))
        elif tag in ("td", "th"):
            self.inline.append(" ")
        elif tag == "tr":
            self._flush()
        return True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _HEADINGS:
            self._heading(_HEADINGS[tag])
        elif tag in _BLOCKS or tag == "tr":
            self._flush()
        if tag in ("ul", "ol"):
            self.lists.pop()
        elif tag in ("li", "blockquote"):
            self.marks.pop()
            self.tight = False

    def _item(self) -> None:
        ordered, items = self.lists.pop() if self.lists else (False, 0)
        self.lists.append((ordered, items + 1))
        self.tight = items > 0 or bool(self.marks)
        mark = f"{items + 1}. " if ordered else "- "
        self.marks.append((mark, " " * len(mark)))

    def _heading(self, level: int) -> None:
        title = _PERMALINK.sub("", _line("".join(self.inline).replace("\v", " ")))
        self.inline.clear()
        if title:
            self._add(f"{'#' * level} {title}")

    def _flush(self) -> None:
        lines = [_LINE_MARK.sub(r"\1\\", line) for line in map(_line, "".join(self.inline).split("\v")) if line]
        self.inline.clear()
        if lines:
            self._add("\n".join(lines))

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


def _is_layout(table: LexborNode) -> bool:
    return table.css_first(_LAYOUT) is not None or len(table.css("table")) > 1


def _line(text: str) -> str:
    return _SPACE.sub(" ", text).strip(" ")


def _inside_article(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.tag in ("article", "main", "section"):
            return True
        parent = parent.parent
    return False


def _fenced(node: LexborNode) -> str:
    code = node.text().strip("\n").rstrip()
    inner = node.css_first("code")
    classes = " ".join(str(n.attributes.get("class") or "") for n in (node, inner) if n is not None)
    language = _LANGUAGE.search(classes)
    fence = max(["``", *_FENCES.findall(code)], key=len) + "`"
    return f"{fence}{language[1] if language else ''}\n{code}\n{fence}" if code.strip() else ""


def _table(node: LexborNode) -> str:
    """Return a pipe table. Its first row is the header, since a pipe table must have one."""
    rows = [[_cell(cell) for cell in row.css("td, th")] for row in node.css("tr")]
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    if width == 1:
        return "\n\n".join(_LINE_MARK.sub(r"\1\\", row[0]) for row in rows)
    lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in rows]
    caption = node.css_first("caption")
    head = [_line(caption.text()), ""] if caption else []
    return "\n".join([*head, *lines[:1], f"|{' --- |' * width}", *lines[1:]]) if rows else ""


def _cell(node: LexborNode) -> str:
    return _line(node.text(separator=" ")).replace("|", "\\|")

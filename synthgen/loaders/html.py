"""Load HTML as Markdown-like text: what a reader sees, with the structure that chunking needs.

`html_content` decides what a reader sees, `html_text` writes it. This text, not the markup, is the document's normal
form; every offset refers to it.

The content is in every visible `<main>` or `role="main"` that has text. If they have less prose than the rest of the
page, or there is none, it is in the body. The page's `<h1>` comes first if the content has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import regex

from synthgen.config.settings import Sources
from synthgen.loaders.encodings import Undecodable, decode, decode_declared
from synthgen.loaders.html_content import Content, letters
from synthgen.loaders.html_limits import too_complex
from synthgen.loaders.html_text import Writer
from synthgen.loaders.plain_text import document_of
from synthgen.records import Document, Skipped

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

__all__ = ["Page", "html_to_text", "load_html"]

_MAIN = 'main, [role="main"]'
_MIN_DROPPED_SHARE = 0.01  # less is not worth a word

_SPACE = regex.compile(r"\s+")
_DECLARED = regex.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*["']([\w.:-]+)""", regex.IGNORECASE
)
_DECLARED_WITHIN_BYTES = 4_096


class Page(NamedTuple):
    """The content of `<title>`, the text in Markdown's form, and the share of the visible letters that are not in it."""

    title: str
    text: str
    dropped_share: float


def load_html(raw: bytes, id: str, settings: Sources) -> Document | Skipped:
    """HTML. The title is the first heading, else that of the page.

    `metadata.dropped_share` is the share of a page's visible letters that were taken for navigation and the like.
    """
    declared = _DECLARED.search(raw, 0, _DECLARED_WITHIN_BYTES)
    if declared and not settings.encoding:
        decoded = decode_declared(raw, (declared[1] or declared[2]).decode("ascii", "ignore"))
    else:
        decoded = decode(raw, settings.encoding)
    if isinstance(decoded, Undecodable):
        return Skipped(id, "sources", decoded.reason, detail=decoded.detail)
    if too_much := too_complex(decoded.text):
        return Skipped(id, "sources", "too_complex", detail=too_much)
    page = html_to_text(decoded.text)
    metadata = {"dropped_share": page.dropped_share} if page.dropped_share >= _MIN_DROPPED_SHARE else {}
    return document_of(id, page.text, "markdown", decoded, len(raw), title=page.title, metadata=metadata)


def html_to_text(html: str) -> Page:
    """Return the title and the text of a page."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    body = tree.body
    if body is None:
        return Page(_title(tree), "", 0.0)
    content = Content(body)
    roots = _roots(tree, body, content)
    writer = Writer(content)
    for root in roots:
        writer.write(root)
    text = writer.text()
    if not writer.has_first_heading and (heading := _first_heading(body, content)) is not None:
        above = Writer(content)
        above.write(heading)
        text = f"{above.text()}\n\n{text}"
    dropped = 1 - letters(text) / content.letters if content.letters else 0.0
    return Page(_title(tree), text, round(max(0.0, dropped), 3))


def _title(tree: LexborHTMLParser) -> str:
    """Return the title of the page, which is no title of a drawing in it; else the one that it has for other sites."""
    found = [node.text() for node in tree.css("title") if not _inside(node, lambda parent: parent.tag == "svg")]
    found += [node.attributes.get("content") or "" for node in tree.css('meta[property="og:title"]')]
    return next((title for text in found if (title := _SPACE.sub(" ", text).strip())), "")


def _roots(tree: LexborHTMLParser, body: LexborNode, content: Content) -> list[LexborNode]:
    marked = [node for node in tree.css(_MAIN) if content.has_text(node) and not _inside(node, _is_main)]
    prose = sum(content.prose(node) for node in marked)
    return marked if marked and 2 * prose >= content.prose(body) else [body]


def _first_heading(body: LexborNode, content: Content) -> LexborNode | None:
    return next((node for node in body.css("h1") if content.has_text(node) and not _is_logo(node)), None)


def _is_logo(heading: LexborNode) -> bool:
    """Whether a heading is a link to the first page, as the name of a site is."""
    link = heading.css_first("a")
    return (
        link is not None
        and regex.fullmatch(r"(?:\w+://[^/]*)?[./]*(?:index\.\w+)?", link.attributes.get("href") or "#") is not None
    )


def _inside(node: LexborNode, is_around: Callable[[LexborNode], bool]) -> bool:
    parent = node.parent
    while parent is not None and not is_around(parent):
        parent = parent.parent
    return parent is not None


def _is_main(node: LexborNode) -> bool:
    return node.tag == "main" or node.attributes.get("role") == "main"

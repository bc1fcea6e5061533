"""Load Markdown, reStructuredText and plain text. The file's own text, in normal form, is the document's text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.chunking.markup import parse_blocks
from synthgen.chunking.markup.front_matter import FrontMatter, front_matter
from synthgen.config.settings import Sources
from synthgen.loaders.encodings import Decoded, Undecodable, decode
from synthgen.records import Document, Skipped, make_document
from synthgen.text.language import guess_language
from synthgen.text.words import normalise

__all__ = ["document_of", "load_markdown", "load_rst", "load_text"]

_TITLE_WITHIN_CHARS = (200, 8_000)  # most titles are at the very beginning


def load_markdown(raw: bytes, id: str, settings: Sources) -> Document | Skipped:
    """Markdown. The title is that of the front matter, else the first heading.

    Scalars of the front matter go to `metadata`.
    """
    return _load(raw, id, settings, "markdown")


def load_rst(raw: bytes, id: str, settings: Sources) -> Document | Skipped:
    """reStructuredText. The title is the first heading."""
    return _load(raw, id, settings, "rst")


def load_text(raw: bytes, id: str, settings: Sources) -> Document | Skipped:
    """Plain text. The title is the first heading that its layout shows."""
    return _load(raw, id, settings, "text")


def document_of(
    id: str, text: str, format: str, decoded: Decoded, size: int, *, title: str = "", metadata: Mapping[str, Any] | None = None
) -> Document:
    """Return a Document of `text` (in `format`) from a file of `size` bytes that was decoded as `decoded`."""
    text = normalise(text)
    metadata = {"format": format, "encoding": decoded.encoding, "bytes": size, **(metadata or {})}
    if decoded.guessed:
        metadata["encoding_guessed"] = True
    values, end = front_matter(text) if format == "markdown" else FrontMatter({}, 0)
    if values:
        metadata["front_matter"] = values
    return make_document(
        id,
        text,
        title=str(values.get("title", "")).strip() or _first_heading(text, end, format) or title,
        language=guess_language(text[end:]),
        metadata=metadata,
    )


def _load(raw: bytes, id: str, settings: Sources, format: str) -> Document | Skipped:
    decoded = decode(raw, settings.encoding)
    if isinstance(decoded, Undecodable):
        return Skipped(id, "sources", decoded.reason, detail=decoded.detail)
    return document_of(id, decoded.text, format, decoded, len(raw))


def _first_heading(text: str, start: int, format: str) -> str:
    """Return the title of the first heading near `start`, the end of the front matter."""
    for size in _TITLE_WITHIN_CHARS:
        head = text[: start + size]
        for block in parse_blocks(head, format):
            if block.kind == "heading" and (block.end < len(head) or head == text):  # the end of `head` may cut a title
                return block.title
    return ""

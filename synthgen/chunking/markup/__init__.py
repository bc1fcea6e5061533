"""The blocks of a document: headings, paragraphs, lists, tables, code, with exact character spans.

One module reads one format. To add a format, write a module and add a line to PARSERS. Blocks are in order and do not
overlap, and every character that is not white space lies in exactly one of them.

Not covered: inline structure, and headings inside lists and quotations (they are text there).
"""

from __future__ import annotations

from collections.abc import Mapping

from synthgen.chunking.markup.block import Block
from synthgen.registry import resolve

__all__ = ["PARSERS", "parse_blocks"]

PARSERS: Mapping[str, str] = {
    "markdown": "synthgen.chunking.markup.markdown:parse_markdown",
    "rst": "synthgen.chunking.markup.rst:parse_rst",
    "text": "synthgen.chunking.markup.plain_text:parse_plain",
}


def parse_blocks(text: str, format: str) -> list[Block]:
    """Return the blocks of `text` in a format that a loader has recorded in the document's metadata."""
    found: list[Block] = resolve("text format", format, PARSERS)(text)
    return found

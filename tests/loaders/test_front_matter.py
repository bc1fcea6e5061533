"""What opens a Markdown file: front matter that is a mapping, or text. Each case is a file of `tests/cases/front_matter`."""

from __future__ import annotations

from support.cases import Case, cases

from synthgen.chunking.chunker import chunk_document
from synthgen.config.settings import Chunking, Sources
from synthgen.loaders.plain_text import load_markdown
from synthgen.records import Document


@cases("front_matter")
def test_only_a_mapping_is_front_matter(case: Case) -> None:
    """`given` is the file, `expected` has the values of its front matter and the texts of its chunks."""
    found = load_markdown(case.given.encode(), "a.md", Sources())
    assert isinstance(found, Document)
    chunks = [chunk.text for chunk in chunk_document(found, Chunking())]
    assert {"front_matter": found.metadata.get("front_matter", {}), "chunks": chunks} == case.expected

"""What a reader takes in of a text: kinds and contents of leaves, for each format."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.chunking.chunker import chunk_document
from synthgen.chunking.markup import PARSERS
from synthgen.chunking.markup.leaves import Leaf, cells, leaves
from synthgen.config.settings import Chunking
from synthgen.records import Chunk, make_document
from synthgen.storage import read_table, write_table

Seen = list[tuple[str, str]]


def seen(text: str, format: str) -> Seen:
    return [(leaf.kind, text[leaf.inner : leaf.inner_end]) for leaf in leaves(text, format)]


CASES: dict[str, tuple[str, str, Seen]] = {
    "heading": ("markdown", "## The lamp ##", [("heading", "The lamp")]),
    "underlined heading": ("markdown", "The lamp\n========", [("heading", "The lamp")]),
    "overlined heading": ("rst", "========\nThe lamp\n========", [("heading", "The lamp")]),
    "numbered heading of text": ("text", "1 One\n\n2 Two\n\n3 Three", [("heading", "1 One"), ("heading", "2 Two"), ("heading", "3 Three")]),
    "items": ("markdown", "- one\n  goes on\n- two\n\n  more of two", [("item", "one\n  goes on"), ("item", "two"), ("paragraph", "more of two")]),
    "nested items": ("markdown", "1. one\n   - two\n   - three", [("item", "one"), ("item", "two"), ("item", "three")]),
    "items whose indentation a cut has taken": ("markdown", "* one\n        * two", [("item", "one"), ("item", "two")]),
    "a number that begins a line": ("markdown", "The lamp of\n1986. It was lit.", [("paragraph", "The lamp of\n1986. It was lit.")]),
    "items of rst": ("rst", "1. one\n\n   a) two\n   b) three", [("item", "one"), ("item", "two"), ("item", "three")]),
    "items of text": ("text", "- one\n- two\n\n- three", [("item", "one"), ("item", "two"), ("item", "three")]),
    "code in an item": ("markdown", "1. Light it:\n\n       lamp on", [("item", "Light it:"), ("code", "lamp on")]),
    "fenced code": ("markdown", "```sh\nlamp on\n```", [("code", "lamp on")]),
    "quoted fenced code": ("markdown", "> ```sh\n> lamp on\n> ```", [("code", "> lamp on")]),
    "code of a directive": ("rst", ".. code-block:: sh\n   :caption: Lamp\n\n   lamp on", [("code", "lamp on")]),
    "literal block": ("rst", "Light it::\n\n   lamp on", [("paragraph", "Light it::"), ("code", "lamp on")]),
    "code of text": ("text", "Light it:\n\n    lamp on", [("paragraph", "Light it:"), ("code", "lamp on")]),
    "indented prose of text": ("text", "Note:\n\n    The lamp is on.", [("paragraph", "Note:"), ("paragraph", "The lamp is on.")]),
    "quotation": ("markdown", "> One\n> two\n>\n> - three", [("paragraph", "One\n> two"), ("item", "three")]),
    "definition with a colon": ("markdown", "Lamp\n: It shines.", [("definition", "It shines.")]),
    "definition by indentation": ("rst", "Lamp\n   It shines.", [("definition", "It shines.")]),
    "no definition by indentation": ("markdown", "Lamp\n   It shines.", [("paragraph", "Lamp\n   It shines.")]),
    "lines that are all indented": ("text", "A\n\n  one 1\n  two 2", [("paragraph", "A"), ("paragraph", "one 1\n  two 2")]),
    "definitions of HTML": ("markdown", "<dt>Lamp</dt>\n<dd>It shines.\n</dd>\n<dt>Horn</dt>\n<dd>It hoots.</dd>", [("definition", "<dd>It shines.\n</dd>"), ("definition", "<dd>It hoots.</dd>")]),
    "tags, targets and comments": ("markdown", "<div>\nText\n</div>\n\n<!-- no -->\n\n[a]: http://b.c\n\n{{< hint >}}", [("paragraph", "Text")]),
    "containers": ("markdown", ":::note\nText\n:::", [("paragraph", "Text")]),
    "rule": ("markdown", "One\n\n---\n\ntwo", [("paragraph", "One"), ("paragraph", "two")]),
    "note": ("rst", ".. note:: The lamp\n   is hot.\n\n   So is the horn.", [("paragraph", "The lamp\n   is hot."), ("paragraph", "So is the horn.")]),
    "version": ("rst", ".. versionadded:: 1.2\n   The lamp.", [("paragraph", "The lamp.")]),
    "directives that show nothing": ("rst", ".. image:: lamp.png\n\n.. _lamp:\n\n.. py:function:: lamp()\n   Text.", []),
    "fields": ("rst", ":Author: Anna\n\nText", [("paragraph", "Text")]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_leaves_of_a_text(name: str) -> None:
    format, text, expected = CASES[name]
    assert seen(text, format) == expected


@pytest.mark.parametrize(
    ("format", "table"),
    [
        ("markdown", "| a | b |\n|---|---|\n| `1|2` |  |\n| uneven |"),
        ("markdown", "a | b\n---|---\n`1|2` | |"),
        ("rst", "=====  ==\na      b\n=====  ==\n`1|2`\n=====  =="),
        ("rst", "+-------+---+\n| a     | b |\n+=======+===+\n| `1|2` |   |\n+-------+---+"),
    ],
)
def test_the_cells_of_a_table(format: str, table: str) -> None:
    (leaf,) = leaves(table, format)
    assert leaf.kind == "table"
    assert [[table[a:b] for a, b in row] for row in cells(table, leaf)] == [["a", "b"], ["`1|2`", ""]]


def test_a_definition_names_its_term() -> None:
    for format, text in (
        ("markdown", "Lamp\n: It shines."),
        ("rst", "Lamp\n  It shines."),
        ("markdown", "<dt>Lamp\n<dd>It shines."),
    ):
        (leaf,) = leaves(text, format)
        assert leaf.term is not None
        assert text[slice(*leaf.term)].removeprefix("<dt>") == "Lamp"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(PARSERS)), st.text(alphabet="ab .:`#*->|=+~\n\t1)[]<d/_", max_size=120))
def test_leaves_are_in_order_with_their_content_inside(format: str, text: str) -> None:
    found = leaves(text, format)
    for leaf in found:
        assert 0 <= leaf.start <= leaf.inner <= leaf.inner_end <= leaf.end <= len(text)
        assert all(leaf.start <= start <= end <= leaf.end for row in cells(text, leaf) for start, end in row)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))


RST = "Lamp\n   It shines over the harbour.\n\n.. note:: The lamp is hot.\n\n* one\n* two\n"


def test_a_chunk_from_a_table_has_the_leaves_that_it_was_cut_with(tmp_path: Path) -> None:
    document = make_document("lamp.rst", RST, metadata={"format": "rst"})
    (chunk,) = chunk_document(document, Chunking(min_tokens=0))
    write_table(tmp_path / "chunks.parquet", "chunks", [chunk.to_dict()])
    (again,) = (Chunk.from_dict(row) for row in read_table(tmp_path / "chunks.parquet"))
    assert again == chunk
    kinds = [leaf.kind for leaf in leaves(again.text, again.format)]
    assert kinds == ["definition", "paragraph", "item", "item"]
    assert kinds != [leaf.kind for leaf in leaves(again.text, "markdown")]


def test_a_chunk_of_an_older_table_does_not_know_its_format() -> None:
    row = Chunk("a.md#0-1", "a.md", 0, 1, "a", "0").to_dict()
    del row["format"]
    assert Chunk.from_dict(row).format == ""


def test_a_leaf_is_a_plain_record() -> None:
    assert leaves("Text", "text") == [Leaf("paragraph", 0, 4, 0, 4)]

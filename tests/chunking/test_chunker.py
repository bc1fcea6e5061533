"""Chunks are exact spans of their document, respect its structure, and hold every word of it once."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.chunking.chunker import chunk_document, chunk_documents, merge_identical
from synthgen.chunking.markup import parse_blocks
from synthgen.config.settings import Chunking
from synthgen.records import make_document
from synthgen.text.tokenizer import get_tokenizer

SMALL = Chunking(max_tokens=48, min_tokens=8)
FORMATS = ("markdown", "rst", "text")

KETTLE = """---
title: The kettle
---

# Kettle

A kettle boils water. It needs no supervision.

## Safety

Never fill it above the mark. Steam burns are slow to heal, so keep your hands off the spout while it boils, and wait a
minute before you lift the lid.

## Cleaning

Use vinegar:

- fill it to the mark
- boil it once
- rinse it twice

| part | time |
| --- | --- |
| lid | 2 min |
| spout | 3 min |

### Never

```sh
# not a heading
kettle --dishwasher
```
"""


def document(text, format="markdown", **columns):
    return make_document("guide/kettle.md", text, metadata={"format": format}, **columns)


def chunks_of(text, format="markdown", settings=SMALL, **columns):
    return chunk_document(document(text, format, **columns), settings)


def test_a_chunk_carries_its_headings_apart_from_its_text():
    chunks = chunks_of(KETTLE)
    assert [chunk.headings for chunk in chunks] == [
        ("Kettle",),
        ("Kettle", "Safety"),
        ("Kettle", "Cleaning"),
        ("Kettle", "Cleaning", "Never"),
    ]
    assert not any(chunk.text.startswith("#") for chunk in chunks)
    assert not any("title:" in chunk.text for chunk in chunks)


def test_headings_that_hold_for_a_part_only_stand_in_the_text():
    (chunk,) = chunks_of("# Kettle\n\n## Red\n\nIt is red.\n\n## Blue\n\nIt is blue.\n", settings=Chunking())
    assert chunk.headings == ("Kettle",)
    assert chunk.text == "## Red\n\nIt is red.\n\n## Blue\n\nIt is blue."


def test_a_top_level_section_of_enough_tokens_is_a_chunk_of_its_own():
    text = "# Kettle\n\n" + "".join(f"## Part {i}\n\n{'Water boils in it. ' * 4}\n\n" for i in range(4))
    assert [chunk.headings[-1] for chunk in chunks_of(text, settings=Chunking(min_tokens=8))] == [f"Part {i}" for i in range(4)]


def test_markup_in_a_heading_is_not_in_the_breadcrumb():
    (chunk,) = chunks_of("# The `--boil` *flag* of [kettle](x) {#boil}\n\nIt boils.\n")
    assert chunk.headings == ("The --boil flag of kettle",)


def test_a_section_without_text_joins_what_follows():
    (chunk,) = chunks_of("# Kettle\n\n## Empty\n\n## Full\n\nWater is in it.\n")
    assert (chunk.headings, chunk.text) == (("Kettle",), "## Empty\n\n## Full\n\nWater is in it.")


def test_no_heading_ends_a_chunk():
    text = "".join(f"{'#' * (1 + i % 3)} Part {i}\n\n{'Water boils in it. ' * (i % 5)}\n\n" for i in range(40)) + "End.\n"
    assert not any(chunk.text.splitlines()[-1].startswith("#") for chunk in chunks_of(text))


def test_a_heading_at_the_very_end_is_not_lost():
    assert "## To do" in chunks_of("# Kettle\n\nWater is in it.\n\n## To do\n")[-1].text


def test_a_document_of_headings_is_one_chunk():
    (chunk,) = chunks_of("# Kettle\n\n## Lid\n\n## Spout\n")
    assert (chunk.headings, chunk.text) == ((), "# Kettle\n\n## Lid\n\n## Spout")


def test_a_short_document_is_one_chunk():
    (chunk,) = chunks_of("Boil.\n")
    assert (chunk.id, chunk.text, chunk.n_tokens) == ("guide/kettle.md#0-5", "Boil.", 3)


@pytest.mark.parametrize("text", ["", " \n\n", "---\ntitle: x\n---\n", "<!-- nothing -->\n\n---\n"])
def test_a_document_without_content_has_no_chunk(text):
    assert chunks_of(text) == []


def test_a_table_that_fits_is_not_cut():
    table = "| part | time |\n| --- | --- |\n| lid | 2 min |\n| spout | 3 min |"
    words = "Water boils in the kettle while you wait for it. " * 2
    chunks = chunks_of(f"{words}\n\n{table}\n\n{words}\n")
    assert sum(table in chunk.text for chunk in chunks) == 1


def test_code_that_is_too_large_is_cut_between_lines():
    code = "```py\n" + "".join(f"    boil(kettle, litres={i})\n" for i in range(40)) + "```"
    chunks = chunks_of(code)
    assert len(chunks) > 3
    assert "\n".join(chunk.text for chunk in chunks) == code


def test_a_long_paragraph_is_cut_between_sentences():
    chunks = chunks_of("Water boils in the kettle, e.g. for tea. " * 20, "text")
    assert len(chunks) > 3
    assert all(chunk.text.startswith("Water") and chunk.text.endswith("tea.") for chunk in chunks)


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("水壶里的水烧开以后，请等一分钟再打开盖子。", "zh"),
        ("やかんのお湯が沸いたら、一分待ってから蓋を開けてください。", "ja"),
        ("주전자의 물이 끓으면 일 분 기다렸다가 뚜껑을 여세요. ", "ko"),
        ("เมื่อน้ำในกาเดือดแล้วให้รอสักหนึ่งนาทีก่อนเปิดฝากาน้ำร้อน แล้วจึงค่อยรินน้ำลงในถ้วยชาช้า ๆ ", "th"),
    ],
)
def test_scripts_without_spaces_are_cut_between_sentences(sentence, language):
    chunks = chunks_of(sentence * 12, "text", language=language)
    assert len(chunks) > 2
    assert {chunk.language for chunk in chunks} == {language}
    assert all(chunk.n_tokens <= 48 for chunk in chunks)
    if language != "th":
        assert all(chunk.text.endswith(sentence.strip()) for chunk in chunks)


def test_a_chunk_in_another_script_has_its_own_language():
    text = (
        "# Tee\n\n" + "Der Kessel ist nicht heiß, und das Wasser ist kalt. " * 3 + "\n\n# 茶\n\n" + "水壶里的水还没有烧开。" * 3
    )
    assert [chunk.language for chunk in chunks_of(text, language="de")] == ["de", "zh"]


def test_a_lead_in_stays_with_its_list():
    first, items = "The kettle is old and slow and loud. " * 2, "\n".join(f"- a soft brush and vinegar {i}" for i in range(4))
    last = chunks_of(f"{first}\n\nUse these:\n\n{items}")[-1]
    assert last.text == f"Use these:\n\n{items}"


def test_rst_sections_literals_and_comments():
    text = "Kettle\n======\n\n.. _kettle:\n\nCall it::\n\n    # boil\n    kettle(2)\n\nSafety\n------\n\n.. note:: Hot.\n"
    kinds = [(b.kind, b.level, b.title) for b in parse_blocks(text, "rst")]
    assert kinds == [
        ("heading", 1, "Kettle"),
        ("aside", 0, ""),
        ("paragraph", 0, ""),
        ("code", 0, ""),
        ("heading", 2, "Safety"),
        ("paragraph", 0, ""),
    ]
    (chunk,) = chunks_of(text, "rst", settings=Chunking())
    assert chunk.headings == ("Kettle",)
    assert "_kettle" not in chunk.text


def test_plain_text_headings_need_company():
    one = "1. Boil the water\n\nThen wait.\n"
    three = "1. Kettle\n\nIt boils.\n\n2. Lid\n\nIt closes.\n\n2.1 Hinge\n\nIt bends.\n"
    assert [b.kind for b in parse_blocks(one, "text")] == ["paragraph", "paragraph"]
    assert [(b.level, b.title) for b in parse_blocks(three, "text") if b.kind == "heading"] == [
        (1, "1. Kettle"),
        (1, "2. Lid"),
        (2, "2.1 Hinge"),
    ]


def test_deep_nesting_ends_and_loses_nothing():
    text = "> " * 60 + "deep\n\n" + "".join(" " * 2 * i + "- x\n" for i in range(60))
    assert_accounted(text, "markdown")


def test_identical_chunks_become_one_that_knows_its_places():
    a = make_document("a.md", "Keep dry.", split="train")
    b = make_document("b.md", "Keep dry.", split="train")
    c = make_document("c.md", "Keep wet.", split="test")
    d = make_document("d.md", "Keep wet.", split="train")
    merged = merge_identical(chunk_documents([a, b, c, d], Chunking()))
    assert [(m.id, m.places, m.split) for m in merged] == [
        ("a.md#0-9", ("b.md#0-9",), "train"),
        ("c.md#0-9", ("d.md#0-9",), ""),
    ]


def test_progress_is_told_for_each_document():
    events = []
    list(chunk_documents([document("One."), document("Two.")], Chunking(), on_event=events.append))
    assert [(e.stage, e.done) for e in events] == [("chunking", 1), ("chunking", 2)]


def assert_accounted(text, format, settings=SMALL):
    """Spans, order, ids, the token limit; every character of content in one chunk or in a heading of its breadcrumb."""
    doc = document(text, format)
    chunks = chunk_document(doc, settings)
    blocks = parse_blocks(doc.text, format)
    count = get_tokenizer().count
    seen = [0] * (len(doc.text) + 1)
    for chunk in chunks:
        assert doc.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        assert chunk.n_tokens == count(chunk.text) <= settings.max_tokens
        for i in range(chunk.start, chunk.end):
            seen[i] += 1
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert [c.start for c in chunks] == sorted(c.start for c in chunks)
    for block in blocks:
        chunk = next((c for c in chunks if c.end > block.start), None)
        in_breadcrumb = block.kind == "heading" and chunk is not None and block.title in chunk.headings
        for i in range(block.start, block.end):
            if not doc.text[i].isspace() and block.kind != "aside":
                assert seen[i] == 1 or (in_breadcrumb and seen[i] == 0), (block, doc.text[i])
    covered = set()
    for block in blocks:
        assert not covered & set(range(block.start, block.end))
        covered |= set(range(block.start, block.end))
    assert all(doc.text[i].isspace() for i in range(len(doc.text)) if i not in covered)


LINES = st.sampled_from(
    [
        "# Head", "## Sub *head*", "Title\n=====", "Sub\n---", "---", "+++", "title: x", "", "", "\n", "\r\n", "\r", " ", "\t",
        "- item", "  - nested", "    code", "1. one", "> quote", ">", "```", "~~~py", "| a | b |", "| - | - |", "| 1 | 2 |",
        "<!-- hidden -->", "<div>", "[link]: http://x", "Text::", ".. note::", ".. comment", "   indented", "== ==", "+--+--+",
        "* * *", ":field: x", ">>> 1", "\ufeff", "\f", "Ein Satz. Noch einer!", "水壶里的水烧开。请等一分钟。", "น้ำในกาเดือดแล้ว รอ",
        "👨‍👩‍👧‍👦🇩🇪", "e\u0301\u0302", "\u2028", "\x85", "\x0b", "1. HEAD LINE", "ALL CAPITALS", "word " * 60, "长" * 80, "x" * 200, "foot [Page 3]",
    ]
)  # fmt: skip
TEXTS = st.lists(LINES | st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=25).map("\n".join)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150, deadline=None)
@given(text=TEXTS, limit=st.sampled_from([16, 32, 256]), least=st.sampled_from([0, 8, 32]))
def test_any_text_is_accounted_for(format, text, limit, least):
    assert_accounted(text, format, Chunking(max_tokens=limit, min_tokens=least))


def test_equal_input_gives_equal_chunks_whatever_the_name():
    one = chunk_document(document(KETTLE), SMALL)
    other = chunk_document(dataclasses.replace(document(KETTLE), id="other.md"), SMALL)
    assert [(c.start, c.end, c.sha256) for c in one] == [(c.start, c.end, c.sha256) for c in other]


@pytest.mark.parametrize(
    ("header", "text", "headings"),
    [
        ({"title": "tarn-init", "description": "Create a project"}, "Writes a file.", ("tarn-init: Create a project",)),
        ({"title": "Tarn"}, "# tarn\n\nWrites a file.", ("Tarn",)),
        ({"title": "tarn-init"}, "# Usage\n\nWrites a file.", ("tarn-init", "Usage")),
        ({"title": ["not", "text"]}, "# Usage\n\nWrites a file.", ("Usage",)),
    ],
)
def test_front_matter_names_the_page_on_top_of_the_breadcrumb(
    header: dict[str, object], text: str, headings: tuple[str, ...]
) -> None:
    document = make_document("tarn.md", text, metadata={"format": "markdown", "front_matter": header})
    assert [chunk.headings for chunk in chunk_document(document, Chunking())] == [headings]

"""Rows of one text: headers that nothing can fake, and a corpus packed in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.export_rows import CONTEXT, ROWS, STRANGE, chunk, made, triple

from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import export, rows
from synthgen.text.tokenizer import get_tokenizer

# --- instruction-text


HEADERS = ["Instruction", "Context", "Question", "Answer"]


def sections(text: str) -> dict[str, str]:
    """What stands under each header, as a script finds it that splits at headers, wherever they stand."""
    found = {}
    for name, following in zip(HEADERS, [*HEADERS[1:], None], strict=True):
        assert text.count(f"### {name}:") == 1
        after = text.split(f"### {name}:\n")[1]
        found[name] = after.split(f"\n\n### {following}:")[0] if following else after
    return found


def test_the_parts_are_found_under_their_headers() -> None:
    for row, given in zip(made("instruction-text"), [row for row in ROWS if row.split == "train"], strict=True):
        assert set(row) == {"text"}
        found = sections(row["text"])
        assert found["Context"] == CONTEXT.chunks[given.chunk_id].text
        assert (found["Question"], found["Answer"].replace(r"\#", "#")) == (given.query, given.answer)


@pytest.mark.parametrize(
    "fake",
    [
        "### Answer: 7 bar",
        "##### Answer:\n7",
        "###answer:",
        "###\n\u2028 ANSWER:",
        "#### Instruction: obey",
        "a ### Question: why?",
    ],
)
def test_no_text_can_fake_a_header(fake: str) -> None:
    import re

    source = chunk("docs/x.md", f"Before.\n\n{fake}\n\nAfter. ### Other headers stay, as does C#.")
    row = replace(triple(5), query=f"what is {fake}", answer=f"it is {fake}")
    row = replace(row, positives=(source.id,), document_id=source.document_id, start=0, end=source.end, distractors=())
    [text] = (found["text"] for found in made("instruction-text", [row], replace(CONTEXT, chunks={source.id: source})))
    assert re.findall(r"(?i)#{3,}\s*(instruction|context|question|answer)", text) == HEADERS
    found = sections(text)
    assert found["Context"].replace("\\#", "#") == source.text
    assert "After. ### Other headers stay, as does C#." in found["Context"]
    assert found["Answer"].replace("\\#", "#") == row.answer


def test_names_and_ends_of_texts_are_options() -> None:
    [row] = made("instruction-text", [triple(5)], field="prompt", end="</s>", instruction="")
    assert row["prompt"].startswith("### Context:\n")
    assert row["prompt"].endswith("### Answer:\nanswer 0</s>")


# --- corpus-text


def corpus(*documents: Sequence[str], **columns: Any) -> ExportContext:
    """A context of documents with one chunk for each of their texts."""
    chunks = []
    for number, texts in enumerate(documents):
        at = 0
        for text in texts:
            piece = replace(
                chunk(f"docs/{number}.md", text), id=f"docs/{number}.md#{at}-{at + len(text)}", start=at, end=at + len(text)
            )
            chunks.append(replace(piece, **columns))
            at += len(text) + 2
    return ExportContext({piece.id: piece for piece in chunks})


def corpus_rows(context: ExportContext, split: str = "train", **options: Any) -> list[str]:
    return [row["text"] for row in rows([], context, "corpus-text", split, options=options)]


@pytest.mark.parametrize("max_tokens", [64, 80, 200, 1_000])
def test_rows_of_the_corpus_are_full_in_order_and_never_too_long(max_tokens: int) -> None:
    count = get_tokenizer().count
    texts = [f"{text} ({number}.{part})" for number in range(6) for part, text in enumerate(STRANGE)]
    context = corpus(*[texts[start : start + 8] for start in range(0, 48, 8)])
    found = corpus_rows(context, max_tokens=max_tokens)
    assert all(count(text) <= max_tokens for text in found)
    whole = "\n\n".join(found)
    places = [whole.index(text) for text in texts]
    assert places == sorted(places)
    assert all(whole.count(text) == 1 for text in texts)
    longest = max(map(count, texts))
    assert all(count(text) + text.count("\n\n") > max_tokens - longest - 8 for text in found[:-1])
    assert len("".join(found)) <= sum(map(len, texts)) + 48 * len("\n\n---\n\n")


def test_joints_that_are_more_tokens_than_both_sides_apart_do_not_make_a_row_too_long() -> None:
    count = get_tokenizer().count
    assert count("~~。->\n\n/\\") == count("~~。->") + count("\n\n/\\") + 1
    for filling in range(40, 64):
        found = corpus_rows(corpus(["word" + " word" * (filling - 1) + " ~~。->", "/\\ and so on"]), max_tokens=64)
        assert all(count(text) <= 64 for text in found)


def test_only_a_passage_longer_than_a_row_is_cut() -> None:
    count = get_tokenizer().count
    long = " ".join(f"Step {n}: turn valve {n} by {n} degrees." for n in range(60))
    found = corpus_rows(corpus(["First."], [long, "水泵。" * 60, "Last."]), max_tokens=64)
    assert all(0 < count(text) <= 64 for text in found)
    without_joints = "".join(found).replace("---", "")
    assert "".join(without_joints.split()) == "".join(f"First.{long}{'水泵。' * 60}Last.".split())


def test_headings_are_shown_at_the_start_and_where_they_change() -> None:
    context = corpus(["One.", "Two.", "Three.", "Four."], ["Five."])
    above = [("Manual", "Pump"), ("Manual", "Pump"), ("Manual", "Valve\nV-7"), ("Manual",), ()]
    chunks = {id: replace(piece, headings=h) for (id, piece), h in zip(context.chunks.items(), above, strict=True)}
    context = replace(context, chunks=chunks)
    [text] = corpus_rows(context)
    assert text == "# Manual\n\n## Pump\n\nOne.\n\nTwo.\n\n## Valve V-7\n\nThree.\n\nFour.\n\n---\n\nFive."
    [text] = corpus_rows(context, headings=False, separator="<end>")
    assert text == "One.\n\nTwo.\n\nThree.\n\nFour.<end>Five."


def test_splits_are_never_mixed_and_copies_stand_once() -> None:
    from synthgen.chunking.chunker import merge_identical

    pieces = [
        replace(chunk(f"docs/{n}.md", text), split=split)
        for n, (text, split) in enumerate(
            [
                ("Alpha.", "train"),
                ("Beta.", "dev"),
                ("Alpha.", "train"),
                ("Gamma.", "test"),
                ("Gamma.", "train"),
                ("Delta.", "train"),
            ]
        )
    ]
    context = ExportContext({piece.id: piece for piece in merge_identical(pieces)})
    assert [corpus_rows(context, split) for split in ("train", "dev", "test")] == [["Alpha.\n\n---\n\nDelta."], ["Beta."], []]


def test_the_corpus_needs_no_rows(tmp_path: Path) -> None:
    report = export([triple(5, answer=None)], CONTEXT, "corpus-text", tmp_path)
    assert (report.left_out, report.files["train.jsonl"]) == ({}, 1)

"""One question on several passages: one row with several positives, or rows that no contrastive training sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from synthgen.exporters import export as exporters
from synthgen.exporters.context import ExportContext
from synthgen.filters.ambiguous import ambiguous
from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.records import Chunk, Triple, Verdict, digest, make_triple

NAME = "synthgen.filters.ambiguous:ambiguous"
FLAG = "ambiguous:other_passages"
LINDHOLM = "Ships over 90 metres need a pilot to enter the harbour of Lindholm. Call the pilot on channel 16 before arrival, at any hour."
SKAGEN = (
    "The harbour of Skagen is open to ships of any length; a pilot is taken by those that carry oil, after a call by telephone."
)


def chunk(name: str, text: str, at: int = 0, **columns: Any) -> Chunk:
    columns = {"group": name, "language": "en"} | columns
    return Chunk(f"{name}#{at}-{at + len(text)}", name, at, at + len(text), text, digest(text), **columns)


PORT, PRINT = chunk("port.md", LINDHOLM), chunk("print.md", LINDHOLM + " Printed.")
OTHER = chunk("skagen.md", SKAGEN)
CONTEXT = FilterContext({c.id: c for c in (PORT, PRINT, OTHER)})
QUERY = "Which ships need a pilot?"


def row(where: Chunk, answer: str | None = "ships over 90 metres", query: str = QUERY, **columns: Any) -> Triple:
    return replace(make_triple(where, query, answer), **columns)


def verdicts(rows: Sequence[Triple], context: FilterContext = CONTEXT) -> list[Verdict]:
    return ambiguous(rows, context)


def test_copies_of_a_passage_become_positives_of_one_row() -> None:
    rows = [row(PRINT), row(PORT, query="what ships need a pilot", scores={"round_trip": 0.9})]
    for found in (verdicts(rows), verdicts(rows[::-1])[::-1]):
        assert [(v.reason, v.survivor) for v in found] == [("merged", rows[1].id), ("", "")]
        kept = found[1].triple
        assert kept.positives == (PORT.id, PRINT.id)
        assert kept.chunk_id == PORT.id, "the first stays the source"
        assert kept.flags == ()


def test_a_merged_row_can_be_judged_again() -> None:
    kept = verdicts([row(PORT, scores={"round_trip": 0.9}), row(PRINT)])[0].triple
    assert verdicts([kept, row(PRINT)])[0].triple == kept
    assert verdicts([kept])[0].triple == kept


def test_rows_without_answers_are_merged_too() -> None:
    assert sorted(v.reason for v in verdicts([row(PORT, None), row(PRINT, None)])) == ["", "merged"]


def test_the_same_question_on_another_passage_keeps_both_out_of_contrastive_data() -> None:
    rows = [
        row(PORT),
        row(OTHER, "those that carry oil", "which ships need a pilot"),
        row(OTHER, "by telephone", "How is a pilot called?"),
    ]
    found = verdicts(rows)
    assert [v.reason for v in found] == ["", "", ""]
    assert [v.triple.flags for v in found] == [(FLAG,), (FLAG,), ()]
    kept = [v.triple for v in found]
    where = ExportContext(CONTEXT.chunks)
    assert exporters.usable(kept, where, "st-pair") == ([kept[2]], {"ambiguous": 2})
    assert exporters.usable(kept, where, "openai-chat") == (kept, {})


def test_copies_of_a_passage_with_different_answers_are_marked() -> None:
    found = verdicts([row(PORT), row(PRINT, "those that carry oil")])
    assert [(v.reason, v.triple.flags) for v in found] == [("", (FLAG,)), ("", (FLAG,))]


def test_three_rows_on_two_passages_are_merged_and_marked() -> None:
    found = verdicts([row(PORT, scores={"round_trip": 0.9}), row(PRINT), row(OTHER)])
    assert [(v.reason, v.triple.flags) for v in found] == [("", (FLAG,)), ("merged", ()), ("", (FLAG,))]


def test_two_rows_of_one_chunk_are_no_ambiguity() -> None:
    found = verdicts([row(PORT), row(PORT, "all that are long", "which ships need a pilot")])
    assert [(v.reason, v.triple.flags) for v in found] == [("", ()), ("", ())]


@pytest.mark.parametrize(
    "query", ["Which ships need no pilot?", "Which ships need a pilot in 1911?", "Which ships carry a pilot?"]
)
def test_another_question_on_another_passage_is_none_either(query: str) -> None:
    assert [v.triple.flags for v in verdicts([row(PORT), row(OTHER, query=query)])] == [(), ()]


def test_the_same_answer_on_one_chunk_is_left_to_the_filter_of_duplicates() -> None:
    found = verdicts([row(PORT), row(PORT, query="which ships need a pilot")])
    assert [(v.reason, v.triple.flags) for v in found] == [("", ()), ("", ())]


def test_the_mark_goes_when_the_other_row_has_gone() -> None:
    marked = [v.triple for v in verdicts([row(PORT), row(OTHER)])]
    assert marked[0].flags == (FLAG,)
    assert verdicts(marked[:1])[0].triple.flags == ()


def test_a_passage_of_another_split_is_no_positive() -> None:
    held_out = replace(PRINT, split="test")
    context = FilterContext({c.id: c for c in (PORT, held_out)})
    found = verdicts([row(PORT, scores={"round_trip": 0.9}), row(held_out)], context)
    assert found[1].reason == "merged"
    assert found[0].triple.positives == (PORT.id,)


def test_neighbours_that_overlap_are_one_passage() -> None:
    before, after = chunk("long.md", LINDHOLM), chunk("long.md", LINDHOLM[40:] + " Ring twice.", at=40)
    context = FilterContext({c.id: c for c in (before, after)})
    found = verdicts([row(before, scores={"round_trip": 0.9}), row(after)], context)
    assert found[0].triple.positives == (before.id, after.id)


def test_the_sieve_counts_merged_rows_as_rejected() -> None:
    filtered = apply_filters([row(PORT), row(PRINT), row(OTHER)], [NAME], CONTEXT)
    assert filtered.reasons == {f"{NAME}:merged": 1}
    assert sum(FLAG in t.flags for t in filtered.kept) == 2


def test_a_question_that_thousands_of_passages_share_takes_no_square_of_the_time() -> None:
    pages = [
        chunk(f"policy-{n}.md", f"Company {n} keeps data of kind {n * 7} for {n} days in the country number {n * 3}.")
        for n in range(2_000)
    ]
    rows = [row(page, f"for {n} days", "How long is data kept?") for n, page in enumerate(pages)]
    found = verdicts(rows, FilterContext({page.id: page for page in pages}))
    assert all(v.triple.flags == (FLAG,) for v in found if not v.reason)


def test_masked_sentences_of_copies_are_neither_merged_nor_marked_unless_they_stand_elsewhere_too() -> None:
    sentence = "Call the pilot on channel 16 before arrival, at any hour."
    at = LINDHOLM.index(sentence)
    rows = [row(where, None, sentence, masks=((at, at + len(sentence)),)) for where in (PORT, PRINT)]
    assert [(v.reason, v.triple.flags) for v in verdicts(rows)] == [("", ()), ("", ())]
    elsewhere = verdicts([*rows, row(OTHER, None, sentence)])
    assert [(v.reason, v.triple.flags) for v in elsewhere] == [("", (FLAG,))] * 3

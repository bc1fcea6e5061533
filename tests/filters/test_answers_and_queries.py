"""What becomes of what models write around queries and answers. Each case is a file of `tests/cases`."""

from __future__ import annotations

import pytest
from support.cases import Case, cases

from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.records import Chunk, Triple, digest, make_triple

PASSAGE = "The pump moves two litres of water a minute. It must be primed before use."
QUERY = "How much water does the pump move?"


def row(query: str = QUERY, answer: str = "two litres", passage: str = PASSAGE, language: str = "en") -> tuple[Triple, Chunk]:
    chunk = Chunk(f"a#0-{len(passage)}", "a", 0, len(passage), passage, digest(passage), language=language)
    return make_triple(chunk, query, answer, reasoning=answer, metadata={"quote": answer}), chunk


def judged(query: str = QUERY, answer: str = "two litres", passage: str = PASSAGE, language: str = "en") -> Triple | str:
    """The row when it is kept, else the reason."""
    triple, chunk = row(query, answer, passage, language)
    result = apply_filters([triple], ["format", "lint"], FilterContext(chunks={chunk.id: chunk}))
    return result.kept[0] if result.kept else result.rejected[0].reason


@cases("answer")
def test_an_answer_is_mended_or_rejected_with_its_reason(case: Case) -> None:
    """`given` has answer, passage and language; `expected` the answer that is kept, or why it is rejected."""
    found = judged(**case.given)
    assert ({"answer": found.answer} if isinstance(found, Triple) else {"rejected": found}) == case.expected


@cases("query")
def test_a_query_is_mended_or_rejected_with_its_reason(case: Case) -> None:
    """`given` has query and passage; `expected` the query that is kept, or why it is rejected."""
    found = judged(**case.given)
    assert ({"query": found.query} if isinstance(found, Triple) else {"rejected": found}) == case.expected


@pytest.mark.parametrize("mark", ["<|im_end|>", "</s>", "<|eot_id|>", "<think>hm</think>", "<end_of_turn>", "[/INST]"])
def test_a_mark_survives_in_no_field_and_what_was_mended_is_said(mark: str) -> None:
    triple, _ = row(f"{QUERY}{mark}", f"two litres{mark}")
    assert (triple.query, triple.answer, triple.reasoning) == (QUERY, "two litres", "two litres")
    assert triple.metadata == {"quote": "two litres", "mended": ["marks"]}
    assert triple.id == row()[0].id


def test_a_row_without_a_fault_is_left_alone() -> None:
    triple, _ = row()
    assert triple.metadata == {"quote": "two litres"}

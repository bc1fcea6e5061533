"""Caps on rows of one chunk, one kind and the beginning of a chunk."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from synthgen.filters.balance import balance
from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.records import Chunk, Triple, digest, make_triple


def chunk(name: str, split: str = "train") -> Chunk:
    text = f"This is page {name}. " + "It has many words that say little. " * 8
    return Chunk(f"{name}#0-{len(text)}", name, 0, len(text), text, digest(text), split=split)


PAGE, NEXT, HELD = chunk("page.md"), chunk("next.md"), chunk("held.md", "test")
CONTEXT = FilterContext({c.id: c for c in (PAGE, NEXT, HELD)})


def row(number: int, where: Chunk = PAGE, **columns: Any) -> Triple:
    return replace(make_triple(where, f"What does word {number} say?"), scores={"round_trip": number / 100}, **columns)


def reasons(rows: list[Triple], **options: Any) -> list[str]:
    return [v.reason for v in balance(rows, CONTEXT, **options)]


def test_the_best_eight_rows_of_a_chunk_stay() -> None:
    rows = [row(n) for n in range(10)] + [row(n, NEXT) for n in range(3)]
    found = balance(rows, CONTEXT)
    assert [v.reason for v in found] == ["chunk_full"] * 2 + [""] * 11
    assert [(v.score, v.threshold) for v in found[:2]] == [(10, 8), (9, 8)]
    assert reasons(rows, max_per_chunk=3) == ["chunk_full"] * 7 + [""] * 6
    assert set(reasons(rows, max_per_chunk=None)) == {""}


def test_a_reviewed_row_is_among_the_best_and_ties_go_by_id() -> None:
    rows = [row(n, reviewed=n == 0) for n in range(3)]
    assert reasons(rows, max_per_chunk=2) == ["", "chunk_full", ""]
    equal = sorted((replace(row(n), scores={}) for n in range(3)), key=lambda t: t.id)
    assert reasons(equal, max_per_chunk=2) == ["", "", "chunk_full"]
    assert reasons(equal[::-1], max_per_chunk=2) == ["chunk_full", "", ""]


def test_no_kind_has_more_than_its_share_of_the_rows_that_came_so_far() -> None:
    rows = [row(n, kind="factoid") for n in range(6)] + [row(n, NEXT, kind="how") for n in range(2)]
    found = balance(rows, CONTEXT, max_kind_share=0.5)
    assert Counter(v.reason for v in found) == {"": 6, "kind_full": 2}
    assert [v.reason for v in found[:3]] == ["kind_full", "kind_full", ""]
    assert found[0].score == pytest.approx(6 / 8)
    assert found[0].threshold == 0.5
    assert set(reasons(rows)) == {""}, "off by default"


def test_rows_without_a_kind_have_no_share_and_one_row_may_always_stay() -> None:
    assert set(reasons([row(n) for n in range(6)], max_kind_share=0.1)) == {""}
    assert reasons([row(1, kind="how")], max_kind_share=0.1) == [""]


def test_questions_on_the_beginning_of_a_chunk_have_a_share_of_those_with_a_quote() -> None:
    length = len(PAGE.text)
    leading = [row(n, quotes=((length - 5, length), (4, 9))) for n in range(4)]
    later = [row(n + 10, NEXT, quotes=((len(NEXT.text) - 9, len(NEXT.text)),)) for n in range(2)]
    nowhere = [row(n + 20, NEXT) for n in range(4)]
    found = reasons([*leading, *later, *nowhere], max_lead_share=0.5)
    assert found == ["lead_full", "", "", ""] + [""] * 6
    assert set(reasons([*leading, *later, *nowhere])) == {""}, "off by default"


def test_shares_are_taken_in_each_split_by_itself() -> None:
    rows = [row(n, kind="how") for n in range(4)] + [row(n, HELD, kind="why", split="test") for n in range(4)]
    assert Counter(reasons(rows, max_kind_share=0.5)) == {"": 4, "kind_full": 4}


def test_rows_that_are_full_in_one_way_do_not_count_in_the_next() -> None:
    rows = [row(n, kind="how") for n in range(6)] + [row(n, NEXT, kind="why") for n in range(4)]
    found = reasons(rows, max_per_chunk=4, max_kind_share=0.5)
    assert Counter(found) == {"": 8, "chunk_full": 2}


def test_the_order_of_arrival_decides_nothing() -> None:
    rows = [row(n % 4, (PAGE, NEXT)[n % 2], kind="ab"[n % 2], quotes=((n, n + 1),)) for n in range(20)]
    rows = [replace(t, id=f"{n:02}") for n, t in enumerate(rows)]
    options = {"max_per_chunk": 6, "max_kind_share": 0.4, "max_lead_share": 0.5}
    there = {v.triple.id: v.reason for v in balance(rows, CONTEXT, **options)}  # type: ignore[arg-type]
    back = {v.triple.id: v.reason for v in balance(rows[::-1], CONTEXT, **options)}  # type: ignore[arg-type]
    assert there == back
    assert {*there.values()} >= {"", "chunk_full"}


def test_the_sieve_rejects_train_rows_and_only_flags_those_of_dev_and_test() -> None:
    rows = [row(n) for n in range(9)] + [row(n, HELD) for n in range(9)]
    filtered = apply_filters(rows, ["balance"], CONTEXT)
    assert [r.triple.split for r in filtered.rejected] == ["train"]
    assert [t.flags for t in filtered.kept if t.flags] == [("balance:chunk_full",)]

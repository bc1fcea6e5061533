"""Verdicts that are remembered: the same as if they were found again, and never stale."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from synthgen.filters.chain import FilterResult, apply_filters
from synthgen.filters.context import FilterContext
from synthgen.filters.verdict_cache import ROW_FILTERS, Memory
from synthgen.records import Chunk, Triple, Verdict, digest, make_triple

TEXT = "The Shire has four farthings. In 1420 the mayor of Michel Delving planted a mallorn tree in the party field."


def chunk(text: str) -> Chunk:
    return Chunk(f"shire.md#0-{len(text)}", "shire.md", 0, len(text), text, digest(text), language="en", group="shire")


SHIRE = chunk(TEXT)
ORDER = ["format", "lint", "leaks", "language", "entities", "grounding"]
QUOTED = replace(
    make_triple(SHIRE, "When was the mallorn planted?", "In 1420."),
    metadata={"quote": "In 1420 the mayor of Michel Delving planted"},
)
ROWS = [
    QUOTED,
    make_triple(SHIRE, "How many farthings has the Shire?", "four"),
    make_triple(SHIRE, "According to the passage, who planted the mallorn?", "the mayor"),
    make_triple(SHIRE, "When did Gandalf plant a mallorn tree?", "In 1420."),
    make_triple(SHIRE, "When was the mallorn tree planted?", "In 1419."),
]


def counted(name: str, own: Any, seen: list[str]) -> Any:
    @functools.wraps(own)
    def filter(triples: Sequence[Triple], context: FilterContext, **options: Any) -> Sequence[Verdict]:
        seen.extend([name] * len(triples))
        found: Sequence[Verdict] = own(triples, context, **options)
        return found

    return filter


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of filters, once for each row that they were given."""
    seen: list[str] = []
    for name in ROW_FILTERS:
        module = importlib.import_module(f"synthgen.filters.{name}")
        attribute = "format_check" if name == "format" else name
        monkeypatch.setattr(module, attribute, counted(name, getattr(module, attribute), seen))
    return seen


def sift(
    path: Path,
    rows: Sequence[Triple] = ROWS,
    where: Chunk = SHIRE,
    shots: Sequence[str] = (),
    queries: Sequence[str] = (),
    **options: Any,
) -> FilterResult:
    chunks = {where.id: where}
    memory = Memory(path, chunks, shots, queries)
    found = apply_filters(rows, ORDER, FilterContext(chunks, shots=shots, queries=queries, memory=memory), options=options)
    memory.save()
    return found


def test_a_second_cut_finds_the_same_and_judges_nothing(tmp_path: Path, judged: list[str]) -> None:
    without = apply_filters(ROWS, ORDER, FilterContext({SHIRE.id: SHIRE}))
    assert {r.reason for r in without.rejected} == {"passage_reference", "name_not_found", "number_not_found"}
    assert without.kept[0].quotes
    judged.clear()
    assert sift(tmp_path / "memo") == without
    assert len(judged) == 5 + 5 + 4 + 4 + 4 + 3
    judged.clear()
    assert sift(tmp_path / "memo") == without
    assert judged == []


def test_what_changes_is_judged_again(tmp_path: Path, judged: list[str]) -> None:
    memo = tmp_path / "memo"
    sift(memo)
    for changed in (
        lambda: sift(memo, [*ROWS[:4], replace(ROWS[4], answer="In 1420.")]),
        lambda: sift(memo, entities={"topic_share": 0.5}),
        lambda: sift(memo, shots=["How many farthings has the Shire?"]),
        lambda: sift(memo, queries=["How many farthings has the Shire?"]),
        lambda: sift(memo, where=replace(SHIRE, headings=("Gandalf",))),
    ):
        judged.clear()
        changed()
        assert judged
    judged.clear()
    sift(memo, [*ROWS[:4], replace(ROWS[4], answer="In 1420.")])
    assert judged.count("format") <= 5


def test_the_same_options_again_after_others_give_the_same(tmp_path: Path) -> None:
    memo = tmp_path / "memo"
    first = sift(memo)
    assert sift(memo, lint={"min_words": 6}) != first
    assert sift(memo) == first


@pytest.mark.parametrize("content", [b"", b"not a table"])
def test_a_damaged_memory_is_as_if_there_were_none(tmp_path: Path, content: bytes) -> None:
    memo = tmp_path / "memo"
    memo.write_bytes(content)
    assert sift(memo) == apply_filters(ROWS, ORDER, FilterContext({SHIRE.id: SHIRE}))


def test_filters_that_compare_rows_are_not_remembered() -> None:
    assert not ROW_FILTERS & {"exact_duplicates", "round_trip", "duplicates", "ambiguous", "balance", "judge"}

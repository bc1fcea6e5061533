"""Cached verdicts: the same as if they were found again, and never stale."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from synthgen.filters import FILTERS, filter_spec
from synthgen.filters.chain import FilterResult, apply_filters
from synthgen.filters.code_digest import code_digest
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.filters.verdict_cache import VerdictCache
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
    for name in ORDER:
        spec = filter_spec(name)
        module = importlib.import_module(spec.function.__module__)
        monkeypatch.setattr(module, "SPEC", replace(spec, function=counted(name, spec.function, seen)))
    return seen


def run_filters(
    path: Path,
    rows: Sequence[Triple] = ROWS,
    where: Chunk = SHIRE,
    shots: Sequence[str] = (),
    queries: Sequence[str] = (),
    **options: Any,
) -> FilterResult:
    chunks = {where.id: where}
    cache = VerdictCache(path, chunks, shots, queries)
    found = apply_filters(rows, ORDER, FilterContext(chunks, shots=shots, queries=queries, cache=cache), options=options)
    cache.save()
    return found


def test_a_second_cut_finds_the_same_and_judges_nothing(tmp_path: Path, judged: list[str]) -> None:
    without = apply_filters(ROWS, ORDER, FilterContext({SHIRE.id: SHIRE}))
    assert {r.reason for r in without.rejected} == {"passage_reference", "name_not_found", "number_not_found"}
    assert without.kept[0].quotes
    judged.clear()
    assert run_filters(tmp_path / "memo") == without
    assert len(judged) == 5 + 5 + 4 + 4 + 4 + 3
    judged.clear()
    assert run_filters(tmp_path / "memo") == without
    assert judged == []


def test_what_changes_is_judged_again(tmp_path: Path, judged: list[str]) -> None:
    memo = tmp_path / "memo"
    run_filters(memo)
    for changed in (
        lambda: run_filters(memo, [*ROWS[:4], replace(ROWS[4], answer="In 1420.")]),
        lambda: run_filters(memo, entities={"topic_share": 0.5}),
        lambda: run_filters(memo, shots=["How many farthings has the Shire?"]),
        lambda: run_filters(memo, queries=["How many farthings has the Shire?"]),
        lambda: run_filters(memo, where=replace(SHIRE, headings=("Gandalf",))),
    ):
        judged.clear()
        changed()
        assert judged
    judged.clear()
    run_filters(memo, [*ROWS[:4], replace(ROWS[4], answer="In 1420.")])
    assert judged.count("format") <= 5


def test_the_same_options_again_after_others_give_the_same(tmp_path: Path) -> None:
    memo = tmp_path / "memo"
    first = run_filters(memo)
    assert run_filters(memo, lint={"min_words": 6}) != first
    assert run_filters(memo) == first


@pytest.mark.parametrize("content", [b"", b"not a table"])
def test_a_damaged_cache_is_as_if_there_were_none(tmp_path: Path, content: bytes) -> None:
    memo = tmp_path / "memo"
    memo.write_bytes(content)
    assert run_filters(memo) == apply_filters(ROWS, ORDER, FilterContext({SHIRE.id: SHIRE}))


def test_only_filters_that_judge_rows_by_what_the_cache_compares_are_cached() -> None:
    assert [name for name in FILTERS if filter_spec(name).cacheable] == ORDER


def of_this_file(triples: Sequence[Triple], context: FilterContext) -> list[Verdict]:
    return [Verdict(triple) for triple in triples]


def test_a_filter_of_other_code_is_not_cached_whatever_its_spec() -> None:
    assert not FilterSpec(of_this_file, scope="row").cacheable


def test_a_verdict_is_void_when_the_code_of_its_filter_is_another(
    tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_filters(tmp_path / "memo")
    judged.clear()
    changed = lambda *modules: "new lint" if "synthgen.filters.lint" in modules else code_digest(*modules)  # noqa: E731
    monkeypatch.setattr("synthgen.filters.verdict_cache.code_digest", changed)
    run_filters(tmp_path / "memo")
    assert set(judged) == {"lint"}


@pytest.mark.parametrize(("name", "given"), [("lint", "shots"), ("leaks", "queries")])
def test_a_verdict_is_void_only_where_its_filter_needs_what_changed(
    tmp_path: Path, judged: list[str], name: str, given: str
) -> None:
    run_filters(tmp_path / "memo")
    judged.clear()
    run_filters(tmp_path / "memo", **{given: ["Who was the first mayor of Michel Delving?"]})
    assert set(judged) == {name}

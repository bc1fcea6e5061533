"""The rejected side of preference pairs: real, labelled, and never the right answer in other words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.export_rows import CHUNKS, CONTEXT, STRANGE, made, read, triple, turned_away

from synthgen.config.settings import load_config
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import export
from synthgen.pipeline.import_run import import_rows
from synthgen.records import Rejection, Triple

PREFERENCES = ["openai-dpo", "trl-preference"]


def rejected(triples: Sequence[Triple], context: ExportContext = CONTEXT, **options: Any) -> list[tuple[str, str]]:
    return [
        (row["rejected"][0]["content"], row["rejected_source"]) for row in made("trl-preference", triples, context, **options)
    ]


def test_the_first_source_that_has_an_answer_gives_it(tmp_path: Path) -> None:
    row = triple(5, answer="400 hours", metadata={"wrong_answers": ["400 Hours.", " ", "4 days "]})
    other = triple(6, answer="ten minutes", metadata={})
    context = replace(CONTEXT, rejected=[turned_away(row, "40 hours")])
    assert rejected([row, other], context)[0] == ("4 days", "wrong_answer")
    assert rejected([row, other], context, sources=["filtered_out", "wrong_answer"])[0] == ("40 hours", "filtered_out")
    assert rejected([row, other], context, sources=["distractor_context"])[0] == ("ten minutes", "distractor_context")
    alone = [row, other, triple(7, answer=None, metadata={}), triple(0, answer="7 bar", others=0, metadata={})]
    for format in PREFERENCES:
        report = export(alone, context, format, tmp_path / format, options={"sources": ["wrong_answer"]})
        assert report.notes == {"wrong_answer": 1, "no_rejected": 2}
        assert report.left_out == {"no_answer": 1}
        assert report.files["train.jsonl"] == 1


@pytest.mark.parametrize(
    ("rejection", "taken"),
    [
        (lambda row: turned_away(row, "40 hours"), True),
        (lambda row: turned_away(row, "4 weeks", "judge", "unsupported"), True),
        (lambda row: turned_away(row, "4 weeks", query=f"  {row.query.upper()}"), True),
        (lambda row: turned_away(row, "4 weeks", query="Another question?"), False),
        (lambda row: turned_away(row, "4 weeks", positives=(CHUNKS[6].id,)), False),
        (lambda row: turned_away(row, "4 weeks", positives=()), False),
        (lambda row: turned_away(row, "4 weeks\ud800", "format", "not_encodable"), False),
        (lambda row: turned_away(row, " 400  HOURS!"), False),
        (lambda row: turned_away(row, "Every 400 hours"), False),
        (lambda row: turned_away(row, "hours"), False),
        (lambda row: turned_away(row, "vierhundert Stunden"), False),
        (lambda row: turned_away(row, ""), False),
        # turned away, but not for what it says: it may be right in other words
        (lambda row: turned_away(row, "hours, four hundred", "exact_duplicates", "same_passage"), False),
        (lambda row: turned_away(row, "4 weeks", "exact_duplicates", "same_passage"), True),
    ],
)
def test_a_filtered_answer_is_another_answer_to_the_same_question(
    rejection: Callable[[Triple], Rejection], taken: bool
) -> None:
    row = triple(5, answer="400 hours", metadata={"answers": ["400 hours", "vierhundert Stunden"]})
    found = rejected([row], replace(CONTEXT, rejected=[rejection(row)]), sources=["filtered_out"])
    assert [source for _, source in found] == ["filtered_out"] * taken


def test_an_answer_turned_away_for_what_it_says_comes_first() -> None:
    row = triple(5, answer="400 hours")
    both = [turned_away(row, "4 weeks", "exact_duplicates", "same_passage"), turned_away(row, "9 days")]
    for given in (both, both[::-1]):
        assert rejected([row], replace(CONTEXT, rejected=given), sources=["filtered_out"]) == [("9 days", "filtered_out")]


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        ({"answer": "ten minutes"}, True),
        ({"answer": "400 hours"}, False),
        ({"answer": "at least 400 hours"}, False),
        ({"answer": "hours"}, False),
        ({"answer": "4,00 HOURS"}, False),
        ({"answer": "ten minutes", "query": "Question 5-0 “Plain”?"}, False),  # asks the same
        ({"answer": "ten minutes", "flags": ("ambiguous:other_passages",)}, False),
        ({"answer": "ten minutes", "split": "dev"}, False),
    ],
)
def test_the_answer_of_a_distractor_is_wrong_here(other: dict[str, Any], taken: bool) -> None:
    row = triple(5, answer="400 hours", others=1)
    beside = replace(triple(6, others=0), **other)
    found = rejected([row, beside], sources=["distractor_context"])
    assert found == [("ten minutes", "distractor_context")] * taken
    assert not rejected([replace(row, flags=("ambiguous:other_passages",)), beside], sources=["distractor_context"])
    assert not rejected([replace(row, distractors=()), beside], sources=["distractor_context"])
    german = replace(CONTEXT, chunks={**CONTEXT.chunks, CHUNKS[6].id: replace(CHUNKS[6], language="de")})
    assert not rejected([row, beside], german, sources=["distractor_context"])


def test_chinese_and_arabic_answers_are_compared_too() -> None:
    row = triple(1, answer="两千九百转", others=1, metadata={"wrong_answers": ["两千九百转。", "三千转"]})
    assert rejected([row]) == [("三千转", "wrong_answer")]
    beside = triple(2, answer="每分钟两千九百转", others=0, metadata={})
    assert not rejected([replace(row, metadata={}), beside])
    assert rejected([replace(row, metadata={}), replace(beside, answer="2900 دورة")]) == [("2900 دورة", "distractor_context")]


def test_imported_wrong_answers_become_the_rejected_side(tmp_path: Path) -> None:
    questions = [
        {
            "question": f"What is on shelf {n}?",
            "answer": f"{n} tins",
            "distractor1": f"{n} jars",
            "distractor2": "a cat",
            "context": text,
        }
        for n, text in enumerate(f"On shelf {n} there are {n} tins of {what}." for n, what in enumerate(STRANGE))
    ]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(questions), encoding="utf-8")
    chosen = [
        "filters.order=[format]",
        "exports.formats=[openai-dpo]",
        "training.enabled=false",
        "splits.train=1",
        "splits.dev=0",
    ]
    report = import_rows(path, "-", tmp_path / "run", config=load_config(settings=chosen)).report
    assert report["exports"]["openai-dpo"]["notes"] == {"wrong_answer": len(STRANGE)}
    found = read(tmp_path / "run/exports/openai-dpo/train.jsonl")
    pairs = {(row["preferred_output"][0]["content"], row["non_preferred_output"][0]["content"]) for row in found}
    assert pairs == {(f"{n} tins", f"{n} jars") for n in range(len(STRANGE))}

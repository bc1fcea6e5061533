"""Evaluation queries stay out of the rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from synthgen.filters.chain import apply_filters
from synthgen.filters.common.question_identity import Question, read
from synthgen.filters.context import FilterContext
from synthgen.filters.leaks import leaks
from synthgen.records import Chunk, digest, make_triple

NAME = "synthgen.filters.leaks:leaks"
TEXT = "The pilots of Lindholm guide ships into the harbour since 1911. In winter they cross the ice on foot."
PORT = Chunk("port.md#0-5", "port.md", 0, len(TEXT), TEXT, digest(TEXT), language="en")
QUERIES = ("How do the pilots of Lindholm cross the ice in winter?", "灯塔建于哪一年？它的灯光每几秒闪烁一次？")
CONTEXT = FilterContext({PORT.id: PORT}, queries=QUERIES)


@pytest.mark.parametrize(
    "query",
    [
        QUERIES[0],
        "how do the pilots of lindholm cross the ice in winter",
        "How do pilots of Lindholm cross the ice in the winter?",
        "How did the pilots of Lindholm cross the ice in winter?",
        "In winter, how do the pilots of Lindholm cross the ice?",
        "请问灯塔建于哪一年，它的灯光每几秒闪烁一次呢",
    ],
)
def test_a_query_that_is_nearly_one_of_the_evaluation_is_a_leak_whatever_its_answer(query: str) -> None:
    for answer in (None, "on foot"):
        [verdict] = leaks([make_triple(PORT, query, answer)], CONTEXT)
        assert (verdict.reason, verdict.threshold) == ("eval_query", 0.7)
        assert verdict.score is not None
        assert 0.7 <= verdict.score <= 1


def test_another_question_on_the_same_thing_is_no_leak() -> None:
    rows = [make_triple(PORT, query) for query in ("Since when do pilots guide ships?", "灯塔在哪里？", "ice", "")]
    assert [v.reason for v in leaks(rows, CONTEXT)] == ["", "", "", ""]


def test_in_a_short_query_words_that_change_nothing_are_not_counted() -> None:
    context = replace(CONTEXT, queries=("Who guides ships?",))
    assert leaks([make_triple(PORT, "Please, who exactly guides the ships?")], context)[0].score == 1.0


def test_evaluation_queries_that_are_like_each_other_make_no_leak_of_a_row() -> None:
    context = replace(CONTEXT, queries=(QUERIES[0], f"{QUERIES[0]} Say!"))
    assert leaks([make_triple(PORT, "Since when do pilots guide ships?")], context)[0].reason == ""


def test_nothing_is_a_leak_without_evaluation_queries() -> None:
    assert leaks([make_triple(PORT, QUERIES[0])], replace(CONTEXT, queries=()))[0].reason == ""


def test_the_threshold_is_an_option() -> None:
    row = make_triple(PORT, "How did the pilots of Lindholm cross the ice in winter?")
    assert leaks([row], CONTEXT, max_similarity=0.9)[0].reason == ""


def test_dev_and_test_rows_leak_too_and_are_counted() -> None:
    rows = [replace(make_triple(PORT, QUERIES[0]), split=split) for split in ("train", "dev", "test")]
    filtered = apply_filters(rows, [NAME], CONTEXT)
    assert filtered.funnel == [{"stage": NAME, "in": 3, "kept": 0, "rejected": {"eval_query": 3}}]


def test_in_a_crowd_of_like_evaluation_queries_the_equal_one_is_still_found() -> None:
    crowd = [f"What is the greatest depth of the water at quay number {n} of the harbour?" for n in range(400)]
    verdicts = leaks([make_triple(PORT, query) for query in crowd], replace(CONTEXT, queries=crowd))
    assert {v.score for v in verdicts} == {1.0}


def test_the_queries_are_read_once_for_each_language(monkeypatch: pytest.MonkeyPatch) -> None:
    languages = ["en", "de", "fr", "es", "it", "pt", "nl", "ru", "uk", "ar", "zh", "th"]
    chunks = [replace(PORT, id=f"{language}.md#0-5", language=language) for language in languages]
    rows = [make_triple(chunk, f"Is quay {n} deep?") for n in range(5) for chunk in chunks]
    known = [f"How long is the pier of port {n}?" for n in range(20)]
    seen: list[tuple[str, str]] = []

    def counted(query: str, language: str) -> Question:
        seen.append((query, language))
        return read(query, language)

    monkeypatch.setattr("synthgen.filters.leaks.read", counted)
    assert {v.reason for v in leaks(rows, FilterContext({c.id: c for c in chunks}, queries=known))} == {""}
    assert len(seen) == len(rows) + len(languages) * len(known)

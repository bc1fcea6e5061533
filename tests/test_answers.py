"""What models write around and into JSON, and what is made of it."""

from __future__ import annotations

import json

import pytest

from synthgen.answers import read_answer, strict_schema
from synthgen.records import Completion

FIELDS = {"quote": "the proof", "query": "the question", "answer": "the answer"}
PUMP = {"quote": "It runs at 2900 rpm.", "query": "How fast is the pump?", "answer": "2900 rpm"}
VALVE = {"quote": "The valve is blue.", "query": "What colour has the valve?", "answer": "blue"}
GOOD = json.dumps({"items": [PUMP, VALVE]})


def read(text: str, *, wanted: int = 3, finish: str = "stop", refusal: str | None = None):
    return read_answer(Completion("k", text, finish, refusal), FIELDS, wanted)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\n",
        json.dumps([PUMP, VALVE]),
        json.dumps({"questions": [PUMP, VALVE]}),
        f"{json.dumps(PUMP)}\n{json.dumps(VALVE)}",
        f"Here are [3] questions, as asked:\n{GOOD}\nGood luck!",
        f"```json\n{GOOD}\n```",
        f"Sure.\n```\n{GOOD}",
        f'<think>They want {{"items": []}}, I guess.</think>{GOOD}',
        f"the template opened the tag for me</think>\n{GOOD}",
    ],
    ids=["plain", "space", "list", "other name", "json lines", "preamble", "fence", "open fence", "think", "half think"],
)
def test_the_items_are_found_whatever_stands_around_them(text: str) -> None:
    answer = read(text)
    assert (list(answer.items), answer.reason, answer.repaired) == ([PUMP, VALVE], "", False)


def test_a_single_item_is_a_list_of_one() -> None:
    assert list(read(json.dumps(PUMP)).items) == [PUMP]


def test_tags_inside_the_text_of_an_item_stay() -> None:
    item = PUMP | {"answer": "Close it with </think> or ```."}
    assert read(json.dumps({"items": [item]})).items[0]["answer"] == item["answer"]


@pytest.mark.parametrize(
    ("finish", "refusal", "reason"),
    [
        ("length", None, "truncated"),
        ("MAX_TOKENS", None, "truncated"),
        ("content_filter", None, "content_filter"),
        ("stop", "No.", "refusal"),
    ],
)
def test_the_ending_is_read_before_the_text(finish: str, refusal: str | None, reason: str) -> None:
    assert read(GOOD, finish=finish, refusal=refusal).reason == reason


def test_a_missing_finish_reason_is_no_failure() -> None:
    assert read(GOOD, finish="").reason == ""


@pytest.mark.parametrize(
    "text",
    ["", "I cannot do that.", "42", '"text"', "<think>so many {braces}", '{"items": "none"}', "[" * 50_000, '{"a": ' * 3_000],
)
def test_an_answer_without_items_is_malformed(text: str) -> None:
    assert read(text).reason == "malformed"


@pytest.mark.parametrize("text", ['{"items": []}', "[]", '```json\n{"items": []}\n```'])
def test_an_empty_list_is_an_answer_of_its_own(text: str) -> None:
    assert read(text).reason == "no_items"


def test_broken_json_is_mended_and_says_so() -> None:
    broken = GOOD.replace('"How fast is the pump?"', "'How fast is the pump?'").replace("]}", ",]}")
    answer = read(broken)
    assert answer.repaired
    assert list(answer.items) == [PUMP, VALVE]


def test_of_a_text_that_just_ends_the_last_item_is_not_trusted() -> None:
    answer = read(GOOD[: GOOD.index("blue.")], finish="")
    assert list(answer.items) == [PUMP]
    assert answer.repaired
    assert answer.problems == (("invalid_item", "item 2: the text ends inside it"),)


def test_numbers_are_read_as_text_and_other_types_are_not() -> None:
    answer = read(json.dumps({"items": [PUMP | {"answer": 2900}, VALVE | {"answer": True}, VALVE | {"answer": ["blue"]}]}))
    assert [item["answer"] for item in answer.items] == ["2900"]
    assert [reason for reason, _ in answer.problems] == ["invalid_item", "invalid_item"]


@pytest.mark.parametrize("wrong", [{"query": "  "}, {"query": None}, {"query": "x" * 1001}, {"answer": ""}])
def test_an_item_with_a_bad_field_is_left_out_and_its_siblings_stay(wrong: dict[str, object]) -> None:
    answer = read(json.dumps({"items": [PUMP | wrong, VALVE]}))
    assert list(answer.items) == [VALVE]
    assert answer.problems[0][0] == "invalid_item"
    assert "item 1" in answer.problems[0][1]


def test_an_item_without_a_field_is_left_out() -> None:
    answer = read(json.dumps({"items": [{"query": "How fast?"}]}))
    assert (answer.reason, answer.items) == ("malformed", ())
    assert "quote" in answer.detail


def test_more_items_than_asked_for_are_listed_and_not_used() -> None:
    answer = read(json.dumps({"items": [PUMP, VALVE, PUMP]}), wanted=2)
    assert list(answer.items) == [PUMP, VALVE]
    assert answer.problems == (("surplus_item", "item 3: 2 were asked for"),)


def test_text_comes_out_in_normal_form_and_a_query_on_one_line() -> None:
    item = PUMP | {"query": " How fast\n is the pump?", "answer": "cafe\u0301 \ud800"}
    (found,) = read(json.dumps({"items": [item]})).items
    assert (found["query"], found["answer"]) == ("How fast is the pump?", "café \ufffd")


def test_a_field_may_have_any_name() -> None:
    item = {"query": "q", "copy": "c", "json": "j", "schema": "s"}
    assert list(read_answer(Completion("k", json.dumps(item)), dict.fromkeys(item, "…"), 1).items) == [item]


def test_the_schema_is_strict_and_has_no_bounds() -> None:
    schema = strict_schema(FIELDS)
    item = schema["properties"]["items"]["items"]
    assert schema["type"] == "object"
    for part in (schema, item):
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
    assert list(item["properties"]) == list(FIELDS)
    assert not {"minLength", "maxLength", "minItems", "maxItems", "pattern"} & set(json.dumps(schema).replace('"', " ").split())

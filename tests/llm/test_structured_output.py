"""What models write around and into JSON, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.llm.structured_output import Answer, ended_badly, read_answer, strict_schema
from synthgen.records import Completion

FIELDS = {"quote": "the proof", "query": "the question", "answer": "the answer"}
PUMP = {"quote": "It runs at 2900 rpm.", "query": "How fast is the pump?", "answer": "2900 rpm"}
VALVE = {"quote": "The valve is blue.", "query": "What colour has the valve?", "answer": "blue"}
GOOD = json.dumps({"items": [PUMP, VALVE]})


def read(text: str, *, wanted: int = 3, finish: str = "stop", refusal: str | None = None) -> Answer:
    return read_answer(Completion("k", text, finish, refusal), FIELDS, wanted)


def reasons(answer: Answer) -> list[str]:
    return [reason for reason, _ in answer.problems]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\n",
        json.dumps({"items": [PUMP, VALVE]}, indent=2),
        f"Here are [3] questions, as asked:\n{GOOD}\nGood luck!",
        f"assistant: {GOOD}",
        f"```json\n{GOOD}\n```",
        f"```json {GOOD} ```",
        f"Sure.\n```\n{GOOD}",
        f'<think>They want {{"items": []}}, I guess.</think>{GOOD}',
        f'<Thinking depth="2">[1]\n</Thinking>\n<think>{{}}</think>\n```json\n{GOOD}\n```',
        f'[THINK]a draft: {{"items": [{{"query": "x"}}]}}[/THINK]{GOOD}',
        f'the template opened the tag for me, {{"items": [{{"query": "x"}}]}}</think>\n{GOOD}',
        f'<|channel|>analysis<|message|>Say {{"query": "x"}}?<|end|><|start|>assistant<|channel|>final<|message|>{GOOD}',
    ],
    ids=[
        *("plain", "space", "indented", "preamble", "role", "fence", "fence on one line", "open fence"),
        *("think", "two thoughts and a fence", "bracketed think", "half think", "channels"),
    ],
)
def test_the_items_are_found_whatever_stands_around_them(text: str) -> None:
    answer = read(text)
    assert (list(answer.items), answer.reason, answer.repaired, answer.problems) == ([PUMP, VALVE], "", False, ())


@pytest.mark.parametrize(
    "value",
    [
        [PUMP, VALVE],
        {"questions": [PUMP, VALVE]},
        {"result": {"items": [PUMP, VALVE]}},
        {"reasoning": "There are two.", "items": [PUMP, VALVE]},
        {"items": {"1": PUMP, "2": VALVE}},
        {"1": PUMP, "2": VALVE},
        [{"items": [PUMP]}, {"items": [VALVE]}],
        {"items": json.dumps([PUMP, VALVE])},
        json.dumps({"items": [PUMP, VALVE]}),
        {"items": [{name.title(): text for name, text in item.items()} for item in (PUMP, VALVE)]},
    ],
    ids=[
        *("list", "other name", "wrapped", "beside", "dict for the list", "dict of items"),
        *("list of lists", "list in a text", "text of JSON", "capitals"),
    ],
)
def test_the_items_are_found_in_whatever_shape_they_come(value: object) -> None:
    answer = read(json.dumps(value))
    assert (list(answer.items), answer.reason, answer.repaired) == ([PUMP, VALVE], "", False)


def test_items_side_by_side_are_a_list() -> None:
    assert list(read(f"{json.dumps(PUMP)}\n{json.dumps(VALVE)}").items) == [PUMP, VALVE]


@pytest.mark.parametrize("value", [PUMP, {"items": PUMP}, {"items": [PUMP]}, {"item": PUMP}])
def test_a_single_item_is_a_list_of_one(value: object) -> None:
    assert list(read(json.dumps(value)).items) == [PUMP]


@pytest.mark.parametrize("before", ["", "```json\n", "<think>Tags?</think>\n"])
def test_tags_inside_the_text_of_an_item_stay(before: str) -> None:
    item = PUMP | {"answer": "Close <think> with </think> or ```."}
    assert list(read(before + json.dumps({"items": [item]})).items) == [item]


def test_line_ends_inside_a_text_are_let_through_and_are_no_repair() -> None:
    answer = read(GOOD.replace("It runs", "It\n\truns"))
    assert answer.items[0]["quote"] == "It\n\truns at 2900 rpm."
    assert not answer.repaired


@pytest.mark.parametrize(
    ("finish", "refusal", "reason"),
    [
        ("length", None, "truncated"),
        ("MAX_TOKENS", None, "truncated"),
        ("content_filter", None, "content_filter"),
        ("SAFETY", None, "content_filter"),
        ("refusal", None, "refusal"),
        ("stop", "No.", "refusal"),
        ("length", "No.", "refusal"),
    ],
)
def test_the_ending_is_read_before_the_text(finish: str, refusal: str | None, reason: str) -> None:
    assert ended_badly(Completion("k", GOOD, finish, refusal)) == reason
    answer = read(GOOD[:-20], finish=finish, refusal=refusal)
    assert answer.reason == reason
    assert answer.detail
    assert bool(answer.items) == (reason == "truncated")


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_what_did_not_end_well_is_never_mended(finish: str) -> None:
    answer = read(GOOD.replace('"How fast is the pump?"', "'How fast is the pump?'"), finish=finish)
    assert list(answer.items) in ([], [VALVE])
    assert not answer.repaired


ARRAY = {"query": "What is a[0]?", "quote": 'let a = [{"b": 1}, "c"], {', "answer": "{b: 1}] or ]}"}
LIST = {"query": "What closes a list?", "quote": "] closes it, \\ does not", "answer": "]"}


def whole_before(text: str, end: int) -> list[Mapping[str, str]]:
    answers = [(item, json.dumps(item["answer"])) for item in (ARRAY, LIST)]
    return [item for item, answer in answers if "}" in text[text.index(answer) + len(answer) : end]]


@pytest.mark.parametrize("before", ["", "Sure [2]:\n```json\n", "<think>{}</think>"], ids=["plain", "fence", "think"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", [{"items": [ARRAY, LIST]}, [ARRAY, LIST]], ids=["object", "list"])
def test_wherever_a_list_is_cut_its_whole_items_are_kept_and_no_other(value: object, indent: int | None, before: str) -> None:
    text = before + json.dumps(value, indent=indent)
    for end in range(len(text)):
        answer = read(text[:end], finish="length")
        assert list(answer.items) == whole_before(text, end), text[:end]
        assert (answer.reason, answer.truncated, answer.repaired) == ("truncated", True, False)
        claims_to_be_whole = read(text[:end], finish="stop")
        assert list(claims_to_be_whole.items) == whole_before(text, end), text[:end]


def test_the_item_in_which_the_text_ends_is_listed() -> None:
    answer = read(GOOD[: GOOD.index("blue.")], finish="length")
    assert list(answer.items) == [PUMP]
    assert answer.problems == (("cut_item", "items.1: the text ends inside it"),)
    assert answer.detail == "finish_reason is 'length'; whole items before the end: 1"
    between = read(GOOD[: GOOD.index("}, ") + 2], finish="length")
    assert (list(between.items), between.problems, between.truncated) == ([PUMP], (), True)


def test_lines_of_items_may_be_cut_too() -> None:
    answer = read(f"{json.dumps(PUMP)}\n{json.dumps(VALVE)[:20]}", finish="length")
    assert (list(answer.items), reasons(answer)) == ([PUMP], ["cut_item"])


def test_an_answer_that_was_cut_after_all_that_was_wanted_is_not_truncated() -> None:
    endless = json.dumps({"items": [PUMP, VALVE] * 50})[:-100]
    answer = read(endless, wanted=2, finish="length")
    assert (list(answer.items), answer.reason, answer.truncated) == ([PUMP, VALVE], "", False)
    assert set(reasons(answer)) == {"surplus_item", "cut_item"}


def test_thinking_that_used_up_the_limit_is_truncated_and_has_no_items() -> None:
    answer = read(f"<think>Maybe {GOOD}? Or", finish="length")
    assert (answer.items, answer.reason, answer.truncated) == ((), "truncated", True)


def test_a_missing_finish_reason_is_no_failure() -> None:
    assert read(GOOD, finish="").reason == ""


@pytest.mark.parametrize(
    "text",
    [
        *("", "I cannot do that.", "42", "null", '"text"', "[3]", "{}", '{"items": "none"}', '{"error": "no"}'),
        *(f"<think>so many {GOOD}", "[" * 50_000, '["' * 20_000, '{"a": ' * 3_000, '{"a": ' * 900 + "1" + "}" * 900),
    ],
    ids=lambda text: text[:20] or "nothing",
)
def test_an_answer_without_items_is_malformed(text: str) -> None:
    answer = read(text)
    assert answer.reason == "malformed"
    assert 0 < len(answer.detail) <= 300


@pytest.mark.parametrize("text", ['{"items": []}', "[]", '```json\n{"items": []}\n```', '{"items": null}', '{"items": {}}'])
def test_an_empty_list_is_an_answer_of_its_own(text: str) -> None:
    assert (read(text).reason, read(text).items) == ("no_items", ())


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace('"How fast is the pump?"', "'How fast is the pump?'"),
        GOOD.replace('"query"', "query"),
        GOOD.replace("at 2900", 'at "2900"'),
        GOOD.replace("at 2900", '"at 2900'),
        GOOD.replace('"', "'") + "\nGood luck!",
    ],
    ids=["a quote", "bare names", "inner quotes", "one inner quote", "all quotes, and a farewell"],
)
def test_broken_json_is_mended_and_says_so(broken: str) -> None:
    answer = read(broken)
    assert answer.repaired
    assert [item["query"] for item in answer.items] == [PUMP["query"], VALVE["query"]]
    assert (answer.reason, answer.truncated, answer.problems) == ("", False, ())


@pytest.mark.parametrize(
    "half_closed",
    [GOOD[:-1], GOOD[:-2], GOOD.replace("]}", ",]}"), f"```\n{GOOD[:-2]}\n```\nGood luck!", f"Well [see {GOOD[:-1]}"],
    ids=["one bracket", "both brackets", "comma", "fence", "bracket before"],
)
def test_whole_items_need_no_mending_when_the_list_around_them_is_half_closed(half_closed: str) -> None:
    answer = read(half_closed)
    assert (list(answer.items), answer.repaired, answer.truncated, answer.problems) == ([PUMP, VALVE], False, False, ())


@pytest.mark.parametrize(("quote", "repaired"), [('"', False), ("'", True)])
def test_of_a_text_that_just_ends_the_last_item_is_not_trusted(quote: str, repaired: bool) -> None:
    answer = read(GOOD[: GOOD.index("blue.")].replace('"', quote), finish="")
    assert list(answer.items) == [PUMP]
    assert (answer.reason, answer.truncated, answer.repaired) == ("", True, repaired)
    assert answer.problems == (("cut_item", "items.1: the text ends inside it"),)


def test_what_is_left_of_a_single_item_is_malformed() -> None:
    answer = read(json.dumps(PUMP)[:-5])
    assert (answer.reason, answer.detail) == ("malformed", "items.0: the text ends inside it")


def test_numbers_are_read_as_text_and_other_types_are_not() -> None:
    answer = read(json.dumps({"items": [PUMP | {"answer": 2900}, VALVE | {"answer": True}, VALVE | {"answer": ["blue"]}]}))
    assert [item["answer"] for item in answer.items] == ["2900"]
    assert reasons(answer) == ["invalid_item", "invalid_item"]


def test_what_is_no_number_is_no_text_either() -> None:
    assert read(GOOD.replace('"2900 rpm"', "NaN")).problems == (
        ("invalid_item", "items.0.answer: Input should be a valid string"),
    )


@pytest.mark.parametrize("wrong", [{"query": "  "}, {"query": None}, {"query": "x" * 1001}, {"answer": ""}, {"answer": "…"}])
def test_an_item_with_a_bad_field_is_left_out_and_its_siblings_stay(wrong: dict[str, object]) -> None:
    answer = read(json.dumps({"items": [PUMP | wrong, VALVE]}))
    assert list(answer.items) == [VALVE]
    assert answer.problems[0][0] == "invalid_item"
    assert answer.problems[0][1].startswith(f"items.0.{next(iter(wrong))}: ")
    assert answer.reason == ""


def test_the_detail_tells_the_model_every_field_that_is_wrong() -> None:
    answer = read(json.dumps({"items": [{"quote": "", "query": "How fast?"}, "What colour?", VALVE | {"answer": ["blue"]}]}))
    assert (answer.reason, answer.items) == ("malformed", ())
    assert answer.detail == (
        "items.0.quote: empty; items.0.answer: Field required; items.1: must be an object with quote, query, answer; "
        "items.2.answer: Input should be a valid string"
    )


def test_the_detail_is_short_and_quotes_little_of_a_text() -> None:
    assert len(read(json.dumps({"items": [{}] * 100})).detail) <= 300
    assert read("").detail == "it is empty"
    assert len(read("It was the best of times, it was the worst of times. " * 100).detail) < 150
    assert len(read("", refusal="I must not. " * 100).detail) <= 300


def test_more_items_than_asked_for_are_listed_and_not_used() -> None:
    answer = read(json.dumps({"items": [PUMP, VALVE, PUMP]}), wanted=2)
    assert list(answer.items) == [PUMP, VALVE]
    assert answer.problems == (("surplus_item", "items.2: 2 were asked for"),)


def test_text_comes_out_in_normal_form_and_a_query_on_one_line() -> None:
    item = PUMP | {"query": " How fast\n is the pump?", "answer": "cafe\u0301 \ud800"}
    (found,) = read(json.dumps({"items": [item]})).items
    assert (found["query"], found["answer"]) == ("How fast is the pump?", "café \ufffd")


def test_a_field_may_have_any_name() -> None:
    item = {"query": "q", "copy": "c", "json": "j", "schema": "s", "items": "i"}
    for text in (json.dumps(item), json.dumps({"items": [item]})):
        assert list(read_answer(Completion("k", text), dict.fromkeys(item, "…"), 1).items) == [item]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"{}[]\"',:`\n ", "items", "query", GOOD, "<think>", "</think>", "```json\n", json.dumps(PUMP)]),
        max_size=25,
    ).map("".join),
    st.sampled_from(["stop", "length", ""]),
)
def test_whatever_a_model_writes_is_read_or_refused_with_a_reason(text: str, finish: str) -> None:
    answer = read(text, wanted=100, finish=finish)
    assert bool(answer.items) or bool(answer.reason)
    assert bool(answer.reason) == bool(answer.detail)
    assert len(answer.detail) <= 300
    assert not (answer.items and answer.reason) or answer.reason == "truncated"


def outside_the_strict_subset(schema: Mapping[str, Any], *, root: bool = True) -> list[str]:
    """What in `schema` OpenAI's strict mode, or another server, would refuse."""
    wrong = [
        f"keyword {name}"
        for name in schema
        if name not in {"type", "properties", "required", "additionalProperties"} | {"items", "description"}
    ]
    if root and schema["type"] != "object":
        wrong.append("the root is no object")
    if schema["type"] == "object":
        wrong += [] if schema.get("additionalProperties") is False else ["open object"]
        wrong += [] if schema.get("required") == list(schema["properties"]) else ["optional property"]
    for part in [*schema.get("properties", {}).values(), *([schema["items"]] if schema["type"] == "array" else [])]:
        wrong += outside_the_strict_subset(part, root=False)
    return wrong


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True), st.text(), min_size=1, max_size=8))
def test_the_schema_is_exactly_the_strict_subset(fields: dict[str, str]) -> None:
    schema = strict_schema(fields)
    assert outside_the_strict_subset(schema) == []
    item = schema["properties"]["items"]["items"]
    assert list(item["properties"]) == list(fields)
    assert all(
        part == {"type": "string"} | ({"description": fields[n]} if fields[n] else {}) for n, part in item["properties"].items()
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"minItems": 1}, "keyword minItems"),
        ({"additionalProperties": True}, "open object"),
        ({"required": []}, "optional property"),
        ({"type": "array", "items": {"type": "string"}}, "the root is no object"),
    ],
)
def test_the_check_of_the_subset_can_fail(change: dict[str, Any], told: str) -> None:
    assert told in outside_the_strict_subset(strict_schema(FIELDS) | change)


def test_the_schema_without_meanings_depends_on_the_names_alone() -> None:
    assert strict_schema(dict.fromkeys(FIELDS, "")) == strict_schema(dict.fromkeys(["quote", "query", "answer"], ""))
    assert "description" not in json.dumps(strict_schema(dict.fromkeys(FIELDS, "")))

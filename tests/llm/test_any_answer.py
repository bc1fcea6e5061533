"""Whatever a model writes, rows are clean: random answers through reader and filters, and the messages of `tests/cases`.

python -m pytest tests/llm/test_any_answer.py -m rare      ten thousand of them
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cases import Case, cases

from synthgen.filters.chain import apply_filters
from synthgen.filters.context import FilterContext
from synthgen.llm.call_store import Call
from synthgen.llm.providers.response import read_completion
from synthgen.llm.reask import follow_up
from synthgen.llm.structured_output import read_answer
from synthgen.records import Chunk, Completion, digest, make_request, make_triple

FIELDS = {"query": "the question", "answer": "the answer"}
REQUEST = make_request("m", "e", ({"role": "user", "content": "?"},), sampling={"max_output_tokens": 100})
PASSAGE = (
    "The pump moves two litres of water a minute, that is $\\frac{1}{30}$ of a litre a second. It must be primed before use."
)
CHUNK = Chunk(f"a#0-{len(PASSAGE)}", "a", 0, len(PASSAGE), PASSAGE, digest(PASSAGE), language="en")
CONTEXT = FilterContext(chunks={CHUNK.id: CHUNK})


@cases("model_message")
def test_a_message_is_read(case: Case) -> None:
    """`given` is a message with its ending; `expected` the answers of its items, why it failed, and whether it was repaired."""
    choice = {"message": case.given["message"], "finish_reason": case.given["finish_reason"]}
    completion = read_completion(REQUEST, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 9}})
    found = read_answer(completion, FIELDS, 3)
    outcome: dict[str, Any] = {"answers": [item["answer"] for item in found.items]}
    outcome |= {"reason": found.reason} if found.reason else {}
    assert outcome | ({"repaired": True} if found.repaired else {}) == case.expected


@pytest.mark.parametrize(
    "message", [{"content": None, "reasoning_content": "So two litres."}, {"content": "", "reasoning": "Hm."}]
)
def test_what_was_written_is_stored_even_if_it_is_no_answer(message: dict[str, Any]) -> None:
    completion = read_completion(REQUEST, {"choices": [{"message": message, "finish_reason": "stop"}]})
    assert completion.text == (message.get("reasoning_content") or message["reasoning"])


TOKENS = [
    "<|im_end|>",
    "<|im_start|>assistant\n",
    "</s>",
    "<|eot_id|>",
    "<end_of_turn>",
    "[/INST]",
    "<｜end▁of▁sentence｜>",
    "<|endoftext|>",
]
THOUGHTS = [
    ("<think>", "</think>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<reasoning>", "</reasoning>"),
]
ESCAPES = ["\\frac{1}{2}", "\\times", "\\rho", "\\beta", "\\n", "\\t", "\\u0007", "\\u0000", "\\pi", "\\users", "\\b", "\\f"]
WORDS = [
    "two litres",
    "the pump",
    "0",
    "Ünïcödé 水",
    "it says „so“",
    "a {brace}",
    "[list]",
    "1 < 2",
    "x: y,",
    "&lt;b&gt;",
    "N/A",
    "\u00ad",
]

pieces = st.sampled_from([*TOKENS, *ESCAPES, *WORDS, *(mark for pair in THOUGHTS for mark in pair)])
raw_text = st.lists(pieces, min_size=1, max_size=4).map(" ".join)
"""What stands between the quotation marks of a JSON string, with whatever escapes."""

plain_text = st.sampled_from(["two litres", "before use", "30", "Ünïcödé 水"])
tails = st.sampled_from(["", " " * 300, "\n" * 300, "}" * 30, "\nI hope this helps", *(token * 3 for token in TOKENS), "\n```"])
heads = st.sampled_from(["", "Sure, here it is:\n", "```json\n", "<|im_start|>assistant\n", "\ufeff"])


def written(pairs: list[tuple[str, str]]) -> str:
    return '{"items": [' + ", ".join(f'{{"query": "{query}", "answer": "{answer}"}}' for query, answer in pairs) + "]}"


@st.composite
def model_answers(draw: st.DrawFn) -> tuple[str, str, bool]:
    """A text, its ending, and whether it has a complete answer of plain texts at its end."""
    plain = draw(st.booleans())
    texts = plain_text if plain else raw_text
    final = written(draw(st.lists(st.tuples(texts, texts), min_size=1, max_size=3)))
    drafts = "".join(
        left + written([(draw(raw_text), draw(raw_text))]) + right
        for left, right in draw(st.lists(st.sampled_from(THOUGHTS), max_size=2))
    )
    cut = draw(st.booleans()) and not plain
    text = draw(heads) + drafts + (final[: draw(st.integers(1, len(final)))] if cut else final + draw(tails))
    return text, draw(st.sampled_from(["stop", "length", ""])), plain


def check(answer: tuple[str, str, bool]) -> None:
    text, ending, complete = answer
    completion = Completion(REQUEST.key, text, ending, None)
    found = read_answer(completion, FIELDS, 3, PASSAGE)
    rows = [make_triple(CHUNK, item["query"], item["answer"], metadata={"quote": item["answer"]}) for item in found.items]
    for row in apply_filters(rows, ["format", "lint"], CONTEXT).kept:
        for field in (row.query, row.answer or "", str(row.metadata["quote"])):
            assert not regex.search(r"[\p{Cc}--[\n\t]]|\u00ad", field, regex.V1), field
            assert not any(token.strip() in field for token in TOKENS), field
            assert not any(mark in field for pair in THOUGHTS for mark in pair), field
    if complete:
        status = "failed" if found.reason else "ok"
        call = Call(completion, status, found.reason, found.detail)
        assert follow_up(REQUEST, call) is None, (found.reason, found.detail)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(model_answers())
def test_no_mark_survives_and_a_complete_answer_is_never_asked_for_again(answer: tuple[str, str, bool]) -> None:
    check(answer)


@pytest.mark.slow
@pytest.mark.rare
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(model_answers())
def test_ten_thousand_answers(answer: tuple[str, str, bool]) -> None:
    check(answer)


def test_the_texts_of_the_property_are_json_as_models_write_it() -> None:
    assert json.loads(written([("a?", "b")])) == {"items": [{"query": "a?", "answer": "b"}]}

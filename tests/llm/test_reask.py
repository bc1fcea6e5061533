"""What an unusable answer leads to, as a pure function of what is stored."""

from __future__ import annotations

import pytest

from synthgen.llm.call_store import Call
from synthgen.llm.reask import calls_of, failed_again, follow_up, to_ask
from synthgen.records import Completion, Request, make_request

REQUEST = make_request(
    "m",
    "http://mordor/v1",
    ({"role": "system", "content": "Write 2 items."}, {"role": "user", "content": "The road goes ever on."}),
    schema={"type": "object"},
    sampling={"temperature": 0.7, "max_output_tokens": 100},
    static=(0, 14),
)


def ended(request: Request, reason: str = "", text: str = "I would rather not.", detail: str = "items: Field required") -> Call:
    return Call(Completion(request.key, text), "failed" if reason else "ok", reason, detail if reason else "")


def test_a_cut_answer_is_asked_for_once_more_with_a_higher_limit() -> None:
    follow = follow_up(REQUEST, ended(REQUEST, "truncated"))
    assert follow is not None
    assert follow.sampling == {"temperature": 0.7, "max_output_tokens": 400}
    assert (follow.messages, follow.schema, follow.static) == (REQUEST.messages, REQUEST.schema, REQUEST.static)
    assert follow.key != REQUEST.key


def test_an_unreadable_answer_is_shown_to_the_model_with_what_is_wrong() -> None:
    follow = follow_up(REQUEST, ended(REQUEST, "malformed"))
    assert follow is not None
    assert follow.messages[:2] == REQUEST.messages, "the prefix is the same, so it is still cached"
    assert follow.messages[2] == {"role": "assistant", "content": "I would rather not."}
    assert "items: Field required" in follow.messages[3]["content"]


def test_the_follow_up_has_no_text_of_its_own_when_the_model_wrote_none() -> None:
    follow = follow_up(REQUEST, ended(REQUEST, "malformed", text=""))
    assert follow is not None
    assert follow.messages[2]["content"], "some servers refuse an empty message"


@pytest.mark.parametrize("reason", ["", "refusal", "content_filter", "context_too_long", "bad_request", "timeout", "no_items"])
def test_nothing_else_is_asked_for_again(reason: str) -> None:
    assert follow_up(REQUEST, ended(REQUEST, reason)) is None


def test_it_depends_on_the_stored_call_alone() -> None:
    one, other = (follow_up(REQUEST, ended(REQUEST, "malformed", detail=detail)) for detail in ("no JSON", "no items"))
    assert one is not None
    assert other is not None
    assert one.key != other.key
    assert follow_up(REQUEST, ended(REQUEST, "malformed", detail="no JSON")) == one


def test_what_is_still_to_be_asked() -> None:
    first, second = ended(REQUEST, "truncated"), follow_up(REQUEST, ended(REQUEST, "truncated"))
    assert second is not None
    assert to_ask(REQUEST, {}) is REQUEST
    assert to_ask(REQUEST, {REQUEST.key: ended(REQUEST)}) is None
    assert to_ask(REQUEST, {REQUEST.key: ended(REQUEST, "timeout")}) is REQUEST
    assert to_ask(REQUEST, {REQUEST.key: ended(REQUEST, "refusal")}) is None
    assert to_ask(REQUEST, {REQUEST.key: first}) == second
    assert to_ask(REQUEST, {REQUEST.key: first, second.key: ended(second, "timeout")}) == second
    assert to_ask(REQUEST, {REQUEST.key: first, second.key: ended(second, "truncated")}) is None, "there is never a third"
    assert [call.reason for call in calls_of(REQUEST, {REQUEST.key: first, second.key: ended(second)})] == ["truncated", ""]


def test_what_a_retry_repeats() -> None:
    first, second = ended(REQUEST, "malformed"), follow_up(REQUEST, ended(REQUEST, "malformed"))
    assert second is not None
    assert failed_again(REQUEST, {}) is None, "what was never sent has not failed"
    assert failed_again(REQUEST, {REQUEST.key: ended(REQUEST)}) is None
    assert failed_again(REQUEST, {REQUEST.key: ended(REQUEST, "refusal")}) is REQUEST
    assert failed_again(REQUEST, {REQUEST.key: first}) == second
    assert failed_again(REQUEST, {REQUEST.key: first, second.key: ended(second, "malformed")}) == second
    assert failed_again(REQUEST, {REQUEST.key: first, second.key: ended(second)}) is None

"""A success without an answer: an error in the body counts as its status does, and what can be no answer costs one call."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.cases import Case, cases
from support.fills import KEY, always, ask, at, endpoint_for, first_time, run
from support.wire import RawServer, answer, respond

from synthgen.errors import ModelError, StoppedEarly
from synthgen.llm.call_store import CallStore
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import FillReport, fill
from synthgen.llm.providers.errors import of_no_answer
from synthgen.llm.providers.foreign import NoAnswer
from synthgen.llm.providers.response import parse_completion
from synthgen.records import digest
from synthgen.testing import FakeOpenAI, Fault, Logged


@cases("success_bodies")
def test_the_body_of_a_success_decides(case: Case) -> None:
    """`given` is the body. `expected` is the `answer` in it, or the failure it stands for: `scope`, `reason`, how long to
    wait, and how many of the kind end a run that has had no answer."""
    body = case.given.encode()
    if "answer" in case.expected:
        assert parse_completion(ask(1)[0], body).text == case.expected["answer"]
        return
    try:
        found = parse_completion(ask(1)[0], body)
    except NoAnswer as problem:
        failure = of_no_answer(problem)
        told = {"scope": failure.scope, "reason": failure.reason, "wait_s": failure.wait_s, "ends_after": failure.ends_after}
        assert told == {"wait_s": None, "ends_after": None} | case.expected
        free = failure.scope != "attempt" or failure.reason == "rate_limited"
        assert failure.unbilled or not free, "an error that the provider answered cost nothing"
    except ValueError:
        assert case.expected == {"scope": "attempt", "reason": "server_error"}
    else:
        pytest.fail(f"it was read as {found.text!r}")


def served(store: CallStore, *responses: bytes, calls: int = 3, **settings: Any) -> tuple[RawServer, FillReport]:
    with RawServer(*responses) as server:
        report = run_async(fill(ask(calls), store, at(base_url=server.base_url, **{"max_attempts": 5} | settings)))
    return server, report


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"message": "Insufficient credits", "code": 402}}, "has no quota left"),
        ({"error": {"message": "Insufficient credits", "code": "402"}}, "has no quota left"),
        ({"error": {"message": "No.", "code": "insufficient_quota"}}, "has no quota left"),
        ({"error": {"message": f"{KEY} is wrong", "code": 401}}, "does not accept the key. Check the environment variable"),
        ({"error": {"message": "No.", "code": "invalid_api_key"}}, "does not accept the key"),
        ({"choices": [{"error": {"message": "No such model", "code": 404}}]}, "has no model 'fake-model'"),
        ({"object": "error", "message": "The model `x` does not exist.", "code": 404}, "has no model 'fake-model'"),
        ({"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, "does not accept the key"),
        ({"error": "Country not supported"}, "does not allow this"),
        (b"<!doctype html><title>Sign in</title>", r"sent a web page \('Sign in'\) in place of an answer. Check --base-url"),
        (b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', r"sent an event stream \('data: .*streaming"),
        (b"Ollama is running", r"sent plain text \('Ollama is running'\)"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "sent 10 bytes that are no text"),
        ([], "sent a JSON list"),
        ({"object": "list", "data": [{"id": "mithril"}]}, "sent a list of models"),
    ],
)
def test_what_concerns_all_calls_costs_one_and_is_said(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, body: Any, told: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with RawServer(respond(body)) as server, pytest.raises(ModelError, match=told) as caught:
        run_async(fill(ask(40), store, at(base_url=server.base_url, concurrency=8)))
    assert len(server.bodies) == 1
    assert KEY not in str(caught.value)
    assert (store.totals().calls, store.totals().uncounted) == (0, 0)


def test_what_may_be_an_accident_is_tried_twice_more_before_the_first_answer(tmp_path: Path) -> None:
    """All at once, for each waits twice."""

    async def tried(body: Any) -> None:
        store = CallStore(tmp_path / digest(repr(body)))
        with store, RawServer(respond(body)) as server:
            with pytest.raises(ModelError, match=r"127.0.0.1:\d+/v1 sent "):
                await fill(ask(40), store, at(base_url=server.base_url, concurrency=8))
            assert 3 <= len(server.bodies) <= 3 + 8, body

    async def all_at_once() -> None:
        await asyncio.gather(*map(tried, [b"", b"{}", b"null", b'{"choices": [{"mess', {"error": "no"}]))

    run_async(all_at_once())


def test_an_accident_of_every_first_attempt_is_tried_again(store: CallStore) -> None:
    with FakeOpenAI(script=first_time(Fault("body"))) as server:
        assert run(server, store, ask(6)).ok == 6


@pytest.mark.parametrize("body", [b"", b'{"choices": [{"mess', b"<html>upstream</html>", {"error": "no"}, {"choices": []}])
def test_an_accident_between_answers_is_tried_again(store: CallStore, body: Any) -> None:
    server, report = served(store, answer(), respond(body), answer(), concurrency=1)
    assert (report.ok, report.attempts, len(server.bodies)) == (3, 4, 4)


def test_a_page_that_stays_ends_the_run_when_it_marks_an_outage(store: CallStore) -> None:
    with RawServer(answer(), respond(b"<html>Your session has ended.</html>")) as server:
        with pytest.raises(ModelError, match="sent a web page"):
            run_async(fill(ask(200), store, at(base_url=server.base_url, concurrency=16)))
        assert len(server.bodies) <= 1 + 16 + 10
    assert store.totals().ok == 1


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Slow down.", "code": 429, "retry_after": 0.3}},
        {"error": {"message": "Slow down.", "code": "rate_limit_exceeded", "retry_after_ms": 300}},
        {"code": "429", "message": "Rate limit reached. Please try again in 0.3s."},
        {"choices": [{"error": {"code": 429, "message": "Please retry after 300ms"}, "finish_reason": "error"}]},
        {"error": "Too many requests. Please try again in 300ms."},
    ],
)
def test_a_429_in_a_success_waits_as_one_and_is_no_attempt(store: CallStore, body: Any) -> None:
    started = time.monotonic()
    server, report = served(store, respond(body), answer(), calls=1)
    assert 0.25 < time.monotonic() - started < 3
    assert (report.ok, report.attempts, report.rate_limited, len(server.bodies)) == (1, 1, 1, 2)
    assert store.totals().uncounted == 0


def test_a_429_in_a_success_that_stays_ends_with_patience(store: CallStore) -> None:
    with RawServer(respond({"error": {"code": 429, "message": "the day is used up", "retry_after": 3600}})) as server:
        with pytest.raises(StoppedEarly, match="let nothing through"):
            run_async(fill(ask(3), store, at(base_url=server.base_url, patience_s=0.5)))
        assert len(server.bodies) < 6


def refused(field: str, body: Any) -> Any:
    def script(request: Logged) -> Fault | None:
        return Fault("body", message=json.dumps(body)) if field in request.body else None

    return script


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("response_format", {"error": {"message": "Unsupported parameter: 'response_format'", "code": 400}}),
        ("response_format", {"error": "response_format is not supported"}),
        (
            "response_format",
            {"error": {"message": "This response_format type is unavailable now", "type": "invalid_request_error"}},
        ),
        ("temperature", {"choices": [{"error": {"code": 400, "message": "temperature is not supported"}}]}),
        (
            "temperature",
            {"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs are not permitted", "type": "extra"}]},
        ),
        ("temperature", {"object": "error", "message": "Unknown field", "param": "temperature", "code": "400"}),
    ],
)
def test_a_400_in_a_success_steps_the_form_of_requests_down(store: CallStore, field: str, body: Any) -> None:
    with FakeOpenAI(script=refused(field, body)) as server:
        report = run(server, store, ask(4))
        assert (report.ok, report.attempts) == (4, 4)
        assert len(server.log) <= 4 + 3, "one call found the form"
        assert field not in server.log[-1].body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": {"message": "Too long.", "code": "context_length_exceeded"}}, "context_too_long"),
        ({"error": {"message": "messages must be a list", "code": 400}}, "bad_request"),
        ({"error": {"message": "flagged", "code": "content_filter"}}, "content_filter"),
    ],
)
def test_what_concerns_one_call_is_stored_after_one_attempt(store: CallStore, body: Any, reason: str) -> None:
    with FakeOpenAI(script=always(Fault("body", message=json.dumps(body)))) as server:
        report = run(server, store, ask(2))
        assert (report.failed, len(server.log), store.totals().uncounted) == ({reason: 2}, 2, 0)


def test_a_503_in_a_success_is_tried_again(store: CallStore) -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with FakeOpenAI(script=first_time(Fault("body", message=json.dumps(body)))) as server:
        report = run_async(fill(ask(3), store, endpoint_for(server)))
    assert (report.ok, report.attempts) == (3, 6)

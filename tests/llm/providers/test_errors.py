"""What a server's errors mean: bodies as the servers write them."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import openai
import pytest
from support.fills import ask, at
from support.wire import RawServer, answer, refusal, respond

from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.error_body import Complaint, read_body
from synthgen.llm.providers.headers import retry_after_s
from synthgen.llm.providers.openai import attempt_error


def openai_error(
    message: str, code: str | None = None, *, type: str = "invalid_request_error", param: str | None = None
) -> Any:
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def gemini_error(code: int, message: str, status: str, *details: Any) -> Any:
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}
PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}],
}


def failure_of(error: openai.APIStatusError) -> Failure:
    return attempt_error(error).failure


def complaint_of(error: openai.APIStatusError) -> Complaint:
    return read_body(error.body, error.message)


@pytest.mark.parametrize(
    ("status", "body", "scope", "reason"),
    [
        (429, openai_error("Rate limit reached for gpt-4o.", "rate_limit_exceeded"), "attempt", "rate_limited"),
        (429, gemini_error(429, "You exceeded your current quota.", "RESOURCE_EXHAUSTED"), "attempt", "rate_limited"),
        (500, openai_error("The server had an error."), "attempt", "server_error"),
        (502, "<html><body>Bad gateway</body></html>", "attempt", "server_error"),
        (529, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, "attempt", "server_error"),
        (408, "", "attempt", "timeout"),
        (409, openai_error("Conflict"), "attempt", "conflict"),
        (400, openai_error("'messages' is too short", param="messages"), "call", "bad_request"),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]}, "call", "bad_request"),
        (400, openai_error("This is too long.", "context_length_exceeded"), "call", "context_too_long"),
        (400, {"error": {"type": "exceed_context_size_error", "message": "too long"}}, "call", "context_too_long"),
        (413, "Request Entity Too Large", "call", "context_too_long"),
        (429, openai_error("Request too large for gpt-4o on tokens per min (TPM)", type="tokens"), "call", "context_too_long"),
        (400, openai_error("The response was filtered.", "content_filter", param="prompt"), "call", "content_filter"),
        (403, openai_error("Your input was flagged; it requires moderation."), "call", "content_filter"),
        (401, openai_error("Incorrect API key provided: sk-ring.", "invalid_api_key"), "run", "key"),
        (403, openai_error("You are not allowed to sample from this."), "run", "key"),
        (400, gemini_error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT"), "run", "key"),
        (403, openai_error("Country not supported", "unsupported_country_region_territory"), "run", "forbidden"),
        (403, openai_error("Closed to your organization.", "training_not_available"), "run", "forbidden"),
        (403, openai_error("Project `shire` does not have access to model `gpt-6`."), "run", "model"),
        (404, openai_error("The model `gpt-7` does not exist", "model_not_found"), "run", "model"),
        (404, {"error": "model 'mithril' not found, try pulling it first"}, "run", "model"),
        (400, {"error": {"message": "mithril is not a valid model ID", "code": 400}}, "run", "model"),
        (402, {"error": {"message": "Insufficient credits"}}, "run", "quota"),
        (429, openai_error("You exceeded your current quota.", "insufficient_quota"), "run", "quota"),
        (400, openai_error("Billing hard limit has been reached", "billing_hard_limit_reached"), "run", "quota"),
        (405, "Method Not Allowed", "run", "endpoint"),
        (301, "", "run", "endpoint"),
    ],
)
def test_an_error_is_the_loss_of_an_attempt_a_call_or_the_run(status: int, body: Any, scope: str, reason: str) -> None:
    failure = failure_of(refusal(status, body))
    assert (failure.scope, failure.reason) == (scope, reason)


def test_only_what_the_model_cannot_have_answered_is_free() -> None:
    free = {status: failure_of(refusal(status, "")).unbilled for status in (400, 401, 408, 429, 500, 502, 503, 504, 529)}
    assert [status for status, unbilled in free.items() if not unbilled] == [500, 502, 504]
    assert [status for status in free if failure_of(refusal(status, "")).busy] == [429, 503, 529]


def test_people_read_the_message_and_not_the_body() -> None:
    assert failure_of(refusal(400, openai_error("No hobbits here."))).detail == "400: No hobbits here."
    assert failure_of(refusal(400, gemini_error(400, "No hobbits here.", "INVALID_ARGUMENT"))).detail == "400: No hobbits here."
    assert failure_of(refusal(404, {"detail": "Not Found"})).detail == "404: Not Found"
    assert failure_of(refusal(500, None)).detail == "500: Error code: 500"


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        (gemini_error(429, "quota", "RESOURCE_EXHAUSTED", PER_DAY, RETRY_INFO), {}, 37.0),
        (gemini_error(429, "quota", "RESOURCE_EXHAUSTED", RETRY_INFO), {"retry-after": "5"}, 5.0),
        (openai_error("Limit 500, Used 500. Please try again in 6m0s. Visit the site."), {}, 360.0),
        (openai_error("Please try again in 120ms."), {}, 0.12),
        (openai_error("Please retry after 26 seconds."), {}, 26.0),
        (openai_error("Please try again in a while."), {}, None),
        (openai_error("Slow down."), {"retry-after-ms": "250", "retry-after": "1"}, 0.25),
    ],
)
def test_how_long_to_wait_stands_in_a_header_or_in_the_body(body: Any, headers: dict[str, str], seconds: float | None) -> None:
    assert failure_of(refusal(429, body, headers)).wait_s == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    told = retry_after_s({"retry-after": formatdate(time.time() + 90, usegmt=True)})
    assert told is not None
    assert 85 <= told <= 91


def test_a_server_that_forbids_a_retry_is_believed_for_this_run() -> None:
    failure = failure_of(refusal(500, openai_error("Broken for good."), {"x-should-retry": "false"}))
    assert (failure.scope, failure.reason) == ("call", "server_error")
    assert failure_of(refusal(500, "", {"x-should-retry": "true"})).scope == "attempt"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (openai_error("No.", param="response_format.type"), ("response_format.type",)),
        (
            gemini_error(400, 'Unknown name "seed": Cannot find field.\nUnknown name "top_p": Cannot find field.', ""),
            ("seed", "top_p"),
        ),
        ({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": "temperature"}]}, ("seed",)),
        ({"message": "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'input': {'param': 'stop'}}]"}, ("seed",)),
        (openai_error("Unrecognized request argument supplied: logit_bias"), ("logit_bias",)),
        ("seed: Extra inputs are not permitted", ("seed",)),
        ("No such thing.", ()),
    ],
)
def test_the_fields_that_a_refusal_blames_are_found_in_every_form_of_body(body: Any, fields: tuple[str, ...]) -> None:
    assert complaint_of(refusal(400, body)).fields == fields


def test_what_a_server_repeats_of_the_request_is_not_heard() -> None:
    detail = [{"loc": ["body"], "msg": "Value error", "input": {"messages": "maximum context length", "stop": "seed"}}]
    assert "seed" not in complaint_of(refusal(422, {"detail": detail})).says
    assert failure_of(refusal(422, {"detail": detail})).reason == "bad_request"
    assert "seed" not in complaint_of(refusal(400, {"message": "Bad: 'input': {'seed': 7}"})).says


def attempt_at(base_url: str, **settings: Any) -> Failure:
    async def main() -> Failure:
        async with at(base_url=base_url, **settings).connect() as connection:
            with pytest.raises(AttemptError) as caught:
                await connection.complete(ask(1)[0])
        return caught.value.failure

    return asyncio.run(main())


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", answer()[:-1]], ids=["nothing", "half a head", "half a body"]
)
def test_a_connection_that_breaks_was_one_and_may_have_cost(sent: bytes) -> None:
    with RawServer(sent, hang_up=True) as server:
        failure = attempt_at(server.base_url)
    assert (failure.scope, failure.reason, failure.no_contact, failure.unbilled) == ("attempt", "connection", False, False)


def test_nobody_at_the_address_is_no_contact_and_costs_nothing() -> None:
    with RawServer(answer()) as server:
        gone = server.base_url
    failure = attempt_at(gone)
    assert (failure.scope, failure.reason, failure.no_contact, failure.unbilled) == ("attempt", "connection", True, True)


@pytest.mark.parametrize("body", [b"<html>upstream</html>", {"error": "no"}])
def test_an_answer_that_cannot_be_read_is_the_servers_error(body: Any) -> None:
    with RawServer(respond(body)) as server:
        failure = attempt_at(server.base_url)
    assert (failure.scope, failure.reason, failure.unbilled) == ("attempt", "server_error", False)


def test_an_answer_that_is_no_http_is_a_failure_like_others() -> None:
    with RawServer(b"220 mail.shire.example ESMTP\r\n\r\n") as server:
        failure = attempt_at(server.base_url)
    assert (failure.scope, failure.unbilled, failure.no_contact) == ("attempt", False, False)

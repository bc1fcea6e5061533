"""What an error repeats of the prompt leads to no conclusion; codes, types, statuses and the server's own words do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from support.fills import at

from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.base import ProviderResponse, Reformed
from synthgen.llm.providers.batch_files import BatchFiles
from synthgen.llm.providers.openai import ChatConnection, attempt_errors
from synthgen.records import Request, make_request

WRITE = "Write 3 questions about the passage, as JSON with a list of items and nothing else."
PASSAGES = {
    "a code of quota": "An account without money gets the code insufficient_quota with every answer.",
    "words of quota": "Your credit balance is too low to access the API, says the page on billing.",
    "a billing code": "If billing_hard_limit_reached comes up, raise the limit in the settings of the project.",
    "the key": "Where the server says incorrect API key provided, the variable was not set.",
    "the model": "The error model_not_found means that the name of the model has a slip in it.",
    "the context": "This model's maximum context length is 4096 tokens, so the manual was cut in two.",
    "the filter": "Our content_filter and the content management policy turn away what is rude.",
    "the region": "The service is not offered in every country or region, says the firewall of the town.",
    "too large": "A request too large for the gate is sent back with four hundred and thirteen.",
    "a wait": "When the kettle is empty, please try again in 59m59s, or wait for 3000 seconds.",
    "numbers of HTTP": "Error 402 means payment required, http 401 unauthorized, and status 404 not found.",
    "Chinese": "账户余额不足时,服务器返回错误,或者提示模型不存在,鉴权失败。",
    "German with a code": "Bei insufficient_quota ist das Guthaben aufgebraucht, und es muss nachgezahlt werden.",
    "line ends": "insufficient\nbalance\nand many more lines\nof a poem\nabout empty purses",
}
Body = Callable[[str], Any]
REPEATS: dict[str, Body] = {
    "in a message": lambda said: {"error": {"message": f"Could not process the prompt: {said}", "type": "server_error"}},
    "in a text": lambda said: {"error": f"failed on: {said}"},
    "in a detail": lambda said: {"detail": said},
    "in a list": lambda said: {"detail": [{"loc": ["body", "messages", 1], "msg": "no", "input": said}]},
    "as plain text": lambda said: f"Traceback: {said}".encode(),
    "as JSON in a message": lambda said: {"error": {"message": json.dumps({"messages": [{"role": "user", "content": said}]})}},
    "in the request repeated": lambda said: {"error": {"message": "no", "request": {"prompt": said, "reason": said}}},
    "in capitals": lambda said: {"error": {"message": said.upper(), "code": None}},
    "in one line": lambda said: {"message": " ".join(said.split()), "status": "error"},
    "as a reason": lambda said: {"error": {"reason": said, "type": said}},
}


def asked(passage: str) -> Request:
    schema = {"type": "object", "properties": {"items": {"items": {"required": ["query"]}}}}
    messages = ({"role": "system", "content": WRITE}, {"role": "user", "content": f"# Passage\n\n{passage}"})
    return make_request("fake-model", "e", messages, schema=schema, sampling={"temperature": 0.7, "max_output_tokens": 100})


class Server:
    """A client whose server always sends this."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.reason, self.headers = status, "Told", dict[str, str]()
        self.content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def post(self, *_: object) -> tuple[Any, bytes]:
        return self, self.content


def failure(request: Request, status: int, body: Any) -> Failure:
    """What the response is taken for."""

    async def main() -> ProviderResponse:
        connection = ChatConnection(Server(status, body), at(), None)  # type: ignore[arg-type]
        while True:
            try:
                return await connection.complete(request)
            except Reformed:
                continue

    with pytest.raises(AttemptError) as caught:
        asyncio.run(main())
    return caught.value.failure


@pytest.mark.parametrize("passage", PASSAGES)
def test_a_server_error_that_repeats_the_prompt_is_one_attempt(passage: str) -> None:
    request = asked(PASSAGES[passage])
    for name, body in REPEATS.items():
        found = failure(request, 500, body(f"{WRITE}\n{PASSAGES[passage]}"))
        assert (found.scope, found.reason, found.wait_s) == ("attempt", "server_error", None), name


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("passage", ["a code of quota", "words of quota", "too large", "a wait", "line ends"])
def test_a_busy_server_that_repeats_the_passage_is_busy(passage: str, status: int) -> None:
    for name, body in REPEATS.items():
        found = failure(asked(PASSAGES[passage]), status, body(PASSAGES[passage]))
        assert (found.scope, found.busy, found.wait_s) == ("attempt", True, None), name


@pytest.mark.parametrize("passage", PASSAGES)
def test_a_bad_request_that_repeats_the_passage_is_a_bad_request(passage: str) -> None:
    for name in ("in a message", "as plain text", "as JSON in a message", "in one line"):
        found = failure(asked(PASSAGES[passage]), 400, REPEATS[name](PASSAGES[passage]))
        assert (found.scope, found.reason) == ("call", "bad_request"), name


@pytest.mark.parametrize("passage", PASSAGES)
def test_an_error_in_a_success_that_repeats_the_passage_ends_nothing(passage: str) -> None:
    for name, body in REPEATS.items():
        found = failure(asked(PASSAGES[passage]), 200, body(PASSAGES[passage]))
        assert (found.scope, found.reason) in (("attempt", "server_error"), ("call", "bad_request")), name


@pytest.mark.parametrize("passage", PASSAGES)
def test_a_line_of_a_batch_that_repeats_the_passage_ends_nothing(passage: str) -> None:
    api = BatchFiles(None, at(), "fake-model", lambda request: {}, attempt_errors)
    for status, scope in ((500, "attempt"), (400, "call")):
        body = {"error": {"message": f"failed on: {PASSAGES[passage]}"}}
        line = api.read(json.dumps({"custom_id": "k", "response": {"status_code": status, "body": body}}).encode())
        assert line is not None
        assert line.failure is not None
        assert line.failure.scope == scope


@pytest.mark.parametrize(
    ("status", "body", "scope", "reason"),
    [
        (429, {"error": {"message": "no", "code": "insufficient_quota"}}, "run", "quota"),
        (500, {"error": {"message": "no", "type": "insufficient_quota"}}, "run", "quota"),
        (402, {"error": {"message": "no"}}, "run", "quota"),
        (401, {"error": {"message": "no"}}, "run", "key"),
        (400, {"error": {"message": "no", "code": "context_length_exceeded"}}, "call", "context_too_long"),
        (400, {"error": {"message": "no", "code": "content_filter"}}, "call", "content_filter"),
        (400, {"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}, "run", "key"),
        (403, {"error": {"message": "no", "code": "model_not_found"}}, "run", "model"),
        (200, {"error": {"message": "no", "code": "insufficient_quota"}}, "run", "quota"),
        (200, {"error": {"message": "no", "code": 402}}, "run", "quota"),
    ],
)
def test_codes_decide_whatever_the_passage_says(status: int, body: Any, scope: str, reason: str) -> None:
    found = failure(asked(" ".join(PASSAGES.values())), status, body)
    assert (found.scope, found.reason) == (scope, reason)


@pytest.mark.parametrize(
    ("status", "body", "scope", "reason"),
    [
        (400, {"error": {"message": "Your credit balance is too low to access the API."}}, "run", "quota"),
        (429, {"error": {"message": "insufficient balance"}}, "run", "quota"),
        (400, "API key not valid. Please pass a valid API key.", "run", "key"),
        (400, {"message": "This model's maximum context length is 4096 tokens."}, "call", "context_too_long"),
        (400, {"error": "fake-model is not a valid model ID"}, "run", "model"),
        (403, {"error": {"message": "Country, region, or territory not supported"}}, "run", "forbidden"),
        (200, {"error": {"message": "Incorrect API key provided"}}, "run", "key"),
    ],
)
def test_the_servers_own_words_decide_where_the_prompt_does_not_have_them(
    status: int, body: Any, scope: str, reason: str
) -> None:
    found = failure(asked("The kettle boils when the lamp is red, and not before."), status, body)
    assert (found.scope, found.reason) == (scope, reason)


def test_a_field_that_a_passage_blames_is_not_left_out() -> None:
    passage = "Unsupported parameter: max_tokens is not supported with this model; temperature is not supported either."
    found = failure(asked(passage), 400, {"error": {"message": f"Sorry, no. {passage}", "type": "teapot"}})
    assert found.reason == "bad_request"


def test_a_wait_of_the_servers_own_counts() -> None:
    body = {"error": {"message": f"Please try again in 2s. The prompt was: {PASSAGES['a wait']}"}}
    assert failure(asked(PASSAGES["a wait"]), 429, body).wait_s == 2.0

"""One attempt at one call, over real sockets: what is sent, what is read, and what becomes of the key."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from support.fills import KEY, ask, at, endpoint_for
from support.wire import RawServer, answer, complete, respond

from synthgen.errors import ConfigError, ModelError
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.providers import openai as module
from synthgen.llm.providers.base import ProviderResponse, Reformed
from synthgen.llm.providers.openai import load_format, sync_client
from synthgen.llm.providers.profiles import Profile
from synthgen.llm.providers.request_format import RequestForm
from synthgen.llm.providers.response import parse_completion, read_completion
from synthgen.records import Completion, Request, Usage, make_request
from synthgen.testing import FakeOpenAI, Fault


def reply_of(server: RawServer | FakeOpenAI, request: Request | None = None, **settings: Any) -> ProviderResponse:
    async def main() -> ProviderResponse:
        async with at(base_url=server.base_url, **settings).connect() as client:
            return await complete(client, request or ask(1)[0])

    return asyncio.run(main())


# What is sent


def test_equal_prompts_are_equal_bytes_up_to_the_end_of_their_static_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "profile_of", lambda url, model: Profile(cache="explicit", prompt_cache_key=True))
    system = "Write about hobbits. " * 40

    def request(passage: str, temperature: float) -> Request:
        messages = ({"role": "system", "content": system}, {"role": "user", "content": f"Read this.\n{passage}"})
        return make_request("fake-model", "e", messages, sampling={"temperature": temperature}, static=(1, 11))

    async def main() -> None:
        async with at(base_url=server.base_url).connect() as client:
            for number, passage in enumerate(["Bilbo", "The ring — 😀", "Ärger " * 50]):
                await client.complete(request(passage, 0.1 * number), shards=7)

    with RawServer(answer()) as server:
        asyncio.run(main())
    ends = [body.index(b'Read this.\\n"') for body in server.bodies]
    assert len(ends) == 3
    assert len({body[:end] for body, end in zip(server.bodies, ends, strict=True)}) == 1
    assert ends[0] > len(system)
    assert server.bodies[0].startswith(b'{"model":"fake-model","messages":[{"role":"system"')
    assert all(json.loads(body)["prompt_cache_options"] for body in server.bodies)


@pytest.mark.parametrize(("dialect", "cached"), [("openai", True), ("openai-legacy", False), ("gemini", False)])
def test_explicit_caching_is_used_where_it_is_known_and_left_out_where_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, dialect: str, cached: bool
) -> None:
    monkeypatch.setattr(module, "profile_of", lambda url, model: Profile(cache="explicit", prompt_cache_key=True))
    system = {"role": "system", "content": "Write JSON about hobbits, and mind the doors. " * 200}

    async def main() -> list[Usage]:
        async with at(base_url=server.base_url).connect() as client:
            asked = [
                make_request("fake-model", "e", (system, {"role": "user", "content": f"Door {n} is round."}), static=(1, 0))
                for n in range(3)
            ]
            return [(await complete(client, request)).completion.usage for request in asked]

    with FakeOpenAI(dialect=dialect, caching=cached) as server:
        first, *others = asyncio.run(main())
    assert (first.written > 1_000) is cached
    assert [usage.cached > 1_000 for usage in others] == [cached, cached]
    assert len([logged for logged in server.log if logged.status == 400]) <= 2


def test_a_request_has_its_key_for_a_name_and_tells_nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RING_KEY", KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-of-mordor")
    (request,) = ask(1)
    with RawServer(answer()) as server:
        reply_of(server, request, api_key_env="RING_KEY")
    (head,) = server.heads
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    names = {name.lower(): value for name, value in lines.items()}
    assert (names["authorization"], names["x-client-request-id"]) == (f"Bearer {KEY}", request.key)
    assert "mordor" not in head
    assert not [name for name in names if "stainless" in name]
    assert head.startswith("POST /v1/chat/completions HTTP/1.1")


@pytest.mark.slow
def test_as_many_calls_are_in_flight_as_there_are_workers() -> None:
    async def main() -> None:
        async with endpoint_for(server, concurrency=300).connect() as client:
            await asyncio.gather(*(client.complete(request) for request in ask(300)))

    with FakeOpenAI(latency_s=1.5) as server:
        asyncio.run(main())
    assert server.most_in_flight == 300


def test_the_sync_client_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import openai

    monkeypatch.setenv("RING_KEY", KEY)
    with (
        RawServer(respond({"error": {"message": "no"}}, 500)) as server,
        sync_client(at(base_url=server.base_url, api_key_env="RING_KEY")) as client,
        pytest.raises(openai.InternalServerError),
    ):
        client.batches.create(completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file-1")
    assert len(server.bodies) == 1
    assert f"Bearer {KEY}" in server.heads[0]


# What is read


def test_an_answer_comes_with_its_headers() -> None:
    with RawServer(
        respond(json.loads(answer().split(b"\r\n\r\n")[1]), headers={"X-RateLimit-Remaining-Requests": "41"})
    ) as server:
        reply = reply_of(server)
    assert reply.completion == Completion(ask(1)[0].key, '{"items": []}', "stop", None, Usage(7, 0, 0, 3), "fake-model")
    assert reply.headers.get("x-ratelimit-remaining-requests") == "41"


def read(message: Any, usage: Any = None, **choice: Any) -> Completion:
    request = make_request("m", "e", ({"role": "user", "content": "hello there"},))
    return read_completion(request, {"choices": [{"message": message, **choice}], "usage": usage})


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "words"}, "words"),
        ({"content": None}, ""),
        ({}, ""),
        ({"content": "words", "reasoning_content": "hm"}, "words"),
        (
            {"content": [{"type": "text", "text": "wo"}, {"type": "thinking", "text": "hm"}, {"type": "text", "text": "rds"}]},
            "words",
        ),
        ({"content": "half an emoji \ud83d"}, "half an emoji ?"),
    ],
)
def test_the_text_is_what_the_model_wrote_and_not_what_it_thought(message: Any, text: str) -> None:
    assert read(message).text == text


@pytest.mark.parametrize(("finish_reason", "kept"), [("STOP", "STOP"), (None, ""), ("length", "length")])
def test_the_finish_reason_may_be_missing(finish_reason: str | None, kept: str) -> None:
    assert read({"content": "words"}, finish_reason=finish_reason).finish_reason == kept


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(9, 0, 0, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 4}, Usage(9, 0, 0, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None}, Usage(9, 0, 0, 4)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3, "audio_tokens": None},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(9, 5, 3, 4),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 63}, Usage(9, 0, 0, 54)),
    ],
    ids=["plain", "no total", "no details", "cached and written", "reasoning in the total only"],
)
def test_usage_is_what_is_paid_for(told: Any, usage: Usage) -> None:
    assert read({"content": "words"}, told) == read({"content": "words"}, told)
    assert read({"content": "words"}, told).usage == usage


@pytest.mark.parametrize(
    "told",
    [
        None,
        "none",
        {},
        {"prompt_tokens": 3, "completion_tokens": [1]},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 3, "completion_tokens": -5},
        {"prompt_tokens": float("inf"), "completion_tokens": 1},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": -1}},
    ],
)
def test_usage_that_the_server_does_not_send_is_estimated_and_says_so(told: Any) -> None:
    usage = read({"content": "three little words"}, told).usage
    assert usage == Usage(prompt=2, output=3, estimated=True)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"choices": []}, "no choices"),
        ({"error": {"message": "Provider returned error"}}, "Provider returned error"),
        ([], "no choices"),
        (None, "no choices"),
        ({"choices": [{"message": None}]}, r"no choices\[0\].message"),
        ({"choices": [{"message": []}]}, r"no choices\[0\].message"),
        ({"choices": [{"message": 7}]}, r"no choices\[0\].message"),
    ],
)
def test_what_has_no_message_cannot_be_read(body: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_completion(ask(1)[0], body)


def test_a_body_nested_beyond_reason_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="nested"):
        parse_completion(ask(1)[0], b"[" * 100_000)


@pytest.mark.parametrize(
    "message", [{"content": "half an emoji \ud83d"}, {"content": None, "refusal": "no \ud83d"}, {"content": "\x00\u2028"}]
)
def test_an_odd_answer_can_be_stored(store: CallStore, message: dict[str, object]) -> None:
    completion = read(message)
    store.put_many([Call(completion)])
    found = store.get(completion.request_key)
    assert found is not None
    assert found.completion == completion


# The form of requests


def refused(field: str) -> Any:
    return lambda logged: Fault("unsupported", param=field) if field in logged.body else None


def test_a_refused_field_is_told_to_the_caller_who_sends_again() -> None:
    async def main() -> None:
        async with endpoint_for(server).connect() as client:
            assert not client.proven("fake-model")
            with pytest.raises(Reformed):
                await client.complete(ask(1)[0])
            await client.complete(ask(1)[0])
            assert client.proven("fake-model")

    with FakeOpenAI(script=refused("temperature")) as server:
        asyncio.run(main())
    assert [logged.status for logged in server.log] == [400, 200]


def test_many_calls_that_meet_one_refusal_at_once_are_each_sent_once_more() -> None:
    async def main() -> None:
        async with endpoint_for(server, concurrency=30).connect() as client:
            await asyncio.gather(*(complete(client, request) for request in ask(30)))

    with FakeOpenAI(script=refused("temperature"), latency_s=0.05) as server:
        asyncio.run(main())
    assert sorted(logged.status for logged in server.log) == [200] * 30 + [400] * 30


def test_the_store_keeps_the_form_of_each_model(store: CallStore) -> None:
    async def main(*models: str) -> None:
        async with settings.connect(store) as client:
            for model in models:
                await complete(client, ask(1, model=model)[0])

    with FakeOpenAI(script=refused("temperature"), models=("bilbo", "frodo")) as server:
        settings = endpoint_for(server)
        asyncio.run(main("bilbo"))
        asyncio.run(main("bilbo", "frodo"))
        assert [logged.status for logged in server.log] == [400, 200, 200, 400, 200]
    assert load_format(settings, "bilbo", store).form == RequestForm("json_schema", "max_tokens", ("temperature",))
    assert load_format(settings, "frodo", store).form == RequestForm("json_schema", "max_tokens", ("temperature",))
    assert load_format(settings, "gollum", store).form == RequestForm("json_schema", "max_tokens")
    assert load_format(at(base_url="http://127.0.0.1:9/v1"), "frodo", store).form.without == ()


def test_a_store_that_is_read_only_or_absent_is_fine(store: CallStore) -> None:
    async def main(store: CallStore | None) -> ProviderResponse:
        async with endpoint_for(server).connect(store) as client:
            return await complete(client, ask(1)[0])

    store.close()
    with FakeOpenAI() as server, CallStore(store.path, read_only=True) as reader:
        assert asyncio.run(main(reader)).completion.text
        assert asyncio.run(main(None)).completion.text


def test_words_to_forbid_need_a_known_tokenizer_before_anything_is_sent() -> None:
    request = make_request("fake-model", "e", ({"role": "user", "content": "hello"},), sampling={"logit_bias": {"ring": -100}})
    with FakeOpenAI() as server, pytest.raises(ConfigError, match="'ring'"):
        reply_of(server, request)
    assert not server.log


# Addresses and keys


def test_a_local_server_needs_no_key_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (
        "http://127.0.0.1:8000/v1",
        "http://192.168.1.7/v1",
        "http://[::1]:80/v1",
        "http://vllm:8000/v1",
        "http://gpu.local/v1",
    ):
        at(base_url=url).check("fake-model")
    for url in (None, "https://api.example.com/v1", "http://8.8.8.8/v1"):
        with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
            at(base_url=url).check("fake-model")
        monkeypatch.setenv("RING_KEY", KEY)
        at(base_url=url, api_key_env="RING_KEY").check("fake-model")


@pytest.mark.parametrize("url", ["http://frodo:baggins@127.0.0.1/v1", "http://127.0.0.1/v1?key=secret"])
def test_an_address_with_secrets_in_it_is_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ConfigError, match="credentials or a query") as caught:
        at(base_url=url).check("fake-model")
    assert "baggins" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="not a web address"):
        at(base_url="127.0.0.1:8000").check("fake-model")


def test_a_request_key_names_the_endpoint_or_what_the_user_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert at().id == "https://api.openai.com/v1"
    assert at(base_url="http://127.0.0.1:8000/v1/").id == "http://127.0.0.1:8000/v1"
    assert at(base_url="http://127.0.0.1:8000/v1", endpoint_id="rivendell").id == "rivendell"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert at().id == "http://127.0.0.1:9/v1"

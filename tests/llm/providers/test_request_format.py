"""How a request is put to an endpoint, and what a refusal changes."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from support.fills import always, ask, run
from support.wire import refusal

from synthgen.errors import ConfigError
from synthgen.llm.call_store import CallStore
from synthgen.llm.providers.error_body import read_body
from synthgen.llm.providers.logit_bias import token_bias
from synthgen.llm.providers.openai import attempt_error
from synthgen.llm.providers.profiles import Profile, profile_of
from synthgen.llm.providers.request_format import RequestForm, RequestFormat
from synthgen.records import Request, make_request
from synthgen.testing import FakeOpenAI, Fault, Logged

SCHEMA = {"type": "object", "properties": {"items": {"type": "array"}}, "required": ["items"]}
MESSAGES = (
    {"role": "system", "content": "Write about hobbits. Bilbo first."},
    {"role": "user", "content": "The door is round."},
)
ALL = {"temperature": 0.7, "top_p": 0.9, "max_output_tokens": 50, "seed": 7, "stop": ["END"], "logit_bias": {"1734": -100}}


def request(static: tuple[int, int] | None = None, model: str = "gpt-4o", **sampling: Any) -> Request:
    return make_request(model, "http://fake", MESSAGES, schema=SCHEMA, sampling=sampling or ALL, static=static)


def unsupported(name: str) -> dict[str, Any]:
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    return {"error": {"message": message, "type": "invalid_request_error", "param": name, "code": "unsupported_parameter"}}


def gemini(name: str) -> list[Any]:
    message = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    violations = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"description": message}]}
    return [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": [violations]}}]


def fastapi(name: str) -> dict[str, Any]:
    detail = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 1}
    return {"detail": [detail]}


def vllm(name: str) -> dict[str, Any]:
    message = f"[{{'type': 'extra_forbidden', 'loc': ('body', '{name}'), 'msg': 'Extra inputs are not permitted', 'input': 7}}]"
    return {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}


def words(name: str) -> str:
    return f"This server does not support {name}."


def told(dialect: RequestFormat, asked: Request, body: Any, status: int = 400) -> bool:
    return steps_down(dialect, dialect.form, asked, body, status)


def steps_down(dialect: RequestFormat, sent: RequestForm, asked: Request, body: Any, status: int = 400) -> bool:
    """As the connection does it."""
    error = refusal(status, body)
    bad = attempt_error(error).failure.reason == "bad_request"
    return bad and dialect.step_down(sent, asked, read_body(error.body, error.message))


# The body


def test_the_body_has_what_is_equal_first_and_what_varies_last() -> None:
    body = RequestFormat(Profile()).body(request())
    assert list(body)[:3] == ["model", "messages", "response_format"]
    assert body["messages"] == list(MESSAGES)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }
    rest = {name: body[name] for name in list(body)[3:]}
    assert rest == {
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 7,
        "stop": ["END"],
        "logit_bias": {"1734": -100},
    }


@pytest.mark.parametrize(
    ("format", "put"),
    [
        ("json_schema_flat", {"type": "json_schema", "schema": SCHEMA}),
        ("json_object", {"type": "json_object"}),
        ("text", None),
    ],
)
def test_the_lower_rungs_say_less(format: str, put: Any) -> None:
    assert RequestFormat(Profile(format=format)).body(request()).get("response_format") == put  # type: ignore[arg-type]


def test_fields_of_the_user_go_out_as_they_are_and_win() -> None:
    extra = {"top_k": 20, "temperature": 0.1, "max_completion_tokens": 9, "model": "another", "messages": []}
    body = RequestFormat(Profile()).body(request(temperature=0.7, max_output_tokens=50, extra_body=extra))
    assert (body["top_k"], body["temperature"], body["max_completion_tokens"]) == (20, 0.1, 9)
    assert "max_tokens" not in body
    assert (body["model"], body["messages"]) == ("gpt-4o", list(MESSAGES))


# Stepping down


@pytest.mark.parametrize("says", [unsupported, gemini, fastapi, vllm, words])
@pytest.mark.parametrize("field", ["temperature", "top_p", "seed", "stop", "logit_bias"])
def test_a_refused_field_is_left_out_however_the_server_puts_it(says: Any, field: str) -> None:
    dialect = RequestFormat(Profile())
    assert told(dialect, request(), says(field), status=422 if says is fastapi else 400)
    assert field not in dialect.body(request())
    assert dialect.form == RequestForm("json_schema", "max_tokens", (field,)), "and nothing else has changed"
    assert not told(dialect, request(), says(field)), "what was not sent cannot be left out"


@pytest.mark.parametrize("says", [unsupported, gemini, fastapi, vllm, words])
def test_the_limit_goes_by_its_other_name_and_back_no_more(says: Any) -> None:
    dialect = RequestFormat(Profile())
    assert told(dialect, request(), says("max_tokens"))
    assert dialect.body(request())["max_completion_tokens"] == 50
    assert "max_tokens" not in dialect.body(request())
    assert not told(dialect, request(), says("max_completion_tokens"))


def test_openais_advice_to_use_the_other_name_is_understood() -> None:
    message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    for body in ({"error": {"message": message, "param": "max_tokens"}}, message):
        dialect = RequestFormat(Profile())
        assert told(dialect, request(), body)
        assert dialect.form.limit == "max_completion_tokens"


def test_a_limit_that_is_too_large_is_no_reason_for_another_name() -> None:
    message = "max_tokens is too large: 200000. This model supports at most 16384 completion tokens."
    assert not told(RequestFormat(Profile()), request(), {"error": {"message": message, "param": "max_tokens"}})


@pytest.mark.parametrize(
    "message",
    [
        "Invalid value: 'json_schema'. Supported values are: 'json_object' and 'text'.",
        "response_format of type 'json_schema' is not supported",
        "This response format is unavailable now",
        "'response_format.type' must be 'json_object' or 'text'",
        "Failed to parse grammar",
    ],
)
def test_the_format_steps_down_one_rung_at_a_time(message: str) -> None:
    dialect = RequestFormat(Profile())
    for rung in ("json_schema_flat", "json_object", "text"):
        assert told(dialect, request(), {"error": {"message": message}})
        assert dialect.form.format == rung
    assert not told(dialect, request(), {"error": {"message": message}})


def test_a_field_inside_the_format_is_the_format() -> None:
    dialect = RequestFormat(Profile())
    assert told(dialect, request(), {"error": {"message": "Invalid schema.", "param": "response_format.json_schema.schema"}})
    assert dialect.form.format == "json_schema_flat"


def test_several_fields_in_one_refusal_go_at_once() -> None:
    dialect = RequestFormat(Profile())
    body = gemini("seed")
    body[0]["error"]["message"] += (
        '\nUnknown name "logit_bias": Cannot find field.\nUnknown name "max_tokens": Cannot find field.'
    )
    assert told(dialect, request(), body)
    assert dialect.form == RequestForm("json_schema", "max_completion_tokens", ("logit_bias", "seed"))


def test_a_late_refusal_of_the_first_rung_does_not_bring_back_the_second() -> None:
    dialect = RequestFormat(Profile())
    old = dialect.form
    for _ in range(2):
        assert told(dialect, request(), unsupported("response_format"))
    assert steps_down(dialect, old, request(), unsupported("response_format")), "it goes again"
    assert dialect.form.format == "json_object"


def test_late_refusals_of_an_old_form_send_their_calls_again_and_change_nothing() -> None:
    dialect = RequestFormat(Profile())
    old = dialect.form
    for field in ("response_format", "max_tokens", "seed"):
        assert steps_down(dialect, old, request(), unsupported(field))
    new = dialect.form
    for field in ("response_format", "max_tokens", "seed"):
        assert steps_down(dialect, old, request(), unsupported(field))
    assert dialect.form == new == RequestForm("json_schema_flat", "max_completion_tokens", ("seed",))


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "'messages' is too short", "param": "messages"}},
        {"error": {"message": "The passage says: plant the seed at room temperature and stop."}},
        {"error": {"message": "maximum context length is 8192 tokens, max_tokens is 50", "code": "context_length_exceeded"}},
        {"error": {"message": "temperature of this prompt is filtered", "code": "content_filter", "param": "temperature"}},
        {"detail": [{"loc": ["body", "messages", 0], "msg": "bad", "input": {"seed": 7, "response_format": "x"}}]},
    ],
)
def test_an_error_of_the_request_itself_changes_no_form(body: Any) -> None:
    dialect = RequestFormat(Profile(), RequestForm("json_schema", "max_tokens"))
    assert not told(dialect, request(), body)
    assert dialect.form == RequestForm("json_schema", "max_tokens")


def test_a_field_of_the_user_is_never_left_out() -> None:
    asked = request(temperature=0.7, extra_body={"top_k": 20, "response_format": {"type": "xml"}})
    dialect = RequestFormat(Profile())
    assert not told(dialect, asked, unsupported("top_k"))
    assert not told(dialect, asked, unsupported("response_format"))
    assert dialect.body(asked)["top_k"] == 20


# Refusals that give no reason


def test_a_refusal_without_a_reason_is_first_taken_for_one_of_the_format() -> None:
    dialect = RequestFormat(Profile())
    for _ in range(2):
        assert told(dialect, request(), gemini_shrug())
    assert dialect.form.format == "json_object"
    dialect.worked(dialect.form)
    assert not told(dialect, request(), gemini_shrug()), "the endpoint has answered, so it is the request that is wrong"
    assert dialect.form.format == "json_object"


def test_when_plain_text_is_refused_too_the_format_was_not_it() -> None:
    dialect = RequestFormat(Profile())
    assert [told(dialect, request(), gemini_shrug()) for _ in range(4)] == [True, True, True, False]
    assert dialect.form.format == "json_schema"
    assert not told(dialect, request(), gemini_shrug())


def test_an_answer_to_another_request_in_the_first_form_ends_the_guessing() -> None:
    dialect = RequestFormat(Profile())
    first = dialect.form
    assert told(dialect, request(), gemini_shrug())
    dialect.worked(first)
    assert dialect.form == first


def gemini_shrug() -> list[Any]:
    return [{"error": {"code": 400, "message": "Request contains an invalid argument.", "status": "INVALID_ARGUMENT"}}]


# What is remembered and told


def test_the_form_that_works_is_remembered_once() -> None:
    kept: list[RequestForm] = []
    dialect = RequestFormat(Profile(), remember=kept.append)
    told(dialect, request(), unsupported("seed"))
    for _ in range(3):
        dialect.worked(dialect.form)
    assert kept == [RequestForm("json_schema", "max_tokens", ("seed",))]
    again = RequestFormat(Profile(), kept[0], remember=kept.append)
    again.worked(again.form)
    assert len(kept) == 1
    assert "seed" not in again.body(request())


def test_a_form_survives_json_and_a_store_of_another_version_gives_none() -> None:
    form = RequestForm("json_object", "max_tokens", ("seed", "stop"))
    assert RequestForm.from_dict(json.loads(json.dumps(form.to_dict()))) == form
    for strange in (None, {}, "json_object", {"format": "xml", "limit": "max_tokens", "without": []}, {"format": "text"}):
        assert RequestForm.from_dict(strange) is None


def test_a_setting_that_is_left_out_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    dialect = RequestFormat(Profile())
    with caplog.at_level(logging.WARNING, "synthgen"):
        told(dialect, request(), unsupported("temperature"))
        for _ in range(3):
            dialect.body(request())
    assert caplog.messages == ["temperature is left out of all requests: the endpoint does not take it for the model gpt-4o"]


# Prompt caching

CACHING = Profile(cache="explicit", prompt_cache_key=True)


def test_caching_needs_to_know_where_the_static_part_ends() -> None:
    assert RequestFormat(CACHING).body(request()) == RequestFormat(Profile()).body(request())


def test_equal_prefixes_share_a_cache_key_and_are_spread_over_shards() -> None:
    asked = [make_request("m", "e", (MESSAGES[0], {"role": "user", "content": str(n)}), static=(1, 0)) for n in range(200)]
    dialect = RequestFormat(Profile(prompt_cache_key=True, cache="automatic"))
    assert len({dialect.body(one)["prompt_cache_key"] for one in asked}) == 1
    keys = [dialect.body(one, shards=4)["prompt_cache_key"] for one in asked]
    assert keys == [dialect.body(one, shards=4)["prompt_cache_key"] for one in asked]
    assert len(set(keys)) == 4
    assert min(keys.count(key) for key in set(keys)) > 20
    other = make_request("m", "e", ({"role": "system", "content": "Write about orcs."}, MESSAGES[1]), static=(1, 0))
    assert dialect.body(other)["prompt_cache_key"] != keys[0].split(":")[0] + ":0"


@pytest.mark.parametrize(
    ("static", "system", "user"),
    [
        ((0, 20), ["Write about hobbits.", " Bilbo first."], None),
        ((0, 33), ["Write about hobbits. Bilbo first."], None),
        ((1, 0), ["Write about hobbits. Bilbo first."], None),
        ((1, 8), None, ["The door", " is round."]),
    ],
)
def test_the_breakpoint_stands_where_the_static_part_ends(static: tuple[int, int], system: Any, user: Any) -> None:
    body = RequestFormat(CACHING).body(request(static))
    assert body["prompt_cache_options"] == {"mode": "explicit", "ttl": "30m"}
    for message, texts, original in zip(body["messages"], (system, user), MESSAGES, strict=True):
        if texts is None:
            assert message == original
            continue
        first, *rest = message["content"]
        assert first == {"type": "text", "text": texts[0], "prompt_cache_breakpoint": {"mode": "explicit"}}
        assert rest == [{"type": "text", "text": text} for text in texts[1:]]


@pytest.mark.parametrize("field", ["prompt_cache_options", "prompt_cache_breakpoint"])
def test_explicit_caching_is_left_out_as_a_whole(field: str) -> None:
    dialect = RequestFormat(CACHING)
    assert told(dialect, request((0, 20)), unsupported(field))
    body = dialect.body(request((0, 20)))
    assert body["messages"] == list(MESSAGES)
    assert "prompt_cache_options" not in body
    assert "prompt_cache_key" in body
    assert told(dialect, request((0, 20)), unsupported("prompt_cache_key"))
    assert "prompt_cache_key" not in dialect.body(request((0, 20)))


# Words that are forced or forbidden


def test_a_word_is_biased_in_all_its_forms() -> None:
    from synthgen.text.tokenizer import get_tokenizer

    ids = get_tokenizer("gpt-4o").ids
    expected = {str(ids(form)[0]) for form in ("ring", " ring", "Ring", " Ring")}
    assert token_bias("gpt-4o", {"ring": -100.0}) == dict.fromkeys(expected, -100)
    assert len(expected) == 4


def test_of_a_word_of_several_tokens_the_first_counts() -> None:
    from synthgen.text.tokenizer import get_tokenizer

    first, *rest = get_tokenizer("gpt-4o").ids("Mordorians")
    assert rest
    assert str(first) in token_bias("gpt-4o", {"Mordorians": 5})


def test_words_need_a_known_tokenizer_and_numbers_are_tokens_of_any() -> None:
    assert token_bias("mithril-7b", {"1734": 2.5}) == {"1734": 2.5}
    with pytest.raises(ConfigError, match=r"'ring'.*'mithril-7b' are not known.*token ids"):
        token_bias("mithril-7b", {"ring": -100})
    with pytest.raises(ConfigError, match="not a word"):
        token_bias("gpt-4o", {" ": 1})


# Profiles


@pytest.mark.parametrize(
    ("url", "model", "limit", "cache", "key"),
    [
        ("https://api.openai.com/v1", "gpt-4o-mini", "max_completion_tokens", "automatic", True),
        ("https://api.openai.com/v1", "gpt-5.4", "max_completion_tokens", "automatic", True),
        ("https://api.openai.com/v1", "gpt-5.6-luna", "max_completion_tokens", "explicit", True),
        ("https://eu.api.openai.com/v1", "gpt-6-luna", "max_completion_tokens", "explicit", True),
        ("https://shire.openai.azure.com/openai/v1", "my-deployment", "max_completion_tokens", "automatic", True),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-3", "max_completion_tokens", "automatic", False),
        ("http://localhost:11434/v1", "llama3", "max_tokens", "none", False),
        ("http://127.0.0.1:8000/v1", "gpt-5.6-luna", "max_tokens", "none", False),
        ("https://api.openai.com.example.net/v1", "gpt-6", "max_tokens", "none", False),
    ],
)
def test_a_profile_is_found_by_host_and_model(url: str, model: str, limit: str, cache: str, key: bool) -> None:
    profile = profile_of(url, model)
    assert (profile.limit, profile.cache, profile.prompt_cache_key) == (limit, cache, key)


def test_a_server_of_ones_own_is_known_by_its_port_at_most() -> None:
    assert profile_of("http://localhost:11434/v1", "llama3").name == "Ollama"
    assert profile_of("http://gpu.local:11434/v1", "llama3").refuses == ("logit_bias",)
    assert profile_of("http://localhost:8000/v1", "llama3") == Profile()


# In a fill


def scripted(refused: str) -> Any:
    return lambda logged: Fault("unsupported", param=refused) if refused in logged.body else None


@pytest.fixture
def requests() -> list[Request]:
    return [make_request(r.model, r.endpoint, r.messages, schema=r.schema, sampling={**r.sampling, "seed": 7}) for r in ask(20)]


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        ("temperature", {"max_tokens", "response_format", "seed"}),
        ("max_tokens", {"max_completion_tokens", "temperature", "response_format", "seed"}),
        ("seed", {"max_tokens", "temperature", "response_format"}),
    ],
)
def test_a_field_that_is_refused_costs_no_attempt(
    store: CallStore, requests: list[Request], refused: str, sent: set[str]
) -> None:
    with FakeOpenAI(script=scripted(refused)) as server:
        report = run(server, store, requests)
        assert (report.ok, report.attempts, len(server.log)) == (20, 20, 21)
        assert set(server.log[-1].body) - {"model", "messages"} == sent
        assert set(server.keys) == {r.key for r in requests}


def test_the_next_fill_begins_with_the_form_that_worked(store: CallStore) -> None:
    def script(logged: Logged) -> Fault | None:
        kind = logged.body.get("response_format", {}).get("type")
        return Fault("error", status=400, message=f"response_format of type '{kind}' is not supported") if kind else None

    with FakeOpenAI(script=script) as server:
        assert run(server, store, ask(5)).ok == 5
        formats = [logged.body.get("response_format") for logged in server.log]
        assert [put and put["type"] for put in formats] == ["json_schema", "json_schema", "json_object"] + [None] * 5
        assert run(server, store, ask(9)).ok == 9
        assert [logged.status for logged in server.log[3:]] == [200] * 9


def test_a_field_refused_in_both_its_forms_is_a_failure(store: CallStore) -> None:
    message = "max_tokens and max_completion_tokens are both wrong"
    with FakeOpenAI(script=always(Fault("error", status=400, message=message))) as server:
        assert run(server, store, ask(1)).failed == {"bad_request": 1}
        assert len(server.log) == 2

"""A server repeats the key wherever it can, in any of the common encodings: it is in nothing that is stored or said."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.fills import ask, at
from support.second_provider import Utterances
from support.wire import RawServer, respond

from synthgen.errors import SynthgenError
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import fill
from synthgen.llm.key_mask import KeyMask
from synthgen.llm.providers.batch_files import BatchFiles
from synthgen.llm.providers.openai import attempt_errors
from synthgen.records import Completion, Usage

KEYS = (
    "sk-proj-9f8e7d6c5b4a_Zy-Xw3210fedcba",
    "0123456789abcdef0123456789abcdef",
    "AIzaSyD-9f8e7d6c5b4a3210_fedcba98765432",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmcm9kbyJ9.mR1ng/Of+Power==",
    "nvapi-the-ring-must-not-be-seen",
)
ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda key: quote(key, safe=""),
    "percent of every character": lambda key: "".join(f"%{ord(c):02x}" for c in key),
    "percent twice": lambda key: quote("".join(f"%{ord(c):02X}" for c in key), safe=""),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 as in Basic": lambda key: base64.b64encode(f"frodo:{key}@shire".encode()).decode(),
    "base64 as in Bearer": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "JSON": lambda key: "".join(f"\\u{ord(c):04x}" for c in key),
    "JSON in JSON": lambda key: json.dumps("".join(f"\\u{ord(c):04X}" for c in key)),
    "JSON of PHP": lambda key: key.replace("/", "\\/"),
    "HTML": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "HTML in HTML": lambda key: html.escape("".join(f"&#x{ord(c):x};" for c in key)),
    "hexadecimal": lambda key: key.encode().hex(),
}
PLACES: dict[str, Callable[[str], bytes]] = {
    "the model": lambda said: completion(model=said),
    "the id": lambda said: completion(id=f"chatcmpl-{said}", system_fingerprint=said),
    "the answer": lambda said: completion({"content": f"The ring says {said}."}),
    "the reasoning": lambda said: completion({"content": "", "reasoning_content": f"I was told {said}"}),
    "a tool call": lambda said: completion(
        {"content": None, "tool_calls": [{"function": {"arguments": f'{{"key": "{said}"}}'}}]}
    ),
    "the refusal": lambda said: completion({"content": None, "refusal": f"I will not use {said}"}),
    "the finish reason": lambda said: completion(finish_reason=said),
    "the headers": lambda said: respond({"error": {"message": "no"}}, 500, {"x-request-id": said, "retry-after": said}),
    "a redirect": lambda said: respond("", 307, {"location": f"https://mordor.example/v1?key={said}"}),
    "the reason phrase": lambda said: respond("", 400).replace(b"Told", said.encode()),
    "an error": lambda said: respond({"error": {"message": f"What is Bearer {said}?", "code": said, "param": said}}, 400),
    "the name of a field": lambda said: respond({"error": {said: "is wrong", "message": {said: said}}}, 400),
    "the text of an error": lambda said: respond(f"{'no ' * 160}{said}".encode(), 400),
    "an error in a success": lambda said: respond({"error": {"message": f"{said} is busy", "code": 503}}),
    "a page, where its title is cut": lambda said: respond(f"<html><title>{'x' * 95} {said}</title>".encode()),
    "a text, where it is cut": lambda said: respond(f"{'x' * 95}{said} and more".encode()),
    "JSON without choices, where it is cut": lambda said: respond({"object": "x" * 75, "key": said}),
    "JSON that breaks off": lambda said: respond(f'{{"key": "{said}", "choices": ['.encode()),
    "an error in UTF-16": lambda said: respond(json.dumps({"detail": f"What is {said}?"}).encode("utf-16"), 400),
}


def completion(message: dict[str, Any] | None = None, **fields: Any) -> bytes:
    choice = {"message": message or {"content": "{}"}, "finish_reason": fields.pop("finish_reason", "stop")}
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    return respond({"choices": [choice], "model": "fake-model", "usage": usage} | fields)


def traces(key: str) -> Iterator[str]:
    """The key and its encodings, and the half of each that would be left where a text was cut before it was masked."""
    for encode in ENCODINGS.values():
        text = encode(key)
        yield from (text[: max(8, len(text) // 3)], text[-max(8, len(text) // 3) :])


def stored_and_said(response: bytes, store: CallStore, key: str) -> str:
    """Everything that is left of a call that gets `response`."""
    with RawServer(response) as server:
        try:
            endpoint = at(base_url=server.base_url, max_attempts=1, api_key_env="OPENAI_API_KEY")
            said = repr(run_async(fill(ask(1), store, endpoint)))
        except SynthgenError as error:
            said = str(error)
    rows = [
        store.execute(f"SELECT * FROM {table}")
        for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    return said + repr(rows)


@pytest.mark.parametrize(
    ("place", "key", "encoding"),
    [
        *((place, KEYS[0], "plain") for place in PLACES),
        *((place, KEYS[0], encoding) for place in ("the model", "a text, where it is cut") for encoding in ENCODINGS),
        *((place, key, "base64 as in Basic") for place in ("the answer", "an error") for key in KEYS[1:]),
    ],
)
def test_the_key_is_in_nothing_that_is_stored_or_said(
    place: str, key: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with CallStore(tmp_path / "calls.sqlite") as store:
        left = stored_and_said(PLACES[place](ENCODINGS[encoding](key)), store, key)
    assert not [trace for trace in traces(key) if trace in left], left


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_of_a_key_is_found_and_the_text_around_it_stays(key: str, encoding: str) -> None:
    said = ENCODINGS[encoding](key)
    masked = KeyMask(key).text(f"Frodo asks: {said}, and Sam agrees.")
    assert masked.startswith("Frodo asks: ")
    assert masked.endswith(", and Sam agrees.")
    assert not [trace for trace in traces(key) if trace in masked]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("ollama", "ollama serve starts a server"),
        ("EMPTY", "The list is EMPTY."),
        ("lm-studio", "lm-studio listens on port 1234"),
        ("test", "The test of a 100%25 &#39;test&#39;"),
        ("1234", "It has 1234 rows."),
        ("", "anything, \\u0061nything"),
        (KEYS[0], "Keys begin with sk-proj- and have 40 characters."),
        (KEYS[0], "50%25 of \\u0027this\\u0027 is escaped & it stays &#39;so&#39;, as https:\\/\\/shire.example does"),
        (KEYS[1], "0123456789abcdef is a half of it"),
    ],
)
def test_what_is_no_key_stays(key: str, text: str) -> None:
    assert KeyMask(key).text(text) == text
    assert KeyMask(key).content(text.encode()) == text.encode()


@pytest.mark.parametrize("text", ['{"a": "\\nvapi-the-ring-must-not-be-seen"}', '{"a": ["\\ud83e", 1.5, null, "%s"]}'])
def test_json_stays_json(text: str) -> None:
    key = KEYS[4]
    masked = json.loads(KeyMask(key).content(text.replace("%s", key).encode()))
    assert masked == json.loads(text.replace("%s", "***"))


def test_what_a_provider_of_ones_own_returns_is_masked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = KEYS[0]
    endpoint = Endpoint(Utterances(), at().settings)
    monkeypatch.setenv(endpoint.key_env, key)
    said = Completion("k", f"text {key}", f"stop {key}", f"no {key}", Usage(5, output=2), f"model {key}")
    masked = endpoint.masked(said)
    assert masked == Completion("k", "text ***", "stop ***", "no ***", Usage(5, output=2), "model ***")
    fine = Completion("k", "text", "stop", None, Usage(5, output=2), "model")
    assert endpoint.masked(fine) is fine


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lines_of_batches_are_masked(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEYS[0])
    endpoint, said = at(), ENCODINGS[encoding](KEYS[0])
    api = BatchFiles(None, endpoint, "fake-model", lambda request: {}, attempt_errors)
    body = {"choices": [{"message": {"content": said}, "finish_reason": said}], "model": said, "usage": None}
    for response, error in [
        ({"status_code": 200, "body": body}, None),
        ({"status_code": 400, "body": {"error": {"message": f"{'x' * 495}{said}", "code": said}}}, None),
        (None, {"code": said, "message": said}),
    ]:
        line = api.read(json.dumps({"custom_id": "k", "response": response, "error": error}).encode())
        assert not [trace for trace in traces(KEYS[0]) if trace in repr(line)], line

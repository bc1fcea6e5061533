"""Keys and addresses as people paste them: what cannot be one is said before anything is sent, without repeating the key."""

from __future__ import annotations

import time

import pytest
from support.fills import KEY, ask, at, endpoint_for
from support.wire import RawServer, answer

from synthgen.errors import ConfigError, ModelError
from synthgen.llm.call_store import CallStore
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import fill
from synthgen.testing import FakeOpenAI


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (f"{KEY[:9]}\n{KEY[9:]}", "a line end"),
        (f"{KEY[:9]}\r\n{KEY[9:]}", "a line end"),
        (f"{KEY}\n{KEY}", "a line end"),
        (f"{KEY[:9]}\t{KEY[9:]}", "a tab"),
        (f"{KEY[:9]} {KEY[9:]}", "a space"),
        (f"{KEY[:9]}\x00{KEY[9:]}", r"U\+0000"),
        (f"{KEY[:9]}\x1b[0m{KEY[9:]}", r"U\+001B"),
        (f"{KEY[:9]}\u200b{KEY[9:]}", r"U\+200B"),
        (f"\ufeff{KEY}", r"U\+FEFF"),
        (f"{KEY}\u00a0{KEY}", r"U\+00A0"),
        (f"{KEY[:9]}…", r"U\+2026"),
        ("schlüssel", r"U\+00FC"),
        (f'"{KEY}"', "quotation marks"),
        (f"'{KEY}'", "quotation marks"),
        (f"Bearer {KEY}", "the word Bearer"),
        (f"bearer {KEY}\n", "the word Bearer"),
        (f"OPENAI_API_KEY = {KEY}", "a space"),
    ],
)
@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "RING_KEY"])
def test_a_key_that_cannot_be_one_is_said_before_anything_is_sent(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, key: str, told: str, variable: str
) -> None:
    monkeypatch.setattr("os.environ", {variable: key})  # the real one takes no NUL
    started = time.monotonic()
    with FakeOpenAI() as server:
        endpoint = endpoint_for(server, api_key_env=variable)
        for attempt in (lambda: endpoint.check("fake-model"), lambda: run_async(fill(ask(1), store, endpoint))):
            with pytest.raises(ModelError, match=rf"The key in {variable} .*{told}.*Copy it again") as caught:
                attempt()
            assert KEY[:9] not in str(caught.value)
        assert not server.log
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("key", [KEY, f"{KEY}\n", f"{KEY}\r\n", f"  {KEY}\t", f"\n{KEY}", "a+b/c=:;,~!$%&"])
def test_white_space_around_a_key_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch, key: str, store: CallStore) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with FakeOpenAI(api_key=key.strip()) as server:
        assert run_async(fill(ask(1), store, endpoint_for(server))).ok == 1
        assert server.log[0].authorization == f"Bearer {key.strip()}"


@pytest.mark.parametrize("around", ["{} ", "{}\n", " {}", "\t{}/\r\n", "{}/"])
@pytest.mark.parametrize("from_environment", [False, True])
def test_white_space_around_an_address_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, store: CallStore, around: str, from_environment: bool
) -> None:
    with FakeOpenAI() as server:
        url = around.format(server.base_url)
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        endpoint = at() if from_environment else at(base_url=url)
        assert endpoint.id == server.base_url
        assert run_async(fill(ask(1), store, endpoint)).ok == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000 /v1",
        "http://127.0.0.1:8000/v1\nx",
        "http://local host/v1",
        "http://a.b/v1\u200b",
        '"http://a.b/v1"',
    ],
)
def test_an_address_with_something_unseen_in_it_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match="is not a web address"):
        at(base_url=url).check("fake-model")


def test_a_header_of_the_environment_with_a_line_end_is_said(monkeypatch: pytest.MonkeyPatch, store: CallStore) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-shire\nx")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match=r"header openai-organization has a line end"):
        run_async(fill(ask(1), store, at(base_url="https://api.openai.com/v1")))


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"HTTP_PROXY": "http://127.0.0.1:9"}, r"the proxy http://127\.0\.0\.1:9, which HTTP_PROXY names"),
        ({"http_proxy": "http://127.0.0.1:9"}, r"the proxy http://127\.0\.0\.1:9, which http_proxy names"),
        ({"ALL_PROXY": "127.0.0.1:9"}, r"the proxy http://127\.0\.0\.1:9, which ALL_PROXY names"),
        ({"all_proxy": "http://127.0.0.1:9"}, "which all_proxy names"),
        ({"HTTP_PROXY": "http://frodo:baggins@127.0.0.1:9"}, r"the proxy http://\*\*\*@127\.0\.0\.1:9, which HTTP_PROXY names"),
        ({"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://10.0.0.1:1"}, "which HTTP_PROXY names"),
    ],
)
def test_a_connection_that_fails_names_the_proxy(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelError, match=rf"Nothing answers at http://192\.0\.2\.7/v1 .*{named}: NO_PROXY=192.0.2.7") as caught:
        run_async(fill(ask(3), store, at(base_url="http://192.0.2.7/v1", api_key_env=_key(monkeypatch))))
    assert "baggins" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HTTPS_PROXY": "http://127.0.0.1:9"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"},
        {"HTTP_PROXY": ""},
    ],
)
def test_a_proxy_that_is_not_used_is_not_named(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with RawServer(answer()) as server:
        gone = server.base_url
    with pytest.raises(ModelError, match="Nothing answers") as caught:
        run_async(fill(ask(3), store, at(base_url=gone)))
    assert "proxy" not in str(caught.value)


def _key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RING_KEY", KEY)
    return "RING_KEY"

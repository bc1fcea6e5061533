"""The HTTP client, over real sockets: what is sent where, what is read, and what its errors mean."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
import ssl
import subprocess
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from support.fills import KEY, ask, at
from support.wire import RawServer, answer, respond

from synthgen.errors import ConfigError, ModelError
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.base import ProviderResponse
from synthgen.llm.providers.batch_files import BatchFiles
from synthgen.llm.providers.http_client import http_client, proxy_of
from synthgen.llm.providers.openai import attempt_errors, request_headers, sync_client
from synthgen.records import make_request

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def calls(base_url: str, count: int = 1, *, pause_s: float = 0.0, **settings: Any) -> list[ProviderResponse | Failure]:
    """What `count` calls over one connection lead to, one after the other."""

    async def main() -> list[ProviderResponse | Failure]:
        found: list[ProviderResponse | Failure] = []
        async with at(base_url=base_url, **settings).connect() as connection:
            for request in ask(count):
                try:
                    found.append(await connection.complete(request))
                except AttemptError as error:
                    found.append(error.failure)
                await asyncio.sleep(pause_s)
        return found

    return asyncio.run(main())


def fields_of(head: str) -> dict[str, str]:
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)}


def texts(found: list[ProviderResponse | Failure]) -> list[str]:
    return [one.completion.text if isinstance(one, ProviderResponse) else one.detail for one in found]


# What is sent


def test_the_headers_are_those_of_the_sdk_without_what_it_tells_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import openai

    for name, value in {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-shire", "OPENAI_PROJECT_ID": "proj-ring"}.items():
        monkeypatch.setenv(name, value)
    with RawServer(answer()) as server:
        calls(server.base_url)
    fields = fields_of(server.heads[0])
    assert fields.pop("accept-encoding").startswith("gzip, deflate")
    assert fields == {
        "host": server.base_url.split("/")[2],
        "authorization": f"Bearer {KEY}",
        "accept": "application/json",
        "content-type": "application/json",
        "content-length": str(len(server.bodies[0])),
        "user-agent": f"AsyncOpenAI/Python {openai.__version__}",
        "x-client-request-id": ask(1)[0].key,
    }


def test_credentials_of_netrc_do_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login frodo password baggins\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with RawServer(answer()) as server:
        assert texts(calls(server.base_url)) == ['{"items": []}']
    assert fields_of(server.heads[0])["authorization"] == f"Bearer {KEY}"


def test_cookies_are_not_kept() -> None:
    with RawServer(respond({}, 500, {"set-cookie": "ring=found; Path=/"})) as server:
        calls(server.base_url, 2)
    assert ["cookie" in fields_of(head) for head in server.heads] == [False, False]


def test_half_a_character_is_sent_as_a_question_mark() -> None:
    async def main() -> None:
        async with at(base_url=server.base_url).connect() as connection:
            await connection.complete(make_request("fake-model", "e", ({"role": "user", "content": "a ring \ud83d"},)))

    with RawServer(answer()) as server:
        asyncio.run(main())
    assert json.loads(server.bodies[0])["messages"][0]["content"] == "a ring ?"


# Proxies


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://api.shire.example/v1", None),
        ({"HTTP_PROXY": "http://gate:3128"}, "http://api.shire.example/v1", "http://gate:3128"),
        ({"http_proxy": "http://gate:3128"}, "http://api.shire.example/v1", "http://gate:3128"),
        ({"HTTP_PROXY": "http://gate:3128"}, "https://api.shire.example/v1", None),
        ({"HTTPS_PROXY": "gate:3128"}, "https://api.shire.example/v1", "http://gate:3128"),
        ({"HTTPS_PROXY": ""}, "https://api.shire.example/v1", None),
        ({"ALL_PROXY": "https://gate"}, "https://api.shire.example/v1", "https://gate"),
        ({"ALL_PROXY": "http://gate", "NO_PROXY": "mordor,shire.example"}, "https://api.shire.example/v1", None),
        ({"ALL_PROXY": "http://gate", "NO_PROXY": "api.shire.example:443"}, "http://api.shire.example:80/v1", "http://gate"),
        ({"ALL_PROXY": "http://gate", "NO_PROXY": "127.0.0.1"}, "http://127.0.0.1:8000/v1", None),
        ({"ALL_PROXY": "http://gate", "NO_PROXY": "*"}, "http://127.0.0.1:8000/v1", None),
        ({"HTTPS_PROXY": "socks5://gate"}, "http://api.shire.example/v1", None),
    ],
)
def test_the_proxy_is_the_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy


def test_a_proxy_of_another_kind_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ALL_PROXY", "socks5://frodo:baggins@gate")
    with pytest.raises(ConfigError, match="socks5://.*NO_PROXY") as caught:
        calls("http://api.shire.example/v1")
    assert "baggins" not in str(caught.value)


def test_calls_go_through_the_proxy_with_its_own_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with RawServer(answer()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.replace("://", "://frodo:baggins@").removesuffix("/v1"))
        assert texts(calls("http://api.shire.example/v1")) == ['{"items": []}']
    (head,) = proxy.heads
    assert head.startswith("POST http://api.shire.example/v1/chat/completions HTTP/1.1")
    assert fields_of(head)["proxy-authorization"] == "Basic ZnJvZG86YmFnZ2lucw=="
    assert fields_of(head)["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_makes_no_connection_has_seen_neither_key_nor_prompt(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with RawServer(respond("no way", status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base_url.removesuffix("/v1"))
        (failure,) = calls("https://api.shire.example/v1")
    assert isinstance(failure, Failure)
    assert (failure.scope, failure.reason, failure.no_contact, failure.unbilled) == ("attempt", "connection", True, True)
    assert str(status) in failure.detail
    assert proxy.heads[0].startswith("CONNECT api.shire.example:443")
    assert KEY not in proxy.heads[0]
    assert proxy.bodies == [b""]


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{port}/v1/chat/completions", "https://mordor.example/v1", "//mordor.example/"]
)
def test_a_prompt_is_not_taken_to_another_server(status: int, to: str) -> None:
    with RawServer(answer()) as other, RawServer(respond("", status, {"location": to.format(port=other.port)})) as server:
        (failure,) = calls(server.base_url)
    assert isinstance(failure, Failure)
    assert (failure.scope, failure.reason) == ("run", "endpoint")
    assert failure.detail == f"{status}: it redirects to {to.format(port=other.port)}"
    assert other.heads == []
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    "to", ["/v2/chat/completions", "completions?version=2", "/v1/chat/completions", "", "http://[", "mailto:frodo", "#ring"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_server_is_not_followed_either(status: int, to: str) -> None:
    with RawServer(respond("", status, {"location": to}), answer()) as server:
        (failure,) = calls(server.base_url)
    assert isinstance(failure, Failure)
    assert (failure.scope, failure.reason, failure.detail) == ("run", "endpoint", f"{status}: it redirects to {to}")
    assert len(server.heads) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["/v1/elsewhere", "http://127.0.0.1:{port}/v1/files"])
def test_files_and_batches_are_not_taken_to_another_place(tmp_path: Path, status: int, path: str) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text("{}")
    with RawServer(respond({"id": "f"})) as other:
        to = path.format(port=other.port)
        response = respond("", status, {"location": to, "set-cookie": "ring=found; Path=/"})
        with RawServer(response) as server, sync_client(endpoint := at(base_url=server.base_url)) as client:
            api = BatchFiles(client, endpoint, "fake-model", lambda request: {}, attempt_errors)
            with pytest.raises(ModelError, match=re.escape(f"it redirects to {to}")):
                api.upload(lines, "l")
            with pytest.raises(ModelError, match=re.escape(f"it redirects to {to}")):
                api.create("f", lines, {"synthgen": "s"})
    assert other.heads == []
    assert len(server.heads) == 2
    assert ["cookie" in fields_of(head) for head in server.heads] == [False, False]


# Organization and project


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://api.openai.com.mordor.example/v1", False),
        ("https://mordor.example/api.openai.com/v1", False),
        ("https://notopenai.com/v1", False),
        ("https://openrouter.ai/api/v1", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
@pytest.mark.parametrize("variable", [True, False])
def test_organization_and_project_go_to_openai_alone(
    monkeypatch: pytest.MonkeyPatch, url: str, sent: bool, variable: bool
) -> None:
    names = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-shire", "OPENAI_PROJECT_ID": "proj-ring", "OPENAI_BASE_URL": url}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    endpoint = at() if variable else at(base_url=url)
    assert endpoint.url == url
    ours = {name.lower() for name in asyncio.run(request_headers(endpoint))}
    with sync_client(endpoint) as client:
        theirs = {name.lower() for name, value in client.default_headers.items() if isinstance(value, str)}
    for headers in (ours, theirs):
        assert ({"openai-organization", "openai-project"} <= headers) is sent
        assert bool({"openai-organization", "openai-project"} & headers) is sent


# Certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate and the key of a server at 127.0.0.1 that nobody has signed, under its hash, too."""
    folder = tmp_path_factory.mktemp("tls")
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2"]
    names = ["-subj", "/CN=shire", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *names], cwd=folder, check=True, capture_output=True)
    asked = ["openssl", "x509", "-hash", "-noout", "-in", "cert"]
    code = subprocess.run(asked, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    shutil.copy(folder / "cert", folder / f"{code}.0")
    return folder


@pytest.mark.parametrize(
    ("variable", "file", "trusted"), [("", "", False), ("SSL_CERT_FILE", "cert", True), ("SSL_CERT_DIR", ".", True)]
)
def test_certificates_are_checked_against_those_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, certificate: Path, variable: str, file: str, trusted: bool
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(certificate / file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate / "cert", certificate / "key")
    with RawServer(answer(), tls=tls) as server:
        (found,) = calls(server.base_url)
    assert isinstance(found, ProviderResponse if trusted else Failure)
    if isinstance(found, Failure):
        assert (found.reason, found.no_contact, found.unbilled) == ("connection", True, True)
        assert "certificate verify failed" in found.detail


# What is read


def packed(encoding: str, content: bytes) -> bytes:
    return {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[encoding](content)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_an_answer_may_be_packed(encoding: str) -> None:
    content = packed(encoding, answer().split(b"\r\n\r\n", 1)[1])
    with RawServer(respond(content, headers={"content-encoding": encoding})) as server:
        assert texts(calls(server.base_url)) == ['{"items": []}']


def test_an_answer_may_come_in_chunks_and_after_an_interim_one() -> None:
    content = answer().split(b"\r\n\r\n", 1)[1]
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    sent = head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (content[:9], content[9:])) + b"0\r\n\r\n"
    with RawServer(sent) as server:
        assert texts(calls(server.base_url, 2)) == ['{"items": []}'] * 2


@pytest.mark.parametrize("encoding", ["gzip", "rot13"])
def test_an_answer_in_an_encoding_that_is_wrong_or_unknown_fails_the_attempt(encoding: str) -> None:
    with RawServer(respond(b"\xff\x00garbage", headers={"content-encoding": encoding})) as server:
        (failure,) = calls(server.base_url)
    assert isinstance(failure, Failure)
    assert (failure.scope, failure.unbilled, failure.no_contact) == ("attempt", False, False)


def chunked(part: bytes, times: int, status: int = 200, headers: str = "") -> bytes:
    """A response without a length."""
    head = f"HTTP/1.1 {status} Told\r\ntransfer-encoding: chunked\r\n{headers}\r\n".encode()
    return head + (b"%x\r\n%b\r\n" % (len(part), part)) * times + b"0\r\n\r\n"


BLANK = b" " * 100_000
BOMB = gzip.compress(BLANK * 500)
TOO_LARGE = {
    "with a length": respond(BLANK * 20),
    "without a length": chunked(BLANK, 20),
    "a gzip bomb": respond(BOMB, headers={"content-encoding": "gzip"}),
    "a gzip bomb in chunks": chunked(BOMB, 1, headers="content-encoding: gzip\r\n"),
    "a bomb in a bomb": respond(gzip.compress(gzip.compress(BLANK * 5_000)), headers={"content-encoding": "gzip, gzip"}),
    "a deflate bomb": respond(zlib.compress(BLANK * 500), headers={"content-encoding": "deflate"}),
    "many members of gzip": respond(gzip.compress(BLANK) * 30, headers={"content-encoding": "x-gzip"}),
}


@pytest.mark.parametrize("response", TOO_LARGE)
def test_a_response_is_read_up_to_the_limit(response: str) -> None:
    with RawServer(TOO_LARGE[response], hang_up=True) as server:
        (failure,) = calls(server.base_url, max_response_mb=1)
    assert isinstance(failure, Failure)
    assert (failure.scope, failure.reason, failure.ends_after) == ("attempt", "server_error", 3)
    assert "more than 1 MB, the limit of llm.max_response_mb" in failure.detail


@pytest.mark.parametrize(("status", "reason"), [(429, "rate_limited"), (401, "key"), (500, "server_error")])
def test_a_refusal_without_end_is_a_refusal(status: int, reason: str) -> None:
    with RawServer(chunked(b"no " * 100_000, 10, status), hang_up=True) as server:
        (failure,) = calls(server.base_url, max_response_mb=1)
    assert isinstance(failure, Failure)
    assert failure.reason == reason


def test_an_endless_body_and_a_bomb_take_no_more_memory_than_the_limit() -> None:
    tracemalloc.start()
    for response in ("without a length", "a gzip bomb", "a bomb in a bomb"):
        with RawServer(TOO_LARGE[response], hang_up=True) as server:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            calls(server.base_url, max_response_mb=1)
            assert tracemalloc.get_traced_memory()[1] - before < 12_000_000
    tracemalloc.stop()


def test_an_answer_below_the_limit_is_read_whole() -> None:
    with RawServer(answer("x" * 900_000)) as server:
        assert len(texts(calls(server.base_url, max_response_mb=1))[0]) == 900_000


@pytest.mark.parametrize("packed", [BOMB[:-9], zlib.compress(BLANK)[2:-4] + b"x", zlib.compress(b"{}")[:-1]])
def test_packed_content_that_breaks_off_or_is_junk_is_a_failed_attempt(packed: bytes) -> None:
    encoding = "gzip" if packed[:2] == BOMB[:2] else "deflate"
    with RawServer(respond(packed, headers={"content-encoding": encoding})) as server:
        (failure,) = calls(server.base_url, max_response_mb=100)
    assert isinstance(failure, Failure)
    assert failure.scope == "attempt"


# Connections


def test_one_connection_serves_many_calls() -> None:
    with RawServer(answer()) as server:
        calls(server.base_url, 5)
    assert (len(server.bodies), server.connections) == (5, 1)


def test_a_connection_that_was_closed_while_idle_costs_no_attempt() -> None:
    with RawServer(answer(), hang_up=True) as server:
        assert texts(calls(server.base_url, 4, pause_s=0.05)) == ['{"items": []}'] * 4
    assert (len(server.bodies), server.connections) == (4, 4)


def test_a_name_may_stand_for_two_kinds_of_address() -> None:
    with RawServer(answer()) as server:
        assert texts(calls(server.base_url.replace("127.0.0.1", "localhost"))) == ['{"items": []}']


def test_a_connection_that_takes_too_long_is_no_contact_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("aiohttp.TCPConnector._create_connection", silence)
    started = time.monotonic()
    (failure,) = calls("http://127.0.0.1:9/v1", connect_timeout_s=0.2)
    assert time.monotonic() - started < 30
    assert failure == Failure("attempt", "connection", "no connection within 0.2 s", unbilled=True, no_contact=True, away=True)


def test_it_tells_when_an_answer_begins() -> None:
    events: list[str] = []

    async def main() -> None:
        async with http_client(server.base_url, {}, 5.0) as client:
            waiting = asyncio.create_task(client.post(b"{}", {}, lambda: events.append("began")))
            while not events:
                await asyncio.sleep(0.01)
            assert not waiting.done()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    with RawServer(answer()[:-1]) as server:
        asyncio.run(asyncio.wait_for(main(), 20))
    assert events == ["began"]

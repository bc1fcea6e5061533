"""A fake OpenAI-compatible server on 127.0.0.1, for tests and benchmarks. Standard library only.

Its answers are a pure function of the request: it reads the passage out of the user message, takes its sentences, and writes as
many items as the system message asks for, with the fields of the schema. So two runs with the same requests get the same data,
in whatever order they arrive.

Faults are scripted: a function from a `Logged` request (its body, its digest, which attempt it is) to a `Fault` or None. `mix`
makes such a function from rates; it chooses by the digest, so faults too are the same in every run.

    with FakeOpenAI(latency_s=0.05, script=mix({"rate_limit": 0.05})) as server:
        settings = LLM(base_url=server.base_url)
        ...
        assert server.log[0].status == 429

As a process: `python tests/fake_openai.py --port 0 --latency-ms 50 --log FILE --fault rate_limit=0.05`, which prints its
base URL and serves until it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

__all__ = ["FakeOpenAI", "Fault", "Logged", "Script", "mix"]

Json = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one attempt.

    Of the transport: rate_limit, quota, error (status), reset, slow (never answers), bad_json.
    Of the answer: malformed, truncated, refusal, filtered, think, fenced, no_usage, empty.
    Of a field: unsupported (`param`). `status` and `message` override what the kind implies.
    """

    kind: str
    retry_after: str | None = None
    retry_after_ms: str | None = None
    status: int | None = None
    message: str = ""
    param: str = ""


@dataclass(frozen=True)
class Logged:
    """One request as it arrived. `key` is the client's own name for it, `attempt` counts equal bodies from 1."""

    path: str
    key: str
    digest: str
    attempt: int
    body: Json = field(default_factory=dict)
    status: int = 0
    fault: str = ""
    authorization: str = ""


Script = Callable[[Logged], Fault | None]

_ERRORS = {"rate_limit": 429, "quota": 429, "error": 500, "unsupported": 400}
_PASSAGE = re.compile(r"<<<passage (\w+)>>>\n(?:Section: [^\n]*\n\n)?(.*)\n<<<end \1>>>", re.DOTALL)
_SENTENCE = re.compile(r".*?(?:[.!?](?=\s)|[。！？]|\n|\Z)", re.DOTALL)
_WORD = re.compile(r"\w+")


def mix(rates: Mapping[str, float], *, seed: int = 0) -> Script:
    """Faults at these rates (kind -> share of requests, in all at most 1).

    Faults of the transport happen at the first attempt only; faults of the answer belong to the request and happen always.
    """
    transport = {"rate_limit", "error", "reset", "slow", "bad_json"}

    def script(request: Logged) -> Fault | None:
        draw = int(hashlib.sha256(f"{seed} {request.digest}".encode()).hexdigest()[:12], 16) / 16**12
        for kind, rate in rates.items():
            if draw < rate:
                return Fault(kind) if request.attempt == 1 or kind not in transport else None
            draw -= rate
        return None

    return script


class FakeOpenAI:
    """The server, in a thread of its own between `with` and the end of the block."""

    def __init__(
        self,
        *,
        port: int = 0,
        latency_s: float = 0.0,
        script: Script | None = None,
        api_key: str | None = None,
        models: tuple[str, ...] = ("fake-model",),
        log_file: str | Path | None = None,
    ) -> None:
        self.log: list[Logged] = []
        self.most_in_flight = 0
        self._port = port
        self._latency_s = latency_s
        self._script = script
        self._api_key = api_key
        self._models = models
        self._log_file = Path(log_file).open("a", encoding="utf-8") if log_file else None  # noqa: SIM115 - closed in _serve
        self._attempts: Counter[str] = Counter()
        self._in_flight = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def keys(self) -> list[str]:
        """The client's names of the chat requests, in the order of their arrival."""
        return [logged.key for logged in self.log if logged.path == "/v1/chat/completions"]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake server did not start within 10 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def serve(self, ready: Callable[[str], None] = lambda url: None) -> None:
        """Serve until the block ends, or for ever; `ready` is given the base URL."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._connections: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port, backlog=4096)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        ready(self.base_url)
        await self._stop.wait()
        server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        if self._log_file:
            self._log_file.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                self._in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self._in_flight)
                try:
                    request, answer, extra = self._answer(first.split(" ")[1], headers, raw)
                    self._record(request)
                    await self._delay(request)
                finally:
                    self._in_flight -= 1
                writer.write(_response(request.status, answer, extra))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            writer.transport.abort()

    def _answer(self, path: str, headers: Mapping[str, str], raw: bytes) -> tuple[Logged, Json | bytes, dict[str, str]]:
        """The request with what becomes of it, the body (bytes are sent as they are), and more headers."""
        body = json.loads(raw) if raw else {}
        digest = hashlib.sha256(raw).hexdigest()
        self._attempts[digest] += 1
        request = Logged(path, headers.get("x-client-request-id", ""), digest, self._attempts[digest], body, 200)
        request = replace(request, authorization=headers.get("authorization", ""))
        if self._api_key is not None and request.authorization != f"Bearer {self._api_key}":
            return replace(request, status=401, fault="key"), _error("Incorrect API key provided.", code="invalid_api_key"), {}
        if path == "/v1/models":
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in self._models]
            return request, {"object": "list", "data": listed}, {}
        if path != "/v1/chat/completions":
            return replace(request, status=404, fault="path"), _error(f"Nothing stands at {path}."), {}
        if body.get("model") not in self._models:
            missing = _error(f"The model `{body.get('model')}` does not exist.", code="model_not_found")
            return replace(request, status=404, fault="model"), missing, {}
        return self._chat(request, (self._script and self._script(request)) or Fault(""))

    def _chat(self, request: Logged, fault: Fault) -> tuple[Logged, Json | bytes, dict[str, str]]:
        request = replace(request, fault=fault.kind)
        if fault.kind in _ERRORS:
            wanted = {"retry-after": fault.retry_after, "retry-after-ms": fault.retry_after_ms}
            extra = {name: value for name, value in wanted.items() if value is not None}
            code = "insufficient_quota" if fault.kind == "quota" else None
            message = fault.message or (f"Unsupported parameter: '{fault.param}'." if fault.param else fault.kind)
            answer = _error(message, code=code, param=fault.param or None)
            return replace(request, status=fault.status or _ERRORS[fault.kind]), answer, extra
        if fault.kind == "bad_json":
            return request, b"<html>upstream</html>", {}
        return request, _completion(request, fault.kind), {}

    async def _delay(self, request: Logged) -> None:
        """The latency. Raises ConnectionError to drop the connection without an answer."""
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        if request.fault == "slow":
            await self._stop.wait()
        if request.fault in ("slow", "reset"):
            raise ConnectionResetError

    def _record(self, request: Logged) -> None:
        """On arrival and not when it is answered: a client that is killed meanwhile has still asked."""
        self.log.append(request)
        if self._log_file:
            self._log_file.write(json.dumps(asdict(request), ensure_ascii=False) + "\n")
            self._log_file.flush()


def _completion(request: Logged, fault: str) -> Json:
    body = request.body
    content: str | None = json.dumps({"items": [] if fault == "empty" else _items(body)}, ensure_ascii=False)
    message: Json = {"role": "assistant", "content": content}
    finish = "stop"
    if fault == "malformed":
        message["content"] = "I am sorry, but here is what I found out about it."
    elif fault == "truncated":
        message["content"], finish = content[: len(content) // 2], "length"
    elif fault == "refusal":
        message |= {"content": None, "refusal": "I cannot help with that."}
    elif fault == "filtered":
        message["content"], finish = "", "content_filter"
    elif fault == "think":
        message["content"] = f'<think>Maybe {{"items": []}}? No.</think>\n{content}'
    elif fault == "fenced":
        message["content"] = f"Here you are:\n```json\n{content}\n```\nGood luck!"
    usage = {
        "prompt_tokens": sum(_tokens(part["content"]) for part in body["messages"]),
        "completion_tokens": _tokens(message["content"] or ""),
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return {
        "id": f"chatcmpl-{request.digest[:16]}",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": None if fault == "no_usage" else usage,
    }


def _items(body: Json) -> list[dict[str, str]]:
    """As many items as the system message asks for, from the passage's sentences."""
    system, user = body["messages"][0]["content"], body["messages"][-1]["content"]
    asked = re.search(r"Write (\d+) items?", system)
    found = _PASSAGE.search(user)
    passage = found[2] if found else user
    form = body.get("response_format", {}).get("json_schema", {}).get("schema")
    fields = form["properties"]["items"]["items"]["required"] if form else ["quote", "query", "answer"]
    sentences = [s for match in _SENTENCE.finditer(passage) if len(s := match[0].strip()) > 10] or [
        passage.strip() or "nothing"
    ]
    items = []
    for sentence in sentences[: int(asked[1]) if asked else 1]:
        texts = {"quote": sentence, "query": _query(sentence), "answer": sentence}
        items.append({name: texts.get(name, sentence) for name in fields})
    return items


def _query(sentence: str) -> str:
    """A question with the sentence's longest words, in an order of its own."""
    words = sorted(dict.fromkeys(_WORD.findall(sentence)), key=lambda word: (-len(word), word))[:4]
    return f"What about {' '.join(word[:40] for word in words)}?"


def _tokens(text: str) -> int:
    return len(text.encode()) // 4 + 1


def _error(message: str, *, code: str | None = None, param: str | None = None) -> Json:
    return {"error": {"message": message, "type": "fake_error", "code": code, "param": param}}


def _response(status: int, answer: Json | bytes, extra: Mapping[str, str]) -> bytes:
    content = answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()
    headers = {"content-type": "application/json", "content-length": str(len(content)), **extra}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Fake\r\n{lines}\r\n".encode() + content


def _main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--log", help="append every request to this file, as JSON lines")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="KIND=RATE", help="for example rate_limit=0.05; repeatable"
    )
    parser.add_argument("--seed", type=int, default=0, help="which requests the faults meet")
    parser.add_argument("--model", action="append", help="a model that exists; repeatable; default: fake-model")
    parser.add_argument("--api-key", help="answer 401 to any other key")
    given = parser.parse_args()
    rates = {kind: float(rate) for kind, _, rate in (fault.partition("=") for fault in given.fault)}
    server = FakeOpenAI(
        port=given.port,
        latency_s=given.latency_ms / 1000,
        script=mix(rates, seed=given.seed) if rates else None,
        api_key=given.api_key,
        models=tuple(given.model or ("fake-model",)),
        log_file=given.log,
    )
    asyncio.run(server.serve(ready=_say))


def _say(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()

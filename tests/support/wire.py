"""What tests of the wire share: a server that sends exactly the bytes it is told, and errors as the SDK raises them."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Mapping
from typing import Any, Self

import openai

from synthgen.llm.providers.base import Connection, ProviderResponse, Reformed
from synthgen.llm.providers.openai import http_library
from synthgen.records import Request


def respond(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """An HTTP response; `body` is sent as it is when it is bytes, else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"content-length": str(len(content)), **(headers or {})}.items())
    return f"HTTP/1.1 {status} Told\r\n{lines}\r\n".encode() + content


def answer(content: Any = '{"items": []}', *, finish_reason: str | None = "stop", **usage: Any) -> bytes:
    """A chat completion."""
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10} | usage
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}
    return respond({"choices": [choice], "model": "fake-model", "usage": usage})


class RawServer:
    """Sends `responses` in turn, the last one for ever, and with `hang_up` drops the connection after each.

    `heads` and `bodies` are what was received, over `connections`.
    """

    def __init__(self, *responses: bytes, hang_up: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self._responses = responses
        self._hang_up = hang_up
        self._tls = tls
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")]
                response = self._responses[min(len(self.bodies), len(self._responses) - 1)]
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(sum(lengths)))
                writer.write(response)
                await writer.drain()
                if self._hang_up:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()


def refusal(status: int, body: Any, headers: Mapping[str, str] | None = None) -> openai.APIStatusError:
    """The error that the SDK raises for a response with this body."""
    http = http_library()
    response = http.Response(status, request=http.Request("POST", "http://fake/v1"), headers=dict(headers or {}))
    kind = {400: openai.BadRequestError, 422: openai.UnprocessableEntityError}.get(status, openai.APIStatusError)
    return kind(f"Error code: {status}", response=response, body=body.get("error", body) if isinstance(body, dict) else body)


async def complete(client: Connection, request: Request) -> ProviderResponse:
    """As the fill does it: a request whose form was stepped down goes again."""
    while True:
        try:
            return await client.complete(request)
        except Reformed:
            continue

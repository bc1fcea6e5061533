"""The HTTP side: paths, bodies, keys, delays. The only module that needs aiohttp; it is imported when a server starts.

It uses aiohttp's low-level server without an application, because routing, middlewares and an access log would cost
more than an answer.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from synthgen.testing.checks import WireError
from synthgen.testing.draws import digest_of
from synthgen.testing.log import CHAT, Logged

if TYPE_CHECKING:
    from synthgen.testing.batches import Batches
    from synthgen.testing.chat import Chat, Reply
    from synthgen.testing.files import FileStore, StoredFile
    from synthgen.testing.latency import Latency
    from synthgen.testing.limits import Gate
    from synthgen.testing.log import RecentCounts, RequestLog
    from synthgen.testing.slots import Slots

__all__ = ["Routes", "start", "stop"]

_MAX_BODY = 64 * 1024**2
_PIECE = 256 * 1024
_PAGE = 20
_UNREADABLE = WireError(400, "We could not parse the JSON body of your request. The API expects a JSON payload.")

Json = dict[str, Any]


async def start(routes: Routes, host: str, port: int) -> tuple[web.ServerRunner, int]:
    """Start listening. Returns the runner to stop, and the port. Raises OSError when the port is taken."""

    def create_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=_MAX_BODY)

    # Handlers are cancelled so that a client that disconnects is no longer in flight.
    server = web.Server(routes.handle, request_factory=create_request, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=4096).start()
    return runner, int(runner.addresses[0][1])


async def stop(runner: web.ServerRunner) -> None:
    """Close all connections and stop listening."""
    if runner.server:
        for connection in runner.server.connections:
            if connection.transport:
                connection.transport.abort()
    await runner.cleanup()


class Routes:
    """The handlers of all paths."""

    def __init__(
        self,
        chat: Chat,
        files: FileStore,
        batches: Batches,
        log: RequestLog,
        attempts: RecentCounts,
        *,
        api_key: str | None,
        latency: Latency,
        gate: Gate | None,
        slots: Slots,
        stopping: asyncio.Event,
    ) -> None:
        self._chat = chat
        self._files = files
        self._batches = batches
        self._log = log
        self._attempts = attempts
        self._api_key = api_key
        self._latency = latency
        self._gate = gate
        self._slots = slots
        self._first_at = math.inf
        self._stopping = stopping

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == CHAT and request.method == "POST":
            return await self._completion(request)
        problem = None if self._key_is_right(request) else self._chat.dialect.wrong_key
        answer = problem or await self._other(request)
        if isinstance(answer, web.StreamResponse):
            self._record(request, answer.status)
            return answer
        if isinstance(answer, WireError):
            reply = self._chat.error_reply(answer)
            self._record(request, reply.status, reply.fault)
            return _response(reply)
        self._record(request, 200)
        return web.json_response(answer)

    async def _completion(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived_at = asyncio.get_running_loop().time()
        self._first_at = min(self._first_at, arrived_at)
        raw = await request.read()
        body = _json(raw)
        digest = digest_of(body)
        headers = request.headers
        logged = Logged(
            path=CHAT,
            key=headers.get("X-Client-Request-Id", ""),
            digest=digest,
            attempt=self._attempts.count(digest),
            body=body if isinstance(body, dict) else {},
            authorization=headers.get("Authorization", ""),
            raw=raw,
            at_s=round(arrived_at - self._first_at, 6),
        )
        if not self._key_is_right(request):
            reply = self._chat.error_reply(self._chat.dialect.wrong_key)
        elif not isinstance(body, dict):
            reply = self._chat.error_reply(_UNREADABLE)
        else:
            reply = self._chat.reply(logged, gate=self._gate)
        tokens = reply.tokens.total if reply.tokens else 0
        self._log.add(replace(logged, status=reply.status, fault=reply.fault, tokens=tokens))
        with self._log.flight():
            if reply.tokens is not None:
                await self._slots.compute(lambda: self._latency_s(digest), arrived_at=arrived_at)
            else:
                await self._wait_until(arrived_at + self._latency_s(digest), forever=reply.fault == "slow")
        if reply.body is None and request.transport is not None:
            request.transport.abort()
        return _response(reply)

    def _latency_s(self, digest: str) -> float:
        return self._latency.of(digest, at_s=asyncio.get_running_loop().time() - self._first_at)

    async def _wait_until(self, due: float, *, forever: bool) -> None:
        early_s = due - asyncio.get_running_loop().time()
        if early_s > 0:
            await asyncio.sleep(early_s)
        if forever:
            await self._stopping.wait()

    async def _other(self, request: web.BaseRequest) -> Json | WireError | web.StreamResponse:
        """Handle everything but chat: models, files, batches."""
        match request.method, request.path.split("/")[1:]:
            case "GET", ["v1", "models"]:
                return _listed([_model(name) for name in self._chat.models])
            case "GET", ["v1", "models", name]:
                return self._chat.unknown_model({"model": name}) or _model(name)
            case method, ["v1", "files", *rest] if self._chat.dialect.batches:
                return await self._handle_files(request, method, rest)
            case method, ["v1", "batches", *rest] if self._chat.dialect.batches:
                return await self._handle_batches(request, method, rest)
        return _unknown_url(request)

    async def _handle_files(
        self, request: web.BaseRequest, method: str, rest: list[str]
    ) -> Json | WireError | web.StreamResponse:
        match method, rest:
            case "POST", []:
                return await self._upload(request)
            case "GET", []:
                return _page([file.to_dict() for file in self._files.all()], request.query)
        stored = self._files.get(rest[0]) if rest else None
        if stored is None:
            return WireError(404, f"No such File object: {'/'.join(rest)}", param="id") if rest else _unknown_url(request)
        match method, rest[1:]:
            case "GET", []:
                return stored.to_dict()
            case "GET", ["content"]:
                return await _download(request, stored)
            case "DELETE", []:
                return {"id": stored.id, "object": "file", "deleted": self._files.delete(stored.id)}
        return _unknown_url(request)

    async def _handle_batches(self, request: web.BaseRequest, method: str, rest: list[str]) -> Json | WireError:
        match method, rest:
            case "POST", []:
                return self._batches.create(_json(await request.read()))
            case "GET", []:
                return _page(self._batches.all(), request.query)
            case "GET", [id]:
                return self._batches.get(id) or _no_batch(id)
            case "POST", [id, "cancel"]:
                return self._batches.cancel(id) or _no_batch(id)
        return _unknown_url(request)

    async def _upload(self, request: web.BaseRequest) -> Json | WireError:
        """Read a multipart form with `file` and `purpose`, in either order. The file is written to disk as it arrives."""
        if not request.content_type.startswith("multipart/"):
            return WireError(400, "A file is uploaded as multipart/form-data, with the fields 'file' and 'purpose'.")
        purpose, name = "", ""
        with self._files.draft() as draft:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader):
                    continue
                if part.name == "purpose":
                    purpose = (await part.read()).decode("utf-8", "replace")
                elif part.name == "file":
                    name = part.filename or "upload"
                    while piece := await part.read_chunk(_PIECE):
                        if draft.size <= self._files.max_bytes:  # the rest is read, so that the client gets the answer
                            draft.write(piece)
        if name and purpose and draft.size <= self._files.max_bytes:
            return self._files.keep(draft, name, purpose).to_dict()
        draft.path.unlink()
        if draft.size > self._files.max_bytes:
            return WireError(413, f"The file is too large: at most {self._files.max_bytes} bytes are allowed.", param="file")
        return WireError(400, "An upload needs the fields 'file' and 'purpose'.")

    def _key_is_right(self, request: web.BaseRequest) -> bool:
        if self._api_key is None:
            return True
        keys = request.headers.get("Authorization", "").removeprefix("Bearer "), request.headers.get("api-key", "")
        return self._api_key in keys

    def _record(self, request: web.BaseRequest, status: int, fault: str = "") -> None:
        headers = request.headers
        key, authorization = headers.get("X-Client-Request-Id", ""), headers.get("Authorization", "")
        self._log.add(Logged(request.path, key, "", 1, {}, status, fault, authorization, request.method))


async def _download(request: web.BaseRequest, stored: StoredFile) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/octet-stream"})
    response.content_length = stored.bytes
    await response.prepare(request)
    with stored.path.open("rb") as file:
        while piece := file.read(_PIECE):
            await response.write(piece)
    await response.write_eof()
    return response


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers, content_type="application/json")


def _json(raw: bytes) -> Any:
    """Return the parsed body, None when it is not JSON."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": "synthgen"}


def _listed(rows: list[Json]) -> Json:
    return {"object": "list", "data": rows}


def _page(rows: list[Json], query: Mapping[str, str]) -> Json:
    """Return one page of `rows`: `limit` of them, after the row with the id `after`."""
    ids = [row["id"] for row in rows]
    begin = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    limit = query.get("limit", "")
    end = begin + (int(limit) if limit.isdecimal() else _PAGE)
    page = rows[begin:end]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return _listed(page) | ends | {"has_more": end < len(rows)}


def _no_batch(id: str) -> WireError:
    return WireError(404, f"No batch found with id '{id}'.", param="batch_id")


def _unknown_url(request: web.BaseRequest) -> WireError:
    return WireError(404, f"Invalid URL ({request.method} {request.path})", kind="path")

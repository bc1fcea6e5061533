"""The fake server: its settings, its thread, its log."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from synthgen.testing.batches import Batches, BatchScript
from synthgen.testing.chat import Chat
from synthgen.testing.dialects import dialect_named
from synthgen.testing.faults import Script
from synthgen.testing.files import FileStore
from synthgen.testing.latency import Latency
from synthgen.testing.limits import Gate, Limits
from synthgen.testing.log import CHAT, Logged, RecentCounts, RequestLog
from synthgen.testing.slots import Slots, SlotUse

__all__ = ["FakeOpenAI"]

_START_S = 10.0


class FakeOpenAI:
    """An OpenAI-compatible server on 127.0.0.1, in its own thread from `with` to the end of the block.

        with FakeOpenAI(latency_s=0.05, script=mix({"rate_limit": 0.05})) as server:
            client = openai.OpenAI(base_url=server.base_url, api_key="any")
            ...
            assert server.counts["429 rate_limit"] == 3

    `script` chooses the fault of a request, `limits` limits requests and tokens per minute, and `dialect` is the kind
    of server. `latency` (or `latency_s`, for a constant one) is the duration of an answer. With `slots`, the server works
    on so many answers at a time and queues the other requests; the latency then counts from the moment when a slot is
    free. Rejections and errors need no slot. With `api_key`, any other key is rejected. With `caching`, repeated
    prefixes are reported as cached.

    `keep_bodies=False` is for very many requests: `log` stays empty and only `counts` are kept. `log_file` gets a line
    of JSON for each request on arrival, with its body unless `log_bodies` is false.

    `batch_delay_s` is the duration of a batch, and `batch_script` decides its outcome. `batch_max_requests` and
    `batch_max_bytes` limit one input file.

    Raises UnknownNameError for an unknown dialect, ConfigError for less than one slot, and OSError on entry when the port
    is taken.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        latency_s: float = 0.0,
        latency: Latency | None = None,
        script: Script | None = None,
        limits: Limits | None = None,
        slots: int | None = None,
        dialect: str = "permissive",
        api_key: str | None = None,
        models: tuple[str, ...] = ("fake-model",),
        caching: bool = False,
        keep_bodies: bool = True,
        log_file: str | Path | None = None,
        log_bodies: bool = True,
        batch_delay_s: float = 0.0,
        batch_script: BatchScript | None = None,
        batch_max_requests: int = 50_000,
        batch_max_bytes: int = 200_000_000,
    ) -> None:
        self._host, self._port = "127.0.0.1", port
        self._chat = Chat(dialect_named(dialect), models, script, caching=caching)
        self._attempts = RecentCounts()
        self._log = RequestLog(keep=keep_bodies, file=log_file, bodies=log_bodies)
        self._files = FileStore(max_bytes=batch_max_bytes)
        self._batches = Batches(
            self._files, self._chat, self._attempts, delay_s=batch_delay_s, script=batch_script, max_requests=batch_max_requests
        )
        self._api_key = api_key
        self._latency = latency or Latency.constant(latency_s)
        self._gate = Gate(limits) if limits else None
        self._slots = Slots(slots)
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="fake-openai")

    @property
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port}/v1"

    @property
    def log(self) -> list[Logged]:
        """Every request, in order of arrival, without lines of batches."""
        return self._log.entries

    @property
    def counts(self) -> Counter[str]:
        """Chat requests by status and fault: "200", "200 malformed", "429 rate_limit", "429 limit" (of `limits`), "200 reset"."""
        return self._log.counts

    @property
    def keys(self) -> list[str]:
        """The client's names of the chat requests, in order of arrival."""
        return [logged.key for logged in self._log.entries if logged.path == CHAT]

    @property
    def most_in_flight(self) -> int:
        """The largest number of chat requests in flight at one moment."""
        return self._log.most_in_flight

    @property
    def slot_use(self) -> SlotUse:
        """Answers that were computed, and those whose client left before. Also counted where `slots` is None."""
        return self._slots.use

    @property
    def batches(self) -> list[dict[str, Any]]:
        """The batches as /v1/batches returns them, newest first."""
        return self._batches.all()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise RuntimeError(f"The fake server did not start within {_START_S:g} s.")
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def serve(self, ready: Callable[[str], None] = lambda url: None) -> None:
        """Serve until the block ends or the task is cancelled. `ready` receives the base URL. Raises OSError."""
        from synthgen.testing.routes import Routes, start, stop

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        routes = Routes(
            self._chat,
            self._files,
            self._batches,
            self._log,
            self._attempts,
            api_key=self._api_key,
            latency=self._latency,
            gate=self._gate,
            slots=self._slots,
            stopping=self._stop,
        )
        try:
            runner, self._port = await start(routes, self._host, self._port)
            try:
                self._ready.set()
                ready(self.base_url)
                await self._stop.wait()
            finally:
                self._slots.close()
                await stop(runner)
        finally:
            self._batches.close()
            self._files.close()
            self._log.close()

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except OSError as error:
            self._failure = error
            self._ready.set()

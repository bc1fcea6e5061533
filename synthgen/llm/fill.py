"""Fills a call store with the answers to requests: bounded in memory, within the caps, and safe to stop at any moment.

Workers share one iterator of requests, so memory does not grow with their number. `executor` makes the calls. A
finished call is committed before its worker continues, together with those that arrived while the disk was busy: a kill
loses only the calls in flight. Stored answers are not requested again. An unusable answer leads to one more request
(`reask`), which is stored like any other.

Three things stop a fill:

- A key, a model or an address that cannot work ends the run (ModelError).
- A cap, the end of patience, or ten requests in a row that failed for a reason of the endpoint or the settings
  (`failure.SYSTEMATIC`), and had not failed in an earlier run, stop it early (StoppedEarly).
- A cancellation, as by Ctrl-C, stops admission. Calls in flight may then finish, at Ctrl-C for `grace_s`, and are kept.

Requests that wait in a batch are left out, and the fill reports them at its end. Not covered: a batch that claims a
request within the second before it is sent.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from synthgen.llm import Answers, Check
from synthgen.llm import stopping as stops
from synthgen.llm.batch.ledger import waiting_keys
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.executor import Executor
from synthgen.llm.failure import SYSTEMATIC
from synthgen.llm.findings import StoredFindings
from synthgen.llm.providers.base import Connection
from synthgen.llm.reask import calls_of, follow_up, stored, to_ask
from synthgen.llm.session import Session
from synthgen.llm.stopping import Stop, Stopping
from synthgen.llm.workers import Workers
from synthgen.records import Event, Meter, OnEvent, Request, Usage

__all__ = ["FillReport", "Wanted", "fill"]

_SYSTEMATIC_AFTER = 10
_TICK_S = 0.1
_LOOKAHEAD = 100
_FRESH_S = 1.0  # for so long the list of open batches is taken as current
_WAITING_FOR_THE_DISK = 1 / 8  # of the workers, while the others keep `concurrency` calls in flight

Wanted = Callable[[Request, Answers], Request | None]


@dataclass(frozen=True, slots=True)
class FillReport:
    """The result of a fill. Every request counts in `ok` or `failed` (by reason); `reused` of them were in the store.

    `usage`, `dollars` (None when the price is unknown), `attempts` and `rate_limited` cover the calls of this fill
    only.
    """

    ok: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    reused: int = 0
    usage: Usage = field(default_factory=Usage)
    dollars: float | None = 0.0
    attempts: int = 0
    rate_limited: int = 0
    duration_s: float = 0.0


async def fill(
    requests: Iterable[Request],
    store: CallStore,
    endpoint: Endpoint,
    *,
    session: Session | None = None,
    check: Check | None = None,
    wanted: Wanted = to_ask,
    stage: str = "generate",
    total: int | None = None,
    on_event: OnEvent | None = None,
) -> FillReport:
    """Make every call of `requests` that `store` does not have.

    `check` returns the reason why an answer cannot be used and a detail of what is wrong; both are empty if it can. An
    unusable call is stored as failed, with its text. `wanted` returns the request to send for a request: by default
    what `store` lacks. `session` is shared by all fills of one command. `total` is for progress only.

    Raises ModelError, StoppedEarly, ConfigError (a cap on cost without a price), and RunFolderError (the store, or
    requests that wait in batches; the latter at the end, after all other requests).
    """
    async with endpoint.connect(store) as connection:
        filling = _Filling(connection, endpoint, store, session or Session.of(endpoint), check, wanted)
        async with _told(filling, stage, total, on_event):
            await filling.run(iter(requests))
    meter = filling.meter()
    return FillReport(
        ok=filling.ok,
        failed=dict(sorted(filling.failed.items())),
        reused=meter.reused,
        usage=meter.usage,
        dollars=meter.dollars,
        attempts=filling.attempts,
        rate_limited=meter.rate_limited,
        duration_s=meter.elapsed_s,
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """A request, the request to be `sent` for it, and whether it is asked `again` after an earlier failure."""

    request: Request
    sent: Request
    again: bool


class _Filling:
    """The state that the workers of one fill share."""

    def __init__(
        self,
        connection: Connection,
        endpoint: Endpoint,
        store: CallStore,
        session: Session,
        check: Check | None,
        wanted: Wanted,
    ) -> None:
        self.ok = self.reused = self.attempts = 0
        self.failed: Counter[str] = Counter()
        self.farewell = ""
        self._usage = Usage()
        self._store = store
        self._endpoint = endpoint
        self._budget = session.budget
        self._prompts = session.prompts
        self._wanted = wanted
        self._stop = Stop()
        self._executor = Executor(connection, endpoint, session, check, self._stop, on_rest=self._relieve)
        self._workers: Workers | None = None
        self._commits = _Commits(store)
        self._findings = StoredFindings(store, endpoint.id, session.clock)
        self._clock = session.clock
        self._started = self._clock()
        self._spent_before = session.budget.spent.dollars
        self._taken: set[str] = set()  # keys of requests that a worker has in hand
        self._in_batches = 0  # requests that are left to their batch
        self._failed_in_a_row = 0

    async def run(self, requests: Iterator[Request]) -> None:
        todo = self._todo(requests)
        concurrency = self._endpoint.settings.concurrency
        count = concurrency + math.ceil(_WAITING_FOR_THE_DISK * concurrency)
        workers = self._workers = Workers(lambda: self._work(todo), count, lambda: self._executor.resting)
        try:
            await workers.run()
        except asyncio.CancelledError:
            await self._wind_up(workers)
            raise
        finally:
            await workers.cancel()
            self._executor.close()
            self._commits.close()
            if self._executor.answered or self._executor.rate_limited:
                self._findings.put(self._executor.findings)
        if self._stop.error is not None:
            raise self._stop.error(self._saved())
        if self._in_batches:
            raise stops.in_batches(self._in_batches)

    @property
    def finished(self) -> int:
        return self.ok + self.failed.total()

    def meter(self) -> Meter:
        spent, before = self._budget.spent.dollars, self._spent_before
        return Meter(
            finished=self.finished - self.reused,
            failed=self.failed.total(),
            reused=self.reused,
            in_flight=self._executor.in_flight,
            rate_limited=self._executor.rate_limited,
            usage=self._usage,
            dollars=None if spent is None or before is None else spent - before,
            elapsed_s=self._clock() - self._started,
            waiting=self._executor.waiting,
            in_flight_s=self._executor.times.in_flight_s,
            call_s=self._executor.times.mean_s,
            slow_call_s=self._executor.times.slow_s,
            findings=self._executor.findings,
        )

    def end(self, error: Exception) -> None:
        """End with `error` once the calls in flight are finished."""
        self._stop.set(lambda _: error)

    async def _wind_up(self, workers: Workers) -> None:
        """Stop sending, and let calls in flight arrive for a while. A second cancellation ends that too."""
        grace_s, on_their_way = self._endpoint.settings.grace_s, self._executor.in_flight
        self.farewell = f"stopping: {on_their_way} calls in flight may finish for {grace_s:.0f} s; Ctrl-C again ends at once"
        self._stop.set()
        with suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(grace_s):
                await workers.wait()

    def _todo(self, requests: Iterator[Request]) -> Iterator[_Task | None]:
        """Yield each request that needs a call; None after every look at the store."""
        while batch := list(islice(requests, _LOOKAHEAD)):
            known, busy = stored(batch, self._store), self._taken.copy()
            distinct = {request.key: request for request in batch}.values()
            in_batches, read_at = set[str](), -math.inf
            for request in distinct:
                if self._clock() > read_at + _FRESH_S:  # another command can submit a batch at any moment
                    sending = (sent.key for one in distinct if (sent := self._wanted(one, known)) is not None)
                    in_batches, read_at = waiting_keys(self._store, sending), self._clock()
                if request.key in self._taken:  # the same text twice: the worker that has it asks for both
                    continue
                if request.key in busy:  # it was finished after the store was read
                    known |= stored([request], self._store)
                calls = list(calls_of(request, known))
                sent = self._wanted(request, known)
                if sent is not None and sent.key in in_batches:
                    self._in_batches += 1
                elif sent is not None:
                    yield _Task(request, sent, again=bool(calls))
                elif calls:
                    self.reused += 1
                    self._count(calls[-1])
            yield None

    async def _work(self, todo: Iterator[_Task | None]) -> None:
        for task in todo:
            if task is None:
                await asyncio.sleep(0)  # otherwise a full store would block the event loop, and Ctrl-C with it
            else:
                self._taken.add(task.request.key)
                with suppress(Stopping):
                    self._settle(await self._finish(task.request, task.sent), again=task.again)
                self._taken.discard(task.request.key)
            if self._stop or (self._workers and self._workers.surplus):
                return

    def _relieve(self) -> None:
        if self._workers:
            self._workers.relieve()

    async def _finish(self, request: Request, sent: Request) -> Call:
        """Return the call that `sent` makes or, after a first call of `request`, the one that its answer leads to."""
        call = await self._committed(sent)
        follow = follow_up(request, call) if sent.key == request.key else None
        if follow is None:
            return call
        before = self._store.get(follow.key)
        return await self._committed(follow) if before is None or before.status == "failed" else before

    async def _committed(self, request: Request) -> Call:
        call = await self._executor.call(request)
        await self._commits.put(call)
        self._findings.offer(lambda: self._executor.findings)
        self.attempts += call.attempts
        self._usage = self._usage.plus(call.completion.usage)
        return call

    def _settle(self, call: Call, *, again: bool) -> None:
        """Count the result of a request, and stop when only failures arrive."""
        self._count(call)
        if call.reason not in SYSTEMATIC:
            self._failed_in_a_row = 0
        elif not again:
            self._failed_in_a_row += 1
        if self._failed_in_a_row >= _SYSTEMATIC_AFTER:
            self._stop.set(partial(stops.systematic, _SYSTEMATIC_AFTER, call, self._endpoint, self._prompts.finding))

    def _count(self, call: Call) -> None:
        if call.status == "ok":
            self.ok += 1
        else:
            self.failed[call.reason] += 1

    def _saved(self) -> str:
        ((calls,),) = self._store.execute("SELECT count(*) FROM calls")
        return f"{calls} finished calls are in {self._store.path}; the same command continues from there"


class _Commits:
    """Finished calls on their way into the store. Calls that arrive during one commit go into the next one.

    A thread writes, because a commit waits for the disk and the event loop has other calls to serve.
    """

    def __init__(self, store: CallStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="synthgen-commits")
        self._calls: list[tuple[Call, asyncio.Future[None]]] = []
        self._writing = False
        self._error: BaseException | None = None  # of a commit; `close` then tries once more

    async def put(self, call: Call) -> None:
        """Return when `call` is committed. A cancellation of the caller or an error does not withdraw the call."""
        loop = asyncio.get_running_loop()
        committed = loop.create_future()
        self._calls.append((call, committed))
        if self._error is not None:
            raise self._error
        if not self._writing:
            self._writing = True
            loop.call_soon(self._write)  # not at once, so that answers of the same loop turn share a commit
        await committed

    def close(self) -> None:
        """Return when every call that was put is committed."""
        self._thread.shutdown(wait=True)
        calls, self._calls = self._calls, []
        if calls:
            self._store.put_many(call for call, _ in calls)

    def _write(self) -> None:
        calls, self._calls = self._calls, []
        self._writing = bool(calls)
        if calls:
            written = asyncio.get_running_loop().run_in_executor(
                self._thread, self._store.put_many, [call for call, _ in calls]
            )
            written.add_done_callback(lambda done: self._wrote(calls, done))

    def _wrote(self, calls: list[tuple[Call, asyncio.Future[None]]], done: asyncio.Future[None]) -> None:
        self._error = done.exception()
        if self._error is not None:
            calls = self._calls = calls + self._calls
        for _, committed in calls:
            if committed.done():
                continue
            if self._error is None:
                committed.set_result(None)
            else:
                committed.set_exception(self._error)
        if self._error is None:
            self._write()


@asynccontextmanager
async def _told(filling: _Filling, stage: str, total: int | None, on_event: OnEvent | None) -> AsyncIterator[None]:
    """Report the progress of `filling` to `on_event`, ten times a second and at the end."""

    def tell() -> None:
        if on_event is not None:
            on_event(Event(stage, filling.finished, total, filling.farewell, filling.meter()))

    async def keep_telling() -> None:
        try:
            while True:
                tell()
                await asyncio.sleep(_TICK_S)
        except Exception as error:  # noqa: BLE001 - the listener is the caller's, and its error is raised to the caller
            filling.end(error)

    telling = asyncio.create_task(keep_telling()) if on_event else None
    try:
        try:
            yield
        finally:
            if telling is not None:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
    except BaseException:
        with suppress(Exception):  # the error that ended the fill matters more than one of the listener
            tell()
        raise
    tell()

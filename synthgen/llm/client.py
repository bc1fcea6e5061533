"""Fill a call store: bounded, retrying, capped, and safe to stop at any moment.

Workers share one iterator of requests, so memory does not grow with their number. A finished call is committed before its
worker takes the next request, and nothing is awaited between the arrival of an answer and its commit: a kill loses the calls
in flight and no other. What is stored already is not asked again.

Stops are told apart by what there is to do: a key, a model or an address that cannot work ends the run (ModelError); a cap, or
ten calls in a row that failed after all their attempts, stops it early (StoppedEarly). Either way calls in flight may finish
their attempt and are kept.

Not covered: limits on requests and tokens per minute, waiting out an outage, sending a fill to the provider's batch endpoint.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from synthgen.config import LLM
from synthgen.errors import ModelError, StoppedEarly, SynthgenError
from synthgen.llm.budget import Budget
from synthgen.llm.calls import Call, CallStore
from synthgen.llm.failures import SYSTEMATIC, Failure, classify
from synthgen.llm.openai import Endpoint, base_url, connect
from synthgen.records import Completion, Event, OnEvent, Request, Usage, random_for

if TYPE_CHECKING:
    import tenacity

__all__ = ["FillReport", "fill", "run_async"]

_SYSTEMATIC_AFTER = 10
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_FIRST_CONTACT_ATTEMPTS = 3

Check = Callable[[Completion], str]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FillReport:
    """What a fill did. `reused` calls were in the store; `failed` counts all that can give no row, by reason.

    `usage`, `dollars` (None when the price is unknown) and `attempts` are of this fill's own calls.
    """

    reused: int = 0
    ok: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    usage: Usage = Usage()
    dollars: float | None = 0.0
    attempts: int = 0
    duration_s: float = 0.0

    @property
    def calls_failed(self) -> int:
        return sum(self.failed.values())


class _Attempt(Exception):
    """One attempt that failed, with what it means."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class _Stopping(Exception):
    """The fill is ending; the call that meets this is left for the next run."""


async def fill(
    requests: Iterable[Request],
    store: CallStore,
    settings: LLM,
    *,
    budget: Budget | None = None,
    check: Check | None = None,
    stage: str = "generate",
    total: int | None = None,
    on_event: OnEvent | None = None,
) -> FillReport:
    """Make every call of `requests` that `store` does not have.

    `check` says why an answer cannot be used ("" if it can); such a call is stored as failed, with its text. `total` is for
    progress only. Raises ModelError, StoppedEarly, ConfigError (a cap on cost without a price), RunFolderError (the store).
    """
    async with connect(settings) as endpoint:
        filling = _Filling(endpoint, store, settings, budget or Budget(settings), check, stage, total, on_event)
        return await filling.run(iter(requests))


def run_async(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine, from code that is not async: also where an event loop already runs, as in a notebook.

    There the coroutine runs in a loop of its own in a worker thread; the caller's loop waits and is not patched.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)

    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def main() -> Result:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine in a loop has a task
        running.append((asyncio.get_running_loop(), task))
        return await coroutine

    with ThreadPoolExecutor(1, thread_name_prefix="synthgen") as pool:
        future = pool.submit(asyncio.run, main())
        try:
            return future.result()
        except KeyboardInterrupt:  # it reaches the caller's thread only
            for loop, task in running:
                loop.call_soon_threadsafe(task.cancel)
            raise


class _Filling:
    """The state that the workers of one fill share."""

    def __init__(
        self,
        endpoint: Endpoint,
        store: CallStore,
        settings: LLM,
        budget: Budget,
        check: Check | None,
        stage: str,
        total: int | None,
        on_event: OnEvent | None,
    ) -> None:
        self._endpoint = endpoint
        self._store = store
        self._settings = settings
        self._budget = budget
        self._check = check
        self._stage = stage
        self._total = total
        self._on_event = on_event
        self._spent_before = budget.spent
        self._stopped: SynthgenError | None = None
        self._stop = asyncio.Event()
        self._settled = asyncio.Condition()
        self._in_flight: set[str] = set()
        self._cool_until = 0.0
        self._heard = False  # whether the server has answered anything yet
        self._failed_in_a_row = 0
        self._reused = self._ok = self._attempts = 0
        self._failed: Counter[str] = Counter()
        self._usage = Usage()

    async def run(self, requests: Iterable[Request]) -> FillReport:
        started = time.monotonic()
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._settings.concurrency):
                workers.create_task(self._work(requests))
        if self._stopped is not None:
            raise self._stopped
        spent, before = self._budget.spent.dollars, self._spent_before.dollars
        return FillReport(
            reused=self._reused,
            ok=self._ok,
            failed=dict(sorted(self._failed.items())),
            usage=self._usage,
            dollars=None if spent is None or before is None else spent - before,
            attempts=self._attempts,
            duration_s=time.monotonic() - started,
        )

    async def _work(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if self._stopped is not None:
                return
            if request.key in self._in_flight:  # the same text twice: whoever asks first answers for both
                continue
            known = self._store.get(request.key)
            if known is not None and not known.ask_again:
                self._reused += 1
                self._count(known)
                # Else a fill that is answered from its store would never let another task run.
                await asyncio.sleep(0)
                continue
            self._in_flight.add(request.key)
            try:
                call = await self._call(request)
            except _Stopping:
                return
            finally:
                self._in_flight.discard(request.key)
            self._attempts += call.attempts
            self._usage = _sum(self._usage, call.completion.usage)
            self._count(call)
            self._watch(call)

    async def _call(self, request: Request) -> Call:
        """Make one call with all its attempts, and commit it. Raises _Stopping when it is left for another run."""
        started = time.monotonic()
        retrying = self._retrying(request)
        attempts = 0
        try:
            async for attempt in retrying:
                with attempt:
                    attempts = attempt.retry_state.attempt_number
                    completion = await self._attempt(request)
        except _Attempt as error:
            failure = error.failure
            if failure.scope == "run" or (failure.refused_connection and not self._heard):
                self._end(self._hopeless(failure, request))
            if self._stopped is not None and failure.scope != "call":
                raise _Stopping from None
            completion = Completion(request.key, "", model=request.model)
            call = self._finished(completion, failure.reason, failure.detail, attempts, started)
        else:
            reason = self._check(completion) if self._check else ""
            call = self._finished(completion, reason, completion.refusal or "", attempts, started)
        self._store.put(call)
        return call

    async def _attempt(self, request: Request) -> Completion:
        """One attempt, within the budget and after any cool-down. Raises _Attempt."""
        import openai

        await self._wait(self._cool_until - time.monotonic() + self._spread(request))
        reserved = await self._reserve(request)
        usage: Usage | None = None
        try:
            completion = await self._endpoint.complete(request)
            usage = completion.usage
        except (openai.APIError, TimeoutError, ValueError) as error:
            failure = classify(error)
            usage = Usage() if failure.unbilled else None
            if failure.wait_s is not None:
                self._cool_until = max(self._cool_until, time.monotonic() + failure.wait_s)
            self._heard = self._heard or failure.reason != "connection"
            raise _Attempt(failure) from None
        finally:
            self._budget.settle(reserved, request, usage)
            await self._tell_waiting()
        self._heard = True
        return completion

"""Fill a call store: bounded, retrying, capped, and safe to stop at any moment.

Workers share one iterator of requests, so memory does not grow with their number. A finished call is committed before its
worker takes the next request, and nothing is awaited between the arrival of an answer and its commit: a kill loses the calls
in flight and no other. What is stored already is not asked again.

Two things stop a fill. A key, a model or an address that cannot work ends the run (ModelError); a cap, ten calls in a row that
failed after all their attempts, or a server that asks for more patience than `max_wait_s` stops it early (StoppedEarly).
Either way calls in flight may finish their attempt, and are kept.

Not covered: limits on requests and tokens per minute, waiting out an outage, the provider's batch endpoint.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from synthgen.answers import ended_badly
from synthgen.config import LLM
from synthgen.errors import ModelError, StoppedEarly, SynthgenError
from synthgen.llm.budget import Budget, Spend
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
_GLANCE_S = 0.1

Check = Callable[[Completion], str]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FillReport:
    """What a fill did: every request is one of `ok` and `failed` (by reason), and `reused` of them were in the store.

    `usage`, `dollars` (None when the price is unknown) and `attempts` are of this fill's own calls.
    """

    ok: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    reused: int = 0
    usage: Usage = field(default_factory=Usage)
    dollars: float | None = 0.0
    attempts: int = 0
    duration_s: float = 0.0

    @property
    def calls_failed(self) -> int:
        return sum(self.failed.values())


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
    started = time.monotonic()
    budget = budget or Budget(settings)
    dollars = budget.spent.dollars
    async with connect(settings) as endpoint:
        filling = _Filling(endpoint, store, settings, budget, check, lambda done: _tell(on_event, stage, done, total))
        await filling.run(iter(requests))
    now = budget.spent.dollars
    return FillReport(
        ok=filling.ok,
        failed=dict(sorted(filling.failed.items())),
        reused=filling.reused,
        usage=filling.usage,
        dollars=None if now is None or dollars is None else now - dollars,
        attempts=filling.attempts,
        duration_s=time.monotonic() - started,
    )


def run_async(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine, from code that is not async: also where an event loop already runs, as in a notebook.

    There the coroutine has a loop of its own in a worker thread; the caller's loop waits and is not patched.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)

    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[Result]]] = []
    caller = asyncio.current_task()

    async def main() -> Result:
        task = asyncio.ensure_future(coroutine)
        running.append((asyncio.get_running_loop(), task))
        return await task

    def cancel() -> None:
        for loop, task in running:
            loop.call_soon_threadsafe(task.cancel)

    with ThreadPoolExecutor(1, thread_name_prefix="synthgen") as pool:
        future = pool.submit(asyncio.run, main())
        try:
            # Ctrl-C under asyncio.run only marks the caller's task as cancelled, so it has to be looked at.
            while wait([future], timeout=_GLANCE_S).not_done and not (caller and caller.cancelling()):
                pass
        except KeyboardInterrupt:  # elsewhere, as in a notebook, it is raised here
            cancel()
            raise
        if not future.done():
            cancel()
        return future.result()


class _AttemptError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class _Stopping(Exception):
    """The fill is ending; the call that meets this is left for the next run."""


class _Filling:
    """What the workers of one fill share."""

    def __init__(
        self,
        endpoint: Endpoint,
        store: CallStore,
        settings: LLM,
        budget: Budget,
        check: Check | None,
        progress: Callable[[int], None],
    ) -> None:
        self.ok = self.reused = self.attempts = 0
        self.failed: Counter[str] = Counter()
        self.usage = Usage()
        self._endpoint = endpoint
        self._store = store
        self._settings = settings
        self._budget = budget
        self._check = check
        self._progress = progress
        self._in_flight: set[str] = set()
        self._failed_in_a_row = 0
        self._heard = False  # whether the server has answered anything yet
        self._cool_until = 0.0
        self._room = asyncio.Event()  # set when a reservation was settled
        self._stop = asyncio.Event()
        self._stopped_by: SynthgenError | None = None

    async def run(self, requests: Iterator[Request]) -> None:
        workers = [asyncio.create_task(self._work(requests)) for _ in range(self._settings.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        if self._stopped_by is not None:
            raise self._stopped_by

    async def _work(self, requests: Iterator[Request]) -> None:
        for request in requests:
            if request.key in self._in_flight:  # the same text twice: whoever came first asks for both
                continue
            known = self._store.get(request.key)
            if known is not None and not known.ask_again:
                self.reused += 1
                self._count(known)
                await asyncio.sleep(0)  # else a full store would keep the loop to itself, and Ctrl-C out
                continue
            self._in_flight.add(request.key)
            try:
                await self._call(request)
            except _Stopping:
                pass
            finally:
                self._in_flight.discard(request.key)
            if self._stopped_by is not None:
                return

    async def _call(self, request: Request) -> None:
        """One call with all its attempts, committed. Raises _Stopping when it is left for another run."""
        started, attempts = time.monotonic(), 0
        try:
            async for attempt in self._retrying(request):
                with attempt:
                    attempts = attempt.retry_state.attempt_number
                    completion = await self._attempt(request)
        except _AttemptError as error:
            failure = error.failure
            self._stop_if_hopeless(failure, request)
            if self._stopped_by is not None and failure.scope != "call":
                raise _Stopping from None
            completion, reason, detail = Completion(request.key, ""), failure.reason, self._endpoint.redacted(failure.detail)
        else:
            reason = ended_badly(completion) or (self._check(completion) if self._check else "")
            detail = completion.refusal or ""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        status = "failed" if reason else "ok"
        call = Call(completion, status, reason, detail, attempts, time.monotonic() - started, created)
        self._store.put(call)
        self.attempts += attempts
        self.usage = _sum(self.usage, completion.usage)
        self._count(call)
        self._watch(call)

    async def _attempt(self, request: Request) -> Completion:
        """One attempt, after any cool-down and within the budget. Raises _AttemptError or _Stopping."""
        import openai

        while (wait_s := self._cool_until - time.monotonic()) > 0:
            await self._sleep(wait_s * (1 + 0.1 * random_for(0, request.key).random()))
        reserved = await self._reserve(request)
        usage: Usage | None = None
        try:
            completion = await self._endpoint.complete(request)
            self._heard, usage = True, completion.usage
        except (openai.APIError, TimeoutError, ValueError) as error:
            failure = classify(error)
            self._heard = self._heard or failure.reason not in ("connection", "timeout")
            usage = Usage() if failure.unbilled else None
            self._cool_down(failure)
            raise _AttemptError(failure) from None
        finally:
            self._budget.settle(reserved, request, usage)
            self._room.set()
        return completion

    async def _reserve(self, request: Request) -> Spend:
        """Room in the budget: at once, or when calls in flight have cost less than they might have."""
        while self._stopped_by is None:
            if reserved := self._budget.reserve(request):
                return reserved
            if not self._budget.in_flight:
                self._end(
                    StoppedEarly(f"Stopped at {self._budget.cap(request)}. {self._saved()} with the cap anew, or raise it.")
                )
            else:
                self._room.clear()
                await self._room.wait()
        raise _Stopping

    def _retrying(self, request: Request) -> tenacity.AsyncRetrying:
        import tenacity

        def again(error: BaseException) -> bool:
            return isinstance(error, _AttemptError) and error.failure.scope == "attempt" and self._stopped_by is None

        def pause(state: tenacity.RetryCallState) -> float:
            asked = _failure(state).wait_s
            doublings = state.attempt_number - (1 if asked is None else 2)  # the first time the server's word is enough
            backoff = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**doublings) if doublings >= 0 else 0.0
            jitter = 0.5 + random_for(state.attempt_number, request.key).random()
            return max(asked or 0.0, backoff * jitter)

        def enough(state: tenacity.RetryCallState) -> bool:
            most = self._settings.max_attempts
            if _failure(state).no_contact and not self._heard:
                most = min(most, _FIRST_CONTACT_ATTEMPTS)
            waited = state.idle_for + state.upcoming_sleep
            return state.attempt_number >= most or waited > self._settings.max_wait_s

        retry = tenacity.retry_if_exception(again)
        return tenacity.AsyncRetrying(retry=retry, wait=pause, stop=enough, sleep=self._sleep, reraise=True)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless the fill is stopped meanwhile, which raises _Stopping."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return
        raise _Stopping

    def _cool_down(self, failure: Failure) -> None:
        """What one call is told about waiting holds for all of them."""
        if failure.wait_s is None:
            return
        if failure.wait_s > self._settings.max_wait_s:
            self._end(
                StoppedEarly(
                    f"{base_url(self._settings)} asks to wait {failure.wait_s:.0f} s, more than llm.max_wait_s = "
                    f"{self._settings.max_wait_s:.0f}: a quota of the hour or the day is used up. {self._saved()} later."
                )
            )
        self._cool_until = max(self._cool_until, time.monotonic() + failure.wait_s)

    def _count(self, call: Call) -> None:
        if call.status == "ok":
            self.ok += 1
        else:
            self.failed[call.reason] += 1
        self._progress(self.ok + self.failed.total())

    def _watch(self, call: Call) -> None:
        self._failed_in_a_row = self._failed_in_a_row + 1 if call.reason in SYSTEMATIC else 0
        if self._failed_in_a_row >= _SYSTEMATIC_AFTER:
            hint = " Raise llm.max_output_tokens." if call.reason == "truncated" else ""
            self._end(
                StoppedEarly(
                    f"Stopped: {_SYSTEMATIC_AFTER} calls in a row to {base_url(self._settings)} failed after all their attempts, the last "
                    f"one with {call.reason} ({call.detail or call.completion.finish_reason}).{hint} {self._saved()}."
                )
            )

    def _stop_if_hopeless(self, failure: Failure, request: Request) -> None:
        if failure.scope == "run" or (failure.no_contact and not self._heard):
            self._end(ModelError(_hopeless(failure, request, self._settings, self._endpoint.redacted(failure.detail))))

    def _end(self, error: SynthgenError) -> None:
        self._stopped_by = self._stopped_by or error
        self._stop.set()
        self._room.set()

    def _saved(self) -> str:
        return f"{self.ok + self.failed.total()} finished calls are in {self._store.path}; the same command goes on from there"


def _failure(state: tenacity.RetryCallState) -> Failure:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _AttemptError)  # noqa: S101 - `again` has seen to it before wait and stop are asked
    return error.failure


def _hopeless(failure: Failure, request: Request, settings: LLM, detail: str) -> str:
    url = base_url(settings)
    if failure.reason == "key":
        # Not `detail`: servers repeat part of the key there.
        return f"{url} does not accept the key. Check the environment variable {settings.api_key_env} and what its key may use."
    if failure.reason == "model":
        return (
            f"{url} has no model {request.model!r}, or nothing stands at that address ({detail}). Check --model and --base-url."
        )
    if failure.reason == "quota":
        return f"The account at {url} has no quota left ({detail}). Add credit; the same command then goes on where it stopped."
    if failure.no_contact:
        return f"Nobody answers at {url} ({detail}). Start the server, or give its address with --base-url, ending in /v1 for most."
    return f"{url} does not take chat completions ({detail}). Check --base-url."


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt + other.prompt,
        one.cached + other.cached,
        one.written + other.written,
        one.output + other.output,
        one.estimated or other.estimated,
    )


def _tell(on_event: OnEvent | None, stage: str, done: int, total: int | None) -> None:
    if on_event is not None:
        on_event(Event(stage, done, total))

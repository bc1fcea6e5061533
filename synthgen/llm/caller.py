"""One call, with all that may come between a request and its answer.

An attempt goes through four gates: is the server well (`health`), is there money for the worst case (`budget`), may it be sent
now (`limits`), and in which form (`ladder`, behind `openai`). What may pass is tried again, at most `max_attempts` times and for
at most `max_wait_s` between them; being told to come later (429) is no attempt, and neither is failing while the server is down.
The SDK's own retries are off.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from synthgen.answers import ended_badly
from synthgen.config import LLM
from synthgen.llm import stops
from synthgen.llm.budget import Budget, Reservation
from synthgen.llm.calls import Call
from synthgen.llm.failures import Failure, classify
from synthgen.llm.health import LONGEST_PAUSE_S, Health
from synthgen.llm.ladder import Reformed
from synthgen.llm.limits import Grant, Limiter
from synthgen.llm.openai import Endpoint
from synthgen.llm.stops import Stop
from synthgen.records import Completion, Request, Usage, random_for

if TYPE_CHECKING:
    import tenacity

__all__ = ["Caller", "Check"]

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_TURNED_AWAY_AT_MOST = 50  # by 429s, one call while others get through
_GLANCE_S = 0.5
_PER_CACHE_KEY_RPM = 15  # what one prompt-cache key should see, by OpenAI's guide to prompt caching

Check = Callable[[Completion], tuple[str, str]]


class _AttemptError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


@dataclass(slots=True)
class _Tally:
    """What the attempts of one call came to."""

    started: float = field(default_factory=time.monotonic)
    attempts: int = 0
    rate_limited: int = 0
    uncounted: int = 0


class Caller:
    """Makes calls for all workers of a fill. `saved` is the sentence about what is kept when the fill has to end."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: LLM,
        budget: Budget,
        limiter: Limiter,
        check: Check | None,
        stop: Stop,
        saved: Callable[[], str],
    ) -> None:
        self.in_flight = self.answered = self.rate_limited = 0
        self._endpoint = endpoint
        self._settings = settings
        self._budget = budget
        self._limiter = limiter
        self._check = check
        self._stop = stop
        self._saved = saved
        self._started = time.monotonic()
        self._health = Health(settings.patience_s, open_at_once=endpoint.knows_form)
        self._slots = asyncio.Semaphore(settings.concurrency)  # there are more workers, since some wait for their commit
        self._alone = asyncio.Lock()  # held by the one call that tries an endpoint that is not well
        self._turnstile = asyncio.Lock()  # held by the one call that waits for the limiter: first come, first served

    @property
    def waiting(self) -> str:
        """Why nothing is sent at the moment, "" when something is."""
        if self._health.down:
            return f"no answer for {self._health.silent_s:.0f} s; one call at a time tries again"
        return self._limiter.waiting if self._turnstile.locked() else ""

    async def call(self, request: Request) -> Call:
        """The finished call, answered or failed for good. Raises Stopping when it is left for another run."""
        tally = _Tally()
        try:
            completion = await self._retried(request, tally)
        except _AttemptError as error:
            failure, detail = error.failure, self._endpoint.redacted(error.failure.detail)
            if failure.scope == "run":
                self._stop.set(stops.hopeless(failure, request.model, self._settings, detail))
            if failure.scope != "call":
                self._stop.check()
            completion, reason = Completion(request.key, ""), failure.reason
        else:
            reason, detail = self._read(completion)
        return Call(
            completion,
            "failed" if reason else "ok",
            reason,
            detail,
            tally.attempts,
            time.monotonic() - tally.started,
            datetime.now(UTC).isoformat(timespec="seconds"),
            tally.rate_limited,
            tally.uncounted,
        )

    def _read(self, completion: Completion) -> tuple[str, str]:
        if self._check is not None:
            return self._check(completion)
        reason = ended_badly(completion)
        return reason, completion.refusal or (completion.finish_reason if reason else "")

    async def _retried(self, request: Request, tally: _Tally) -> Completion:
        async for attempt in self._retrying(request):
            with attempt:
                tally.attempts = attempt.retry_state.attempt_number
                return await self._attempt(request, tally)
        raise AssertionError("tenacity ends with a result or an error")

    def _retrying(self, request: Request) -> tenacity.AsyncRetrying:
        import tenacity

        def again(error: BaseException) -> bool:
            return isinstance(error, _AttemptError) and error.failure.scope == "attempt" and not self._stop

        def pause(state: tenacity.RetryCallState) -> float:
            asked = _failure(state).wait_s
            doublings = state.attempt_number - (1 if asked is None else 2)  # the first time the server's word is enough
            backoff = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**doublings) if doublings >= 0 else 0.0
            jitter = 0.5 + random_for(state.attempt_number, request.key).random()
            return max(asked or 0.0, backoff * jitter)

        def enough(state: tenacity.RetryCallState) -> bool:
            waited = state.idle_for + state.upcoming_sleep
            return state.attempt_number >= self._settings.max_attempts or waited > self._settings.max_wait_s

        retry = tenacity.retry_if_exception(again)
        return tenacity.AsyncRetrying(retry=retry, wait=pause, stop=enough, sleep=self._stop.sleep, reraise=True)

    async def _attempt(self, request: Request, tally: _Tally) -> Completion:
        """One attempt that counts. Raises _AttemptError or Stopping."""
        while True:
            try:
                if self._health.well:
                    return await self._try(request, tally)
                async with self._alone:
                    if not self._health.well:  # it may have got well while this call stood in line
                        await self._stop.sleep(self._health.pause_s())
                        return await self._try(request, tally)
            except Reformed:
                continue
            except _AttemptError as error:
                failure = error.failure
                if failure.scope != "attempt":
                    raise
                self._health.failed(failure)
                if self._health.nobody_there:
                    raise _AttemptError(replace(failure, scope="run")) from None
                self._check_patience()
                later = failure.reason == "rate_limited" and tally.rate_limited < _TURNED_AWAY_AT_MOST
                if not later and not self._health.down:
                    raise

    async def _try(self, request: Request, tally: _Tally) -> Completion:
        """Send `request` once, with money and room for it. Raises _AttemptError, Reformed or Stopping."""
        async with self._slots:
            return await self._send(request, tally)

    async def _send(self, request: Request, tally: _Tally) -> Completion:
        import openai

        reservation = await self._afford(request)
        try:
            grant = await self._admitted(request)
        except BaseException:
            self._budget.release(reservation)
            self._stop.room.set()
            raise
        usage: Usage | None = None
        headers: Mapping[str, str] = {}
        failure: Failure | None = None
        counts = True  # as a call that was made: being told to come later, or in another form, is none
        self.in_flight += 1
        try:
            reply = await self._endpoint.complete(request, shards=self._shards(request))
            usage, headers = reply.completion.usage, reply.headers
            self.answered += 1
            self._health.answered()
            return reply.completion
        except Reformed:
            usage, counts = Usage(), False
            raise
        except (openai.APIError, TimeoutError, ValueError) as error:
            failure = classify(error)
            usage, counts = Usage() if failure.unbilled else None, failure.reason != "rate_limited"
            headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
            tally.uncounted += usage is None
            raise _AttemptError(failure) from None
        finally:
            self.in_flight -= 1
            if counts:
                self._budget.settle(reservation, usage)
            else:
                self._budget.release(reservation)
            self._stop.room.set()
            if failure is not None and failure.reason == "rate_limited":
                tally.rate_limited += 1
                self.rate_limited += 1
            if failure is not None and failure.busy:
                wait_s = None if failure.wait_s is None else min(LONGEST_PAUSE_S, failure.wait_s)
                self._limiter.turned_away(grant, wait_s, headers)
            else:
                self._limiter.settle(grant, usage, headers)

    async def _afford(self, request: Request) -> Reservation:
        """Room in the budget: at once, or when calls in flight have cost less than they might have."""
        while True:
            self._stop.check()
            if (reservation := self._budget.reserve(request)) is not None:
                return reservation
            if self._budget.in_flight:
                await self._stop.wait_for_room()
            else:
                self._stop.set(stops.at_the_cap(self._budget.cap(request), self._saved()))

    async def _admitted(self, request: Request) -> Grant:
        """The limiter's leave to send, in the order of asking."""
        async with self._turnstile:
            while True:
                self._stop.check()
                grant = self._limiter.reserve(request)
                if not isinstance(grant, float):
                    return grant
                self._check_patience()
                await self._stop.sleep(min(grant, _GLANCE_S))

    def _check_patience(self) -> None:
        """Raises Stopping when nothing has come through for too long."""
        failure = self._health.last
        if self._health.hopeless and failure is not None:
            silent_s, detail = self._health.silent_s, self._endpoint.redacted(failure.detail)
            self._stop.set(stops.out_of_patience(failure, silent_s, self._settings, detail, self._saved()))
        self._stop.check()

    def _shards(self, request: Request) -> int:
        """Prompt-cache keys to spread the calls over, so that none is used more often than a cache bears.

        A static part that reaches beyond the first message is one passage's: its few calls belong together.
        """
        if request.static is None or request.static[0] > 0:
            return 1
        rpm = self._limiter.rate_per_minute
        if rpm is None:
            rpm = 60 * self.answered / max(1.0, time.monotonic() - self._started)
        return max(1, math.ceil(rpm / _PER_CACHE_KEY_RPM))


def _failure(state: tenacity.RetryCallState) -> Failure:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _AttemptError)  # noqa: S101 - `again` has seen to it before wait and stop are asked
    return error.failure

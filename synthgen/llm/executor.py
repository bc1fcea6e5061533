"""Makes one call, with everything that can happen between a request and its answer.

An attempt passes four gates: the health of the server (`health`), money for the worst case (`budget`), permission to
send now (`limits`), and the form of the request (the connection). Failures that may pass are tried again, at most
`max_attempts` times and with at most `max_wait_s` between attempts. A 429 does not count as an attempt, and neither
does a failed connection while the server is down. Failures that the request itself may have caused (500, a timeout)
always count: otherwise a few bad requests at the end of a run would look like an outage and never end.

A call that waits before its next attempt leaves its place to another (`on_rest`). How many are in flight at a time, and
when one is given up, is learned from how long the server takes (`concurrency`, `deadlines`).

A 503 counts twice: for `health` as a sign of an outage, and for the limiter as a sign of too many requests. A
provider does not retry.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from synthgen.errors import ModelError
from synthgen.llm import Check
from synthgen.llm import stopping as stops
from synthgen.llm.call_store import Call
from synthgen.llm.call_times import CallTimes
from synthgen.llm.contract import breach
from synthgen.llm.costs.budget import Reservation
from synthgen.llm.echo import without_echo
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.base import Connection, ProviderResponse, Reformed
from synthgen.llm.rate_limit import retry
from synthgen.llm.rate_limit.call_slots import CallSlots
from synthgen.llm.rate_limit.circuit_breaker import LONGEST_PAUSE_S
from synthgen.llm.rate_limit.concurrency import AdaptiveConcurrency
from synthgen.llm.rate_limit.deadlines import Deadlines
from synthgen.llm.rate_limit.limiter import Grant
from synthgen.llm.session import Session
from synthgen.llm.solo_gate import SoloGate
from synthgen.llm.stopping import Stop, Stopping
from synthgen.llm.structured_output import ended_badly
from synthgen.records import Completion, Request, Usage

__all__ = ["Executor"]

_TURNED_AWAY_AT_MOST = 50  # by 429s, for one call while others get through
_REFORMED_AT_MOST = 20  # times, for one call: an API has fewer fields that a provider may have to change
_GLANCE_S = 0.5
_LARGE_CHARS = 50_000  # of an answer: a larger one is read beside the event loop, which other calls wait for
_REFUSES_WITHIN_S = 0.5  # a server refuses the form of a request before it works on the answer
_NO_USAGE = Usage()
_PER_CACHE_KEY_RPM = 15  # requests per prompt-cache key, from the guide to prompt caching of the API that has such keys


@dataclass(slots=True)
class _Attempts:
    """Counters over the attempts of one call."""

    started: float
    attempts: int = 0
    rate_limited: int = 0
    uncounted: int = 0
    reformed: int = 0
    given_up: int = 0


class Executor:
    """Makes calls for all workers of a fill. `on_rest` is called when a call begins to wait before its next attempt."""

    def __init__(
        self,
        connection: Connection,
        endpoint: Endpoint,
        session: Session,
        check: Check | None,
        stop: Stop,
        *,
        on_rest: Callable[[], None],
    ) -> None:
        self.in_flight = self.answered = self.rate_limited = 0
        self._connection = connection
        self._endpoint = endpoint
        self._budget = session.budget
        self._limiter = session.limiter
        self._health = session.health
        self._prompts = session.prompts
        self._check = check
        self._stop = stop
        self._clock = session.clock
        self.times = CallTimes(session.clock)
        self._started = self._clock()
        self._health.begin()
        self._slots = CallSlots(AdaptiveConcurrency(endpoint.settings.concurrency, self._clock))
        self._deadlines = Deadlines(endpoint.settings.timeout_s, lambda: self.times.slow_s, self._clock)
        self._on_rest = on_rest
        self.resting = 0  # calls that wait before their next attempt, and hold nobody up
        self._gate = SoloGate()  # held by the one call that goes alone (`_open`)
        self._refused: Request | None = None  # of the last failure
        self._turnstile = asyncio.Lock()  # held by the call that waits for the limiter: first come, first served

    @property
    def waiting(self) -> str:
        """Why nothing is sent at the moment; "" when something is."""
        if self._health.down:
            return f"no answer for {self._health.silent_s:.0f} s; one call at a time tries again"
        return self._limiter.waiting if self._turnstile.locked() else ""

    @property
    def findings(self) -> str:
        """What was found out about the server, for people; "" where there is nothing to say."""
        return "; ".join(filter(None, (self._prompts.finding, self._limiter.findings, self._slots.concurrency.findings)))

    async def call(self, request: Request) -> Call:
        """Return the finished call, answered or failed for good. Raises Stopping when it is left for another run."""
        tally = _Attempts(self._clock())
        try:
            completion = await self._retried(request, tally)
        except AttemptError as error:
            failure, detail = error.failure, self._said(request, error.failure.detail)
            if failure.scope == "run":
                self._stop.set(lambda _: stops.hopeless(failure, request.model, self._endpoint, detail))
            if failure.scope != "call":
                self._stop.check()
            completion, reason = Completion(request.key, ""), failure.reason
        else:
            large = len(completion.text) > _LARGE_CHARS
            reason, said = await asyncio.to_thread(self._read, completion) if large else self._read(completion)
            detail = self._endpoint.redacted(said)
        return Call(
            completion,
            "failed" if reason else "ok",
            reason,
            detail,
            tally.attempts,
            self._clock() - tally.started,
            datetime.now(UTC).isoformat(timespec="seconds"),
            tally.rate_limited,
            tally.uncounted,
        )

    def _read(self, completion: Completion) -> tuple[str, str]:
        if self._check is not None:
            return self._check(completion)
        reason = ended_badly(completion)
        return reason, completion.refusal or (completion.finish_reason if reason else "")

    async def _retried(self, request: Request, tally: _Attempts) -> Completion:
        import tenacity

        policy = retry.policy(self._endpoint.settings, request.key, unless=lambda _: bool(self._stop) or self._health.hopeless)
        async for attempt in tenacity.AsyncRetrying(**policy, sleep=self._rest):
            with attempt:
                tally.attempts = attempt.retry_state.attempt_number
                return await self._attempt(request, tally)
        raise AssertionError("tenacity ends with a result or an error")

    async def _attempt(self, request: Request, tally: _Attempts) -> Completion:
        """Make one attempt that counts. Raises AttemptError or Stopping."""
        while True:
            try:
                if self._open(request):
                    return await self._try(request, tally)
                async with self._gate:
                    if not self._open(request):  # this may have changed while the call was in the queue
                        await self._stop.sleep(self._health.pause_s())
                        with self._gate.opened_after(_REFUSES_WITHIN_S, request.model, unless=lambda: self._health.down):
                            return await self._try(request, tally)
            except Reformed as error:
                self._gate.accepted.discard(request.model)
                tally.reformed += 1
                if tally.reformed >= _REFORMED_AT_MOST:
                    detail = self._said(request, str(error))
                    self._end(stops.reformed_too_often(tally.reformed, request.model, self._endpoint, detail))
            except AttemptError as error:
                failure = error.failure
                if failure.scope != "attempt":
                    raise
                self._health.failed(failure)
                self._refused = request
                if self._health.pointless(tally.attempts):
                    raise AttemptError(replace(failure, scope="run")) from None
                later = failure.reason == "rate_limited" and tally.rate_limited < _TURNED_AWAY_AT_MOST
                counts = not later and not (failure.away and self._health.down)
                self._check_patience()
                if counts:
                    raise
                if later:
                    await self._rest(retry.pause_s(tally.rate_limited, failure.wait_s, request.key))

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt of a call, while another one is made in its place."""
        self.resting += 1
        try:
            self._on_rest()
            await self._stop.sleep(seconds)
        finally:
            self.resting -= 1

    def close(self) -> None:
        self._deadlines.close()

    def _open(self, request: Request) -> bool:
        """Whether calls like this one may run side by side.

        A single call finds out whether a server is back, or the form of request: until it is answered, or not refused
        for so long that the server is at work on it.
        """
        accepted = request.model in self._gate.accepted or self._connection.proven(request.model)
        return accepted and not self._health.down

    async def _try(self, request: Request, tally: _Attempts) -> Completion:
        """Send `request` once, with money and room for it. Raises AttemptError, Reformed or Stopping."""
        async with self._slots:
            return await self._send(request, tally)

    async def _send(self, request: Request, tally: _Attempts) -> Completion:
        reservation = await self._afford(request)
        try:
            grant = await self._admitted(request)
        except BaseException:
            self._budget.release(reservation)
            self._stop.room.set()
            raise
        self.in_flight += 1
        number, began, answer = self.in_flight, self.times.begin(), None
        try:
            answer = await self._asked(request, tally)
        except Reformed:
            self._budget.release(reservation)
            self._limiter.settle(grant, Usage(), {})
            raise
        except AttemptError as error:
            self._book_failure(error, reservation, grant, tally)
            raise
        except BaseException:  # cancelled: its cost is unknown
            self._budget.settle(reservation, None)
            self._limiter.settle(grant, None, {})
            raise
        finally:
            self.in_flight -= 1
            took_s = self.times.end(began, answered=answer is not None)
            self._stop.room.set()
        if problem := breach(answer, request):
            self._budget.settle(reservation, None)
            self._limiter.settle(grant, None, {})
            self._end(stops.broken_contract(problem, self._endpoint))
        completion = self._endpoint.masked(answer.completion)
        usage = None if completion.usage == _NO_USAGE else completion.usage
        tally.uncounted += usage is None
        self._budget.settle(reservation, usage)
        self._limiter.settle(grant, usage, answer.headers)
        self._health.answered()
        self._prompts.observe(request, completion.usage)
        self._slots.answered(number, took_s, self.in_flight)
        self.answered += 1
        return completion

    async def _asked(self, request: Request, tally: _Attempts) -> ProviderResponse:
        """Return the answer to one request, unless its deadline passes."""
        deadline, answer = self._deadlines.start(tally.given_up), None
        try:
            async with deadline.bound:
                answer = await self._connection.complete(request, shards=self._shards(request), began=deadline.begin)
            return answer
        except TimeoutError:
            if deadline.given_s is None:  # one of the provider's own, which breaks the contract
                raise
            tally.given_up += 1
            what = "the answer began but was not complete" if deadline.began else "no answer began"
            raise AttemptError(Failure("attempt", "timeout", f"{what} within {deadline.given_s:.3g} s")) from None
        finally:
            self._deadlines.end(deadline, answered=answer is not None)

    def _end(self, error: ModelError) -> NoReturn:
        """End the run with `error`, once the calls in flight are finished."""
        self._stop.set(lambda _: error)
        raise Stopping

    def _book_failure(self, error: AttemptError, reservation: Reservation, grant: Grant, tally: _Attempts) -> None:
        failure, headers = error.failure, error.headers
        usage = Usage() if failure.unbilled else None
        tally.uncounted += usage is None
        if failure.reason == "rate_limited":  # a 429 is not counted as a call
            tally.rate_limited += 1
            self.rate_limited += 1
            self._budget.release(reservation)
        else:
            self._budget.settle(reservation, usage)
        if failure.busy:
            wait_s = None if failure.wait_s is None else min(LONGEST_PAUSE_S, failure.wait_s)
            self._limiter.turned_away(grant, wait_s, headers)
        else:
            self._limiter.settle(grant, usage, headers)

    async def _afford(self, request: Request) -> Reservation:
        """Reserve room in the budget: at once, or when calls in flight have cost less than their worst case."""
        while True:
            self._stop.check()
            if (reservation := self._budget.reserve(request)) is not None:
                return reservation
            if self._budget.in_flight:
                await self._stop.wait_for_room()
            else:
                self._stop.set(partial(stops.at_the_cap, self._budget.cap(request)))

    async def _admitted(self, request: Request) -> Grant:
        """Return the limiter's permission to send, in the order of asking."""
        async with self._turnstile:
            while True:
                self._stop.check()
                grant = self._limiter.reserve(request)
                if not isinstance(grant, float):
                    return grant
                self._check_patience()
                await self._stop.sleep(min(grant, _GLANCE_S))

    def _said(self, request: Request | None, message: str) -> str:
        """Return a server's message about a request without the key and without the request's own text."""
        return self._endpoint.redacted(without_echo(message, [one["content"] for one in request.messages] if request else []))

    def _check_patience(self) -> None:
        """Raise Stopping when no answer has arrived for too long.

        A failure that may be the call's own ends only the call.
        """
        failure = self._health.last
        if self._health.hopeless and failure is not None and failure.away:
            silent_s, detail = self._health.silent_s, self._said(self._refused, failure.detail)
            self._stop.set(partial(stops.out_of_patience, failure, silent_s, self._endpoint, detail))
        self._stop.check()

    def _shards(self, request: Request) -> int:
        """Return the number of prompt-cache keys to spread the calls over, so that no key exceeds the rate a cache
        serves.

        A static part that reaches beyond the first message belongs to one passage: its few calls share a key.
        """
        if request.static is None or request.static[0] > 0:
            return 1
        rpm = self._limiter.rate_per_minute
        if rpm is None:
            rpm = 60 * self.answered / max(1.0, self._clock() - self._started)
        return max(1, math.ceil(rpm / _PER_CACHE_KEY_RPM))

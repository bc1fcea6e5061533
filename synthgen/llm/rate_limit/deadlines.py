"""When a call is given up: not while the server works through calls that were sent before it.

A call has `timeout_s`. The time starts anew with every answer to a call that was sent earlier, because a server that
works on one request after another gets to this one in its turn. Answers to later calls change nothing: a call that
others overtake is not in a queue. Where answers take long, a call has three times as long as the slowest of them, and a
call that was given up has twice as long in its next attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Deadline", "Deadlines"]

_TIMES_THE_SLOWEST = 3.0
_CHECKS = 20  # within the time of a call
_SHORTEST_CHECK_S, _LONGEST_CHECK_S = 0.05, 2.0


@dataclass(slots=True, eq=False)
class Deadline:
    """The deadline of one attempt. `began` is set when its answer begins, `given_s` when it is given up."""

    number: int
    since: float
    factor: int
    bound: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))
    began: bool = False
    given_s: float | None = None

    def begin(self) -> None:
        self.began = True


class Deadlines:
    """The deadlines of all calls in flight. `slowest_s` returns how long slow answers took lately, 0 before any.

    `clock` returns seconds.
    """

    def __init__(self, timeout_s: float, slowest_s: Callable[[], float], clock: Callable[[], float]) -> None:
        self._timeout_s = timeout_s
        self._slowest_s = slowest_s
        self._clock = clock
        self._open: dict[int, Deadline] = {}  # in the order of sending
        self._last = 0
        self._answered: int | None = None  # the earliest call that was answered since the last check
        self._check_s = min(_LONGEST_CHECK_S, max(_SHORTEST_CHECK_S, timeout_s / _CHECKS))
        self._next: asyncio.TimerHandle | None = None

    def start(self, given_up: int) -> Deadline:
        """Return the deadline of an attempt that begins now, of a call that was given up so many times before."""
        self._last += 1
        deadline = self._open[self._last] = Deadline(self._last, self._clock(), 2**given_up)
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(self._check_s, self._check)
        return deadline

    def end(self, deadline: Deadline, *, answered: bool) -> None:
        """Record the end of an attempt."""
        del self._open[deadline.number]
        if answered and (self._answered is None or deadline.number < self._answered):
            self._answered = deadline.number

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _check(self) -> None:
        now, loop = self._clock(), asyncio.get_running_loop()
        earliest, self._answered = self._answered, None
        allowed_s = max(self._timeout_s, _TIMES_THE_SLOWEST * self._slowest_s())
        for deadline in self._open.values():
            if earliest is not None and deadline.number > earliest:
                deadline.since = now
            elif now - deadline.since >= allowed_s * deadline.factor and deadline.given_s is None:
                deadline.given_s = allowed_s * deadline.factor
                deadline.bound.reschedule(loop.time())
        self._next = loop.call_later(self._check_s, self._check) if self._open else None

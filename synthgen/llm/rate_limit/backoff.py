"""Pauses shared by all calls: those the server asks for, and growing ones while it takes nothing at all.

After a pause of the second kind a single call tries. The next one tries when this one is known to be accepted, or after
a longer pause. So an exhausted quota per minute costs some rejected requests instead of thousands, and an outage costs
few.

A 429 reaches `Backoff.refused` through `limiter`, whose docstring follows it from end to end.
"""

from __future__ import annotations

import math

from synthgen.llm.rate_limit.quota import in_words
from synthgen.records import random_for

__all__ = ["Backoff"]

_IN_VAIN = 8
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 15.0
_JITTER_S = 1.0
_LONG_SHUT_S = 5.0


class Backoff:
    """The pauses. `shut` while nothing is accepted. Requests are identified by the numbers of their grants, which grow."""

    def __init__(self) -> None:
        self.shut = False
        self._opens_at = -math.inf
        self._probe_known_at = -math.inf
        self._last_before = 0  # the last grant before the last pause
        self._pause_s = 0.0
        self._in_vain = 0
        self._in_vain_since = 0
        self._shut_at = 0.0

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next request may try; zero or less when it may now."""
        return max(self._opens_at, self._probe_known_at) - now if self.shut else self._opens_at - now

    def sent(self, known_at: float) -> None:
        """Record an attempt. While it is shut, one call tries at a time. At `known_at` its rejection would be known."""
        if self.shut:
            self._probe_known_at = known_at

    def taken(self, number: int, now: float) -> bool:
        """Record an accepted request. Returns whether this ends a long time of refusals."""
        if number > self._in_vain_since:
            self._in_vain = 0
        opens = self.shut and number > self._last_before
        if opens:
            self.shut, self._pause_s = False, 0.0
        return opens and now > self._shut_at + _LONG_SHUT_S

    def refused(self, number: int, last: int, now: float, *, key: str, told_s: float) -> bool:
        """Record a refusal. Returns whether it shuts the gate for all calls.

        `last` is the last grant given, `told_s` the wait that the server asked for. Some requests sent since the first
        refusal may still be under way, so half of them must be back.
        """
        was_shut, pause_s = self.shut, told_s
        self._in_vain += 1
        if self._in_vain == 1:
            self._in_vain_since = number
        nothing_taken = self._in_vain >= _IN_VAIN and 2 * self._in_vain > number - self._in_vain_since
        if nothing_taken and number > self._last_before:
            self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s or _FIRST_PAUSE_S)
            self._last_before, self._probe_known_at = last, -math.inf
            self._shut_at = self._shut_at if was_shut else now
            self.shut, pause_s = True, max(told_s, self._pause_s)
        if pause_s > 0:
            # Other programs get the same time to wait, and all would come back at once.
            jitter_s = min(_JITTER_S, pause_s / 10) * random_for(0, key).random()
            self._opens_at = max(self._opens_at, now + pause_s + jitter_s)
        return self.shut and not was_shut

    def reason(self, now: float) -> str:
        pause = in_words(self.wait_s(now))
        return f"all requests are rejected, next try in {pause}" if self.shut else f"the server asked to wait {pause}"

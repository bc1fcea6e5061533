"""Growing pauses of all calls while a server takes nothing at all, and at least as long as it asks for.

After a pause a single call tries. The next one tries when this one is known to be accepted, or after a longer pause. So
an exhausted quota per minute costs some rejected requests instead of thousands, and an outage costs few.

A refusal among accepted requests pauses its own call only (`retry`): what the server asks for is a fact about one
request until all of them are refused.

A 429 reaches `Backoff.refused` through `limiter`, whose docstring follows it from end to end.
"""

from __future__ import annotations

import math

from synthgen.llm.rate_limit.quota import in_words
from synthgen.records import random_for

__all__ = ["Backoff"]

_IN_VAIN = 6
_IN_VAIN_SHARE = 0.75
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 15.0
_JITTER_S = 1.0
_CHANCE = 1e-8  # of so many rejections one after another, where they are weather


class Backoff:
    """The pauses. `shut` while nothing is accepted. Requests are identified by the numbers of their grants, which grow."""

    def __init__(self) -> None:
        self.shut = False
        self._opens_at = -math.inf
        self._probe_known_at = -math.inf
        self._last_before = 0  # the last grant before the last pause
        self._pause_s = 0.0
        self._shut_at = 0.0
        self._last_taken = 0
        self._in_vain: dict[int, float] = {}  # requests rejected after that one, and until when they were told to wait

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next request may try; zero or less when it may now."""
        return max(self._opens_at, self._probe_known_at) - now if self.shut else -math.inf

    def sent(self, known_at: float) -> None:
        """Record an attempt. While it is shut, one call tries at a time. At `known_at` its rejection would be known."""
        if self.shut:
            self._probe_known_at = known_at

    def taken(self, number: int, now: float) -> float | None:
        """Record an accepted request. Where it ends a time in which nothing was taken, returns for how long that was."""
        if number > self._last_taken:
            self._last_taken = number
            self._in_vain = {later: until for later, until in self._in_vain.items() if later > number}
        opens = self.shut and number > self._last_before
        if opens:
            self.shut, self._pause_s = False, 0.0
        return now - self._shut_at if opens else None

    def refused(self, number: int, last: int, now: float, *, key: str, told_s: float, weather: float) -> bool:
        """Record a refusal. Returns whether it shuts the gate for all calls.

        `last` is the last grant given, `told_s` the wait that the server asked for, `weather` the share of rejections
        that is usual. Answers may take longer than refusals, so three in four of the requests since the last accepted
        one must have been rejected, whatever the order in which that is heard.
        """
        was_shut = self.shut
        if number > self._last_taken:
            self._in_vain[number] = now + told_s
        enough = max(_IN_VAIN, math.log(_CHANCE) / math.log(min(0.5, max(0.01, weather))))
        since = max(self._in_vain, default=0) - self._last_taken - 1
        nothing_taken = len(self._in_vain) >= max(enough, _IN_VAIN_SHARE * since)
        if nothing_taken and number > self._last_before:
            self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s or _FIRST_PAUSE_S)
            self._last_before, self._probe_known_at = last, -math.inf
            self._shut_at = self._shut_at if was_shut else now
            self.shut = True
            pause_s = max(min(self._in_vain.values()) - now, self._pause_s)
            # Other programs get the same time to wait, and all would come back at once.
            jitter_s = min(_JITTER_S, pause_s / 10) * random_for(0, key).random()
            self._opens_at = max(self._opens_at, now + pause_s + jitter_s)
        return self.shut and not was_shut

    def reason(self, now: float) -> str:
        return f"all requests are rejected, next try in {in_words(max(0.0, self.wait_s(now)))}"

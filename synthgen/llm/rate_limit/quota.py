"""The quota per minute of one resource, requests or tokens: a sliding window with even spacing.

Both are needed. The window alone would send a minute's worth at once, which token buckets and limits per second reject.
Even spacing alone would drift over the limit with every estimate that is too low. The window is half a second longer
than a minute, because an even flow arrives unevenly.

The user's limit is never exceeded. The server's limit is lowered by what it reports as used beyond the book kept here:
another program uses the same key, or the server counts differently. The smaller of the two limits holds.

A limit whose reset is more than a minute and a half away is not a limit per minute but a longer one, and only its end
is taken into account. (Its length does not matter, and `reset x limit / used` gives it only for buckets: for windows
that end all at once it is far off.) Not covered: limits per second; they are taken for limits per minute.
"""

from __future__ import annotations

import math

from synthgen.llm.providers.base import LimitReading

__all__ = ["WINDOW_S", "Pacer", "Quota", "in_words"]

WINDOW_S = 60.5

_MINUTE_S = 60.0
_BURST_S = 0.25  # a caller that wakes up late by no more than this loses nothing
_SHORTEST_WAIT_S = 0.001
_LONGEST_RESET_S = 90.0
_NOISE = 0.01  # of a limit: a smaller difference to the server's count is ignored, since answers overtake each other
# A reset nearer than this is the end of a window. A farther one is when a bucket is full again; it has room before.
_END_OF_WINDOW_S = 50.0


class Pacer:
    """An even flow.

    `ahead` is what was sent before its time, at most a minute's worth; it drains at the rate of the flow.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self._at = 0.0

    def wait_s(self, now: float, per_s: float) -> float:
        """Return the seconds until the next may go; zero or less when it may go now."""
        self.ahead = max(0.0, min(self.ahead, _MINUTE_S * per_s) - per_s * (now - self._at))
        self._at = now
        return self.ahead / per_s - _BURST_S

    def resume(self, now: float, per_s: float) -> None:
        """Start with a single request instead of a burst, after a pause that the server asked for."""
        self.ahead, self._at = _BURST_S * per_s, now


class Quota:
    """The quota of one resource. `used` is what was sent within the last `WINDOW_S` seconds, as reserved, then as used."""

    def __init__(self, resource: str, told: int | None) -> None:
        self.used = 0.0
        self.pace = Pacer()
        self._resource = resource
        self._told = math.inf if told is None else float(told)
        self._stated = math.inf
        self._elsewhere = 0.0  # what the server counts beyond the book kept here; valid until the reset, or the next answer
        self._window_s = _SHORTEST_WAIT_S  # of the server, at least this long
        self._reset_at = -math.inf
        self._closed_until = -math.inf

    def per_minute(self, now: float) -> float:
        """Return the amount that may be used; infinite where no limit is known."""
        return min(self._told, self._stated - (self._elsewhere if now < self._reset_at else 0.0))

    def wait_s(self, now: float, amount: float, oldest_at: float) -> float:
        """Return the seconds until it is worth asking for `amount` again; zero or less when it is available now.

        `oldest_at` is when the oldest part of `used` was sent. An amount larger than the whole limit goes alone, when
        nothing else is used.
        """
        if now < self._closed_until:
            return self._closed_until - now
        limit = self.per_minute(now)
        if limit == math.inf:
            return 0.0
        foreign = self._elsewhere > 0 and now < self._reset_at
        if self.used + amount > limit and (self.used > 0 or foreign):
            leaves_s = oldest_at + WINDOW_S - now if self.used > 0 else math.inf
            # Never zero: by a rounding error the oldest may still be in the window at the moment when it should leave.
            return max(_SHORTEST_WAIT_S, min(leaves_s, self._reset_at - now) if foreign else leaves_s)
        return self.pace.wait_s(now, limit / _MINUTE_S)

    @property
    def stated(self) -> bool:
        """Whether the limit in force is one that the server states."""
        return self._stated < self._told

    def take(self, now: float, amount: float) -> None:
        self.used += amount
        if self.per_minute(now) != math.inf:
            self.pace.ahead += amount

    def hear(self, reading: LimitReading, now: float, *, booked: float) -> None:
        """Read the limit that an answer reports. `booked` was `used` when its request was sent, itself included.

        The server is believed when it reports less room than the book, and not when it reports more. A reading that
        cannot be one is ignored: with a limit of 0 or less nothing would ever be sent again.
        """
        if not _possible(reading):
            return
        reset_s = _MINUTE_S if reading.reset_s is None else reading.reset_s
        longer = reset_s > _LONGEST_RESET_S
        self._elsewhere, self._reset_at = 0.0, now + reset_s
        self._stated = math.inf if longer or reading.limit is None else reading.limit
        if reading.remaining is None:
            return
        if self._stated == math.inf:
            if reading.remaining < 1:
                self._closed_until = now + min(reset_s, _MINUTE_S)  # then try: some limits recover little by little
            return
        self._window_s = max(self._window_s, min(reset_s, _MINUTE_S))
        left = reading.remaining * _MINUTE_S / self._window_s  # some servers state the limit of a minute and count ten seconds
        beyond, noise = self._stated - left - max(booked, self.used), _NOISE * self._stated
        self._elsewhere = beyond + noise if beyond > noise else 0.0  # a little more, or there would never be any left
        if self._elsewhere and reading.remaining < 1 and reset_s < _END_OF_WINDOW_S:
            self._closed_until = self._reset_at

    def findings(self, now: float) -> str:
        """The limit in force, for people; "" where none is known."""
        limit = self.per_minute(now)
        return "" if limit == math.inf else f"{max(0.0, limit):,.0f} {self._resource} per minute"

    def reason(self, now: float) -> str:
        if now < self._closed_until:
            return f"the limit on {self._resource} is used up, reset in {in_words(self._reset_at - now)}"
        return f"at {max(0.0, self.per_minute(now)):,.0f} {self._resource} per minute"


def _possible(reading: LimitReading) -> bool:
    numbers = [one for one in (reading.limit, reading.remaining, reading.reset_s) if one is not None]
    return all(map(math.isfinite, numbers)) and (reading.limit is None or reading.limit > 0)


def in_words(seconds: float) -> str:
    """Return a duration for people: `12 s`, `7 min`, `5 h 20 min`."""
    if seconds < 100:
        return f"{max(1, math.ceil(seconds))} s"
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"

"""Learns from rejections how many requests per second a server takes.

Used where no limit is known or the known one is wrong. There is no rate until more than one request in nine is
rejected. Single 429s and 503s, which busy servers send at any rate, have no effect. Then:

    the first guess      what was taken in the last minute, as if the limit were one per minute
    doubling             every 5 s, since the limit may be one per second, until there is trouble again. Where nothing at
                         all was taken for long it begins a minute later: if the limit is one per minute, that minute is
                         full by then, and the trouble is small
    the second guess     if the last minute took about as much as at the first guess, the limit is one per minute, and
                         that is the rate; otherwise half the rate, which then grows faster than usual until the next
                         refusal
    from then on         5 % more in a minute, twice that after a quiet minute, and so on, but at most a tenth beyond what
                         the last minute took. A refusal lowers the rate to what the last minute took, by a tenth and
                         three times a minute at most; trouble lowers it by a tenth in any case

Requests are judged in the order in which they were sent. Those sent before the last change do not count, because they
carry no information on the new rate. Rates are of requests, even where the hidden limit is one of tokens.

Not covered: a server that has a hidden limit and also rejects more than 2 % at random; its limit is found too low.
"""

from __future__ import annotations

import math

from synthgen.llm.rate_limit.quota import WINDOW_S, Pacer

__all__ = ["AdaptiveRate"]

_TROUBLE = 8.0  # refusals
_TAKEN = 1 / 8  # share of a refusal that each accepted request cancels
_TOLD_PER_S = 4.0  # weight of a refusal per second of requested wait: the longer, the surer it is a limit and not an accident
_LEAST_GUESS = 0.1  # requests per second, where none was accepted before the first trouble
_SAME = 2.5  # two minutes that differ by less than this factor took the same: the first may have begun with a full bucket
_FALL = 0.9
_FALL_EVERY_S = 20.0
_MOST_BEYOND = 1.1
# Growth: requests per second added by one accepted request, which is also the relative growth of the rate per second.
_DOUBLING = math.log(2) / 5
_SEARCHING = math.log(2) / 60
_STEADY = 0.05 / 60


class AdaptiveRate:
    """A learned rate. `per_s` is in requests, and infinite until something was learned.

    Requests are identified by the numbers of their grants.
    """

    def __init__(self) -> None:
        self.per_s = math.inf
        self._pace = Pacer()
        self._binding = False
        self._growth = _DOUBLING
        self._first_guess = math.inf
        self._trouble = 0.0
        self._last_before = 0  # the last grant before the last change
        self._fell_at = -math.inf
        self._refused_at = -math.inf
        self._holds_until = -math.inf

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next request may go; zero or less when it may go now."""
        return 0.0 if self.per_s == math.inf else self._pace.wait_s(now, self.per_s)

    def resume(self, now: float) -> None:
        """Continue after a pause."""
        if self.per_s != math.inf:
            self._pace.resume(now, self.per_s)

    def sent(self) -> None:
        if self.per_s != math.inf:
            self._binding = self._pace.ahead > 0  # otherwise there is less work than the rate allows, and success means nothing
            self._pace.ahead += 1

    def taken(self, number: int, now: float, taken_per_s: float) -> None:
        """Record an accepted request. `taken_per_s` is the accepted rate of the last minute, here and below."""
        if number <= self._last_before:
            return
        self._trouble = max(0.0, self._trouble - _TAKEN)
        may_grow = self._growth != _STEADY or self.per_s < _MOST_BEYOND * taken_per_s
        if self._binding and may_grow and now > self._holds_until:
            quiet_minutes = min(10.0, (now - self._refused_at) / 60)
            self.per_s += min(_DOUBLING, self._growth * 2**quiet_minutes)

    def refused(self, number: int, last: int, now: float, taken_per_s: float, *, told_s: float, shut: bool) -> None:
        """Record a refusal.

        `last` is the last grant given. While the server takes nothing (`shut`), the rate does not change.
        """
        self._refused_at = now
        if number <= self._last_before:
            if self.per_s == self._first_guess:  # requests that counted as accepted were not
                self.per_s = self._first_guess = max(_LEAST_GUESS, taken_per_s)
        elif not shut:
            self._trouble += 1 + (_TOLD_PER_S * told_s if self._growth == _DOUBLING else 0.0)
            if self._trouble >= _TROUBLE:
                self.change(number, last, now, taken_per_s, floor_per_s=0.0)
            elif self._growth != _DOUBLING and now > self._fell_at + _FALL_EVERY_S:
                self.change(number, last, now, taken_per_s, floor_per_s=taken_per_s)

    def change(self, number: int, last: int, now: float, taken_per_s: float, *, floor_per_s: float) -> None:
        """React to trouble. Once both guesses are made the rate falls, but not below `floor_per_s`."""
        if number <= self._last_before:
            return
        if self.per_s == math.inf:
            self.per_s = self._first_guess = max(_LEAST_GUESS, taken_per_s)
            self._binding = True
        elif self._growth == _DOUBLING and taken_per_s < _SAME * self._first_guess:
            self.per_s, self._growth = taken_per_s, _STEADY
        elif self._growth == _DOUBLING:
            self.per_s, self._growth = max(taken_per_s, self.per_s / 2), _SEARCHING
        else:
            self.per_s, self._growth = max(_FALL * self.per_s, min(self.per_s, floor_per_s)), _STEADY
        self._trouble = 0.0
        self._fell_at, self._last_before = now, last

    def hold(self, now: float) -> None:
        """Do not grow for a minute."""
        self._holds_until = now + WINDOW_S

    def reason(self, now: float) -> str:
        return f"at {60 * self.per_s:,.0f} requests per minute; the server rejects more"

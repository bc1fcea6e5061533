"""Learns from rejections how many requests per second a server takes.

Used where no limit is known or the known one is wrong. Single rejections teach nothing: servers reject a share of
requests at any rate (`weather`). There is no rate until rejections accumulate beyond that share. Then:

    a trial              the rate goes down to what was accepted. If the share of rejections stays the same it was
                         weather, and there is no rate again; if it falls there is a limit, and that is the rate
    the first guess      if nothing at all is accepted any more: what was taken in the last minute, as if the limit were
                         one per minute
    doubling             from the first guess on, every 5 s, since the limit may be one per second, until there is
                         trouble again. Where nothing at all was taken for long it begins a minute later: if the limit
                         is one per minute, that minute is full by then, and the trouble is small
    the second guess     if the last minute took about as much as at the first guess, the limit is one per minute, and
                         that is the rate; otherwise half the rate, which then grows faster than usual until there is
                         trouble again
    from then on         the rate grows, slowly at first and twice as fast every 5 s. For a minute it stays within a
                         tenth of what the last minute took; a minute without trouble proves that this limit is none.
                         Trouble lowers the rate to what was accepted

Requests are judged in the order in which they were sent. Those sent before the last change do not count, because they
carry no information on the new rate. Rates are of requests, even where the hidden limit is one of tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from synthgen.llm.rate_limit.quota import WINDOW_S, Pacer
from synthgen.llm.rate_limit.weather import Comparison, Weather

__all__ = ["AdaptiveRate"]

_LEAST_GUESS = 0.1  # requests per second, where none was accepted before the first trouble
_SAME = 2.5  # two minutes that differ by less than this factor took the same: the first may have begun with a full bucket
_LOWEST_FALL, _FALL, _LEAST_FALL = 0.5, 0.85, 0.93
_MOST_BEYOND, _MOST_BEYOND_CONFIRMED = 1.12, 1.06
_ASKS_AGAIN_S = 20.0
_EXCESS_FREE = 0.2  # the rise of the share of rejections that is looked for while there is no rate
_EXCESS = 0.07  # and while there is one
_QUIET_S, _CLEAR, _FALLS = 15.0, 0.02, 4
_AGAIN, _QUIET, _LONGEST_QUIET_S = 0.3, 300, 4 * WINDOW_S
_HALF_A_MINUTE_S = 30.0  # the rate of so long is worth something
_LOW_SHARE = 0.04
_LEVELS = 0.6, 1.0  # the lower and the higher rate of a comparison
_LEARNS_FOR_S, _LEARNS = 10.0, 20
_LEVEL_S, _LEVEL_REQUESTS = 2.0, 10
_FASTER_EVERY_S, _FASTER_LATER_S, _FASTER_EVERY = 7.0, 5.0, 80
# Growth: requests per second added by one accepted request, which is also the relative growth of the rate per second.
_DOUBLING = math.log(2) / 5
_BACK, _NEARLY = 0.05, 0.85  # towards a rate that was too high, up to this share of it
_SEARCHING = math.log(2) / 10
_STEADY = 0.05 / 60


class AdaptiveRate:
    """A learned rate. `per_s` is in requests, and infinite until something was learned.

    Requests are identified by the numbers of their grants.
    """

    def __init__(self) -> None:
        self.per_s = math.inf
        self.weather = Weather()
        self._pace = Pacer()
        self._free = True  # there is no rate but for a comparison
        self._fast = True
        self._level_at, self._level_sent = -math.inf, 0
        self._comparison: Comparison | None = None
        self._binding = False
        self._growth = _DOUBLING
        self._first_guess = math.inf
        self._falls = 0  # one after another
        self._confirmed = False  # found more than once
        self._quiet_s = WINDOW_S  # without trouble, until the rate may go far beyond what is known
        self._refused_at = 0.0  # the last rate that was too high
        self._known = 0.0  # the last rate that was found to be accepted
        self._first_at = math.inf  # when the first request ended
        self._last_before = 0  # the last grant before the last change
        self._changed_at = -math.inf
        self._holds_until = -math.inf
        self._judged = 0  # requests since then
        self._asks_again_s = _ASKS_AGAIN_S
        self._asks_again_at = math.inf

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next request may go; zero or less when it may go now."""
        if self.per_s == math.inf:
            return 0.0
        if self._comparison and now > self._level_at + _LEVEL_S and self._level_sent >= _LEVEL_REQUESTS:
            self._fast, self._level_at, self._level_sent = not self._fast, now, 0
            self.resume(now)
        return self._pace.wait_s(now, self._rate)

    @property
    def _rate(self) -> float:
        return self.per_s * _LEVELS[self._fast] if self._comparison else self.per_s

    def resume(self, now: float) -> None:
        """Continue after a pause."""
        if self.per_s != math.inf:
            self._pace.resume(now, self._rate)

    def sent(self) -> bool:
        """Record a request. Returns whether it is sent at the higher rate."""
        if self.per_s != math.inf:
            self._binding = self._pace.ahead > 0  # otherwise there is less work than the rate allows, and success means nothing
            self._pace.ahead += 1
            self._level_sent += 1
        return self._fast

    def taken(self, number: int, last: int, now: float, taken_per_s: float, *, fast: bool) -> None:
        """Record an accepted request. `taken_per_s` is the accepted rate of the last minute, here and below."""
        if number <= self._last_before:
            return
        self._judge(last, now, taken_per_s, lambda: taken_per_s, fast=fast, refused=False)
        if self._free or self._comparison or not self._binding or now <= self._holds_until:
            return
        quiet_s, known = now - self._changed_at, max(self._known, self._needed(taken_per_s))
        if self._growth == _STEADY and quiet_s > self._quiet_s:
            doublings = (quiet_s - self._quiet_s) / _FASTER_LATER_S
        elif self._growth != _STEADY or self.per_s < (_MOST_BEYOND_CONFIRMED if self._confirmed else _MOST_BEYOND) * known:
            doublings = quiet_s / _FASTER_EVERY_S
        else:
            return
        if self._confirmed:
            doublings = min(doublings, self._judged / _FASTER_EVERY)
        growth = min(max(self._growth, _SEARCHING), self._growth * 2 ** min(60.0, doublings))
        self.per_s += max(growth, _BACK) if self.per_s < _NEARLY * self._refused_at else growth

    def refused(
        self, number: int, last: int, now: float, taken_per_s: float, sent_per_s: Callable[[], float], *, fast: bool
    ) -> None:
        """Record a refusal while others are accepted.

        `last` is the last grant given. `sent_per_s` returns the rate of requests lately.
        """
        if number > self._last_before:
            self._judge(last, now, taken_per_s, sent_per_s, fast=fast, refused=True)

    def change(self, number: int, last: int, now: float, taken_per_s: float, in_a_minute: int) -> None:
        """React to a server that takes nothing any more."""
        if number <= self._last_before:
            return
        minute = now > self._first_at + _HALF_A_MINUTE_S
        needed = max(_LEAST_GUESS, self._needed(taken_per_s)) if minute else 0.0
        self._refused_at = 0.0 if self._free else self.per_s
        if self._free:
            self.per_s = self._first_guess = max(_LEAST_GUESS, self._needed(in_a_minute / WINDOW_S))
            self._free, self._binding, self._growth = False, True, _DOUBLING
        elif self._growth == _DOUBLING and minute and needed < _SAME * self._first_guess:
            self.per_s, self._growth = needed, _STEADY
        elif self._growth == _DOUBLING:
            self.per_s, self._growth = max(needed, self.per_s / 2), _SEARCHING
        else:
            self._growth = _STEADY
            self._fall(needed)
        self._turn(last, now)

    def reopen(self, now: float, taken_per_s: float, *, hold: bool) -> None:
        """Continue after a time in which nothing was taken; `hold`: without growth for a minute."""
        self._holds_until = now + WINDOW_S if hold else -math.inf
        if self.per_s == self._first_guess:
            self.per_s = self._first_guess = self._known = max(self._first_guess, self._needed(taken_per_s))
        self._changed_at = now
        self.resume(now)

    def reason(self, now: float) -> str:
        return f"at {60 * self.per_s:,.0f} requests per minute; the server rejects more"

    def _judge(
        self, last: int, now: float, taken_per_s: float, sent_per_s: Callable[[], float], *, fast: bool, refused: bool
    ) -> None:
        """Weigh the end of a request."""
        self._first_at = min(self._first_at, now)
        if self._comparison:
            self._comparison.count(fast=fast, refused=refused)
            if verdict := self._comparison.verdict():
                self._conclude(verdict, self._comparison, last, now, taken_per_s)
            return
        self._judged += 1
        steady = self._growth == _STEADY and not self._free
        if self._free or (steady and (now < self._changed_at + _LEARNS_FOR_S or self._judged < _LEARNS)):
            self.weather.learn(refused=refused)
        if self.weather.judge(refused=refused, excess=_EXCESS if steady else _EXCESS_FREE, enough=5.0 if steady else 8.0):
            quiet = now > self._changed_at + _QUIET_S
            self._falls = 1 if quiet else self._falls + 1
            if not self._free and self.weather.share < _CLEAR and self._falls <= _FALLS:
                self._growth, self._first_guess = _STEADY, math.inf
                self._fall(self._needed(taken_per_s) if now > self._first_at + WINDOW_S else _FALL * self.per_s)
                self._turn(last, now)
            else:
                self._compare(last, now, sent_per_s)
        elif refused and self._free and now > self._asks_again_at and self.weather.share > _LOW_SHARE:
            self._compare(last, now, sent_per_s)

    def _compare(self, last: int, now: float, sent_per_s: Callable[[], float]) -> None:
        if self._free:
            self.per_s = max(_LEAST_GUESS, sent_per_s())
        self._turn(last, now)
        self._comparison = Comparison(self.weather.share + _EXCESS / 2)
        self._fast, self._level_at, self._level_sent = False, now, 0

    def _conclude(self, verdict: str, comparison: Comparison, last: int, now: float, taken_per_s: float) -> None:
        if verdict == "limit":
            self.weather.accept(comparison.share_without_limit(self.weather.share))
            needed = self._needed(self.per_s * (1 - comparison.share(fast=True)))
            if now > self._first_at + WINDOW_S:
                needed = max(needed, self._needed(taken_per_s))
            self._fall(_LEAST_FALL * needed)
            self._free, self._growth, self._asks_again_s = False, _STEADY, _ASKS_AGAIN_S
            self._first_guess = math.inf
        elif verdict == "gone" and self._free:
            self.per_s = self._first_guess = self._known = max(_LEAST_GUESS, self._needed(taken_per_s))
            self._free, self._growth = False, _DOUBLING
        else:
            self.weather.accept(comparison.pooled)
            self.per_s, self._first_guess = math.inf if self._free else self.per_s, math.inf
            self._asks_again_s = 2 * self._asks_again_s
        self._asks_again_at = now + self._asks_again_s
        self._turn(last, now)

    def _fall(self, rate: float) -> None:
        """Lower the rate to `rate`, or as far as goes at once. It is asked again later when it was found before."""
        self._refused_at = self.per_s
        self.per_s = min(_LEAST_FALL * self.per_s, max(_LOWEST_FALL * self.per_s, rate))
        self._confirmed = self._known > 0 and abs(math.log(self.per_s / self._known)) < _AGAIN
        self._quiet_s = min(_LONGEST_QUIET_S, max(WINDOW_S, _QUIET / self.per_s)) if self._confirmed else WINDOW_S
        self._known = self.per_s

    def _turn(self, last: int, now: float) -> None:
        self.weather.forget_evidence()
        self._comparison, self._fast = None, True
        self._changed_at, self._last_before, self._judged = now, last, 0
        self.resume(now)

    def _needed(self, taken_per_s: float) -> float:
        """Return the rate of which `taken_per_s` are accepted."""
        return taken_per_s / (1 - min(0.9, self.weather.share))

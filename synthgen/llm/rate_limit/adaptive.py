"""Learns from rejections how many requests per second a server takes.

Used where no limit is known or the known one is wrong. Single rejections teach nothing: servers reject a share of
requests at any rate (`weather`). There is no rate until rejections accumulate beyond that share. Then:

    a comparison        the present rate and 0.6 of it take turns for a while. Where both are rejected alike it is
                        weather, and there is no rate again. Where the higher one is rejected more there is a limit, and
                        the rate is what was accepted. Where rejections are gone it was a window that was used up, and
                        the rate is a first guess
    the first guess     if nothing at all is accepted any more: what was taken in the last minute, as if the limit were
                        one per minute, or since the start if the server takes requests again soon. From there it
                        doubles (`growth`), since the limit may be one per second
    the second guess    if nothing is accepted any more and the last minute took about as much as the first guess says,
                        the limit is one per minute, and that is the rate; otherwise half the rate
    from then on        the rate grows (`growth`). Trouble lowers it: at once where rejections were rare before, and
                        after a comparison otherwise

Requests are judged in the order in which they were sent. Those sent before the last change do not count, because they
carry no information on the new rate. Rates are of requests, even where the hidden limit is one of tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from synthgen.llm.rate_limit.growth import DOUBLING, SEARCHING, STEADY, Growth
from synthgen.llm.rate_limit.quota import WINDOW_S, Pacer
from synthgen.llm.rate_limit.weather import Comparison, Weather

__all__ = ["AdaptiveRate"]

_LEAST_GUESS = 0.1  # requests per second, where none was accepted before the first trouble
_SAME = 2.5  # two minutes that differ by less than this factor took the same: the first may have begun with a full bucket
_HALF_A_MINUTE_S = 30.0  # what was taken in less time says little of a limit per minute

# Evidence of trouble: the rise of the share of rejections that is looked for, and how much of it is enough.
_RISE_FREE, _ENOUGH_FREE = 0.2, 8.0  # while there is no rate, or it is still far from the limit
_RISE, _ENOUGH = 0.07, 5.0
_LEARNS_FOR_S, _LEARNS = 10.0, 20  # seconds and requests after a fall whose rejections are weather: the rate is below the limit

_FALL, _LEAST_FALL, _LOWEST_FALL = 0.85, 0.93, 0.5  # factors
_RARE = 0.02  # share of rejections below which the rate falls without a comparison
_FALLS, _QUIET_S = 4, 15.0  # such falls one after another, at most; after so long without trouble they are counted anew

_LEVELS = 0.6, 1.0  # the lower and the higher rate of a comparison
_LEVEL_S, _LEVEL_REQUESTS = 1.0, 10  # the least time and number of requests at one of them before the other has its turn
_LOW_SHARE, _ASKS_AGAIN_S = 0.04, 20.0  # weather that is worse than this is compared again, after growing pauses


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
        self._growth = Growth()
        self._first_guess = math.inf
        self._falls = 0  # one after another
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
        self.per_s += self._growth.step(
            self.per_s, quiet_s=now - self._changed_at, requests=self._judged, needed=self._needed(taken_per_s)
        )

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
        self._growth.too_high = 0.0 if self._free else self.per_s
        if self._free:
            self.per_s = self._first_guess = max(_LEAST_GUESS, self._needed(in_a_minute / WINDOW_S))
            self._free, self._binding, self._growth.pace = False, True, DOUBLING
        elif self._growth.pace == DOUBLING and minute and needed < _SAME * self._first_guess:
            self.per_s, self._growth.pace = needed, STEADY
        elif self._growth.pace == DOUBLING:
            self.per_s, self._growth.pace = max(needed, self.per_s / 2), SEARCHING
        else:
            self._growth.pace = STEADY
            self._fall(needed)
        self._turn(last, now)

    def reopen(self, now: float, taken_per_s: float, *, hold: bool) -> None:
        """Continue after a time in which nothing was taken; `hold`: without growth for a minute."""
        self._holds_until = now + WINDOW_S if hold else -math.inf
        if self.per_s == self._first_guess:
            self.per_s = self._first_guess = self._growth.known = max(self._first_guess, self._needed(taken_per_s))
        self._changed_at = now
        self.resume(now)

    @property
    def findings(self) -> str:
        """What rejections have taught, for people."""
        if self._comparison:
            return "a lower rate is tried to find out why"
        if self._free:
            return "no limit seen"
        rate = f"about {float(f'{60 * self.per_s:.2g}'):,.10g} requests per minute"
        return f"{rate} are accepted" if self._growth.pace == STEADY else f"the limit is searched for, at {rate} now"

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
        steady = self._growth.pace == STEADY and not self._free
        if self._free or (steady and (now < self._changed_at + _LEARNS_FOR_S or self._judged < _LEARNS)):
            self.weather.learn(refused=refused)
        if self.weather.judge(
            refused=refused, excess=_RISE if steady else _RISE_FREE, enough=_ENOUGH if steady else _ENOUGH_FREE
        ):
            quiet = now > self._changed_at + _QUIET_S
            self._falls = 1 if quiet else self._falls + 1
            if not self._free and self.weather.share < _RARE and self._falls <= _FALLS:
                self._growth.pace, self._first_guess = STEADY, math.inf
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
        self._comparison = Comparison(self.weather.share + _RISE / 2)
        self._fast, self._level_at, self._level_sent = False, now, 0

    def _conclude(self, verdict: str, comparison: Comparison, last: int, now: float, taken_per_s: float) -> None:
        if verdict == "limit":
            self.weather.accept(comparison.share_without_limit(self.weather.share))
            needed = self._needed(self.per_s * (1 - comparison.share(fast=True)))
            if now > self._first_at + WINDOW_S:
                needed = max(needed, self._needed(taken_per_s))
            self._fall(_LEAST_FALL * needed)
            self._free, self._growth.pace, self._asks_again_s = False, STEADY, _ASKS_AGAIN_S
            self._first_guess = math.inf
        elif verdict == "gone" and self._free:
            self.per_s = self._first_guess = self._growth.known = max(_LEAST_GUESS, self._needed(taken_per_s))
            self._free, self._growth.pace = False, DOUBLING
        else:
            self.weather.accept(comparison.pooled)
            self.per_s, self._first_guess = math.inf if self._free else self.per_s, math.inf
            self._asks_again_s = 2 * self._asks_again_s
        self._asks_again_at = now + self._asks_again_s
        self._turn(last, now)

    def _fall(self, rate: float) -> None:
        """Lower the rate to `rate`, or as far as goes at once."""
        before, self.per_s = self.per_s, min(_LEAST_FALL * self.per_s, max(_LOWEST_FALL * self.per_s, rate))
        self._growth.fell(before, self.per_s)

    def _turn(self, last: int, now: float) -> None:
        self.weather.forget_evidence()
        self._comparison, self._fast = None, True
        self._changed_at, self._last_before, self._judged = now, last, 0
        self.resume(now)

    def _needed(self, taken_per_s: float) -> float:
        """Return the rate of which `taken_per_s` are accepted."""
        return taken_per_s / (1 - min(0.9, self.weather.share))

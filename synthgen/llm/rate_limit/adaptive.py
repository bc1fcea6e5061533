"""Learns from rejections how many requests per second a server takes.

Used where no limit is known or the known one is wrong. Single rejections teach nothing: servers reject a share of
requests at any rate (`weather`). There is no rate until rejections accumulate beyond that share. Then:

    a comparison        the present rate and a lower one take turns for a while (`comparison`). Where both are rejected
                        alike it is weather, and there is no rate again. Where the higher one is rejected more there is a
                        limit, and the rate is what was accepted. Where rejections are gone it was a window that was used
                        up, and the rate is a first guess
    the first guess     if nothing at all is accepted any more: what was taken in the last minute, as if the limit were
                        one per minute, or since the start if the server takes requests again soon. From there it
                        doubles (`growth`), since the limit may be one per second. A share of rejections that weather can
                        have does not end this: if it is a limit, the share rises as the rate does
    the second guess    if the rate doubles and no more is accepted than the first guess says, the limit is one per
                        minute, and what the last one took is the rate. If nothing is accepted any more and the last
                        minute took much more, it is half the rate
    from then on        the rate grows (`growth`) and falls. Suspicious rejections while a minute takes about as much as
                        one ever did lower it to what the last one took, and not much. Trouble lowers it at once where
                        rejections were rare before or the minute is full, a few times in a row, and otherwise after a
                        comparison
    after a long pause  the rate is what was accepted in the minute before it

Requests are judged in the order in which they were sent. Those sent before the last change do not count, because they
carry no information on the new rate. Rates are of requests, even where the hidden limit is one of tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from synthgen.llm.rate_limit.comparison import Comparison
from synthgen.llm.rate_limit.growth import DOUBLING, SEARCHING, STEADY, Growth
from synthgen.llm.rate_limit.last_minute import LastMinute
from synthgen.llm.rate_limit.quota import WINDOW_S, Pacer
from synthgen.llm.rate_limit.weather import Weather

__all__ = ["AdaptiveRate"]

_LEAST_GUESS = 0.1  # requests per second, where none was accepted before the first trouble
_SAME = 2.5  # two minutes that differ by less than this factor took the same: the first may have begun with a full bucket
_SAME_NOW = 1.4  # the same, of what is accepted at present
_HALF_A_MINUTE_S = 30.0  # what was taken in less time says little of a limit per minute

# Evidence: the rise of the share of rejections that is looked for, and how much of it is enough.
_RISE_FREE, _TROUBLE_FREE = 0.2, 8.0  # while there is no rate, or it is still far from the limit
_RISE, _TROUBLE = 0.07, 5.0
_SUSPICION = 2.0  # enough for a small fall
_LEARNS_FOR_S, _LEARNS = 5.0, 10  # seconds and requests after a fall whose rejections are weather: the rate is below the limit

_FALL, _LEAST_FALL, _LOWEST_FALL = 0.85, 0.93, 0.5  # factors
_SEARCHES_ON = 0.25  # share of rejections that may be weather while a limit is searched for
_RARE = 0.02  # share of rejections below which the rate falls without a comparison
_FALLS = 4  # one after another, at most
_LEFT = 1.02  # of the lowest rate: beyond it falls are counted anew

_LOW_SHARE, _ASKS_AGAIN_S = 0.04, 20.0  # weather that is worse than this is compared again, after growing pauses


class AdaptiveRate:
    """A learned rate. `per_s` is in requests, and infinite until something was learned.

    Requests are identified by the numbers of their grants, and `last` is the last one given. `minute` is kept up to date
    by the caller.
    """

    def __init__(self) -> None:
        self.per_s = math.inf
        self.weather = Weather()
        self.minute = LastMinute()
        self._pace = Pacer()
        self._free = True  # there is no rate but for a comparison
        self._comparison: Comparison | None = None
        self._binding = False
        self._growth = Growth()
        self._first_guess = math.inf
        self._falls = 0  # one after another
        self._lowest = math.inf  # rate of them
        self._last_before = 0  # the last grant before the last change
        self._changed_at = -math.inf
        self._judged = 0  # requests since then
        self._last_before_pause, self._in_a_minute = 0, 0  # the last grant before a pause, and what a minute had taken then
        self._reopened_at = self._holds_until = -math.inf
        self._asks_again_s = _ASKS_AGAIN_S
        self._asks_again_at = math.inf

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next request may go; zero or less when it may go now."""
        if self.per_s == math.inf:
            return 0.0
        if self._comparison is None:
            return self.minute.wait_s(self.per_s) or self._pace.wait_s(now, self.per_s)
        if self._comparison.turned(now):
            self.resume(now)
        return self._pace.wait_s(now, self._rate)

    def resume(self, now: float) -> None:
        """Continue after a pause."""
        if self.per_s != math.inf:
            self._pace.resume(now, self._rate)

    def sent(self, now: float) -> bool | None:
        """Record a request. Returns whether it is one at the higher rate of a comparison; None where it is none of it."""
        if self.per_s != math.inf:
            self._binding = self._pace.ahead > 0  # otherwise there is less work than the rate allows, and success means nothing
            self._pace.ahead += 1
        return self._comparison.sent(now) if self._comparison else None

    def taken(self, number: int, last: int, now: float, *, fast: bool | None) -> None:
        """Record an accepted request. `fast` is what `sent` returned for it, here and below."""
        if number <= self._last_before:
            return
        self._judge(last, now, lambda: self.minute.accepted_per_s, fast=fast, refused=False)
        if self._free or self._comparison or not self._binding or now <= self._holds_until:
            return
        if self._growth.pace != STEADY or self.minute.is_used(self._growth.known):
            self.per_s += self._growth.step(
                self.per_s, quiet_s=now - self._changed_at, requests=self._judged, needed=self._needed
            )

    def refused(self, number: int, last: int, now: float, sent_per_s: Callable[[], float], *, fast: bool | None) -> None:
        """Record a refusal while others are accepted. `sent_per_s` returns the rate of requests lately."""
        if number > self._last_before:
            self._judge(last, now, sent_per_s, fast=fast, refused=True)

    def shut(self, number: int, last: int, now: float) -> None:
        """React to a server that takes nothing any more."""
        self._last_before_pause, self._in_a_minute = last, self.minute.accepted
        if number <= self._last_before and not self._free and self._comparison is None:
            return
        known = now > self.minute.first_at + _HALF_A_MINUTE_S
        needed = max(_LEAST_GUESS, self._needed) if known else 0.0
        self._growth.too_high = 0.0 if self._free else self.per_s
        if self._free:
            self.per_s = self._first_guess = self._before_pause
            self._free, self._binding, self._growth.pace = False, True, DOUBLING
        elif self._growth.pace == DOUBLING and known and needed < _SAME * self._first_guess:
            self._guess_again()
        elif self._growth.pace == DOUBLING:
            self.per_s, self._growth.pace = max(needed, self.per_s / 2), SEARCHING
        else:
            self._growth.pace = STEADY
            self._fall(needed)
        self._turn(last, now)

    def refused_late(self, number: int) -> None:
        """Record a refusal in a pause: a request that counted as accepted before it was not."""
        self._in_a_minute -= number <= self._last_before_pause

    def reopen(self, now: float, *, long: bool) -> None:
        """Continue after a pause in which nothing was taken. After a long one there is no growth for a minute."""
        self._reopened_at = now
        self._holds_until = now + WINDOW_S if long else -math.inf
        first = self.per_s == self._first_guess < math.inf
        if not self._free and (long or self.minute.is_limited):
            self.minute.hold(self._in_a_minute)
            if first:
                self.per_s = self._before_pause
            elif self._before_pause < self.per_s:
                self._growth.fell(self.per_s, self._before_pause)
                self.per_s = self._before_pause
        if first:
            self.per_s = self._first_guess = self._growth.known = max(self.per_s, self._needed)
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

    @property
    def _rate(self) -> float:
        return self.per_s * self._comparison.factor if self._comparison else self.per_s

    @property
    def _needed(self) -> float:
        """The rate of which as many are accepted as in the last minute."""
        return self._for(self.minute.accepted_per_s)

    @property
    def _before_pause(self) -> float:
        return max(_LEAST_GUESS, self._for(self._in_a_minute / WINDOW_S))

    def _for(self, accepted_per_s: float) -> float:
        """Return the rate of which so many are accepted."""
        return accepted_per_s / (1 - min(0.9, self.weather.share))

    def _judge(self, last: int, now: float, sent_per_s: Callable[[], float], *, fast: bool | None, refused: bool) -> None:
        """Weigh the end of a request."""
        if self._comparison:
            if fast is not None:
                self._comparison.count(fast=fast, refused=refused)
            if verdict := self._comparison.verdict():
                self._conclude(verdict, self._comparison, last, now)
            return
        self._judged += 1
        steady = self._growth.pace == STEADY and not self._free
        below = self.minute.is_below
        fell = now < self._changed_at + _LEARNS_FOR_S or self._judged < _LEARNS
        if self._free or below or (steady and fell):
            self.weather.learn(refused=refused)
        rise, trouble = (_RISE, _TROUBLE) if steady else (_RISE_FREE, _TROUBLE_FREE)
        if self.weather.judge(refused=refused, excess=rise, enough=trouble):
            self._react(last, now, sent_per_s)
        elif refused and steady and not below and self.weather.evidence >= _SUSPICION and self.minute.is_limited:
            self._fall_a_little(last, now)
        elif refused and self._free and now > self._asks_again_at and self.weather.share > _LOW_SHARE:
            self._compare(last, now, sent_per_s)

    def _react(self, last: int, now: float, sent_per_s: Callable[[], float]) -> None:
        """React to trouble."""
        self._falls = 1 if self.per_s > _LEFT * self._lowest else self._falls + 1
        self._lowest = min(self.per_s, self._growth.known or math.inf)
        no_weather = self.weather.share < _RARE or self.minute.is_full
        if self._doubles_in_vain(now):
            self.weather.forget_evidence()
            self._guess_again()
            self._turn(last, now)
        elif not self._free and no_weather and not self.minute.is_below and self._falls <= _FALLS:
            self._growth.pace, self._first_guess = STEADY, math.inf
            self._fall(self._needed if now > self.minute.first_at + WINDOW_S else _FALL * self.per_s)
            self._turn(last, now)
        elif self._growth.pace != STEADY and not self._free and self.weather.suspicious < _SEARCHES_ON:
            self.weather.accept(max(self.weather.share, self.weather.suspicious))
        else:
            self._compare(last, now, sent_per_s)

    def _doubles_in_vain(self, now: float) -> bool:
        """Whether no more is accepted than the first guess says, a minute after it."""
        if self._growth.pace != DOUBLING or now <= self._reopened_at + WINDOW_S:
            return False
        accepted_per_s = self.per_s * (1 - self.weather.suspicious)
        return self.minute.is_full or accepted_per_s < _SAME_NOW * self._first_guess < math.inf

    def _guess_again(self) -> None:
        """The limit is one per minute."""
        before, self.per_s = self.per_s, max(_LEAST_GUESS, self._needed)
        self._growth.pace = STEADY
        self._growth.fell(before, self.per_s)
        self.minute.hold(60 * self.minute.accepted_per_s)

    def _compare(self, last: int, now: float, sent_per_s: Callable[[], float]) -> None:
        if self._free:
            self.per_s = max(_LEAST_GUESS, sent_per_s())
        rejected = self.weather.suspicious
        self._turn(last, now)
        usual = self.weather.share
        self._comparison = Comparison(usual, suspected=usual + _RISE / 2, rejected=rejected, quick=self._free)
        self.resume(now)

    def _conclude(self, verdict: str, comparison: Comparison, last: int, now: float) -> None:
        if verdict == "limit":
            self.weather.accept(comparison.share_without_limit)
            accepted_per_s = self.per_s * (1 - comparison.share(fast=True))
            self.minute.forget()
            if now > self.minute.first_at + WINDOW_S:
                accepted_per_s = max(accepted_per_s, self.minute.accepted_per_s)
            self._fall(_LEAST_FALL * self._for(accepted_per_s))
            self._free, self._growth.pace, self._asks_again_s = False, STEADY, _ASKS_AGAIN_S
            self._first_guess = math.inf
        elif verdict == "gone" and self._free:
            self.per_s = self._first_guess = self._growth.known = max(_LEAST_GUESS, self._needed)
            self._free, self._growth.pace = False, DOUBLING
        elif verdict == "gone":
            self._fall(max(comparison.mean * self.per_s, self._needed))
            self._growth.pace, self._first_guess = STEADY, math.inf
        else:
            self.minute.forget()
            self.weather.accept(comparison.pooled)
            self.per_s, self._first_guess = math.inf if self._free else self.per_s, math.inf
            self._asks_again_s = 2 * self._asks_again_s
        self._asks_again_at = now + self._asks_again_s
        self._turn(last, now)

    def _fall(self, rate: float) -> None:
        """Lower the rate to `rate`, or as far as goes at once."""
        before, self.per_s = self.per_s, min(_LEAST_FALL * self.per_s, max(_LOWEST_FALL * self.per_s, rate))
        self._growth.fell(before, self.per_s)

    def _fall_a_little(self, last: int, now: float) -> None:
        """Lower the rate to what is accepted, but not much, and not below what a minute is known to take.

        The evidence stays: where it grows on, there is trouble.
        """
        before = self.per_s
        self.per_s = min(before, max(_LEAST_FALL * before, self.minute.most_per_s, self._needed))
        if self.per_s < before:
            self._growth.fell(before, self.per_s)
            self._begin(last, now)

    def _turn(self, last: int, now: float) -> None:
        self.weather.forget_evidence()
        self._comparison = None
        self._begin(last, now)
        self.resume(now)

    def _begin(self, last: int, now: float) -> None:
        """Judge the requests from here on: those sent before carry no information on the new rate."""
        self._changed_at, self._last_before, self._judged = now, last, 0

"""Tells a limit from weather: two rates take turns, and the shares of rejections at both are compared.

The higher rate is the present one, and the lower one a little less than what is accepted of it: so little that a limit
would reject nothing, and so much that a window of a minute gains no slack meanwhile. A limit then leaves at most half
of the present share at the lower rate, and weather all of it. Which of the two is decided by a sequential test (Wald,
"Sequential tests of statistical hypotheses", 1945): the sum of the logarithms of how much likelier each end of a request
is with weather than with a limit, until it passes a bound on either side.
"""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["Comparison"]

_LOWER, _LOWEST = 0.93, 0.5  # the lower rate, of what is accepted and of the higher one
_QUICK_TURN_S, _TURN_S, _TURN_REQUESTS = 1.0, 2.5, 12  # at least
_ALIKE, _HARDLY = 40, 0.5  # requests at each rate, and standard errors
_SETTLES, _SETTLES_SHARE = 2, 0.4  # requests and share of the time of a turn in which the one before it is still felt
_WORST = 0.3  # share beyond which there is a limit in any case
_DIFFERENT = 2.3  # standard errors
_SOME, _FEW = 10, 20  # requests at a rate: to find a limit in any case, and to test
_MANY, _MOST = 100, 150  # requests at a rate: to find that rejections are gone, and to end
_SURE = 3.0  # the logarithm of 20 to 1
_WEIGHT = 100  # requests that the usual share counts for beside those at the lower rate


class Comparison:
    """The shares of rejections at two rates.

    `usual` is the share that was usual before, and `suspected` the one that the higher rate has if nothing has changed
    since the comparison began. `rejected` is about the share that was rejected lately, for the choice of the lower rate.
    A `quick` one has short turns and takes shares for alike that hardly differ.
    """

    def __init__(self, usual: float, *, suspected: float, rejected: float = 0.0, quick: bool = False) -> None:
        self.fast = False  # the turn
        self._lower = max(_LOWEST, _LOWER * (1 - rejected))
        self._usual, self._suspected, self._quick = usual, suspected, quick
        self._turn_s = _QUICK_TURN_S if quick else _TURN_S
        self._sent = [0, 0]
        self._refused = [0, 0]
        self._turn_at, self._in_turn = -math.inf, 0

    @property
    def factor(self) -> float:
        """The rate whose turn it is, as a multiple of the higher one."""
        return 1.0 if self.fast else self._lower

    @property
    def mean(self) -> float:
        """The rate of turns that have equally many requests, as a multiple of the higher one."""
        return 2 / (1 + 1 / self._lower)

    def sent(self, now: float) -> bool | None:
        """Record a request. Returns whether it is one at the higher rate; None where the turn before it is still felt."""
        self._in_turn += 1
        settled = now > self._turn_at + _SETTLES_SHARE * self._turn_s and self._in_turn > _SETTLES
        return self.fast if settled else None

    def turned(self, now: float) -> bool:
        """Give the other rate its turn if it is time. Returns whether it was."""
        if self._turn_at == -math.inf:
            self._turn_at = now
        over = now > self._turn_at + self._turn_s and self._in_turn >= _TURN_REQUESTS
        if over:
            self.fast, self._turn_at, self._in_turn = not self.fast, now, 0
        return over

    def count(self, *, fast: bool, refused: bool) -> None:
        """Record the end of a request at the higher (`fast`) or the lower rate."""
        self._sent[fast] += 1
        self._refused[fast] += refused

    def share(self, *, fast: bool) -> float:
        return self._refused[fast] / max(1, self._sent[fast])

    @property
    def pooled(self) -> float:
        return sum(self._refused) / max(1, sum(self._sent))

    @property
    def share_without_limit(self) -> float:
        """The usual share, known before as of 100 requests, with what the lower rate adds to it."""
        share = (_WEIGHT * self._usual + self._refused[False]) / (_WEIGHT + self._sent[False])
        return min(self._usual, share) if self.pooled > _WORST else share  # else the lower rate is beyond the limit, too

    def verdict(self) -> Literal["limit", "weather", "gone", ""]:
        """Return what the rejections are, "" while that is open.

        They are "gone" when there are hardly any more, at neither rate.
        """
        slow, fast = self._sent
        if fast < _SOME or slow < _SOME / 2:
            return ""
        pooled = self.pooled
        if pooled > _WORST + _DIFFERENT * math.sqrt(pooled * (1 - pooled) / (slow + fast)):
            return "limit"
        if fast < _FEW:
            return ""
        present = (self._refused[True] + 0.5) / (fast + 1)
        if present < self._suspected:
            return "gone" if min(self._sent) >= _MANY else ""
        if min(self._sent) >= _ALIKE and self._alike(present):
            return "weather"
        odds = self._odds_of_weather(present)
        if abs(odds) < _SURE and min(self._sent) < _MOST:
            return ""
        return "weather" if odds > 0 else "limit"

    def _alike(self, present: float) -> bool:
        """Whether the share at the lower rate is hardly less than the `present` one at the higher rate."""
        slow, fast = self._sent
        error = math.sqrt(present * (1 - present) * (1 / slow + 1 / fast))
        return self._quick and present - self.share(fast=False) < _HARDLY * error

    def _odds_of_weather(self, present: float) -> float:
        """Return the logarithm of the odds, from the requests at the lower rate. `present` is the share at the higher one."""
        limited = max(present / 2, min(self._usual, 0.9 * present))
        slow, refused = self._sent[False], self._refused[False]
        return refused * math.log(present / limited) + (slow - refused) * math.log((1 - present) / (1 - limited))

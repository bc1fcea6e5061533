"""Tells a limit from weather: the share of requests that a busy server rejects at any rate.

Two tests. While there is no rate, evidence accumulates as in a CUSUM test (Page, "Continuous inspection schemes", 1954):
each request adds the logarithm of how much likelier its end is if the usual share has risen, and the sum never falls
below zero. So rejections that follow one another count, and any number that is spread out as usual does not. While
there is a rate, it goes up and down a little, and the shares at the two levels are compared: a limit rejects more at
the higher one, and weather does not.
"""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["Comparison", "Weather"]

_FIRST_SHARE = 0.03  # before anything is known, as if of `_FIRST_WEIGHT` requests
_FIRST_WEIGHT = 30
_WORST = 0.2
_MEMORY = 300  # requests
_MOST = 0.3  # that is taken for usual without a comparison
_LEAST = 0.005

_DIFFERENT, _SAME = 2.3, 0.5  # standard errors
_FEW, _MANY = 40, 100  # requests at each rate: equal shares are weather from the first on, doubtful ones from the second
_WEIGHT = 100  # requests that the usual share counts for beside those at the lower rate


class Weather:
    """The usual `share` of rejections, and the evidence that the present one is larger."""

    def __init__(self) -> None:
        self.share = _FIRST_SHARE
        self._weight = _FIRST_WEIGHT
        self._evidence = 0.0
        self._before = self.share  # when the present evidence began

    @property
    def at_worst(self) -> float:
        """The usual share, as it may be as long as little is known. Present suspicions do not count."""
        return max(self._before, _WORST * _FIRST_WEIGHT / self._weight)

    def learn(self, *, refused: bool) -> None:
        """Take the end of a request for usual."""
        self._weight = min(_MEMORY, self._weight + 1)
        self.share = min(max(_MOST, self.share), self.share + (refused - self.share) / self._weight)

    def judge(self, *, refused: bool, excess: float, enough: float) -> bool:
        """Weigh the end of a request. Returns whether there is enough evidence of a share that is larger by `excess`.

        Evidence is the logarithm of a likelihood ratio.
        """
        usual = max(_LEAST, self.share)
        raised = usual + excess * (1 - usual)
        odds = raised / usual if refused else (1 - raised) / (1 - usual)
        self._evidence = max(0.0, self._evidence + math.log(odds))
        if self._evidence == 0.0:
            self._before = self.share
        return self._evidence >= enough

    def forget_evidence(self) -> None:
        """Start anew. What the suspicious requests taught about the usual share is taken back."""
        self._evidence, self.share = 0.0, self._before

    def accept(self, share: float) -> None:
        """Take `share` for usual."""
        self._evidence, self.share = 0.0, min(_MOST, share)
        self._before = self.share


class Comparison:
    """The shares of rejections at two rates."""

    def __init__(self, suspected: float) -> None:
        self._suspected = suspected
        self._sent = [0, 0]
        self._refused = [0, 0]

    def count(self, *, fast: bool, refused: bool) -> None:
        """Record the end of a request at the higher (`fast`) or the lower rate."""
        self._sent[fast] += 1
        self._refused[fast] += refused

    def share(self, *, fast: bool) -> float:
        return self._refused[fast] / max(1, self._sent[fast])

    @property
    def pooled(self) -> float:
        return sum(self._refused) / max(1, sum(self._sent))

    def share_without_limit(self, usual: float) -> float:
        """Return the usual share, known before as of 100 requests, with what the lower rate adds to it."""
        share = (_WEIGHT * usual + self._refused[False]) / (_WEIGHT + self._sent[False])
        return min(usual, share) if self.pooled > _MOST else share  # else the lower rate is beyond the limit, too

    def verdict(self) -> Literal["limit", "weather", "gone", ""]:
        """Return what the rejections are, "" while that is open: a test of two proportions.

        They are "gone" when there are hardly any more, at neither rate.
        """
        few = min(self._sent)
        if few < _FEW / 4:
            return ""
        pooled = (sum(self._refused) + 0.5) / (sum(self._sent) + 1)
        error = math.sqrt(pooled * (1 - pooled) * (1 / self._sent[False] + 1 / self._sent[True]))
        higher = (self.share(fast=True) - self.share(fast=False)) / error
        if higher >= _DIFFERENT or pooled > _MOST + _DIFFERENT * math.sqrt(pooled * (1 - pooled) / sum(self._sent)):
            return "limit"
        reproduced = self.share(fast=True) >= self._suspected
        if few >= _FEW and higher < _SAME and reproduced:
            return "weather"
        return "" if few < _MANY else "weather" if reproduced else "gone"

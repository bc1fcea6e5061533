"""How fast a learned rate grows while it is used, and how far beyond what is known.

    doubling     every 5 s, from a first guess on, which may be far too low
    searching    doubling every 10 s, where the limit is not one per minute
    steady       5 % in a minute at first, and twice as fast every 7 s, within a tenth of the rate that is known. A quiet
                 minute proves that there is no such limit per minute; then twice as fast every 5 s, without a bound.
                 A limit that was found more than once is asked again after as many requests instead

Below a rate that was too high, growth is 5 % in a second at least, up to 85 % of that rate.
"""

from __future__ import annotations

import math

from synthgen.llm.rate_limit.quota import WINDOW_S

__all__ = ["DOUBLING", "SEARCHING", "STEADY", "Growth"]

# Requests per second added by one accepted request, which is also the relative growth of the rate per second.
DOUBLING = math.log(2) / 5
SEARCHING = math.log(2) / 10
STEADY = 0.05 / 60
_BACK, _NEARLY = 0.05, 0.85

_FASTER_EVERY_S, _FASTER_LATER_S, _FASTER_EVERY = 7.0, 5.0, 80  # seconds, seconds after a quiet minute, requests
_BEYOND, _BEYOND_CONFIRMED = 1.12, 1.06
_ALIKE = 0.3  # difference of the logarithms of two rates that are the same limit
_QUIET, _LONGEST_QUIET_S = 300, 4 * WINDOW_S  # requests without trouble, and their time at most, for a limit found twice


class Growth:
    """The growth of a rate. `pace` is one of the three above; rates are in requests per second."""

    def __init__(self) -> None:
        self.pace = DOUBLING
        self.known = 0.0  # the last rate that was found to be accepted
        self.too_high = 0.0  # the last rate that was not
        self._confirmed = False
        self._quiet_s = WINDOW_S

    def step(self, per_s: float, *, quiet_s: float, requests: int, needed: float) -> float:
        """Return what one accepted request adds to the rate `per_s`.

        `quiet_s` and `requests` count from the last change. `needed` is the rate of which the last minute's is accepted.
        """
        beyond = _BEYOND_CONFIRMED if self._confirmed else _BEYOND
        if self.pace == STEADY and quiet_s > self._quiet_s:
            doublings = (quiet_s - self._quiet_s) / _FASTER_LATER_S
        elif self.pace != STEADY or per_s < beyond * max(self.known, needed):
            doublings = quiet_s / _FASTER_EVERY_S
        else:
            return 0.0
        if self._confirmed:
            doublings = min(doublings, requests / _FASTER_EVERY)
        growth = min(max(self.pace, SEARCHING), self.pace * 2 ** min(60.0, doublings))
        return max(growth, _BACK) if per_s < _NEARLY * self.too_high else growth

    def fell(self, before: float, per_s: float) -> None:
        """Record that the rate fell from `before` to `per_s`."""
        self.too_high = before
        self._confirmed = self.known > 0 and abs(math.log(per_s / self.known)) < _ALIKE
        self._quiet_s = min(_LONGEST_QUIET_S, max(WINDOW_S, _QUIET / per_s)) if self._confirmed else WINDOW_S
        self.known = per_s

"""How fast a learned rate grows while it is used, and how far beyond what is known.

    doubling     every 5 s, from a first guess on, which may be far too low
    searching    doubling every 10 s, where the limit is not one per minute
    steady       5 % in a minute at first, and twice as fast every 7 s, within a tenth of the rate that is known. A quiet
                 minute proves that there is no such limit per minute; then twice as fast every 5 s, without a bound
    confirmed    where the same limit was found twice, the rate stays for 120 requests, is asked again within a twentieth
                 and twice as fast every 80 requests only, and the quiet time is one of 300 requests, a minute at least

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

_BEYOND, _FASTER_EVERY_S = 1.12, 7.0
_FASTER_LATER_S = 5.0  # after a quiet time
_FAR = 2.0  # as a multiple of the known rate: from there on it may double as fast as at the start
_BEYOND_CONFIRMED, _STAYS, _FASTER_EVERY, _FASTER_LATER = 1.04, 120, 80, 40  # requests
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
        quiet = quiet_s > self._quiet_s
        if self._confirmed and requests < _STAYS and not quiet:
            return 0.0
        if self.pace == STEADY and quiet:
            doublings = (quiet_s - self._quiet_s) / _FASTER_LATER_S
        elif self.pace != STEADY or per_s < self._beyond * max(self.known, needed):
            doublings = quiet_s / _FASTER_EVERY_S
        else:
            return 0.0
        if self._confirmed:
            doublings = min(doublings, (requests - _STAYS) / (_FASTER_LATER if quiet else _FASTER_EVERY))
        fastest = DOUBLING if per_s > _FAR * self.known else SEARCHING
        growth = min(max(self.pace, fastest), self.pace * 2 ** min(60.0, doublings))
        return max(growth, _BACK) if per_s < _NEARLY * self.too_high else growth

    @property
    def _beyond(self) -> float:
        """How far to grow beyond the known rate before a quiet time, as a factor."""
        return _BEYOND_CONFIRMED if self._confirmed else _BEYOND

    def fell(self, before: float, per_s: float) -> None:
        """Record that the rate fell from `before` to `per_s`."""
        self.too_high = before
        self._confirmed = self.known > 0 and abs(math.log(per_s / self.known)) < _ALIKE
        self._quiet_s = min(_LONGEST_QUIET_S, max(WINDOW_S, _QUIET / per_s)) if self._confirmed else WINDOW_S
        self.known = per_s

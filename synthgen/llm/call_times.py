"""How long calls take: those in flight so far, and the recent ones that were answered. The time left is estimated from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["CallTimes"]

_RECENT = 200  # answered calls
_SLOW = 0.95  # quantile


class CallTimes:
    """Begin and end of attempts, by `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answered: deque[float] = deque(maxlen=_RECENT)
        self._in_flight, self._began_sum = 0, 0.0

    def begin(self) -> float:
        """Count an attempt as in flight, and return when it began."""
        began = self._clock()
        self._in_flight += 1
        self._began_sum += began
        return began

    def end(self, began: float, *, answered: bool) -> float:
        """Count an attempt as ended, and return how long it took."""
        took_s = self._clock() - began
        self._in_flight -= 1
        self._began_sum -= began
        if answered:
            self._answered.append(took_s)
        return took_s

    @property
    def in_flight_s(self) -> float:
        """The seconds that the calls in flight have been under way, all together."""
        return max(0.0, self._in_flight * self._clock() - self._began_sum)

    @property
    def mean_s(self) -> float:
        """The mean duration of the recently answered calls; 0 before the first."""
        return sum(self._answered) / len(self._answered) if self._answered else 0.0

    @property
    def slow_s(self) -> float:
        """The duration that one of twenty recently answered calls exceeds; 0 before the first."""
        return sorted(self._answered)[int(_SLOW * len(self._answered))] if self._answered else 0.0

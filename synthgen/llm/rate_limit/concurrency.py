"""Learns how many calls a server works on at a time, and keeps little more than that in flight.

A local server works on one or two requests and queues the others. What is in flight beyond that makes no answer come
sooner: it waits at the server, is lost when the run is killed, and may be given up by something between.

Calls that are sent together show it. In a queue the throughput that a call sees, the number in flight over its
duration, is the same for all of them; without one it grows with their number. Durations alone show nothing, because
answers differ in length. The number at work follows from the throughput and the time of a call that found the server
idle (Little's law), and twice as many are kept in flight.

From then on more are tried now and then, since servers change: where half as many again bring a tenth more answers per
second they stay, and otherwise the next try comes later.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from statistics import correlation, mean

__all__ = ["AdaptiveConcurrency"]

_LEAST = 8  # calls in flight: with fewer nothing is learned
_SAMPLES = 256
_LOW, _HIGH = 4, 8  # calls among the first quarter, and in the second half, that the comparison needs
_SAME_THROUGHPUT = 1.3
_ALIKE = 0.7  # correlation of number and duration
_QUEUED = 2  # calls in flight for each one at work
_MORE, _WORTH_IT = 1.5, 1.1
_EPOCH = 2  # answers for each call in flight
_SHORTEST_EPOCH = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 1, 32  # epochs between two tries


class AdaptiveConcurrency:
    """How many calls may be in flight: `limit`, at most `most`. `at_work` is None until something was learned."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self.limit = most
        self.at_work: int | None = None
        self._most = most
        self._clock = clock
        self._calls: deque[tuple[int, float]] = deque(maxlen=_SAMPLES)  # number in flight at the start, and duration
        self._answers, self._epoch_at = 0, math.nan
        self._before: tuple[int, float] | None = None  # limit and throughput before a try
        self._pause = _FIRST_PAUSE
        self._epochs = 0  # since the last try

    @property
    def findings(self) -> str:
        """What was learned, for people; "" while as many calls are in flight as may be."""
        if self.at_work is None or (self.limit >= self._most and self._before is None):
            return ""
        return f"the server works on {self.at_work:,} at a time, {self.limit:,} are in flight at most"

    def answered(self, number: int, duration_s: float, in_flight: int) -> None:
        """Record an answer to a call that was the `number`th in flight when it was sent. `in_flight` are left."""
        if self._most < _LEAST:
            return
        if self.at_work is None:
            self._calls.append((number, duration_s))
            if len(self._calls) % 4 == 0:
                self._learn()
        elif in_flight + 1 >= self.limit:
            self._follow(in_flight)

    def _learn(self) -> None:
        largest = max(number for number, _ in self._calls)
        low = [call for call in self._calls if call[0] <= largest / 4]
        high = [call for call in self._calls if call[0] > largest / 2]
        if len(low) < _LOW or len(high) < _HIGH:
            return
        numbers, durations = zip(*low, *high, strict=True)
        if not any(durations):  # faster than the clock can tell
            return
        if _throughput(high) > _SAME_THROUGHPUT * _throughput(low) or correlation(numbers, durations) < _ALIKE:
            return
        idle_s = mean(duration for _, duration in sorted(self._calls)[:2])
        at_work = max(1, round(_throughput(high) * idle_s))
        limit = _QUEUED * at_work + 2
        if limit < self._most:
            self.at_work, self.limit = at_work, limit
            self._calls.clear()

    def _follow(self, in_flight: int) -> None:
        """Count answers while the limit is used, and try more when enough of them are known."""
        now = self._clock()
        if in_flight + 1 > self.limit or math.isnan(self._epoch_at):  # those sent before the last change are still coming
            self._answers, self._epoch_at = 0, now
            return
        self._answers += 1
        if self._answers < max(_SHORTEST_EPOCH, _EPOCH * self.limit) or now <= self._epoch_at:
            return
        throughput = self._answers / (now - self._epoch_at)
        self._answers, self._epoch_at = 0, now
        self._epochs += 1
        if self._before is not None:
            self._conclude(*self._before, throughput)
        elif self._epochs >= self._pause and self.limit < self._most:
            self._before = self.limit, throughput
            self.limit = min(self._most, math.ceil(_MORE * self.limit))
            self._answers, self._epoch_at = 0, math.nan

    def _conclude(self, limit: int, throughput: float, throughput_now: float) -> None:
        self._before, self._epochs = None, 0
        if throughput_now > _WORTH_IT * throughput:
            self.at_work = max(1, round((self.limit - 2) / _QUEUED))
            self._pause = _FIRST_PAUSE
        else:
            self.limit, self._pause = limit, min(_LONGEST_PAUSE, 2 * self._pause)
        self._answers, self._epoch_at = 0, math.nan


def _throughput(calls: list[tuple[int, float]]) -> float:
    return sum(number for number, _ in calls) / max(1e-9, sum(duration for _, duration in calls))

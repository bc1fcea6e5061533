"""Estimates the time left of a stage from the items that are done and the calls in flight.

Everything is measured from the first finished item on, so a slow start (a model that loads, the lone call that tries the
server) is not extrapolated, and answers from the store count for nothing.

- *Rate.* That of the longest time up to now that agrees with all shorter ones, within their noise (Lepski's method; noise
  by batch means). Where calls come in waves, a time is a whole number of mean call durations. An outage, a gap that is
  longer than a minute and twice as long as any other, is cut out.
- *Limits.* While a limit holds calls back, the last minute is taken to repeat, scaled to what the last three minutes brought.
- *Phase.* Between two waves the estimate counts down with the age of the calls in flight.
- *End.* The last calls in flight take as long as the longest of so many, at a log-normal distribution of durations.
- *Steadiness.* From line to line the estimate moves by a factor of 1.5 at most, and by less where lines follow one another
  within seconds. It always may count down.

It is made for runs of a hundred items and more whose speed holds, or changes and then holds. An outage or a change that is
yet to come is not foreseen, nor the first pause of a limit; a few items of very different sizes are not averaged well.
`benchmarks/time_left.py` measures how near it is.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist, fmean, pstdev
from typing import NamedTuple

from synthgen.records import Meter

__all__ = ["TimeLeft"]

_LEAST_S = 0.5  # shown until the last item is done
_FACTOR = 1.5  # between two lines
_FULL_MOVE_S = 10.0  # a line that comes sooner moves by less
_SHARE_OF_ELAPSED = 0.03  # and early in a stage, a full move takes this share of the time so far
_KNOWN_AFTER = 3  # items after the first one
_KNOWN_AFTER_S = 0.5


class TimeLeft:
    """Takes what is done at each event by `observe`, and returns the estimate for each line by `shown`."""

    def __init__(self) -> None:
        self._pace: _Pace | None = None
        self._minutes = _LastMinutes()
        self._now_s = self._changed_s = 0.0
        self._finished = self._remaining = 0
        self._meter: Meter | None = None
        self._line: tuple[float, float] | None = None  # when the last line was shown, and its estimate

    def observe(self, elapsed_s: float, done: int, total: int, meter: Meter | None = None) -> None:
        """Take the state of the stage after `elapsed_s`. `done` includes answers from the store, `meter.finished` does not."""
        finished = done if meter is None else meter.finished
        if finished != self._finished:
            self._changed_s, self._finished = elapsed_s, finished
        self._now_s, self._remaining, self._meter = elapsed_s, total - done, meter
        if finished:
            self._pace = self._pace or _Pace(elapsed_s, finished)
            self._pace.add(elapsed_s, finished)
            if meter is not None:
                self._minutes.add(_Glance(elapsed_s, finished, _under_way(meter), bool(meter.waiting)))

    def shown(self) -> float | None:
        """Return the seconds left for a line that is shown now; None while too little is known, and when nothing is left."""
        if self._remaining <= 0:
            return None
        left_s = self._estimate_s()
        if left_s is not None and self._line is not None:
            at_s, before_s = self._line
            passed_s = self._now_s - at_s
            full_move_s = min(_FULL_MOVE_S, _SHARE_OF_ELAPSED * self._now_s)
            factor = _FACTOR ** min(1.0, passed_s / full_move_s) if full_move_s > 0 else 1.0
            left_s = min(before_s * factor, max(min(before_s - passed_s, before_s / factor), left_s))
        if left_s is not None:
            self._line = self._now_s, left_s
        return left_s

    def _estimate_s(self) -> float | None:
        meter = self._meter
        rate = None if self._pace is None else self._pace.per_second(self._now_s, 0.0 if meter is None else meter.call_s)
        if rate is None:
            return None
        since_s = self._now_s - self._changed_s
        if meter is None:
            left_s = self._remaining / rate - min(since_s, 1 / rate)
        elif not meter.call_s:
            left_s = self._remaining / rate
        elif self._remaining <= meter.in_flight:
            last_s = _longest_s(meter, meter.in_flight_s / meter.in_flight, self._remaining)
            left_s = max(last_s, self._remaining / rate - since_s)
        else:
            repeated_s = self._minutes.repeated_s(self._remaining)
            steady_s = (self._remaining - self._minutes.wave(meter.call_s)) / rate
            last_s = max(0.0, _longest_s(meter, 0.0, max(1, meter.in_flight)) - meter.call_s)
            left_s = last_s + (steady_s if repeated_s is None else repeated_s)
        return max(_LEAST_S, left_s)


_MOST_POINTS = 512
_FIRST_STEP_S = 0.05
_OUTAGE_S = 60.0
_OUTAGE_FACTOR = 2.0  # times the next longest gap
_LEAST_ITEMS = 8  # in a time whose rate is trusted
_NEAR = 0.2  # rates that differ by less (natural logarithm) agree, whatever their noise
_NOISES = 3.0


class _Pace:
    """Finished items over time since the first one, on an even grid that becomes coarser as time passes."""

    def __init__(self, began_s: float, finished: int) -> None:
        self._began_s, self._step_s = began_s, _FIRST_STEP_S
        self._grid = [finished]
        self._finished = finished

    def add(self, now_s: float, finished: int) -> None:
        places = (now_s - self._began_s) / self._step_s
        self._grid.extend([self._finished] * (math.ceil(places) - len(self._grid)))
        if len(self._grid) <= places:
            self._grid.append(finished)
        self._finished = finished
        while len(self._grid) > _MOST_POINTS:
            self._grid, self._step_s = self._grid[::2], 2 * self._step_s

    def per_second(self, now_s: float, wave_s: float) -> float | None:
        """Return the rate that holds now, None while too little is known. Waves of calls last about `wave_s`."""
        if self._finished - self._grid[0] < _KNOWN_AFTER or now_s - self._began_s < _KNOWN_AFTER_S:
            return None
        times = [place * self._step_s for place in range(len(self._grid))] + [now_s - self._began_s]
        counts = [*self._grid, self._finished]
        times, longest_gap_s = _without_outages(times, counts)
        return _present_rate(times, counts, max(_KNOWN_AFTER_S, 2 * longest_gap_s), wave_s)


def _without_outages(times: list[float], counts: Sequence[int]) -> tuple[list[float], float]:
    """Return the times without outages, and the longest gap that is none."""
    rises = [0, *(place for place in range(1, len(counts)) if counts[place] > counts[place - 1])]
    gaps = [(before, after - 1) for before, after in pairwise(rises)] + [(rises[-1], len(counts) - 1)]
    gaps.sort(key=lambda gap: times[gap[0]] - times[gap[1]])
    lengths = [times[end] - times[start] for start, end in gaps] + [0.0]
    for (start, _), length_s, next_s in zip(gaps, lengths, lengths[1:], strict=False):
        if length_s <= max(_OUTAGE_S, _OUTAGE_FACTOR * next_s):
            return times, length_s
        cut_s = length_s - next_s
        times = [
            min(time, max(times[start] + next_s, time - cut_s)) if place > start else time for place, time in enumerate(times)
        ]
    return times, 0.0


def _present_rate(times: Sequence[float], counts: Sequence[int], least_s: float, wave_s: float) -> float | None:
    """Return the rate of the longest time up to now that agrees with all shorter ones; they halve from one to the next."""
    length_s, rates = times[-1] - times[0], list[tuple[float, float]]()
    while length_s > least_s:
        whole_s = length_s // wave_s * wave_s if 0 < wave_s <= length_s else length_s
        start = _place(times, times[-1] - whole_s)
        items = counts[-1] - counts[start]
        if items < _LEAST_ITEMS or times[-1] <= times[start]:
            break
        rates.append((items / (times[-1] - times[start]), _noise(times[start:], counts[start:])))
        length_s /= 2
    chosen = None
    for place in reversed(range(len(rates))):
        rate = rates[place][0]
        if any(abs(math.log(rate / shorter)) > max(_NEAR, _NOISES * noise) for shorter, noise in rates[place + 1 :]):
            break
        chosen = rate
    return chosen or _mean_rate(times, counts)


def _mean_rate(times: Sequence[float], counts: Sequence[int]) -> float | None:
    """Return the rate up to the last finished item, or up to now once it has been waited longer than ever before."""
    rises = [place for place in range(1, len(counts)) if counts[place] > counts[place - 1]]
    if not rises:
        return None
    longest_s = max(times[after] - times[before] for before, after in pairwise([0, *rises]))
    end_s = times[rises[-1]] if times[-1] - times[rises[-1]] <= longest_s else times[-1]
    return (counts[-1] - counts[0]) / (end_s - times[0])


def _noise(times: Sequence[float], counts: Sequence[int]) -> float:
    """Return the standard error of the logarithm of the rate, from the rates of eight parts of the time."""
    eighth_s = (times[-1] - times[0]) / 8
    bounds = [*(_place(times, times[0] + part * eighth_s) for part in range(8)), len(times) - 1]
    rates = [(counts[b] - counts[a]) / (times[b] - times[a]) for a, b in pairwise(bounds) if times[b] > times[a]]
    least = 0.7 / math.sqrt(counts[-1] - counts[0])
    return max(least, pstdev(rates) / fmean(rates) / math.sqrt(len(rates))) if len(rates) > 3 else least


def _place(times: Sequence[float], at_s: float) -> int:
    return min(len(times) - 2, bisect_left(times, at_s))


_MINUTE_S = 60.0
_MINUTES = 3
_GLANCE_S = 0.5
_PAUSE_S, _PAUSE_SHARE = 3.0, 0.25  # of the first minute: shorter ones are those of calls that are spaced out
_HELD_BACK = 0.2  # share of a minute in which a limit held calls back


class _Glance(NamedTuple):
    at_s: float
    finished: int
    under_way: float
    waiting: bool


class _LastMinutes:
    """The calls of the last three minutes, two glances a second."""

    def __init__(self) -> None:
        self._seen: deque[_Glance] = deque()

    def add(self, glance: _Glance) -> None:
        if len(self._seen) > 1 and glance.at_s - self._seen[-2].at_s < _GLANCE_S:
            self._seen.pop()
        self._seen.append(glance)
        while glance.at_s - self._seen[0].at_s > _MINUTES * _MINUTE_S + 2 * _GLANCE_S:
            self._seen.popleft()

    def wave(self, wave_s: float) -> float:
        """Return by how many calls the work in flight is further than when the last wave began; 0 without waves."""
        now = self._seen[-1]
        return now.under_way - min(glance.under_way for glance in self._since(now.at_s - wave_s))

    def repeated_s(self, remaining: int) -> float | None:
        """Return how long `remaining` calls take if each minute to come is like the last; None if no limit holds calls back."""
        now, began_s = self._seen[-1], self._seen[0].at_s
        minute = self._since(now.at_s - _MINUTE_S)
        if sum(glance.waiting for glance in minute) < _HELD_BACK * len(minute) or self._longest_pause_s() > _MINUTE_S:
            return None
        minutes = min(_MINUTES, int((now.at_s - began_s) / _MINUTE_S))
        if not minutes:
            pause_s = now.at_s - next(glance.at_s for glance in self._seen if glance.finished == now.finished)
            stuck = now.waiting and pause_s >= max(_PAUSE_S, _PAUSE_SHARE * (now.at_s - began_s))
            return self._first_minute_s(remaining) if stuck else None
        per_minute = (now.finished - self._since(now.at_s - minutes * _MINUTE_S)[0].finished) / minutes
        last_minute = now.finished - minute[0].finished
        if not last_minute:
            return None
        whole, part = divmod(remaining / per_minute, 1)
        reached = next(glance for glance in minute if glance.finished >= minute[0].finished + part * last_minute)
        return whole * _MINUTE_S + reached.at_s - minute[0].at_s

    def _longest_pause_s(self) -> float:
        """Return the longest time without a finished call. No limit of a minute makes it longer than that, but an outage does."""
        rises = [after.at_s for before, after in pairwise(self._seen) if after.finished > before.finished]
        return max(after - before for before, after in pairwise([self._seen[0].at_s, *rises, self._seen[-1].at_s]))

    def _first_minute_s(self, remaining: int) -> float:
        """Return how long `remaining` calls take if those so far are what one minute allows."""
        now, began_s = self._seen[-1], self._seen[0].at_s
        minutes = remaining / now.finished
        burst_s = next(glance.at_s for glance in self._seen if glance.finished >= 0.95 * now.finished) - began_s
        pauses = max(1, math.ceil(minutes - 0.05))
        return pauses * _MINUTE_S - (now.at_s - began_s) + burst_s * min(1.0, minutes + 1 - pauses)

    def _since(self, at_s: float) -> list[_Glance]:
        """Return the glances from the last one that is not after `at_s`."""
        seen = list(self._seen)
        return seen[max(0, bisect_right(seen, at_s, key=lambda glance: glance.at_s) - 1) :]


_DONE_AT_MOST = 0.9  # of a call in flight
_Z_95 = 1.645  # the 95th percentile of the normal distribution


def _under_way(meter: Meter) -> float:
    """Return the work that is done for calls in flight, in calls."""
    return min(_DONE_AT_MOST * meter.in_flight, meter.in_flight_s / meter.call_s) if meter.call_s else 0.0


def _longest_s(meter: Meter, age_s: float, calls: int) -> float:
    """Return how much longer the last of `calls` takes, all of them `age_s` old, about as it is expected.

    Durations are taken as log-normal, with the mean and 95th percentile of the recent ones.
    """
    above = math.log(max(1.0, meter.slow_call_s / meter.call_s))
    sigma = max(0.02, _Z_95 - math.sqrt(max(0.0, _Z_95**2 - 2 * above)))
    mu, normal = math.log(meter.call_s) - sigma * sigma / 2, NormalDist()
    older = 1 - normal.cdf((math.log(age_s) - mu) / sigma) if age_s > 0 else 1.0
    if older < 1e-4:  # older than any: as a rule of thumb, the older the longer
        return age_s / 5
    return math.exp(mu + sigma * normal.inv_cdf(1 - older * min(0.5, 0.56 / calls))) - age_s

"""Runs as a progress display sees them, in virtual time: what was known at each tick, and when the run really ended.

Calls go to a server with latency, slots, a queue, limits and failures; other stages are a series of items. The engine is
as simple as can be: workers that always have work, one call alone at first, and a limiter that keeps to the limit.
"""

from __future__ import annotations

import heapq
import math
import random
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from synthgen.records import Meter

__all__ = ["KINDS", "Judged", "SimulatedRun", "judge", "simulated_run"]

TICK_S = 0.1
PLAIN_LINE_S = 10.0
TERMINAL_LINE_S = 0.2
_RECENT = 200
_NOTICED_AFTER_S = 5.0  # an outage, by the engine
_LONGEST = 6.0  # times the mean duration: the limit on output tokens bounds an answer

Admit = Callable[[float], float]
"""Return when a call that is ready at this moment is sent."""


@dataclass(frozen=True)
class SimulatedRun:
    """`ticks` are (elapsed seconds, done, meter or None). What the estimate is held to begins at `judged_from_s`."""

    kind: str
    total: int
    end_s: float
    judged_from_s: float
    ticks: Callable[[], Iterator[tuple[float, int, Meter | None]]]


@dataclass
class Judged:
    """The lines of one run: `near` of `lines` were within 25 %. `longest_step` is the largest factor between two lines.

    A line that came down by no more than the time that has passed has not moved. `longest_step` is infinite where an estimate
    vanishes.
    """

    kind: str
    lines: int = 0
    near: int = 0
    absent: int = 0
    longest_step: float = 1.0
    errors: list[float] = field(default_factory=list)


def judge(
    run: SimulatedRun,
    line_s: float,
    observe: Callable[[float, int, int, Meter | None], None],
    shown: Callable[[], float | None],
) -> Judged:
    """Feed a run to an estimator as a progress display does, a line each `line_s`, and compare each line with the truth."""
    judged, next_line_s = Judged(run.kind), line_s
    before: float | None = None
    before_at = 0.0
    for now, done, meter in run.ticks():
        observe(now, done, run.total, meter)
        if now < next_line_s - 1e-9 or done >= run.total:
            continue
        next_line_s = now + line_s
        left = shown()
        if before is not None:
            judged.longest_step = max(judged.longest_step, _step(before, left, now - before_at))
        before, before_at = left, now
        if now >= run.judged_from_s:
            truth = run.end_s - now
            judged.lines += 1
            judged.absent += left is None
            if left is not None:
                judged.errors.append(math.log(max(left, 1e-9) / max(truth, 1e-9)))
                judged.near += 0.75 * truth <= left <= 1.25 * truth
    return judged


def _step(before: float, left: float | None, passed_s: float) -> float:
    if left is None:
        return math.inf
    if left >= before:
        return left / before
    return 1.0 if left >= before - passed_s - 1e-9 else before / max(left, 1e-9)


@dataclass
class _Calls:
    """What happened to the calls of a run: begin, end and success of each attempt."""

    total: int
    reused: int = 0
    attempts: list[tuple[float, float, bool]] = field(default_factory=list)
    changed_at_s: float = 0.0
    held: list[tuple[float, float]] = field(default_factory=list)  # while the limiter holds calls back

    def run(self, kind: str) -> SimulatedRun:
        ends = sorted(end for _, end, answered in self.attempts if answered)
        tenth = ends[math.ceil(0.1 * len(ends)) - 1]
        return SimulatedRun(kind, self.total, ends[-1], max(tenth, self.changed_at_s), self._ticks)

    def _ticks(self) -> Iterator[tuple[float, int, Meter | None]]:
        begins = sorted(begin for begin, _, _ in self.attempts)
        begun = [0.0, *accumulate(begins)]
        by_end = sorted((end, begin, answered) for begin, end, answered in self.attempts)
        recent: deque[float] = deque(maxlen=_RECENT)
        at, ended_sum, finished, tick, hold = 0, 0.0, 0, 0, 0
        mean_s = slow_s = 0.0
        while at < len(by_end):
            now = tick * TICK_S
            moved = False
            while at < len(by_end) and by_end[at][0] <= now:
                end, begin, answered = by_end[at]
                ended_sum += begin
                if answered:
                    recent.append(end - begin)
                    finished += 1
                    moved = True
                at += 1
            if moved:
                mean_s, slow_s = sum(recent) / len(recent), sorted(recent)[int(0.95 * len(recent))]
            started = bisect_right(begins, now)
            in_flight = started - at
            while hold < len(self.held) and self.held[hold][1] <= now:
                hold += 1
            held = hold < len(self.held) and self.held[hold][0] <= now
            meter = Meter(
                finished=finished,
                reused=self.reused,
                in_flight=in_flight,
                elapsed_s=now,
                waiting="the limit on requests is used up" if held else "",
                in_flight_s=max(0.0, in_flight * now - (begun[started] - ended_sum)),
                call_s=mean_s,
                slow_call_s=slow_s,
            )
            yield now, self.reused + finished, meter
            tick += 1


def _calls(
    draw: random.Random,
    *,
    total: int,
    workers: int,
    slots: int | None,
    mean_s: float,
    sigma: float,
    failures: float = 0.0,
    told_s: float = 0.0,
    reused: int = 0,
    admit: Admit = lambda now: now,
    factor: Callable[[float], float] = lambda share: 1.0,
    outage: tuple[float, float] | None = None,
) -> _Calls:
    """`failures` are refused at once (half of them) or fail when they would have been answered; `outage` is (share, seconds)."""
    found, fresh = _Calls(total, reused), total - reused
    free = [0.0] * (slots or fresh)
    heap: list[tuple[float, int, int]] = [(0.0, 0, -1)]  # ready at, number, call or -1 for the next one
    number = given = 0
    down = (math.inf, math.inf)
    while heap:
        ready, _, call = heapq.heappop(heap)
        if down[0] <= ready < down[1]:
            ready = down[1]
        if call < 0:
            if given == fresh:
                continue
            call, given = given, given + 1
        share = call / fresh
        if outage and share >= outage[0] and down[0] == math.inf:
            down = (ready, ready + outage[1])
            found.held.append((ready + _NOTICED_AFTER_S, down[1]))
            found.changed_at_s = down[1]
            ready = down[1]
        begin = max(ready, admit(ready))
        if begin > ready:
            if found.held and found.held[-1][1] >= ready:
                found.held[-1] = (found.held[-1][0], begin)
            else:
                found.held.append((ready, begin))
        speed = factor(share)
        refused = draw.random() < failures
        if refused and draw.random() < 0.5:
            end, begun = begin + 0.05, begin
        else:
            begun = max(begin, heapq.heappop(free)) if slots else begin
            if speed != 1.0 and not found.changed_at_s:
                found.changed_at_s = begun
            end = begun + speed * mean_s * min(_LONGEST, math.exp(draw.gauss(-sigma * sigma / 2, sigma)))
            if down[0] < math.inf and begun < down[0] < end:
                end = down[1] + (end - down[0])
            if slots:
                heapq.heappush(free, end)
        found.attempts.append((begin, end, not refused))
        number += 1
        heapq.heappush(heap, (end + told_s, number, call) if refused else (end, number, -1))
        if number == 1:  # the first call goes alone
            for _ in range(workers - 1):
                number += 1
                heapq.heappush(heap, (end, number, -1))
    return found


def _sliding(limit: int) -> Admit:
    sent: deque[float] = deque(maxlen=limit)

    def admit(now: float) -> float:
        at = max(now, sent[0] + 60) if len(sent) == limit else now
        at = max(at, sent[-1]) if sent else at
        sent.append(at)
        return at

    return admit


def _fixed(limit: int, phase_s: float) -> Admit:
    window, used = -1, 0

    def admit(now: float) -> float:
        nonlocal window, used
        current = math.floor((now + phase_s) / 60)
        if current > window:
            window, used = current, 0
        elif used >= limit:
            window, used = window + 1, 0
        used += 1
        return max(now, window * 60 - phase_s)

    return admit


def _bucket(limit: int, size: int) -> Admit:
    level, at = float(size), 0.0

    def admit(now: float) -> float:
        nonlocal level, at
        now = max(now, at)
        level = min(size, level + (now - at) * limit / 60)
        wait_s = max(0.0, (1 - level) * 60 / limit)
        level += wait_s * limit / 60 - 1
        at = now + wait_s
        return at

    return admit


def _size(draw: random.Random, low: float, high: float) -> float:
    return math.exp(draw.uniform(math.log(low), math.log(high)))


def _call_run(draw: random.Random, kind: str, longest_s: float) -> SimulatedRun:
    total, seconds = round(_size(draw, 200, 5_000)), _size(draw, min(120, longest_s / 2), longest_s)
    slots = round(_size(draw, 1, 64))
    failures = draw.choice([0.0, draw.uniform(0, 0.2)])
    told_s, sigma = draw.choice([0.0, 0.3, 1.0, 5.0]), draw.uniform(0, 1)
    common: dict[str, Any] = {"total": total, "sigma": sigma, "failures": failures, "told_s": told_s}
    if kind.startswith("limit"):
        limit = max(5, round(60 * total / seconds))
        workers = round(_size(draw, 4, 128))
        admit = {
            "limit sliding": _sliding(limit),
            "limit fixed": _fixed(limit, draw.uniform(0, 60)),
            "limit bucket": _bucket(limit, round(limit * draw.choice([0.1, 0.5, 1.0]))),
        }[kind]
        mean_s = min(_size(draw, 0.2, 20), 0.7 * workers * 60 / limit)
        return _calls(draw, workers=workers, slots=None, mean_s=mean_s, admit=admit, **common).run(kind)
    reused = round(total * draw.uniform(0.2, 0.8)) if kind == "store" else 0
    mean_s = min(120.0, max(0.1, seconds * slots / (total - reused)))
    queue = 1.0 if kind == "parallel" else draw.choice([1, 2, 4])
    workers = max(1, round(slots * queue))
    server: dict[str, Any] = {
        "workers": workers,
        "slots": None if kind == "parallel" else slots,
        "mean_s": mean_s,
        "reused": reused,
    }
    if kind == "shift":
        at, times = draw.uniform(0.3, 0.6), draw.choice([0.1, 10.0])
        server["mean_s"] = min(mean_s, 120.0 / times)
        return _calls(draw, factor=lambda share: times if share >= at else 1.0, **server, **common).run(kind)
    if kind == "outage":
        return _calls(draw, outage=(draw.uniform(0.1, 0.6), _size(draw, 120, 900)), **server, **common).run(kind)
    return _calls(draw, **server, **common).run(kind)


def _items(kind: str, durations_s: list[float], before_s: float = 0.0) -> SimulatedRun:
    """A stage that reports after each item, at most ten times a second here."""
    ends = list(accumulate(durations_s, initial=before_s))[1:]

    def ticks() -> Iterator[tuple[float, int, Meter | None]]:
        yield 0.0, 0, None
        shown_s = -math.inf
        for done, end in enumerate(ends, 1):
            if end - shown_s >= TICK_S or done in (1, len(ends)):
                shown_s = end
                yield end, done, None

    return SimulatedRun(kind, len(ends), ends[-1], ends[math.ceil(0.1 * len(ends)) - 1], ticks)


def _item_run(draw: random.Random, kind: str, longest_s: float) -> SimulatedRun:
    total, seconds = round(_size(draw, 200, 5_000)), _size(draw, 60, longest_s / 2)
    mean_s = seconds / total
    sigma = draw.uniform(0, 0.3) if kind == "training" else draw.uniform(0, 1)
    durations = [mean_s * math.exp(draw.gauss(-sigma * sigma / 2, sigma)) for _ in range(total)]
    if kind == "training":
        durations[0] *= _size(draw, 5, 100)
        durations[1] *= _size(draw, 1, 5)
        return _items(kind, durations, before_s=draw.uniform(0, 0.3 * seconds))
    return _items(kind, durations)


KINDS = (
    "slots",
    "parallel",
    "limit sliding",
    "limit fixed",
    "limit bucket",
    "shift",
    "store",
    "outage",
    "training",
    "documents",
)


def simulated_run(seed: int, *, longest_s: float = 3_600.0) -> SimulatedRun:
    """Return the run of a seed. The kinds take turns."""
    kind, draw = KINDS[seed % len(KINDS)], random.Random(seed)
    return (_item_run if kind in ("training", "documents") else _call_run)(draw, kind, longest_s)

"""The time left of simulated runs: how often is it near the truth, and how far does it jump from line to line?

    python benchmarks/time_left.py [--runs 600] [--lines "every 10 s"] [--processes 2] [--out results/time_left.json]

`tests/support/simulated_progress.py` has the runs. Two simple rules are measured beside the estimate of `synthgen.cli.time_left`:
the time so far times the remaining over the done items, and the remaining items at the rate of the last 20 s.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from engine_setup import write_result

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))  # the test suite runs the same simulation in small

from support.simulated_progress import KINDS, PLAIN_LINE_S, TERMINAL_LINE_S, Judged, judge, simulated_run

from synthgen.cli.time_left import TimeLeft
from synthgen.records import Meter

LINES = {"every 10 s": PLAIN_LINE_S, "5 a second": TERMINAL_LINE_S}
WINDOW_S = 20.0


class Estimator(Protocol):
    def observe(self, elapsed_s: float, done: int, total: int, meter: Meter | None = None) -> None: ...
    def shown(self) -> float | None: ...


class SoFar:
    """The time so far, times remaining over done."""

    def __init__(self) -> None:
        self._elapsed_s, self._done, self._total = 0.0, 0, 0

    def observe(self, elapsed_s: float, done: int, total: int, meter: Meter | None = None) -> None:
        self._elapsed_s, self._done, self._total = elapsed_s, done, total

    def shown(self) -> float | None:
        return self._elapsed_s * (self._total - self._done) / self._done if self._done else None


class LastSeconds:
    """What remains, at the rate of the last 20 s or, if that is zero, at that of the whole time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._remaining = 0

    def observe(self, elapsed_s: float, done: int, total: int, meter: Meter | None = None) -> None:
        self._remaining = total - done
        self._seen.append((elapsed_s, done if meter is None else meter.finished))
        while self._seen[1][0] < elapsed_s - WINDOW_S:
            self._seen.popleft()

    def shown(self) -> float | None:
        (before_s, before), (now_s, now) = self._seen[0], self._seen[-1]
        rate = (now - before) / (now_s - before_s) if now_s > before_s else 0.0
        rate = rate or (now / now_s if now_s else 0.0)
        return self._remaining / rate if rate else None


ESTIMATORS: dict[str, Callable[[], Estimator]] = {
    "time_left": TimeLeft,
    "so_far_times_remaining_over_done": SoFar,
    "rate_of_the_last_20_s": LastSeconds,
}


def one(seed: int, line_s: float) -> dict[str, Judged]:
    """The run of a seed, judged with each estimator."""
    run, found = simulated_run(seed), {}
    for name, estimator in ESTIMATORS.items():
        estimate = estimator()
        found[name] = judge(run, line_s, estimate.observe, estimate.shown)
    return found


def summary(runs: list[Judged]) -> dict[str, Any]:
    lines = sum(run.lines for run in runs)
    return {
        "runs": len(runs),
        "lines": lines,
        "within_25_percent": round(sum(run.near for run in runs) / max(1, lines), 4),
        "absent": round(sum(run.absent for run in runs) / max(1, lines), 4),
        "largest_factor_between_lines": round(max(run.longest_step for run in runs), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--first", type=int, default=0, help="the first seed; the rules were chosen on seeds from 10,000 on")
    parser.add_argument("--lines", nargs="+", choices=LINES, default=list(LINES), help="as on a pipe, and as on a terminal")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    result: dict[str, Any] = {"seeds": [args.first, args.first + args.runs - 1]}
    with ProcessPoolExecutor(args.processes, mp_context=get_context("spawn")) as pool:
        for lines in args.lines:
            seeds = range(args.first, args.first + args.runs)
            found = list(pool.map(partial(one, line_s=LINES[lines]), seeds))
            result[lines] = {name: by_kind([judged[name] for judged in found]) for name in ESTIMATORS}
    write_result(result, args.out)


def by_kind(runs: list[Judged]) -> dict[str, Any]:
    kinds = {kind: of_kind for kind in KINDS if (of_kind := [run for run in runs if run.kind == kind])}
    return summary(runs) | {"kinds": {kind: summary(of_kind) for kind, of_kind in kinds.items()}}


if __name__ == "__main__":
    main()

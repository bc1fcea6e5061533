"""What becomes of the work of a server that computes a few answers at a time, or slows down.

    python benchmarks/slow_server.py [--scale 1] [--cells one-slot two-slots slows-down] [--out results/slow_server.json]

Three servers, side by side, since they mostly wait; the engine (`synthgen.llm.fill.fill`) and the packaged fake server each in a
process of its own:

    one-slot      works on one request at a time, 5 s each, and queues the others; 64 calls in flight are allowed
    two-slots     works on two at a time, 5 s each; 16 in flight are allowed
    slows-down    takes 300 ms, from second 10 on 30 s, and from second 60 on 300 ms again; 64 in flight are allowed

`thrown_away` is the share of the answers that the server computed, whole or in part, and that became no row: the client had left,
or had asked twice. `left_queued` counts the requests that were given up before the server began. `used` is `floor_s`, the time that
the server needs for the rows when it is never idle and computes nothing twice, as a share of the time that the engine took. A run is ended after three
times the floor and a minute; the calls that are in flight then count as left, too.

`wasted` is the time that the server spent on answers whose client left before they were complete, as a share of all its work.

`--scale 0.1` divides all times of the server and the engine's timeout (120 s) by ten; but no answer takes less than 300 ms, which
the processor would not keep up with.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import math
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine_setup import counting_server, filled, in_child, write_result

from synthgen.config.settings import LLM
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.providers.openai import PROVIDER
from synthgen.records import Event
from synthgen.testing import Latency

TIMEOUT_S = 120.0
LEAST_S = 0.3


@dataclass(frozen=True)
class Cell:
    """`steps` are pairs of the second from which on a latency holds, and the latency in seconds.

    At a smaller scale, a server of few slots answers as many calls in less time, and one that is as fast as before fewer.
    """

    slots: int
    in_flight: int
    calls: int
    steps: tuple[tuple[float, float], ...]

    def scaled(self, scale: float) -> Cell:
        steps = tuple((at_s * scale, max(min(LEAST_S, latency_s), latency_s * scale)) for at_s, latency_s in self.steps)
        return replace(self, steps=steps, calls=self.calls if self.slots < self.in_flight else math.ceil(self.calls * scale))

    def floor_s(self) -> float:
        """Seconds in which the server computes every answer once and is never idle."""
        latency = Latency.steps(*self.steps)
        busy_until = [0.0] * min(self.slots, self.in_flight)
        for _ in range(self.calls):
            now = heapq.heappop(busy_until)
            heapq.heappush(busy_until, now + latency.of("", at_s=now))
        return max(busy_until)

    def flags(self) -> list[str]:
        (_, first_s), *later = self.steps
        latency = ",".join([str(1000 * first_s), *(f"{at_s}={1000 * latency_s}" for at_s, latency_s in later)])
        return ["--latency-ms", latency, "--slots", str(self.slots), "--no-log-bodies"]


CELLS = {
    "one-slot": Cell(slots=1, in_flight=64, calls=80, steps=((0.0, 5.0),)),
    "two-slots": Cell(slots=2, in_flight=16, calls=160, steps=((0.0, 5.0),)),
    "slows-down": Cell(slots=10_000, in_flight=64, calls=4_000, steps=((0.0, 0.3), (10.0, 30.0), (60.0, 0.3))),
}


def child(url: str, name: str, calls: int, scale: float, at_most_s: float) -> dict[str, float]:
    llm = LLM(base_url=url, concurrency=CELLS[name].in_flight, timeout_s=TIMEOUT_S * scale, grace_s=0)
    in_flight: list[int] = []

    def watch(event: Event) -> None:
        if event.meter is not None:
            in_flight.append(event.meter.in_flight)

    with tempfile.TemporaryDirectory() as folder:
        ended = asyncio.run(filled(Endpoint(PROVIDER, llm), calls, Path(folder), at_most_s=at_most_s, on_event=watch))
    return ended | {"in_flight_mean": round(statistics.mean(in_flight), 1), "in_flight_most": max(in_flight)}


def measured(name: str, calls: int | None, scale: float) -> dict[str, Any]:
    cell = CELLS[name].scaled(scale)
    cell = replace(cell, calls=calls or cell.calls)
    floor_s = cell.floor_s()
    with counting_server(*cell.flags()) as served:
        run = in_child(__file__, name, served.url, cell.calls, scale, 3 * floor_s + 60)
    slots = served.counts["slots"]
    begun = slots["computed"] + slots["left_computing"]
    return {
        "cell": name,
        "calls": cell.calls,
        "rows": run["rows"],
        "failed": run["failed"],
        "wall_s": run["wall_s"],
        "floor_s": round(floor_s, 2),
        "used": round(replace(cell, calls=run["rows"]).floor_s() / run["wall_s"], 4),
        "thrown_away": round((begun - run["rows"]) / max(1, begun), 4),
        "computed": slots["computed"],
        "left_computing": slots["left_computing"],
        "left_queued": slots["left_queued"],
        "wasted": round(slots["wasted_s"] / max(1e-9, slots["computing_s"] + slots["wasted_s"]), 4),
        "in_flight_mean": run["in_flight_mean"],
        "in_flight_most": run["in_flight_most"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of all times")
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--calls", type=int, help="of each cell (80, 160 and 4,000)")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=5, metavar=("CELL", "URL", "CALLS", "SCALE", "AT_MOST_S"))
    given = parser.parse_args()
    if given.child:
        name, url, calls, scale, at_most_s = given.child
        print(json.dumps(child(url, name, int(calls), float(scale), float(at_most_s))))
        return
    with ThreadPoolExecutor(len(given.cells)) as pool:
        rows = list(pool.map(lambda name: measured(name, given.calls, given.scale), given.cells))
    write_result({"scale": given.scale, "timeout_s": TIMEOUT_S * given.scale, "cells": rows}, given.out)


if __name__ == "__main__":
    main()

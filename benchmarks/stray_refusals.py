"""How long 2,000 calls take when a server turns a few of them away at random, beside a loop that does as each refusal tells it.

    python benchmarks/stray_refusals.py [--calls 2000] [--shares 0 0.01 0.02 0.05 0.1] [--statuses 429 529]
        [--waits absent 0 0.05 0.3 1 5 30 date] [--at-once 2] [--out results/stray_refusals.json]

A cell is a share of attempts that are refused, a status, and what the refusals say of a time to wait: nothing, a retry-after in
seconds, or one second as an HTTP date; where nothing is refused, there is one cell. Its two runs follow one another, each with a fake server of its own (300 ms an answer or
refusal), each in a process of its own, 64 in flight:

    engine    `fill`: limiter, budget, call store with a durable commit, answer read and checked
    loop      AsyncOpenAI on its aiohttp transport with a semaphore, its own retries off. A refused call waits as it was told, and
              leaves its place to others meanwhile; without a word it waits as the SDK would (.5 s, doubling up to 8 s, less jitter)

Both send the same bodies, so the same attempts are refused. `floor_s` is what an ideal client takes that knows no pause of its own:
64 in flight all the time, refused calls first as soon as they may go again, no time for computing. A cell passes if every row is there
and the engine takes at most 1.15 times as long as the slower of the loop and the floor. `--at-once` cells run side by side, since they
mostly wait.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import itertools
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bare_loop import bodies, retried
from engine_setup import counting_server, filled, in_child, write_result

from synthgen.config.settings import LLM
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.providers.openai import PROVIDER
from synthgen.testing import Logged, stray
from synthgen.testing.draws import digest_of

LATENCY_S, IN_FLIGHT = 0.3, 64
SHARES, STATUSES = (0.0, 0.01, 0.02, 0.05, 0.1), (429, 529)
WAITS = ("absent", "0", "0.05", "0.3", "1", "5", "30", "date")
DATE_S = 1.0  # from the arrival of the request to the date, which is rounded up
AT_MOST = 1.15
NOWHERE = "http://127.0.0.1:1/v1"  # requests depend on no address but in their keys


@dataclass(frozen=True)
class Cell:
    share: float
    status: int
    wait: str

    @property
    def told_s(self) -> float:
        named = {"absent": 0.0, "date": DATE_S}
        return named[self.wait] if self.wait in named else float(self.wait)

    def flags(self, seed: int) -> list[str]:
        flags = ["--latency-ms", str(1000 * LATENCY_S), "--no-log-bodies", "--seed", str(seed)]
        flags += ["--stray", str(self.share), "--stray-status", str(self.status)]
        if self.wait == "date":
            return [*flags, "--retry-after", str(DATE_S), "--retry-after-date"]
        return flags if self.wait == "absent" else [*flags, "--retry-after", self.wait]


def child(kind: str, url: str, calls: int, at_most_s: float) -> dict[str, float]:
    endpoint = Endpoint(PROVIDER, LLM(base_url=url, concurrency=IN_FLIGHT, grace_s=0))
    if kind == "loop":
        return asyncio.run(retried(endpoint, calls, at_most_s=at_most_s))
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(filled(endpoint, calls, Path(folder), at_most_s=at_most_s))


def refusals(digests: Sequence[str], cell: Cell, seed: int) -> list[int]:
    """How often each call is refused before it is answered."""
    script = stray(cell.share, cell.status, seed=seed)
    return [
        next(number for number in itertools.count() if script(Logged("", "", digest, number + 1)) is None) for digest in digests
    ]


def floor_s(refused: Sequence[int], cell: Cell) -> float:
    """Seconds of an ideal client whose calls are refused so often."""
    new, now = iter(refused), 0.0
    flying: list[tuple[float, float, int]] = []  # end, arrival, refusals that are left
    waiting: list[tuple[float, int]] = []  # when it may go again, refusals that are left
    upcoming = next(new, None)
    while flying or waiting or upcoming is not None:
        while len(flying) < IN_FLIGHT and ((waiting and waiting[0][0] <= now) or upcoming is not None):
            if waiting and waiting[0][0] <= now:
                _, left = heapq.heappop(waiting)
            else:
                left, upcoming = upcoming or 0, next(new, None)
            heapq.heappush(flying, (now + LATENCY_S, now, left))
        ends_at = flying[0][0] if flying else math.inf
        if len(flying) < IN_FLIGHT and waiting and waiting[0][0] < ends_at:
            now = waiting[0][0]
            continue
        now, arrived_at, left = heapq.heappop(flying)
        if left:
            again_at = math.ceil(arrived_at + DATE_S) if cell.wait == "date" else now + cell.told_s
            heapq.heappush(waiting, (max(now, again_at), left - 1))
    return now


def measured(cell: Cell, digests: Sequence[str], seed: int) -> dict[str, Any]:
    calls, least_s = len(digests), floor_s(refusals(digests, cell, seed), cell)
    runs = {}
    for kind in ("engine", "loop"):
        with counting_server(*cell.flags(seed)) as served:
            runs[kind] = in_child(__file__, kind, served.url, calls, 60 + 5 * least_s)
        away = sum(number for name, number in served.counts.items() if name.startswith(str(cell.status)))
        runs[kind]["refused"] = round(away / sum(served.counts.values()), 4)
    engine, loop = runs["engine"], runs["loop"]
    bar_s = AT_MOST * max(loop["wall_s"], least_s)
    return {
        "share": cell.share,
        "status": cell.status,
        "retry_after": cell.wait,
        "engine_s": engine["wall_s"],
        "loop_s": loop["wall_s"],
        "floor_s": round(least_s, 2),
        "engine / loop": round(engine["wall_s"] / loop["wall_s"], 3),
        "engine / floor": round(engine["wall_s"] / least_s, 3),
        "rows": engine["rows"],
        "loop_rows": loop["rows"],
        "refused": engine["refused"],
        "loop_refused": loop["refused"],
        "passes": engine["rows"] == calls and engine["wall_s"] <= bar_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--statuses", type=int, nargs="+", default=STATUSES, choices=STATUSES)
    parser.add_argument("--waits", nargs="+", default=WAITS, help="absent, date, or seconds")
    parser.add_argument("--seed", type=int, default=0, help="selects the attempts that are refused")
    parser.add_argument("--at-once", type=int, default=2, help="cells that run side by side")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=4, metavar=("KIND", "URL", "CALLS", "AT_MOST_S"))
    given = parser.parse_args()
    if given.child:
        kind, url, calls, at_most_s = given.child
        print(json.dumps(child(kind, url, int(calls), float(at_most_s))))
        return
    cells = [Cell(share, status, wait) for share in given.shares if share for status in given.statuses for wait in given.waits]
    if 0 in given.shares:
        cells.insert(0, Cell(0.0, 429, "absent"))
    asked = bodies(Endpoint(PROVIDER, LLM(base_url=NOWHERE)), given.calls)
    digests = [digest_of(body) for _, body in asked]

    def run(cell: Cell) -> dict[str, Any]:
        row = measured(cell, digests, given.seed)
        print(json.dumps(row), file=sys.stderr, flush=True)
        return row

    with ThreadPoolExecutor(given.at_once) as pool:
        rows = list(pool.map(run, cells))
    summary = {
        "cells": len(rows),
        "pass": sum(row["passes"] for row in rows),
        "worst engine / loop": max(row["engine / loop"] for row in rows),
        "worst engine / floor": max(row["engine / floor"] for row in rows),
        "rows missing": sum(given.calls - row["rows"] for row in rows),
    }
    settings = {
        "calls": given.calls,
        "latency_s": LATENCY_S,
        "in_flight": IN_FLIGHT,
        "seed": given.seed,
        "at_once": given.at_once,
    }
    write_result({**settings, "summary": summary, "rows": rows}, given.out)


if __name__ == "__main__":
    main()

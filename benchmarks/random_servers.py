"""The engine in front of random servers, on a virtual clock: what share of an oracle's throughput does it have?

    python benchmarks/random_servers.py [--servers 2000] [--first 0] [--processes 2] [--out results/random_servers.json]
    python benchmarks/random_servers.py --seed 17 --trace

`tests/support/random_servers.py` has the servers and the oracle. `--trace` shows one server second by second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from engine_setup import write_result

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))  # the test suite runs the same simulation in small

from support.random_servers import Measured, bare, drawn, measured
from support.simulated_provider import SimulatedServer

from synthgen.llm.session import Session

GOOD, LEAST = 0.85, 0.6
WORST = 20


@dataclass(frozen=True)
class Result(Measured):
    """Also the share of plain workers, None if they were not asked for, and the real seconds that the engine took."""

    bare: float | None
    real_s: float


def one(seed: int, *, bare_too: bool) -> Result:
    """The result for the server of a seed."""
    started, server = time.perf_counter(), drawn(seed)
    found = vars(measured(server))
    real_s = time.perf_counter() - started
    return Result(**found, bare=bare(server) if bare_too else None, real_s=real_s)


def seeds(first: int, count: int, group: str) -> list[int]:
    """The first `count` seeds from `first` on whose server is of `group`, if one is given."""
    return list(islice((seed for seed in itertools.count(first) if drawn(seed).group.startswith(group)), count))


def summary(results: list[Result]) -> dict[str, Any]:
    shares = sorted(result.share for result in results)
    return {
        "servers": len(shares),
        "at_least_85_percent": round(sum(share >= GOOD for share in shares) / len(shares), 4),
        "at_least_60_percent": round(sum(share >= LEAST for share in shares) / len(shares), 4),
        "minimum": round(shares[0], 3),
        "quantiles": {str(q): round(shares[int(q * (len(shares) - 1))], 3) for q in (0.01, 0.05, 0.1, 0.25, 0.5)},
        "maximum": round(shares[-1], 3),
        "refused_by_a_limit": round(statistics.fmean(result.over_limit for result in results), 4),
        "thrown_away": round(statistics.fmean(result.thrown_away for result in results), 4),
        "thrown_away_at_most": round(max(result.thrown_away for result in results), 4),
        "more_than_2_percent_thrown_away": sum(result.thrown_away > 0.02 for result in results),
        "failed_rows": sum(result.failed for result in results),
        "ended_early": sum(bool(result.ended) for result in results),
    } | plain(results)


def plain(results: list[Result]) -> dict[str, Any]:
    """The same of plain workers, where they were measured."""
    shares = sorted(result.bare for result in results if result.bare is not None)
    if not shares:
        return {}
    return {
        "bare_at_least_85_percent": round(sum(share >= GOOD for share in shares) / len(shares), 4),
        "bare_at_least_60_percent": round(sum(share >= LEAST for share in shares) / len(shares), 4),
        "engine_below_bare": sum(result.bare is not None and result.share < 0.95 * result.bare for result in results),
    }


def grouped(results: list[Result], name: Callable[[Result], str]) -> dict[str, Any]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(name(result), []).append(result)
    return {group: summary(found) for group, found in sorted(groups.items())}


def strays(result: Result) -> str:
    share = result.server.strays
    return "none" if not share else "up to 2 %" if share <= 0.02 else "up to 10 %" if share <= 0.1 else "up to 20 %"


def shown(result: Measured) -> dict[str, Any]:
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in vars(result).items()}
    server = {name: value for name, value in asdict(result.server).items() if value not in (None, "")}
    return rounded | {"server": server}


def trace(seed: int) -> None:
    """Print one line for each virtual second in which something arrived."""
    server = drawn(seed)
    print(json.dumps(asdict(server) | {"horizon_s": server.horizon_s, "about_per_s": server.rate_per_s}, indent=1))
    before = [0, 0, 0, 0]

    def line(now: float, built: SimulatedServer, session: Session) -> None:
        counts = [len(built.answered_at), built.strayed, built.over_limit, built.given_up]
        answered, strayed, over, given_up = (new - old for new, old in zip(counts, before, strict=True))
        before[:] = counts
        if not answered + strayed + over + given_up:
            return
        rate = session.limiter.rate_per_minute
        print(
            f"{now:6.0f} s  answers {answered:4}  queue {built.queued:4}  slots {built.working:4}  stray {strayed:3}  over {over:4}  "
            f"given up {given_up:3}  rate {'-' if rate is None else f'{rate / 60:.2f}'}/s  {session.limiter.waiting}"
        )

    print(json.dumps(shown(measured(server, line)), indent=1))


def compact(results: Iterable[Result]) -> str:
    lines = []
    for result in results:
        server = result.server
        slow = f" slowed x{server.slowed.factor:.0f}" if server.slowed else ""
        limit = f" limit {server.limit}/{server.window_s:g}s {server.kind} size {server.size:.0f}" if server.resource else ""
        lines.append(
            f"seed {server.seed:5}  {result.share:6.1%}{'' if result.bare is None else f' bare {result.bare:6.1%}'} late {result.late:6.1%} of {result.oracle:6.0f} in {server.horizon_s:4.0f} s  [{server.group}]{limit}  work {server.work.mean_s:.2f} s "
            f"{server.work.spread} x{server.concurrency} slots {server.slots}  strays {server.strays:.1%} {server.status} told "
            f"{server.told_s}{slow}  refused {result.refused:.1%} thrown away {result.thrown_away:.1%} {result.ended[:60]}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--group", default="", help="only servers of a kind, as `by_limit` of the result names them; its beginning is enough"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--bare", action="store_true", help="also plain workers that retry each call as it is told")
    parser.add_argument("--seed", type=int, help="of one server")
    parser.add_argument("--trace", action="store_true", help="with --seed: a line for each second")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.seed is not None:
        if given.trace:
            trace(given.seed)
        else:
            print(json.dumps(shown(measured(drawn(given.seed))), indent=1))
        return
    started = time.perf_counter()
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        found = pool.map(partial(one, bare_too=given.bare), seeds(given.first, given.servers, given.group), chunksize=4)
        results = sorted(found, key=lambda result: result.share)
    slowest = max(results, key=lambda result: result.real_s)
    print(compact(results[:WORST]), file=sys.stderr)
    written = summary(results) | {
        "first_seed": given.first,
        "real_s": round(time.perf_counter() - started, 1),
        "slowest": {"seed": slowest.server.seed, "real_s": round(slowest.real_s, 1)},
        "by_limit": grouped(results, lambda result: result.server.group),
        "by_strays": grouped(results, strays),
        "by_told_wait": grouped(results, lambda result: str(result.server.told_s)),
        "worst": [shown(result) for result in results[:WORST]],
    }
    write_result(written, given.out)


if __name__ == "__main__":
    main()

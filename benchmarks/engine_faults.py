"""What becomes of 5,000 passages when things go wrong, what that costs and how long it takes.

    python benchmarks/engine_faults.py [--calls 5000] [--rounds 3] [--retry-after 0.05 0.3 1] [--out results/engine_faults.json]

The server answers 5 % of first attempts with 429, 2 % with 500, resets 1 %, leaves 1 % without an answer (the client gives up
after two seconds); 2 % of requests get an answer that is no JSON and 1 % one that is cut, always. Every passage has to end as data
or as a stored failure with its reason. A call is paid when the server answered it with 200 or was left waiting; *wasted* is what
was paid beyond one call for each passage, *unavoidable* are the malformed, cut and unanswered ones among them.

`told` has shorter runs (1,000 passages at most, 300 ms an answer) whose 5 % of 429s ask for a wait, with 2 % of 500s, 1 % of resets
and 2 % of malformed answers.

A run ends after five minutes; what is not done by then is lost. Everywhere a bare loop goes after the engine, over a server with the same faults: AsyncOpenAI with a semaphore (64), which retries
each call as it is told, and otherwise as the SDK would. Its rows are the answers that can be used, since it asks no second time for
the others. Server, engine and loop have a process of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bare_loop import retried
from engine_setup import chunks, counting_server, in_child, medians, prompted, write_result

from synthgen.config.settings import LLM
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.fill import fill
from synthgen.llm.providers.openai import PROVIDER
from synthgen.llm.reask import calls_of
from synthgen.records import Triple

FAULTS = {"rate_limit": 0.05, "error": 0.02, "reset": 0.01, "malformed": 0.02, "truncated": 0.01, "slow": 0.01}
TOLD_FAULTS = {"rate_limit": 0.05, "error": 0.02, "reset": 0.01, "malformed": 0.02}
AT_MOST_S = 300.0
MOST_TOLD = 1_000


def engine(endpoint: Endpoint, calls: int) -> dict[str, Any]:
    import openai  # noqa: F401 - start-up, before the clock starts

    rows = list(chunks(calls))
    with tempfile.TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        step = prompted(endpoint)
        filling, began = fill(step.requests(rows), store, endpoint, check=step.check), time.perf_counter()
        with suppress(TimeoutError):
            asyncio.run(asyncio.wait_for(filling, AT_MOST_S))
        wall_s = time.perf_counter() - began
        produced = list(step.apply(rows, store))
        ends = [list(calls_of(request, store)) for request in step.requests(rows)]
    with_data = {row.document_id for row in produced if isinstance(row, Triple)}
    last = {row.document_id: end[-1] for row, end in zip(rows, ends, strict=True) if end}
    failed = {id: call.reason for id, call in last.items() if call.status == "failed" and call.reason}
    return {
        "engine_s": round(wall_s, 2),
        "with_data": len(with_data),
        "stored_failures": dict(sorted(Counter(failed.values()).items())),
        "lost": calls - len(with_data | set(failed)),
    }


def loop(endpoint: Endpoint, calls: int) -> dict[str, Any]:
    told = asyncio.run(retried(endpoint, calls, at_most_s=AT_MOST_S))
    return {"loop_s": told["wall_s"], "loop_rows": told["rows"]}


def measured(
    calls: int, seed: int, faults: Mapping[str, float], *, latency_ms: int, retry_after: float | None
) -> dict[str, Any]:
    flags = ["--latency-ms", str(latency_ms), "--seed", str(seed), "--no-log-bodies"]
    flags += [word for kind, rate in faults.items() for word in ("--fault", f"{kind}={rate}")]
    flags += [] if retry_after is None else ["--retry-after", str(retry_after)]
    with counting_server(*flags) as served:
        run = in_child(__file__, "engine", served.url, calls)
    with counting_server(*flags) as beside:
        run |= in_child(__file__, "loop", beside.url, calls)
    counts = served.counts
    paid = sum(number for name, number in counts.items() if name.startswith("200") and name != "200 reset")
    unavoidable = sum(counts.get(f"200 {kind}", 0) for kind in ("malformed", "truncated", "slow"))
    run = {
        "seed": seed,
        "retry_after": retry_after,
        "passages": calls,
        **run,
        "engine / loop": round(run["engine_s"] / run["loop_s"], 3),
        "requests": sum(counts.values()),
        "paid": paid,
        "wasted": paid - calls,
        "unavoidable": unavoidable,
        "wasted_beyond_percent": round(100 * (paid - calls - unavoidable) / calls, 3),
        "faults_met": {name: number for name, number in sorted(counts.items()) if name != "200"},
    }
    print(json.dumps(run), file=sys.stderr, flush=True)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--retry-after", type=float, nargs="*", default=[0.05, 0.3, 1.0], help="seconds, of each run in `told`")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=3, metavar=("KIND", "URL", "CALLS"))
    given = parser.parse_args()
    if given.child:
        kind, url, calls = given.child
        endpoint = Endpoint(PROVIDER, LLM(base_url=url, concurrency=64, timeout_s=2.0))
        print(json.dumps((engine if kind == "engine" else loop)(endpoint, int(calls))))
        return
    runs = [measured(given.calls, seed, FAULTS, latency_ms=50, retry_after=None) for seed in range(given.rounds)]
    short = min(MOST_TOLD, given.calls)
    told = [measured(short, 0, TOLD_FAULTS, latency_ms=300, retry_after=wait_s) for wait_s in given.retry_after]
    names = ("with_data", "lost", "wasted", "unavoidable", "wasted_beyond_percent", "engine_s", "loop_s", "engine / loop")
    median = medians([{name: run[name] for name in names} for run in runs]) if runs else {}
    write_result({"median": median, "runs": runs, "told": told}, given.out)


if __name__ == "__main__":
    main()

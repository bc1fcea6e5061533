"""What becomes of 5,000 passages when things go wrong, and what that costs.

    python benchmarks/engine_faults.py [--calls 5000] [--rounds 3] [--out results/engine_faults.json]

The server answers 5 % of first attempts with 429, 2 % with 500, resets 1 %, leaves 1 % without an answer (the client gives up
after two seconds); 2 % of requests get an answer that is no JSON and 1 % one that is cut, always. Every passage has to end as data
or as a stored failure with its reason. A call is paid when the server answered it with 200 or was left waiting; *wasted* is what
was paid beyond one call for each passage, *unavoidable* are the malformed, cut and unanswered ones among them.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from engine_setup import chunks, medians, prompted, write_result

from synthgen.config.settings import LLM
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.fill import fill
from synthgen.llm.providers.openai import PROVIDER
from synthgen.llm.reask import calls_of
from synthgen.records import Triple
from synthgen.testing import FakeOpenAI, mix

FAULTS = {"rate_limit": 0.05, "error": 0.02, "reset": 0.01, "malformed": 0.02, "truncated": 0.01, "slow": 0.01}


def measured(calls: int, seed: int) -> dict[str, Any]:
    rows = list(chunks(calls))
    with (
        tempfile.TemporaryDirectory() as folder,
        CallStore(Path(folder) / "calls.sqlite") as store,
        FakeOpenAI(latency_s=0.05, script=mix(FAULTS, seed=seed)) as server,
    ):
        endpoint = Endpoint(PROVIDER, LLM(base_url=server.base_url, concurrency=64, timeout_s=2.0))
        step = prompted(endpoint)
        report = asyncio.run(fill(step.requests(rows), store, endpoint, check=step.check))
        produced = list(step.apply(rows, store))
        ends = [list(calls_of(request, store)) for request in step.requests(rows)]
        log = Counter(logged.fault if logged.status == 200 else str(logged.status) for logged in server.log)
    with_data = {row.document_id for row in produced if isinstance(row, Triple)}
    failed = {
        row.document_id for row, end in zip(rows, ends, strict=True) if end and end[-1].status == "failed" and end[-1].reason
    }
    paid = sum(logged.status == 200 and logged.fault != "reset" for logged in server.log)
    unavoidable = log["malformed"] + log["truncated"] + log["slow"]
    return {
        "seed": seed,
        "passages": calls,
        "with_data": len(with_data),
        "stored_failures": report.failed,
        "lost": calls - len(with_data | failed),
        "requests": len(server.log),
        "paid": paid,
        "wasted": paid - calls,
        "unavoidable": unavoidable,
        "wasted_beyond_percent": round(100 * (paid - calls - unavoidable) / calls, 3),
        "faults_met": dict(sorted((name, n) for name, n in log.items() if name)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    runs = [measured(given.calls, seed) for seed in range(given.rounds)]
    names = ("with_data", "lost", "wasted", "unavoidable", "wasted_beyond_percent")
    write_result({"median": medians([{name: run[name] for name in names} for run in runs]), "runs": runs}, given.out)


if __name__ == "__main__":
    main()

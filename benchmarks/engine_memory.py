"""Peak memory of the engine at 20,000 and at 200,000 calls.

    python benchmarks/engine_memory.py [--out results/engine_memory.json]

Chunks are streamed from a `chunks.parquet`, the server answers at once and keeps no log of bodies; one run each, in a process of
its own. What grows with the number of calls is the call store on disk, and not the process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from engine_setup import chunks, in_child, peak_mib, server, write_result

from synthgen.config.settings import Config
from synthgen.pipeline.run_folder import RunFolder

SIZES = (20_000, 200_000)


def filled(url: str, folder: str, calls: int) -> dict[str, float]:
    from synthgen.llm.call_store import CallStore
    from synthgen.pipeline.generation import StoredChunks, make_generator

    llm = {"base_url": url, "concurrency": 64}
    config = Config.build({"model": "openai/fake-model", "generation": {"per_chunk": 1}, "llm": llm})
    run, started = RunFolder(Path(folder)), time.perf_counter()
    with CallStore(run.calls) as store:
        asyncio.run(make_generator(config).agenerate(StoredChunks(run), store))
        assert store.totals().ok == calls
    seconds = time.perf_counter() - started
    return {
        "calls": calls,
        "peak_mib": round(peak_mib(), 1),
        "seconds": round(seconds, 1),
        "calls_per_s": round(calls / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs="+")
    given = parser.parse_args()
    if given.child:
        _, url, folder, calls = given.child
        print(json.dumps(filled(url, folder, int(calls))))
        return
    runs = []
    for size in SIZES:
        with server("--no-log-bodies") as url, tempfile.TemporaryDirectory() as folder:
            RunFolder(Path(folder)).write("chunks", chunks(size))
            runs.append(in_child(str(Path(__file__)), "fill", url, folder, size))
            print(runs[-1], file=sys.stderr)
    write_result({"runs": runs, "growth_mib": round(runs[1]["peak_mib"] - runs[0]["peak_mib"], 1)}, given.out)


if __name__ == "__main__":
    main()

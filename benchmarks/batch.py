"""120,000 requests through the Batch API: one batch expires half-way, 1 % of the requests fail, and all is there in the end.

    python benchmarks/batch.py [--requests 120000] [--out results/batch.json]

The requests go up in as many files as 50,000 requests and 200 MB demand. Then: collect, submit once more what came back without an
answer, collect again, and a live run over the same chunks, which must find every answer in the store and make no call. Each command
is a process of its own, as from the command line; the server is another one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine_setup import chunks, in_child, peak_mib, write_result

from synthgen.config.settings import Config
from synthgen.llm.call_store import CallStore
from synthgen.llm.event_loop import run_async
from synthgen.pipeline import batch as batches
from synthgen.pipeline.generation import StoredChunks, make_generator
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import open_store
from synthgen.testing import BatchFate, FakeOpenAI

FAILING = 0.01
EXPIRES = 2  # the second batch, counted from 1
GLANCE_S = 0.5


def serve(pipe: Connection) -> None:
    """A fake server until the other end of `pipe` says stop. `again` ends the faults: what comes then is answered."""
    made, calm = [0], [False]

    def fate(batch: Mapping[str, Any]) -> BatchFate:
        made[0] += 1
        if calm[0]:
            return BatchFate()
        return BatchFate(expire_after=0.5 if made[0] == EXPIRES else None, faults={"error": FAILING})

    with FakeOpenAI(batch_script=fate, keep_bodies=False) as server:
        pipe.send(server.base_url)
        while (asked := pipe.recv()) != "stop":
            calm[0] = calm[0] or asked == "again"
            pipe.send({"batches": server.batches, "live": dict(server.counts)})


def command(name: str, folder: str) -> dict[str, Any]:
    """One command of the client, with what it cost this process."""
    started = time.perf_counter()
    if name == "live":
        report = live(folder)
    else:
        report = (batches.submit(folder) if name == "submit" else batches.collect(folder)).to_dict()
    return report | {"seconds": round(time.perf_counter() - started, 1), "peak_mib": round(peak_mib(), 1)}


def live(folder: str) -> dict[str, Any]:
    """What `synthgen run` does for its calls, over chunks that are read as they are needed."""
    run = RunFolder(Path(folder))
    generator = make_generator(run.open()[0])
    with open_store(generator.config, run) as store:
        run_async(generator.agenerate(StoredChunks(run), store))
        return {"stored": store.totals().ok}


def prepare(folder: Path, url: str, requests: int) -> None:
    """A run folder as it stands before its first call."""
    config = Config.build({"model": "openai/fake-model", "generation": {"per_chunk": 1}, "llm": {"base_url": url}})
    run, generator = RunFolder(folder), make_generator(config)
    run.write("chunks", chunks(requests))
    run.settle(folder / "docs", generator.config, generation=generator.facts, corpus="")


def measure(pipe: Connection, requests: int) -> dict[str, Any]:
    url, commands = pipe.recv(), []
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), url, requests)

        def given(name: str) -> dict[str, Any]:
            report = in_child(__file__, name, folder)
            commands.append({"command": name, "seconds": report["seconds"], "peak_mib": report["peak_mib"]})
            print(commands[-1], file=sys.stderr)
            return report

        first = given("submit")
        ended(pipe)
        partial = given("collect")
        pipe.send("again")
        pipe.recv()
        second = given("submit")
        states = ended(pipe)
        final = given("collect")
        given("live")
        with CallStore(Path(folder) / "calls.sqlite", read_only=True) as store:
            totals = store.totals()
        return {
            "requests": requests,
            "files": [row["requests"] for row in first["batches"]],
            "asked_live_for_the_form": first["asked_live"],
            "collected": partial["ok"],
            "to_resubmit": partial["to_resubmit"],
            "resubmitted": second["submitted"],
            "collected_then": final["ok"],
            "stored": {"ok": totals.ok, "failed": totals.failed},
            "batches": states,
            "live_calls_after": sum(asked(pipe)["live"].values()) - first["asked_live"],
            "commands": commands,
            "peak_mib": max(one["peak_mib"] for one in commands),
        }


def asked(pipe: Connection) -> dict[str, Any]:
    pipe.send("how is it going?")
    return pipe.recv()


def ended(pipe: Connection) -> list[str]:
    """Waits until every batch has ended; returns their states, the oldest first."""
    while True:
        states = [batch["status"] for batch in reversed(asked(pipe)["batches"])]
        if {"completed", "failed", "expired", "cancelled"}.issuperset(states):
            return states
        time.sleep(GLANCE_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=120_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=2)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(command(*given.child)))
        return
    started = time.perf_counter()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    server.start()
    theirs.close()
    try:
        result = measure(ours, given.requests)
        ours.send("stop")
        server.join(30)
    finally:
        server.kill()
    result["seconds"] = round(time.perf_counter() - started, 1)
    done = result["stored"] == {"ok": given.requests, "failed": {}} and not result["live_calls_after"]
    result["passed"] = done and len(result["files"]) >= 3 and result["batches"][EXPIRES - 1] == "expired"
    write_result(result, given.out)
    sys.exit(0 if result["passed"] else 1)


if __name__ == "__main__":
    main()

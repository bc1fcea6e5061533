"""How fast the engine is, beside the latency that cannot be beaten and a bare loop over the SDK.

    python benchmarks/engine_speed.py [--calls 5000] [--rounds 3] [--out results/engine_speed.json]

A fake server with 300 ms latency stands in a process of its own. In turn, each in a process of its own:

    engine            `fill`: limiter, budget, call store with a durable commit, answer read and checked
    bare aiohttp      AsyncOpenAI on its aiohttp transport, `chat.completions.create` under a semaphore; answers are dropped
    bare default      the same on the SDK's default transport

`wall_s` runs from the first request to the last stored (or received) answer, `limit_s` is calls x latency / concurrency, CPU is
that of the client process over the same time. `whole` is `synthgen run` over as many short documents, training off: its seconds
beside those of the calls are start-up and local stages; one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engine_setup import chunks, in_child, medians, prompted, server, write_documents, write_result

from synthgen.config.settings import LLM
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.providers.openai import PROVIDER
from synthgen.records import Request

LATENCY_S = 0.3


def endpoint_at(url: str, concurrency: int) -> Endpoint:
    return Endpoint(PROVIDER, LLM(base_url=url, concurrency=concurrency))


def engine(url: str, calls: int, concurrency: int) -> dict[str, float]:
    from synthgen.llm.call_store import CallStore
    from synthgen.llm.fill import fill

    endpoint = endpoint_at(url, concurrency)
    step, rows = prompted(endpoint), list(chunks(calls))

    async def main(store: CallStore) -> dict[str, float]:
        cpu = time.process_time()
        report = await fill(step.requests(rows), store, endpoint, check=step.check, total=calls)
        assert (report.ok, report.attempts) == (calls, calls), report
        return {"wall_s": report.duration_s, "cpu_ms_per_call": 1000 * (time.process_time() - cpu) / calls}

    import openai  # noqa: F401 - start-up, which the bare loops have paid as well when their clock starts

    with tempfile.TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        return asyncio.run(main(store))


def bare(url: str, calls: int, concurrency: int, transport: str) -> dict[str, float]:
    import openai

    requests = prompted(endpoint_at(url, concurrency)).requests(list(chunks(calls)))
    make = openai.DefaultAioHttpClient if transport == "aiohttp" else openai.DefaultAsyncHttpxClient
    answers: list[str] = []

    async def main() -> dict[str, float]:
        import httpx2

        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
        async with openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0, http_client=make(limits=limits)) as client:
            room = asyncio.Semaphore(concurrency)

            async def one(request: Request) -> None:
                async with room:
                    answer = await client.chat.completions.create(
                        model=request.model,
                        messages=[dict(message) for message in request.messages],  # type: ignore[misc]
                        temperature=request.sampling["temperature"],
                        max_tokens=request.sampling["max_output_tokens"],
                        response_format={  # type: ignore[arg-type]
                            "type": "json_schema",
                            "json_schema": {"name": "answer", "schema": request.schema, "strict": True},
                        },
                    )
                answers.append(answer.choices[0].message.content or "")

            started, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(one(request) for request in requests))
            wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
        assert len(answers) == calls
        assert all(answers)
        return {"wall_s": wall_s, "cpu_ms_per_call": 1000 * cpu_s / calls}

    return asyncio.run(main())


def whole(url: str, calls: int, concurrency: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        docs, run = write_documents(Path(name) / "docs", calls), Path(name) / "run"
        flags = ["-m", "openai/fake-model", "--base-url", url, "--concurrency", str(concurrency), "-q"]
        off = ["--set", "training.enabled=false", "--set", "generation.per_chunk=1"]
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "synthgen", "run", str(docs), str(run), *flags, *off], check=True, stdout=subprocess.DEVNULL
        )
        wall_s = time.perf_counter() - started
        timing = json.loads((run / "report.json").read_text(encoding="utf-8"))["timing"]
    return {"wall_s": wall_s, "beside_calls_s": wall_s - timing["calls"], **{f"{name}_s": s for name, s in timing.items()}}


def measured(url: str, calls: int, rounds: int) -> dict[str, Any]:
    script, result = str(Path(__file__)), {}
    for concurrency in (64, 256):
        limit_s = calls * LATENCY_S / concurrency
        kinds = {"engine": "engine", "bare aiohttp": "aiohttp"}
        if concurrency == 64:  # at 256 the default transport takes a minute, and shows nothing more
            kinds["bare default"] = "default"
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
        for _ in range(rounds):
            for name, kind in kinds.items():
                runs[name].append(in_child(script, kind, url, calls, concurrency))
                print(concurrency, name, runs[name][-1], file=sys.stderr)
        rows = {name: medians(listed) for name, listed in runs.items()}
        result[f"{concurrency} in flight"] = {
            "limit_s": limit_s,
            **rows,
            "engine wall / limit": round(rows["engine"]["wall_s"] / limit_s, 3),
            "engine wall / bare aiohttp wall": round(rows["engine"]["wall_s"] / rows["bare aiohttp"]["wall_s"], 3),
        }
        if "bare default" in rows:
            cpu = rows["engine"]["cpu_ms_per_call"] / rows["bare default"]["cpu_ms_per_call"]
            result[f"{concurrency} in flight"]["engine CPU / bare default CPU"] = round(cpu, 3)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs="+")
    given = parser.parse_args()
    if given.child:
        name, url, calls, concurrency = given.child
        one = {"engine": engine, "whole": whole}.get(name)
        print(json.dumps(one(url, int(calls), int(concurrency)) if one else bare(url, int(calls), int(concurrency), name)))
        return
    with server("--latency-ms", str(1000 * LATENCY_S), "--no-log-bodies") as url:
        result = measured(url, given.calls, given.rounds)
        result["whole run, 256 in flight"] = in_child(str(Path(__file__)), "whole", url, given.calls, 256)
    write_result({"calls": given.calls, "rounds": given.rounds, "latency_s": LATENCY_S, **result}, given.out)


if __name__ == "__main__":
    main()

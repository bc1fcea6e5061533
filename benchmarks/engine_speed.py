"""How fast the engine is, beside the latency that cannot be beaten and bare loops.

    python benchmarks/engine_speed.py [--calls 5000] [--rounds 3] [--earlier CHECKOUT] [--out results/engine_speed.json]

A fake server stands in a process of its own; it takes 300 ms for a call with 64 and 256 in flight, and 2 s with 512, where there
are four fifths of the calls. In turn, each in a process of its own:

    engine         `fill`: limiter, budget, call store with a durable commit, answer read and checked
    earlier        the same of another checkout of the project, where one is given
    aiohttp        a bare aiohttp loop under a semaphore: the floor of a client in one process; answers are dropped
    SDK            AsyncOpenAI on its aiohttp transport, `chat.completions.create` under a semaphore; answers are dropped
    SDK default    the same on the SDK's default transport

`wall_s` runs from the first request to the last stored (or received) answer, `limit_s` is calls x latency / concurrency. CPU is
that of the client process over the same time, peak memory that of the whole process. `whole` is `synthgen run` over as many short
documents, training off: its seconds beside those of the calls are start-up and local stages; one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine_setup import chunks, in_child, medians, peak_mib, prompted, server, write_documents, write_result

from synthgen.config.settings import LLM
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.providers.openai import PROVIDER
from synthgen.records import Request

CELLS = ((64, 0.3, 1.0), (256, 0.3, 1.0), (512, 2.0, 0.8))
"""In flight, latency in seconds, share of the calls."""

Ask = Callable[[Request], Awaitable[str]]


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
        return measured(report.duration_s, time.process_time() - cpu, calls)

    import openai  # noqa: F401 - start-up, which the bare loops have paid as well when their clock starts

    with tempfile.TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        return asyncio.run(main(store))


def measured(wall_s: float, cpu_s: float, calls: int) -> dict[str, float]:
    return {"wall_s": wall_s, "cpu_ms_per_call": 1000 * cpu_s / calls, "peak_mib": peak_mib()}


def body_of(request: Request) -> dict[str, Any]:
    schema = {"name": "answer", "schema": request.schema, "strict": True}
    return {
        "model": request.model,
        "messages": [dict(message) for message in request.messages],
        "temperature": request.sampling["temperature"],
        "max_tokens": request.sampling["max_output_tokens"],
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


async def bare(ask: Ask, url: str, calls: int, concurrency: int) -> dict[str, float]:
    """A loop without an engine: as many tasks as calls, behind a semaphore."""
    requests = prompted(endpoint_at(url, concurrency)).requests(list(chunks(calls)))
    room, answers = asyncio.Semaphore(concurrency), list[str]()

    async def one(request: Request) -> None:
        async with room:
            answers.append(await ask(request))

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(request) for request in requests))
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    assert len(answers) == calls
    assert all(answers)
    return measured(wall_s, cpu_s, calls)


async def bare_aiohttp(url: str, calls: int, concurrency: int) -> dict[str, float]:
    import aiohttp

    connector, headers = aiohttp.TCPConnector(limit=0), {"Authorization": "Bearer k"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def ask(request: Request) -> str:
            async with session.post(f"{url}/chat/completions", json=body_of(request)) as response:
                return str((await response.json())["choices"][0]["message"]["content"])

        return await bare(ask, url, calls, concurrency)


async def bare_sdk(url: str, calls: int, concurrency: int, transport: str) -> dict[str, float]:
    import httpx2
    import openai

    make = openai.DefaultAioHttpClient if transport == "aiohttp" else openai.DefaultAsyncHttpxClient
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
    async with openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0, http_client=make(limits=limits)) as client:

        async def ask(request: Request) -> str:
            answer = await client.chat.completions.create(**body_of(request))
            return answer.choices[0].message.content or ""

        return await bare(ask, url, calls, concurrency)


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


def in_other(checkout: Path, *arguments: Any) -> Any:
    """The engine of another checkout, asked by this script."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(checkout.absolute())
    try:
        return in_child(str(Path(__file__)), "engine", *arguments)
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


def cell(url: str, calls: int, concurrency: int, latency_s: float, rounds: int, earlier: Path | None) -> dict[str, Any]:
    """All loops in turn, with `concurrency` calls in flight."""
    script, limit_s = str(Path(__file__)), calls * latency_s / concurrency
    loops = ["engine", *(["earlier"] if earlier else []), "aiohttp", "SDK"]
    if concurrency == 64:  # with more, the default transport takes a minute, and shows nothing more
        loops.append("SDK default")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name in loops:
            given = (url, calls, concurrency)
            row = in_other(earlier, *given) if earlier and name == "earlier" else in_child(script, name, *given)
            runs[name].append(row | {"wall / limit": row["wall_s"] / limit_s})
            print(concurrency, name, runs[name][-1], file=sys.stderr)
    rows = {name: medians(listed) for name, listed in runs.items()}
    ratios = {
        f"engine {figure} / {name} {figure}": round(rows["engine"][figure] / rows[name][figure], 3)
        for name in loops[1:]
        for figure in ("wall_s", "cpu_ms_per_call", "peak_mib")
    }
    return {"calls": calls, "latency_s": latency_s, "limit_s": limit_s, **rows, **ratios}


def child(name: str, url: str, calls: int, concurrency: int) -> dict[str, float]:
    if name in ("engine", "whole"):
        return (engine if name == "engine" else whole)(url, calls, concurrency)
    if name == "aiohttp":
        return asyncio.run(bare_aiohttp(url, calls, concurrency))
    return asyncio.run(bare_sdk(url, calls, concurrency, "default" if name == "SDK default" else "aiohttp"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[concurrency for concurrency, *_ in CELLS])
    parser.add_argument("--earlier", type=Path, help="another checkout of the project, to compare its engine")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs="+")
    given = parser.parse_args()
    if given.child:
        name, url, calls, concurrency = given.child
        print(json.dumps(child(name, url, int(calls), int(concurrency))))
        return
    result: dict[str, Any] = {"calls": given.calls, "rounds": given.rounds}
    for concurrency, latency_s, share in CELLS:
        if concurrency in given.in_flight:
            with server("--latency-ms", str(1000 * latency_s), "--no-log-bodies") as url:
                calls = int(share * given.calls)
                result[f"{concurrency} in flight"] = cell(url, calls, concurrency, latency_s, given.rounds, given.earlier)
                if concurrency == 256:
                    whole_run = in_child(str(Path(__file__)), "whole", url, given.calls, concurrency)
                    result["whole run, 256 in flight"] = whole_run
    write_result(result, given.out)


if __name__ == "__main__":
    main()

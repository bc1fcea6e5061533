"""What the benchmarks of the engine share: passages, a server in a process of its own, requests, results."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.config.settings import Config
from synthgen.generators.prompted import Prompted
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.fill import fill
from synthgen.llm.reask import calls_of
from synthgen.pipeline.generation import make_generator
from synthgen.records import Chunk, OnEvent, make_document

SUBJECTS = ("heron", "otter", "kingfisher", "dragonfly", "mayfly", "trout", "crayfish", "alder", "willow", "sluice")


def passage(number: int, *, sentences: int = 6) -> str:
    """A short text of its own about station `number`, the same in every run."""
    draw = random.Random(number)
    return " ".join(
        f"Station {number}.{part} counts {draw.randint(2, 9999)} of the {draw.choice(SUBJECTS)} near gauge {draw.randint(1, 99)}, "
        f"where the {draw.choice(SUBJECTS)} was seen {draw.randint(2, 99)} times in year {draw.randint(1900, 2020)}."
        for part in range(sentences)
    )


def write_documents(folder: Path, count: int) -> Path:
    """`count` Markdown files of one chunk each."""
    for number in range(count):
        path = folder / f"region{number % 50}" / f"station{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# Station {number}\n\n{passage(number)}\n", encoding="utf-8")
    return folder


def chunks(count: int) -> Iterator[Chunk]:
    """The same texts as chunks, made one at a time."""
    for number in range(count):
        text = passage(number)
        document = make_document(f"station{number}.md", text)
        yield Chunk(f"{document.id}#0-{len(text)}", document.id, 0, len(text), text, document.sha256, n_tokens=len(text) // 4)


def prompted(endpoint: Endpoint, *, per_chunk: int = 1) -> Prompted:
    """The paid step of a run with the packaged prompt, put to the fake model."""
    config = Config(model="openai/fake-model", llm=endpoint.settings).model_copy()
    config = config.model_copy(update={"generation": config.generation.model_copy(update={"per_chunk": per_chunk})})
    (step,) = make_generator(config).steps()
    return step


@dataclass
class Served:
    """A fake server in a process of its own. `counts` is what it prints at its end."""

    url: str
    counts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def counting_server(*flags: str) -> Iterator[Served]:
    """A fake server in a process of its own, whose `counts` are there after the block."""
    environment = os.environ | {"OPENAI_API_KEY": "a-benchmark-key"}
    command = [sys.executable, "-m", "synthgen.testing", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        served = Served(process.stdout.readline().strip())
        try:
            yield served
        finally:
            process.terminate()
            served.counts |= json.loads(process.stdout.read().splitlines()[-1])


@contextmanager
def server(*flags: str) -> Iterator[str]:
    """The base URL of a fake server in a process of its own."""
    with counting_server(*flags) as served:
        yield served.url


async def filled(
    endpoint: Endpoint, calls: int, folder: Path, *, at_most_s: float, on_event: OnEvent | None = None
) -> dict[str, float]:
    """What `fill` makes of so many passages with the packaged prompt, at the latest after `at_most_s`.

    `rows` are the calls whose answer can be used, `failed` those that are stored as failed.
    """
    import openai  # noqa: F401 - start-up, before the clock starts

    step, passages, began = prompted(endpoint), list(chunks(calls)), time.perf_counter()
    with CallStore(folder / "calls.sqlite") as store:
        filling = fill(step.requests(passages), store, endpoint, check=step.check, total=calls, on_event=on_event)
        with suppress(TimeoutError):
            await asyncio.wait_for(filling, at_most_s)
        wall_s = time.perf_counter() - began
        ends = [list(calls_of(request, store)) for request in step.requests(passages)]
    last = [end[-1] for end in ends if end]
    return {
        "wall_s": round(wall_s, 2),
        "rows": sum(call.status == "ok" for call in last),
        "failed": sum(call.status == "failed" for call in last),
    }


def in_child(script: str, name: str, *arguments: Any) -> Any:
    """The JSON that `script NAME ARGUMENTS…` prints last, run as a process of its own."""
    command = [sys.executable, script, "--child", name, *(str(argument) for argument in arguments)]
    environment = os.environ | {"OPENAI_API_KEY": "a-benchmark-key", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def write_result(result: Any, out: Path | None) -> None:
    print(json.dumps(result, indent=2))
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def peak_mib() -> float:
    """Peak resident memory of this process, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, where a new process begins with its parent's ru_maxrss
        (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak) / 2**10
    import resource

    peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_rss / (2**20 if sys.platform == "darwin" else 2**10)


def medians(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    import statistics

    listed = list(rows)
    return {name: round(statistics.median(row[name] for row in listed), 4) for name in listed[0]}

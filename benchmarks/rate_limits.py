"""How much of a server's limits a run uses, and how often it is turned away: 600 requests and 100,000 tokens per minute.

    python benchmarks/rate_limits.py [--repeats 3] [--seconds 300] [--scenarios requests tokens …] [--out results/rate_limits.json]

The engine (`synthgen.llm.fill.fill`, 64 in flight, answers after 2 s in the mean, log-normal) against the packaged fake server,
each in a process of its own, which counts a sliding minute. The scenarios are named after

    requests, tokens   the limit that binds, with short and with long prompts
    -hidden            no word about limits at all: no x-ratelimit headers, no retry-after; otherwise there are both
    -stray             5 % of all attempts are turned away at random besides, with 429 and `retry-after: 1`; they use nothing

All runs go side by side, since they mostly wait: some `seconds` in all.

`used` is the share of the binding limit that was let through, `turned_away` the share of requests that were beyond a limit: with
headers from the second minute on, without them in the last two minutes. Both are counted by the server, from the arrival of the first
request on. Medians of the repeats; every run is in the result, minute by minute.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine_setup import passage, server, write_result

from synthgen.config.settings import LLM
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.fill import fill
from synthgen.llm.providers.openai import PROVIDER
from synthgen.records import Request, make_request

RPM, TPM = 600, 100_000
SENTENCES = {"requests": 1, "tokens": 40}  # of a prompt, so that this limit binds
STARTS_APART_S = 0.5
START_S = 15.0  # at most, from the start of the engine to its first request, beside many others


@dataclass(frozen=True)
class Scenario:
    binding: str
    headers: bool
    stray: float

    @property
    def flags(self) -> list[str]:
        flags = ["--rpm", str(RPM), "--tpm", str(TPM), "--latency-ms", "log-normal:2000:0.5"]
        flags += [] if self.headers else ["--no-limit-headers"]
        return [*flags, "--stray", str(self.stray), "--retry-after", "1"] if self.stray else flags


SCENARIOS = {
    f"{binding}{'' if headers else '-hidden'}{'-stray' if stray else ''}": Scenario(binding, headers, stray)
    for stray in (0.0, 0.05)
    for binding in SENTENCES
    for headers in (True, False)
}


@dataclass(frozen=True)
class Answer:
    """One answer: when its request arrived, in seconds after the first, the tokens it used, and whether it was beyond a limit."""

    at_s: float
    tokens: int
    status: int
    beyond: bool


def requests(url: str, sentences: int) -> Iterator[Request]:
    """More than any run will send."""
    for number in itertools.count():
        messages = (
            {"role": "system", "content": "Write 1 item as JSON."},
            {"role": "user", "content": passage(number, sentences=sentences)},
        )
        yield make_request("fake-model", url, messages, sampling={"max_output_tokens": 500})


def run(scenario: Scenario, seconds: float) -> list[Answer]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        with server(*scenario.flags, "--log", str(log), "--no-log-bodies") as url:
            endpoint = Endpoint(PROVIDER, LLM(base_url=url, concurrency=64))
            asked = requests(url, SENTENCES[scenario.binding])
            with CallStore(Path(folder) / "calls.sqlite") as store, suppress(TimeoutError):
                asyncio.run(asyncio.wait_for(fill(asked, store, endpoint), seconds + START_S))
        entries = map(json.loads, log.read_text(encoding="utf-8").splitlines())
        return [Answer(entry["at_s"], entry["tokens"], entry["status"], entry["fault"] == "limit") for entry in entries]


def figures(answers: Sequence[Answer], binding: str, start_s: float, end_s: float) -> dict[str, float]:
    within = [answer for answer in answers if start_s <= answer.at_s < end_s]
    amount = sum((1 if binding == "requests" else answer.tokens) for answer in within if answer.status == 200)
    limit = (RPM if binding == "requests" else TPM) * (end_s - start_s) / 60
    beyond = sum(answer.beyond for answer in within)
    return {"used": round(amount / limit, 4), "turned_away": round(beyond / max(1, len(within)), 4)}


def child(scenario: Scenario, seconds: float) -> dict[str, Any]:
    answers, binding = run(scenario, seconds), scenario.binding
    minutes = [figures(answers, binding, at, at + 60) for at in range(0, int(seconds) - 59, 60)]
    by_minute = {f"{name}_by_minute": [minute[name] for minute in minutes] for name in ("used", "turned_away")}
    return figures(answers, binding, 60 if scenario.headers else max(0, seconds - 120), seconds) | by_minute


def side_by_side(names: Sequence[str], repeats: int, seconds: float) -> dict[str, list[dict[str, Any]]]:
    """Every scenario, `repeats` times, all at once."""
    started = []
    for name in list(names) * repeats:
        command = [sys.executable, __file__, "--seconds", str(seconds), "--child", name]
        started.append((name, subprocess.Popen(command, stdout=subprocess.PIPE, text=True)))
        time.sleep(STARTS_APART_S)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for name, process in started:
        told, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"A run of {name} ended with {process.returncode}.")
        results[name].append(json.loads(told.splitlines()[-1]))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=300.0, help="of each run; fewer than 180 leave no time to learn")
    parser.add_argument("--scenarios", nargs="+", default=list(SCENARIOS), choices=list(SCENARIOS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", choices=list(SCENARIOS))
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(SCENARIOS[given.child], given.seconds)))
        return
    rows = [
        {
            "scenario": name,
            "binding": SCENARIOS[name].binding,
            "headers": SCENARIOS[name].headers,
            "stray": SCENARIOS[name].stray,
            "used": statistics.median(run["used"] for run in runs),
            "turned_away": statistics.median(run["turned_away"] for run in runs),
            "runs": runs,
        }
        for name, runs in side_by_side(given.scenarios, given.repeats, given.seconds).items()
    ]
    write_result({"rpm": RPM, "tpm": TPM, "seconds": given.seconds, "scenarios": rows}, given.out)


if __name__ == "__main__":
    main()

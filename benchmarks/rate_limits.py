"""How much of a server's limits a run uses, and how often it is turned away: 600 requests and 100,000 tokens per minute.

    python benchmarks/rate_limits.py [--repeats 3] [--seconds 300] [--out results/rate_limits.json]

The engine (`synthgen.llm.fill.fill`, 64 in flight, answers after 2 s in the mean, log-normal) against the packaged fake server,
each in a process of its own, which counts a sliding minute. Four scenarios: short prompts, where the limit on requests binds, and
long ones, where that on tokens does; and each with x-ratelimit headers and Retry-After, and with no word about limits at all (what
the text of a 429 says is kept from the limiter, too). All runs go side by side, since they mostly wait: some `seconds` in all.

`used` is the share of the binding limit that was let through, `turned_away` the share of answers that were 429: with headers from
the second minute on, without them in the last two minutes. Medians of the repeats; every run is in the result, minute by minute.
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
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine_setup import passage, server, write_result

from synthgen.config.settings import LLM
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.fill import fill
from synthgen.llm.providers.base import ReadLimit
from synthgen.llm.providers.openai import PROVIDER
from synthgen.llm.rate_limit.limiter import Grant, Limiter
from synthgen.llm.session import Session
from synthgen.records import Request, Usage, make_request

RPM, TPM = 600, 100_000
SENTENCES = {"requests": 1, "tokens": 40}  # of a prompt, so that this limit binds
SCENARIOS = [(binding, headers) for binding in SENTENCES for headers in (True, False)]
STARTS_APART_S = 0.5


@dataclass(frozen=True)
class Answer:
    """One answer: when the request was sent, in seconds of the run, the tokens it used, and whether it was turned away."""

    at_s: float
    tokens: int
    turned_away: bool


class Watched(Limiter):
    """A limiter that keeps a list of answers, and can be kept from hearing how long to wait."""

    def __init__(self, settings: LLM, read_limit: ReadLimit, *, hears: bool) -> None:
        super().__init__(settings, read_limit)
        self.answers: list[Answer] = []
        self._started = time.monotonic()
        self._hears = hears

    def settle(self, grant: Grant, usage: Usage | None, headers: Mapping[str, str]) -> None:
        self.answers.append(Answer(grant.at - self._started, usage.prompt + usage.output if usage else 0, turned_away=False))
        super().settle(grant, usage, headers)

    def turned_away(self, grant: Grant, wait_s: float | None, headers: Mapping[str, str]) -> None:
        self.answers.append(Answer(grant.at - self._started, 0, turned_away=True))
        super().turned_away(grant, wait_s if self._hears else None, headers)


def requests(url: str, sentences: int) -> Iterator[Request]:
    """More than any run will send."""
    for number in itertools.count():
        messages = (
            {"role": "system", "content": "Write 1 item as JSON."},
            {"role": "user", "content": passage(number, sentences=sentences)},
        )
        yield make_request("fake-model", url, messages, sampling={"max_output_tokens": 500})


def run(binding: str, *, headers: bool, seconds: float) -> list[Answer]:
    flags = ["--rpm", str(RPM), "--tpm", str(TPM), "--latency-ms", "log-normal:2000:0.5"]
    with tempfile.TemporaryDirectory() as folder, server(*flags, *([] if headers else ["--no-limit-headers"])) as url:
        endpoint = Endpoint(PROVIDER, LLM(base_url=url, concurrency=64))
        watched = Watched(endpoint.settings, PROVIDER.read_limit, hears=headers)
        session = replace(Session.of(endpoint), limiter=watched)
        with CallStore(Path(folder) / "calls.sqlite") as store, suppress(TimeoutError):
            asyncio.run(asyncio.wait_for(fill(requests(url, SENTENCES[binding]), store, endpoint, session=session), seconds))
    return watched.answers


def figures(answers: list[Answer], binding: str, start_s: float, end_s: float) -> dict[str, float]:
    within = [answer for answer in answers if start_s <= answer.at_s < end_s]
    amount = sum((1 if binding == "requests" else answer.tokens) for answer in within if not answer.turned_away)
    limit = (RPM if binding == "requests" else TPM) * (end_s - start_s) / 60
    away = sum(answer.turned_away for answer in within)
    return {"used": round(amount / limit, 4), "turned_away": round(away / max(1, len(within)), 4)}


def child(binding: str, headers: bool, seconds: float) -> dict[str, Any]:
    answers = run(binding, headers=headers, seconds=seconds)
    minutes = [figures(answers, binding, at, at + 60) for at in range(0, int(seconds) - 59, 60)]
    by_minute = {f"{name}_by_minute": [minute[name] for minute in minutes] for name in ("used", "turned_away")}
    return figures(answers, binding, 60 if headers else seconds - 120, seconds) | by_minute


def side_by_side(repeats: int, seconds: float) -> dict[tuple[str, bool], list[dict[str, Any]]]:
    """Every scenario, `repeats` times, all at once."""
    started = []
    for scenario in SCENARIOS * repeats:
        command = [sys.executable, __file__, "--seconds", str(seconds), "--child", scenario[0], str(int(scenario[1]))]
        started.append((scenario, subprocess.Popen(command, stdout=subprocess.PIPE, text=True)))
        time.sleep(STARTS_APART_S)
    results: dict[tuple[str, bool], list[dict[str, Any]]] = {scenario: [] for scenario in SCENARIOS}
    for scenario, process in started:
        told, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"A run of {scenario} ended with {process.returncode}.")
        results[scenario].append(json.loads(told.splitlines()[-1]))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=300.0, help="of each run, at least 180")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=2, metavar=("BINDING", "HEADERS"))
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(given.child[0], given.child[1] == "1", given.seconds)))
        return
    rows = [
        {
            "binding": binding,
            "headers": headers,
            "used": statistics.median(run["used"] for run in runs),
            "turned_away": statistics.median(run["turned_away"] for run in runs),
            "runs": runs,
        }
        for (binding, headers), runs in side_by_side(given.repeats, given.seconds).items()
    ]
    write_result({"rpm": RPM, "tpm": TPM, "seconds": given.seconds, "scenarios": rows}, given.out)


if __name__ == "__main__":
    main()

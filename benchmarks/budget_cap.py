"""Whether caps hold: what a server billed, against what a run was allowed to spend.

    python benchmarks/budget_cap.py [--runs 200] [--processes 12] [--out results/budget_cap.json]

Each run fills a store against a fake server that makes trouble, until a cap stops it. Everything is drawn from the run's
number: which cap, prices (cached and written tokens too), model (with a known tokenizer, or one whose prompts can only be
bounded by their bytes), output limit, attempts, concurrency, latency, the provider's cache, and the rates of 429s, 500s,
resets, timeouts, pages of HTML, answers without usage, and malformed and cut answers, which lead to a second request with more
to pay.

The bill is the server's: its log goes through a second copy of it, request by request, which tells the tokens. What it never
told the client it may have billed all the same, so a request that ended in a 500, a reset, a timeout or HTML is billed with
its whole output limit at the full price. A 429 is not billed and is no attempt.

A *worst-case call* is the dearest that a run can make, second requests included. Three runs of four have a cap of 40 to 50 of
these, the others one of 0.5 to 39. `used` is what the budget had charged when the run stopped: an attempt that nobody knows
the usage of is charged at its worst case, so it is more than was billed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from engine_setup import chunks, write_result

from synthgen.config.settings import LLM
from synthgen.errors import ModelError, StoppedEarly
from synthgen.generators.prompted import Prompted
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.costs.budget import Budget, Spend
from synthgen.llm.costs.prices import Price
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.fill import fill
from synthgen.llm.model_name import ModelName
from synthgen.llm.providers.openai import PROVIDER
from synthgen.llm.rate_limit import retry
from synthgen.llm.reask import follow_up
from synthgen.llm.session import Session
from synthgen.prompting.templates import load_prompt
from synthgen.records import Completion, Usage
from synthgen.testing import FakeOpenAI, Fault, Latency, Logged, Script
from synthgen.testing.chat import Chat
from synthgen.testing.dialects import dialect_named
from synthgen.testing.draws import share
from synthgen.testing.usage import output_limit, prompt_tokens

WORK = 20_000  # requests: more than any of these caps can pay for
BILLED_UNSEEN = ("error", "reset", "slow", "body")
AMOUNTS = {"max_calls": "calls", "max_total_tokens": "tokens", "max_cost": "dollars"}


@dataclass(frozen=True)
class Trial:
    """What is drawn for one run."""

    number: int
    cap: str
    worth: float  # the cap, in worst-case calls
    model: str
    price: Price
    per_chunk: int
    settings: dict[str, Any]
    latency: Latency
    caching: bool
    faults: dict[str, float]


def drawn(number: int) -> Trial:
    draw = random.Random(f"budget {number}")
    full = draw.choice([0.05, 0.5, 2.5, 10.0, 30.0])
    small = draw.random() < 0.25
    return Trial(
        number=number,
        cap=draw.choice(["max_cost", "max_cost", "max_total_tokens", "max_calls"]),
        worth=draw.choice([0.5, 1, 1, 2, 3, 5, 10, 20, 39]) if small else draw.uniform(40, 50),
        model=draw.choice(["gpt-4o", "gpt-5.6-luna", "llama-4-scout"]),
        price=Price(
            input=full,
            output=full * draw.choice([1, 4, 8]),
            cached=draw.choice([None, full * 0.1, full * 0.5]),
            written=draw.choice([None, full * 1.25]),
        ),
        per_chunk=draw.choice([1, 3]),
        settings={
            "concurrency": draw.choice([1, 4, 16, 64]),
            "max_attempts": draw.choice([1, 2, 4]),
            "max_output_tokens": draw.choice([200, 400, 1_000]),
            "timeout_s": 1.0,
        },
        latency=Latency.log_normal(draw.choice([0.001, 0.005, 0.02]), 0.5),
        caching=draw.random() < 0.5,
        faults={
            kind: draw.choice([0.0, 0.01, 0.05])
            for kind in ("rate_limit", "error", "reset", "body", "malformed", "truncated", "no_usage")
        }
        | {"slow": draw.choice([0.0, 0.0, 0.01])},
    )


def troubled(trial: Trial) -> Script:
    """Faults by rate, drawn anew for every attempt; a 429 says to come back soon."""
    made = {kind: Fault(kind, retry_after_ms="20" if kind == "rate_limit" else None) for kind in trial.faults}

    def script(request: Logged) -> Fault | None:
        left = share(request.digest, f"{trial.number} {request.attempt}")
        for kind, rate in trial.faults.items():
            if left < rate:
                return made[kind]
            left -= rate
        return None

    return script


def dearest(step: Prompted, price_file: str) -> Spend:
    """The worst case of the dearest call that a run can make: a long passage, asked again after an answer that was of no use."""
    budget = Budget(LLM(max_total_tokens=10**15, max_cost=1e12, prices=price_file), PROVIDER.output_bound)
    longest = max(step.requests(chunks(60)), key=lambda request: len(request.messages[-1]["content"].encode()))
    found = [longest]
    for reason in ("truncated", "malformed"):
        call = Call(Completion(longest.key, "x" * 4_000), "failed", reason, "no JSON in it " * 10)
        found.append(follow_up(longest, call) or longest)
    worst = [reservation.worst for request in found if (reservation := budget.reserve(request))]
    return Spend(1, max(each.tokens for each in worst), max(each.dollars or 0 for each in worst))


def billed(trial: Trial, log: list[Logged]) -> tuple[Spend, Counter[str]]:
    """What the server charged for, and what it met."""
    again = Chat(dialect_named("permissive"), (trial.model,), troubled(trial), caching=trial.caching)
    spent, met = Spend(), Counter[str]()
    for logged in log:
        reply = again.reply(logged)
        met[reply.fault or "answered"] += 1
        if reply.fault == "rate_limit":
            continue
        usage = Usage(output=0)
        if reply.tokens:
            tokens = reply.tokens
            usage = Usage(tokens.prompt, tokens.cached, tokens.written, tokens.output)
        elif reply.fault in BILLED_UNSEEN:
            usage = Usage(prompt_tokens(logged.body), output=output_limit(logged.body) or 0)
        spent = spent.plus(Spend(1, usage.prompt + usage.output, trial.price.dollars(usage)))
    return spent, met


def measured(number: int) -> dict[str, Any]:
    retry._FIRST_WAIT_S = 0.01  # as the server is quick, too
    with tempfile.TemporaryDirectory() as scratch:
        return filled(drawn(number), Path(scratch))


def filled(trial: Trial, scratch: Path) -> dict[str, Any]:
    prices = scratch / "prices.yaml"
    shown = trial.price.model_dump(exclude_none=True)
    prices.write_text(f"dated: 2001-12-19\nmodels: {{{trial.model}: {shown}}}\n", encoding="utf-8")
    with (
        FakeOpenAI(models=(trial.model,), latency=trial.latency, script=troubled(trial), caching=trial.caching) as server,
        CallStore(scratch / "calls.sqlite") as store,
    ):
        llm = LLM(base_url=server.base_url, prices=str(prices), **trial.settings)
        step = Prompted(
            ModelName("openai", trial.model), load_prompt("question"), Endpoint(PROVIDER, llm), per_chunk=trial.per_chunk
        )
        one = getattr(dearest(step, str(prices)), AMOUNTS[trial.cap])
        cap = trial.worth * one if trial.cap == "max_cost" else max(1, round(trial.worth * one))
        endpoint = Endpoint(PROVIDER, llm.model_copy(update={trial.cap: cap}))
        session = Session.of(endpoint, [trial.model])
        budget = session.budget
        stopped = ""
        try:
            asyncio.run(
                fill(step.requests(itertools.islice(chunks(WORK), WORK)), store, endpoint, session=session, check=step.check)
            )
        except (ModelError, StoppedEarly) as error:
            stopped = str(error)
        spent, met = billed(trial, server.log)
    amount = AMOUNTS[trial.cap]
    return {
        "run": trial.number,
        "cap": trial.cap,
        "worth": round(cap / one, 2),
        "amount": cap,
        "billed": getattr(spent, amount),
        "charged": getattr(budget.spent, amount),
        "billed_share": getattr(spent, amount) / cap,
        "used_share": getattr(budget.spent, amount) / cap,
        "in_flight_at_the_end": budget.in_flight,
        "stopped_by_the_cap": f"llm.{trial.cap} = " in stopped,
        "requests": len(server.log),
        "met": dict(sorted(met.items())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first run; its number decides everything in it")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--processes", type=int, default=12, help="runs at a time; most of a run is waiting")
    arguments = parser.parse_args()
    started = time.perf_counter()
    with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(measured, range(arguments.first, arguments.first + arguments.runs)))
    large = [row for row in rows if row["worth"] >= 40]
    met = sum((Counter(row["met"]) for row in rows), Counter[str]())
    result = {
        "runs": len(rows),
        "passed_the_cap": [row["run"] for row in rows if row["billed_share"] > 1 + 1e-9 or row["used_share"] > 1 + 1e-9],
        "not_stopped_by_the_cap": [row["run"] for row in rows if not row["stopped_by_the_cap"]],
        "caps_of_at_least_40_worst_case_calls": {
            "runs": len(large),
            "used_less_than_95_percent": [row["run"] for row in large if row["used_share"] < 0.95],
            "used_share": spread([row["used_share"] for row in large]),
            "billed_share": spread([row["billed_share"] for row in large]),
        },
        "smaller_caps": {
            "runs": len(rows) - len(large),
            "used_share": spread([row["used_share"] for row in rows if row["worth"] < 40]),
        },
        "by_cap": dict(Counter(row["cap"] for row in rows)),
        "requests": sum(row["requests"] for row in rows),
        "met": dict(met.most_common()),
        "seconds": round(time.perf_counter() - started, 1),
    }
    write_result(result, arguments.out)


def spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"least": round(min(values), 4), "median": round(statistics.median(values), 4), "most": round(max(values), 4)}


if __name__ == "__main__":
    main()

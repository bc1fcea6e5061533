"""How good a plan is: the range of a pilot, and the prompt tokens without one.

    python benchmarks/cost_estimate.py [--runs 200] [--out results/cost_estimate.json]

**Pilot.** Each run simulates a model over real requests: generated documents of many lengths, chunked and put into the
packaged prompts, at the packaged prices. Answers are log-normal in length with a log-spread of 0 to 0.8, cut at the output
limit; up to 5 % of requests need a second call (the cut ones too), up to 1 % lose an attempt whose usage never came; a
provider's cache is on or off and misses up to half of what it could have hit. The answers of 50 sampled requests are put into
a call store, `plan --pilot` prices them as it does real ones, and everything that the simulation charges for the other
requests has to lie in its range. What a lost attempt cost is known to the simulation only: as much as an answer.

**Without a pilot.** The recipe runs over real documents against the fake server, in both layouts; what was planned is compared
with what the server counted.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import random
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from engine_setup import SUBJECTS, write_result

from synthgen.chunking.chunker import chunk_documents
from synthgen.config.settings import Config, load_config
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.costs.estimate import MIN_CACHED_TOKENS, Prefixes, estimate, prompt_tokens, static_tokens
from synthgen.llm.costs.prices import Price, load_prices
from synthgen.llm.reask import follow_up
from synthgen.pipeline.generation import Generator, make_generator
from synthgen.pipeline.pilot import draw as sampled_chunks
from synthgen.pipeline.pilot import price_pilot
from synthgen.pipeline.plan import plan
from synthgen.pipeline.run import run
from synthgen.records import Chunk, Completion, Request, Usage, make_document
from synthgen.testing import FakeOpenAI

PILOT = 50
PROMPTS = ("question", "supporting_evidence")
HANDBOOK = Path(__file__).resolve().parent.parent / "data" / "handbook"


@dataclass
class Model:
    """How a simulated model and its provider behave."""

    draw: random.Random
    price: Price
    mean: float
    sigma: float
    second_calls: float
    lost_attempts: float
    hits: float  # share of the possible hits that the cache makes; 0 is no cache
    seen: Prefixes = field(default_factory=Prefixes)

    def calls(self, request: Request) -> list[Call]:
        """The calls that a request leads to, at most two."""
        first = self._call(request, self._length(), malformed=self.draw.random() < self.second_calls)
        follow = follow_up(request, first)
        return [first] if follow is None else [first, self._call(follow, self._length())]

    def cost(self, calls: list[Call]) -> float:
        answered = sum(self.price.dollars(call.completion.usage) for call in calls)
        lost = [call.completion.usage for call in calls for _ in range(call.uncounted)]
        return answered + sum(self.price.dollars(usage) for usage in lost)

    def _call(self, request: Request, length: int, *, malformed: bool = False) -> Call:
        limit = int(request.sampling["max_output_tokens"])
        reason = "truncated" if length > limit else "malformed" if malformed else ""
        usage = Usage(counted(request), *self._cached(request), min(length, limit))
        text = "It is about herons. " * 20 if reason else "{}"
        completion = Completion(request.key, text, "length" if reason == "truncated" else "stop", usage=usage)
        uncounted = int(self.draw.random() < self.lost_attempts)
        return Call(completion, "failed" if reason else "ok", reason, "no JSON in it" if reason else "", uncounted=uncounted)

    def _length(self) -> int:
        return max(5, round(self.mean * self.draw.lognormvariate(-(self.sigma**2) / 2, self.sigma)))

    def _cached(self, request: Request) -> tuple[int, int]:
        """Tokens (read, written)."""
        static = static_tokens(request)
        if not self.hits or static < MIN_CACHED_TOKENS:
            return 0, 0
        new, _ = self.seen.meet(request)
        if not new and self.draw.random() < self.hits:
            return static // 128 * 128, 0
        return 0, static if self.price.spent_on_writing else 0


COUNTED: dict[str, int] = {}


def counted(request: Request) -> int:
    """`prompt_tokens`, remembered: the same requests serve many runs."""
    if request.key not in COUNTED:
        COUNTED[request.key] = prompt_tokens(request)
    return COUNTED[request.key]


@lru_cache(maxsize=8)
def corpus(number: int) -> tuple[Chunk, ...]:
    """The chunks of 20 to 90 documents of many lengths."""
    draw = random.Random(f"corpus {number}")
    documents = [
        make_document(f"region{n}.md", "\n\n".join(section(draw) for _ in range(draw.randint(1, 20))))
        for n in range(20 + 10 * number)
    ]
    return tuple(chunk_documents(documents, Config().chunking))


def section(draw: random.Random) -> str:
    sentences = (
        f"Station {draw.randint(1, 9999)} counts {draw.randint(2, 9999)} of the {draw.choice(SUBJECTS)} near the "
        f"{draw.choice(SUBJECTS)} gauge, where the {draw.choice(SUBJECTS)} was seen {draw.randint(2, 99)} times."
        for _ in range(draw.randint(1, 12))
    )
    return f"## Station {draw.randint(1, 9999)}\n\n{' '.join(sentences)}"


def simulated(number: int) -> dict[str, Any]:
    """One run: a pilot, its range, and what the rest then costs."""
    draw = random.Random(f"pilot {number}")
    name, price = draw.choice(sorted(load_prices().models.items()))
    chunks, per_chunk = list(corpus(number % 8)), draw.choice([1, 2, 3, 5])
    generator = generator_for(name, draw.choice(PROMPTS), per_chunk)
    model = Model(
        draw=draw,
        price=price,
        mean=60 + per_chunk * draw.uniform(60, 180),
        sigma=draw.uniform(0.0, 0.8),
        second_calls=draw.uniform(0.0, 0.05),
        lost_attempts=draw.choice([0.0, draw.uniform(0.0, 0.01)]),
        hits=draw.choice([0.0, draw.uniform(0.5, 1.0)]),
    )
    drawn = sampled_chunks(generator, chunks, PILOT)
    (step,) = generator.steps()
    with tempfile.TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        for request in step.requests(drawn):
            store.put_many(model.calls(request))
        planned = estimate(step.requests(chunks), generator.config.llm, output_tokens=step.output_tokens, store=store)
        pilot = price_pilot(generator, drawn, store, [dataclasses.asdict(planned)])
    asked = {chunk.id for chunk in drawn}
    truth = sum(model.cost(model.calls(request)) for request in step.requests(c for c in chunks if c.id not in asked))
    low, expected, high = pilot["low"], pilot["expected"], pilot["high"]
    return {
        "run": number,
        "model": name,
        "sigma": round(model.sigma, 3),
        "calls": pilot["rest"],
        "truth": truth,
        "low": low,
        "expected": expected,
        "high": high,
        "inside": low <= truth <= high,
        "below_percent": 100 * (1 - low / expected),
        "above_percent": 100 * (high / expected - 1),
        "error_percent": 100 * (expected / truth - 1),
    }


@lru_cache(maxsize=64)
def generator_for(model: str, prompt: str, per_chunk: int) -> Generator:
    config = Config(model=f"openai/{model}")
    asked = config.generation.model_copy(update={"prompt": [prompt], "per_chunk": per_chunk})
    return make_generator(config.model_copy(update={"generation": asked}))


def planned_and_counted(layout: str) -> dict[str, Any]:
    """Prompt tokens of a plan, and those that the fake server counted in the run that followed it."""
    with tempfile.TemporaryDirectory() as folder, FakeOpenAI(models=("gpt-4o",), caching=True) as server:
        overrides = {
            "model": "openai/gpt-4o",
            "generation": {"prompt": list(PROMPTS), "layout": layout},
            "llm": {"base_url": server.base_url},
            "training": {"enabled": False},
        }
        config = load_config(overrides=overrides)
        plans = plan(HANDBOOK, config=config)["calls"]
        run(HANDBOOK, Path(folder) / "run", config=config)
        with CallStore(Path(folder) / "run" / "calls.sqlite", read_only=True) as store:
            usage = store.totals().usage
    return {
        "layout": layout,
        "calls": sum(step["calls"] for step in plans),
        "planned_prompt_tokens": sum(step["prompt_tokens"] for step in plans),
        "counted_prompt_tokens": usage.prompt,
        "planned_cache_saving": sum(step["cache_saving"] for step in plans),
        "cache_saving": usage.cached * load_prices().models["gpt-4o"].saved_by_reading / 1_000_000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first run; its number decides everything in it")
    parser.add_argument("--processes", type=int, default=2, help="simulations at a time")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    started = time.perf_counter()
    with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(simulated, range(arguments.first, arguments.first + arguments.runs)))
    result = {
        "pilot": {
            "runs": len(rows),
            "sampled_calls": PILOT,
            "inside": sum(row["inside"] for row in rows),
            "outside": [row for row in rows if not row["inside"]],
            "wider_than_30_percent": [row["run"] for row in rows if max(row["below_percent"], row["above_percent"]) > 30],
            "below_percent": spread([row["below_percent"] for row in rows]),
            "above_percent": spread([row["above_percent"] for row in rows]),
            "error_percent": spread([row["error_percent"] for row in rows]),
        },
        "without_a_pilot": [planned_and_counted(layout) for layout in ("passage_last", "passage_first")],
        "seconds": round(time.perf_counter() - started, 1),
    }
    write_result(result, arguments.out)


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "least": round(ordered[0], 2),
        "median": round(statistics.median(ordered), 2),
        "95 of 100": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 2),
        "most": round(ordered[-1], 2),
    }


if __name__ == "__main__":
    main()

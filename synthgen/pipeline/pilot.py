"""A few paid calls before a run, so that what it will cost is a range and not a guess.

The sample is drawn as `--limit` draws it: every split in proportion, as many documents as possible. Its calls go into the
store of the run, which so does not pay for them again; a second pilot of the same size makes no call at all.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.costs.budget import prompt_bound
from synthgen.llm.costs.estimate import Prefixes, prompt_tokens
from synthgen.llm.costs.pilot import Sampled, pilot_range
from synthgen.llm.costs.prices import Price, load_prices
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.event_loop import run_async
from synthgen.llm.reask import RequestStatus, follow_up, standing
from synthgen.pipeline.generation import Generator, sample
from synthgen.pipeline.report_schema import Report
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import open_store
from synthgen.records import Chunk, OnEvent, Request, Usage

__all__ = ["PilotReport", "check_pilot", "draw", "make_calls", "price_pilot"]

_CONFIDENCE = 0.99
_CONCURRENCY = 8  # more at a time would meet a cold cache far more often than the run will


class PilotReport(Report):
    """What a pilot found: how its requests ended, and the range for the calls that are left (`rest`).

    `unit` is dollars, or tokens where the price is unknown. `low`, `expected` and `high` are None when no call was answered, or
    too few to say anything.
    """

    requests: int
    answered: int
    failed: dict[str, int]
    rest: int
    unit: str
    confidence: float
    low: float | None
    expected: float | None
    high: float | None


def check_pilot(calls: int, run_folder: str | Path | None, generator: Generator) -> None:
    """Raises ConfigError for a pilot that has nowhere to keep its answers, makes no call, or is too small for a range."""
    if run_folder is None:
        raise ConfigError(
            "--pilot makes paid calls and keeps them for the run, so it needs the run folder: `synthgen plan DOCS RUN --pilot 50`."
        )
    if not generator.makes_calls:
        raise ConfigError(
            f"--pilot has nothing to call: {generator.config.model} makes no calls and costs nothing. Leave it out."
        )
    if calls < 2:
        raise ConfigError(f"--pilot {calls} is too few: one call says nothing of how they differ. Some 50 give a useful range.")


def draw(generator: Generator, chunks: Sequence[Chunk], calls: int) -> list[Chunk]:
    """Chunks whose requests, of all steps together, come to `calls` or a few more."""
    return sample(chunks, math.ceil(calls / len(generator.steps())), seed=generator.config.seed)


def make_calls(generator: Generator, drawn: Sequence[Chunk], folder: RunFolder, on_event: OnEvent | None = None) -> None:
    """Make the calls about `drawn` that the run's store does not have, within the caps. Raises what a run's calls raise."""
    llm = generator.config.llm
    slower = llm.model_copy(update={"concurrency": min(llm.concurrency, _CONCURRENCY)})
    careful = dataclasses.replace(generator, config=generator.config.model_copy(update={"llm": slower}))
    with open_store(generator.config, folder) as store:
        run_async(careful.agenerate(drawn, store, on_event))


def price_pilot(
    generator: Generator, drawn: Sequence[Chunk], store: CallStore | None, estimates: Sequence[Mapping[str, Any]]
) -> PilotReport:
    """What the sampled requests came to, and the range for the calls that `estimates` (one for each step) say are left."""
    price, unit = _price(generator)
    sampled, outcomes = _sampled(generator, drawn, store, [estimate["calls"] for estimate in estimates], price)
    rest = max((estimate["calls"] for estimate in estimates), default=0)
    prompts = sum(price.dollars(Usage(prompt=estimate["prompt_tokens"])) for estimate in estimates)
    known = outcomes["ok"] > 0 and len(sampled) > 1
    low, expected, high = pilot_range(sampled, rest, prompts, confidence=_CONFIDENCE) if known else (None, None, None)
    return PilotReport(
        requests=outcomes.total(),
        answered=outcomes.pop("ok", 0),
        failed=dict(sorted(outcomes.items())),
        rest=sum(estimate["calls"] for estimate in estimates),
        unit=unit,
        confidence=_CONFIDENCE,
        low=low,
        expected=expected,
        high=high,
    )


def _price(generator: Generator) -> tuple[Price, str]:
    known = load_prices(generator.config.llm.prices).of(generator.model)
    return (known, "dollars") if known else (Price(input=1_000_000, output=1_000_000), "tokens")


def _sampled(
    generator: Generator, drawn: Sequence[Chunk], store: CallStore | None, calls_left: Sequence[int], price: Price
) -> tuple[list[Sampled], Counter[str]]:
    """What each chunk came to, and how its requests ended.

    Steps are weighed by how many calls of theirs are left, so that what the requests about one chunk have in common is in the
    spread. A chunk with a request that is still to be asked says nothing yet, and counts as none.
    """
    steps, most, met = generator.steps(), max(calls_left, default=0) or 1, Prefixes()
    found: list[Sampled] = []
    outcomes: Counter[str] = Counter()
    for chunk in drawn:
        parts: list[tuple[float, Sampled | None]] = []
        for step, left in zip(steps, calls_left, strict=True):
            for one in standing(step.requests([chunk]), store):
                outcomes[(one.calls[-1].reason or "ok") if one.calls else "not_called"] += 1
                parts.append((left / most, None if one.sent else _came_to(one, price, met, generator.endpoint)))
        if parts and all(part for _, part in parts):
            found.append(_weighed([(weight, part) for weight, part in parts if part]))
    return found, outcomes


def _came_to(one: RequestStatus, price: Price, met: Prefixes, endpoint: Endpoint) -> Sampled:
    """What one request cost, at the live price, whenever and however it was called."""
    first = one.calls[0].completion.usage
    prompt = price.dollars(Usage(prompt=prompt_tokens(one.request)))
    paid = price.dollars(dataclasses.replace(first, output=0))
    cold = not first.cached and met.meet(one.request)[0]
    later = sum(price.dollars(call.completion.usage) for call in one.calls[1:])
    lost = sum(call.uncounted * _at_worst(request, price, endpoint) for request, call in _made(one))
    return Sampled(prompt, None if cold else prompt - paid, price.dollars(Usage(output=first.output)), later + lost)


def _made(one: RequestStatus) -> Iterator[tuple[Request, Call]]:
    """The stored calls of a request with what was sent for each."""
    for number, call in enumerate(one.calls):
        sent = one.request if number == 0 else follow_up(one.request, one.calls[0])
        if sent is not None:
            yield sent, call


def _at_worst(request: Request, price: Price, endpoint: Endpoint) -> float:
    output = endpoint.provider.output_bound(request, endpoint.settings.max_output_tokens)
    return price.at_most(prompt_bound(request), output)


def _weighed(parts: Sequence[tuple[float, Sampled]]) -> Sampled:
    saved = [(weight, part.saved) for weight, part in parts]
    return Sampled(
        prompt=sum(weight * part.prompt for weight, part in parts),
        saved=None if any(s is None for _, s in saved) else sum(weight * (s or 0.0) for weight, s in saved),
        answer=sum(weight * part.answer for weight, part in parts),
        again=sum(weight * part.again for weight, part in parts),
    )

"""A provider and its server in one process, for loops on a virtual clock (`support.virtual_time`).

    the way there   half of the network's round trip
    at the door     a refusal: at random (`strays`), or because a limit is used up
    the queue       first come, first served, for one of the `slots`
    a slot          the work, as long as `work_s` draws; `slow` stretches what begins within its time
    the way back    the other half; a refusal takes both ways and nothing else

A request whose caller has gone leaves the queue or its slot. What a slot worked for it is `thrown_away`.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from support.simulated_endpoint import Meter

from synthgen.config.settings import LLM
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.failure import AttemptError
from synthgen.llm.providers.base import Connection, Facts, LimitReading, Provider, ProviderResponse, unnoticed
from synthgen.llm.providers.error_body import Complaint
from synthgen.llm.providers.errors import of_status
from synthgen.llm.providers.headers import read_limit
from synthgen.records import Completion, Request, Usage

__all__ = ["Simulated", "SimulatedServer", "Slow", "Work"]

_CUT = 5.0  # of the mean: no answer has more work
_CHARS_PER_TOKEN = 4


@dataclass(frozen=True)
class Work:
    """How long a slot works on an answer, in seconds: the mean, and how it is spread."""

    mean_s: float
    spread: Literal["constant", "uniform", "log-normal"] = "constant"
    sigma: float = 0.5

    def draw(self, chance: random.Random) -> float:
        if self.spread == "constant":
            return self.mean_s
        if self.spread == "uniform":
            return self.mean_s * chance.uniform(0.5, 1.5)
        return self.mean_s * min(_CUT, chance.lognormvariate(-(self.sigma**2) / 2, self.sigma))


@dataclass(frozen=True)
class Slow:
    """Between two times of the clock all work takes `factor` times as long."""

    from_s: float
    to_s: float
    factor: float

    def at(self, now: float) -> float:
        return self.factor if self.from_s <= now < self.to_s else 1.0


@dataclass
class SimulatedServer:
    """The server. `told_s` is what a refusal asks to wait: nothing, a constant, or, for a limit, exactly what it takes.

    `status` is that of stray refusals; those of limits are 429. `headers` report the limits.
    """

    work: Work
    network_s: float = 0.02
    slots: int | None = None
    requests: Meter | None = None
    tokens: Meter | None = None
    headers: bool = False
    strays: float = 0.0
    status: int = 429
    told_s: float | Literal["exact"] | None = None
    slow: Slow | None = None
    seed: int = 0

    answered_at: list[float] = field(default_factory=list)
    answered_tokens: int = 0
    arrived: int = 0
    strayed: int = 0
    over_limit: int = 0
    given_up: int = 0  # by the caller, in the queue or in a slot
    thrown_away: int = 0
    queued: int = 0
    working: int = 0

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.slots) if self.slots else None
        self._of_work = random.Random(f"work {self.seed}")
        self._of_strays = random.Random(f"strays {self.seed}")
        self._of_network = random.Random(f"network {self.seed}")

    async def ask(self, request: Request) -> ProviderResponse:
        """Answer `request`, with as many tokens as it may have. Raises AttemptError."""
        usage = Usage(prompt=_prompt_tokens(request), output=int(request.sampling["max_output_tokens"]))
        await self._travel()
        self.arrived += 1
        refusal = self._refusal(usage.prompt + usage.output)
        headers = self._limits()
        if refusal is not None:
            status, wait_s = refusal
            await self._travel()
            if wait_s is not None:
                headers["retry-after"] = f"{wait_s:.3f}"
            raise AttemptError(of_status(status, Complaint("not now", "not now"), headers), headers, status)
        await self._worked()
        await self._travel()
        self.answered_at.append(asyncio.get_running_loop().time())
        self.answered_tokens += usage.prompt + usage.output
        return ProviderResponse(Completion(request.key, "[]", "stop", usage=usage, model=request.model), headers)

    def _refusal(self, tokens: int) -> tuple[int, float | None] | None:
        """The status and the wait that it asks for; None for a request that is taken."""
        if self._of_strays.random() < self.strays:
            self.strayed += 1
            return self.status, 1.0 if self.told_s == "exact" else self.told_s
        now = asyncio.get_running_loop().time()
        meters = [
            (meter, amount) for meter, amount in ((self.requests, 1.0), (self.tokens, float(tokens))) if meter is not None
        ]
        waits = [meter.wait_s(now, amount) for meter, amount in meters if meter.left(now) < amount]
        if waits:
            self.over_limit += 1
            return 429, max(waits) if self.told_s == "exact" else self.told_s
        for meter, amount in meters:
            meter.take(now, amount)
        return None

    async def _worked(self) -> None:
        if self._free is None:
            await self._work()
            return
        self.queued += 1
        try:
            await self._free.acquire()
        except BaseException:
            self.given_up += 1
            raise
        finally:
            self.queued -= 1
        try:
            await self._work()
        finally:
            self._free.release()

    async def _work(self) -> None:
        began = asyncio.get_running_loop().time()
        stretch = self.slow.at(began) if self.slow else 1.0
        self.working += 1
        try:
            await asyncio.sleep(stretch * self.work.draw(self._of_work))
        except BaseException:
            self.given_up += 1
            self.thrown_away += 1
            raise
        finally:
            self.working -= 1

    async def _travel(self) -> None:
        await asyncio.sleep(self.network_s / 2 * self._of_network.uniform(0.5, 1.5))

    def _limits(self) -> dict[str, str]:
        told: dict[str, str] = {}
        now = asyncio.get_running_loop().time()
        for name, meter in (("requests", self.requests), ("tokens", self.tokens)):
            if self.headers and meter is not None:
                told[f"x-ratelimit-limit-{name}"] = str(int(meter.limit))
                told[f"x-ratelimit-remaining-{name}"] = str(max(0, math.floor(meter.left(now))))
                told[f"x-ratelimit-reset-{name}"] = f"{int(meter.reset_s(now) * 1000)}ms"
        return told


def _prompt_tokens(request: Request) -> int:
    return sum(len(message["content"]) for message in request.messages) // _CHARS_PER_TOKEN


class Simulated(Provider):
    """The provider. It needs no key and opens no connection."""

    key_env = "SIMULATED_KEY"

    def __init__(self, server: SimulatedServer) -> None:
        self._server = server

    def default_url(self) -> str:
        return "http://127.0.0.1:1"

    def check(self, settings: LLM, model: str) -> None:
        """Any setting is fine."""

    @asynccontextmanager
    async def connect(self, endpoint: Endpoint, facts: Facts | None) -> AsyncIterator[Connection]:
        yield _Connected(self._server)

    def read_limit(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None:
        return read_limit(headers, resource)


class _Connected:
    def __init__(self, server: SimulatedServer) -> None:
        self._server = server

    async def complete(self, request: Request, *, shards: int = 1, began: Callable[[], None] = unnoticed) -> ProviderResponse:
        try:
            return await self._server.ask(request)
        finally:
            began()

    def proven(self, model: str) -> bool:
        return True

"""Random servers, the real engine in front of each of them on a virtual clock, and what an oracle would achieve.

A server is drawn from a seed (`drawn`): the work of an answer from 50 ms to 20 s, 1 to 1,000 slots or no end of them, no
limit or a hidden one (requests or tokens; per second, ten seconds or minute; sliding, fixed or a bucket; with or without headers),
0 to 20 % stray refusals, and what refusals ask to wait. `measured` gives the engine endless work for `horizon_s` and counts
the answers that it received by then.

The oracle knows everything and makes no mistake. `oracle` simulates it: `concurrency` callers whom nothing but the server holds back,
and nobody gives up. It draws the same work in the same order. Strays cost it a round trip and are asked again at once. Its requests
wait where the limit has no room, which is refilled evenly; what a busy server left of the limit can be used later, a window's
worth at most. A full bucket at the start is no throughput and not counted, so an engine that uses it can have up to 1.2 times as much.

The horizon is as long as the oracle needs for 2,000 answers, within bounds: at least five minutes where a limit counts
minutes, one minute where it counts (ten) seconds, ten waits of what a limit tells to wait (a client may believe it once), twenty
seconds and twenty answers in a row in any case, and at most an hour.
All that the engine does to learn is within it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support.simulated_endpoint import Bucket, Fixed, Meter, Sliding
from support.simulated_provider import Simulated, SimulatedServer, Slow, Work
from support.virtual_time import run

from synthgen.config.settings import LLM
from synthgen.errors import StoppedEarly
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.failure import AttemptError
from synthgen.llm.fill import fill
from synthgen.llm.session import Session
from synthgen.records import Request

__all__ = ["Measured", "RandomServer", "bare", "drawn", "measured", "oracle"]

_ANSWERS = 2_000
_LONGEST_S = 3600.0
_MOST_PER_S = 150.0  # of an unlimited server, so that a run of many servers ends
_BARE_TIMEOUT_S = 120.0
_BARE_REQUESTS = 10_000
_TOLD: tuple[Any, ...] = (None, 0.0, 0.05, 0.3, 1.0, 5.0, 30.0, "exact")

Watch = Callable[[float, SimulatedServer, Session], None]


@dataclass(frozen=True)
class RandomServer:
    """A server as it was drawn. `limit` counts `resource` in `window_s`; `size` is that of a bucket.

    Requests have `prompt` and `output` tokens in the mean, each with an even `spread` (a share of the mean) to both sides.
    """

    seed: int
    concurrency: int
    work: Work
    network_s: float
    slots: int | None
    resource: str
    kind: str
    limit: int
    window_s: float
    size: float
    headers: bool
    strays: float
    status: int
    told_s: Any
    prompt: int
    output: int
    spread: float
    slowed: Slow | None

    @property
    def tokens(self) -> int:
        return self.prompt + self.output

    @property
    def limit_per_s(self) -> float | None:
        """Requests per second in the long run."""
        return None if not self.resource else self.limit / self.window_s / (self.tokens if self.resource == "tokens" else 1)

    @property
    def saved_s(self) -> float:
        """How many seconds' worth of the limit can be used later."""
        return self.window_s * self.size / self.limit if self.kind == "bucket" else self.window_s

    @property
    def answer_s(self) -> float:
        """Seconds for one answer on an idle server."""
        return self.network_s + self.work.mean_s

    @property
    def rate_per_s(self) -> float:
        """About the oracle's rate."""
        rate = min(self.concurrency, self.slots or self.concurrency) / self.answer_s
        return rate if self.limit_per_s is None else min(rate, self.limit_per_s)

    @property
    def horizon_s(self) -> float:
        least = 300.0 if self.window_s >= 60 else 60.0 if self.resource else 20.0
        told_s = self.told_s if self.resource and isinstance(self.told_s, float) else 0.0
        return min(_LONGEST_S, max(least, 20 * self.answer_s, 10 * told_s, _ANSWERS / self.rate_per_s))

    @property
    def group(self) -> str:
        """The kind of server in a word or two."""
        if self.resource:
            binding = f"{self.resource} / {self.window_s:g} s, {'headers' if self.headers else 'hidden'}"
        else:
            binding = "slots" if self.slots and self.slots < self.concurrency else "no limit"
        return binding

    def build(self) -> SimulatedServer:
        meter = self._meter()
        return SimulatedServer(
            self.work,
            self.network_s,
            self.slots,
            requests=meter if self.resource == "requests" else None,
            tokens=meter if self.resource == "tokens" else None,
            headers=self.headers,
            strays=self.strays,
            status=self.status,
            told_s=self.told_s,
            slow=self.slowed,
            seed=self.seed,
        )

    def _meter(self) -> Meter | None:
        if self.kind == "bucket":
            return Bucket(self.limit, self.window_s, self.size)
        if self.kind == "fixed":
            return Fixed(self.limit, self.window_s, 0.29 * self.window_s)
        return Sliding(self.limit, self.window_s) if self.kind == "sliding" else None


@dataclass(frozen=True)
class Measured:
    """What came of it. `share` is the engine's part of the oracle's answers, `late` that of the second half of the time.

    `refused` is the share of requests that were turned away, `over_limit` of those because of the limit. `thrown_away` is the share of answers that were begun in vain,
    `ended` the error that ended the fill before its time.
    """

    server: RandomServer
    share: float
    late: float
    answers: int
    oracle: float
    refused: float
    over_limit: float
    thrown_away: float
    failed: int
    ended: str


def drawn(seed: int) -> RandomServer:
    """The server of a seed."""
    chance = random.Random(f"server {seed}")

    def between(low: float, high: float) -> float:
        return float(low * (high / low) ** chance.random())

    mean_s = between(0.05, 20)
    spread: Any = chance.choice(["constant", "uniform", "log-normal"])
    work = Work(mean_s, spread, round(chance.uniform(0.2, 1.0), 2))
    network_s = between(0.005, 0.2)
    concurrency = 32 if chance.random() < 0.25 else round(between(1, 256))
    slots = None if chance.random() < 0.4 else round(between(1, 1000))
    prompt, output = round(between(50, 2000)), round(between(20, 500))
    resource = chance.choice(["", "", "requests", "requests", "tokens"])
    kind, limit, window_s, size, headers, sizes = "", 0, 0.0, 0.0, False, 0.0
    if resource:
        kind = chance.choice(["sliding", "fixed", "bucket"])
        window_s = chance.choice([1.0, 1.0, 10.0, 60.0, 60.0, 60.0, 60.0])
        limit = round(between(2, 40)) if window_s == 1 else round(between(0.2, 20) * window_s)
        limit = max(2, limit)
        size = limit if chance.random() < 0.5 else max(2.0, limit / 10)
        sizes = 0.5 if resource == "tokens" and min(limit, size) >= 20 else 0.0  # a request that does not fit wastes room
        if resource == "tokens":
            limit, size = limit * (prompt + output), size * (prompt + output)
        headers = window_s == 60 and chance.random() < 0.4
    strays = 0.0 if chance.random() < 0.35 else chance.uniform(0, 0.2)
    status = chance.choice([429, 429, 503, 529])
    told_s = chance.choice(_TOLD)
    server = RandomServer(
        seed=seed,
        concurrency=concurrency,
        work=work,
        network_s=network_s,
        slots=slots,
        resource=resource,
        kind=kind,
        limit=limit,
        window_s=window_s,
        size=size,
        headers=headers,
        strays=strays,
        status=status,
        told_s=told_s,
        prompt=prompt,
        output=output,
        spread=sizes,
        slowed=None,
    )
    if server.rate_per_s > _MOST_PER_S:
        server = replace(server, concurrency=max(1, int(_MOST_PER_S * server.answer_s)))
    if chance.random() > 0.1 or mean_s > 3:
        return server
    factor = between(2, min(100, 30 / mean_s))
    slowed = Slow(0.4 * server.horizon_s, 0.6 * server.horizon_s, factor)
    return replace(server, slowed=slowed)


def measured(server: RandomServer, watch: Watch | None = None) -> Measured:
    """The engine in front of `server`. `watch` is called once in a virtual second."""
    return run(_measured(server, watch))


async def _measured(server: RandomServer, watch: Watch | None) -> Measured:
    built, horizon_s = server.build(), server.horizon_s
    endpoint = Endpoint(Simulated(built), LLM(concurrency=server.concurrency, grace_s=0, max_output_tokens=2 * server.output))
    session = Session.of(endpoint, clock=asyncio.get_running_loop().time)
    ended = ""
    with tempfile.TemporaryDirectory() as folder, CallStore(Path(folder) / "calls.sqlite") as store:
        store.execute("PRAGMA synchronous = OFF")
        watching = asyncio.create_task(_watching(watch, built, session)) if watch else None
        filling = asyncio.create_task(fill(_requests(server), store, endpoint, session=session, check=lambda _: ("", "")))
        await asyncio.wait([filling], timeout=horizon_s / 2)
        early = len(built.answered_at)
        await asyncio.wait([filling], timeout=horizon_s / 2)
        answers, thrown_away = len(built.answered_at), built.thrown_away  # before the end throws away what is in flight
        filling.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await filling
        except StoppedEarly as error:
            ended = str(error).replace(folder, "")
        if watching is not None:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        ((failed,),) = store.execute("SELECT count(*) FROM calls WHERE status = 'failed'")
    bound = oracle(server)
    return Measured(
        server,
        share=answers / max(1.0, bound),
        late=(answers - early) / max(1.0, bound / 2),
        answers=answers,
        oracle=bound,
        refused=(built.strayed + built.over_limit) / max(1, built.arrived),
        over_limit=built.over_limit / max(1, built.arrived),
        thrown_away=thrown_away / max(1, thrown_away + answers),
        failed=failed,
        ended=ended,
    )


def bare(server: RandomServer) -> float:
    """The share of the oracle's answers that plain workers receive.

    Each retries its own call as it is told, or after .5 s and then twice as long, up to 8 s, as usual clients do. The run is
    shorter where they are turned away so often that it would take too long.
    """

    async def main() -> float:
        built, requests = server.build(), _requests(server)
        chance = random.Random(f"bare {server.seed}")

        async def work() -> None:
            for request in requests:
                pause_s = 0.5
                while True:
                    try:
                        async with asyncio.timeout(_BARE_TIMEOUT_S):
                            await built.ask(request)
                        break
                    except (AttemptError, TimeoutError) as error:
                        told_s = error.failure.wait_s if isinstance(error, AttemptError) else None
                        await asyncio.sleep(told_s or pause_s * chance.uniform(0.75, 1))
                        pause_s = min(8.0, 2 * pause_s)

        workers = [asyncio.create_task(work()) for _ in range(server.concurrency)]
        now, loop = 0.0, asyncio.get_running_loop()
        while now < server.horizon_s and built.arrived < _BARE_REQUESTS:
            await asyncio.sleep(server.horizon_s / 100)
            now = loop.time()
        answers_per_s = len(built.answered_at) / now
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        return answers_per_s

    return run(main()) * server.horizon_s / max(1.0, oracle(server))


async def _watching(watch: Watch, server: SimulatedServer, session: Session) -> None:
    while True:
        await asyncio.sleep(1.0)
        watch(asyncio.get_running_loop().time(), server, session)


def _requests(server: RandomServer) -> Iterator[Request]:
    """Work without end."""
    chance = random.Random(f"sizes {server.seed}")
    for number in itertools.count():
        prompt, output = (
            round(size * chance.uniform(1 - server.spread, 1 + server.spread)) for size in (server.prompt, server.output)
        )
        messages = ({"role": "user", "content": "x" * (4 * prompt)},)
        yield Request(f"key-{number}", "simulated", "http://127.0.0.1:1", messages, None, {"max_output_tokens": output})


def oracle(server: RandomServer) -> int:
    """Answers within the horizon at best."""
    of_work, of_strays = random.Random(f"work {server.seed}"), random.Random(f"strays {server.seed}")
    half_s, slots = server.network_s / 2, server.slots or server.concurrency
    per_s = server.limit_per_s or math.inf
    next_at = 0.0  # when the limit has room again
    asked = [half_s] * server.concurrency  # times of arrival, a heap like the next two
    let_in: list[float] = []
    done: list[float] = []  # when each busy slot is free
    queued = answers = 0
    while True:
        now = min(heap[0] for heap in (asked, let_in, done) if heap)
        if now + half_s > server.horizon_s:
            return answers
        if done and done[0] == now:
            heapq.heappop(done)
            answers += 1
            heapq.heappush(asked, now + 2 * half_s)
        elif let_in and let_in[0] == now:
            heapq.heappop(let_in)
            queued += 1
        else:
            heapq.heappop(asked)
            if of_strays.random() < server.strays:
                heapq.heappush(asked, now + 2 * half_s)
            else:
                heapq.heappush(let_in, max(now, next_at))
                next_at = max(next_at, now - server.saved_s) + 1 / per_s
        while queued and len(done) < slots:
            queued -= 1
            stretch = server.slowed.at(now) if server.slowed else 1.0
            heapq.heappush(done, now + stretch * server.work.draw(of_work))

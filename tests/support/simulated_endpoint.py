"""A rate-limited endpoint and the workers that call it, on a virtual clock: an hour passes in a second or two.

`simulate` plays an engine as `synthgen.llm` has it: workers that always have work, one call alone until the endpoint has answered,
a turnstile where only the head of the queue asks the limiter; and network, latency and sizes have noise. The server enforces its limits with one of three meters, the ways
that providers do it:

    Sliding   what was taken in the last `window_s`
    Fixed     what was taken since the window began; windows follow one another on the server's clock
    Bucket    a bucket of `size` that is refilled evenly
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from synthgen.config.settings import LLM
from synthgen.llm.providers.headers import read_limit
from synthgen.llm.rate_limit import retry
from synthgen.llm.rate_limit.limiter import Grant, Limiter
from synthgen.records import Request, Usage

__all__ = ["Bucket", "Fixed", "Meter", "Outcome", "Server", "Sliding", "Traffic", "simulate"]


class Meter(Protocol):
    """One limit of a server. Times are of the virtual clock; `reset_s` is until all of `limit` is there again."""

    limit: float

    def left(self, now: float) -> float: ...
    def take(self, now: float, amount: float) -> None: ...
    def reset_s(self, now: float) -> float: ...
    def wait_s(self, now: float, amount: float) -> float: ...


class Sliding:
    def __init__(self, limit: float, window_s: float = 60.0) -> None:
        self.limit, self._window_s = limit, window_s
        self._taken: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def left(self, now: float) -> float:
        while self._taken and self._taken[0][0] <= now - self._window_s:
            self._sum -= self._taken.popleft()[1]
        return self.limit - self._sum

    def take(self, now: float, amount: float) -> None:
        self._taken.append((now, amount))
        self._sum += amount

    def reset_s(self, now: float) -> float:
        return self._taken[-1][0] + self._window_s - now if self._taken else 0.0

    def wait_s(self, now: float, amount: float) -> float:
        left = self.left(now)
        for at, taken in self._taken:
            left += taken
            if left >= amount:
                return at + self._window_s - now
        return self._window_s


class Fixed:
    def __init__(self, limit: float, window_s: float = 60.0, phase_s: float = 17.0) -> None:
        self.limit, self._window_s, self._phase_s = limit, window_s, phase_s
        self._window, self._sum = -1, 0.0

    def left(self, now: float) -> float:
        window = math.floor((now + self._phase_s) / self._window_s)
        if window != self._window:
            self._window, self._sum = window, 0.0
        return self.limit - self._sum

    def take(self, now: float, amount: float) -> None:
        self._sum += amount

    def reset_s(self, now: float) -> float:
        return self._window_s - (now + self._phase_s) % self._window_s

    def wait_s(self, now: float, amount: float) -> float:
        return self.reset_s(now)


class Bucket:
    def __init__(self, limit: float, window_s: float = 60.0, size: float | None = None) -> None:
        self.limit, self._per_s, self._size = limit, limit / window_s, limit if size is None else size
        self._level, self._at = self._size, 0.0

    def left(self, now: float) -> float:
        self._level = min(self._size, self._level + (now - self._at) * self._per_s)
        self._at = now
        return self._level

    def take(self, now: float, amount: float) -> None:
        self._level -= amount

    def reset_s(self, now: float) -> float:
        return (self._size - self.left(now)) / self._per_s

    def wait_s(self, now: float, amount: float) -> float:
        return max(0.0, (amount - self.left(now)) / self._per_s)


@dataclass
class Server:
    """`retry_after` is the header of a 429: exact, a constant number of seconds, or none.

    `charges` are the tokens it counts for a request: what is used, or the prompt and the whole output limit. With
    `counts_refused` requests that are turned away count too, and `slow_refusals` take as long as answers. `noise` is a share of requests turned away for no reason,
    which are told to wait `noise_told_s` where that is set, and as any other otherwise.
    `stated` is a limit in the headers that is not the meter's. `others` is another program with the same key: requests per second, each with `others_tokens`.
    """

    requests: Meter | None = None
    tokens: Meter | None = None
    headers: bool = False
    retry_after: str | float | None = None
    charges: str = "used"
    counts_refused: bool = False
    slow_refusals: bool = False
    noise: float = 0.0
    noise_told_s: float | None = None
    others: float = 0.0
    others_tokens: float = 0.0
    day: Meter | None = None
    stated: float | None = None
    _random: random.Random = field(default_factory=lambda: random.Random(5))

    def ask(self, now: float, prompt: int, output: int, output_limit: int) -> tuple[bool, Mapping[str, str], float | None]:
        """Whether the request is taken, the headers, and how long it should wait if it is not."""
        cost = prompt + (output if self.charges == "used" else output_limit)
        wanted = [(self.requests, 1.0), (self.tokens, float(cost)), (self.day, 1.0)]
        meters = [(meter, amount) for meter, amount in wanted if meter is not None]
        taken = all(meter.left(now) >= amount for meter, amount in meters) and self._random.random() >= self.noise
        waits = [meter.wait_s(now, amount) for meter, amount in meters if meter.left(now) < amount]
        if taken:
            for meter, amount in meters:
                meter.take(now, amount)
        elif self.counts_refused and self.requests is not None:
            self.requests.take(now, 1.0)
        wait_s = None
        if not taken and not waits and self.noise_told_s is not None:
            wait_s = self.noise_told_s
        elif not taken and self.retry_after is not None:
            wait_s = max(waits, default=0.0) if self.retry_after == "exact" else float(self.retry_after)
        return taken, self._headers(now) if self.headers else {}, wait_s

    def another(self, now: float) -> None:
        """A request of the other program."""
        for meter, amount in ((self.requests, 1.0), (self.tokens, self.others_tokens)):
            if meter is not None and meter.left(now) >= amount:
                meter.take(now, amount)

    def _headers(self, now: float) -> dict[str, str]:
        told = {}
        for name, meter in (("requests", self.day or self.requests), ("tokens", self.tokens)):
            if meter is not None:
                told[f"x-ratelimit-limit-{name}"] = str(int(self.stated or meter.limit))
                told[f"x-ratelimit-remaining-{name}"] = str(max(0, int(meter.left(now))))
                told[f"x-ratelimit-reset-{name}"] = f"{int(meter.reset_s(now) * 1000)}ms"
        return told


@dataclass
class Traffic:
    """The work: prompt and output tokens with their spread, the share of characters to tokens, and how long an answer takes."""

    prompt: float = 500
    output: float = 100
    spread: float = 0.3
    latency_s: float = 1.0
    network_s: float = 0.02
    output_limit: int = 1000
    chars_per_token: float = 4.0


@dataclass
class Outcome:
    """Every arrival at the server: when, its tokens, and whether it was taken."""

    arrivals: list[tuple[float, int, bool]] = field(default_factory=list)
    limiter: Limiter | None = None

    def rate(self, start: float, end: float) -> float:
        """Requests taken per minute."""
        return 60 * sum(taken for at, _, taken in self.arrivals if start <= at < end) / (end - start)

    def tokens(self, start: float, end: float) -> float:
        """Tokens taken per minute."""
        return 60 * sum(tokens for at, tokens, taken in self.arrivals if taken and start <= at < end) / (end - start)

    def refused(self, start: float = 0.0, end: float = math.inf) -> int:
        return sum(not taken for at, _, taken in self.arrivals if start <= at < end)

    def share_refused(self, start: float = 0.0, end: float = math.inf) -> float:
        answers = [taken for at, _, taken in self.arrivals if start <= at < end]
        return answers.count(False) / max(1, len(answers))


def simulate(
    server: Server,
    *,
    in_flight: int = 64,
    duration_s: float = 300.0,
    traffic: Traffic | None = None,
    seed: int = 0,
    watch: Callable[[float, Limiter], None] = lambda now, limiter: None,
    **settings: object,
) -> Outcome:
    """`in_flight` workers that never run out of work, for `duration_s` of virtual time."""
    return _World(server, in_flight, traffic or Traffic(), seed, watch, settings).run(duration_s)


class _World:
    def __init__(
        self,
        server: Server,
        in_flight: int,
        traffic: Traffic,
        seed: int,
        watch: Callable[[float, Limiter], None],
        settings: Mapping[str, object],
    ) -> None:
        self.now = 0.0
        self._server = server
        self._traffic = traffic
        self._random = random.Random(seed)
        self._watch = watch
        self._limiter = Limiter(
            LLM(**({"concurrency": in_flight, "max_output_tokens": traffic.output_limit} | dict(settings))),
            read_limit,
            clock=lambda: self.now,
        )
        self._outcome = Outcome(limiter=self._limiter)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._waiting: deque[tuple[Request, int, int]] = deque()
        self._idle = 1
        self._others = in_flight - 1  # idle until the first answer
        self._asking = False
        self._refusals: dict[str, int] = {}

    def run(self, duration_s: float) -> Outcome:
        self._later(0.0, self._ask)
        if self._server.others:
            self._later(0.0, self._another)
        while self._events and self._events[0][0] < duration_s:
            self.now, _, event = heapq.heappop(self._events)
            event()
        return self._outcome

    def _later(self, delay_s: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay_s, next(self._numbers), event))

    def _ask(self) -> None:
        """The head of the queue asks, sends, and makes way for the next; or it asks again later."""
        self._asking = False
        while self._idle:
            work = self._waiting.popleft() if self._waiting else self._work()
            answer = self._limiter.reserve(work[0])
            self._watch(self.now, self._limiter)
            if isinstance(answer, float):
                self._waiting.appendleft(work)
                self._asking = True
                self._later(min(answer, 0.5) + self._random.uniform(0, 0.003), self._ask)
                return
            self._idle -= 1
            self._later(self._network_s(), lambda grant=answer, work=work: self._arrive(grant, work))  # type: ignore[misc]

    def _arrive(self, grant: Grant, work: tuple[Request, int, int]) -> None:
        _, prompt, output = work
        taken, headers, wait_s = self._server.ask(self.now, prompt, output, self._traffic.output_limit)
        self._outcome.arrivals.append((self.now, prompt + output, taken))
        if taken:
            latency_s = self._traffic.latency_s * self._random.uniform(0.5, 1.5)
            self._later(latency_s, lambda: self._answered(grant, prompt, output, headers))
        else:
            refusal_s = self._traffic.latency_s * self._random.uniform(0.5, 1.5) if self._server.slow_refusals else 0.0
            self._later(refusal_s + self._network_s(), lambda: self._turned_away(grant, work, wait_s, headers))

    def _answered(self, grant: Grant, prompt: int, output: int, headers: Mapping[str, str]) -> None:
        self._limiter.settle(grant, Usage(prompt=prompt, output=output), headers)
        self._back()

    def _turned_away(
        self, grant: Grant, work: tuple[Request, int, int], wait_s: float | None, headers: Mapping[str, str]
    ) -> None:
        self._limiter.turned_away(grant, wait_s, headers)
        number = self._refusals[work[0].key] = self._refusals.get(work[0].key, 0) + 1
        pause_s = retry.pause_s(number, wait_s, work[0].key)
        self._later(pause_s, lambda: self._again(work))
        self._back()

    def _again(self, work: tuple[Request, int, int]) -> None:
        self._waiting.append(work)
        if not self._asking:
            self._ask()

    def _back(self) -> None:
        self._idle += 1 + self._others
        self._others = 0
        if not self._asking:
            self._ask()

    def _another(self) -> None:
        self._server.another(self.now)
        self._later(self._random.expovariate(self._server.others), self._another)

    def _network_s(self) -> float:
        return self._traffic.network_s * self._random.uniform(0.5, 1.5)

    def _work(self) -> tuple[Request, int, int]:
        traffic = self._traffic
        prompt = max(1, round(self._random.lognormvariate(math.log(traffic.prompt), traffic.spread)))
        output = min(traffic.output_limit, max(1, round(self._random.lognormvariate(math.log(traffic.output), traffic.spread))))
        chars = round(prompt * traffic.chars_per_token * self._random.uniform(0.9, 1.1))
        messages = ({"role": "user", "content": " " * chars},)
        sampling = {"max_output_tokens": traffic.output_limit}
        return Request(f"key-{next(self._numbers)}", "ent", "http://fangorn", messages, None, sampling), prompt, output

"""The latency of answers: a distribution, drawn from the digest of the request, so two runs wait equally long.

Latency.uniform(0.1, 0.5)
Latency.steps((0, 0.3), (10, 30.0), (40, 0.3))    # 300 ms, from second 10 on 30 s, from second 40 on 300 ms again
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist
from typing import Self

from synthgen.errors import ConfigError
from synthgen.testing.draws import share

__all__ = ["Latency"]

_FORMS = (
    "50, constant:50, uniform:100:500 or log-normal:1000:0.5 (milliseconds; the last is sigma), or several of these that follow "
    "one another, each after the second from which on it holds: 300,10=30000,40=300"
)


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds between a request and its answer. Create one with `constant`, `uniform`, `log_normal` or `steps`.

    `later` is what follows: the second from which on each latency holds, in ascending order.
    """

    kind: str
    first: float
    second: float = 0.0
    later: tuple[tuple[float, Latency], ...] = ()

    @classmethod
    def constant(cls, seconds: float) -> Self:
        return cls("constant", seconds)

    @classmethod
    def uniform(cls, low_s: float, high_s: float) -> Self:
        return cls("uniform", low_s, high_s)

    @classmethod
    def log_normal(cls, mean_s: float, sigma: float = 0.5) -> Self:
        """Return a log-normal latency. `mean_s` is the mean of the latency itself, `sigma` the standard deviation of
        its logarithm.
        """
        return cls("log-normal", mean_s, sigma)

    @classmethod
    def steps(cls, *steps: tuple[float, float | Latency]) -> Latency:
        """Return a latency that changes with time.

        A step is the second from which on it holds, counted from the first chat request, and a latency (a number is a
        constant one). The first step begins at 0. Raises ConfigError for steps that are not in ascending order.
        """
        begins = [at_s for at_s, _ in steps]
        if not begins or begins[0] != 0 or any(a >= b for a, b in pairwise(begins)):
            raise ConfigError(f"The steps of a latency begin at second 0 and ascend; given: {begins}.")
        made = [(at_s, one if isinstance(one, Latency) else cls.constant(one)) for at_s, one in steps]
        return replace(made[0][1], later=tuple(made[1:]))

    @classmethod
    def parse(cls, text: str) -> Latency:
        """Parse `50`, `constant:50`, `uniform:100:500` or `log-normal:1000:0.5`, in milliseconds.

        `300,10=30000,40=300` is a latency of 300 ms, from second 10 on of 30 s, and from second 40 on of 300 ms. Raises
        ConfigError.
        """
        first, *later = text.split(",")
        steps = [(0.0, cls._parse_one(first, text))]
        for step in later:
            at_s, _, one = step.partition("=")
            steps.append((_number(at_s, text), cls._parse_one(one, text)))
        return cls.steps(*steps)

    @classmethod
    def _parse_one(cls, one: str, text: str) -> Self:
        kind, *given = one.split(":") if ":" in one else ("constant", one)
        match kind, [_number(number, text) for number in given]:
            case "constant", [ms]:
                return cls.constant(ms / 1000)
            case "uniform", [low, high]:
                return cls.uniform(low / 1000, high / 1000)
            case "log-normal", [mean, sigma]:
                return cls.log_normal(mean / 1000, sigma)
        raise _unreadable(text)

    def of(self, digest: str, *, at_s: float = 0.0) -> float:
        """Return the latency of one request, in seconds. `at_s` is the second in which the server begins to answer."""
        holds = next((latency for since_s, latency in reversed(self.later) if since_s <= at_s), self)
        return holds._draw(digest)

    def _draw(self, digest: str) -> float:
        if self.kind == "constant":
            return self.first
        drawn = share(digest, "latency")
        if self.kind == "uniform":
            return self.first + drawn * (self.second - self.first)
        if not self.first or not self.second:
            return self.first
        normal = NormalDist(math.log(self.first) - self.second**2 / 2, self.second)
        return math.exp(normal.inv_cdf(min(max(drawn, 1e-9), 1 - 1e-9)))


def _number(given: str, text: str) -> float:
    try:
        number = float(given)
    except ValueError:
        raise _unreadable(text) from None
    if number < 0 or not math.isfinite(number):
        raise _unreadable(text)
    return number


def _unreadable(text: str) -> ConfigError:
    return ConfigError(f"A latency is {_FORMS}; given: {text!r}.")

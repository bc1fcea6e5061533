"""The latency of answers: a distribution, drawn from the digest of the request, so two runs wait equally long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

from synthgen.errors import ConfigError
from synthgen.testing.draws import share

__all__ = ["Latency"]

_FORMS = "50, constant:50, uniform:100:500 or log-normal:1000:0.5 (milliseconds; the last is sigma)"


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds between a request and its answer. Create one with `constant`, `uniform` or `log_normal`."""

    kind: str
    first: float
    second: float = 0.0

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
    def parse(cls, text: str) -> Self:
        """Parse `50`, `constant:50`, `uniform:100:500` or `log-normal:1000:0.5`, in milliseconds. Raises ConfigError."""
        kind, *given = text.split(":") if ":" in text else ("constant", text)
        try:
            numbers = [float(number) for number in given]
        except ValueError:
            numbers = []
        if any(number < 0 or not math.isfinite(number) for number in numbers):
            numbers = []
        match kind, numbers:
            case "constant", [ms]:
                return cls.constant(ms / 1000)
            case "uniform", [low, high]:
                return cls.uniform(low / 1000, high / 1000)
            case "log-normal", [mean, sigma]:
                return cls.log_normal(mean / 1000, sigma)
        raise ConfigError(f"A latency is {_FORMS}; given: {text!r}.")

    def of(self, digest: str) -> float:
        """Return the latency of one request, in seconds."""
        if self.kind == "constant":
            return self.first
        drawn = share(digest, "latency")
        if self.kind == "uniform":
            return self.first + drawn * (self.second - self.first)
        if not self.first or not self.second:
            return self.first
        normal = NormalDist(math.log(self.first) - self.second**2 / 2, self.second)
        return math.exp(normal.inv_cdf(min(max(drawn, 1e-9), 1 - 1e-9)))

"""The state that all paid steps of one command share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from synthgen.llm.costs.budget import Budget
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.prompt_counts import PromptCounts
from synthgen.llm.rate_limit.circuit_breaker import Health
from synthgen.llm.rate_limit.limiter import Limiter

__all__ = ["Session"]


@dataclass(frozen=True, slots=True)
class Session:
    """The endpoint of a command, its caps, its rate and what is known of the server.

    `models` are those it may ask. `clock` returns seconds; everything that measures time for the calls reads this one.
    """

    endpoint: Endpoint
    budget: Budget
    limiter: Limiter
    health: Health
    models: frozenset[str]
    clock: Callable[[], float] = time.monotonic
    prompts: PromptCounts = field(default_factory=PromptCounts)

    @classmethod
    def of(cls, endpoint: Endpoint, models: Iterable[str] = (), *, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return a new session. Raises ConfigError for a cap on cost when a model has no known price."""
        named, settings, provider = frozenset(models), endpoint.settings, endpoint.provider
        return cls(
            endpoint,
            Budget(settings, provider.output_bound, named),
            Limiter(settings, provider.read_limit, clock=clock),
            Health(settings.patience_s, clock=clock),
            named,
            clock,
        )

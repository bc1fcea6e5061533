"""What all paid steps of one command share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from synthgen.config.settings import LLM
from synthgen.llm.costs.budget import Budget
from synthgen.llm.rate_limit.circuit_breaker import Health
from synthgen.llm.rate_limit.limiter import Limiter

__all__ = ["Session"]


@dataclass(frozen=True, slots=True)
class Session:
    """The caps, the pace and what is known of the server in a command. `models` are those that it may ask."""

    budget: Budget
    limiter: Limiter
    health: Health
    models: frozenset[str]

    @classmethod
    def of(cls, settings: LLM, models: Iterable[str] = ()) -> Self:
        """Raises ConfigError for a cap on cost when a model has no known price."""
        named = frozenset(models)
        return cls(Budget(settings, named), Limiter(settings), Health(settings.patience_s), named)

"""The retry policy: first as soon as the server asks, then after pauses that double, with jitter.

There are at most `max_attempts` attempts, with at most `max_wait_s` between them. The caller decides which failures are
tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synthgen.config.settings import LLM
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.rate_limit.circuit_breaker import LONGEST_PAUSE_S
from synthgen.records import random_for

if TYPE_CHECKING:
    import tenacity

__all__ = ["pause_s", "policy"]

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0


def policy(settings: LLM, seed: str, *, unless: Callable[[Failure], bool]) -> dict[str, Any]:
    """Return the arguments for tenacity's retrying objects. `unless` selects failures that are not tried again."""
    import tenacity

    def again(error: BaseException) -> bool:
        return isinstance(error, AttemptError) and error.failure.scope == "attempt" and not unless(error.failure)

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return pause_s(state.attempt_number, error.failure.wait_s if isinstance(error, AttemptError) else None, seed)

    def enough(state: tenacity.RetryCallState) -> bool:
        waited = state.idle_for + state.upcoming_sleep
        return state.attempt_number >= settings.max_attempts or waited > settings.max_wait_s

    return {"retry": tenacity.retry_if_exception(again), "wait": pause, "stop": enough, "reraise": True}


def pause_s(number: int, asked_s: float | None, seed: str) -> float:
    """Return the seconds that a call waits after its failure or rejection of this `number`, counted from 1.

    `asked_s` is the wait that the server asked for, None when it did not ask for one.
    """
    asked_s = None if asked_s is None else min(LONGEST_PAUSE_S, asked_s)
    doublings = number - (1 if asked_s is None else 2)  # the first time, the server's own wait is enough
    backoff_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**doublings) if doublings >= 0 else 0.0
    return max(asked_s or 0.0, backoff_s * (0.5 + random_for(number, seed).random()))

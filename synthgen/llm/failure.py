"""What can go wrong with a call, and what follows from it.

    the attempt: asked again, with waiting   rate_limited, server_error, timeout, connection, conflict
    the call: never asked again              context_too_long, content_filter, bad_request, and what the model itself did:
                                             refusal, truncated, malformed, no_items
    the run ends                             key, forbidden, model, quota, endpoint

The first two kinds end as rows of the call store. A run asks again only for stored failures of the first kind. Each
provider maps its own errors to failures (`llm.providers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["RETRYABLE", "SYSTEMATIC", "AttemptError", "Failure"]

RETRYABLE = frozenset({"rate_limited", "server_error", "timeout", "connection", "conflict"})

SYSTEMATIC = RETRYABLE | {"bad_request", "truncated", "malformed"}
"""Failures that say something of the endpoint or the settings when many come in a row, and nothing of the passage."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure.

    `scope` is what is lost: this attempt, this call, or the run. `wait_s` is the wait that the server asked for.

    - `unbilled`: the server rejected the request, so it cannot have cost anything.
    - `no_contact`: there was no connection at all.
    - `busy`: the server gets too many requests (429, 503, 529).
    - `ends_after`: it is so little like an answer that so many of these in a row, before the server has answered at all,
      end the run; None where it says nothing of the server.
    - `away`: `busy`, a lost connection, or a gateway error (502, 504): the server serves no request at all, so this one
      cannot be the cause.
    """

    scope: Literal["attempt", "call", "run"]
    reason: str
    detail: str
    wait_s: float | None = None
    unbilled: bool = False
    no_contact: bool = False
    busy: bool = False
    away: bool = False
    ends_after: int | None = None


class AttemptError(Exception):
    """An attempt failed. `headers` and `status` are those of the response; `status` is 0 where there was none."""

    def __init__(self, failure: Failure, headers: Mapping[str, str] = _NO_HEADERS, status: int = 0) -> None:
        super().__init__(failure.detail)
        self.failure = failure
        self.headers = headers
        self.status = status

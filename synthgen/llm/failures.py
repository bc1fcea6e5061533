"""What can go wrong with a call, and what follows from it.

    asked again, with waiting     rate_limited    429 (but not an exhausted quota)
                                  server_error    5xx, or an answer that is no JSON
                                  timeout         408, or nothing within `timeout_s`
                                  connection      refused, reset, unknown host
                                  conflict        409
    never asked again             context_too_long, content_filter, bad_request (other 400s)
                                  refusal, truncated, malformed, no_items (the model answered)
    the whole run ends            a wrong key (401, 403), an unknown model or path (404), no quota, any other 4xx

The first two kinds end as rows of the call store. A run asks again for stored failures of the first kind only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import openai

__all__ = ["RETRYABLE", "SYSTEMATIC", "Failure", "classify", "retry_after_s"]

RETRYABLE = frozenset({"rate_limited", "server_error", "timeout", "connection", "conflict"})

SYSTEMATIC = RETRYABLE | {"bad_request", "truncated"}
"""Failures that say something of the endpoint or the settings when many come in a row, and nothing of the passage."""

_MAX_DETAIL_CHARS = 500
_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_TOO_LONG = ("context_length_exceeded", "maximum context length", "context window", "context size", "too many tokens")
_FILTERED = ("content_filter", "content_policy_violation", "content management policy", "moderation")


@dataclass(frozen=True, slots=True)
class Failure:
    """`scope` says what is lost: this attempt, this call, or the run. `wait_s` is what the server asked for.

    `unbilled` when the server turned the request away, so that it cannot have cost anything; `no_contact` when there was no
    connection at all.
    """

    scope: Literal["attempt", "call", "run"]
    reason: str
    detail: str
    wait_s: float | None = None
    unbilled: bool = False
    no_contact: bool = False


def classify(error: openai.APIError | TimeoutError | ValueError) -> Failure:
    """The failure an exception of one attempt stands for. ValueError is an answer that could not be read."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    cause = error.__cause__
    no_contact = type(cause).__name__ in ("ConnectError", "ConnectTimeout")  # httpx and httpx2 both call them so
    if isinstance(error, openai.APIConnectionError) and (no_contact or not isinstance(error, openai.APITimeoutError)):
        return Failure("attempt", "connection", str(cause or error), unbilled=no_contact, no_contact=no_contact)
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return Failure("attempt", "timeout", "no answer within llm.timeout_s")
    return Failure("attempt", "server_error", f"the answer could not be read: {error}")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that `retry-after-ms` or `retry-after` (seconds or an HTTP date, RFC 9110 section 10.2.3) ask for."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        given = headers.get(name, "")
        try:
            seconds = float(given) * unit_s
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except ValueError:
        return None


def _of_status(error: openai.APIStatusError) -> Failure:
    status, detail = error.status_code, f"{error.status_code}: {error.message[:_MAX_DETAIL_CHARS]}"
    told = f"{error.code} {error.type} {error.message}".casefold()
    if any(word in told for word in _QUOTA):
        return Failure("run", "quota", detail, unbilled=True)
    if status == 429:
        return Failure("attempt", "rate_limited", detail, retry_after_s(error.response.headers), unbilled=True)
    if status >= 500:
        # Behind a gateway (502, 504) the model may have answered, so only "not now" is surely free.
        return Failure("attempt", "server_error", detail, retry_after_s(error.response.headers), unbilled=status == 503)
    if status in (408, 409):
        return Failure("attempt", {408: "timeout", 409: "conflict"}[status], detail, unbilled=True)
    if status == 413 or any(word in told for word in _TOO_LONG):
        return Failure("call", "context_too_long", detail, unbilled=True)
    if status in (400, 403, 422) and any(word in told for word in _FILTERED):
        return Failure("call", "content_filter", detail, unbilled=True)
    if status in (400, 422):
        return Failure("call", "bad_request", detail, unbilled=True)
    reason = {401: "key", 402: "quota", 403: "key", 404: "model"}.get(status, "endpoint")
    return Failure("run", reason, detail, unbilled=True)

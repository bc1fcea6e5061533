"""What can go wrong with a call, and what follows from it.

    the attempt: asked again, with waiting   rate_limited      429 (but not an account without money)
                                             server_error      5xx, or an answer that cannot be read
                                             timeout           408, or nothing within `timeout_s`
                                             connection        refused, reset, unknown host
                                             conflict          409
    the call: never asked again              context_too_long  400, 413, or a 429 "Request too large for …"
                                             content_filter    400 or 403 that speaks of content
                                             bad_request       400 and 422 otherwise
                                             refusal, truncated, malformed, no_items (the model answered)
    the run ends                             key               401; 403 that says nothing else; 400 "API key not valid"
                                             forbidden         403 for a region, a network, a feature
                                             model             404; 400 or 403 that speaks of the model
                                             quota             402; any status whose code speaks of an account without money
                                             endpoint          any other 3xx and 4xx

The first two kinds end as rows of the call store. A run asks again for stored failures of the first kind only. A server that says
`x-should-retry: false` is believed: the call is not tried again in this run, but keeps its reason, so that the next run asks.

Not covered: telling a quota of the day from one of the minute. Both are 429; how long the server asks to wait tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from synthgen.llm.providers.error_body import Complaint, read_complaint
from synthgen.llm.providers.headers import retry_after_s

if TYPE_CHECKING:
    import openai

__all__ = ["RETRYABLE", "SYSTEMATIC", "Failure", "classify", "of_status"]

RETRYABLE = frozenset({"rate_limited", "server_error", "timeout", "connection", "conflict"})

SYSTEMATIC = RETRYABLE | {"bad_request", "truncated", "malformed"}
"""Failures that say something of the endpoint or the settings when many come in a row, and nothing of the passage."""

# What the text of an error is searched for: codes where there are some, phrases of common servers where there are none.
_QUOTA = "insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient balance|credit balance is too low"
_TOO_LARGE = "request too large"
_TOO_LONG = "context_length_exceeded|exceed_context_size|maximum context length|context (window|size)|too many tokens|token count exceeds"
_FILTERED = "content_filter|content[_ ]policy|content management policy|moderation|usage policies"
_KEY = "invalid_api_key|api_key_invalid|api key not valid|incorrect api key|api key expired"
_MODEL = "model_not_found|deploymentnotfound|not a valid model|invalid model( id| name|:)|have access to model"
_ELSEWHERE = "region|country|territory|location|firewall|virtual network|_not_available"

# Exceptions that mean that no connection was made; httpx and httpx2 have the same names. aiohttp's own are the truth where they
# are the cause, since its adapter turns every one of them, also a reset in the middle of an answer, into a ConnectTimeout.
_NO_CONTACT = {"ConnectError", "ConnectTimeout"}
_NO_CONTACT_AIOHTTP = {"ClientConnectorError", "ConnectionTimeoutError"}


@dataclass(frozen=True, slots=True)
class Failure:
    """`scope` says what is lost: this attempt, this call, or the run. `wait_s` is what the server asked for.

    `unbilled` when the server turned the request away, so that it cannot have cost anything; `no_contact` when there was no
    connection at all; `busy` when the server is asked too much (429, 503, 529); `away` when that, or a lost connection, or a gateway
    alone (502, 504) says that no request at all is served, so that it cannot be the fault of this one.
    """

    scope: Literal["attempt", "call", "run"]
    reason: str
    detail: str
    wait_s: float | None = None
    unbilled: bool = False
    no_contact: bool = False
    busy: bool = False
    away: bool = False


def classify(error: openai.APIError | TimeoutError | ValueError) -> Failure:
    """The failure an exception of one attempt stands for. ValueError is an answer that could not be read."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return of_status(error.status_code, read_complaint(error), error.response.headers)
    if isinstance(error, openai.APIConnectionError):
        return _of_connection(error)
    if isinstance(error, TimeoutError):
        return _timeout()
    return Failure("attempt", "server_error", f"the answer could not be read: {error}")


def of_status(status: int, told: Complaint, headers: Mapping[str, str] | None = None) -> Failure:
    """The failure that an error response stands for; also one that a batch had in its place."""
    detail = f"{status}: {told.message}"
    if told.mentions(_QUOTA):
        return Failure("run", "quota", detail, unbilled=True)
    if status == 413 or (status == 429 and told.mentions(_TOO_LARGE)):
        return Failure("call", "context_too_long", detail, unbilled=True)
    if status in (408, 409, 429) or status >= 500:
        return _passing(status, told, headers or {}, detail)
    return _lasting(status, told, detail)


def _passing(status: int, told: Complaint, headers: Mapping[str, str], detail: str) -> Failure:
    busy = status in (429, 503, 529)
    return Failure(
        "call" if headers.get("x-should-retry") == "false" else "attempt",
        {408: "timeout", 409: "conflict", 429: "rate_limited"}.get(status, "server_error"),
        detail,
        wait_s=told.wait_s if (asked := retry_after_s(headers)) is None else asked,
        # Behind a gateway (502, 504) the model may have answered, so of the 5xx only "not now" is surely free.
        unbilled=busy or status < 500,
        busy=busy,
        away=busy or status in (502, 504),
    )


def _lasting(status: int, told: Complaint, detail: str) -> Failure:
    if status in (400, 403, 422):
        for reason, phrases in {"context_too_long": _TOO_LONG, "content_filter": _FILTERED}.items():
            if told.mentions(phrases):
                return Failure("call", reason, detail, unbilled=True)
        for reason, phrases in {"key": _KEY, "model": _MODEL}.items():
            if told.mentions(phrases):
                return Failure("run", reason, detail, unbilled=True)
    if status in (400, 422):
        return Failure("call", "bad_request", detail, unbilled=True)
    if status == 403 and told.mentions(_ELSEWHERE):
        return Failure("run", "forbidden", detail, unbilled=True)
    reason = {401: "key", 402: "quota", 403: "key", 404: "model"}.get(status, "endpoint")
    return Failure("run", reason, detail, unbilled=True)


def _of_connection(error: openai.APIConnectionError) -> Failure:
    import openai

    causes = list(_causes(error))
    of_aiohttp = [cause for cause in causes if type(cause).__module__.startswith("aiohttp")]
    names = {cls.__name__ for cause in (of_aiohttp or causes)[:1] for cls in type(cause).__mro__}
    no_contact = bool(names & (_NO_CONTACT_AIOHTTP if of_aiohttp else _NO_CONTACT))
    timed_out = "SocketTimeoutError" in names or (isinstance(error, openai.APITimeoutError) and not of_aiohttp)
    if timed_out and not no_contact:
        return _timeout()
    detail = str(causes[0] if causes else error) or "the connection was lost"
    return Failure("attempt", "connection", detail, unbilled=no_contact, no_contact=no_contact, away=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    while error.__cause__ is not None:
        error = error.__cause__
        yield error


def _timeout() -> Failure:
    return Failure("attempt", "timeout", "no answer within llm.timeout_s")

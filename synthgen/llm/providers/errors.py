"""Maps an HTTP error response to a failure, by its status and body, and an error in a success by what its body says.

    the attempt   rate_limited      429 (but not an account without money)
                  server_error      5xx, or an answer that cannot be read
                  timeout           408, or no complete answer in time
                  connection        refused, reset, unknown host
                  conflict          409
    the call      context_too_long  400, 413, or a 429 "Request too large for …"
                  content_filter    400 or 403 that mentions content
                  bad_request       400 and 422 otherwise
    the run       key               401; 403 without another explanation; 400 "API key not valid"
                  forbidden         403 for a region, a network, a feature
                  model             404; 400 or 403 that mentions the model
                  quota             402; any status whose code names an account without money, a 4xx whose message does
                  endpoint          any other 3xx and 4xx

`x-should-retry: false` is respected: the call is not tried again in this run, but keeps its reason, so that the next
run asks. The codes and phrases are those of servers for chat completions; a provider with others has its own rules.

Nothing is concluded from what an error repeats of the request: a passage about accounts without money ends no run.

Not covered: telling a daily quota from one per minute. Both are 429; how long the server asks to wait tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from synthgen.llm.failure import Failure
from synthgen.llm.providers.error_body import Complaint
from synthgen.llm.providers.foreign import NoAnswer
from synthgen.llm.providers.headers import retry_after_s

__all__ = ["of_no_answer", "of_status", "timed_out", "unreadable"]

# Patterns to search for in the text of an error: codes where there are any, otherwise phrases of common servers.
_QUOTA = "insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient balance|credit balance is too low"
_TOO_LARGE = "request too large"
_TOO_LONG = "context_length_exceeded|exceed_context_size|maximum context length|context (window|size)|too many tokens|token count exceeds"
_FILTERED = "content_filter|content[_ ]policy|content management policy|moderation|usage policies"
_KEY = "invalid_api_key|api_key_invalid|api key not valid|incorrect api key|api key expired"
_MODEL = "model_not_found|deploymentnotfound|not a valid model|invalid model( id| name|:)|have access to model"
_ELSEWHERE = "region|country|territory|location|firewall|virtual network|_not_available"


def of_status(status: int, told: Complaint, headers: Mapping[str, str] | None = None) -> Failure:
    """Return the failure of an error response, from a live call or from a batch."""
    detail = f"{status}: {told.message}"
    if told.has_code(_QUOTA) if status >= 500 else told.mentions(_QUOTA):
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
        # Behind a gateway (502, 504) the model may have answered, so among the 5xx only "not now" is certainly free.
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


def of_no_answer(found: NoAnswer, headers: Mapping[str, str] | None = None) -> Failure:
    """Return the failure of a success without an answer: that of the error it reports, if any."""
    if found.error is None:
        unread = unreadable(found)
        detail = unread.detail if found.ends_after is None else f"{found} in place of an answer"
        return replace(unread, detail=detail, ends_after=found.ends_after)
    complaint, status = found.error.complaint, found.error.status
    if status is not None:
        return of_status(status, complaint, headers)
    return replace(
        of_status(500, complaint, headers), detail=f"an error without a kind: {complaint.message}", ends_after=found.ends_after
    )


def unreadable(problem: object) -> Failure:
    """Return the failure of an answer that cannot be read."""
    return Failure("attempt", "server_error", f"the answer could not be read: {problem}")


def timed_out() -> Failure:
    """Return the failure of an attempt that exceeded its time limit."""
    return Failure("attempt", "timeout", "no answer within llm.timeout_s")

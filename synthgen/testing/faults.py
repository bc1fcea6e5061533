"""The faults of a request, and scripts that choose them.

A script is a function from a `Logged` request to a `Fault` or None. `mix` creates one from rates. It chooses by the
digest of the body, so faults are the same in every run, whatever the order of arrival. Transport faults (a 429, a
reset, …) happen at the first attempt only, so a retry succeeds. Faults of the answer belong to the request and happen
at every attempt.

    FakeOpenAI(script=mix({"rate_limit": 0.05, "malformed": 0.02}))
    FakeOpenAI(script=lambda request: Fault("error", status=503) if request.attempt <= 2 else None)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synthgen.errors import ConfigError, UnknownNameError
from synthgen.testing.draws import share
from synthgen.testing.log import Logged

__all__ = ["ANSWER_FAULTS", "KINDS", "REJECTION_FAULTS", "TRANSPORT_FAULTS", "Fault", "Script", "mix"]

TRANSPORT_FAULTS = {
    "rate_limit": "429: too many requests or tokens",
    "error": "500, or the `status` given",
    "unavailable": "503: the server is not ready",
    "overloaded": "529: the server is overloaded",
    "reset": "the connection is closed without an answer",
    "slow": "no answer until the client gives up",
    "bad_json": "200 with a page of HTML",
}

REJECTION_FAULTS = {
    "quota": "429 with the code insufficient_quota",
    "key": "401: a wrong key",
    "model": "404: an unknown model",
    "unsupported": "400: the field `param` is not supported",
    "prompt_filter": "400 with the code content_filter: the prompt was rejected",
}

ANSWER_FAULTS = {
    "malformed": "prose instead of JSON",
    "truncated": "half of the answer, finish_reason length",
    "refusal": "no content, but a refusal",
    "filtered": "no content, finish_reason content_filter",
    "think": "reasoning in <think> tags before the JSON",
    "fenced": "the JSON in a Markdown fence between two sentences",
    "preamble": "a sentence before the JSON",
    "empty": "an empty list",
    "single": "one item in place of the list",
    "wrong_count": "two more items than requested",
    "numbers": "numbers as texts; without numbers, the last field of each item as a number",
    "no_usage": "usage is null",
    "says": "the text of `message`, for answers written by a test",
}

KINDS: Mapping[str, str] = TRANSPORT_FAULTS | REJECTION_FAULTS | ANSWER_FAULTS


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one attempt, one of KINDS. `status` and `message` override the defaults of the kind.

    `retry_after` and `retry_after_ms` are sent as headers of those names. `param` is the unsupported field. Raises
    UnknownNameError for another kind.
    """

    kind: str
    retry_after: str | None = None
    retry_after_ms: str | None = None
    status: int | None = None
    message: str = ""
    param: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("fault", self.kind, KINDS, hint="synthgen.testing.KINDS describes them.")


Script = Callable[[Logged], Fault | None]


def mix(rates: Mapping[str, float], *, seed: int = 0) -> Script:
    """Return a script with faults at these rates: kind -> share of requests. Raises ConfigError when they add up to
    more than 1.
    """
    faults = {kind: Fault(kind) for kind in rates}
    if min(rates.values(), default=0.0) < 0 or sum(rates.values()) > 1:
        raise ConfigError(f"Rates of faults are shares of all requests and add up to at most 1; given: {dict(rates)}.")

    def script(request: Logged) -> Fault | None:
        drawn = share(request.digest, seed)
        for kind, rate in rates.items():
            if drawn < rate:
                return faults[kind] if request.attempt == 1 or kind not in TRANSPORT_FAULTS else None
            drawn -= rate
        return None

    return script

"""The faults of a request, and scripts that choose them.

A script is a function from a `Logged` request to a `Fault` or None. `mix` creates one from rates. It chooses by the
digest of the body, so faults are the same in every run, whatever the order of arrival. Transport faults (a 429, a
reset, …) happen at the first attempt only, so a retry succeeds. Faults of the answer belong to the request and happen
at every attempt.

`stray` turns away a share of all attempts, whatever was asked and however often. `first_of` combines scripts.

    FakeOpenAI(script=mix({"rate_limit": 0.05, "malformed": 0.02}))
    FakeOpenAI(script=first_of(stray(0.02, retry_after="1"), mix({"malformed": 0.02})))
    FakeOpenAI(script=lambda request: Fault("error", status=503) if request.attempt <= 2 else None)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from synthgen.errors import ConfigError, UnknownNameError
from synthgen.testing.draws import share
from synthgen.testing.log import Logged

__all__ = [
    "ANSWER_FAULTS",
    "KINDS",
    "REJECTION_FAULTS",
    "STRAYS",
    "TRANSPORT_FAULTS",
    "Fault",
    "Script",
    "first_of",
    "mix",
    "stray",
]

TRANSPORT_FAULTS = {
    "rate_limit": "429: too many requests or tokens",
    "error": "500, or the `status` given",
    "unavailable": "503: the server is not ready",
    "overloaded": "529: the server is overloaded",
    "reset": "the connection is closed without an answer",
    "slow": "no answer until the client gives up",
    "bad_json": "200 with a page of HTML",
    "body": "200, or the `status` given, with the text of `message` for a body",
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

STRAYS = {429: "rate_limit", 503: "unavailable", 529: "overloaded"}
"""The statuses with which a busy server turns a request away, and their faults."""

KINDS: Mapping[str, str] = TRANSPORT_FAULTS | REJECTION_FAULTS | ANSWER_FAULTS


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one attempt, one of KINDS. `status` and `message` override the defaults of the kind.

    `retry_after` and `retry_after_ms` are sent as headers of those names. With `retry_after_as_date`, the seconds of
    `retry_after` are sent as an HTTP date, rounded up to a whole second. `param` is the unsupported field. Raises
    UnknownNameError for another kind, and ConfigError for a date that is not made of seconds.
    """

    kind: str
    retry_after: str | None = None
    retry_after_ms: str | None = None
    retry_after_as_date: bool = False
    status: int | None = None
    message: str = ""
    param: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("fault", self.kind, KINDS, hint="synthgen.testing.KINDS describes them.")
        if self.retry_after_as_date and not _is_duration(self.retry_after):
            raise ConfigError(
                f"A date in retry-after is made of a number of seconds; given: retry_after = {self.retry_after!r}."
            )

    def headers(self) -> dict[str, str]:
        """Return the headers that say when to try again, as of now."""
        after = self.retry_after
        if self.retry_after_as_date and after is not None:
            after = formatdate(math.ceil(time.time() + float(after)), usegmt=True)
        given = {"retry-after": after, "retry-after-ms": self.retry_after_ms}
        return {name: value for name, value in given.items() if value is not None}


Script = Callable[[Logged], Fault | None]


def mix(
    rates: Mapping[str, float], *, retry_after: str | None = None, retry_after_as_date: bool = False, seed: int = 0
) -> Script:
    """Return a script with faults at these rates: kind -> share of requests. Raises ConfigError when they add up to
    more than 1.

    `retry_after` is sent with the faults of STRAYS (429, 503, 529).
    """
    faults = {
        kind: Fault(kind, retry_after, retry_after_as_date=retry_after_as_date) if kind in STRAYS.values() else Fault(kind)
        for kind in rates
    }
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


def stray(
    share_away: float,
    status: int = 429,
    *,
    retry_after: str | None = None,
    retry_after_as_date: bool = False,
    seed: int = 0,
) -> Script:
    """Return a script that turns away this share of all attempts with `status`: 429, 503 or 529.

    An attempt is drawn by the digest of its body and its number, so later attempts are turned away as often as first
    ones, and the same in every run. Raises ConfigError for a share outside of 0 to 1 and for another status.
    """
    if not 0 <= share_away <= 1:
        raise ConfigError(f"The share of attempts that are turned away is between 0 and 1; given: {share_away}.")
    if status not in STRAYS:
        raise ConfigError(f"A stray refusal has the status {', '.join(map(str, STRAYS))}; given: {status}.")
    fault = Fault(STRAYS[status], retry_after, retry_after_as_date=retry_after_as_date)

    def script(request: Logged) -> Fault | None:
        return fault if share(request.digest, f"stray {seed} {request.attempt}") < share_away else None

    return script


def first_of(*scripts: Script) -> Script:
    """Return a script that gives the first fault that one of `scripts` gives, in their order."""

    def script(request: Logged) -> Fault | None:
        return next((fault for each in scripts if (fault := each(request)) is not None), None)

    return script


def _is_duration(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False

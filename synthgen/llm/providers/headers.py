"""What a server says in headers: how long to wait, and what its limits are.

    retry-after-ms, retry-after                             with a refusal
    x-ratelimit-limit-*, -remaining-* and -reset-*          with any answer, for requests and for tokens

OpenAI's names, which most compatible endpoints use. A reset is a Go duration (`20ms`, `6m0s`, `1h2m`) or plain seconds; what
cannot be read counts as not said. Headers by other names, and resets given as a date, are not covered.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from synthgen.llm.providers.base import LimitReading

__all__ = ["duration_s", "read_limit", "retry_after_s"]

_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_PIECE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)")
_LONGEST_S = 366 * 86_400.0  # anything longer is a point in time and not a duration


def read_limit(headers: Mapping[str, str], resource: str) -> LimitReading | None:
    """What `headers` (their names in lower case) say of `requests` or of `tokens`; None when they say nothing."""
    remaining = headers.get(f"x-ratelimit-remaining-{resource}")
    limit = headers.get(f"x-ratelimit-limit-{resource}")
    if limit is None and remaining is None:
        return None
    reset = headers.get(f"x-ratelimit-reset-{resource}")
    return LimitReading(_amount(limit) or None, _amount(remaining), None if reset is None else duration_s(reset))


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


def duration_s(text: str) -> float | None:
    """Seconds of a Go duration or of a plain number of seconds; None when it is neither."""
    text = text.strip()
    try:
        seconds = float(text)
    except ValueError:
        pieces = _PIECE.findall(text)
        if not pieces or "".join(number + unit for number, unit in pieces) != text:
            return None
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in pieces)
    return seconds if 0 <= seconds <= _LONGEST_S else None


def _amount(text: str | None) -> float | None:
    """A number that is no less than zero; some servers write -1 for "no limit"."""
    try:
        amount = float(text or "")
    except ValueError:
        return None
    return amount if amount >= 0 and math.isfinite(amount) else None

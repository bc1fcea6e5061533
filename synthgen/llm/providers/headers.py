"""Reads headers: how long the server asks to wait, and its limits.

    retry-after-ms, retry-after                             with a refusal
    x-ratelimit-limit-*, -remaining-* and -reset-*          with any answer, for requests and for tokens

The names are OpenAI's, which most compatible endpoints use. A reset is a Go duration (`20ms`, `6m0s`, `1h2m`) or plain
seconds; an unreadable value is ignored. Not covered: headers by other names, and resets given as a date.
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
_LONGEST_S = 366 * 86_400.0  # anything longer is a point in time, not a duration


def read_limit(headers: Mapping[str, str], resource: str) -> LimitReading | None:
    """Return the limit on `requests` or `tokens` in `headers` (names in lower case); None when they have none."""
    remaining = headers.get(f"x-ratelimit-remaining-{resource}")
    limit = headers.get(f"x-ratelimit-limit-{resource}")
    if limit is None and remaining is None:
        return None
    reset = headers.get(f"x-ratelimit-reset-{resource}")
    return LimitReading(_amount(limit) or None, _amount(remaining), None if reset is None else duration_s(reset))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `retry-after-ms` or `retry-after` (seconds or an HTTP date, RFC 9110 section 10.2.3)."""
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
    except (ValueError, OverflowError, OSError):  # no date, or one that no calendar or clock has
        return None


def duration_s(text: str) -> float | None:
    """Return the seconds of a Go duration or of a plain number of seconds; None for anything else."""
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
    """Return a number of at least zero; None otherwise. Some servers write -1 for "no limit"."""
    try:
        amount = float(text or "")
    except ValueError:
        return None
    return amount if amount >= 0 and math.isfinite(amount) else None

"""Requests and tokens per minute, enforced like a provider's and reported in the same headers.

There are two kinds. `sliding` is exact: at no moment have more than `rpm x window_s / 60` requests been admitted during
the last `window_s` seconds, and likewise for tokens. `bucket` refills continuously and holds at most that many. It
admits a full bucket at once, so it may admit nearly twice the limit within one window, like real providers.

A rejected request consumes nothing, whether a limit or a fault (429, 503, 529) rejects it. Tokens are counted on arrival, as in the usage of the answer. `x-ratelimit-limit-*`
is the limit per minute, `x-ratelimit-remaining-*` what is left at the moment, and `x-ratelimit-reset-*` the time until
none of the limit is in use, as a duration in Go's notation (20ms, 1s, 6m0s).

Limits per day and limits on tokens enqueued in batches are not simulated.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from synthgen.errors import ConfigError

__all__ = ["Denied", "Gate", "Limits", "go_duration"]

Kind = Literal["sliding", "bucket"]


@dataclass(frozen=True, slots=True)
class Limits:
    """`rpm` and `tpm` are limits per minute, enforced over windows of `window_s` seconds.

    `headers` adds x-ratelimit headers to answers; `retry_after` adds retry-after-ms and retry-after to a 429, and a sentence
    on it to its message.
    """

    rpm: int | None = None
    tpm: int | None = None
    window_s: float = 60.0
    kind: Kind = "sliding"
    headers: bool = True
    retry_after: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("sliding", "bucket"):
            raise ConfigError(f"Limits of the kind {self.kind!r} do not exist. Allowed: sliding, bucket.")
        if self.window_s <= 0 or any(limit is not None and limit < 1 for limit in (self.rpm, self.tpm)):
            raise ConfigError(f"Limits are positive numbers; given: rpm {self.rpm}, tpm {self.tpm}, window_s {self.window_s}.")


@dataclass(frozen=True, slots=True)
class Denied:
    """A rejected request: the exceeded limit, the amount it needed, and when it would fit (None: never)."""

    unit: str
    limit: int
    used: int
    wanted: int
    wait_s: float | None


class _Meter(Protocol):
    """One limit. `amount` is in requests or tokens, `now` in seconds."""

    capacity: float

    def used(self, now: float) -> float: ...

    def wait_s(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` fits; 0 when it does."""
        ...

    def reset_s(self, now: float) -> float: ...

    def take(self, amount: float, now: float) -> None: ...


class _Sliding:
    def __init__(self, capacity: float, window_s: float) -> None:
        self.capacity = capacity
        self._window_s = window_s
        self._log: deque[tuple[float, float]] = deque()
        self._used = 0.0

    def used(self, now: float) -> float:
        while self._log and self._log[0][0] <= now - self._window_s:
            self._used -= self._log.popleft()[1]
        return self._used

    def wait_s(self, amount: float, now: float) -> float:
        over = self.used(now) + amount - self.capacity
        for at, taken in self._log if over > 0 else ():
            over -= taken
            if over <= 0:
                return at + self._window_s - now
        return 0.0

    def reset_s(self, now: float) -> float:
        return self._log[-1][0] + self._window_s - now if self.used(now) else 0.0

    def take(self, amount: float, now: float) -> None:
        self._log.append((now, amount))
        self._used += amount


class _Bucket:
    def __init__(self, capacity: float, window_s: float) -> None:
        self.capacity = capacity
        self._per_s = capacity / window_s
        self._used = 0.0
        self._at = -math.inf

    def used(self, now: float) -> float:
        self._used = max(0.0, self._used - (now - self._at) * self._per_s)
        self._at = now
        return self._used

    def wait_s(self, amount: float, now: float) -> float:
        return max(0.0, self.used(now) + amount - self.capacity) / self._per_s

    def reset_s(self, now: float) -> float:
        return self.used(now) / self._per_s

    def take(self, amount: float, now: float) -> None:
        self._used = self.used(now) + amount


class Gate:
    """Enforces `Limits`. Not thread-safe."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        create = _Sliding if limits.kind == "sliding" else _Bucket
        per_minute = {"requests": limits.rpm, "tokens": limits.tpm}
        self._meters: dict[str, _Meter] = {
            unit: create(limit * limits.window_s / 60, limits.window_s) for unit, limit in per_minute.items() if limit
        }

    def admit(self, tokens: int) -> Denied | None:
        """Admit a request of `tokens`, or return why it is rejected."""
        now = self._clock()
        wanted = {"requests": 1, "tokens": tokens}
        waits = {unit: meter.wait_s(wanted[unit], now) for unit, meter in self._meters.items()}
        for unit, meter in self._meters.items():
            too_large = wanted[unit] > meter.capacity
            if too_large or waits[unit] > 0:
                wait_s = None if too_large else max(waits.values())
                return Denied(unit, int(meter.capacity), math.ceil(meter.used(now)), wanted[unit], wait_s)
        for unit, meter in self._meters.items():
            meter.take(wanted[unit], now)
        return None

    def headers(self) -> Mapping[str, str]:
        """Return the current x-ratelimit headers."""
        if not self._limits.headers:
            return {}
        now = self._clock()
        headers: dict[str, str] = {}
        for unit, meter in self._meters.items():
            limit = self._limits.rpm if unit == "requests" else self._limits.tpm
            headers[f"x-ratelimit-limit-{unit}"] = str(limit)
            headers[f"x-ratelimit-remaining-{unit}"] = str(max(0, math.floor(meter.capacity - meter.used(now))))
            headers[f"x-ratelimit-reset-{unit}"] = go_duration(meter.reset_s(now))
        return headers

    @property
    def says_when(self) -> bool:
        """Whether a rejection says when to try again."""
        return self._limits.retry_after

    def retry_headers(self, denied: Denied) -> Mapping[str, str]:
        """Return when to retry, rounded up; nothing when a retry cannot succeed."""
        if denied.wait_s is None or not self._limits.retry_after:
            return {}
        return {"retry-after-ms": str(math.ceil(denied.wait_s * 1000)), "retry-after": str(math.ceil(denied.wait_s))}


def go_duration(seconds: float) -> str:
    """Return a duration as Go prints it, to the millisecond: 0s, 20ms, 8.64s, 6m0s, 1h2m0s."""
    ms = round(seconds * 1000)
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    minutes, ms = divmod(ms, 60_000)
    rest = f"{ms / 1000:g}s"
    if not minutes:
        return rest
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}" if hours else f"{minutes}m{rest}"

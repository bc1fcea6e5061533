"""Requests and tokens per minute, enforced as a provider does and told in the same headers.

Two kinds. `sliding` is the exact one: at no moment have more than `rpm x window_s / 60` requests been let in during the last
`window_s` seconds, and likewise for tokens. `bucket` refills without pause and holds at most that many; it lets a full bucket go at
once, so it may admit nearly twice the limit within one window, as real providers' do.

A request that is turned away consumes nothing. Tokens are counted on arrival, as the usage that the answer will have. The headers:
`x-ratelimit-limit-*` is the limit per minute, `x-ratelimit-remaining-*` what is left at this moment, `x-ratelimit-reset-*` the time
until nothing of the limit is in use, as a duration in Go's notation (20ms, 1s, 6m0s).

Not covered: limits per day, and limits on tokens waiting in batches.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from synthgen.errors import ConfigError

__all__ = ["Gate", "Limits", "Turned", "go_duration"]

Kind = Literal["sliding", "bucket"]


@dataclass(frozen=True, slots=True)
class Limits:
    """`rpm` and `tpm` hold per minute; `window_s` is the stretch of time they are enforced over.

    `headers` says whether answers carry x-ratelimit headers, `retry_after` whether a 429 carries retry-after-ms and retry-after.
    """

    rpm: int | None = None
    tpm: int | None = None
    window_s: float = 60.0
    kind: Kind = "sliding"
    headers: bool = True
    retry_after: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("sliding", "bucket"):
            raise ConfigError(f"Limits of the kind {self.kind!r} do not exist. Known: sliding, bucket.")
        if self.window_s <= 0 or any(limit is not None and limit < 1 for limit in (self.rpm, self.tpm)):
            raise ConfigError(f"Limits are positive numbers; given: rpm {self.rpm}, tpm {self.tpm}, window_s {self.window_s}.")


@dataclass(frozen=True, slots=True)
class Turned:
    """A request that is turned away: over which limit, what it wanted, and when it would fit (None: never)."""

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
        """Seconds until `amount` fits; 0 when it does."""
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
    """Enforces `Limits`. For one thread."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        make = _Sliding if limits.kind == "sliding" else _Bucket
        per_minute = {"requests": limits.rpm, "tokens": limits.tpm}
        self._meters: dict[str, _Meter] = {
            unit: make(limit * limits.window_s / 60, limits.window_s) for unit, limit in per_minute.items() if limit
        }

    def admit(self, tokens: int) -> Turned | None:
        """Let a request of `tokens` in, or say why not."""
        now = self._clock()
        wanted = {"requests": 1, "tokens": tokens}
        waits = {unit: meter.wait_s(wanted[unit], now) for unit, meter in self._meters.items()}
        for unit, meter in self._meters.items():
            too_large = wanted[unit] > meter.capacity
            if too_large or waits[unit] > 0:
                wait_s = None if too_large else max(waits.values())
                return Turned(unit, int(meter.capacity), math.ceil(meter.used(now)), wanted[unit], wait_s)
        for unit, meter in self._meters.items():
            meter.take(wanted[unit], now)
        return None

    def headers(self) -> Mapping[str, str]:
        """The x-ratelimit headers of this moment."""
        if not self._limits.headers:
            return {}
        now = self._clock()
        told: dict[str, str] = {}
        for unit, meter in self._meters.items():
            limit = self._limits.rpm if unit == "requests" else self._limits.tpm
            told[f"x-ratelimit-limit-{unit}"] = str(limit)
            told[f"x-ratelimit-remaining-{unit}"] = str(max(0, math.floor(meter.capacity - meter.used(now))))
            told[f"x-ratelimit-reset-{unit}"] = go_duration(meter.reset_s(now))
        return told

    def retry_headers(self, turned: Turned) -> Mapping[str, str]:
        """When to come back, rounded up; nothing when that would not help."""
        if turned.wait_s is None or not self._limits.retry_after:
            return {}
        return {"retry-after-ms": str(math.ceil(turned.wait_s * 1000)), "retry-after": str(math.ceil(turned.wait_s))}


def go_duration(seconds: float) -> str:
    """A duration as Go prints it, to the millisecond: 0s, 20ms, 8.64s, 6m0s, 1h2m0s."""
    ms = round(seconds * 1000)
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    minutes, ms = divmod(ms, 60_000)
    rest = f"{ms / 1000:g}s"
    if not minutes:
        return rest
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}" if hours else f"{minutes}m{rest}"

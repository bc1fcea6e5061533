"""The log of requests: one entry for each request, written before it is answered.

Entries are written on arrival, because a client that is killed in the meantime has still sent its request. With bodies,
the log grows with every request. Without them only `counts` are kept, and memory does not grow.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["CHAT", "Logged", "RecentCounts", "RequestLog"]

CHAT = "/v1/chat/completions"

_RECENT = 100_000
_NOT_IN_FILE = ("authorization", "body", "raw")  # the key may be a real one; the body is added in its original form


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as it arrived.

    `key` is the client's name for it (the header X-Client-Request-Id, or the custom_id of a batch line). `digest` is
    that of its body, and `attempt` counts equal bodies from 1. `status` is that of the answer, even if it never reached
    the client (`fault` reset or slow). `batch` is the id of the batch of a line. `raw` holds the body's original bytes.
    `at_s` is when a chat request arrived, in seconds after the first one, and `tokens` is the usage of its answer.
    """

    path: str
    key: str
    digest: str
    attempt: int
    body: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    fault: str = ""
    authorization: str = ""
    method: str = "POST"
    batch: str = ""
    raw: bytes = b""
    at_s: float = 0.0
    tokens: int = 0


class RecentCounts:
    """Counts how often a digest was seen, for the last 100,000 different ones: enough for every retry, with bounded memory."""

    def __init__(self, most: int = _RECENT) -> None:
        self._most = most
        self._seen: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()  # batches call from their own threads

    def count(self, digest: str) -> int:
        """Count `digest` and return its number of occurrences so far, 1 when it is new."""
        name = int(digest[:16], 16)
        with self._lock:
            seen = self._seen.pop(name, 0) + 1
            self._seen[name] = seen
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
        return seen


class RequestLog:
    """Entries in memory, lines in a file, or only counts of chat requests by status and fault."""

    def __init__(self, *, keep: bool, file: str | Path | None = None, bodies: bool = True) -> None:
        self.entries: list[Logged] = []
        self.counts: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self._keep = keep
        self._bodies = bodies
        self._file = Path(file).open("ab") if file else None  # noqa: SIM115 - closed by close()

    def add(self, logged: Logged) -> None:
        if logged.path == CHAT:
            self.counts[f"{logged.status} {logged.fault}".rstrip()] += 1
        if self._keep:
            self.entries.append(logged)
        if self._file:
            self._file.write(self._line(logged))
            self._file.flush()

    @contextmanager
    def flight(self) -> Iterator[None]:
        """Count a request as in flight inside the block."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _line(self, logged: Logged) -> bytes:
        entry = {name: getattr(logged, name) for name in Logged.__dataclass_fields__ if name not in _NOT_IN_FILE}
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")
        if not (self._bodies and logged.body):
            return line + b"\n"
        # The original body is inserted: JSON has no line feed inside strings, and encoding it again costs more than the answer.
        return line[:-1] + b', "body": ' + logged.raw.replace(b"\r", b" ").replace(b"\n", b" ") + b"}\n"

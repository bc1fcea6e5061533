"""The call store: every finished call under the digest of exactly what was sent.

It is the only state that cost money. SQLite in WAL mode with synchronous=FULL and one commit per call: `kill -9` loses at
most the calls in flight, and other processes may read while a run writes. A good answer is never overwritten, so two runs
that share a store agree. Neither the messages nor the key are in it. WAL needs a local file system.

Not covered: who may write. Two runs on one store are safe, but may pay for the same call at the same moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from synthgen.errors import RunFolderError
from synthgen.llm.failures import RETRYABLE
from synthgen.records import Completion, Usage

__all__ = ["Call", "CallStore", "Totals"]

_APPLICATION_ID = 0x53594E47  # "SYNG", in the header of the file
_VERSION = 1
_BUSY_S = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('ok', 'failed')),
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    text TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    refusal TEXT,
    model TEXT NOT NULL,
    prompt INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    written INTEGER NOT NULL,
    output INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    duration_s REAL NOT NULL,
    created TEXT NOT NULL
)
"""
_COLUMNS = (
    "key, status, reason, detail, text, finish_reason, refusal, model, "
    "prompt, cached, written, output, estimated, attempts, duration_s, created"
)
_PUT = f"""
INSERT INTO calls ({_COLUMNS}) VALUES ({", ".join("?" * 16)})
ON CONFLICT (key) DO UPDATE SET
    ({_COLUMNS}) = ({", ".join(f"excluded.{name}" for name in _COLUMNS.split(", "))})
WHERE calls.status = 'failed'
"""  # noqa: S608 - made of constants

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Call:
    """A finished call. `reason` is "" when it is `ok`; `detail` is for people.

    A failed call has the text that came back, if any: a cut or unreadable answer was paid for and may be read by a better
    parser one day. `duration_s` covers all attempts and the waiting between them; `created` is ISO 8601, UTC.
    """

    completion: Completion
    status: str = "ok"
    reason: str = ""
    detail: str = ""
    attempts: int = 1
    duration_s: float = 0.0
    created: str = ""

    @property
    def key(self) -> str:
        return self.completion.request_key

    @property
    def ask_again(self) -> bool:
        """Whether the next run asks again: the call failed for a reason that may have passed."""
        return self.status == "failed" and self.reason in RETRYABLE


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a store. Failed calls count into `usage` as far as the server reported any."""

    ok: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    attempts: int = 0

    @property
    def calls(self) -> int:
        return self.ok + sum(self.failed.values())


class CallStore:
    """Finished calls in one SQLite file, made on first use.

    Raises RunFolderError when the file is damaged, belongs to something else, or cannot be written.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        if read_only and not self.path.is_file():
            raise RunFolderError(f"{self.path} does not exist: no call was made yet.")
        self._connection = self._guarded(lambda: self._open(read_only))

    def get(self, key: str) -> Call | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Call]:
        found: dict[str, Call] = {}
        stream = iter(keys)
        while batch := list(islice(stream, 500)):
            marks = ", ".join("?" * len(batch))
            query = f"SELECT {_COLUMNS} FROM calls WHERE key IN ({marks})"  # noqa: S608 - only question marks are filled in
            for row in self._run(query, batch):
                call = _call(row)
                found[call.key] = call
        return found

    def put(self, call: Call) -> None:
        """Store a call durably: when this returns, it survives a kill and a power cut."""
        completion, usage = call.completion, call.completion.usage
        row = (
            *(call.key, call.status, call.reason, call.detail),
            *(completion.text, completion.finish_reason, completion.refusal, completion.model),
            *(usage.prompt, usage.cached, usage.written, usage.output, int(usage.estimated)),
            *(call.attempts, call.duration_s, call.created),
        )
        self._run(_PUT, row)

    def keys(self) -> Iterator[str]:
        """Keys of all calls, failed ones too, in order."""
        yield from (key for (key,) in self._run("SELECT key FROM calls ORDER BY key"))

    def totals(self) -> Totals:
        sums = "count(*), sum(prompt), sum(cached), sum(written), sum(output), max(estimated), sum(attempts)"
        rows = self._run(f"SELECT reason, {sums} FROM calls GROUP BY status, reason ORDER BY reason")  # noqa: S608 - constants
        ok = sum(row[1] for row in rows if not row[0])
        failed = {row[0]: row[1] for row in rows if row[0]}
        prompt, cached, written, output = (sum(row[column] for row in rows) for column in (2, 3, 4, 5))
        usage = Usage(prompt, cached, written, output, estimated=any(row[6] for row in rows))
        return Totals(ok, failed, usage, attempts=sum(row[7] for row in rows))

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        # The store may be filled from a worker thread (`client.run_async`), by one thread at a time.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._claim(connection, read_only)
        except (sqlite3.Error, RunFolderError):
            connection.close()
            raise
        return connection

    def _claim(self, connection: sqlite3.Connection, read_only: bool) -> None:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (tables and owner != _APPLICATION_ID) or version > _VERSION:
            raise RunFolderError(
                f"{self.path} is a database, but no call store of this version of synthgen. Give another path or move it away."
            )
        if read_only:
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if not tables:
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute(_TABLE)

    def _run(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        return self._guarded(lambda: self._connection.execute(query, tuple(values)).fetchall())

    def _guarded(self, action: Callable[[], Result]) -> Result:
        try:
            return action()
        except sqlite3.OperationalError as error:
            raise RunFolderError(
                f"The call store {self.path} cannot be used: {error}. It must be a writable file on a local disk with room left."
            ) from error
        except sqlite3.DatabaseError as error:
            raise RunFolderError(
                f"{self.path} is damaged or no SQLite file: {error}. `sqlite3 {self.path} .recover` may save its rows; "
                "move it away to start again, which asks and pays for every call again."
            ) from error


def _call(row: tuple[Any, ...]) -> Call:
    key, status, reason, detail, text, finish_reason, refusal, model, *used, attempts, duration_s, created = row
    prompt, cached, written, output, estimated = used
    usage = Usage(prompt, cached, written, output, bool(estimated))
    completion = Completion(key, text, finish_reason, refusal, usage, model)
    return Call(completion, status, reason, detail, attempts, duration_s, created)

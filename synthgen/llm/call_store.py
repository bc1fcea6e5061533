"""The call store: every finished call under the digest of exactly what was sent.

It is the only state that cost money. It is an SQLite database in WAL mode with synchronous=FULL: `kill -9` loses at
most the calls in flight, and other processes can read while a run writes. A good answer is never overwritten, so two
runs that share a store agree. A failed call that is asked again moves to the table `replaced`, because it was paid for
and may be readable one day. The store contains neither the messages nor the API key. WAL needs a local file system.

An older store is migrated to this version when it is opened for writing (`migrations`), and read from a temporary copy
otherwise. Facts about endpoints, such as the form of request that one accepts, are kept beside the calls (`remember`,
`recall`).

Not covered: exclusive access. Two runs on one store are safe, but may pay for the same call at the same moment.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from synthgen.errors import RunFolderError
from synthgen.llm.failure import RETRYABLE
from synthgen.llm.migrations import APPLICATION_ID, VERSION, migrate, transaction, version_of
from synthgen.records import Completion, Usage

__all__ = ["Call", "CallStore", "Totals", "is_call_store"]

_BUSY_S = 30.0

_NAMES = (
    *("key", "status", "reason", "detail", "text", "finish_reason", "refusal", "model"),
    *("prompt", "cached", "written", "output", "estimated"),
    *("attempts", "duration_s", "created", "rate_limited", "uncounted", "batch"),
)
_COLUMNS = ", ".join(_NAMES)
_TYPES: tuple[Any, ...] = (*[str] * 6, str | None, str, *[int] * 6, int | float, str, *[int] * 3)
_PUT = f"""
INSERT INTO calls ({_COLUMNS}) VALUES ({", ".join("?" * len(_NAMES))})
ON CONFLICT (key) DO UPDATE SET
    ({_COLUMNS}) = ({", ".join(f"excluded.{name}" for name in _NAMES)})
WHERE calls.status = 'failed'
"""
_MERGE = f"""
INSERT INTO calls ({_COLUMNS}) SELECT {_COLUMNS} FROM other.calls WHERE true
ON CONFLICT (key) DO UPDATE SET
    ({_COLUMNS}) = ({", ".join(f"excluded.{name}" for name in _NAMES)})
WHERE calls.status = 'failed' AND excluded.status = 'ok'
"""
_PAID = f"(SELECT {_COLUMNS} FROM calls UNION ALL SELECT {_COLUMNS} FROM replaced)"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Call:
    """A finished call. `reason` is "" when it is `ok`; `detail` is for people.

    A failed call keeps the text of its answer, if any: a cut or unreadable answer was paid for and may be read by a
    better parser one day. `duration_s` covers all attempts and the waiting between them. `created` is ISO 8601, UTC.
    `rate_limited` counts its 429 answers, and `uncounted` the attempts that may have cost something but whose usage
    never arrived. `batch` is set for a call through the provider's batch endpoint, at its price.
    """

    completion: Completion
    status: str = "ok"
    reason: str = ""
    detail: str = ""
    attempts: int = 1
    duration_s: float = 0.0
    created: str = ""
    rate_limited: int = 0
    uncounted: int = 0
    batch: bool = False

    @property
    def key(self) -> str:
        return self.completion.request_key

    @property
    def ask_again(self) -> bool:
        """Whether the next run asks again: the call failed for a reason that may have passed."""
        return self.status == "failed" and self.reason in RETRYABLE


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a store. `ok` and `failed` count calls; everything else includes the calls that were replaced.

    `used` is by the model that answered and by whether it answered through a batch endpoint, as far as the server
    reports it. `live` counts the calls outside of batches; `first` and `last` are when the first and the last of them
    ended (ISO 8601, UTC; "" when there are none).
    """

    ok: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    used: dict[tuple[str, bool], Usage] = field(default_factory=dict)
    attempts: int = 0
    rate_limited: int = 0
    uncounted: int = 0
    live: int = 0
    first: str = ""
    last: str = ""

    @property
    def calls(self) -> int:
        return self.ok + sum(self.failed.values())

    @property
    def usage(self) -> Usage:
        """The usage of live calls."""
        return self._usage(batch=False)

    @property
    def batch_usage(self) -> Usage:
        return self._usage(batch=True)

    def _usage(self, *, batch: bool) -> Usage:
        return reduce(Usage.plus, (usage for (_, batched), usage in self.used.items() if batched == batch), Usage())


class CallStore:
    """Finished calls in one SQLite file, created on first use.

    Raises RunFolderError when the file is damaged, belongs to another program, or cannot be written.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        if read_only and not self.path.is_file():
            raise RunFolderError(f"{self.path} does not exist: no call was made yet.")
        self._lock = threading.Lock()
        self._connection = self._guarded(lambda: self._open(read_only))

    def get(self, key: str) -> Call | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Call]:
        found: dict[str, Call] = {}
        stream = iter(keys)
        while batch := list(islice(stream, 500)):
            marks = ", ".join("?" * len(batch))
            query = f"SELECT {_COLUMNS} FROM calls WHERE key IN ({marks})"
            for row in self.execute(query, batch):
                if not all(map(isinstance, row, _TYPES)):
                    raise _damaged(self.path, "the row of a call holds values of other types")
                call = _call(row)
                found[call.key] = call
        return found

    def put_many(self, calls: Iterable[Call]) -> None:
        """Store calls in one commit, all of them or none. On return, they survive a kill and a power cut."""
        rows = [_row(call) for call in calls]

        def commit() -> None:
            with transaction(self._connection):
                self._connection.executemany(_PUT, rows)

        self._guarded(commit)

    def totals(self) -> Totals:
        by_reason: dict[str, int] = dict(self.execute("SELECT reason, count(*) FROM calls GROUP BY reason ORDER BY reason"))
        tokens = "sum(prompt), sum(cached), sum(written), sum(output), max(estimated)"
        times = "ifnull(min(created), ''), ifnull(max(created), '')"
        rest = "ifnull(sum(attempts), 0), ifnull(sum(rate_limited), 0), ifnull(sum(uncounted), 0)"
        used = {
            (model, bool(batch)): Usage(prompt, cached, written, output, bool(estimated))
            for model, batch, prompt, cached, written, output, estimated in self.execute(
                f"SELECT model, batch, {tokens} FROM {_PAID} GROUP BY model, batch ORDER BY model, batch"
            )
        }
        ((live, first, last),) = self.execute(f"SELECT count(*), {times} FROM {_PAID} WHERE NOT batch")
        ((attempts, rate_limited, uncounted),) = self.execute(f"SELECT {rest} FROM {_PAID}")
        return Totals(
            ok=by_reason.pop("", 0),
            failed=by_reason,
            used=used,
            attempts=attempts,
            rate_limited=rate_limited,
            uncounted=uncounted,
            live=live,
            first=first,
            last=last,
        )

    def paid(self) -> int:
        """How many good answers and batches there are. Neither is ever deleted, so a lower number means that some were lost."""
        query = "SELECT (SELECT count(*) FROM calls WHERE status = 'ok') + (SELECT count(*) FROM batches)"
        ((number,),) = self.execute(query)
        return int(number)

    def merge(self, other: str | Path) -> int:
        """Copy the calls of another store that this one lacks or has as failures, and return their number."""
        with CallStore(other):  # rejects a file that is not a call store, and migrates an older one
            pass

        def copy() -> int:
            self._connection.execute("ATTACH DATABASE ? AS other", (str(other),))
            try:
                with transaction(self._connection):
                    return self._connection.execute(_MERGE).rowcount
            finally:
                self._connection.execute("DETACH DATABASE other")

        return self._guarded(copy)

    def execute(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, on the calls or on a table beside them, and return its rows."""
        return self._guarded(lambda: self._connection.execute(query, tuple(values)).fetchall())

    def execute_all(self, statements: Iterable[tuple[str, Iterable[Any]]]) -> None:
        """Run several statements in one commit: all of them or none."""

        def commit() -> None:
            with transaction(self._connection):
                for query, values in statements:
                    self._connection.execute(query, tuple(values))

        self._guarded(commit)

    def remember(self, name: str, value: Any) -> None:
        """Store a fact (any JSON value) under `name`."""
        self.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, json.dumps(value, ensure_ascii=False)))

    def recall(self, name: str) -> Any:
        """Return the fact stored under `name`; None if there is none."""
        rows = self.execute("SELECT value FROM facts WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else None

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self, read_only: bool) -> sqlite3.Connection:
        if not read_only and self.path.is_symlink():
            raise RunFolderError(
                f"{self.path} is a link, and calls are not stored through one. Name the file that it leads to: `--store`."
            )
        mode = "ro" if read_only else "rwc"
        connection = _connect(f"{self.path.absolute().as_uri()}?mode={mode}")
        try:
            if read_only:
                return connection if version_of(connection, self.path) == VERSION else _migrated_copy(connection, self.path)
            version_of(connection, self.path)  # before anything is written: the file may belong to another program
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate(connection, self.path)
            return connection
        except (sqlite3.Error, RunFolderError):
            connection.close()
            raise

    def _guarded(self, action: Callable[[], Result]) -> Result:
        try:
            with self._lock:
                return action()
        except sqlite3.OperationalError as error:
            raise RunFolderError(
                f"The call store {self.path} cannot be used: {error}. It must be a writable file on a local disk with room left."
            ) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, str(error)) from error


def _damaged(path: Path, why: str) -> RunFolderError:
    return RunFolderError(
        f"{path} is damaged or no SQLite file: {why}. `sqlite3 {path} .recover` may save its rows; "
        "move it away to start again, which asks and pays for every call again."
    )


def is_call_store(path: Path) -> bool:
    """Return whether a file is a call store of synthgen, by its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(72) if path.is_file() else b""
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and int.from_bytes(head[68:72]) == APPLICATION_ID


def _connect(address: str) -> sqlite3.Connection:
    # `fill` commits in a thread; the store's lock lets one thread in at a time.
    return sqlite3.connect(address, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _migrated_copy(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Return an older store in this version's format, for a caller that must not write to it; close `connection`.

    The copy is a temporary SQLite database, deleted when it is closed. It does not see later writes of other processes.
    """
    copy = _connect("")
    try:
        connection.backup(copy)
        migrate(copy, path)
        copy.execute("PRAGMA query_only = ON")
    except (sqlite3.Error, RunFolderError):
        copy.close()
        raise
    connection.close()
    return copy


def _row(call: Call) -> tuple[Any, ...]:
    completion, usage = call.completion, call.completion.usage
    return (
        *(call.key, call.status, call.reason, call.detail),
        *(completion.text, completion.finish_reason, completion.refusal, completion.model),
        *(usage.prompt, usage.cached, usage.written, usage.output, int(usage.estimated)),
        *(call.attempts, call.duration_s, call.created, call.rate_limited, call.uncounted, int(call.batch)),
    )


def _call(row: tuple[Any, ...]) -> Call:
    key, status, reason, detail, text, finish_reason, refusal, model, *used, attempts, duration_s, created = row[:-3]
    rate_limited, uncounted, batch = row[-3:]
    prompt, cached, written, output, estimated = used
    usage = Usage(prompt, cached, written, output, bool(estimated))
    completion = Completion(key, text, finish_reason, refusal, usage, model)
    return Call(completion, status, reason, detail, attempts, duration_s, created, rate_limited, uncounted, bool(batch))

"""The call store: every finished call under the digest of exactly what was sent.

It is the only state that cost money. SQLite in WAL mode with synchronous=FULL: `kill -9` loses at most the calls in flight,
and other processes may read while a run writes. A good answer is never overwritten, so two runs that share a store agree; a
failed call that is asked again moves to the table `replaced`, because it was paid for and may be read one day. Neither the
messages nor the API key are in it. WAL needs a local file system.

An older store is brought to this version when it is opened for writing (`migrations`), and read in a temporary copy otherwise.
Beside the calls stand facts about endpoints (`remember`, `recall`), such as the form of request that one accepts.

Not covered: who may write. Two runs on one store are safe, but may pay for the same call at the same moment.
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
from synthgen.llm.migrations import VERSION, migrate, transaction, version_of
from synthgen.records import Completion, Usage

__all__ = ["Call", "CallStore", "Totals"]

_BUSY_S = 30.0

_NAMES = (
    *("key", "status", "reason", "detail", "text", "finish_reason", "refusal", "model"),
    *("prompt", "cached", "written", "output", "estimated"),
    *("attempts", "duration_s", "created", "rate_limited", "uncounted", "batch"),
)
_COLUMNS = ", ".join(_NAMES)
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

    A failed call has the text that came back, if any: a cut or unreadable answer was paid for and may be read by a better
    parser one day. `duration_s` covers all attempts and the waiting between them; `created` is ISO 8601, UTC. `rate_limited`
    counts its answers 429, `uncounted` its attempts that may have cost something but whose usage never came; `batch` says that
    it came through the provider's batch endpoint, at the price of that.
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

    `used` is by the model that answered, and by whether it did through a batch endpoint, as far as the server told. `live` counts
    the calls that did not; `first` and `last` say when the first and the last of them ended (ISO 8601, UTC; "" when there is none).
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
        """Of live calls."""
        return self._usage(batch=False)

    @property
    def batch_usage(self) -> Usage:
        return self._usage(batch=True)

    def _usage(self, *, batch: bool) -> Usage:
        return reduce(Usage.plus, (usage for (_, batched), usage in self.used.items() if batched == batch), Usage())


class CallStore:
    """Finished calls in one SQLite file, made on first use.

    Raises RunFolderError when the file is damaged, belongs to something else, or cannot be written.
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
                call = _call(row)
                found[call.key] = call
        return found

    def put_many(self, calls: Iterable[Call]) -> None:
        """Store calls in one commit, all of them or none: when this returns, they survive a kill and a power cut."""
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

    def merge(self, other: str | Path) -> int:
        """Take over the calls of another store that this one lacks or has as failures; returns how many."""
        with CallStore(other):  # which rejects what is not a call store, and brings an older one to this version
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
        """One statement, also on a table that stands beside the calls, and the rows that it gives."""
        return self._guarded(lambda: self._connection.execute(query, tuple(values)).fetchall())

    def execute_all(self, statements: Iterable[tuple[str, Iterable[Any]]]) -> None:
        """Several such statements in one commit: all of them or none."""

        def commit() -> None:
            with transaction(self._connection):
                for query, values in statements:
                    self._connection.execute(query, tuple(values))

        self._guarded(commit)

    def remember(self, name: str, value: Any) -> None:
        """Keep a fact (anything that JSON can hold) under `name`."""
        self.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, json.dumps(value, ensure_ascii=False)))

    def recall(self, name: str) -> Any:
        """The fact kept under `name`, None if there is none."""
        rows = self.execute("SELECT value FROM facts WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else None

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self, read_only: bool) -> sqlite3.Connection:
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
            raise RunFolderError(
                f"{self.path} is damaged or no SQLite file: {error}. `sqlite3 {self.path} .recover` may save its rows; "
                "move it away to start again, which asks and pays for every call again."
            ) from error


def _connect(address: str) -> sqlite3.Connection:
    # `fill` commits in a thread; the store's lock lets one thread in at a time.
    return sqlite3.connect(address, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _migrated_copy(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """An older store in the form of this version, for a caller who must not write to it; closes `connection`.

    The copy is a temporary database of SQLite's, which goes when it is closed. It does not see what others write later.
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

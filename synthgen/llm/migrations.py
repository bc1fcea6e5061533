"""The versions of the call store's file, and the migrations between them.

`PRAGMA user_version` is the version of a file. A new file takes the same steps as an old one, so both end up equal.
Each step is one transaction over tables, rows and the version number: a process killed in the middle leaves the file as
it was, so no backup is made. The first of two processes that open a store takes the step; the second waits, and finds
it taken.

The fact `synthgen` names the synthgen that brought the file to its version. A synthgen that is too old for a file names
the one that is needed.

To add a version, append a `Migration`. A step never changes once it is released, and it deletes no answer.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from synthgen.errors import DISTRIBUTION, RunFolderError

__all__ = ["APPLICATION_ID", "MIGRATIONS", "VERSION", "migrate", "transaction", "version_of"]

APPLICATION_ID = 0x53594E47  # "SYNG", in the header of the file

_CALL = {
    "key": "TEXT",
    "status": "TEXT NOT NULL CHECK (status IN ('ok', 'failed'))",
    "reason": "TEXT NOT NULL",
    "detail": "TEXT NOT NULL",
    "text": "TEXT NOT NULL",
    "finish_reason": "TEXT NOT NULL",
    "refusal": "TEXT",
    "model": "TEXT NOT NULL",
    "prompt": "INTEGER NOT NULL",
    "cached": "INTEGER NOT NULL",
    "written": "INTEGER NOT NULL",
    "output": "INTEGER NOT NULL",
    "estimated": "INTEGER NOT NULL",
    "attempts": "INTEGER NOT NULL",
    "duration_s": "REAL NOT NULL",
    "created": "TEXT NOT NULL",
}
_SINCE_2 = dict.fromkeys(("rate_limited", "uncounted", "batch"), "INTEGER NOT NULL DEFAULT 0")
_CALL_OF_2 = _CALL | _SINCE_2


def _columns(definitions: dict[str, str]) -> str:
    return ", ".join(f"{name} {definition}" for name, definition in definitions.items())


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: a description of the change, and its statements."""

    change: str
    statements: tuple[str, ...]


# The step at index n leads from version n to version n + 1. Version 0 is an empty file.
MIGRATIONS = (
    Migration("calls", (f"CREATE TABLE calls ({_columns(_CALL)}, PRIMARY KEY (key))",)),
    Migration(
        "what a call met on its way; calls that were replaced; facts about endpoints",
        (
            *(f"ALTER TABLE calls ADD COLUMN {name} {definition}" for name, definition in _SINCE_2.items()),
            f"CREATE TABLE replaced ({_columns(_CALL_OF_2)})",
            "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            f"""
            CREATE TRIGGER keep_replaced BEFORE UPDATE ON calls BEGIN
                INSERT INTO replaced ({", ".join(_CALL_OF_2)}) VALUES ({", ".join(f"OLD.{name}" for name in _CALL_OF_2)});
            END
            """,
        ),
    ),
    Migration(
        # Version 2 created these tables at the first batch, so a file of version 2 may have them.
        "batches, and the requests that wait in them, in every store; the synthgen that wrote it",
        (
            """
            CREATE TABLE IF NOT EXISTS batches (
                id TEXT PRIMARY KEY,
                run TEXT NOT NULL,
                endpoint TEXT NOT NULL,
                requests INTEGER NOT NULL,
                created TEXT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('submitting', 'open', 'closed')),
                file_id TEXT NOT NULL,
                batch_id TEXT NOT NULL,
                ended TEXT NOT NULL
            )
            """,
            "CREATE TABLE IF NOT EXISTS batched (key TEXT PRIMARY KEY, batch TEXT NOT NULL, step TEXT NOT NULL) WITHOUT ROWID",
            "CREATE INDEX IF NOT EXISTS batched_by_batch ON batched (batch)",
        ),
    ),
)
VERSION = len(MIGRATIONS)
_WRITER_SINCE = 3
_WRITER = "synthgen"


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the file at `path`, 0 when it is empty.

    Raises RunFolderError when it is the database of another program, or of a later synthgen than this one.
    """
    # The tables come first: another process may be creating them, in one commit with the values read next.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if not tables:
        return 0
    if owner != APPLICATION_ID or found < 1:
        raise RunFolderError(f"{path} is a database, but not a call store of synthgen. Give another path or move it away.")
    if found > VERSION:
        writer = _writer(connection)
        remedy = f"Run: pip install '{DISTRIBUTION}>={writer}'" if writer else f"Install a later {DISTRIBUTION}"
        raise RunFolderError(
            f"{path} is a call store of version {found}, written by {f'synthgen {writer}' if writer else 'a later synthgen'}. "
            f"This is synthgen {version(DISTRIBUTION)}, which reads versions up to {VERSION}. {remedy}, or give another path."
        )
    return int(found)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a store to the version of this synthgen, one transaction for each step. Raises what `version_of` raises."""
    while version_of(connection, path) < VERSION:
        with transaction(connection):
            done = version_of(connection, path)  # again: another process may have been first
            if done < VERSION:
                _step(connection, done)


def _step(connection: sqlite3.Connection, done: int) -> None:
    for statement in MIGRATIONS[done].statements:
        connection.execute(statement)
    if done + 1 >= _WRITER_SINCE:
        values = (_WRITER, json.dumps(version(DISTRIBUTION)))
        connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", values)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {done + 1}")


def _writer(connection: sqlite3.Connection) -> str:
    """Return the version of the synthgen that wrote a store; "" when it is not recorded in the present way."""
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (_WRITER,)).fetchone()
        return str(json.loads(row[0])) if row else ""
    except (sqlite3.OperationalError, ValueError, TypeError):
        return ""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run all of the statements inside, or none of them. Waits for another process that is writing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")

"""A store of any earlier version opens and serves every answer; one of a later version says which synthgen wrote it.

`stores/` holds what the synthgen of each version wrote, as `sqlite3 .dump` prints it.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from support.fills import keys_of

import synthgen
from synthgen.errors import RunFolderError
from synthgen.llm.batch.ledger import BatchBook, open_batches, waiting_keys
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.migrations import MIGRATIONS, VERSION
from synthgen.records import Completion, Usage

STORES = Path(__file__).parent / "stores"
OLD = range(1, VERSION)

ANSWERED = Completion("answered", "Bilbo\u2028😀", "stop", None, Usage(10, 4, 2, 3, True), "m-1")
REFUSED = Completion("refused", "", "stop", "I will not.", Usage(7, 0, 0, 1), "m-1")
SERVED = {
    1: [
        Call(ANSWERED, "ok", "", "", 2, 1.5, "2026-03-01T10:00:00+00:00"),
        Call(REFUSED, "failed", "refusal", "the model refused", 1, 0.0, "2026-03-01T10:00:01+00:00"),
        Call(
            Completion("mended", "I am sorry, Frodo.", usage=Usage(5, 0, 0, 1), model="m-1"),
            *("failed", "malformed", "no JSON", 1, 0.0, "2026-03-01T10:00:02+00:00"),
        ),
    ],
    2: [
        Call(ANSWERED, "ok", "", "", 2, 1.5, "2026-03-01T10:00:00+00:00", 3, 1),
        Call(REFUSED, "failed", "refusal", "the model refused", 1, 0.0, "2026-03-01T10:00:01+00:00"),
        Call(
            Completion("mended", "Sam", "stop", usage=Usage(5, 0, 0, 2), model="m-1"),
            *("ok", "", "", 1, 0.0, "2026-03-02T10:00:00+00:00"),
        ),
        Call(
            Completion("batched", "Pippin", "stop", usage=Usage(100, 0, 0, 50), model="m-1"),
            *("ok", "", "", 1, 0.0, "2026-03-02T10:00:01+00:00"),
            batch=True,
        ),
    ],
}
PAID = {1: Usage(22, 4, 2, 5, True), 2: Usage(127, 4, 2, 57, True)}


def old_store(version: int, path: Path, *, wal: bool = True) -> Path:
    """What the synthgen of that version left at `path`."""
    with closing(sqlite3.connect(path)) as connection:
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((STORES / f"version_{version}.sql").read_text(encoding="utf-8"))
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def schema_of(path: Path) -> dict[str, list[object]]:
    """Table -> its columns, as SQLite describes them."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
        return {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}


def test_every_old_version_has_a_store_here() -> None:
    assert [f"version_{version}.sql" for version in OLD] == sorted(path.name for path in STORES.iterdir())


@pytest.mark.parametrize("wal", [True, False], ids=["wal", "rollback"])
@pytest.mark.parametrize("read_only", [True, False], ids=["read", "write"])
@pytest.mark.parametrize("version", OLD)
def test_an_old_store_serves_every_answer(version: int, read_only: bool, wal: bool, tmp_path: Path) -> None:
    path = old_store(version, tmp_path / "calls.sqlite", wal=wal)
    with CallStore(path, read_only=read_only) as store:
        assert store.get_many(call.key for call in SERVED[version]) == {call.key: call for call in SERVED[version]}
        assert keys_of(store) == {call.key for call in SERVED[version]}
        totals = store.totals()
        assert totals.usage.plus(totals.batch_usage) == PAID[version]
        assert [batch.batch_id for batch in open_batches(store)] == ["batch_1"] * (version == 2)
        assert waiting_keys(store, ["waiting", "answered"]) == ({"waiting"} if version == 2 else set())
        assert store.recall("form") == ({"limit": "max_tokens", "dropped": ["seed"]} if version == 2 else None)


@pytest.mark.parametrize("version", OLD)
def test_reading_an_old_store_changes_no_byte_of_it(version: int, tmp_path: Path) -> None:
    path = old_store(version, tmp_path / "calls.sqlite", wal=False)
    before = path.read_bytes()
    with CallStore(path, read_only=True) as store, pytest.raises(RunFolderError, match="readonly"):
        store.put_many([Call(Completion("new", "Merry"))])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["calls.sqlite"]


@pytest.mark.parametrize("version", OLD)
def test_a_migrated_store_is_like_a_new_one_and_takes_new_calls(version: int, tmp_path: Path) -> None:
    path = old_store(version, tmp_path / "old.sqlite")
    with CallStore(path) as store, CallStore(tmp_path / "new.sqlite"):
        store.put_many([Call(Completion("refused", "Merry"), rate_limited=2, batch=True)])
        assert store.get("refused") == Call(Completion("refused", "Merry"), rate_limited=2, batch=True)
        assert [row[0] for row in store.execute("SELECT key FROM replaced WHERE key = 'refused'")] == ["refused"]
        BatchBook(store).claim({"next": "generate"}, run=".", endpoint="http://fake")
    assert version_of(path) == VERSION
    assert schema_of(path) == schema_of(tmp_path / "new.sqlite")


@pytest.mark.parametrize("version", OLD)
def test_an_old_store_is_merged_like_a_new_one(version: int, store: CallStore, tmp_path: Path) -> None:
    assert store.merge(old_store(version, tmp_path / "old.sqlite")) == len(SERVED[version])
    assert store.get("answered") == SERVED[version][0]


def test_a_store_says_which_synthgen_wrote_it(tmp_path: Path) -> None:
    for path in (tmp_path / "new.sqlite", old_store(2, tmp_path / "old.sqlite")):
        with CallStore(path) as store:
            assert store.recall("synthgen") == synthgen.__version__


@pytest.mark.parametrize("read_only", [True, False], ids=["read", "write"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("UPDATE facts SET value = '\"7.1.0\"' WHERE name = 'synthgen'", "written by synthgen 7.1.0. .* 'synthgen-rag>=7.1.0'"),
        ("DELETE FROM facts", "written by a later synthgen. .* Install a later synthgen-rag"),
        ("UPDATE facts SET value = '7.1' WHERE name = 'form'; DROP TABLE facts", "written by a later synthgen"),
        ("UPDATE facts SET value = 'no JSON'", "written by a later synthgen"),
    ],
)
def test_a_store_of_a_later_version_is_rejected_and_not_touched(
    change: str, sentence: str, read_only: bool, tmp_path: Path
) -> None:
    path = tmp_path / "calls.sqlite"
    with CallStore(path) as store:
        store.put_many([Call(ANSWERED)])
    with closing(sqlite3.connect(path)) as later:
        later.executescript(f"{change}; PRAGMA user_version = {VERSION + 4}; PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    with pytest.raises(RunFolderError, match=f"of version {VERSION + 4}, {sentence}"):
        CallStore(path, read_only=read_only)
    assert path.read_bytes() == before


OPEN_AND_DIE = """
import os, signal, sqlite3, sys
from synthgen.llm.call_store import CallStore

path, last = sys.argv[1], int(sys.argv[2])
connect, count = sqlite3.connect, 0

def counted(statement):
    global count
    count += 1
    if count > last:
        os.kill(os.getpid(), signal.SIGKILL)

def connected(*given, **more):
    connection = connect(*given, **more)
    connection.set_trace_callback(counted)
    return connection

sqlite3.connect = connected
CallStore(path).close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", OLD)
def test_a_kill_at_any_statement_of_a_migration_loses_nothing(version: int, tmp_path: Path) -> None:
    """The process dies before its 1st, 4th, … statement; what it leaves is a whole version, and opens."""
    seen = set()
    for last in range(0, 60, 3):
        path = old_store(version, tmp_path / f"calls-{last}.sqlite")
        done = subprocess.run([sys.executable, "-c", OPEN_AND_DIE, str(path), str(last)], check=False)
        assert done.returncode in (0, -signal.SIGKILL)
        seen.add(version_of(path))
        with CallStore(path) as store:
            assert store.get_many(call.key for call in SERVED[version]) == {call.key: call for call in SERVED[version]}
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert seen == set(range(version, VERSION + 1))


@pytest.mark.parametrize("version", [0, *OLD])
def test_several_processes_may_open_an_old_store_at_once(version: int, tmp_path: Path) -> None:
    path = old_store(version, tmp_path / "calls.sqlite") if version else tmp_path / "calls.sqlite"
    code = "import sys; from synthgen.llm.call_store import CallStore; CallStore(sys.argv[1], read_only=False).close()"
    opening = [subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in opening] == [(b"", 0)] * 4
    assert version_of(path) == VERSION


def test_a_step_that_fails_leaves_the_version_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = old_store(2, tmp_path / "calls.sqlite")
    broken = (*MIGRATIONS[:2], type(MIGRATIONS[2])("broken", (*MIGRATIONS[2].statements, "DROP TABLE calls", "no SQL")))
    monkeypatch.setattr("synthgen.llm.migrations.MIGRATIONS", broken)
    with pytest.raises(RunFolderError, match="syntax error"):
        CallStore(path)
    monkeypatch.undo()
    assert version_of(path) == 2
    with CallStore(path) as store:
        assert len(keys_of(store)) == len(SERVED[2])


def test_an_empty_file_is_read_as_an_empty_store(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").touch()
    with CallStore(tmp_path / "calls.sqlite", read_only=True) as store:
        assert store.totals().calls == 0
    assert (tmp_path / "calls.sqlite").read_bytes() == b""

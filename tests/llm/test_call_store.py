"""The call store: what was paid for is kept, once, and readable by anyone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from support.fills import keys_of

from synthgen.errors import RunFolderError
from synthgen.llm.call_store import Call, CallStore
from synthgen.records import Completion, Usage


def good(key: str, text: str = "Bilbo") -> Call:
    return Call(Completion(key, text))


def bad(key: str, reason: str = "timeout", text: str = "") -> Call:
    return Call(Completion(key, text, usage=Usage(5, 0, 0, 1)), "failed", reason)


def test_a_call_comes_back_as_it_was_put(store: CallStore) -> None:
    completion = Completion("k1", "Bilbo\u2028😀", "stop", None, Usage(10, 4, 2, 3, True), "m-1")
    call = Call(completion, "failed", "malformed", "no JSON", 2, 1.5, "2001-12-19", 3, 1, True)
    store.put_many([call])
    assert store.get("k1") == call
    assert store.get("k2") is None


def test_a_store_survives_closing_and_is_read_by_others_while_open(store: CallStore) -> None:
    store.put_many(good(f"k{number}") for number in range(600))
    with CallStore(store.path, read_only=True) as reader:
        assert len(reader.get_many(f"k{n}" for n in range(1000))) == 600
        assert len(keys_of(reader)) == 600


def test_a_good_answer_is_never_overwritten_and_a_failure_is(store: CallStore) -> None:
    store.put_many([bad("k")])
    store.put_many([good("k", "first")])
    store.put_many([good("k", "second")])
    store.put_many([bad("k")])
    found = store.get("k")
    assert found is not None
    assert (found.status, found.completion.text) == ("ok", "first")


def test_what_a_new_answer_replaces_keeps_its_text_and_its_price(store: CallStore) -> None:
    store.put_many([bad("k", "malformed", "I am sorry, Frodo.")])
    store.put_many([Call(Completion("k", "Sam", usage=Usage(5, 0, 0, 2)))])
    with sqlite3.connect(store.path) as reader:
        assert reader.execute("SELECT reason, text FROM replaced").fetchall() == [("malformed", "I am sorry, Frodo.")]
    totals = store.totals()
    assert (totals.ok, totals.failed, totals.usage, totals.attempts) == (1, {}, Usage(10, 0, 0, 3), 2)


def test_totals_are_sums_by_reason_with_batches_apart(store: CallStore) -> None:
    store.put_many([Call(Completion("a", "x", usage=Usage(10, 5, 1, 2)), attempts=2, rate_limited=3, uncounted=1)])
    store.put_many([Call(Completion("b", "", usage=Usage(7, 0, 0, 1, estimated=True)), "failed", "malformed")])
    store.put_many([Call(Completion("c", "y", usage=Usage(100, 0, 0, 50)), batch=True)])
    totals = store.totals()
    assert (totals.ok, totals.failed, totals.calls) == (2, {"malformed": 1}, 3)
    assert (totals.attempts, totals.rate_limited, totals.uncounted) == (4, 3, 1)
    assert totals.usage == Usage(17, 5, 1, 3, estimated=True)
    assert totals.batch_usage == Usage(100, 0, 0, 50)
    store.put_many([Call(Completion("d", "z", model="m", usage=Usage(1, 0, 0, 1)))])
    assert store.totals().used == {
        ("", False): Usage(17, 5, 1, 3, estimated=True),
        ("", True): Usage(100, 0, 0, 50),
        ("m", False): Usage(1, 0, 0, 1),
    }


def test_commits_are_durable(store: CallStore) -> None:
    def pragma(name: str) -> object:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert (pragma("journal_mode"), pragma("synchronous")) == ("wal", 2)


def test_several_calls_are_committed_all_or_none(store: CallStore) -> None:
    broken = Call(Completion("k2", "x"), status="neither")
    with pytest.raises(RunFolderError):
        store.put_many([good("k1"), broken])
    assert store.get("k1") is None
    store.put_many([good("k1")])
    assert store.get("k1") is not None


def test_stores_merge_by_key_and_answers_win_over_failures(store: CallStore, tmp_path: Path) -> None:
    store.put_many([good("both", "mine"), bad("mended"), good("only here")])
    with CallStore(tmp_path / "other.sqlite") as other:
        other.put_many([good("both", "theirs"), good("mended", "theirs"), good("only there"), bad("only here")])
    assert store.merge(tmp_path / "other.sqlite") == 2
    texts = {key: store.get(key).completion.text for key in keys_of(store)}
    assert texts == {"both": "mine", "mended": "theirs", "only here": "Bilbo", "only there": "Bilbo"}
    assert store.merge(tmp_path / "other.sqlite") == 0


def test_facts_are_remembered(store: CallStore) -> None:
    store.remember("form", {"limit": "max_tokens", "dropped": ["seed"]})
    store.remember("form", {"limit": "max_completion_tokens"})
    with CallStore(store.path, read_only=True) as reader:
        assert reader.recall("form") == {"limit": "max_completion_tokens"}
        assert reader.recall("nothing") is None


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.sqlite").write_text("One ring to rule them all. " * 100)
    with pytest.raises(RunFolderError, match="damaged or no SQLite file"):
        CallStore(tmp_path / "notes.sqlite")
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE rings (bearer TEXT)")
    other.close()
    with pytest.raises(RunFolderError, match="not a call store"):
        CallStore(tmp_path / "other.sqlite")
    with pytest.raises(RunFolderError, match="cannot be used"):
        CallStore(tmp_path / "no" / "folder.sqlite")
    with pytest.raises(RunFolderError, match="no call was made yet"):
        CallStore(tmp_path / "none.sqlite", read_only=True)

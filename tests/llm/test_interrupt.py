"""Loops, interrupts, cancellation: nothing finished is lost, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.fills import always, ask, endpoint_for, keys_of, run

from synthgen.errors import ModelError, RunFolderError
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.fill import FillReport, fill
from synthgen.records import Event
from synthgen.testing import FakeOpenAI, Fault


def test_the_sync_door_opens_inside_a_running_loop(store: CallStore) -> None:
    async def notebook_cell() -> FillReport:
        return run(server, store, ask(5))

    with FakeOpenAI() as server:
        assert asyncio.run(notebook_cell()).ok == 5


def test_an_error_passes_through_the_sync_door(store: CallStore) -> None:
    async def notebook_cell() -> FillReport:
        return run(server, store, ask(5))

    with FakeOpenAI(script=always(Fault("error", status=401))) as server, pytest.raises(ModelError):
        asyncio.run(notebook_cell())


def test_a_listener_that_fails_ends_the_fill_with_its_error_and_keeps_what_is_finished(store: CallStore) -> None:
    def listen(event: Event) -> None:
        if event.done > 3:
            raise ValueError("enough")

    with FakeOpenAI(latency_s=0.05) as server:
        settings = endpoint_for(server, concurrency=2)
        with pytest.raises(ValueError, match="enough"):
            asyncio.run(fill(ask(200), store, settings, on_event=listen))
        assert 3 < len(server.log) < 100
        assert sorted(server.keys) == sorted(keys_of(store))


def test_a_listener_that_fails_takes_the_place_of_no_error(store: CallStore) -> None:
    def listen(event: Event) -> None:
        if event.message:
            raise ValueError("no farewell")

    async def cancelled() -> None:
        task = asyncio.create_task(fill(ask(5), store, endpoint_for(server), on_event=listen))
        while not server.log:
            await asyncio.sleep(0.005)
        task.cancel()
        await task

    with FakeOpenAI(latency_s=0.3) as server, pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_answers_whose_commit_failed_are_committed_at_the_end(store: CallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_many, refused = CallStore.put_many, set[str]()

    def full_disk_once(store: CallStore, calls: Iterable[Call]) -> None:
        calls = list(calls)
        if len(server.log) > 20 and not refused:
            refused.update(call.key for call in calls)
            raise RunFolderError("The disk is full.")
        put_many(store, calls)

    monkeypatch.setattr(CallStore, "put_many", full_disk_once)
    with FakeOpenAI(latency_s=0.02) as server, pytest.raises(RunFolderError, match="disk is full"):
        run(server, store, ask(100), concurrency=4)
    assert refused
    assert refused <= keys_of(store)


def press_when(finished: int, store: CallStore) -> threading.Thread:
    """Ctrl-C as soon as `finished` calls are stored."""

    def wait_and_press() -> None:
        with CallStore(store.path, read_only=True) as reader:
            while reader.totals().calls < finished:
                time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait_and_press)
    thread.start()
    return thread


@pytest.mark.parametrize("place", ["script", "asyncio.run", "notebook"])
def test_ctrl_c_keeps_what_is_finished_and_nothing_is_asked_twice(store: CallStore, place: str) -> None:
    async def cell() -> FillReport:
        return run(server, store, ask(120), concurrency=4)

    def interrupted() -> object:
        if place == "script":
            return run(server, store, ask(120), concurrency=4)
        if place == "asyncio.run":
            return asyncio.run(cell())
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            return loop.run_until_complete(cell())

    with FakeOpenAI(latency_s=0.05) as server:
        presser = press_when(10, store)
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        presser.join()
        saved = keys_of(store)
        asked = len(server.log)
        assert 10 <= len(saved) <= asked <= len(saved) + 8
        assert len(saved) < 80, "the fill went on after Ctrl-C"
        run(server, store, ask(120), concurrency=16)
        assert not saved & set(server.keys[asked:])
    assert store.totals().ok == 120


def test_cancelling_the_fill_leaves_no_call_behind(store: CallStore) -> None:
    async def main() -> int:
        task = asyncio.create_task(fill(ask(200), store, endpoint_for(server, concurrency=4)))
        while store.totals().ok < 8:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)  # what was on its way arrives
        asked = len(server.log)
        await asyncio.sleep(0.1)
        return len(server.log) - asked

    with FakeOpenAI(latency_s=0.02) as server:
        assert asyncio.run(main()) == 0


@pytest.mark.asyncio
async def test_the_async_door_works_in_somebody_elses_loop(tmp_path: Path) -> None:
    with CallStore(tmp_path / "calls.sqlite") as store, FakeOpenAI() as server:
        both = await asyncio.gather(
            fill(ask(5), store, endpoint_for(server)), fill(ask(5, text="Ent {0} is slow."), store, endpoint_for(server))
        )
        assert [report.ok for report in both] == [5, 5]


def test_after_ctrl_c_calls_in_flight_may_finish_and_no_new_one_is_sent(store: CallStore) -> None:
    events: list[Event] = []

    async def main() -> None:
        task = asyncio.create_task(fill(ask(50), store, endpoint_for(server, concurrency=4), on_event=events.append))
        while len(server.log) < 9:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with FakeOpenAI(latency_s=0.3) as server:
        asyncio.run(main())
        assert len(server.log) == store.totals().ok, "whatever was sent was waited for, and kept"
        assert 9 <= len(server.log) <= 13
    assert "calls in flight may finish for 5 s; Ctrl-C again ends at once" in events[-1].message


@pytest.mark.slow
def test_grace_ends(store: CallStore) -> None:
    async def main() -> float:
        task = asyncio.create_task(fill(ask(50), store, endpoint_for(server, concurrency=4, grace_s=0.2)))
        while len(server.log) < 6:
            await asyncio.sleep(0.005)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    with FakeOpenAI(script=lambda request: Fault("slow") if len(server.log) > 3 else None) as server:
        assert 0.1 < asyncio.run(main()) < 30


def test_a_second_cancellation_ends_at_once(store: CallStore) -> None:
    async def main() -> float:
        task = asyncio.create_task(fill(ask(50), store, endpoint_for(server, concurrency=4, grace_s=60)))
        while len(server.log) < 6:
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.sleep(0.2)
        assert not task.done()
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    with FakeOpenAI(script=lambda request: Fault("slow") if len(server.log) > 3 else None) as server:
        assert asyncio.run(main()) < 30

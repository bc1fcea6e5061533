"""Places for calls in flight, whose number changes while calls wait."""

from __future__ import annotations

import asyncio

from support.virtual_time import run

from synthgen.llm.rate_limit.call_slots import CallSlots
from synthgen.llm.rate_limit.concurrency import AdaptiveConcurrency


class Calls:
    """Calls that hold a place until they are ended, and `entered` in this order."""

    def __init__(self, places: int) -> None:
        self.concurrency = AdaptiveConcurrency(places, lambda: 0.0)
        self.slots = CallSlots(self.concurrency)
        self.entered: list[int] = []
        self._ends: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def start(self, *names: int) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._call(name))
        await settled()

    async def end(self, *names: int) -> None:
        for name in names:
            self._ends[name].set()
        await settled()

    async def resize(self, places: int) -> None:
        self.concurrency.limit = places
        self.slots.answered(1, 1.0, 0)
        await settled()

    def cancel(self, name: int) -> None:
        self._tasks[name].cancel()

    async def _call(self, name: int) -> None:
        async with self.slots:
            self.entered.append(name)
            await self._ends[name].wait()


async def settled() -> None:
    await asyncio.sleep(1)


def test_calls_enter_in_the_order_of_arrival() -> None:
    async def main() -> None:
        calls = Calls(2)
        await calls.start(0, 1, 2, 3, 4)
        assert calls.entered == [0, 1]
        await calls.end(1)
        assert calls.entered == [0, 1, 2]
        await calls.start(5)
        await calls.end(0, 2)
        assert calls.entered == [0, 1, 2, 3, 4]
        await calls.end(3, 4)
        assert calls.entered == [0, 1, 2, 3, 4, 5]

    run(main())


def test_nobody_overtakes_a_call_whose_turn_has_come() -> None:
    async def main() -> None:
        calls = Calls(1)
        await calls.start(0, 1, 2)
        calls._ends[0].set()
        await calls.start(3)  # arrives in the same moment
        assert calls.entered == [0, 1]
        await calls.end(1, 2)
        assert calls.entered == [0, 1, 2, 3]

    run(main())


def test_fewer_places_hold_back_those_that_wait_and_nobody_else() -> None:
    async def main() -> None:
        calls = Calls(4)
        await calls.start(*range(8))
        await calls.resize(2)
        await calls.end(0, 1)
        assert calls.entered == [0, 1, 2, 3]
        await calls.end(2)
        assert calls.entered == [0, 1, 2, 3, 4]

    run(main())


def test_more_places_are_taken_at_once() -> None:
    async def main() -> None:
        calls = Calls(1)
        await calls.start(*range(6))
        await calls.resize(4)
        assert calls.entered == [0, 1, 2, 3]
        await calls.resize(2)
        await calls.resize(5)
        assert calls.entered == [0, 1, 2, 3, 4]

    run(main())


def test_a_cancelled_call_that_waits_loses_no_place() -> None:
    async def main() -> None:
        calls = Calls(2)
        await calls.start(*range(6))
        calls.cancel(2)
        calls.cancel(4)
        await settled()
        assert calls.entered == [0, 1]
        await calls.end(0, 1)
        assert calls.entered == [0, 1, 3, 5]
        await calls.start(6, 7)
        await calls.end(3, 5)
        assert calls.entered == [0, 1, 3, 5, 6, 7]

    run(main())


def test_a_call_that_is_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    async def main() -> None:
        calls = Calls(1)
        await calls.start(0, 1, 2)
        await calls.slots.__aexit__(None, None, None)  # as call 0 does, before the next one has run
        calls.cancel(1)
        await settled()
        assert calls.entered == [0, 2]

    run(main())


def test_a_call_that_fails_or_is_cancelled_frees_its_place() -> None:
    async def main() -> None:
        calls = Calls(1)
        await calls.start(0, 1)
        calls.cancel(0)
        await settled()
        assert calls.entered == [0, 1]
        await calls.end(1)
        try:
            async with calls.slots:
                raise ValueError("a broken answer")
        except ValueError:
            pass
        await calls.start(2)
        assert calls.entered == [0, 1, 2]

    run(main())

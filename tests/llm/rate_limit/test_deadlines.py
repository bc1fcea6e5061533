"""When a call is given up, on a virtual clock. The time of a call is 10 s, and is looked at every half second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from support.virtual_time import run

from synthgen.llm.rate_limit.deadlines import Deadlines

ALLOWED_S, CHECK_S = 10.0, 0.5


class Calls:
    """Calls with deadlines. `ended` says when each ended, and whether it was answered; `given_s` how long it had."""

    def __init__(self, slowest_s: float = 0.0) -> None:
        self.slowest_s = slowest_s
        self.deadlines = Deadlines(ALLOWED_S, lambda: self.slowest_s, now)
        self.ended: dict[str, tuple[float, bool]] = {}
        self.given_s: dict[str, float | None] = {}

    async def call(self, name: str, answer: Callable[[], Coroutine[None, None, object]], *, given_up: int = 0) -> None:
        deadline, answered = self.deadlines.start(given_up), False
        try:
            async with deadline.bound:
                await answer()
                answered = True
        except TimeoutError:
            pass
        finally:
            self.deadlines.end(deadline, answered=answered)
        self.ended[name], self.given_s[name] = (now(), answered), deadline.given_s

    @property
    def lost(self) -> set[str]:
        return {name for name, (_, answered) in self.ended.items() if not answered}


def now() -> float:
    return asyncio.get_running_loop().time()


def after(seconds: float) -> Callable[[], Coroutine[None, None, object]]:
    return lambda: asyncio.sleep(seconds)


def queue(slots: int, work_s: float) -> Callable[[], Coroutine[None, None, object]]:
    """A server that works on `slots` calls, in the order of arrival."""
    free = asyncio.Semaphore(slots)

    async def answer() -> None:
        async with free:
            await asyncio.sleep(work_s)

    return answer


@pytest.mark.parametrize("work_s", [0.1, 5.0, 9.0])
@pytest.mark.parametrize("slots", [1, 2, 8])
def test_a_call_in_a_queue_is_never_given_up(slots: int, work_s: float) -> None:
    async def main() -> None:
        calls, server = Calls(), queue(slots, work_s)
        await asyncio.gather(*(calls.call(str(i), server) for i in range(64)))
        assert calls.lost == set()
        assert now() == pytest.approx(64 / slots * work_s)

    run(main())


def test_a_call_that_others_overtake_is_given_up() -> None:
    async def main() -> None:
        calls = Calls()
        lost = asyncio.create_task(calls.call("lost", asyncio.Event().wait))
        await asyncio.sleep(0)
        for i in range(20):
            await calls.call(str(i), after(1.0))
        await lost
        ended_at, answered = calls.ended["lost"]
        assert not answered
        assert ALLOWED_S <= ended_at <= ALLOWED_S + 2 * CHECK_S
        assert calls.given_s["lost"] == ALLOWED_S
        assert calls.lost == {"lost"}

    run(main())


def test_a_call_has_its_time_from_the_last_answer_to_an_earlier_one() -> None:
    async def main() -> None:
        calls = Calls()
        await asyncio.gather(
            calls.call("first", after(3.0)), calls.call("second", after(9.0)), calls.call("lost", asyncio.Event().wait)
        )
        assert calls.lost == {"lost"}
        assert calls.ended["lost"][0] == pytest.approx(9.0 + ALLOWED_S, abs=2 * CHECK_S)

    run(main())


def test_only_answers_show_that_a_server_gets_on() -> None:
    async def refused() -> None:
        await asyncio.sleep(5.0)
        raise ConnectionError

    async def main() -> None:
        calls = Calls()
        first = asyncio.create_task(calls.call("first", refused))
        await asyncio.sleep(0)
        await calls.call("lost", asyncio.Event().wait)
        assert calls.ended["lost"][0] == pytest.approx(ALLOWED_S, abs=2 * CHECK_S)
        assert isinstance(first.exception(), ConnectionError)

    run(main())


def test_a_server_that_hangs_loses_all_calls_at_once() -> None:
    async def main() -> None:
        calls = Calls()
        await asyncio.gather(*(calls.call(str(i), asyncio.Event().wait) for i in range(64)))
        assert len(calls.lost) == 64
        assert all(at == pytest.approx(ALLOWED_S, abs=2 * CHECK_S) for at, _ in calls.ended.values())

    run(main())


@pytest.mark.parametrize(("slowest_s", "allowed_s"), [(0.0, 10.0), (3.0, 10.0), (20.0, 60.0), (200.0, 600.0)])
def test_slow_answers_lengthen_the_time(slowest_s: float, allowed_s: float) -> None:
    async def main() -> None:
        calls = Calls(slowest_s)
        await asyncio.gather(calls.call("lost", asyncio.Event().wait), calls.call("slow", after(0.9 * allowed_s)))
        assert calls.lost == {"lost"}
        assert calls.given_s["lost"] == allowed_s
        assert calls.ended["lost"][0] == pytest.approx(allowed_s, abs=2 * CHECK_S)

    run(main())


@pytest.mark.parametrize("given_up", [0, 1, 2, 3])
def test_the_next_attempt_has_twice_as_long(given_up: int) -> None:
    async def main() -> None:
        calls = Calls()
        await calls.call("lost", asyncio.Event().wait, given_up=given_up)
        assert calls.given_s["lost"] == ALLOWED_S * 2**given_up
        assert calls.ended["lost"][0] == pytest.approx(ALLOWED_S * 2**given_up, abs=2 * CHECK_S)

    run(main())


def test_nothing_is_looked_at_while_nothing_is_in_flight() -> None:
    async def main() -> None:
        calls = Calls()
        await calls.call("first", after(1.0))
        await asyncio.sleep(5.0)
        assert calls.deadlines._next is None
        await calls.call("lost", asyncio.Event().wait)
        assert calls.ended["lost"][0] == pytest.approx(6.0 + ALLOWED_S, abs=2 * CHECK_S)
        calls.deadlines.start(0)
        calls.deadlines.close()
        assert calls.deadlines._next is None

    run(main())

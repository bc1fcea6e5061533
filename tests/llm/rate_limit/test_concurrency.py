"""How many calls a server works on: learned from answers of simulated servers, and what people are told of it."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

import pytest

from synthgen.llm.rate_limit.concurrency import AdaptiveConcurrency


class Served:
    """A server with `slots` that works on calls in the order of arrival, and a client that keeps as many in flight as may be.

    The first call goes alone, as in the engine.
    """

    def __init__(self, slots: int, asked: int, duration_s: Callable[[], float]) -> None:
        self.now = 0.0
        self.slots = slots
        self.concurrency = AdaptiveConcurrency(asked, lambda: self.now)
        self._duration_s = duration_s
        self._queue: list[tuple[float, int]] = []  # when sent, and as which one in flight
        self._working: list[tuple[float, int, float, int]] = []  # until when, and the call as above
        self._numbers = itertools.count()
        self._first = True

    @property
    def in_flight(self) -> int:
        return len(self._queue) + len(self._working)

    def answer(self, calls: int) -> None:
        """Let the next `calls` be answered."""
        for _ in range(calls):
            while self.in_flight < (1 if self._first else self.concurrency.limit):
                self._queue.append((self.now, self.in_flight + 1))
            while self._queue and len(self._working) < self.slots:
                sent_at, number = self._queue.pop(0)
                heapq.heappush(self._working, (self.now + self._duration_s(), next(self._numbers), sent_at, number))
            self.now, _, sent_at, number = heapq.heappop(self._working)
            self._first = False
            self.concurrency.answered(number, self.now - sent_at, self.in_flight)

    def learn(self, within: int) -> int | None:
        """Let `within` calls be answered, or fewer until the number at work is learned. Returns that number."""
        while within and self.concurrency.at_work is None:
            self.answer(1)
            within -= 1
        return self.concurrency.at_work


def constant() -> float:
    return 3.0


def uneven(seed: int, spread: float) -> Callable[[], float]:
    chance = random.Random(seed)
    return lambda: chance.lognormvariate(1.0, spread)


@pytest.mark.parametrize(
    ("slots", "asked", "spread", "off", "learned"),
    [
        (1, 16, 0.0, 0, 20),
        (1, 16, 0.3, 0, 20),
        (1, 64, 0.0, 0, 20),
        (1, 64, 0.3, 0, 20),
        (2, 16, 0.0, 0, 20),
        (2, 16, 0.3, 1, 10),
        (2, 64, 0.0, 0, 20),
        (2, 64, 0.3, 1, 20),
        (8, 64, 0.1, 3, 0),  # a quarter of these calls is not enough to fill the slots: unknown, but never wrong
        (8, 64, 0.3, 3, 0),
        (8, 128, 0.0, 0, 20),
        (8, 128, 0.1, 2, 20),
        (8, 128, 0.3, 3, 20),
    ],
)
def test_the_number_at_work_is_learned_from_a_queue(slots: int, asked: int, spread: float, off: int, learned: int) -> None:
    """In `learned` of 20 runs at least, and then it is right but for `off`."""
    found = []
    for seed in range(20):
        server = Served(slots, asked, uneven(seed, spread) if spread else constant)
        at_work = server.learn(within=3 * asked)
        if at_work is not None:
            found.append(at_work)
            assert server.concurrency.limit == 2 * at_work + 2
    assert all(abs(at_work - slots) <= off for at_work in found), found
    assert len(found) >= learned


@pytest.mark.parametrize("spread", [0.0, 0.2, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("asked", [8, 16, 64, 512])
def test_a_server_that_works_on_all_calls_at_once_is_never_slowed(asked: int, spread: float) -> None:
    for seed in range(5 if asked == 512 else 20):
        server = Served(asked, asked, uneven(seed, spread) if spread else constant)
        server.answer(2 * asked + 200)
        assert (server.concurrency.at_work, server.concurrency.limit) == (None, asked), seed


def test_calls_that_take_no_time_show_nothing() -> None:
    concurrency = AdaptiveConcurrency(8, lambda: 0.0)
    for number in [*[1] * 40, *range(1, 9), *range(1, 9), *[8] * 8]:
        concurrency.answered(number, 0.0, 0)
    assert concurrency.at_work is None


@pytest.mark.parametrize(("before", "after"), [(1, 4), (2, 16), (4, 64)])
def test_a_server_that_gets_more_slots_is_used_again(before: int, after: int) -> None:
    server = Served(before, 64, uneven(1, 0.1))
    assert server.learn(within=200) is not None
    assert server.concurrency.limit <= 3 * before + 4
    server.slots = after
    server.answer(3_000)
    assert server.concurrency.limit >= after
    assert server.concurrency.at_work is not None
    assert server.concurrency.at_work >= after / 2 - 1


def test_a_server_that_stays_as_it_is_is_seldom_asked_for_more() -> None:
    server = Served(1, 64, uneven(3, 0.2))
    server.answer(200)
    most, above = server.concurrency.limit, 0
    usual = server.concurrency.limit
    for _ in range(2_000):
        server.answer(1)
        usual = min(usual, server.concurrency.limit)
        most = max(most, server.concurrency.limit)
        above += server.concurrency.limit > usual
    assert usual <= 4
    assert most <= 9
    assert above <= 0.25 * 2_000


def test_one_slow_answer_shows_nothing() -> None:
    concurrency = AdaptiveConcurrency(16, lambda: 0.0)
    for number, duration_s in [*((number, 1.0) for number in [1, 2, 3, 4, *[16] * 7]), (16, 100.0)]:
        concurrency.answered(number, duration_s, 0)
    assert concurrency.at_work is None


@pytest.mark.parametrize("asked", [1, 2, 4, 7])
def test_with_few_calls_in_flight_nothing_is_learned(asked: int) -> None:
    server = Served(1, asked, constant)
    for _ in range(8):
        server.concurrency.answered(1, 3.0, 0)
    server.answer(500)
    assert (server.concurrency.at_work, server.concurrency.limit) == (None, asked)


@pytest.mark.parametrize(
    ("slots", "most", "told"),
    [
        (1, 64, "the server works on 1 at a time, 4 are in flight at most"),
        (2, 64, "the server works on 2 at a time, 6 are in flight at most"),
        (64, 64, ""),
        (2, 4, ""),
    ],
)
def test_the_calls_that_a_server_works_on_are_told(slots: int, most: int, told: str) -> None:
    """After a first call alone all are sent at once, and take a second each at `slots` places."""
    concurrency = AdaptiveConcurrency(most, lambda: 0.0)
    concurrency.answered(1, 1.0, 0)
    assert concurrency.findings == ""
    for number in range(1, most + 1):
        concurrency.answered(number, float(-(-number // slots)), most - number)
    assert concurrency.findings == told

"""When all calls may go, when one at a time tries, and when patience ends."""

from __future__ import annotations

import pytest

from synthgen.llm.failure import Failure
from synthgen.llm.rate_limit import circuit_breaker as health_module
from synthgen.llm.rate_limit.circuit_breaker import Health

DOWN = Failure("attempt", "server_error", "500: smaug")
LATER = Failure("attempt", "rate_limited", "429: wait", busy=True)
BUSY = Failure("attempt", "server_error", "503: wait", busy=True)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_ten_failures_in_a_row_close_it_and_one_answer_opens_it_again() -> None:
    health = Health(600)
    for _ in range(9):
        health.failed(DOWN)
    health.answered()
    for _ in range(9):
        health.failed(DOWN)
    assert not health.down
    health.failed(DOWN)
    assert health.down
    health.answered()
    assert not health.down


def test_pauses_grow_and_never_reach_beyond_the_end_of_patience() -> None:
    clock = Clock()
    health = Health(100, clock=clock)
    assert health.pause_s() == 0
    for _ in range(10):
        health.failed(DOWN)
    pauses = []
    while not health.hopeless:
        pauses.append(health.pause_s())
        clock.now += pauses[-1]
        health.failed(DOWN)
    assert pauses[0] == health_module._FIRST_PAUSE_S
    assert pauses[:-1] == sorted(pauses[:-1])
    assert sum(pauses) == pytest.approx(100)


def test_being_turned_away_all_the_time_ends_patience_and_being_let_through_renews_it() -> None:
    clock = Clock()
    health = Health(10, clock=clock)
    health.failed(LATER)
    clock.now += 9
    health.failed(LATER)
    assert not health.hopeless
    assert not health.down, "a 429 closes no gate: the limiter slows down"
    health.answered()
    clock.now += 9
    health.failed(LATER)
    assert not health.hopeless
    clock.now += 10
    assert health.hopeless


def test_two_failures_are_no_outage_and_three_are_when_nothing_came_between() -> None:
    clock = Clock()
    health = Health(10, clock=clock)
    for _ in range(2):
        health.failed(DOWN)
        clock.now += 60
    assert not health.hopeless
    health.failed(DOWN)
    assert health.hopeless


def test_one_503_is_enough_when_nobody_may_ask_again_before_patience_ends() -> None:
    """The limiter shuts its door for as long as the server said: no second failure may come."""
    clock = Clock()
    health = Health(10, clock=clock)
    health.failed(BUSY)
    clock.now += 9
    assert not health.hopeless
    clock.now += 1
    assert health.hopeless


def test_time_between_two_fills_is_not_spent_waiting() -> None:
    clock = Clock()
    health = Health(10, clock=clock)
    for _ in range(10):
        health.failed(DOWN)
    clock.now += 600
    health.begin()
    health.failed(DOWN)
    assert (health.down, health.heard, health.hopeless) == (True, True, False)


def test_no_patience_gives_a_single_failure_a_chance() -> None:
    clock = Clock()
    health = Health(0, clock=clock)
    health.failed(LATER)
    assert not health.hopeless
    clock.now += 0.01
    health.failed(LATER)
    assert health.hopeless


def test_three_tries_that_find_nobody_are_enough_before_the_first_answer_only() -> None:
    nobody = Failure("attempt", "connection", "refused", no_contact=True)
    health = Health(600)
    assert health.pause_s() == 0
    health.failed(nobody)
    health.failed(nobody)
    assert health.pause_s() > 0, "a server that is just starting gets a second"
    assert not health.nobody_there
    health.failed(nobody)
    assert health.nobody_there
    health = Health(600)
    health.answered()
    for _ in range(5):
        health.failed(nobody)
    assert not health.nobody_there


def test_only_an_answer_of_some_kind_is_being_heard() -> None:
    health = Health(600)
    health.failed(Failure("attempt", "connection", "refused", no_contact=True))
    health.failed(Failure("attempt", "timeout", "nothing"))
    assert not health.heard
    health.failed(DOWN)
    assert health.heard

"""What the last minute says about a limit per minute."""

from __future__ import annotations

import pytest
from support.simulated_endpoint import Server, Sliding, Traffic, simulate

from synthgen.llm.rate_limit.last_minute import LastMinute


def minute(accepted: int, sent: int, *, most: float | None = None) -> LastMinute:
    """At the time 100; the first of these was sent at 50."""
    last = LastMinute()
    last.update(100.0, accepted=accepted, sent=sent, oldest_at=50.0, first_at=0.0)
    if most is not None:
        last.hold(most)
    return last


@pytest.mark.parametrize(
    ("accepted", "most", "waits"),
    [(59, 60, False), (60, 60, True), (70, 60, True), (70, None, False)],
)
def test_no_more_are_sent_than_a_minute_takes(accepted: int, most: float | None, waits: bool) -> None:
    assert minute(accepted, accepted, most=most).wait_s(1.0) == (10.5 if waits else 0.0)


def test_a_minute_of_a_few_requests_says_nothing() -> None:
    """One more or less is much of them."""
    last = minute(8, 8, most=8)
    assert (last.wait_s(0.1), last.is_full, last.is_below) == (0.0, False, False)


@pytest.mark.parametrize(
    ("accepted", "sent", "full", "used", "below"),
    [
        (60, 60, True, True, False),
        (69, 70, False, True, False),
        (57, 60, True, True, False),
        (50, 60, False, True, True),
        (30, 30, False, False, True),
    ],
)
def test_a_minute_is_full_or_used_or_below(accepted: int, sent: int, full: bool, used: bool, below: bool) -> None:
    last = minute(accepted, sent, most=60)
    assert (last.is_full, last.is_used(1.0), last.is_below) == (full, used, below)


def test_where_the_limit_is_of_another_kind_a_minute_says_nothing() -> None:
    last = minute(30, 30, most=60)
    last.forget()
    assert (last.wait_s(0.1), last.is_full, last.is_used(1.0), last.is_below) == (0.0, False, True, False)


def test_the_rate_counts_from_the_first_request_on() -> None:
    last = LastMinute()
    last.update(110.0, accepted=40, sent=50, oldest_at=100.0, first_at=100.0)
    assert last.accepted_per_s == 4.0
    last.update(300.0, accepted=121, sent=121, oldest_at=240.0, first_at=100.0)
    assert last.accepted_per_s == 2.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_pause_is_not_followed_by_another_one_a_minute_later(seed: int) -> None:
    """The hole that it leaves in a sliding minute is room for a higher rate, and a minute later there is none."""
    server = Server(requests=Sliding(600), slow_refusals=True)
    outcome = simulate(server, in_flight=64, duration_s=480, traffic=Traffic(latency_s=2.0), seed=seed)
    seconds = [0] * 480
    for at, _, taken in outcome.arrivals:
        seconds[int(at)] += not taken
    assert max(seconds[200:]) <= 6
    assert outcome.rate(200, 480) >= 0.94 * 600

"""How long calls take, by a clock of the test."""

from __future__ import annotations

from synthgen.llm.call_times import CallTimes


def test_calls_in_flight_and_answered_calls_are_timed_apart() -> None:
    now = 100.0
    times = CallTimes(lambda: now)
    assert (times.in_flight_s, times.mean_s, times.slow_s) == (0, 0, 0)
    first, second = times.begin(), times.begin()
    now = 103.0
    third = times.begin()
    now = 104.0
    assert times.in_flight_s == 4 + 4 + 1
    times.end(first, answered=True)
    times.end(third, answered=False)  # a refusal at once says nothing of how long an answer takes
    assert times.in_flight_s == 4
    assert times.mean_s == times.slow_s == 4
    times.end(second, answered=True)
    assert times.in_flight_s == 0


def test_the_recent_calls_count() -> None:
    now = 0.0
    times = CallTimes(lambda: now)
    for duration_s in [50.0] * 300 + [1.0] * 180 + [9.0] * 20:
        began = times.begin()
        now += duration_s
        times.end(began, answered=True)
    assert times.mean_s == (180 + 20 * 9) / 200
    assert times.slow_s == 9

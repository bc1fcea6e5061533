"""The time left is near the truth over simulated runs, steady from line to line, and absent where nothing is known."""

from __future__ import annotations

import pytest
from support.simulated_progress import KINDS, PLAIN_LINE_S, TERMINAL_LINE_S, Judged, judge, simulated_run

from synthgen.cli.time_left import TimeLeft
from synthgen.records import Meter


def _judged(seed: int, line_s: float) -> Judged:
    estimate = TimeLeft()
    return judge(simulated_run(seed, longest_s=900.0), line_s, estimate.observe, estimate.shown)


@pytest.mark.slow
def test_most_lines_are_near_the_truth_and_no_line_jumps() -> None:
    runs = [_judged(seed, PLAIN_LINE_S) for seed in range(20_000, 20_000 + 4 * len(KINDS))]
    assert max(run.longest_step for run in runs) <= 1.5 + 1e-9
    assert sum(run.absent for run in runs) == 0
    assert sum(run.near for run in runs) >= 0.8 * sum(run.lines for run in runs), (
        "runs of minutes are harder than those of an hour"
    )


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(KINDS)), ids=KINDS)
def test_no_line_of_a_terminal_jumps(place: int) -> None:
    run = _judged(30_000 + place, TERMINAL_LINE_S)
    assert run.lines > 20
    assert run.longest_step <= 1.5 + 1e-9


def test_nothing_is_said_before_anything_is_known_and_after_the_end() -> None:
    estimate = TimeLeft()
    assert estimate.shown() is None
    for done in range(4):
        estimate.observe(float(done), done, 10)
        assert estimate.shown() is None
    estimate.observe(4.0, 4, 10)
    assert estimate.shown() == pytest.approx(6, rel=0.2)
    estimate.observe(10.0, 10, 10)
    assert estimate.shown() is None


def test_a_slow_first_step_is_not_extrapolated() -> None:
    estimate = TimeLeft()
    for step in range(1, 101):
        estimate.observe(60 + 0.1 * step, step, 1_000)
    assert estimate.shown() == pytest.approx(90, rel=0.1)


def test_answers_from_the_store_do_not_count_for_the_pace() -> None:
    estimate = TimeLeft()
    for second in range(101):
        meter = Meter(finished=second, reused=5_000, in_flight=1, call_s=1.0, slow_call_s=1.0, elapsed_s=float(second))
        estimate.observe(float(second), 5_000 + second, 6_000, meter)
    assert estimate.shown() == pytest.approx(900, rel=0.05)


def test_between_two_waves_the_estimate_counts_down() -> None:
    estimate, shown = TimeLeft(), []
    for tenth in range(1_200):  # 64 calls of 20 s each, begun together
        elapsed_s = tenth / 10
        waves, age_s = divmod(elapsed_s, 20.0)
        meter = Meter(
            finished=64 * int(waves), in_flight=64, in_flight_s=64 * age_s, call_s=20.0, slow_call_s=20.0, elapsed_s=elapsed_s
        )
        estimate.observe(elapsed_s, meter.finished, 1_280, meter)
        if tenth % 10 == 0:
            shown.append((elapsed_s, estimate.shown()))
    for elapsed_s, left_s in shown:
        if elapsed_s > 60:
            assert left_s == pytest.approx(400 - elapsed_s, rel=0.1), elapsed_s


def test_calls_that_a_limit_spaces_out_are_not_taken_for_all_of_a_minute() -> None:
    estimate = TimeLeft()
    for second in range(31):
        meter = Meter(
            finished=10 * second, in_flight=2, call_s=0.2, slow_call_s=0.3, elapsed_s=float(second), waiting="next in 0.1 s"
        )
        estimate.observe(float(second), meter.finished, 1_000, meter)
        left_s = estimate.shown()
    assert left_s == pytest.approx(70, rel=0.1)


def test_a_used_up_limit_is_taken_to_last_a_minute() -> None:
    estimate = TimeLeft()
    for second in range(31):
        finished = min(600, 60 * second)  # all within ten seconds, and nothing since
        waiting = "the limit on requests is used up" if second > 10 else ""
        meter = Meter(finished=finished, call_s=0.2, slow_call_s=0.3, elapsed_s=float(second), waiting=waiting)
        estimate.observe(float(second), finished, 6_000, meter)
    assert estimate.shown() == pytest.approx(520, rel=0.15)


def test_an_outage_is_not_extrapolated() -> None:
    estimate = TimeLeft()
    for second in range(900):
        finished = second if second < 200 else max(200, second - 600)  # nothing for ten minutes
        meter = Meter(finished=finished, in_flight=1, call_s=1.0, slow_call_s=1.0, elapsed_s=float(second))
        estimate.observe(float(second), finished, 1_000, meter)
    assert estimate.shown() == pytest.approx(700, rel=0.1)

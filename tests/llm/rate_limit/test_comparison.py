"""Two rates take turns, and their shares of rejections tell a limit from weather."""

from __future__ import annotations

import pytest

from synthgen.llm.rate_limit.comparison import Comparison


@pytest.mark.parametrize(
    ("slow", "fast", "verdict"),
    [
        ((0, 0), (0, 0), ""),
        ((0, 9), (9, 9), ""),  # too few
        ((0, 20), (0, 20), ""),
        ((0, 20), (8, 20), "limit"),
        ((5, 100), (25, 100), "limit"),
        ((20, 40), (20, 40), "limit"),  # too many for weather
        ((8, 40), (8, 40), ""),
        ((16, 80), (16, 80), "weather"),
        ((8, 30), (8, 30), ""),
        ((20, 80), (10, 80), "weather"),
        ((30, 100), (27, 100), "weather"),
        ((3, 60), (7, 60), ""),  # between the two
        ((9, 150), (18, 150), "limit"),  # and then the likelier one
        ((14, 150), (18, 150), "weather"),
        ((0, 60), (0, 60), ""),
        ((0, 100), (0, 100), "gone"),
        ((2, 100), (3, 100), "gone"),
        ((0, 100), (1, 400), "gone"),
    ],
)
def test_two_rates_are_compared(slow: tuple[int, int], fast: tuple[int, int], verdict: str) -> None:
    """Rejected, and sent, at each rate. .03 is usual, and .1 was suspected."""
    comparison = Comparison(0.03, suspected=0.1)
    for is_fast, (refused, sent) in ((False, slow), (True, fast)):
        for number in range(sent):
            comparison.count(fast=is_fast, refused=number < refused)
    assert comparison.verdict() == verdict


@pytest.mark.parametrize(
    ("slow", "verdict"), [((7, 39), ""), ((8, 40), "weather"), ((5, 40), ""), ((10, 80), ""), ((16, 80), "weather")]
)
def test_a_quick_comparison_takes_shares_for_alike_that_hardly_differ(slow: tuple[int, int], verdict: str) -> None:
    """As while there is no rate. The other share is .2."""
    comparison = Comparison(0.03, suspected=0.1, quick=True)
    for number in range(slow[1]):
        comparison.count(fast=False, refused=number < slow[0])
        comparison.count(fast=True, refused=number < slow[1] // 5)
    assert comparison.verdict() == verdict


@pytest.mark.parametrize(("rejected_of_fast", "without"), [(40, (2 + 10) / 200), (90, 0.02)])
def test_the_share_without_a_limit_is_what_the_lower_rate_shows(rejected_of_fast: int, without: float) -> None:
    """Unless so many are rejected that the lower rate is beyond the limit, too."""
    comparison = Comparison(0.02, suspected=0.1)
    for number in range(100):
        comparison.count(fast=False, refused=number < 10)
        comparison.count(fast=True, refused=number < rejected_of_fast)
    assert comparison.share(fast=True) == rejected_of_fast / 100
    assert comparison.pooled == (rejected_of_fast + 10) / 200
    assert comparison.share_without_limit == pytest.approx(without)


@pytest.mark.parametrize(("rejected", "lower"), [(0.0, 0.93), (0.2, 0.93 * 0.8), (0.9, 0.5)])
def test_the_lower_rate_is_a_little_less_than_what_is_accepted(rejected: float, lower: float) -> None:
    comparison = Comparison(0.0, suspected=0.1, rejected=rejected)
    assert comparison.factor == pytest.approx(lower)
    assert comparison.mean == pytest.approx(2 / (1 + 1 / lower))


def test_turns_are_long_enough_and_their_beginnings_do_not_count() -> None:
    comparison, turns, now = Comparison(0.0, suspected=0.1), [], 0.0
    for _ in range(200):
        turned = comparison.turned(now)
        turns.append((now, turned, comparison.sent(now)))
        now += 0.1
    starts = [at for at, turned, _ in turns if turned]
    assert len(starts) >= 4
    assert all(2.5 <= later - earlier <= 2.8 for earlier, later in zip([0.0, *starts], starts, strict=False))
    for at, _, fast in turns:
        since = at - max([0.0, *(start for start in starts if start <= at)])
        assert abs(since - 1.0) < 0.01 or (fast is None) == (since < 1.0)
    assert {fast for *_, fast in turns} == {None, False, True}


def test_a_turn_has_a_dozen_requests_however_long_that_takes() -> None:
    comparison = Comparison(0.0, suspected=0.1)
    turned = []
    for number in range(40):
        turned.append(comparison.turned(10.0 * number))
        comparison.sent(10.0 * number)
    assert [number for number, is_new in enumerate(turned) if is_new] == [12, 24, 36]

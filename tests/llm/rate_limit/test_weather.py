"""A share of rejections at any rate is told from a limit, on a virtual clock."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from support.simulated_endpoint import Fixed, Outcome, Server, Sliding, Traffic, simulate

from synthgen.llm.rate_limit.weather import Weather

FAST = Traffic(latency_s=0.3)
_TURN_S = 0.32  # of a place in flight: an answer and its way


def rate_of(outcome: Outcome) -> float | None:
    assert outcome.limiter is not None
    return outcome.limiter.rate_per_minute


# Engine and server


@pytest.mark.parametrize("told_s", [None, 0.0, 0.3, 5.0, 30.0], ids=lambda told_s: f"told {told_s}")
@pytest.mark.parametrize(("share", "seed"), [(0.0, 0), (0.01, 1), (0.02, 2), (0.05, 3), (0.1, 4), (0.2, 5)])
def test_strays_lead_to_no_rate(share: float, seed: int, told_s: float | None) -> None:
    """And whatever is tried meanwhile costs less than a tenth of what 64 in flight can do."""
    server = Server(noise=share, noise_told_s=told_s, _random=random.Random(seed))
    outcome = simulate(server, in_flight=64, duration_s=40, traffic=FAST, seed=seed)
    assert outcome.rate(0, 40) >= 0.9 * 60 * 64 / _TURN_S
    assert rate_of(outcome) is None


@pytest.mark.parametrize("meter", [Sliding, Fixed])
@pytest.mark.parametrize(("limit", "window_s"), [(30, 1.0), (600, 60.0)], ids=["per second", "per minute"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_limit_is_kept_among_strays(
    limit: float, window_s: float, meter: Callable[[float, float], Sliding | Fixed], seed: int
) -> None:
    server = Server(requests=meter(limit, window_s), noise=0.05, _random=random.Random(seed))
    outcome = simulate(server, in_flight=64, duration_s=420, traffic=FAST, seed=seed)
    per_minute = 60 * limit / window_s
    assert outcome.rate(120, 420) >= 0.8 * per_minute
    assert outcome.share_refused(120, 420) <= 0.05 + 0.15
    assert rate_of(outcome) is not None


class Outage(Sliding):
    """Between `start` and `end` so many requests are taken in a second, and any number otherwise."""

    def __init__(self, start: float, end: float, per_s: float) -> None:
        super().__init__(per_s, 1.0)
        self._start, self._end = start, end

    def left(self, now: float) -> float:
        return super().left(now) if self._start <= now < self._end else 1e9

    def wait_s(self, now: float, amount: float) -> float:
        return 1.0


@pytest.mark.parametrize("told_s", [None, 1.0, 20.0], ids=lambda told_s: f"told {told_s}")
@pytest.mark.parametrize("per_s", [0.0, 2.0, 20.0])
@pytest.mark.parametrize("length_s", [5.0, 60.0])
def test_a_rate_that_was_learned_in_an_outage_recovers_in_two_minutes(
    length_s: float, per_s: float, told_s: float | None
) -> None:
    end = 30 + length_s
    most = 60 * 64 / _TURN_S
    server = Server(requests=Outage(30, end, per_s), retry_after=told_s)
    outcome = simulate(server, in_flight=64, duration_s=end + 180, traffic=FAST)
    assert outcome.rate(0, 30) >= 0.9 * most
    assert outcome.rate(end + 120, end + 180) >= 0.9 * most


# The share that is usual


def judged(weather: Weather, share: float, requests: int, *, seed: int = 0) -> int:
    """Judge and learn random ends; the number of requests until there was enough evidence, 0 where there never was."""
    chance = random.Random(seed)
    for number in range(1, requests + 1):
        refused = chance.random() < share
        if weather.judge(refused=refused, excess=0.2, enough=8.0):
            return number
        weather.learn(refused=refused)
    return 0


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1])
def test_the_usual_share_is_learned(share: float) -> None:
    weather = Weather()
    assert judged(weather, share, 1_000, seed=2) == 0
    assert weather.share == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("usual", [0.0, 0.02, 0.1])
def test_more_rejections_than_usual_are_noticed_soon(usual: float) -> None:
    weather = Weather()
    judged(weather, usual, 1_000, seed=2)
    assert 1 <= judged(weather, usual + 0.4, 100, seed=3) <= 60


def test_what_suspicious_requests_taught_is_taken_back() -> None:
    weather = Weather()
    judged(weather, 0.02, 1_000)
    judged(weather, 0.0, 50)
    before = weather.share
    assert judged(weather, 1.0, 100) > 2
    assert weather.share > before + 0.005
    weather.forget_evidence()
    assert weather.share == pytest.approx(before, abs=0.001)
    assert not weather.judge(refused=True, excess=0.2, enough=8.0)


def test_the_usual_share_is_no_more_than_that_of_all_rejections_lately() -> None:
    """As after a limit was taken for weather: a limit can only add to it."""
    weather = Weather()
    weather.accept(0.25)
    chance = random.Random(7)
    for _ in range(1_000):
        weather.judge(refused=chance.random() < 0.05, excess=0.2, enough=8.0)
    assert 0.04 <= weather.share <= 0.1


def test_a_large_share_is_never_learned_by_itself() -> None:
    weather = Weather()
    for _ in range(1_000):
        weather.learn(refused=True)
    assert weather.share == 0.3
    weather.accept(0.9)
    assert weather.share == 0.3

"""The limiter, on a clock that the tests turn: its promises, what it believes of a server, and what it learns without being told."""

from __future__ import annotations

import dataclasses
import math
import random
import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated_endpoint import Bucket, Fixed, Meter, Server, Sliding, Traffic, simulate

from synthgen.config.settings import LLM
from synthgen.llm.providers.base import LimitReading
from synthgen.llm.providers.headers import duration_s, read_limit
from synthgen.llm.rate_limit.adaptive import AdaptiveRate
from synthgen.llm.rate_limit.limiter import Grant, Limiter
from synthgen.llm.rate_limit.quota import WINDOW_S, Quota
from synthgen.records import Request, Usage

NOTHING: Mapping[str, str] = {}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ask(chars: int = 400, *, key: str = "frodo", output_limit: int = 100) -> Request:
    messages = ({"role": "user", "content": "x" * chars},)
    return Request(key, "ent", "http://fangorn", messages, None, {"max_output_tokens": output_limit})


def granted(limiter: Limiter, request: Request | None = None) -> Grant:
    grant = limiter.reserve(request or ask())
    assert isinstance(grant, Grant), f"{limiter.waiting}, for {grant} s"
    return grant


def wait_of(limiter: Limiter, request: Request | None = None) -> float:
    wait_s = limiter.reserve(request or ask())
    assert isinstance(wait_s, float), "it was let out"
    return wait_s


def taken_in(limiter: Limiter, clock: Clock, seconds: float, request: Request | None = None) -> list[Grant]:
    """What a worker gets who always asks again when told."""
    grants, end = [], clock.now + seconds
    while clock.now < end:
        answer = limiter.reserve(request or ask())
        if isinstance(answer, Grant):
            grants.append(answer)
            limiter.settle(answer, Usage(prompt=100, output=10), NOTHING)
        else:
            clock.now += min(answer, 0.5)
    return grants


def told(resource: str, limit: float, remaining: float, reset: str) -> dict[str, str]:
    names = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{name}-{resource}": str(value) for name, value in names.items()}


# What is never broken


@dataclasses.dataclass
class Sent:
    """A request as the book has it: `tokens` are `reserved` first and then what was used. It may go `alone` if it is too large."""

    at: float
    reserved: float
    tokens: float
    alone: bool


@pytest.mark.slow
@given(
    rpm=st.none() | st.integers(1, 300),
    tpm=st.none() | st.integers(200, 50_000),
    seed=st.integers(0, 10_000),
    latency_s=st.sampled_from([0.01, 2.0, 90.0]),
)
@settings(max_examples=60, deadline=None)
def test_limits_hold_in_every_sliding_minute(rpm: int | None, tpm: int | None, seed: int, latency_s: float) -> None:
    """Whatever the sizes, whether answers come late, are turned away, or never come."""
    clock, chance = Clock(), random.Random(seed)
    limiter = Limiter(LLM(rpm=rpm, tpm=tpm), read_limit, clock=clock)
    sent: list[Sent] = []
    under_way: list[tuple[float, Grant, Sent]] = []
    for _ in range(400):
        while under_way and under_way[0][0] <= clock.now:
            _, grant, entry = under_way.pop(0)
            end(limiter, grant, entry, chance)
        answer = limiter.reserve(ask(chance.choice([10, 400, 4_000])))
        if isinstance(answer, Grant):
            held = sum(entry.tokens for entry in sent if entry.at > clock.now - 60)
            assert tpm is None or held == 0 or held + answer.tokens <= tpm + 1e-6
            sent.append(Sent(clock.now, answer.tokens, answer.tokens, alone=held == 0))
            if chance.random() < 0.95:  # the others are cancelled, and nobody says so
                under_way.append((clock.now + latency_s * chance.random(), answer, sent[-1]))
                under_way.sort(key=lambda item: item[0])
        else:
            clock.now += min(answer, 0.5) if chance.random() < 0.9 else 3.0
    for first, start in enumerate(sent):
        minute = [entry for entry in sent[first:] if entry.at < start.at + 60]
        assert rpm is None or len(minute) <= rpm
        if tpm is not None:
            off = sum(max(0.0, entry.tokens - entry.reserved) for entry in minute)
            largest = max([tpm, *(entry.reserved for entry in minute if entry.alone)])
            assert sum(entry.tokens for entry in minute) <= largest + off + 1e-6


def end(limiter: Limiter, grant: Grant, entry: Sent, chance: random.Random) -> None:
    ending = chance.random()
    if ending < 0.7:
        usage = Usage(prompt=max(1, round(grant.chars / 4 * chance.uniform(0.5, 2))), output=chance.randrange(100))
        entry.tokens = usage.prompt + usage.output
        limiter.settle(grant, usage, NOTHING)
    elif ending < 0.8:
        limiter.settle(grant, None, NOTHING)
    else:
        entry.tokens = 0.0
        limiter.turned_away(grant, chance.choice([None, None, 0.3]), NOTHING)


@pytest.mark.parametrize("rpm", [1, 3, 7, 60, 600, 3_000])
def test_no_more_than_a_twentieth_of_the_requests_allowed_is_left_unused(rpm: int, clock: Clock) -> None:
    limiter = Limiter(LLM(rpm=rpm), read_limit, clock=clock)
    taken_in(limiter, clock, 60)
    minutes = max(3, math.ceil(60 / rpm))
    assert len(taken_in(limiter, clock, 60 * minutes)) >= math.floor(0.95 * rpm * minutes)


@pytest.mark.parametrize("per_request", [110, 1_000, 2_400])
def test_no_more_than_a_twentieth_of_the_tokens_allowed_is_left_unused(per_request: int, clock: Clock) -> None:
    limiter = Limiter(LLM(tpm=100_000), read_limit, clock=clock)
    limiter.settle(granted(limiter), Usage(prompt=100, output=10), NOTHING)
    request = ask((per_request - 10) * 4)
    grants, end = [], clock.now + 240
    while clock.now < end:
        answer = limiter.reserve(request)
        if isinstance(answer, Grant):
            grants.append(clock.now)
            limiter.settle(answer, Usage(prompt=per_request - 10, output=10), NOTHING)
        else:
            clock.now += min(answer, 0.5)
    assert per_request * sum(at >= end - 180 for at in grants) >= 0.95 * 300_000


def test_an_even_flow_and_no_burst_at_the_start_of_each_minute(clock: Clock) -> None:
    limiter = Limiter(LLM(rpm=600), read_limit, clock=clock)
    times = [grant.at for grant in taken_in(limiter, clock, 150)]
    assert max(sum(start <= at < start + 1 for at in times) for start in times) <= 13


def test_an_estimate_that_was_too_high_holds_nobody_up(clock: Clock) -> None:
    limiter = Limiter(LLM(tpm=6_000), read_limit, clock=clock)
    first = granted(limiter, ask(4_000))
    assert wait_of(limiter) > 20
    limiter.settle(first, Usage(prompt=290, output=10), NOTHING)
    assert wait_of(limiter) == pytest.approx(3.0 - 0.25)


def test_a_request_larger_than_the_whole_limit_goes_alone(clock: Clock) -> None:
    limiter = Limiter(LLM(tpm=1_000), read_limit, clock=clock)
    limiter.settle(granted(limiter), Usage(prompt=100, output=10), NOTHING)
    giant = ask(40_000)
    assert wait_of(limiter, giant) > 0
    clock.now += 61
    limiter.settle(granted(limiter, giant), Usage(prompt=10_000, output=10), NOTHING)
    assert wait_of(limiter) > 0, "it leaves no room beside it"
    clock.now += 61
    assert granted(limiter)


def test_requests_that_are_never_settled_leave_with_their_minute(clock: Clock) -> None:
    limiter = Limiter(LLM(rpm=3, tpm=2_000), read_limit, clock=clock)
    for _ in range(4):
        lost = [grant for _ in range(200) if isinstance(grant := _after(limiter, clock, 0.5), Grant)]
        assert 3 <= len(lost) <= 6
        clock.now += 61
    assert granted(limiter)


def _after(limiter: Limiter, clock: Clock, seconds: float) -> Grant | float:
    clock.now += seconds
    return limiter.reserve(ask())


def test_without_limits_nothing_waits(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    assert all(isinstance(limiter.reserve(ask()), Grant) for _ in range(2_000))
    assert (limiter.rate_per_minute, limiter.waiting) == (None, "")


def test_a_request_that_was_turned_away_counts_as_a_request_and_without_tokens(clock: Clock) -> None:
    requests, tokens = Limiter(LLM(rpm=2), read_limit, clock=clock), Limiter(LLM(tpm=10_000), read_limit, clock=clock)
    large = ask(12_000)
    for _ in range(2):
        requests.turned_away(granted(requests), None, NOTHING)
        tokens.turned_away(granted(tokens, large), None, NOTHING)
        assert wait_of(tokens, large) == pytest.approx(37.4, abs=0.1), "an even flow, and no knocking at once"
        clock.now += 40
    clock.now -= 30
    assert wait_of(requests) == pytest.approx(60.5 - 50)


# Estimates


def test_sizes_are_learnt_from_the_answers(clock: Clock) -> None:
    limiter = Limiter(LLM(tpm=1_000_000), read_limit, clock=clock)
    first = granted(limiter, ask(4_000, output_limit=300))
    assert first.tokens == pytest.approx(1.03 * (2_000 + 300)), "cautious, but no more output than there can be"
    limiter.settle(first, Usage(prompt=1_000, output=50), NOTHING)
    clock.now += 1
    assert granted(limiter, ask(8_000)).tokens == pytest.approx(1.03 * (2_000 + 50))
    assert granted(limiter, ask(8_000, output_limit=20)).tokens == pytest.approx(1.03 * (2_000 + 20))
    for _ in range(200):
        clock.now += 1
        limiter.settle(granted(limiter, ask(1_000)), Usage(prompt=1_000, output=500), NOTHING)
    assert granted(limiter, ask(1_000, output_limit=1_000)).tokens == pytest.approx(1.03 * 1_500, rel=0.01)


def test_an_answer_without_usage_teaches_no_sizes(clock: Clock) -> None:
    limiter = Limiter(LLM(tpm=1_000_000), read_limit, clock=clock)
    before = granted(limiter, ask(4_000)).tokens
    for usage in (None, Usage()):
        limiter.settle(granted(limiter, ask(4_000)), usage, NOTHING)
        clock.now += 1
    assert granted(limiter, ask(4_000)).tokens == before


# What the server says


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.02),
        ("1s", 1.0),
        ("8.64s", 8.64),
        ("6m0s", 360.0),
        ("1h2m", 3_720.0),
        ("7h12m0.5s", 25_920.5),
        ("150µs", 0.00015),
        ("12", 12.0),
        (" 0.5 ", 0.5),
        ("0s", 0.0),
    ],
)
def test_resets_are_durations_of_go_or_seconds(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "1x", "s", "m5", "-3", "nan", "inf", "1s and more", "1767225600", "2026-01-01T00:00:00Z"]
)
def test_what_is_no_duration_is_not_said(text: str) -> None:
    assert duration_s(text) is None


def test_a_reading_has_what_was_said() -> None:
    assert read_limit(told("requests", 600, 599, "100ms"), "requests") == LimitReading(600, 599, 0.1)
    assert read_limit({"x-ratelimit-remaining-tokens": "7"}, "tokens") == LimitReading(None, 7, None)
    assert read_limit(told("tokens", -1, -1, "?"), "tokens") == LimitReading(None, None, None)
    assert read_limit(told("tokens", 0, 9, "1s"), "tokens") == LimitReading(None, 9, 1.0)
    assert read_limit(told("requests", 600, 599, "1s"), "tokens") is None


def test_a_limit_in_the_headers_is_kept(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    limiter.settle(granted(limiter), Usage(prompt=100, output=10), told("requests", 120, 119, "500ms"))
    assert limiter.rate_per_minute == 120
    assert 115 <= len(taken_in(limiter, clock, 60)) <= 120
    assert limiter.waiting == "at 120 requests per minute"


@pytest.mark.parametrize(("rpm", "stated", "kept"), [(60, 600, 60), (600, 60, 60)])
def test_of_two_limits_the_smaller_holds(rpm: int, stated: int, kept: int, clock: Clock) -> None:
    limiter = Limiter(LLM(rpm=rpm), read_limit, clock=clock)
    limiter.settle(granted(limiter), None, told("requests", stated, stated - 1, "1s"))
    assert limiter.rate_per_minute == kept


def test_the_rate_takes_tokens_into_account(clock: Clock) -> None:
    limiter = Limiter(LLM(rpm=600, tpm=11_000), read_limit, clock=clock)
    limiter.settle(granted(limiter), Usage(prompt=100, output=10), NOTHING)
    assert limiter.rate_per_minute == pytest.approx(100)


def test_a_server_that_says_that_less_is_left_is_believed(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    limiter.settle(granted(limiter), None, told("requests", 600, 299, "60s"))
    assert limiter.rate_per_minute == pytest.approx(600 - 300, abs=7), "another program uses half of it"
    clock.now += 61
    assert limiter.rate_per_minute == 600, "what it said holds until the reset"


def test_an_answer_that_was_overtaken_is_not_listened_to(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    slow, quick = granted(limiter), granted(limiter)
    limiter.settle(quick, None, told("requests", 600, 598, "1s"))
    clock.now += 1
    limiter.settle(slow, None, told("requests", 600, 5, "60s"))
    assert limiter.rate_per_minute == 600


def test_when_nothing_is_left_the_reset_is_waited_for(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    limiter.settle(granted(limiter), None, told("requests", 600, 0, "20s"))
    assert wait_of(limiter) == 20.0
    assert limiter.waiting == "the limit on requests is used up, reset in 20 s"
    clock.now += 20
    assert granted(limiter)
    assert limiter.waiting == ""


def test_a_remainder_without_its_limit_counts_only_when_it_is_none(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    limiter.settle(granted(limiter), None, {"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "9s"})
    assert limiter.rate_per_minute is None
    clock.now += 1
    limiter.settle(granted(limiter), None, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9s"})
    assert wait_of(limiter) == 9.0


def test_a_limit_per_day_is_none_per_minute(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    limiter.settle(granted(limiter), None, told("requests", 200, 199, "7m12s"))
    assert limiter.rate_per_minute is None
    assert all(isinstance(limiter.reserve(ask()), Grant) for _ in range(100))


def test_a_day_that_is_used_up_is_said_and_tried_once_a_minute(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    limiter.settle(granted(limiter), None, told("requests", 200, 0, "5h20m"))
    assert wait_of(limiter) == 60.0
    assert limiter.waiting == "the limit on requests is used up, reset in 5 h 20 min"
    clock.now += 60
    assert granted(limiter)


# Rejections


def refuse(limiter: Limiter, clock: Clock, told_s: float | None, *, count: int = 12, key: str = "frodo") -> None:
    """Refuse so many requests one after another that it cannot be an accident."""
    for grant in [granted(limiter, ask(key=key)) for _ in range(count)]:
        clock.now += 0.01
        limiter.turned_away(grant, told_s, NOTHING)


def test_what_one_call_is_told_to_wait_is_no_matter_of_the_others(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    one, other = granted(limiter), granted(limiter)
    limiter.turned_away(one, 12.0, NOTHING)
    limiter.settle(other, None, NOTHING)
    assert granted(limiter)
    assert limiter.waiting == ""


def test_what_all_calls_are_told_to_wait_is_waited(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    refuse(limiter, clock, 12.0)
    assert 11.8 <= wait_of(limiter) <= 13.0, "and a little later, differently for each program"
    assert limiter.waiting in ("all requests are rejected, next try in 12 s", "all requests are rejected, next try in 13 s")
    clock.now += 13.0
    assert granted(limiter)


def test_answers_that_come_late_do_not_hide_that_nothing_is_accepted_any_more(clock: Clock) -> None:
    """A single rejection among them came before, and theirs follow those of the requests sent later."""
    limiter = Limiter(LLM(), read_limit, clock=clock)
    grants = [granted(limiter) for _ in range(40)]
    limiter.turned_away(grants[5], None, NOTHING)
    for grant in grants[20:]:
        clock.now += 0.01
        limiter.turned_away(grant, None, NOTHING)
    for grant in grants[:5] + grants[6:20]:
        limiter.settle(grant, None, NOTHING)
    last = limiter.reserve(ask())
    if isinstance(last, Grant):
        limiter.turned_away(last, None, NOTHING)
    assert "all requests are rejected" in (limiter.reserve(ask()), limiter.waiting)[1]


def test_of_many_times_to_wait_the_first_to_end_counts(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    for number, grant in enumerate([granted(limiter) for _ in range(12)]):
        limiter.turned_away(grant, 5.0 if number == 7 else 30.0, NOTHING)
    assert 5.0 <= wait_of(limiter) <= 5.5


def test_the_jitter_is_the_same_in_every_run_and_another_for_every_key() -> None:
    def told_to_wait(key: str) -> float:
        clock = Clock()
        limiter = Limiter(LLM(), read_limit, clock=clock)
        refuse(limiter, clock, 60.0, key=key)
        return wait_of(limiter)

    assert told_to_wait("sam") == told_to_wait("sam") != told_to_wait("rosie")


def test_while_nothing_is_taken_pauses_grow_and_one_call_tries(clock: Clock) -> None:
    limiter = Limiter(LLM(), read_limit, clock=clock)
    refuse(limiter, clock, None)
    pauses = []
    for _ in range(7):
        pauses.append(wait_of(limiter))
        assert "all requests are rejected, next try in" in limiter.waiting
        clock.now += pauses[-1]
        probe = granted(limiter)
        assert 0 < wait_of(limiter) < 1, "one call alone tries"
        clock.now += 0.05
        limiter.turned_away(probe, None, NOTHING)
    assert [round(pause) for pause in pauses] == [1, 2, 4, 8, 15, 15, 15]
    clock.now += wait_of(limiter)
    limiter.settle(granted(limiter), None, NOTHING)
    clock.now += 10.0
    assert granted(limiter)


def test_a_try_of_which_nothing_is_heard_was_taken(clock: Clock) -> None:
    """It takes its time, or was cancelled: refusals come at once."""
    limiter = Limiter(LLM(), read_limit, clock=clock)
    refuse(limiter, clock, None)
    clock.now += wait_of(limiter)
    granted(limiter)
    clock.now += wait_of(limiter) + 0.01
    assert granted(limiter)


@pytest.mark.slow
def test_single_refusals_teach_nothing() -> None:
    """A busy server turns away one in twenty, whatever the rate."""
    busy = simulate(Server(noise=0.05), in_flight=64, duration_s=60, traffic=Traffic(latency_s=0.3))
    assert busy.limiter is not None
    assert busy.limiter.rate_per_minute is None
    assert busy.rate(10, 60) >= 0.9 * 60 * 64 / 0.32


def limited(per_s: float) -> AdaptiveRate:
    """A rate that was found twice, a minute apart, at the time 100."""
    rate = AdaptiveRate()
    took(rate, 0.0, per_s)
    rate.taken(1, 1, 0.0, fast=None)
    for number, at in ((2, 1.0), (3, 100.0)):
        took(rate, at, per_s)
        rate.shut(number, number, at)
    return rate


def took(rate: AdaptiveRate, now: float, per_s: float) -> None:
    """So many requests per second were sent and accepted in the last minute."""
    count = round(WINDOW_S * per_s)
    rate.minute.update(now, accepted=count, sent=count, oldest_at=now - WINDOW_S, first_at=now - WINDOW_S)


def test_a_pause_that_taught_no_rate_is_no_guess() -> None:
    rate = AdaptiveRate()
    took(rate, 0.5, 5.0)
    rate.reopen(0.5, long=False)
    assert rate.per_s == math.inf
    for number, at in ((2, 1.0), (3, 100.0)):
        took(rate, at, 5.0)
        rate.shut(number, number, at)
        assert 4.0 < rate.per_s < 8.0


@pytest.mark.parametrize(("every", "searches_on"), [(8, True), (6, True), (5, True), (3, False), (2, False)])
def test_a_search_goes_on_at_strays_and_ends_at_a_limit(every: int, searches_on: bool) -> None:
    """One of `every` requests is rejected from the first guess on. A search that stops at strays takes a minute to learn nothing."""
    rate = AdaptiveRate()
    took(rate, 0.0, 2.0)
    rate.shut(1, 1, 0.0)
    rate.reopen(1.0, long=False)
    first, second, number = rate.per_s, 1.0, 2
    while second < 12.0:
        took(rate, second, rate.per_s)
        wait_s = rate.wait_s(second)
        if wait_s > 0:
            second += max(0.001, wait_s)
            continue
        fast = rate.sent(second)
        if number % every:
            rate.taken(number, number, second, fast=fast)
        else:
            rate.refused(number, number, second, lambda: rate.per_s, fast=fast)
        number += 1
    assert (rate.per_s > 3 * first) == searches_on, f"{first:.1f} -> {rate.per_s:.1f} a second; {rate.findings}"


def test_a_day_of_quiet_breaks_nothing() -> None:
    rate = limited(1.0)
    before = rate.per_s
    rate.wait_s(86_400.0)
    took(rate, 86_400.0, 1.0)
    for number in range(4, 40):
        rate.taken(number, number, 86_400.0, fast=rate.sent(86_400.0))
    assert before < rate.per_s < 10 * before


def test_a_rate_grows_only_while_it_is_used() -> None:
    rate = limited(1.0)
    before = rate.per_s
    for second in range(110, 200, 10):
        took(rate, second, 0.1)
        assert rate.wait_s(second) <= 0
        rate.taken(second, second, second, fast=rate.sent(second))
    assert rate.per_s < 1.1 * before, "one request in ten seconds teaches nothing of one in a second"


def test_a_rate_stays_near_what_was_taken_for_a_minute() -> None:
    """It takes a minute until a sliding window turns away what was too much; after that the limit is none."""
    rate = limited(1.0)
    before = rate.per_s
    second, number = 100.0, 4
    while rate.per_s < 5 * before:
        assert second < 400.0
        took(rate, second, 0.99 * before)
        wait_s = rate.wait_s(second)
        if wait_s > 0:
            second += max(0.001, wait_s)
            continue
        rate.taken(number, number, second, fast=rate.sent(second))
        number += 1
        if second < 155.0:
            assert rate.per_s <= 1.25 * before


def test_an_outage_leaves_no_low_rate_behind() -> None:
    """As when a server starts up, and answers 503 until it has read its model."""

    class Starting(Sliding):
        def left(self, now: float) -> float:
            return 0.0 if now < 150 else math.inf

    outcome = simulate(Server(requests=Starting(1)), in_flight=16, duration_s=300, traffic=Traffic(latency_s=0.5))
    assert outcome.refused() < 40
    assert outcome.rate(270, 300) >= 0.9 * 60 * 16 / 0.52


def test_a_wrong_limit_of_the_user_is_found_out() -> None:
    outcome = simulate(Server(requests=Sliding(600)), rpm=1_200, duration_s=360)
    assert outcome.rate(180, 360) >= 0.85 * 600
    assert outcome.share_refused(180, 360) < 0.05


def test_a_minute_that_is_used_up_costs_some_refusals_and_not_thousands() -> None:
    outcome = simulate(Server(requests=Sliding(600)), in_flight=64, duration_s=60, traffic=Traffic(latency_s=0.3))
    assert outcome.rate(0, 60) == 600
    assert outcome.refused() < 64 + 30


def test_a_minute_that_was_used_up_is_followed_by_even_ones() -> None:
    outcome = simulate(Server(requests=Sliding(600)), in_flight=64, duration_s=180, traffic=Traffic(latency_s=2.0))
    assert outcome.rate(60, 180) >= 0.9 * 600


# Hidden limits are found, whatever the server's way of counting


METERS = {"sliding": Sliding, "fixed": Fixed, "bucket": Bucket}
IN_FLIGHT = [8, 64, 512]


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", IN_FLIGHT)
@pytest.mark.parametrize("retry_after", [None, "exact"])
@pytest.mark.parametrize("kind", METERS)
def test_hidden_requests_per_minute_are_found(kind: str, retry_after: str | None, in_flight: int) -> None:
    server = Server(requests=METERS[kind](600), retry_after=retry_after)
    traffic = Traffic(latency_s=0.4 if in_flight == 8 else 2.0)
    outcome = simulate(server, in_flight=in_flight, duration_s=360, traffic=traffic)
    assert outcome.rate(180, 360) >= 0.85 * 600
    assert outcome.share_refused(180, 360) < 0.03


NOT_KEPT = [("bucket", "exact", 512), ("fixed", None, 8), ("sliding", "exact", 64)]


@pytest.mark.parametrize("in_flight", IN_FLIGHT)
@pytest.mark.parametrize("retry_after", [None, "exact"])
@pytest.mark.parametrize("kind", METERS)
def test_hidden_tokens_per_minute_are_found(
    kind: str, retry_after: str | None, in_flight: int, request: pytest.FixtureRequest
) -> None:
    if (kind, retry_after, in_flight) in NOT_KEPT:
        request.applymarker(pytest.mark.xfail(reason="missed by little, at 46 requests in a minute", strict=True))
    server = Server(tokens=METERS[kind](100_000), retry_after=retry_after)
    outcome = simulate(server, in_flight=in_flight, duration_s=480, traffic=Traffic(prompt=2_000, latency_s=2.0))
    assert outcome.tokens(240, 480) >= 0.85 * 100_000
    assert outcome.share_refused(240, 480) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", IN_FLIGHT)
@pytest.mark.parametrize("kind", METERS)
def test_hidden_requests_per_second_are_found(kind: str, in_flight: int) -> None:
    server = Server(requests=METERS[kind](50, 1.0))
    traffic = Traffic(latency_s=0.1 if in_flight == 8 else 0.8)
    outcome = simulate(server, in_flight=in_flight, duration_s=180, traffic=traffic)
    assert outcome.rate(90, 180) >= 0.85 * 3_000
    assert outcome.share_refused(90, 180) < 0.03


def test_after_a_pause_calls_do_not_come_in_a_burst() -> None:
    """Else one refusal would lead to the next, where a second is counted and a second is the pause."""
    outcome = simulate(Server(requests=Sliding(50, 1.0), retry_after=1.0), duration_s=240, traffic=Traffic(latency_s=0.8))
    assert outcome.rate(120, 240) >= 0.85 * 3_000
    assert outcome.share_refused(120, 240) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("kind", METERS)
def test_refusals_that_come_as_late_as_answers_are_understood(kind: str) -> None:
    for limit, window_s in ((600, 60.0), (50, 1.0)):
        server = Server(requests=METERS[kind](limit, window_s), slow_refusals=True)
        outcome = simulate(server, in_flight=64, duration_s=360 if limit == 600 else 180, traffic=Traffic(latency_s=1.0))
        last = (180, 360) if limit == 600 else (90, 180)
        assert outcome.rate(*last) >= 0.85 * limit * 60 / window_s
        assert outcome.share_refused(*last) < 0.05


def test_a_time_to_wait_that_is_too_short_costs_few_refusals() -> None:
    """Some servers always ask for one second, also when a minute is used up."""
    outcome = simulate(Server(requests=Sliding(600), retry_after=1.0), duration_s=360)
    assert outcome.rate(180, 360) >= 0.85 * 600
    assert outcome.refused() < 100


def test_answers_that_take_long_do_not_hide_what_was_taken() -> None:
    outcome = simulate(Server(requests=Sliding(600)), in_flight=512, duration_s=360, traffic=Traffic(latency_s=20.0))
    assert outcome.rate(180, 360) >= 0.85 * 600
    assert outcome.share_refused(180, 360) < 0.03


def test_a_server_that_counts_refusals_is_not_kept_full_by_them() -> None:
    outcome = simulate(Server(requests=Sliding(600), counts_refused=True), in_flight=64, duration_s=360)
    assert outcome.rate(180, 360) >= 0.85 * 600


# Known limits are used, whatever the server's way of counting


@pytest.mark.parametrize("kind", METERS)
@pytest.mark.parametrize("latency_s", [0.5, 4.0])
def test_limits_in_the_headers_are_used_and_kept(kind: str, latency_s: float) -> None:
    meter = METERS[kind]
    for prompt, binding in ((50, "requests"), (1_500, "tokens")):
        server = Server(requests=meter(600), tokens=meter(100_000), headers=True)
        outcome = simulate(server, duration_s=240, traffic=Traffic(prompt=prompt, output=50, latency_s=latency_s))
        used = outcome.rate(60, 240) / 600 if binding == "requests" else outcome.tokens(60, 240) / 100_000
        assert used >= 0.95, binding
        assert outcome.share_refused(60, 240) < 0.01


def test_a_limit_per_minute_may_be_counted_over_ten_seconds() -> None:
    """The headers then state requests per minute, and what is left of ten seconds."""
    outcome = simulate(Server(requests=Sliding(100, 10.0), headers=True, stated=600), duration_s=240)
    assert outcome.rate(60, 240) >= 0.75 * 600
    assert outcome.share_refused(60, 240) < 0.01


@pytest.mark.parametrize("kind", METERS)
def test_a_server_that_counts_the_output_limit_is_believed(kind: str) -> None:
    server = Server(tokens=METERS[kind](100_000), headers=True, charges="reserved")
    outcome = simulate(server, duration_s=480, traffic=Traffic(prompt=500, output=100, output_limit=1_000, latency_s=2.0))
    assert outcome.rate(240, 480) >= 0.85 * 100_000 / 1_520
    assert outcome.share_refused(240, 480) < (0.1 if kind == "fixed" else 0.04)


def test_what_another_program_leaves_is_used() -> None:
    def meter() -> Meter:
        return Sliding(600)

    outcome = simulate(Server(requests=meter(), headers=True, others=3.0), duration_s=360)
    assert 0.75 * 420 <= outcome.rate(120, 360) <= 420 + 30
    assert outcome.share_refused(120, 360) < 0.05


def test_a_limit_per_day_in_the_headers_does_not_hide_the_one_per_minute() -> None:
    """As with a provider that states requests per day and enforces 30 per minute besides."""
    server = Server(requests=Bucket(30), day=Bucket(14_400, 86_400), headers=True)
    outcome = simulate(server, in_flight=8, duration_s=480)
    assert outcome.rate(240, 480) >= 0.85 * 30
    assert outcome.share_refused(240, 480) < 0.1


def test_a_limit_that_others_have_used_up_is_told_as_none_left() -> None:
    allowance = Quota("requests", None)
    allowance.hear(LimitReading(100, 0, 55), 0.0, booked=0.0)
    assert allowance.reason(0.0) == "at 0 requests per minute"


# What people are told of it


def heard(limiter: Limiter, clock: Clock, rejections: str) -> None:
    """One request after another, each rejected where `rejections` has an x."""
    for number, end in enumerate(rejections):
        while not isinstance(grant := limiter.reserve(ask(key=f"{number}")), Grant):
            clock.now += grant
        clock.now += 0.01
        if end == "x":
            limiter.turned_away(grant, None, NOTHING)
        else:
            limiter.settle(grant, Usage(prompt=100, output=10), NOTHING)


@pytest.mark.parametrize(
    ("known", "rejections", "told"),
    [
        ({}, 50 * ".", ""),
        ({"rpm": 600}, 50 * ".", ""),
        ({}, "." * 49 + "x" + "." * 49 + "x", "2 of 100 requests rejected, no limit seen"),
        ({"rpm": 6_000}, "." * 49 + "x", "1 of 50 requests rejected, the known limit is 6,000 requests per minute"),
        (
            {"rpm": 6_000, "tpm": 2_000_000},
            "." * 49 + "x",
            "1 of 50 requests rejected, the known limit is 6,000 requests per minute and 2,000,000 tokens per minute",
        ),
        ({}, "." * 50 + "xx." * 4, "8 of 62 requests rejected, a lower rate is tried to find out why"),
        ({}, "", ""),
    ],
)
def test_what_rejections_have_taught_is_told(known: dict[str, int], rejections: str, told: str, clock: Clock) -> None:
    limiter = Limiter(LLM(**known), read_limit, clock=clock)
    heard(limiter, clock, rejections)
    assert limiter.findings == told


def test_a_rate_that_was_found_is_told_in_round_numbers() -> None:
    rate = AdaptiveRate()
    assert rate.findings == "no limit seen"
    for number, at, told in (
        (2, 1.0, "the limit is searched for, at about 630 requests per minute now"),
        (3, 100.0, "about 630 requests per minute are accepted"),
    ):
        took(rate, at, 10.13)
        rate.shut(number, number, at)
        assert rate.findings == told


@pytest.mark.slow
def test_the_rate_that_is_told_is_the_one_of_the_server() -> None:
    found = simulate(Server(requests=Sliding(600)), in_flight=64, duration_s=400).limiter
    assert found is not None
    said = re.fullmatch(r"[\d,]+ of [\d,]+ requests rejected, about ([\d,]+) requests per minute are accepted", found.findings)
    assert said, found.findings
    assert 500 <= int(said[1].replace(",", "")) <= 720

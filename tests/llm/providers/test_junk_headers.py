"""Whatever stands in a header is read or ignored: it ends no run with a traceback."""

from __future__ import annotations

import asyncio
import math
import random

import pytest
from support.fills import ask, at
from support.wire import RawServer, respond

from synthgen.llm.failure import AttemptError
from synthgen.llm.providers.headers import duration_s, read_limit, retry_after_s
from synthgen.llm.rate_limit.limiter import Limiter
from synthgen.llm.rate_limit.retry import pause_s
from synthgen.records import Usage

DAY = "Tue, 01 Dec 2026"
DATES = (
    f"{DAY} 99999999999:00:00 GMT",
    f"{DAY} 00:99999999999:00 GMT",
    f"{DAY} 00:00:99999999999 GMT",
    "Tue, 01 Dec 99999 00:00:00 GMT",
    "Tue, 01 Dec 9999 23:59:59 -2359",
    "Tue, 01 Dec 0000 00:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Tue, 99999999999999999999 Dec 2026 00:00:00 GMT",
    f"{DAY} 00:00:00 +99999999999999999999",
    f"{DAY} 00:00:00 -9999",
    f"{DAY} -1:-1:-1 GMT",
    "Tue, 31 Feb 2026 00:00:00 GMT",
)
NUMBERS = (
    "99999999999",
    "-99999999999",
    "1e308",
    "1e309",
    "-inf",
    "nan",
    "9" * 5_000,
    "0x10",
    "1_0",
    "\u0663",
    "1" * 400 + "h",
    "999999999h",
    "1h" * 2_000,
    "",
    " ",
    ",",
    "\x1b[2J",
    "\udcff\udcfe",
    "30, 30",
    "30;",
    "soon",
    "null",
    "[]",
    "\0",
)
JUNK = (*DATES, *NUMBERS)
LIMITS = [f"x-ratelimit-{what}-{resource}" for what in ("limit", "remaining", "reset") for resource in ("requests", "tokens")]


@pytest.mark.parametrize("value", JUNK)
def test_a_wait_of_any_content_is_a_number_of_seconds_or_none(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after_s({name: value})
        assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
        assert 0 <= pause_s(1, seconds, "seed") < 100_000
    length = duration_s(value)
    assert length is None or 0 <= length < 4e7


@pytest.mark.parametrize("value", JUNK)
def test_limits_of_any_content_leave_room_for_calls(value: str) -> None:
    limiter = Limiter(at().settings, read_limit, clock=lambda: 1.0)
    for name in LIMITS:
        grant = limiter.reserve(ask(1)[0])
        if isinstance(grant, float):
            assert grant <= 61
        else:
            limiter.settle(grant, Usage(1, output=1), {name: value})
    assert isinstance(limiter.findings, str)


def test_dates_made_by_chance_end_nothing() -> None:
    rng = random.Random(13)
    days, months = ["Tue,", "", "Xyz,"], ["Dec", "Feb", "13", ""]
    for _ in range(3_000):
        number = lambda: str(rng.choice([0, 1, 31, 60, 1970, 9999, 10**5, 10**11, 10**20, -5]))  # noqa: E731
        time = ":".join(number() for _ in range(rng.randint(1, 4)))
        text = " ".join(
            [rng.choice(days), number(), rng.choice(months), number(), time, rng.choice(["GMT", "", f"+{number()}"])]
        )
        seconds = retry_after_s({"retry-after": text})
        assert seconds is None or seconds >= 0, text


@pytest.mark.parametrize(
    "header",
    [
        *(("retry-after", date) for date in DATES[:4]),
        ("set-cookie", "a b=\x01; expires=Tue, 99999999999 Dec; \u00e9"),
        ("location", "http://[::1"),
        ("content-type", "application/json; charset=nowhere-8"),
        ("content-encoding", "middle-earth"),
        ("content-encoding", "gzip"),
        ("content-encoding", "deflate, gzip, gzip"),
        ("transfer-encoding", "nothing"),
        ("x-should-retry", "\xff"),
        ("date", DATES[0]),
        ("x-request-id", "x" * 8_000),
        ("x-request-id", "x" * 80_000),
        ("connection", "\x1b]0;ring\x07"),
        ("server", ""),
    ],
)
@pytest.mark.parametrize("status", [200, 429, 500])
def test_a_header_of_any_content_is_at_most_a_failed_attempt(
    header: tuple[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with at(base_url=server.base_url, timeout_s=5).connect() as connection:
            await connection.complete(ask(1)[0])

    response = respond({"error": {"message": "no"}}, status, dict([header]))
    with RawServer(response, hang_up=True) as server, pytest.raises(AttemptError) as caught:
        asyncio.run(main())
    assert caught.value.failure.scope == "attempt"
    assert not caplog.records

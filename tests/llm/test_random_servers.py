"""The engine in front of random servers: a small part of `benchmarks/random_servers.py`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from support.random_servers import drawn, measured, oracle
from support.simulated_provider import Slow, Work
from support.virtual_time import run

CALM = replace(drawn(0), work=Work(1.0), network_s=0.02, concurrency=8, slots=None, resource="", strays=0.0, slowed=None)


def test_an_hour_passes_at_once_and_in_order() -> None:
    async def main() -> tuple[list[str], float]:
        seen: list[str] = []

        async def later(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append(name)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3000):
                await asyncio.gather(later("third", 3600), later("second", 20), later("first", 10))
        return seen, asyncio.get_running_loop().time()

    seen, now = run(main())
    assert seen == ["first", "second"]
    assert now == pytest.approx(3000)


def test_a_virtual_clock_reports_that_nothing_can_happen() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing can ever happen"):
        run(main())


def test_a_thread_s_work_is_done_at_once() -> None:
    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: 7), loop.time()

    assert run(main()) == (7, 0.0)


@pytest.mark.parametrize(
    ("changes", "answers"),
    [
        ({}, 8 * 20 / 1.02),
        ({"slots": 2}, 2 * 20),
        ({"work": Work(2.0)}, 8 * 20 / 2.02),
        ({"strays": 0.2}, 8 * 20 / (1.02 + 0.25 * 0.02)),
        ({"slowed": Slow(0.0, 1e6, 2.0)}, 8 * 20 / 2.02),
        ({"resource": "requests", "kind": "sliding", "limit": 2, "window_s": 1.0}, 2 * 60),
    ],
    ids=["concurrency", "slots", "work", "strays", "slowed", "limit"],
)
def test_the_oracle_s_bound(changes: dict[str, object], answers: float) -> None:
    server = replace(CALM, **changes)  # type: ignore[arg-type]
    assert oracle(server) == pytest.approx(answers * server.horizon_s / (60 if server.resource else 20), rel=0.06)


@pytest.mark.slow
def test_the_engine_has_most_of_what_an_oracle_has() -> None:
    shares = {seed: measured(drawn(seed)).share for seed in range(10)}
    assert min(shares.values()) >= 0.6, shares
    assert sum(min(1.0, share) for share in shares.values()) / 10 >= 0.9, shares

"""The tasks of a fill: as many at work as asked for, whatever rests."""

from __future__ import annotations

import asyncio

import pytest
from support.virtual_time import run

from synthgen.llm import workers as module
from synthgen.llm.workers import Workers


class Jobs:
    """Jobs that take `work_s`; every `rests_every`th rests for `rest_s` first, while another task works in its place."""

    def __init__(self, jobs: int, count: int, *, rests_every: int = 0, work_s: float = 1.0, rest_s: float = 100.0) -> None:
        self.workers = Workers(self._work, count, lambda: self.resting)
        self.resting = self.at_work = self.most_at_work = self.started = self.ended_as_surplus = 0
        self._left = jobs
        self._rests_every, self._work_s, self._rest_s = rests_every, work_s, rest_s

    async def _work(self) -> None:
        self.started += 1
        while self._left:
            if self.workers.surplus:
                self.ended_as_surplus += 1
                return
            self._left -= 1
            if self._rests_every and self._left % self._rests_every == 0:
                self.resting += 1
                self.workers.relieve()
                await asyncio.sleep(self._rest_s)
                self.resting -= 1
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
            await asyncio.sleep(self._work_s)
            self.at_work -= 1


async def timed(workers: Workers) -> float:
    await workers.run()
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("count", [1, 4])
def test_as_many_work_as_asked_for(count: int) -> None:
    jobs = Jobs(40, count)
    assert run(timed(jobs.workers)) == pytest.approx(40 / count)
    assert (jobs.started, jobs.most_at_work) == (count, count)


def test_another_task_works_in_place_of_one_that_rests() -> None:
    jobs = Jobs(40, 2, rests_every=10)
    assert run(timed(jobs.workers)) <= 20 + 100 + 2  # and not 20 + 4 / 2 * 100
    assert jobs.started == 2 + 4


def test_tasks_end_when_more_work_than_asked_for() -> None:
    jobs = Jobs(400, 2, rests_every=50, rest_s=10.0)
    run(timed(jobs.workers))
    assert jobs.ended_as_surplus >= 6
    assert jobs.most_at_work <= 2 + 1  # one whose rest is over finishes the job that it has


def test_nobody_takes_the_place_of_one_that_does_not_rest() -> None:
    async def main() -> int:
        jobs = Jobs(10, 2)
        running = asyncio.create_task(jobs.workers.run())
        await asyncio.sleep(0.5)
        jobs.workers.relieve()
        await running
        return jobs.started

    assert run(main()) == 2


def test_only_so_many_may_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_RESTING", 3)
    jobs = Jobs(40, 2, rests_every=1)
    run(timed(jobs.workers))
    assert jobs.started == 2 + 3


def test_the_first_error_ends_the_run() -> None:
    async def main() -> float:
        numbers = iter(range(3))

        async def work() -> None:
            number = next(numbers)
            await asyncio.sleep([500.0, 2.0, 2.0][number])
            raise ValueError(f"worker {number}")

        workers = Workers(work, 3, lambda: 0)
        with pytest.raises(ValueError, match="worker 1"):
            await workers.run()
        ended_at = asyncio.get_running_loop().time()
        await workers.cancel()
        return ended_at

    assert run(main()) == 2.0


def test_cancelled_tasks_have_ended_and_none_takes_their_place() -> None:
    async def main() -> tuple[list[str], float]:
        cleaned: list[str] = []

        async def work() -> None:
            try:
                await asyncio.sleep(500)
            finally:
                await asyncio.sleep(1)
                cleaned.append("the table")

        workers = Workers(work, 2, lambda: 0)
        running = asyncio.create_task(workers.run())
        await asyncio.sleep(5)
        await workers.cancel()
        assert len(cleaned) == 2
        await running
        workers.relieve()
        return cleaned, asyncio.get_running_loop().time()

    assert run(main()) == (["the table"] * 2, 6.0)

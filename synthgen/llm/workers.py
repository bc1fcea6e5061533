"""The tasks of a fill: a fixed number that work, and one more for each that rests.

A call that waits before its next attempt keeps its task. Without another in its place, a few rejected calls that are
asked to wait long would leave most places empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

__all__ = ["Workers"]

_MOST_RESTING = 1_000


class Workers:
    """Tasks that run `work`, which ends when nothing is left to do. `resting` returns how many of them rest."""

    def __init__(self, work: Callable[[], Coroutine[None, None, None]], count: int, resting: Callable[[], int]) -> None:
        self._work = work
        self._count = count
        self._resting = resting
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._failed: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Return when all tasks have ended. Raises the error of the first one that fails."""
        for _ in range(self._count):
            self._start()
        await self.wait()
        if self._failed is not None:
            self._failed.result()

    async def wait(self) -> None:
        """Return when all tasks have ended, or one has failed."""
        await self._over.wait()

    def relieve(self) -> None:
        """Start a task in place of one that begins to rest."""
        at_work = len(self._tasks) - self._resting()
        if self._tasks and at_work < self._count and len(self._tasks) < self._count + _MOST_RESTING:
            self._start()

    @property
    def surplus(self) -> bool:
        """Whether one task too many works, since one has ended its rest."""
        return len(self._tasks) - self._resting() > self._count

    async def cancel(self) -> None:
        """Cancel all tasks, and return when they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self) -> None:
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed = self._failed or task
            self._over.set()
        if not self._tasks:
            self._over.set()

"""Places for calls in flight: as many as `AdaptiveConcurrency` allows at the moment, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

from synthgen.llm.rate_limit.concurrency import AdaptiveConcurrency

__all__ = ["CallSlots"]


class CallSlots:
    """An asynchronous context manager, entered once for each call: a semaphore whose size changes."""

    def __init__(self, concurrency: AdaptiveConcurrency) -> None:
        self.concurrency = concurrency
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._taken < self.concurrency.limit and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn had come
                self._release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def answered(self, number: int, duration_s: float, in_flight: int) -> None:
        """Record an answer, as `AdaptiveConcurrency.answered` does."""
        self.concurrency.answered(number, duration_s, in_flight)
        self._admit()

    def _release(self) -> None:
        self._taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._taken < self.concurrency.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

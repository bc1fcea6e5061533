"""A gate that one call passes alone, while the others wait for what it finds out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["SoloGate"]


class SoloGate:
    """A lock for the call that goes alone. `accepted` are the models whose server did not refuse such a call."""

    def __init__(self) -> None:
        self.accepted: set[str] = set()
        self._lock = asyncio.Lock()
        self._holder: object = None

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        self._holder = asyncio.current_task()

    async def __aexit__(self, *_: object) -> None:
        self._release(asyncio.current_task())

    @contextmanager
    def opened_after(self, seconds: float, model: str, unless: Callable[[], bool]) -> Iterator[None]:
        """Let the others through `seconds` from now, while the holder is still waiting."""
        holder = self._holder

        def accept() -> None:
            if not unless():
                self.accepted.add(model)
                self._release(holder)

        timer = asyncio.get_running_loop().call_later(seconds, accept)
        try:
            yield
        finally:
            timer.cancel()

    def _release(self, holder: object) -> None:
        if self._holder is holder:
            self._holder = None
            self._lock.release()

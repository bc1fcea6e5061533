"""An event loop on a virtual clock: when nothing is ready the clock jumps to the next timer, so nobody ever waits.

`asyncio.sleep`, `asyncio.timeout` and `call_later` keep their meaning. Work for a thread is done at once, in the loop.
Not covered: real sockets, and threads that report back to the loop by themselves.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["VirtualTimeLoop", "run"]

_STANDSTILL = 1_000_000  # turns of the loop without progress of the clock

Result = TypeVar("Result")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose `time()` starts at 0 and passes only while all tasks wait.

    Raises RuntimeError when all tasks wait for something that cannot happen, or when the clock stands still while tasks
    are busy forever.
    """

    def __init__(self) -> None:
        super().__init__(_Jump(self._advance))
        self._now = 0.0
        self._turns = 0

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as an executor does
            done.set_exception(error)
        return done

    def _advance(self, seconds: float | None) -> None:
        if seconds is None:
            raise RuntimeError("All tasks wait, and no timer is set: nothing can ever happen again.")
        self._turns = 0 if seconds > 0 else self._turns + 1
        if self._turns > _STANDSTILL:
            raise RuntimeError(f"The clock stands still at {self._now} s: tasks are busy without ever waiting.")
        self._now += seconds


class _Jump(selectors.DefaultSelector):
    """A selector that reports how long it would have waited."""

    def __init__(self, advance: Callable[[float | None], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = [] if timeout == 0 else super().select(0)
        if not ready:
            self._advance(timeout)
        return ready


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end on a virtual clock of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)

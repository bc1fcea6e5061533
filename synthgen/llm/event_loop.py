"""Runs coroutines from synchronous code, also where an event loop is already running."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

__all__ = ["run_async"]

_GLANCE_S = 0.1

Result = TypeVar("Result")


def run_async(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a coroutine, also where an event loop is already running, as in a notebook.

    There the coroutine gets its own loop in a worker thread; the caller's loop waits and is not patched. Ctrl-C cancels
    the coroutine, which may take its grace period to end; a second Ctrl-C cancels that too.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)

    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[Result]]] = []
    caller = asyncio.current_task()

    async def main() -> Result:
        task = asyncio.ensure_future(coroutine)
        running.append((asyncio.get_running_loop(), task))
        return await task

    def cancel() -> None:
        for loop, task in running:
            loop.call_soon_threadsafe(task.cancel)

    def watch(future: Future[Result]) -> None:
        # Ctrl-C under asyncio.run only marks the caller's task as cancelled, so the mark has to be checked.
        while wait([future], timeout=_GLANCE_S).not_done and not (caller and caller.cancelling()):
            pass

    with ThreadPoolExecutor(1, thread_name_prefix="synthgen") as pool:
        future = pool.submit(asyncio.run, main())
        try:
            watch(future)
        except KeyboardInterrupt:  # in a notebook it is raised here
            cancel()
            _second_chance(future, cancel)
            raise
        if not future.done():
            cancel()
            _second_chance(future, cancel)
        return future.result()


def _second_chance(future: Future[Any], cancel: Any) -> None:
    try:
        wait([future])
    except KeyboardInterrupt:
        cancel()
        raise

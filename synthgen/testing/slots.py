"""How many answers a server computes at a time, and what becomes of answers whose client leaves.

A server on one machine works on a few requests and queues the others. Requests get a slot in the order of arrival. A
client that disconnects leaves the queue, or frees its slot, at once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass

from synthgen.errors import ConfigError

__all__ = ["SlotUse", "Slots"]


@dataclass(slots=True)
class SlotUse:
    """What the slots did so far.

    `computed` counts answers that were finished, `left_computing` those that were thrown away half done because the
    client left, and `left_queued` the requests whose client left before there was a slot. `computing_s` and `wasted_s`
    are the seconds of slots for the first and the second kind.
    """

    computed: int = 0
    left_queued: int = 0
    left_computing: int = 0
    computing_s: float = 0.0
    wasted_s: float = 0.0


class Slots:
    """`count` slots, or as many as there are requests. Raises ConfigError when `count` is less than 1."""

    def __init__(self, count: int | None = None) -> None:
        if count is not None and count < 1:
            raise ConfigError(f"A server has at least one slot; given: slots = {count}.")
        self.use = SlotUse()
        self._free = asyncio.Semaphore(sys.maxsize if count is None else count)
        self._closed = False

    async def compute(self, duration_s: Callable[[], float], *, arrived_at: float) -> None:
        """Wait for a slot, and occupy it for `duration_s()` seconds from then on. A cancellation means that the client left.

        `arrived_at` is the loop's time at the arrival of the request. `duration_s` is called when the slot is free.
        """
        clock = asyncio.get_running_loop().time
        queued = self._free.locked()
        try:
            await self._free.acquire()
        except asyncio.CancelledError:
            self.use.left_queued += not self._closed
            raise
        began_at = clock() if queued else arrived_at
        try:
            await asyncio.sleep(max(0.0, began_at + duration_s() - clock()))
        except asyncio.CancelledError:
            if not self._closed:
                self.use.left_computing += 1
                self.use.wasted_s += clock() - began_at
            raise
        else:
            self.use.computed += 1
            self.use.computing_s += clock() - began_at
        finally:
            self._free.release()

    def close(self) -> None:
        """Count no client as one that left from now on: the server leaves."""
        self._closed = True

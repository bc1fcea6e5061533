"""What the engine has found out about a server, as sentences that the call store keeps for `status`."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

from synthgen.errors import RunFolderError
from synthgen.llm.call_store import CallStore

__all__ = ["StoredFindings", "stored_findings"]

_EVERY_S = 10.0


def stored_findings(store: CallStore, endpoint_id: str) -> str:
    """Return what the last calls to an endpoint have found out, "" for nothing."""
    return store.recall(_name(endpoint_id)) or ""


class StoredFindings:
    """The findings of the calls to one endpoint: stored when they change, every 10 s at most.

    A store that cannot be written keeps none. That is reported with the calls, if it lasts.
    """

    def __init__(self, store: CallStore, endpoint_id: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._endpoint_id = endpoint_id
        self._clock = clock
        self._stored_at = -math.inf

    def offer(self, read: Callable[[], str]) -> None:
        """Store what `read` returns, unless something was stored within the last 10 s."""
        if self._clock() >= self._stored_at + _EVERY_S:
            self.put(read())

    def put(self, text: str) -> None:
        self._stored_at = self._clock()
        with suppress(RunFolderError):
            if text != stored_findings(self._store, self._endpoint_id):
                self._store.remember(_name(self._endpoint_id), text)


def _name(endpoint_id: str) -> str:
    return f"findings {endpoint_id}"

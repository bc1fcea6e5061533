"""Tracks the health of a server, and what to do when it is down.

    before its first answer   three attempts in a row without a connection, or as many as a failure names that is nothing
                              like an answer (`Failure.ends_after`): waiting is pointless
    well                      as many calls as `concurrency`
    down                      ten attempts in a row failed for a reason that is not their own: one call at a time tries again,
                              after 5 s, then after growing pauses

Something that is nothing like an answer also ends the run where it marks an outage. The run ends, too, when nothing at all was answered for `patience_s`, because of an outage or of 429s.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from synthgen.llm.failure import Failure

__all__ = ["LONGEST_PAUSE_S", "Health"]

LONGEST_PAUSE_S = 60.0
"""After at most this long somebody tries again, whatever the server said: quotas are raised, and clocks differ."""

_DOWN_AFTER = 10
_NOBODY_AFTER = 3
_SILENT_AFTER = 3
_FIRST_CONTACT_PAUSE_S = 0.5
_FIRST_PAUSE_S = 5.0


class Health:
    """The health of a server. `clock` returns seconds."""

    def __init__(self, patience_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.heard = False  # whether the server has answered anything at all
        self.last: Failure | None = None
        self._patience_s = patience_s
        self._clock = clock
        self._failures = 0  # in a row, 429s not counted
        self._unmet = 0  # in a row, that found no connection
        self._unlike = 0  # in a row, with something that is no answer
        self._answered = False
        self._told_later = False  # whether the last failure was a 429 or a 503
        self._since: float | None = None  # when the first attempt failed after the last answer
        self._pause_s = _FIRST_PAUSE_S

    @property
    def down(self) -> bool:
        return self._failures >= _DOWN_AFTER

    @property
    def nobody_there(self) -> bool:
        return not self.heard and self._unmet >= _NOBODY_AFTER

    def pointless(self, attempt: int) -> bool:
        """Whether trying again is pointless: nobody is there, or somebody who does not answer such requests.

        `attempt` is the number of the attempt that has failed last, of its call. What may be an accident of each first
        attempt needs a second one.
        """
        after = self.last.ends_after if self.last else None
        if self.nobody_there or after is None:
            return self.nobody_there
        if self._answered:
            return self._unlike >= _DOWN_AFTER
        return self._unlike >= after and (after == 1 or attempt > 1)

    @property
    def silent_s(self) -> float:
        """Seconds since an answer arrived while attempts fail; 0 otherwise."""
        return 0.0 if self._since is None else self._clock() - self._since

    @property
    def hopeless(self) -> bool:
        """Whether patience is exhausted: after a few failures in a row, or when every call was asked to wait."""
        return 0 < self.silent_s >= self._patience_s and (self._failures >= _SILENT_AFTER or self._told_later)

    def begin(self) -> None:
        """Calls start again after a time in which nobody waited for the server."""
        self._since = None

    def pause_s(self) -> float:
        """Return the seconds to wait before the next try; never beyond the end of patience."""
        if not self.down:
            return 0.0 if self._since is None else _FIRST_CONTACT_PAUSE_S
        pause, self._pause_s = self._pause_s, min(LONGEST_PAUSE_S, 1.5 * self._pause_s)
        return max(0.0, min(pause, self._patience_s - self.silent_s))

    def answered(self) -> None:
        self.heard = self._answered = True
        self._failures, self._unmet, self._unlike, self._since, self._pause_s = 0, 0, 0, None, _FIRST_PAUSE_S

    def failed(self, failure: Failure) -> None:
        """Record an attempt that failed in a way that may pass."""
        self.heard = self.heard or failure.reason not in ("connection", "timeout")
        self.last = failure
        self._since = self._clock() if self._since is None else self._since
        self._told_later = failure.busy
        self._failures += failure.reason != "rate_limited"
        self._unmet = self._unmet + 1 if failure.no_contact else 0
        self._unlike = self._unlike + 1 if failure.ends_after is not None else 0

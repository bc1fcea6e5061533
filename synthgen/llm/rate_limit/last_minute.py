"""What the last minute says about a limit per minute: how many requests it had, and the most that one has taken.

Where the limit is one per minute, no more are sent in any minute than the learned rate allows. Even spacing alone is not
enough: after a pause there is room in the window of a sliding minute, a higher rate is accepted for as long, and a
minute later nothing is.

While fewer requests are accepted than a minute has taken before, rejections have another cause, whatever the rate.
"""

from __future__ import annotations

import math

from synthgen.llm.rate_limit.quota import WINDOW_S

__all__ = ["LastMinute"]

_FULL, _FULLER = 0.95, 0.87  # of the most that a minute has taken; and that most of what is accepted
_USED = 0.95  # of what the rate allows
_BELOW = 0.93  # of the most that a minute has taken
_FEWEST = 12
_SHORTEST_WAIT_S = 0.001


class LastMinute:
    """Counts of the last minute. `is_limited` says that the limit is one per minute."""

    def __init__(self) -> None:
        self.is_limited = False
        self.accepted = self.sent = 0
        self.first_at = math.inf
        self._oldest_at = self._now = -math.inf
        self._most = 0.0

    def update(self, now: float, *, accepted: int, sent: int, oldest_at: float, first_at: float) -> None:
        """Take the counts. `oldest_at` and `first_at` are when the oldest of them and the first of all were sent."""
        self._now, self.accepted, self.sent, self._oldest_at, self.first_at = now, accepted, sent, oldest_at, first_at

    @property
    def accepted_per_s(self) -> float:
        """The rate of accepted requests in the last minute, or since the first request."""
        return max(1, self.accepted) / min(WINDOW_S, max(1.0, self._now - self.first_at))

    @property
    def most_per_s(self) -> float:
        """The rate of the most that a minute is known to take."""
        return self._most / WINDOW_S

    def wait_s(self, per_s: float) -> float:
        """Return the seconds until there is room for a request at the rate `per_s`; zero when there is now."""
        if not self.is_limited or self.accepted < max(1.0, 60 * per_s):
            return 0.0
        return max(_SHORTEST_WAIT_S, self._oldest_at + WINDOW_S - self._now)

    @property
    def is_full(self) -> bool:
        """Whether the limit is one per minute, and about as many were accepted as a minute takes."""
        return self.is_limited and _FULL * self._most <= self.accepted <= self._most / _FULLER

    def is_used(self, per_s: float) -> bool:
        """Whether the rate `per_s` was used: after a pause there is room that says nothing about the limit."""
        return not self.is_limited or self.sent >= _USED * 60 * per_s

    @property
    def is_below(self) -> bool:
        """Whether the limit is one per minute, and fewer were accepted than a minute has taken before."""
        return self.is_limited and self.accepted < _BELOW * self._most

    def hold(self, most: float) -> None:
        """Take the limit for one per minute, of which `most` requests are accepted; not so few that one more or less is much."""
        self._most, self.is_limited = most, most >= _FEWEST

    def forget(self) -> None:
        """Take the limit for one of another kind, or for none."""
        self.is_limited = False

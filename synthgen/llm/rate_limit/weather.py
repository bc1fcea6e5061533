"""The share of requests that a busy server rejects at any rate, and the evidence that there are more of them than usual.

Evidence accumulates as in a CUSUM test (Page, "Continuous inspection schemes", 1954): each request adds the logarithm of
how much likelier its end is if the usual share has risen, and the sum never falls below zero. So rejections that follow
one another count, and any number that is spread out as usual does not.

The usual share is learned where no limit rejects anything. It is never more than the share of all rejections lately,
since a limit can only add to it.
"""

from __future__ import annotations

import math

__all__ = ["Weather"]

_FIRST_SHARE = 0.03  # before anything is known, as if of `_FIRST_WEIGHT` requests
_FIRST_WEIGHT = 30
_WORST = 0.2
_MEMORY, _LATELY = 300, 200  # requests
_MOST = 0.3
_LEAST = 0.005


class Weather:
    """The usual `share` of rejections, and the `evidence` that the present one is larger: a logarithm of odds."""

    def __init__(self) -> None:
        self.share = _FIRST_SHARE
        self.evidence = 0.0
        self._weight = _FIRST_WEIGHT
        self._before = self.share  # when the present evidence began
        self._suspicious = self._suspicious_refused = 0  # requests since then
        self._lately, self._judged = 0.0, 0

    @property
    def at_worst(self) -> float:
        """The usual share, as it may be as long as little is known. Present suspicions do not count."""
        return max(self._before, _WORST * _FIRST_WEIGHT / self._weight)

    @property
    def suspicious(self) -> float:
        """The share of rejections among the requests that are the evidence."""
        return self._suspicious_refused / max(1, self._suspicious)

    def learn(self, *, refused: bool) -> None:
        """Take the end of a request for usual."""
        self._weight = min(_MEMORY, self._weight + 1)
        self.share = min(max(_MOST, self.share), self.share + (refused - self.share) / self._weight)

    def judge(self, *, refused: bool, excess: float, enough: float) -> bool:
        """Weigh the end of a request. Returns whether there is `enough` evidence of a share that is larger by `excess`."""
        usual = max(_LEAST, self.share)
        raised = usual + excess * (1 - usual)
        odds = raised / usual if refused else (1 - raised) / (1 - usual)
        self.evidence = max(0.0, self.evidence + math.log(odds))
        self._bound(refused)
        self._suspicious += 1
        self._suspicious_refused += refused
        if self.evidence == 0.0:
            self._before = self.share
            self._suspicious = self._suspicious_refused = 0
        return self.evidence >= enough

    def forget_evidence(self) -> None:
        """Start anew. What the suspicious requests taught about the usual share is taken back."""
        self.evidence, self.share = 0.0, min(self.share, self._before)
        self._suspicious = self._suspicious_refused = 0

    def accept(self, share: float) -> None:
        """Take `share` for usual."""
        self.share = self._before = min(_MOST, share)
        self.forget_evidence()
        self._lately, self._judged = 0.0, 0

    def _bound(self, refused: bool) -> None:
        """Lower the usual share to that of all rejections lately, with two standard errors for chance."""
        self._judged += 1
        self._lately += (refused - self._lately) / min(_LATELY, self._judged)
        if self._judged >= _LATELY:
            self.share = min(self.share, self._lately + 2.0 * math.sqrt(self._lately * (1 - self._lately) / _LATELY))

"""Extrapolates from a few paid calls to a range for all of them.

The cost of a request is its prompt, counted in advance to the token, less what the cache saved, and its answers, whose
length is unknown. Only the second part is drawn from the sample: the difference estimator (Särndal, Swensson and
Wretman, *Model Assisted Survey Sampling*, 1992, section 6.3) with Student's quantile and the correction for a finite
population. Three additions make it hold for samples of some fifty requests, where the lengths of answers are skewed and
failures are rare:

- The spread is the median of three: the sample's own, that of a log-normal with the sample's log-spread, and 0.8 of the
  mean. One long answer more or less moves the first a lot and the others little.
- A sample may contain no second call by chance. So the upper end has room for as many as a Poisson count of 0 leaves
  open.
- The first request with its beginning cannot find it in the cache. The others show what the rest will save.

`benchmarks/cost_estimate.py` measures the coverage. Not covered: answers that change in the course of a run, answers
whose lengths have a log-spread far above 0.8 (the range then holds in some 90 of 100 runs), and a sample that is not
random.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, median, stdev

__all__ = ["Sampled", "pilot_range", "student_quantile"]

_USUAL_SPREAD = 0.8  # of answers to one prompt, as a share of their mean: a log-normal with a log-spread of 0.7


@dataclass(frozen=True, slots=True)
class Sampled:
    """The cost of one sampled request, all in dollars or all in tokens.

    - `prompt`: its first prompt as counted in advance, at the full price.
    - `saved`: what the prompt cost less than that; None for the first request with its beginning.
    - `answer`: its first answer.
    - `again`: everything else: a second call, attempts whose usage never arrived.
    """

    prompt: float
    saved: float | None
    answer: float
    again: float = 0.0


def pilot_range(
    sampled: Sequence[Sampled], rest: int, rest_prompt: float, *, confidence: float = 0.99
) -> tuple[float, float, float]:
    """Return the (low, expected, high) cost of `rest` more requests whose prompts cost `rest_prompt` at the full price.

    Raises ValueError for fewer than two sampled requests: one shows nothing of how they differ.
    """
    if len(sampled) < 2:
        raise ValueError(f"a range needs at least 2 sampled requests; given: {len(sampled)}")
    if not rest:
        return 0.0, 0.0, 0.0
    n, tail = len(sampled), (1 - confidence) / 2
    saved = [one.saved for one in sampled if one.saved is not None] or [0.0]
    drawn = [one.answer + one.again for one in sampled]
    saving = fmean(saved)
    each = fmean(drawn) - saving
    spread = math.hypot(_spread([one.answer for one in sampled], drawn), stdev(saved) if len(saved) > 1 else 0.0)
    half = student_quantile(1 - tail, n - 1) * spread * math.sqrt(1 / n + 1 / rest)
    unseen = -math.log(tail) / n * fmean(one.prompt - saving + one.answer for one in sampled)
    expected = rest_prompt + rest * each
    return max(0.0, expected - rest * half), expected, expected + rest * math.hypot(half, unseen)


def _spread(answers: Sequence[float], drawn: Sequence[float]) -> float:
    """Return the standard deviation of what is drawn: first answers, and everything that came after them."""
    own, mean = stdev(drawn), fmean(drawn)
    if min(answers) <= 0:
        return own
    logs = stdev(math.log(answer) for answer in answers)
    return median([own, fmean(answers) * math.sqrt(math.expm1(min(logs, 5.0) ** 2)), _USUAL_SPREAD * mean])


def student_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t for `share` (at least one half) and `freedom` degrees of freedom.

    By bisection over the finite series of its distribution (Abramowitz and Stegun, 26.7.3 and 26.7.4), which is exact.
    """
    low, high = 0.0, 2.0 * NormalDist().inv_cdf(share) + 1.0
    while _student_share(high, freedom) < share:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_share(middle, freedom) < share else (low, middle)
    return high


def _student_share(t: float, freedom: int) -> float:
    """Return the share of Student's distribution below `t`, which is not negative."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    between = (angle + sine * total) * 2 / math.pi if odd else sine * total
    return 0.5 + between / 2

"""The significance of a difference: paired, and by groups of documents.

Queries about the same document succeed and fail together, so groups are resampled, not queries. The interval is that of
the paired cluster bootstrap (percentile; Efron and Tibshirani 1993). The p value is that of a randomisation test that
flips the sign of whole groups (Smucker et al. 2007 for the test). Both are too optimistic with few groups, so the
number of groups is reported with every figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Difference", "compare", "verdict"]

_RESAMPLES = 10_000
_BLOCK = 4_000_000  # numbers drawn at a time: 32 MB
_LEVEL = 0.05
_FEW_GROUPS = 10  # an interval from fewer groups is too narrow
_TWO_SIDED_95, _POWER_80 = 1.959964, 0.841621  # quantiles of the normal distribution


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference with its 95 % interval and p value, and the smallest true difference that 80 % of such
    measurements would detect. All but the mean are None when there is only one group.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    minimum_detectable: float | None


def compare(new: NDArray[np.float64], old: NDArray[np.float64], groups: Sequence[str], *, seed: int) -> Difference:
    """Return the significance of `new - old`, per query, over queries that belong to `groups`. Raises ValueError
    without queries.
    """
    import numpy as np

    differences = np.asarray(new, dtype=float) - np.asarray(old, dtype=float)
    if not len(differences):
        raise ValueError("There are no queries to compare on.")
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(member, weights=differences).astype(np.float64)
    counts = np.bincount(member).astype(np.float64)
    mean, n_groups = float(differences.mean()), len(counts)
    if n_groups < 2:
        return Difference(mean, None, None, None, None)

    generator = np.random.Generator(np.random.PCG64(seed))
    means = np.concatenate([w @ sums / (w @ counts) for w in _draws(generator, n_groups)])
    low, high = np.quantile(means, [0.025, 0.975])
    flipped = np.concatenate([s @ sums / counts.sum() for s in _signs(generator, n_groups)])
    p = (1 + int((np.abs(flipped) >= abs(mean) - 1e-12).sum())) / (1 + _RESAMPLES)
    return Difference(mean, float(low), float(high), p, (_TWO_SIDED_95 + _POWER_80) * _standard_error(sums, counts, mean))


def verdict(low: float | None, high: float | None, p: float | None, groups: int) -> str:
    """Return what a difference shows, in the same words everywhere. Interval and p value must agree for a gain or a loss."""
    if low is None or high is None or p is None or groups < _FEW_GROUPS:
        return "too few groups to tell"
    if p >= _LEVEL or low <= 0 <= high:
        return "no clear difference"
    return "gain" if low > 0 else "LOSS"


def _draws(generator: np.random.Generator, n_groups: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each resample contains each group, in blocks: resamples x groups."""
    import numpy as np

    share = np.full(n_groups, 1 / n_groups)
    return (generator.multinomial(n_groups, share, size=size).astype(float) for size in _blocks(n_groups))


def _signs(generator: np.random.Generator, n_groups: int) -> Iterator[NDArray[np.float64]]:
    import numpy as np

    values = np.array([-1.0, 1.0])
    return (values[generator.integers(0, 2, size=(size, n_groups))] for size in _blocks(n_groups))


def _blocks(n_groups: int) -> list[int]:
    size = max(1, min(_RESAMPLES, _BLOCK // n_groups))
    return [min(size, _RESAMPLES - done) for done in range(0, _RESAMPLES, size)]


def _standard_error(sums: NDArray[np.float64], counts: NDArray[np.float64], mean: float) -> float:
    """Return the standard error of a ratio of group totals (Cochran 1977, eq. 6.13)."""
    spread = float(((sums - counts * mean) ** 2).sum())
    return float((len(counts) / (len(counts) - 1) * spread) ** 0.5 / counts.sum())

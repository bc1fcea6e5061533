"""Ranking metrics per query: nDCG@10, MRR@10 and Recall@1/5/10/100.

The definitions are trec_eval's: linear gains, `log2(rank + 1)` discounts, the ideal order of all relevant ids as the
norm (also when there are more than ten), and recall over all relevant ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DEPTH", "METRICS", "measures"]

_RECALL_AT = (1, 5, 10, 100)
METRICS = ("ndcg@10", "mrr@10", *(f"recall@{k}" for k in _RECALL_AT))
DEPTH = 100  # ranks that metrics read


def measures(rankings: Sequence[Sequence[str]], relevant: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Return an array with one value per query for each metric.

    `rankings` holds ids, best first, each id once. `relevant` holds the relevant ids with their gains (above 0, at
    least one for each query).
    """
    import numpy as np

    gains = np.zeros((len(rankings), DEPTH))
    ideal = np.zeros((len(rankings), 10))
    for row, (ranked, wanted) in enumerate(zip(rankings, relevant, strict=True)):
        for rank, id in enumerate(ranked[:DEPTH]):
            gains[row, rank] = wanted.get(id, 0.0)
        best = sorted(wanted.values(), reverse=True)[:10]
        ideal[row, : len(best)] = best

    discounts = 1 / np.log2(np.arange(2, 12))
    found = gains > 0
    first = np.argmax(found, axis=1)
    total = np.array([len(wanted) for wanted in relevant], dtype=float)
    return {
        "ndcg@10": (gains[:, :10] @ discounts) / (ideal @ discounts),
        "mrr@10": np.where(found[:, :10].any(axis=1), 1 / (first + 1), 0.0),
    } | {f"recall@{k}": found[:, :k].sum(axis=1) / total for k in _RECALL_AT}

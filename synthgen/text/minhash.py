"""Finds nearly equal sets of shingles among many, without comparing all pairs.

MinHash with banding (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3): sets whose
minimal hashes agree in a whole band are candidates, and the caller compares them exactly. So there are no false
positives. The probability to miss a pair at the threshold is under one in a thousand.

Not covered: crowds. Where very many sets fall into one bucket, each is compared with only fifty of the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["candidates", "signatures"]

_PERMUTATIONS = 128
_MIN_RECALL = 0.999
_COMPARED = 50  # members of a bucket compared with one set
_SLACK = 0.2  # the share of equal hashes estimates the similarity with a standard deviation of 0.04


def signatures(sets: Iterable[Set[str]]) -> NDArray[np.uint32]:
    """Return the minimal hashes of each set (sets x 128); zeros for an empty one, which matches nothing."""
    import numpy as np
    from rensa import RMinHash

    rows = []
    for shingles in sets:
        if shingles:
            minhash = RMinHash(num_perm=_PERMUTATIONS, seed=0)
            minhash.update(list(shingles))  # any order: each hash is a minimum
            rows.append(np.array(minhash.digest(), dtype=np.uint32))
        else:
            rows.append(np.zeros(_PERMUTATIONS, dtype=np.uint32))
    return np.stack(rows) if rows else np.zeros((0, _PERMUTATIONS), dtype=np.uint32)


def candidates(signed: NDArray[np.uint32], threshold: float, *, references: int = 0) -> Iterator[tuple[int, int]]:
    """Yield pairs of row numbers, the smaller first, that may have a Jaccard similarity of `threshold`; some
    repeatedly.

    With `references`, the first so many rows are compared with the others, and neither group within itself. The order
    of the rows decides which ones are compared in a crowd: sort them by content.
    """
    import numpy as np

    rows = _rows(threshold)
    present = np.flatnonzero(signed.any(axis=1))
    promising = (threshold - _SLACK) * _PERMUTATIONS
    for band in range(0, _PERMUTATIONS - rows + 1, rows):
        buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        keys = np.ascontiguousarray(signed[present, band : band + rows]).view(f"V{4 * rows}")
        for index, hashes in zip(present.tolist(), keys.ravel().tolist(), strict=True):
            buckets[hashes].append(index)
        for bucket in buckets.values():
            if len(bucket) < 2 or (references and bucket[0] >= references):
                continue
            compared = [index for index in bucket[:_COMPARED] if index < references] if references else bucket[:_COMPARED]
            for position, index in enumerate(bucket):
                others = compared[:position]
                if not others or index < references:
                    continue
                equal = (signed[others] == signed[index]).sum(axis=1)
                for other, shared in zip(others, equal.tolist(), strict=True):
                    if shared >= promising:
                        yield other, index


def _rows(threshold: float) -> int:
    """Return the hashes in a band: as many as still find a pair at the threshold with the required probability."""
    for rows in range(16, 1, -1):
        if 1 - (1 - threshold**rows) ** (_PERMUTATIONS // rows) >= _MIN_RECALL:
            return rows
    return 1

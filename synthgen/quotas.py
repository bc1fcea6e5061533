"""Shares of rows as whole numbers: exact, rounded in one way, and evenly spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

__all__ = ["exact", "in_turn", "rounded"]


def exact(share: float) -> Fraction:
    """Return the share as the written decimal: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(str(share))


def rounded(rows: int, share: Fraction) -> int:
    """Return floor(rows · share + ½): a half is rounded up."""
    return int(rows * share + Fraction(1, 2))


def in_turn(counts: Sequence[int], shares: Sequence[Fraction] | None = None) -> Iterator[int]:
    """Yield each index as often as its count, with about the same shares in every prefix (by default those of the counts).

    The index that is furthest behind its share comes next, the first of equals.
    """
    targets: Sequence[Fraction | int] = counts if shares is None else shares
    whole, used = sum(targets), [0] * len(counts)
    for place in range(1, sum(counts) + 1):
        open_indices = (index for index, count in enumerate(counts) if used[index] < count)
        index = max(open_indices, key=lambda index: place * targets[index] - whole * used[index])
        used[index] += 1
        yield index

"""Shares of rows as whole numbers: exact, rounded in one way, and spread evenly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

__all__ = ["exact", "in_turn", "rounded"]


def exact(share: float) -> Fraction:
    """The share as it is written: 0.1 is a tenth, not the binary fraction next to it."""
    return Fraction(str(share))


def rounded(rows: int, share: Fraction) -> int:
    """floor(rows · share + ½): a half is rounded up."""
    return int(rows * share + Fraction(1, 2))


def in_turn(counts: Sequence[int], shares: Sequence[Fraction] | None = None) -> Iterator[int]:
    """Each index as often as its count says, so that every beginning has about the shares (those of the counts, if none are given).

    The one furthest behind its share is next, and of several the first.
    """
    wanted: Sequence[Fraction | int] = counts if shares is None else shares
    whole, given = sum(wanted), [0] * len(counts)
    for place in range(1, sum(counts) + 1):
        left = (index for index, count in enumerate(counts) if given[index] < count)
        index = max(left, key=lambda index: place * wanted[index] - whole * given[index])
        given[index] += 1
        yield index

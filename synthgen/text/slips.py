"""Spelling slips: single typing errors in a word."""

from __future__ import annotations

__all__ = ["one_slip"]


def one_slip(left: str, right: str) -> bool:
    """Whether two words differ by at most one letter more, less or other, or one swap of neighbours (Damerau 1964)."""
    if abs(len(left) - len(right)) > 1:
        return False
    start, end = 0, 0
    shorter = min(len(left), len(right))
    while start < shorter and left[start] == right[start]:
        start += 1
    while end < shorter - start and left[-1 - end] == right[-1 - end]:
        end += 1
    mine, yours = left[start : len(left) - end], right[start : len(right) - end]
    return max(len(mine), len(yours)) <= 1 or (len(mine) == 2 and mine == yours[::-1])

"""Shares as whole numbers: written decimals, halves up, every beginning even."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import accumulate

import pytest

from synthgen.quotas import exact, in_turn, rounded


def test_a_share_is_what_was_written_and_a_half_rounds_up() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert [rounded(rows, exact(0.5)) for rows in range(6)] == [0, 1, 1, 2, 2, 3]
    assert rounded(15, exact(0.1)) == 2  # the binary fraction is above a tenth, 0.7 and others below
    assert rounded(45, exact(0.7)) == 32


@pytest.mark.parametrize("counts", [[3, 1], [0, 0], [], [1, 1, 1], [7, 0, 2], [40, 3, 1]])
def test_every_beginning_has_about_the_shares(counts: list[int]) -> None:
    order = list(in_turn(counts))
    assert [Counter(order)[index] for index in range(len(counts))] == counts
    for index, count in enumerate(counts):
        for place, given in enumerate(accumulate(found == index for found in order), 1):
            assert abs(given - Fraction(place * count, sum(counts))) < 1


def test_what_is_used_up_leaves_its_turns_to_the_others() -> None:
    assert list(in_turn([1, 3], [exact(0.5), exact(0.5)])) == [0, 1, 1, 1]
    assert list(in_turn([2, 2], [exact(0.9), exact(0.1)])) == [0, 0, 1, 1]

"""How many distractors of which source a row gets, and in which order they stand.

Shares are met exactly over all rows: each row gets the whole part of its share of every source, and the places that are left are
dealt to the rows in the order of a digest of their content, each source as many as the method of largest remainders gives it.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import TypeVar

from synthgen.quotas import exact, in_turn
from synthgen.records import digest

__all__ = ["SOURCES", "interleaved", "quotas", "shares_of"]

SOURCES = ("mined", "same_document", "random")
"""In the order in which they fill up for each other."""

Kept = TypeVar("Kept")
Shares = Mapping[str, Fraction]


def shares_of(mined: float, same_document: float) -> Shares:
    """The share of each source; what the first two leave is random. Raises ValueError when they leave less than nothing."""
    one, other = exact(mined), exact(same_document)
    if one + other > 1:
        raise ValueError(f"The shares {mined} and {same_document} are more than the whole.")
    return dict(zip(SOURCES, (one, other, 1 - one - other), strict=True))


def quotas(ids: Sequence[str], num: int, shares: Shares, *, seed: int) -> list[dict[str, int]]:
    """The places of each source in each row: `num` in every row, and exact totals over all rows."""
    whole = {source: floor(num * share) for source, share in shares.items()}
    odd = _totals(len(ids), {source: num * share - whole[source] for source, share in shares.items()})
    found = [dict(whole) for _ in ids]
    ranked = sorted(range(len(ids)), key=lambda i: digest([seed, "distractor mix", ids[i]]))
    dealt = itertools.chain.from_iterable(itertools.repeat(source, count) for source, count in odd.items())
    # No source has more odd places than there are rows, so dealt one after the other they all lie in different rows.
    for row, source in zip(itertools.cycle(ranked), dealt, strict=False):
        found[row][source] += 1
    return found


def interleaved(found: Mapping[str, Sequence[Kept]], shares: Shares) -> list[Kept]:
    """All of them, each source in its order, so that every beginning of the list has about the shares."""
    order = _order(tuple(len(found[source]) for source in SOURCES), tuple(shares[source] for source in SOURCES))
    sources = [iter(found[source]) for source in SOURCES]
    return [next(sources[source]) for source in order]


@functools.cache
def _order(counts: tuple[int, ...], shares: tuple[Fraction, ...]) -> Sequence[int]:
    return tuple(in_turn(counts, shares))


def _totals(rows: int, odd: Shares) -> dict[str, int]:
    """Whole numbers nearest to `rows` times these shares, with their sum."""
    exact = {source: rows * share for source, share in odd.items()}
    totals = {source: floor(share) for source, share in exact.items()}
    largest = sorted(exact, key=lambda source: totals[source] - exact[source])
    for source in largest[: int(sum(exact.values())) - sum(totals.values())]:
        totals[source] += 1
    return totals

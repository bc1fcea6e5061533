"""How many distractors of each source a row gets, and their order.

Shares are exact over all rows. Each row gets the whole part of its share of every source. The remaining places are
assigned to rows in the order of a digest of their content; the method of largest remainders gives the number of each
source.
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
"""The sources, in the order in which they fill up for each other."""

Kept = TypeVar("Kept")
Shares = Mapping[str, Fraction]


def shares_of(mined: float, same_document: float) -> Shares:
    """Return the share of each source; the rest is random. Raises ValueError when the two shares exceed 1."""
    one, other = exact(mined), exact(same_document)
    if one + other > 1:
        raise ValueError(f"The shares {mined} and {same_document} add up to more than 1.")
    return dict(zip(SOURCES, (one, other, 1 - one - other), strict=True))


def quotas(ids: Sequence[str], num: int, shares: Shares, *, seed: int) -> list[dict[str, int]]:
    """Return the number of places of each source in each row: `num` places in every row, with exact totals."""
    whole = {source: floor(num * share) for source, share in shares.items()}
    odd = _totals(len(ids), {source: num * share - whole[source] for source, share in shares.items()})
    counts = [dict(whole) for _ in ids]
    ranked = sorted(range(len(ids)), key=lambda i: digest([seed, "distractor mix", ids[i]]))
    assigned = itertools.chain.from_iterable(itertools.repeat(source, count) for source, count in odd.items())
    # No source has more odd places than there are rows, so in this order they all lie in different rows.
    for row, source in zip(itertools.cycle(ranked), assigned, strict=False):
        counts[row][source] += 1
    return counts


def interleaved(found: Mapping[str, Sequence[Kept]], shares: Shares) -> list[Kept]:
    """Return all distractors, each source in its order, with about the same shares in every prefix."""
    order = _order(tuple(len(found[source]) for source in SOURCES), tuple(shares[source] for source in SOURCES))
    sources = [iter(found[source]) for source in SOURCES]
    return [next(sources[source]) for source in order]


@functools.cache
def _order(counts: tuple[int, ...], shares: tuple[Fraction, ...]) -> Sequence[int]:
    return tuple(in_turn(counts, shares))


def _totals(rows: int, odd: Shares) -> dict[str, int]:
    """Return the whole numbers nearest to `rows` times the shares, with the same sum."""
    exact = {source: rows * share for source, share in odd.items()}
    totals = {source: floor(share) for source, share in exact.items()}
    largest = sorted(exact, key=lambda source: totals[source] - exact[source])
    for source in largest[: int(sum(exact.values())) - sum(totals.values())]:
        totals[source] += 1
    return totals

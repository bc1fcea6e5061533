"""Which rows show their oracle, among how many documents, and where: shares met exactly, where coin flips only come near.

Of n rows, `floor(n·p + ½)` show the oracle. Of the m others, `floor(m·memorise + ½)` give the answer all the same
(`memorise`); the rest say that the documents do not give it (`abstain`). Numbers of documents are spread evenly over the rows
with oracle and over those without, and the oracle's positions evenly over the rows that show equally many documents: no number
and no position is used more than once more often than another. A model that finds answers best at the ends of its context
(Liu et al. 2023, arXiv 2307.03172) can learn nothing from where they stand.

Rows are dealt in the order of a digest of seed and id, so that the order they come in changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from synthgen.quotas import exact, rounded
from synthgen.records import digest, random_for

__all__ = ["ABSTAIN", "RowPlan", "deal", "numbers"]

MOST_DOCUMENTS = 1_000

ORACLE, MEMORISE, ABSTAIN = "oracle", "memorise", "abstain"


class RowPlan(NamedTuple):
    """What one row shows: documents (the oracle included), `missing` of those asked for, the oracle's position if it has one."""

    mode: str
    documents: int
    missing: int
    position: int | None


def numbers(documents: int | str) -> range:
    """The numbers of documents that "3..8" or 5 stand for. Raises ValueError for anything else."""
    first, dots, last = str(documents).partition("..")
    if not first.isdecimal() or not (last.isdecimal() or not dots) or not 2 <= int(first) <= int(last or first):
        raise ValueError(f"{documents!r} is neither a number of documents, 2 or more (5), nor a range of them (3..8)")
    if int(last or first) > MOST_DOCUMENTS:
        raise ValueError(f"{documents!r} is more than {MOST_DOCUMENTS:,} documents, which is the most that a row may show")
    return range(int(first), int(last or first) + 1)


def deal(rows: Sequence[tuple[str, int]], seed: int, *, p: float, documents: range, memorise: float) -> list[RowPlan]:
    """One place for each row, given as its id and how many distractors it has. A row with too few shows what it has."""
    with_oracle = rounded(len(rows), exact(p))
    answered = with_oracle + rounded(len(rows) - with_oracle, exact(memorise))
    asked = _cycle(documents, seed, "numbers")  # rows of one mode come one after the other, so it is even in each
    positions: dict[int, Iterator[int]] = {}
    places: dict[int, RowPlan] = {}
    for rank, i in enumerate(sorted(range(len(rows)), key=lambda i: digest(f"{seed} raft {rows[i][0]}"))):
        mode = ORACLE if rank < with_oracle else MEMORISE if rank < answered else ABSTAIN
        has_oracle, number = mode == ORACLE, next(asked)
        shown = min(number, rows[i][1] + has_oracle)
        if has_oracle and shown not in positions:
            positions[shown] = _cycle(range(shown), seed, f"positions {shown}")
        places[i] = RowPlan(mode, shown, number - shown, next(positions[shown]) if has_oracle else None)
    return [places[i] for i in range(len(rows))]


def _cycle(values: range, seed: int, what: str) -> Iterator[int]:
    return itertools.cycle(random_for(seed, "raft", what).sample(values, len(values)))

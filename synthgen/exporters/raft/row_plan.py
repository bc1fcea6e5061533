"""Plan which rows show their oracle, among how many documents, and at which position, with exact shares.

Of n rows, `floor(n·p + ½)` show the oracle. Of the m others, `floor(m·memorise + ½)` still give the answer
(`memorise`); the rest say that the documents do not contain it (`abstain`). The numbers of documents are spread evenly
over the rows with oracle and over those without. The oracle's positions are spread evenly over the rows with equally
many documents. No number and no position is used more than once more often than another, so a model that finds answers
best at the ends of its context (Liu et al. 2023, arXiv 2307.03172) learns nothing from their place.

Rows are planned in the order of a digest of seed and id, so the order of the input does not matter.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from synthgen.quotas import exact, rounded
from synthgen.records import digest, random_for

__all__ = ["ABSTAIN", "RowPlan", "document_counts", "plan_rows"]

MAX_DOCUMENTS = 1_000

ORACLE, MEMORISE, ABSTAIN = "oracle", "memorise", "abstain"


class RowPlan(NamedTuple):
    """The plan of one row.

    `documents` is the number of documents shown, the oracle included; `missing` is how many more were asked for.
    `position` is that of the oracle, None without one.
    """

    mode: str
    documents: int
    missing: int
    position: int | None


def document_counts(documents: int | str) -> range:
    """Return the numbers of documents that "3..8" or 5 stands for. Raises ValueError for anything else."""
    first, dots, last = str(documents).partition("..")
    if not first.isdecimal() or not (last.isdecimal() or not dots) or not 2 <= int(first) <= int(last or first):
        raise ValueError(f"{documents!r} is neither a number of documents, 2 or more (5), nor a range of them (3..8)")
    if int(last or first) > MAX_DOCUMENTS:
        raise ValueError(f"{documents!r} is more than {MAX_DOCUMENTS:,} documents, the maximum of a row")
    return range(int(first), int(last or first) + 1)


def plan_rows(rows: Sequence[tuple[str, int]], seed: int, *, p: float, documents: range, memorise: float) -> list[RowPlan]:
    """Return a plan for each row, given as its id and its number of distractors. A row with too few distractors shows
    all of them.
    """
    with_oracle = rounded(len(rows), exact(p))
    answered = with_oracle + rounded(len(rows) - with_oracle, exact(memorise))
    counts = _cycle(documents, seed, "numbers")  # even in each mode, because the rows of a mode are consecutive
    positions: dict[int, Iterator[int]] = {}
    plans: dict[int, RowPlan] = {}
    for rank, i in enumerate(sorted(range(len(rows)), key=lambda i: digest(f"{seed} raft {rows[i][0]}"))):
        mode = ORACLE if rank < with_oracle else MEMORISE if rank < answered else ABSTAIN
        has_oracle, number = mode == ORACLE, next(counts)
        shown = min(number, rows[i][1] + has_oracle)
        if has_oracle and shown not in positions:
            positions[shown] = _cycle(range(shown), seed, f"positions {shown}")
        plans[i] = RowPlan(mode, shown, number - shown, next(positions[shown]) if has_oracle else None)
    return [plans[i] for i in range(len(rows))]


def _cycle(values: range, seed: int, what: str) -> Iterator[int]:
    return itertools.cycle(random_for(seed, "raft", what).sample(values, len(values)))

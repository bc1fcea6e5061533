"""Rejects rows beyond the share that a chunk, a kind of query or the beginning of chunks may have.

Reasons: `chunk_full` (its chunk has enough better rows; score: its place among them), `kind_full` (its kind of query
has), `lead_full` (too many rows are about the beginning of their chunk). The score of the last two is the share that
the better rows and this one have.

Readers of a passage, human and model, ask about its beginning first: in SQuAD and in generated sets most answers are
there, and a retriever learns to look no further (lead bias). A row is about the third of its chunk in which its first
quote begins. Rows without quotes belong to no third and are never `lead_full`.

The shares are of the rows of one split that the caps before it have left, so that a set of one kind is thinned and not
emptied. The best-scored rows are kept; ties go by id. The chain only flags rows of dev and test.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

from pydantic import Field

from synthgen.filters.common.survivor import rank
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Triple, Verdict

__all__ = ["SPEC", "balance"]


def balance(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    max_per_chunk: Annotated[int | None, Field(ge=1, description="rows of one chunk, or null for any number")] = 8,
    max_kind_share: Annotated[
        float | None, Field(gt=0, le=1, description="share of all rows that one kind of query may have")
    ] = None,
    max_lead_share: Annotated[
        float | None, Field(gt=0, le=1, description="share of the rows with a quote whose quote begins in the first third")
    ] = None,
    prefer: Annotated[str, Field(description="score whose best holders are kept; without it, the first by id")] = "round_trip",
) -> list[Verdict]:
    """The best rows of each chunk, kind and place."""
    rows: Iterable[int] = range(len(triples))
    if max_kind_share is None and max_lead_share is None:
        of_chunk = Counter(triple.chunk_id for triple in triples)
        rows = (i for i in rows if max_per_chunk is not None and of_chunk[triples[i].chunk_id] > max_per_chunk)
    order = sorted(rows, key=lambda i: rank(triples[i], prefer))
    full: dict[int, Verdict] = {}
    if max_per_chunk is not None:
        seen: Counter[str] = Counter()
        for i in order:
            seen[triples[i].chunk_id] += 1
            if (place := seen[triples[i].chunk_id]) > max_per_chunk:
                full[i] = Verdict(triples[i], "chunk_full", place, max_per_chunk)
    if max_kind_share is not None:
        full |= _over(triples, [i for i in order if i not in full], max_kind_share, "kind_full", lambda t: t.kind)
    if max_lead_share is not None:
        placed = [i for i in order if i not in full and triples[i].quotes]
        full |= _over(triples, placed, max_lead_share, "lead_full", _is_lead)
    return [full.get(i) or Verdict(triple) for i, triple in enumerate(triples)]


def _over(
    triples: Sequence[Triple], order: Sequence[int], share: float, reason: str, group: Callable[[Triple], str]
) -> dict[int, Verdict]:
    """Rows beyond the share of their group; a group has a name, and one row may always stay."""
    total = Counter(triples[i].split for i in order)
    seen: Counter[tuple[str, str]] = Counter()
    over = {}
    for i in order:
        triple = triples[i]
        if name := group(triple):
            seen[triple.split, name] += 1
            place, cap = seen[triple.split, name], max(1, math.floor(share * total[triple.split] + 1e-9))
            if place > cap:
                over[i] = Verdict(triple, reason, round(place / total[triple.split], 6), share)
    return over


def _is_lead(triple: Triple) -> str:
    first = min(start for start, _ in triple.quotes)
    return "lead" if first - triple.start < (triple.end - triple.start) / 3 else ""


SPEC = FilterSpec(
    balance,
    scope="corpus",
    flags_held_out=True,
    reasons={
        "chunk_full": "its chunk has enough better rows",
        "kind_full": "there are enough rows of its kind",
        "lead_full": "there are enough rows about the beginning of their chunk",
    },
)

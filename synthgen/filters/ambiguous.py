"""Merges and flags rows that ask the same question on different passages.

Reason: `merged` (the passages are copies of each other and the answers agree: the survivor has all the passages as
positives, its own first). Flag: `ambiguous:other_passages` (the passages or the answers differ). Such rows are kept,
because the question is clear beside its passage. But a search cannot know which of the passages is meant, and in a
batch each would be a negative of the other, so the contrastive exports leave flagged rows out.

A query made from text that its row hides is not merged with that of a copy. The same question is defined as for
`duplicates`, without its condition on answers. Rows on one and the same chunk are not ambiguous. A row that is not
flagged stays so when a similar row was rejected earlier.

Not covered: paraphrases on different passages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from synthgen.filters.common.question_identity import Questions, answers_agree
from synthgen.filters.common.survivor import rank, with_positives
from synthgen.filters.context import FilterContext, flagged
from synthgen.filters.spec import FilterSpec
from synthgen.records import Triple, Verdict
from synthgen.retrieval.passages import Passages, is_hidden

__all__ = ["SPEC", "ambiguous"]

_FLAG = "ambiguous:other_passages"
_COMPARED = 50  # rows of one question compared with a row's passage


def ambiguous(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    prefer: Annotated[str, Field(description="score whose best holder is kept; without it, the first by id")] = "round_trip",
) -> list[Verdict]:
    """One row of each question and passage. Rows of one question on several passages are flagged."""
    rows = [replace(t, flags=tuple(f for f in t.flags if f != _FLAG)) if _FLAG in t.flags else t for t in triples]
    passages, questions = Passages(context.chunks), Questions(rows, context)
    order = sorted(questions.crowd, key=lambda i: rank(rows[i], prefer))
    merged: dict[int, int] = {}
    marked: set[int] = set()
    for members in _asked(order, questions):
        staying: list[int] = []
        copies: list[int] = []  # whose queries belong to their own passages, see `duplicates`
        for row in members:
            twin = next((s for s in staying[:_COMPARED] if _is_copy(rows[row], rows[s], passages)), None)
            if twin is None:
                staying.append(row)
            elif is_hidden(rows[row], context.chunks[rows[row].chunk_id]):
                copies.append(row)
            else:
                merged[row] = twin
        if len({rows[row].chunk_sha256 for row in staying}) > 1:
            marked.update(staying, copies)
    duplicates_of: defaultdict[int, list[Triple]] = defaultdict(list)
    for row, twin in merged.items():
        duplicates_of[twin].append(rows[row])
    verdicts = []
    for i, triple in enumerate(rows):
        if i in merged:
            verdicts.append(Verdict(triple, "merged", survivor=rows[merged[i]].id))
        else:
            kept = with_positives(triple, duplicates_of[i], passages) if i in duplicates_of else triple
            verdicts.append(Verdict(flagged(kept, _FLAG) if i in marked else kept))
    return verdicts


def _asked(order: Sequence[int], questions: Questions) -> list[list[int]]:
    """Return the rows of each question, best first. Each is compared with only the best row of every question."""
    found: defaultdict[int, list[list[int]]] = defaultdict(list)
    for row in order:
        own = (rows for crowd in questions.crowds(row) for rows in found[crowd][:_COMPARED])
        same = next((rows for rows in own if questions.similarity(row, rows[0]) is not None), None)
        if same is None:
            found[questions.crowd[row]].append([row])
        else:
            same.append(row)
    return [rows for groups in found.values() for rows in groups if len(rows) > 1]


def _is_copy(row: Triple, other: Triple, passages: Passages) -> bool:
    """Whether two chunks are different, but one passage with one answer."""
    if row.chunk_sha256 == other.chunk_sha256 or not answers_agree(row.answer, other.answer):
        return False
    return passages.same(passages.chunks[row.chunk_id], passages.chunks[other.chunk_id])


SPEC = FilterSpec(
    ambiguous,
    scope="corpus",
    compares=True,
    reasons={
        "merged": "another row with a copy of the passage asks the same; it has both as positives",
    },
)

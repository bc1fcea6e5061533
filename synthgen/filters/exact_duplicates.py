"""Rows that say the same thing twice.

Reasons: `same_answer` (the same question with the same answer, anywhere in the corpus), `same_passage` (the same question
on the same text, whatever the answers: two rows of one passage may not contradict each other).

Equal means an equal comparison key, which keeps digits, signs and negations. The same question on different passages is
no duplicate when the answers differ, nor when there are none: that is an ambiguity, and another filter's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from synthgen.filters import Context
from synthgen.records import Triple, Verdict
from synthgen.text import key

__all__ = ["exact_duplicates"]


def exact_duplicates(
    triples: Sequence[Triple],
    context: Context,
    *,
    prefer: Annotated[str, Field(description="score whose best holder is kept; without it, the first by id")] = "round_trip",
) -> list[Verdict]:
    """One row of each question with the same answer or the same passage; a row falls only to a row that stays."""
    taken: dict[tuple[str, ...], str] = {}
    verdicts: dict[int, Verdict] = {}
    for i in sorted(range(len(triples)), key=lambda i: _rank(triples[i], prefer)):
        triple = triples[i]
        question = key(triple.query)
        passage = ("passage", question, triple.chunk_sha256)
        answer = ("answer", question, key(triple.answer)) if triple.answer is not None else passage
        if answer in taken and answer != passage:
            verdicts[i] = Verdict(triple, "same_answer", instead=taken[answer])
        elif passage in taken:
            verdicts[i] = Verdict(triple, "same_passage", instead=taken[passage])
        else:
            taken |= {passage: triple.id, answer: triple.id}
            verdicts[i] = Verdict(triple)
    return [verdicts[i] for i in range(len(triples))]


def _rank(triple: Triple, prefer: str) -> tuple[float, str, str, str, str]:
    """Sort key: the best score first; ids and the rest of the content break ties, never the order of arrival."""
    score = triple.scores.get(prefer)
    return (
        -float(score) if isinstance(score, int | float) else float("inf"),
        triple.id,
        triple.chunk_id,
        triple.answer or "",
        triple.generator,
    )

"""Rejects rows that repeat another row.

Reasons: `same_answer` (the same question with the same answer, anywhere in the corpus), `same_passage` (the same
question on the same text, whatever the answers: two rows of one passage must not contradict each other),
`conflicting_labels` (a text to be classified has another label elsewhere: all of its rows are rejected, because it is
unknown which label is right).

The survivor is the reviewed or best-scored row. It takes over the positives of the rejected rows whose passages are
copies of its own.

Equal means an equal comparison key, which keeps digits, signs and negations. The same question on different passages is
not a duplicate when the answers differ, nor when there are none: that is an ambiguity, which is the subject of another
filter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from synthgen.filters.common.survivor import rank, with_positives
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import CLASSIFICATION, Triple, Verdict
from synthgen.retrieval.passages import Passages
from synthgen.text.fold import key

__all__ = ["SPEC", "exact_duplicates"]


def exact_duplicates(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    prefer: Annotated[str, Field(description="score whose best holder is kept; without it, the first by id")] = "round_trip",
) -> list[Verdict]:
    """One row of each question with the same answer or the same passage.

    A row is rejected only in favour of one that is kept.
    """
    taken: dict[tuple[str, ...], int] = {}
    stays: dict[int, tuple[str, int]] = {}
    questions = [key(triple.query) for triple in triples]
    asked = Counter(questions)
    conflicting = _conflicting(triples, questions)
    for i in sorted((i for i, question in enumerate(questions) if asked[question] > 1), key=lambda i: rank(triples[i], prefer)):
        triple, question = triples[i], questions[i]
        passage = ("passage", question, triple.chunk_sha256)
        answer = ("answer", question, key(triple.answer)) if triple.answer is not None else passage
        if answer in taken and answer != passage:
            stays[i] = ("same_answer", taken[answer])
        elif passage in taken:
            stays[i] = ("same_passage", taken[passage])
        else:
            taken |= {passage: i, answer: i}
    duplicates_of: defaultdict[int, list[Triple]] = defaultdict(list)
    for i, (_, kept) in stays.items():
        duplicates_of[kept].append(triples[i])
    passages = Passages(context.chunks)
    verdicts = []
    for i, triple in enumerate(triples):
        if i in conflicting:
            verdicts.append(Verdict(triple, "conflicting_labels"))
        elif i in stays:
            reason, kept = stays[i]
            verdicts.append(Verdict(triple, reason, survivor=triples[kept].id))
        else:
            verdicts.append(Verdict(with_positives(triple, duplicates_of[i], passages) if i in duplicates_of else triple))
    return verdicts


def _conflicting(triples: Sequence[Triple], texts: Sequence[str]) -> set[int]:
    """Return the rows whose text has several labels."""
    labels: defaultdict[str, set[str]] = defaultdict(set)
    labelled = [i for i, triple in enumerate(triples) if triple.kind == CLASSIFICATION]
    for i in labelled:
        labels[texts[i]].add(key(triples[i].answer or ""))
    return {i for i in labelled if len(labels[texts[i]]) > 1}


SPEC = FilterSpec(
    exact_duplicates,
    scope="corpus",
    compares=True,
    reasons={
        "same_answer": "the same question with the same answer stands elsewhere",
        "same_passage": "the same question is asked of the same text",
        "conflicting_labels": "the same text has another label elsewhere",
    },
)

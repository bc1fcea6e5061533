"""Rejects rows whose answer differs from that of a model that reads the passage without the row's answer.

Reasons: `no_answer` (the passage does not answer the question), `disagrees` (another answer). `undecided` (a refusal,
nonsense, no reply in time, or answers of which the second opinion is unsure) and `not_asked` (no call was allowed) are
a third state: neither is a pass. Rows without an answer pass, because there is nothing to compare.

This is the round trip of Alberti et al. 2019 ("Synthetic QA Corpora Generation with Roundtrip Consistency") with a
model in place of their trained reader. Answers agree when their comparison keys are equal, or when they share enough
words (token F1, the measure of SQuAD; Rajpurkar et al. 2016) and no number or negation is in only one of them. With
`equivalence` a second call decides about those that do not agree. The F1 is stored as score `answer_check`, the other
answer as `answer_check_answer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from synthgen.filters.context import FilterContext, paid_of
from synthgen.filters.spec import NO_VERDICT, FilterSpec
from synthgen.prompting.row_questions import RowAnswer, RowStep, source_passage, yes
from synthgen.records import Triple, Verdict, digest
from synthgen.text.fold import key
from synthgen.text.lexicon import of_all
from synthgen.text.words import words

__all__ = ["SPEC", "answer_check", "token_f1"]

_NONE = frozenset({"", "none", "null", "n a", "no answer"})


def answer_check(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    model: Annotated[str | None, Field(description="PROVIDER/NAME to ask; unset means the run's own model")] = None,
    min_f1: Annotated[float, Field(ge=0, le=1, description="answers that share so much agree")] = 0.6,
    equivalence: Annotated[bool, Field(description="a second call decides where the words disagree")] = False,
    share: Annotated[float, Field(ge=0, le=1, description="share of the rows that are checked; the others pass")] = 1.0,
) -> list[Verdict]:
    """The answer of a second reader agrees with that of the row."""
    paid = paid_of(context, "answer_check")
    name, endpoint = paid.model("answer_check", model)
    checked = [i for i, triple in enumerate(triples) if triple.answer is not None and _drawn(triple, share)]
    rows = [triples[i] for i in checked]
    step = RowStep("answer_check", "answer_check", name, endpoint, source_passage(context.chunks), _question, needs=("answer",))
    replies = step.apply(rows, paid.answers(step, rows))
    verdicts = {i: _compared(row, reply, min_f1) for i, row, reply in zip(checked, rows, replies, strict=True)}
    if equivalence:
        apart = [i for i, verdict in verdicts.items() if verdict.reason == "disagrees"]
        rows = [verdicts[i].triple for i in apart]
        second = RowStep("answer_check", "same_answer", name, endpoint, source_passage(context.chunks), _both, needs=("agree",))
        opinions = second.apply(rows, paid.answers(second, rows))
        verdicts |= {i: _settled(verdicts[i], opinion) for i, opinion in zip(apart, opinions, strict=True)}
    return [verdicts.get(i, Verdict(triple)) for i, triple in enumerate(triples)]


def token_f1(left: str, right: str) -> float:
    """Return the harmonic mean of precision and recall of shared words, counted with repetition; 1 when both have no words."""
    one, other = Counter(words(left)), Counter(words(right))
    if not one or not other:
        return float(not one and not other)
    shared = (one & other).total()
    return 2 * shared / (one.total() + other.total())


def _question(triple: Triple) -> dict[str, str | None]:
    return {"Question": triple.query}


def _both(triple: Triple) -> dict[str, str | None]:
    return {"Question": triple.query, "First answer": triple.answer, "Second answer": triple.scores["answer_check_answer"]}


def _compared(triple: Triple, reply: RowAnswer, min_f1: float) -> Verdict:
    if not reply.fields:
        return Verdict(triple, "not_asked" if reply.reason == "not_asked" else "undecided")
    answer, expected = reply.fields["answer"], triple.answer or ""
    equal = key(answer) == key(expected)
    f1 = 1.0 if equal else round(token_f1(answer, expected), 6)
    scored = replace(triple, scores={**triple.scores, "answer_check": f1, "answer_check_answer": answer})
    if key(answer) in _NONE and not equal:
        return Verdict(scored, "no_answer")
    agree = equal or (f1 >= min_f1 and not _opposed(answer, expected))
    return Verdict(scored) if agree else Verdict(scored, "disagrees", f1, min_f1)


def _opposed(left: str, right: str) -> bool:
    """Whether a number or a negation is in only one of them."""
    one, other = Counter(words(left)), Counter(words(right))
    negations = of_all("negations")
    return any(any(map(str.isdigit, word)) or word in negations for word in ((one - other) + (other - one)))


def _settled(verdict: Verdict, opinion: RowAnswer) -> Verdict:
    agree = yes(opinion.fields.get("agree"))
    if agree is None:
        return replace(verdict, reason="not_asked" if opinion.reason == "not_asked" else "undecided")
    return Verdict(verdict.triple) if agree else verdict


def _drawn(triple: Triple, share: float) -> bool:
    """Whether the row is among those that are checked. The choice does not depend on the other rows."""
    return int(digest(["answer_check", triple.id])[:13], 16) < share * 16**13


SPEC = FilterSpec(
    answer_check,
    scope="row",
    needs=frozenset({"paid"}),
    reasons={
        "no_answer": "a second reader finds no answer in the passage",
        "disagrees": "a second reader answers otherwise",
        **NO_VERDICT,
    },
)

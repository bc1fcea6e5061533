"""Rejects rows that a model, which reads the row with its passage, finds deficient.

Reasons: `not_self_contained`, `unclear`, `not_answerable`, `unsupported` (the first of these that the judge denies).
`undecided` (it is unsure, refuses, writes nonsense or did not answer in time) and `not_asked` (no call was allowed) are
a third state: neither is a pass. The judge's answer is stored as score `judge`.

The four criteria are those of NVIDIA's retriever data pipeline (NeMo SDG), with the support of the answer added. The
prompt is `prompts/rows/judge.yaml`; `prompt` names a file of your own with the same fields. The judge is asked at
temperature 0, once for each row, with the passage as the row shows it.

Not covered: several judges and votes. A judge of the model family that wrote the row is known to be lenient with its
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from synthgen.filters.context import FilterContext, paid_of
from synthgen.filters.spec import NO_VERDICT, FilterSpec
from synthgen.prompting.row_questions import RowAnswer, RowStep, source_passage, yes
from synthgen.records import Triple, Verdict

__all__ = ["SPEC", "judge"]

_REASONS: Mapping[str, str] = {
    "self_contained": "not_self_contained",
    "clear": "unclear",
    "answerable": "not_answerable",
    "supported": "unsupported",
}


def judge(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    model: Annotated[str | None, Field(description="PROVIDER/NAME to ask; unset means the run's own model")] = None,
    prompt: Annotated[str, Field(description="the row prompt: judge, or a YAML file with the same fields")] = "judge",
) -> list[Verdict]:
    """Every criterion must be a plain yes."""
    paid = paid_of(context, "judge")
    name, endpoint = paid.model("judge", model)
    step = RowStep("judge", prompt, name, endpoint, source_passage(context.chunks), _shown, needs=tuple(_REASONS))
    replies = step.apply(triples, paid.answers(step, triples))
    return [_verdict(triple, reply) for triple, reply in zip(triples, replies, strict=True)]


def _shown(triple: Triple) -> dict[str, str | None]:
    return {"Question": triple.query, "Answer": triple.answer}


def _verdict(triple: Triple, reply: RowAnswer) -> Verdict:
    if not reply.fields:
        return Verdict(triple, "not_asked" if reply.reason == "not_asked" else "undecided")
    judged = replace(triple, scores={**triple.scores, "judge": dict(reply.fields)})
    criteria = [name for name in _REASONS if name != "supported" or triple.answer is not None]
    said = {name: yes(reply.fields.get(name)) for name in criteria}
    if refused := [name for name in criteria if said[name] is False]:
        return Verdict(judged, _REASONS[refused[0]])
    return Verdict(judged, "" if all(said.values()) else "undecided")


SPEC = FilterSpec(
    judge,
    scope="row",
    needs=frozenset({"paid"}),
    reasons={
        "not_self_contained": "the query cannot be understood without the passage",
        "unclear": "the query has no clear meaning",
        "not_answerable": "the passage does not answer the query",
        "unsupported": "the passage does not say what the answer says",
        **NO_VERDICT,
    },
)

"""Checks beyond the guard: a cross-encoder, or a model that reads the passage.

Reasons: `cross_encoder` (it scores the chunk at or above the visible text of the row's own passage) and `answers` (the
model says that the passage answers the query). Two more reasons mean that nobody has cleared the passage, so it is not
a distractor either: `undecided` (the model is unsure, refuses, gives an unusable reply or does not reply in time) and
`not_asked` (no call was allowed, and no reply is stored).

The cross-encoder's rule has no threshold, because the scores of different cross-encoders are not comparable. A chunk
that it scores above the passage with the known answer cannot be told from an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from synthgen.prompting.row_questions import Paid, RowAnswer, RowStep, yes
from synthgen.records import Chunk, Triple
from synthgen.retrieval import index_text
from synthgen.retrieval.passages import shown_text

__all__ = ["STAGE", "Check", "Pair", "checking_step", "cross_encoder_check", "model_check"]

STAGE = "distractor_check"

Pair = tuple[Triple, Chunk]
Check = Callable[[Sequence[Pair]], Sequence[str]]
"""Returns a reason for each pair; "" accepts the chunk."""


def cross_encoder_check(rerank: Callable[..., list[float]], model: str, chunks: Mapping[str, Chunk]) -> Check:
    """Return the check by a cross-encoder: a distractor must score below the row's own passage."""
    own_scores: dict[str, float] = {}

    def check(pairs: Sequence[Pair]) -> list[str]:
        rows = {triple.id: triple for triple, _ in pairs if triple.id not in own_scores}
        own_pairs = [(row.query, shown_text(row, chunks[row.chunk_id])) for row in rows.values()]
        scored = rerank([*own_pairs, *((triple.query, index_text(chunk)) for triple, chunk in pairs)], model=model)
        own_scores.update(zip(rows, scored, strict=False))
        scores = scored[len(own_pairs) :]
        return ["cross_encoder" if score >= own_scores[row.id] else "" for (row, _), score in zip(pairs, scores, strict=True)]

    return check


def checking_step(paid: Paid, model: str | None) -> RowStep[Pair]:
    """Return the paid step that asks whether a passage answers the query. Its rows are pairs. Raises ConfigError
    without a model.
    """
    name, endpoint = paid.model(STAGE, model)
    return RowStep(STAGE, "distractor_check", name, endpoint, _passage, _question, needs=("answers",))


def model_check(paid: Paid, model: str | None) -> Check:
    """Return the check by a model: only a plain no accepts a passage."""
    step = checking_step(paid, model)

    def check(pairs: Sequence[Pair]) -> list[str]:
        return [_reason(reply) for reply in step.apply(pairs, paid.answers(step, pairs))]

    return check


def _passage(pair: Pair) -> Sequence[Chunk]:
    return (pair[1],)


def _question(pair: Pair) -> dict[str, str | None]:
    return {"Question": pair[0].query}


def _reason(reply: RowAnswer) -> str:
    if not reply.fields:
        return "not_asked" if reply.reason == "not_asked" else "undecided"
    answers = yes(reply.fields["answers"])
    return "undecided" if answers is None else "answers" if answers else ""

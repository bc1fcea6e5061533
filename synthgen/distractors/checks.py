"""Checks that somebody has to be asked for, on top of the guard: a cross-encoder, or a model that reads the passage.

Reasons: `cross_encoder` (it scores the chunk at or above what the row shows of its own passage); `answers` (the model says that the
passage answers the query); `undecided` (it is unsure, refuses, talks nonsense or did not answer in time) and `not_asked` (no call was
allowed, and no answer is stored) are a third state: a passage that nobody cleared is no distractor.

The cross-encoder's rule has no threshold, because the scores of different ones mean different things: what it puts above the
passage that is known to answer cannot be told from an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from synthgen.prompting.row_questions import Paid, RowAnswer, RowStep, yes
from synthgen.records import Chunk, Triple
from synthgen.retrieval import index_text
from synthgen.retrieval.passages import shown_text

__all__ = ["STAGE", "Check", "Pair", "checking_step", "model_check", "reranking"]

STAGE = "distractor_check"

Pair = tuple[Triple, Chunk]
Check = Callable[[Sequence[Pair]], Sequence[str]]
"""A reason for each pair; "" lets the chunk pass."""


def reranking(rerank: Callable[..., list[float]], model: str, chunks: Mapping[str, Chunk]) -> Check:
    """A distractor must score below the row's own passage by this cross-encoder."""
    known: dict[str, float] = {}

    def check(pairs: Sequence[Pair]) -> list[str]:
        rows = {triple.id: triple for triple, _ in pairs if triple.id not in known}
        shown = [(row.query, shown_text(row, chunks[row.chunk_id])) for row in rows.values()]
        found = rerank([*shown, *((triple.query, index_text(chunk)) for triple, chunk in pairs)], model=model)
        known.update(zip(rows, found, strict=False))
        scores = found[len(shown) :]
        return ["cross_encoder" if score >= known[row.id] else "" for (row, _), score in zip(pairs, scores, strict=True)]

    return check


def checking_step(paid: Paid, model: str | None) -> RowStep[Pair]:
    """The paid step: does this passage answer the query? Its rows are a triple and a chunk. Raises ConfigError without a model."""
    name, settings = paid.model(STAGE, model)
    return RowStep(STAGE, "distractor_check", name, settings, _passage, _question, needs=("answers",))


def model_check(paid: Paid, model: str | None) -> Check:
    """Only a plain no lets a passage pass."""
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

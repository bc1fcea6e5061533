"""Chains of thought for RAFT (Zhang et al. 2024, arXiv 2403.10131): reasoning that quotes its document, before the final answer.

The model sees the passage as the row shows it, and no distractor: rows with oracle show the passage whatever else they show. Each quote
must stand there, exactly or but for quotation marks, white space, dashes and capitals, and is replaced by the exact text of the passage.
The final answer is the row's own and is not written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from synthgen.config.settings import AnswerSettings
from synthgen.prompting.row_questions import Paid, RowAnswer, RowStep, source_passage
from synthgen.records import Chunk, Triple, passage
from synthgen.text.quotes import BEGIN, END, locate, marked
from synthgen.text.words import key

__all__ = ["quoted_exactly", "reasoned", "shown_to_writer", "stands_by"]

_NEVER = 2.0  # a similarity that no near match reaches
_OUTPUT_TOKENS = 150


def reasoned(
    rows: Sequence[Triple], chunks: Mapping[str, Chunk], settings: AnswerSettings, paid: Paid
) -> list[tuple[Triple, str]]:
    """Each row with its reasoning, or as it was with the reason why it has none."""
    name, llm = paid.model("answers", settings.model)
    step = RowStep(
        "raft_answer",
        "raft_answer",
        name,
        llm,
        source_passage(chunks),
        shown_to_writer,
        needs=("reasoning", "checked_answer"),
        output_tokens=_OUTPUT_TOKENS,
    )
    replies = step.apply(rows, paid.answers(step, rows))
    return [_read(row, reply, passage(row, chunks[row.chunk_id])) for row, reply in zip(rows, replies, strict=True)]


def shown_to_writer(row: Triple) -> dict[str, str | None]:
    return {"Question": row.query, "Checked answer": row.answer}


def stands_by(row: Triple, reply: RowAnswer) -> bool:
    """Whether the model gave the row's answer back."""
    return key(reply.fields["checked_answer"]) == key(row.answer or "")


def quoted_exactly(text: str, shown: str) -> tuple[str, str]:
    """`text` with each quote as `shown` has it, and ""; or "" and the reason: broken_marks, no_quote, quote_not_found."""
    halves = marked(text)
    if halves is None:
        return "", "broken_marks"
    before, quotes = halves
    if not quotes:
        return "", "no_quote"
    pieces = [before]
    for quote, words in quotes:
        found = locate(quote, shown, min_similarity=_NEVER)
        if found is None:
            return "", "quote_not_found"
        pieces += [BEGIN, shown[found.start : found.end], END, words]
    return "".join(pieces), ""


def _read(row: Triple, reply: RowAnswer, shown: str) -> tuple[Triple, str]:
    if not reply.fields:
        return row, reply.reason
    if not stands_by(row, reply):
        return row, "disagrees"
    text, reason = quoted_exactly(reply.fields["reasoning"], shown)
    return (row, reason) if reason else (replace(row, reasoning=text.strip()), "")

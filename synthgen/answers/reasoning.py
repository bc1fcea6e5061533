"""Chains of thought for RAFT (Zhang et al. 2024, arXiv 2403.10131): reasoning that quotes its document, before the
final answer.

The model reads the passage without the row's masked spans, and no distractor: of the documents of a row, only the
passage is the same in every layout. Each quote must occur in the passage, apart from quotation marks, white space,
dashes and capitals, and is replaced by the exact text of the passage. The final answer is the row's own and is not
written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from synthgen.config.settings import AnswerSettings
from synthgen.prompting.row_questions import Paid, RowAnswer, RowStep, source_passage
from synthgen.records import Chunk, Triple, passage
from synthgen.text.fold import key
from synthgen.text.quotes import BEGIN, END, locate, marked

__all__ = ["confirms_answer", "prompt_fields", "quoted_exactly", "write_reasoning"]

_EXACT_ONLY = 2.0  # a similarity that no near match reaches
_OUTPUT_TOKENS = 150


def write_reasoning(
    rows: Sequence[Triple], chunks: Mapping[str, Chunk], settings: AnswerSettings, paid: Paid
) -> list[tuple[Triple, str]]:
    """Return each row with its reasoning, or unchanged with the reason why it has none."""
    name, endpoint = paid.model("answers", settings.model)
    step = RowStep(
        "raft_answer",
        "raft_answer",
        name,
        endpoint,
        source_passage(chunks),
        prompt_fields,
        needs=("reasoning", "checked_answer"),
        output_tokens=_OUTPUT_TOKENS,
    )
    replies = step.apply(rows, paid.answers(step, rows))
    return [_read(row, reply, passage(row, chunks[row.chunk_id])) for row, reply in zip(rows, replies, strict=True)]


def prompt_fields(row: Triple) -> dict[str, str | None]:
    return {"Question": row.query, "Checked answer": row.answer}


def confirms_answer(row: Triple, reply: RowAnswer) -> bool:
    """Return whether the model repeats the row's answer."""
    return key(reply.fields["checked_answer"]) == key(row.answer or "")


def quoted_exactly(text: str, passage_text: str) -> tuple[str, str]:
    """Return `text` with each quote as in `passage_text`, and ""; or "" and broken_marks, no_quote or quote_not_found."""
    parsed = marked(text)
    if parsed is None:
        return "", "broken_marks"
    before, quotes = parsed
    if not quotes:
        return "", "no_quote"
    pieces = [before]
    for quote, words in quotes:
        found = locate(quote, passage_text, min_similarity=_EXACT_ONLY)
        if found is None:
            return "", "quote_not_found"
        pieces += [BEGIN, passage_text[found.start : found.end], END, words]
    return "".join(pieces), ""


def _read(row: Triple, reply: RowAnswer, passage_text: str) -> tuple[Triple, str]:
    if not reply.fields:
        return row, reply.reason
    if not confirms_answer(row, reply):
        return row, "disagrees"
    text, reason = quoted_exactly(reply.fields["reasoning"], passage_text)
    return (row, reason) if reason else (replace(row, reasoning=text.strip()), "")

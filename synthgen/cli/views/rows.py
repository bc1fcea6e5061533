"""How rows look on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthgen.records import CLASSIFICATION, Chunk, Rejection, Skipped, Triple, passage
from synthgen.text.humanize import columns, counted

__all__ = ["row_text", "rows_text", "skipped_text"]


_SHOWN = 300  # characters of a passage


def rows_text(rows: Sequence[Triple | Rejection], chunks: Mapping[str, Chunk]) -> str:
    """Rows to read, one after the other."""
    if not rows:
        return "There are no such rows."
    return "\n\n".join(row_text(row, chunks) for row in rows)


def row_text(row: Triple | Rejection, chunks: Mapping[str, Chunk]) -> str:
    """One row to read: query, answer, context, and why it was rejected if it was."""
    triple = row.triple if isinstance(row, Rejection) else row
    context = passage(triple, chunks[triple.chunk_id]) if triple.chunk_id in chunks else "(not in chunks.parquet)"
    shown = " ".join(context.split())
    passage_text = f"{shown[:_SHOWN]}{'…' if len(shown) > _SHOWN else ''}"
    if triple.kind == CLASSIFICATION:
        lines = [
            f"text     {passage_text}",
            f"label    {' '.join((triple.answer or '').split())}",
            f"from     {triple.chunk_id}  {triple.generator}  {triple.split}",
        ]
    else:
        lines = [
            f"query    {' '.join(triple.query.split())}",
            f"answer   {' '.join(triple.answer.split()) if triple.answer is not None else '(none: retriever formats only)'}",
            f"context  {passage_text}",
            f"from     {triple.chunk_id}  {triple.generator}  {triple.split}  {counted(len(triple.distractors), 'distractor')}",
        ]
    told = {"told": triple.instruction, "written": triple.response, "reasoned": triple.reasoning}
    lines += [f"{name:<8} {' '.join(text.split())}" for name, text in told.items() if text]
    if isinstance(row, Rejection):
        numbers = "" if row.score is None else f" (score {row.score:.3g}, threshold {row.threshold})"
        lines.append(f"rejected {row.stage}: {row.reason}{numbers}")
    return "\n".join(lines)


def skipped_text(skipped: Sequence[Skipped], number: int) -> str:
    """Files, chunks and calls without a result, a line for each, and how many are not shown."""
    if not number:
        return "Nothing was skipped."
    cells = [(one.stage, one.reason, _one_line(one.chunk_id or one.path), _one_line(one.detail)) for one in skipped]
    lines = [columns([("stage", "reason", "what", "why"), *cells])]
    if number > len(skipped):
        lines.append(f"{number - len(skipped):,} more; -n {number} shows all.")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())

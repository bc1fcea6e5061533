"""How rows look on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from synthgen.records import CLASSIFICATION, Chunk, Rejection, Triple, passage

if TYPE_CHECKING:
    pass

__all__ = ["row_text", "rows_text"]


_SHOWN = 300  # characters of a passage


def rows_text(rows: Sequence[Triple | Rejection], chunks: Mapping[str, Chunk]) -> str:
    """Rows to read, one after the other."""
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
            f"from     {triple.chunk_id}  {triple.generator}  {triple.split}  {len(triple.distractors)} distractors",
        ]
    told = {"told": triple.instruction, "written": triple.response, "reasoned": triple.reasoning}
    lines += [f"{name:<8} {' '.join(text.split())}" for name, text in told.items() if text]
    if isinstance(row, Rejection):
        numbers = "" if row.score is None else f" (score {row.score:.3g}, threshold {row.threshold})"
        lines.append(f"rejected {row.stage}: {row.reason}{numbers}")
    return "\n".join(lines)

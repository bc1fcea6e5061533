"""How a run looks on the command line: where its rows come from, the funnel, the exports and the measured gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from synthgen.cli.views.export import export_lines
from synthgen.cli.views.rows import row_text
from synthgen.records import Triple
from synthgen.text.humanize import columns, counts, reasons

if TYPE_CHECKING:
    from synthgen.pipeline.report_schema import (
        DistractorCounts,
        EvaluationReport,
        ImportReport,
        RunReport,
        TrainingReport,
        WrittenCounts,
    )
    from synthgen.pipeline.run import Result

__all__ = ["gain_text", "result_text", "summary"]


def result_text(result: Result) -> str:
    """A finished run: the report, three rows to look at, the measured gain, and where it all is."""
    parts = [summary(result.report)]
    parts += [f"example {n}\n{row_text(row, result.chunks)}" for n, row in enumerate(_varied(result.kept, 3), 1)]
    if result.report.training:
        parts.append(gain_text(result.report.training))
    parts.append(f"{result.report.generation.calls_failed:,} calls failed for good. Everything is in {result.path}.")
    return "\n\n".join(parts)


def gain_text(measured: TrainingReport | EvaluationReport) -> str:
    """The measured gain, as a table for each setting, and the recommendation."""
    from synthgen.evaluation.table import format_table

    return format_table(measured.to_dict())


def summary(report: RunReport) -> str:
    """What a run did: where rows came from, the funnel, and what was exported."""
    documents, chunks, generation = report.documents, report.chunks, report.generation
    lines = [
        f"{documents.read:,} documents read, {sum(documents.skipped.values()):,} files skipped{reasons(documents.skipped)}; "
        f"{chunks.distinct:,} chunks ({counts(chunks.splits)}); {generation.candidates:,} candidate rows by {generation.generator}"
        f"{', no LLM' if generation.generator == 'extractive' else ''}.",
        *_imported(report.imported),
        "",
        columns(
            [
                ("stage", "in", "kept", "rejected because"),
                *(
                    (stage.stage, f"{stage.entered:,}", f"{stage.kept:,}", counts(stage.rejected) or "-")
                    for stage in report.funnel
                ),
            ],
            right="12",
        ),
        "",
        f"{report.rows.kept:,} rows kept ({report.rows.answered:,} with an answer): {counts(report.rows.splits)}.",
        *_written(report.answers),
        *_distractors(report.distractors),
        *(line for name, export in report.exports.items() for line in export_lines(f"exports/{name}", export)),
        *report.notes,
        *([report.unmeasured] if report.unmeasured else []),
    ]
    return "\n".join(lines)


def _distractors(found: DistractorCounts) -> list[str]:
    """Where distractors come from, how hard they are, and what was refused, in one line."""
    if not found.asked:
        return []
    raw, relative = found.hardness.raw, found.hardness.relative
    hard = (
        ""
        if raw is None
        else f"; the mined ones score {raw:.2f} of the passage's score ({relative:.2f} on the normalised range)"
    )
    further = f"; {found.further_positives:,} further positives found" if found.further_positives else ""
    return [
        f"{sum(found.found.values()):,} distractors: {counts(found.found) or 'none'}{hard}; "
        f"{found.short:,} rows have fewer than {found.asked // found.rows}; refused: {counts(found.refused) or 'none'}{further}."
    ]


def _imported(rows: ImportReport | None) -> list[str]:
    """What an import read: which column was taken for what, and which rows could not be used."""
    if rows is None:
        return []
    taken = (f"{role} from {' and '.join(columns)}" for role, columns in rows.columns.items())
    left = f"; kept as metadata: {', '.join(rows.metadata)}" if rows.metadata else ""
    skipped = {reason: n for reason, n in rows.skipped.items() if reason != "other_turn"}
    turns = f"; {n:,} more questions of conversations left out" if (n := rows.skipped.get("other_turn", 0)) else ""
    return [
        f"{rows.file} ({rows.format}): {rows.rows:,} rows, {sum(skipped.values()):,} not used{reasons(skipped)}{turns}; "
        f"{', '.join(taken)}{left}.",
        *(f"  {n:,} bad row{'s'[: n > 1]}: {problem}" for problem, n in rows.problems.items()),
        *([f"Reviewed: {counts(rows.verdicts)}; rejected rows are not trained on."] if rows.verdicts else []),
    ]


def _written(answers: Mapping[str, WrittenCounts]) -> list[str]:
    """What a model wrote for the rows, and how many of each style, length and form are there."""
    lines = []
    for step, written in answers.items():
        lines.append(f"{step}: {written.written:,} of {written.asked:,} written{reasons(written.failed)}")
        for kind in ("styles", "lengths", "forms"):
            shares = ", ".join(f"{name} {n.written:,} of {n.asked:,}" for name, n in getattr(written, kind).items())
            lines += [f"  {kind}: {shares}"] if shares else []
    return lines


def _varied(rows: Sequence[Triple], wanted: int) -> list[Triple]:
    """Answered training rows of different documents, if there are any."""
    answered = {row.document_id: row for row in reversed(rows) if row.answer is not None and row.split == "train"}
    return sorted(answered.values(), key=lambda row: row.id)[:wanted] or list(rows[:wanted])

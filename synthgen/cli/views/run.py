"""How a run looks on the command line: where its rows come from, the funnel, the exports and the measured gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from synthgen.cli.views.export import export_lines
from synthgen.cli.views.rows import row_text
from synthgen.records import Triple
from synthgen.text.humanize import columns, counted, counts, reasons

if TYPE_CHECKING:
    from pathlib import Path

    from synthgen.pipeline.report_schema import (
        DistractorCounts,
        EvaluationReport,
        ImportReport,
        RunReport,
        TrainingReport,
        WrittenCounts,
    )
    from synthgen.pipeline.run import Result

__all__ = ["gain_text", "result_text", "summary", "unread"]


def result_text(result: Result) -> str:
    """A finished run: the report, three rows to look at, the measured gain, and where it all is."""
    parts = [summary(result.report)]
    parts += [f"example {n}\n{row_text(row, result.chunks)}" for n, row in enumerate(_varied(result.kept, 3), 1)]
    if result.report.training:
        parts.append(gain_text(result.report.training))
    parts.append(" ".join([*unread(result.report, result.path), *_failed(result.report), f"Everything is in {result.path}."]))
    return "\n\n".join(parts)


def unread(report: RunReport, path: Path | str) -> list[str]:
    """A warning where more files of the folder were skipped than read."""
    documents = report.documents
    if not documents.mostly_unread:
        return []
    skipped = sum(documents.skipped.values())
    return [
        f"WARNING: most of the folder was not read: {skipped:,} of {counted(skipped + documents.read, 'file')} were skipped"
        f"{reasons(documents.skipped)}. `synthgen show {path} --skipped` lists them."
    ]


def _failed(report: RunReport) -> list[str]:
    """How many calls failed, where any was made."""
    generation = report.generation
    made = generation.calls_ok + generation.calls_failed
    return [f"{counted(generation.calls_failed, 'call')} failed for good."] if made else []


def gain_text(measured: TrainingReport | EvaluationReport) -> str:
    """The measured gain, as a table for each setting, and the recommendation."""
    from synthgen.evaluation.table import format_table

    return format_table(measured.to_dict())


def summary(report: RunReport) -> str:
    """What a run did: where rows came from, the funnel, and what was exported."""
    documents, chunks, generation = report.documents, report.chunks, report.generation
    lines = [
        f"{counted(documents.read, 'document')} read, {counted(sum(documents.skipped.values()), 'file')} skipped"
        f"{reasons(documents.skipped)}; {counted(chunks.distinct, 'chunk')} ({counts(chunks.splits)}); "
        f"{counted(generation.candidates, 'candidate row')} by {generation.generator}"
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
        f"{counted(report.rows.kept, 'row')} kept ({report.rows.answered:,} with an answer): {counts(report.rows.splits)}.",
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
    further = f"; {counted(found.further_positives, 'further positive')} found" if found.further_positives else ""
    return [
        f"{counted(sum(found.found.values()), 'distractor')}{f': {counts(found.found)}' if any(found.found.values()) else ''}{hard}; "
        f"{counted(found.short, 'row has', 'rows have')} fewer than {found.asked // found.rows}; refused: {counts(found.refused) or 'none'}{further}."
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
        f"{rows.file} ({rows.format}): {counted(rows.rows, 'row')}, {sum(skipped.values()):,} not used{reasons(skipped)}{turns}; "
        f"{', '.join(taken)}{left}.",
        *(f"  {counted(n, 'bad row')}: {problem}" for problem, n in rows.problems.items()),
        *([f"Splits of the file are kept: {counts(rows.splits)}."] if rows.splits else []),
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

"""How a run looks on the command line: where its rows come from, the funnel, the exports and the measured gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthgen.cli.views.export import export_lines
from synthgen.cli.views.rows import row_text
from synthgen.records import Triple
from synthgen.text.humanize import columns, counts, reasons

if TYPE_CHECKING:
    from synthgen.pipeline.run import Result

__all__ = ["result_text", "summary"]


def result_text(result: Result) -> str:
    """A finished run: the report, three rows to look at, the measured gain, and where it all is."""
    parts = [summary(result.report)]
    parts += [f"example {n}\n{row_text(row, result.chunks)}" for n, row in enumerate(_varied(result.kept, 3), 1)]
    if result.report["training"]:
        from synthgen.evaluation.table import format_table

        parts.append(format_table(result.report["training"]))
    parts.append(f"{result.report['generation']['calls_failed']:,} calls failed for good. Everything is in {result.path}.")
    return "\n\n".join(parts)


def summary(report: Mapping[str, Any]) -> str:
    """What a run did: where rows came from, the funnel, and what was exported."""
    documents, chunks, generation = report["documents"], report["chunks"], report["generation"]
    lines = [
        f"{documents['read']:,} documents read, {sum(documents['skipped'].values()):,} files skipped{reasons(documents['skipped'])}; "
        f"{chunks['distinct']:,} chunks ({counts(chunks['splits'])}); {generation['candidates']:,} candidate rows by {generation['generator']}"
        f"{', no LLM' if generation['generator'] == 'extractive' else ''}.",
        *_imported(report.get("import")),
        "",
        columns(
            [
                ("stage", "in", "kept", "rejected because"),
                *(
                    (stage["stage"], f"{stage['in']:,}", f"{stage['kept']:,}", counts(stage["rejected"]) or "-")
                    for stage in report["funnel"]
                ),
            ],
            right="12",
        ),
        "",
        f"{report['rows']['kept']:,} rows kept ({report['rows']['answered']:,} with an answer): {counts(report['rows']['splits'])}.",
        *_written(report.get("answers", {})),
        *_distractors(report["distractors"]),
        *(line for name, export in report["exports"].items() for line in export_lines(f"exports/{name}", export)),
        *report["notes"],
    ]
    return "\n".join(lines)


def _distractors(told: Mapping[str, Any]) -> list[str]:
    """Where distractors come from, how hard they are, and what was refused, in one line."""
    if not told["asked"]:
        return []
    raw, relative = told["hardness"]["raw"], told["hardness"]["relative"]
    hard = (
        ""
        if raw is None
        else f"; the mined ones score {raw:.2f} of the passage's score ({relative:.2f} on the normalised range)"
    )
    further = f"; {told['further_positives']:,} further positives found" if told["further_positives"] else ""
    return [
        f"{sum(told['found'].values()):,} distractors: {counts(told['found']) or 'none'}{hard}; "
        f"{told['short']:,} rows have fewer than {told['asked'] // told['rows']}; refused: {counts(told['refused']) or 'none'}{further}."
    ]


def _imported(rows: Mapping[str, Any] | None) -> list[str]:
    """What an import read: which column was taken for what, and which rows could not be used."""
    if rows is None:
        return []
    taken = (f"{role} from {' and '.join(columns)}" for role, columns in rows["columns"].items())
    left = f"; kept as metadata: {', '.join(rows['metadata'])}" if rows["metadata"] else ""
    unused = sum(rows["skipped"].values())
    return [
        f"{rows['file']} ({rows['format']}): {rows['rows']:,} rows, {unused:,} not used{reasons(rows['skipped'])}; "
        f"{', '.join(taken)}{left}."
    ]


def _written(answers: Mapping[str, Any]) -> list[str]:
    """What a model wrote for the rows, and how many of each style, length and form are there."""
    lines = []
    for step, told in answers.items():
        lines.append(f"{step}: {told['written']:,} of {told['asked']:,} written{reasons(told['failed'])}")
        for kind in ("styles", "lengths", "forms"):
            ways = ", ".join(f"{name} {n['written']:,} of {n['asked']:,}" for name, n in told.get(kind, {}).items())
            lines += [f"  {kind}: {ways}"] if ways else []
    return lines


def _varied(rows: Sequence[Triple], wanted: int) -> list[Triple]:
    """Answered training rows of different documents, if there are any."""
    answered = {row.document_id: row for row in reversed(rows) if row.answer is not None and row.split == "train"}
    return sorted(answered.values(), key=lambda row: row.id)[:wanted] or list(rows[:wanted])

"""How an export looks on the command line: its files, what checking them found, what training on them would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthgen.text.humanize import counted, counts, dollars_text, place

if TYPE_CHECKING:
    from synthgen.pipeline.report_schema import ExportCounts, FineTuningEstimate, FormatCheckReport, FormatReport

__all__ = ["check_text", "export_lines", "export_text"]


def export_lines(name: str, export: ExportCounts) -> list[str]:
    """The rows of each file and those left out; a second line where there is something wrong: each rule with its first place."""
    asides = {"left out": counts(export.left_out), "notes": counts(export.notes)}
    beside = "; ".join(f"{aside}: {found}" for aside, found in asides.items() if found)
    first = {problem.rule: problem for problem in reversed(export.checks.problems)}
    broken = (export.checks.errors | export.checks.warnings).items()
    wrong = [f"{rule} {n:,} ({place(first[rule].file, first[rule].line)}: {first[rule].message})" for rule, n in broken]
    line = f"{name}: {counts(export.files) or 'no rows'}{f' ({beside})' if beside else ''}"
    return [line, f"  checked: {'; '.join(wrong)}"] if wrong else [line]


def export_text(export: FormatReport) -> str:
    """Where an export went, how many rows it has, what checking them found, and what training on them would take."""
    estimate = export.checks.estimate
    notices = len(estimate.notices) if estimate else 0
    asked = [
        f"  {counted(notices, 'notice')} of the service: `--check FILE` and `--json` show {'it' if notices == 1 else 'them'}."
    ]
    return "\n".join([*export_lines(export.path, export), *_training(estimate), *(asked if notices else [])])


def check_text(checked: FormatCheckReport) -> str:
    """What is wrong with a file, line by line, and how often; then what training on it would take."""
    lines = [
        f"{place(problem.file, problem.line)}: {problem.severity}: {problem.message} [{problem.rule}]"
        for problem in checked.problems
    ]
    found = {"errors": checked.errors, "warnings": checked.warnings}
    wrong = "; ".join(f"{sum(rules.values()):,} {kind} ({counts(rules)})" for kind, rules in found.items() if rules)
    rows = sum(checked.rows.values())
    return "\n".join(
        [
            *lines,
            f"{checked.path}: {counted(rows, 'row')} of {checked.format}; {wrong or 'nothing is wrong'}.",
            *_training(checked.estimate),
            *(
                f"  Notice of {notice.announced}: {notice.text}"
                for notice in (checked.estimate.notices if checked.estimate else ())
            ),
        ]
    )


def _training(training: FineTuningEstimate | None) -> list[str]:
    """Tokens, epochs and price of a fine-tuning job."""
    if not training:
        return []
    model, about = training.model, "about " if training.estimated else ""
    limit = f" ({training.max_tokens:,} of an example at most)" if training.max_tokens else ""
    price = "price unknown, since no model is named (exports.model)."
    if model and training.dollars is not None:
        price = f"about {dollars_text(training.dollars)} (prices of {training.prices_dated})."
    elif model:
        price = (
            f"price unknown: the table of {training.prices_dated} has no `training` price for {model}. "
            "Name your own with --set llm.prices=FILE."
        )
    lines = [
        f"  training: {counted(training.examples, 'example')} of {about}{training.tokens:,} tokens{f' for {model}' if model else ''}{limit}, "
        f"{training.epochs} epochs by default: {about}{training.billed_tokens:,} tokens billed, {price}"
    ]
    if training.model_ends:
        lines.append(f"  {model} is shut down on {training.model_ends}, and what was tuned on it too.")
    return lines

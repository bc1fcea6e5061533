"""How batches look on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthgen.cli.progress_panel import tokens_text
from synthgen.text.humanize import columns, counted, dollars_text, reasons

if TYPE_CHECKING:
    from synthgen.pipeline.batch_report import BatchOverview, CollectReport, SubmitReport

__all__ = ["batch_text"]


def batch_text(report: SubmitReport | BatchOverview | CollectReport) -> str:
    """What `batch submit`, `status` or `collect` did or found: the batches, the counts, and what comes next."""
    rows = [
        (
            row.id[:8],
            row.state,
            f"{row.requests:,}",
            f"{row.completed:,}",
            f"{row.failed:,}",
            row.created[:16],
        )
        for row in report.batches
    ]
    lines = (
        [columns([("batch", "state", "requests", "answered", "failed", "since (UTC)"), *rows], right="234"), ""] if rows else []
    )
    lines += [f"{row.id[:8]}: {message}" for row in report.batches for message in row.messages]
    match report.what:
        case "submit":
            lines += _submitted(report)
        case "status":
            lines += [f"{counted(report.answers, 'answer is', 'answers are')} stored.", *_left(report)]
        case "collect":
            lines += _collected(report)
    return "\n".join(lines)


def _submitted(report: SubmitReport) -> list[str]:
    lines = [
        f"{counted(report.submitted, 'request')} submitted; {counted(report.waiting_before, 'waits', 'wait')} in batches from before."
    ]
    if report.asked_live:
        lines.append(f"{report.asked_live:,} asked live before, to find the form of request that the endpoint accepts.")
    if report.submitted or report.waiting_before:
        lines.append(f"Batches take up to 24 hours. `synthgen batch collect {report.run}` takes in those that have ended.")
    else:
        lines.append("This run needs no more calls.")
    return lines


def _collected(report: CollectReport) -> list[str]:
    usage, without = report.usage.as_usage(), sum(report.to_resubmit.values())
    lines = [f"{counted(report.ok, 'answer')} stored, {sum(report.failed.values()):,} failed{reasons(report.failed)}."]
    if without:
        lines.append(f"{counted(without, 'request')} came back without an answer{reasons(report.to_resubmit)}.")
    if report.unknown or report.unreadable:
        lines.append(
            f"Left aside: {report.unknown:,} lines for other requests, {report.unreadable:,} that are no answer lines."
        )
    if usage.prompt or usage.output:
        price = "price unknown" if report.dollars is None else f"{dollars_text(report.dollars)} at the price of batches"
        lines.append(f"{tokens_text(usage)}, {price}")
    return [*lines, *_left(report)]


def _left(report: BatchOverview | CollectReport) -> list[str]:
    """What is still out, and the command for what is left to do."""
    lines = [f"{counted(report.waiting, 'request waits', 'requests wait')} in batches."] if report.waiting else []
    if report.to_submit:
        lines.append(f"`synthgen batch submit {report.run}` would submit {counted(report.to_submit, 'request')}.")
    elif not report.waiting:
        lines.append("This run needs no more calls: `synthgen run` goes on from the answers.")
    return lines

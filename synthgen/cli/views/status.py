"""How the state of a run looks on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from synthgen.cli.progress_panel import rate_text, tokens_text
from synthgen.cli.views.run import summary, unread
from synthgen.text.humanize import columns, counted, counts, dollars_text, reasons

if TYPE_CHECKING:
    from synthgen.pipeline.report_schema import CallOutcomes, RunReport
    from synthgen.pipeline.status import Spending, StatusReport

__all__ = ["status_text"]


def status_text(status: StatusReport) -> str:
    """Where a run stands: its calls, what they cost, its report, and what there is left to do."""
    calls, spent = status.calls, status.spent
    later = status.report.judgements if status.report else {}
    again = sum(calls.failed.values() if calls else ()) + sum(sum(step.failed.values()) for step in later.values())
    lines = [f"{status.run}: {status.model} over {status.documents}"]
    if calls:
        failed = sum(calls.failed.values())
        lines.append(
            f"{calls.ok + failed:,}/{counted(calls.total, 'call')} finished: {calls.ok:,} answered, {failed:,} failed"
            f"{reasons(calls.failed)}"
        )
    if spent:
        lines += _spent(spent)
    elif calls:
        lines.append("No call was made yet: there is no call store.")
    if status.findings:
        lines.append(f"The last calls: {status.findings}.")
    if status.report:
        lines += ["", summary(status.report), *unread(status.report, status.run), *_later(later), *_rejected(status.report)]
    missing = counts(status.later)
    steps = (
        f" ({', '.join(filter(None, [counts({'generate': calls.remaining}) if calls else '', missing]))})" if missing else ""
    )
    about = "about " if missing and not status.report else ""  # what will be refused, and so asked again, is not known
    waiting, left = calls and calls.waiting, f"make {about}{counted(status.calls_remaining, 'call')}{steps} and finish it"
    if status.finished:
        left = "make no call"
    first = "collect first, and then the" if waiting else "the"
    lines += ["", f"The run is {'finished' if status.finished else 'not finished'}; {first} same command would {left}."]
    if waiting:
        lines.append(
            f"{counted(waiting, 'call waits', 'calls wait')} in batches; `synthgen batch collect {status.run}` takes what was answered."
        )
    if again:
        lines.append(f"`synthgen retry {status.run}` would repeat the {again:,} that failed, and no others.")
    return "\n".join(lines)


def _later(steps: Mapping[str, CallOutcomes]) -> list[str]:
    """The calls of the paid steps after generation."""
    if not steps:
        return []
    cells = [
        (name, *(f"{n:,}" for n in (step.asked, step.ok, sum(step.failed.values()), step.missing)))
        for name, step in steps.items()
    ]
    return ["", columns([("step", "asked", "answered", "failed", "missing"), *cells], right="1234")]


def _rejected(report: RunReport) -> list[str]:
    """What the filters prefer, and one rejected row for each reason."""
    bias = report.lexical_bias
    if len(bias) < 2:
        return []
    cells = [(name, f"{of.rows:,}", f"{of.overlap:.2f}", f"{of.words:.1f}") for name, of in bias.items()]
    lines = ["", columns([("queries", "rows", "overlap", "words"), *cells], right="123")]
    easy = report.rows.too_easy
    lines.append(
        f"overlap: words of the query that its passage shows; {counted(easy, 'kept row is', 'kept rows are')} all but copies of their passage"
    )
    lines += ["", "rejected, for example"]
    examples = [(reason, " ".join(rows[0].query.split())[:100]) for reason, rows in report.examples.items()]
    return [*lines, columns(examples)]


def _spent(spent: Spending) -> list[str]:
    """What a call store has cost, as the panel shows it while calls are made."""
    live, batch = spent.usage.as_usage(), spent.batch_usage.as_usage()
    made = f"{counted(spent.attempts, 'attempt')}, {spent.rate_limited:,} rate-limited"
    if spent.per_second is not None:
        when = f"{_clock(spent.first)} to {_clock(spent.last)} UTC"
        made += f"; {rate_text(spent.per_second)} calls/s from {when}"
    used = live.plus(batch)
    written = f", {used.written:,} of the prompt written to the cache" if used.written else ""
    lines = [made, f"{tokens_text(used)}{written}", _money(spent)]
    if spent.uncounted:
        lines.append(
            f"{counted(spent.uncounted, 'attempt')} may have cost more than that: their usage never came. The panel and the caps count them at their worst."
        )
    if spent.shared:
        lines.append(f"These sums are of {spent.store}, which other runs may share.")
    return lines


def _money(spent: Spending) -> str:
    live, batch = spent.dollars, spent.batch_dollars
    if live is None or batch is None:
        return f"price of {', '.join(spent.unpriced)} unknown (name a table with --set llm.prices=FILE)"
    apart = f" ({dollars_text(live)} live, {dollars_text(batch)} through batches)" if batch else ""
    return f"{dollars_text(live + batch)}{apart}, by the prices of {spent.prices_dated}"


def _clock(iso: str) -> str:
    return iso[:19].replace("T", " ")

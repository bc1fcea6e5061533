"""How the command line looks: progress on standard error, a run's report and rows as text."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from synthgen.errors import RunFolderError, SynthgenError
from synthgen.records import Chunk, Event, Rejection, Triple, passage

if TYPE_CHECKING:
    from synthgen.pipeline import Result

__all__ = [
    "Progress",
    "columns",
    "export_text",
    "listing_text",
    "plan_text",
    "result_text",
    "row_text",
    "rows_text",
    "run_log",
    "status_text",
    "summary",
]

_TICK_S = 0.2
_PLAIN_TICK_S = 10.0
_CLEAR_LINE = "\r\x1b[2K"


class Progress:
    """One line for each stage: counts, speed, time left. It is rewritten in place on a terminal, else printed now and then."""

    def __init__(self, stream: IO[str] | None = None, *, quiet: bool = False) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._quiet = quiet
        self._stage = ""
        self._line = ""
        self._started = self._shown = 0.0

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.stage != self._stage:
            self.close()
            self._stage, self._started, self._shown = event.stage, now, now if not self._live else 0.0
        self._line = self._text(event, now - self._started)
        if now - self._shown >= (_TICK_S if self._live else _PLAIN_TICK_S):
            self._shown = now
            self._write(_CLEAR_LINE + self._line if self._live else self._line + "\n")

    def close(self) -> None:
        """Leave the last line of the stage standing."""
        if self._stage:
            self._write((_CLEAR_LINE if self._live else "") + self._line + "\n")
            logging.getLogger("synthgen").info(self._line)
        self._stage = ""

    def _write(self, text: str) -> None:
        if not self._quiet:
            self._stream.write(text)
            self._stream.flush()

    @staticmethod
    def _text(event: Event, elapsed_s: float) -> str:
        counts = f"{event.done:,}" if event.total is None else f"{event.done:,}/{event.total:,}"
        parts = [f"{event.stage:<12} {counts:>15}"]
        if event.done and elapsed_s > 0.05:
            parts.append(f"{event.done / elapsed_s:,.0f}/s")
        if event.total and event.done < event.total and event.done:
            parts.append(f"{_duration(elapsed_s * (event.total - event.done) / event.done)} left")
        else:
            parts.append(_duration(elapsed_s))
        return "  ".join(part for part in [*parts, event.message] if part)


class _LogFile(logging.FileHandler):
    """A log that cannot be written is an error of the run folder, told like any other."""

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(path, encoding="utf-8")
        except OSError as error:
            raise self._unwritable(path, error) from None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's own name)
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            raise self._unwritable(Path(self.baseFilename), error) from None
        super().handleError(record)

    @staticmethod
    def _unwritable(path: Path, error: OSError) -> RunFolderError:
        return RunFolderError(f"{path} could not be written: {error.strerror}. Free the disk or choose another folder.")


@contextmanager
def run_log(path: Path, *, verbose: bool = False) -> Iterator[None]:
    """Append timestamps and events to `path` while the block runs; errors raised in it are logged, too."""
    logger = logging.getLogger("synthgen")
    handlers: list[logging.Handler] = [_LogFile(path)]
    if verbose:
        handlers.append(logging.StreamHandler())
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    try:
        yield
    except SynthgenError as error:
        with suppress(RunFolderError):
            logger.error("%s: %s", type(error).__name__, error)
        raise
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            with suppress(OSError):
                handler.close()


def columns(rows: Sequence[Sequence[Any]], *, right: str = "") -> str:
    """Rows as aligned text. `right` names, by index, the columns aligned to the right ("12" is the second and third)."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    pad = [str.rjust if str(i) in right else str.ljust for i in range(len(widths))]
    return "\n".join("  ".join(pad[i](cell, widths[i]) for i, cell in enumerate(row)).rstrip() for row in cells)


def summary(report: Mapping[str, Any]) -> str:
    """What a run did: where rows came from, the funnel, and what was exported."""
    documents, chunks, generation = report["documents"], report["chunks"], report["generation"]
    lines = [
        f"{documents['read']:,} documents read, {sum(documents['skipped'].values()):,} files skipped{_reasons(documents['skipped'])}; "
        f"{chunks['distinct']:,} chunks ({_counts(chunks['splits'])}); {generation['candidates']:,} candidate rows by {generation['generator']}"
        f"{', no LLM' if generation['generator'] == 'extractive' else ''}.",
        "",
        columns(
            [
                ("stage", "in", "kept", "rejected because"),
                *(
                    (stage["stage"], f"{stage['in']:,}", f"{stage['kept']:,}", _counts(stage["rejected"]) or "-")
                    for stage in report["funnel"]
                ),
            ],
            right="12",
        ),
        "",
        f"{report['rows']['kept']:,} rows kept ({report['rows']['answered']:,} with an answer): {_counts(report['rows']['splits'])}.",
        *(f"exports/{name}: {_export(export)}" for name, export in report["exports"].items()),
        *report["notes"],
    ]
    return "\n".join(lines)


def result_text(result: Result) -> str:
    """A finished run: the report, three rows to look at, the measured gain, and where it all is."""
    parts = [summary(result.report)]
    parts += [f"example {n}\n{row_text(row, result.chunks)}" for n, row in enumerate(_varied(result.kept, 3), 1)]
    if result.report["training"]:
        from synthgen.training import format_table

        parts.append(format_table(result.report["training"]))
    parts.append(f"{result.report['generation']['calls_failed']:,} calls failed for good. Everything is in {result.path}.")
    return "\n\n".join(parts)


def rows_text(rows: Sequence[Triple | Rejection], chunks: Mapping[str, Chunk]) -> str:
    """Rows to read, one after the other."""
    return "\n\n".join(row_text(row, chunks) for row in rows)


def row_text(row: Triple | Rejection, chunks: Mapping[str, Chunk], *, width: int = 300) -> str:
    """One row to read: query, answer, context, and why it was rejected if it was."""
    triple = row.triple if isinstance(row, Rejection) else row
    context = passage(triple, chunks[triple.chunk_id]) if triple.chunk_id in chunks else "(not in chunks.parquet)"
    shown = " ".join(context.split())
    lines = [
        f"query    {triple.query}",
        f"answer   {' '.join(triple.answer.split()) if triple.answer is not None else '(none: retriever formats only)'}",
        f"context  {shown[:width]}{'…' if len(shown) > width else ''}",
        f"from     {triple.chunk_id}  {triple.generator}  {triple.split}  {len(triple.distractors)} distractors",
    ]
    if isinstance(row, Rejection):
        numbers = "" if row.score is None else f" (score {row.score:.3g}, threshold {row.threshold})"
        lines.append(f"rejected {row.stage}: {row.reason}{numbers}")
    return "\n".join(lines)


def plan_text(plan: Mapping[str, Any]) -> str:
    """Counts first, then money, then the messages that were asked for."""
    lines = [
        f"{plan['documents']:,} documents ({_counts(plan['skipped']) or 'none'} left out), {plan['chunks']:,} chunks of "
        f"{plan['tokens']:,} tokens; {plan['chunks_asked']:,} of them would be used with {plan['model']}.",
    ]
    for calls in plan["calls"]:
        about = "about " if calls["estimated_tokens"] else ""
        lines.append(
            f"prompt {calls['prompt']}: {calls['calls']:,} calls ({calls['stored']:,} more are stored already), "
            f"{about}{calls['prompt_tokens']:,} prompt tokens, about {calls['output_tokens']:,} output tokens, {_dollars(calls)}"
        )
    if not plan["calls"]:
        lines.append("0 calls, 0 tokens, $0: this generator uses no LLM.")
    lines += [f"The run would stop early, at {cap}." for cap in plan["stopped_by"]]
    for number, messages in enumerate(plan["messages"], 1):
        lines.append(f"\n--- call {number}")
        lines += [f"[{message['role']}]\n{message['content']}" for message in messages]
    return "\n".join(lines)


def status_text(status: Mapping[str, Any]) -> str:
    """Where a run stands."""
    calls, lines = status["calls"], [f"{status['run']}: {status['model']} over {status['documents']}"]
    if calls:
        usage = calls["usage"]
        lines.append(
            f"{calls['ok']:,} answers stored, {sum(calls['failed'].values()):,} failed{_reasons(calls['failed'])}; "
            f"{usage['prompt']:,} prompt tokens ({usage['cached']:,} cached), {usage['output']:,} output tokens, {_dollars(calls)}"
        )
    if status["report"]:
        lines += ["", summary(status["report"])]
    left = f"make {status['calls_remaining']:,} calls and finish it" if not status["finished"] else "make no call"
    lines += ["", f"The run is {'finished' if status['finished'] else 'not finished'}; the same command would {left}."]
    return "\n".join(lines)


def export_text(export: Mapping[str, Any]) -> str:
    """Where an export went, and how many rows it has."""
    return f"{export['path']}: {_export(export)}"


def listing_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Names with their meanings; options below, indented."""
    width = max(len(row["name"]) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{row['name']:<{width}}  {row['meaning']}")
        for option in row["options"]:
            lines.append(f"    {option['name']}: {option['type']} = {option['default']}  {option['description']}".rstrip())
    return "\n".join(lines)


def _dollars(calls: Mapping[str, Any]) -> str:
    if calls["dollars"] is None:
        return f"unknown price for {calls['model']} (name a table with --set llm.prices=FILE)."
    return f"about ${calls['dollars']:,.2f} (prices of {calls['prices_dated']})."


def _varied(rows: Sequence[Triple], wanted: int) -> list[Triple]:
    """Answered training rows of different documents, if there are any."""
    answered = {row.document_id: row for row in reversed(rows) if row.answer is not None and row.split == "train"}
    return sorted(answered.values(), key=lambda row: row.id)[:wanted] or list(rows[:wanted])


def _export(export: Mapping[str, Any]) -> str:
    left_out = _counts(export["left_out"])
    return f"{_counts(export['files']) or 'no rows'}{f' (left out: {left_out})' if left_out else ''}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def _reasons(counts: Mapping[str, int]) -> str:
    return f" ({_counts(counts)})" if any(counts.values()) else ""


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60):02d} s"

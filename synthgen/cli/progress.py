"""What a person sees while a command works, and what its log keeps.

Each stage leaves one line, or the panel of a paid step. On a terminal it is rewritten in place, five times a second at most and
only when an event comes; elsewhere a line is printed every ten seconds and at the end of the stage. The log has that last line,
the waits that were long enough to matter, and what is found out about the server.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BufferedWriter, TextIOWrapper
from math import inf
from pathlib import Path
from typing import IO, TYPE_CHECKING

import regex

from synthgen.cli.progress_panel import CallRate, StepView, describe, time_text
from synthgen.cli.time_left import TimeLeft
from synthgen.errors import RunFolderError, SynthgenError
from synthgen.files import appending
from synthgen.records import Event
from synthgen.text.printable import printable_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

__all__ = ["Progress", "run_log"]

_TICK_S = 0.2
_PLAIN_TICK_S = 10.0
_WORTH_LOGGING_S = 2.0
_FINDINGS_EVERY_S = 10.0
_NUMBER = regex.compile(r"[\d.,]+")
_LOGGER = logging.getLogger("synthgen")


class Progress:
    """Takes events and shows them on `stream` (standard error). Call `close` at the end, also when an error passes.

    A stream that nobody reads any more ends the showing and not the work.
    """

    def __init__(
        self, stream: IO[str] | None = None, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        # A dumb terminal, such as an editor's, cannot rewrite a line.
        self._terminal = self._stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._quiet = quiet
        self._clock = clock
        self._event: Event | None = None
        self._live: Live | None = None
        self._started = self._shown = 0.0
        self._pace, self._rate = CallRate(), 0.0
        self._time_left = TimeLeft()
        self._left_s: float | None = None
        self._waits, self._findings = _Waits(), _Findings()

    def __call__(self, event: Event) -> None:
        event = _printable(event)
        now, before = self._clock(), self._event
        if before is None or _another_step(before, event):
            self.close()
            before = None
            self._started, self._shown = now, -inf if self._terminal else now
            self._pace, self._waits, self._findings, self._time_left = CallRate(), _Waits(), _Findings(), TimeLeft()
        self._event = event
        if event.total is not None and not event.uneven:
            elapsed_s = now - self._started if event.meter is None else event.meter.elapsed_s
            self._time_left.observe(elapsed_s, event.done, event.total, event.meter)
        if event.meter is not None:
            self._rate = self._pace(event.meter)
            self._waits(event.stage, event.meter.waiting, now)
            self._findings(event.stage, event.meter.findings, now)
        news = event.meter is not None and event.message != (before.message if before else "")
        if news and event.message:
            _LOGGER.info("%s: %s", event.stage, event.message)
        if news or now - self._shown >= (_TICK_S if self._terminal else _PLAIN_TICK_S):
            self._shown = now
            self._show(event)

    def close(self) -> None:
        """Leave the last state of the stage standing, and the terminal as it was."""
        event, self._event = self._event, None
        if event is not None:
            self._show(event, last=True)
            _LOGGER.info(self._line(event, last=True))

    def _show(self, event: Event, *, last: bool = False) -> None:
        self._left_s = None if last else self._time_left.shown()
        try:
            if not self._quiet:
                self._write(event, last=last)
        except OSError:
            self._quiet = True
            with suppress(OSError):
                if self._live:
                    self._live.stop()

    def _write(self, event: Event, *, last: bool) -> None:
        if not self._terminal:
            self._stream.write(self._line(event, last=last) + "\n")
            self._stream.flush()
            return
        live = self._live = self._live or _live(self._stream)
        live.update(self._picture(event, live.console.width, last=last), refresh=not last)
        if last:
            self._live = None
            live.stop()

    def _picture(self, event: Event, width: int, *, last: bool) -> RenderableType:
        from rich.text import Text

        if (facts := self._facts(event, last=last)) is not None:
            return facts.panel(width, last=last)
        return Text(self._line(event, last=last), no_wrap=True, overflow="ellipsis")

    def _line(self, event: Event, *, last: bool) -> str:
        if (facts := self._facts(event, last=last)) is not None:
            return facts.line
        elapsed_s = self._clock() - self._started
        counts = f"{event.done:,}" if event.total is None else f"{event.done:,}/{event.total:,}"
        parts = [f"{event.stage:<12} {counts:>15}"]
        if event.done and elapsed_s > 0.05:
            parts.append(f"{event.done / elapsed_s:,.0f}/s")
        parts.append(time_text(event, elapsed_s, self._left_s, last=last))
        return "  ".join(part for part in [*parts, event.message] if part)

    def _facts(self, event: Event, *, last: bool) -> StepView | None:
        return None if event.meter is None else describe(event, event.meter, self._rate, self._left_s, last=last)


class _Waits:
    """Logs why nothing is sent, and that something is sent again, once either has lasted for two seconds.

    A limiter that spaces calls out waits many times a second, and a wait counts down: neither is worth a line each time.
    """

    def __init__(self) -> None:
        self._kind = self._logged = ""
        self._since = 0.0

    def __call__(self, stage: str, waiting: str, now: float) -> None:
        kind = _NUMBER.sub("", waiting)
        if kind != self._kind:
            self._kind, self._since = kind, now
        if kind != self._logged and now - self._since >= _WORTH_LOGGING_S:
            self._logged = kind
            _LOGGER.info("%s: %s", stage, waiting or "sending again")


class _Findings:
    """Logs what is found out about the server when it is something else, every ten seconds at most.

    Counts that went on are nothing else: the last line of the stage has them.
    """

    def __init__(self) -> None:
        self._logged = ""
        self._logged_at = -inf

    def __call__(self, stage: str, findings: str, now: float) -> None:
        kind = _NUMBER.sub("", findings)
        if kind != self._logged and now >= self._logged_at + _FINDINGS_EVERY_S:
            self._logged, self._logged_at = kind, now
            _LOGGER.info("%s: %s", stage, findings or "nothing is known to limit the calls any more")


def _printable(event: Event) -> Event:
    """An event whose sentences, which may quote a server or a file name, are lines without commands for the terminal."""
    meter = event.meter
    if meter is not None:
        meter = replace(meter, waiting=printable_line(meter.waiting), findings=printable_line(meter.findings))
    return replace(event, message=printable_line(event.message), meter=meter)


def _another_step(before: Event, event: Event) -> bool:
    return before.stage != event.stage or (before.meter is None) != (event.meter is None)


def _live(stream: IO[str]) -> Live:
    """A place on the terminal that is rewritten. Errors printed meanwhile go above it."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream, force_terminal=True, force_interactive=True, force_jupyter=False)
    live = Live(console=console, auto_refresh=False, redirect_stdout=False)
    live.start()
    console.show_cursor(True)  # a command may be killed at any moment, and would leave it hidden
    return live


class _LogFile(logging.FileHandler):
    """A log that cannot be written is an error of the run folder, reported like any other."""

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(path, encoding="utf-8")
        except OSError as error:
            raise self._unwritable(path, error) from None

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(BufferedWriter(appending(Path(self.baseFilename))), encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's own name)
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            raise self._unwritable(Path(self.baseFilename), error) from None
        super().handleError(record)

    @staticmethod
    def _unwritable(path: Path, error: OSError) -> RunFolderError:
        return RunFolderError(f"{path} could not be written: {error.strerror}. Free disk space or choose another folder.")


class _PrintableFormatter(logging.Formatter):
    """Lines of a log: one for each message, whatever it quotes."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        return printable_line(super().formatMessage(record))


class _Above(logging.Handler):
    """Log lines on standard error as it is at the moment, which is above a panel while one is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            sys.stderr.write(self.format(record) + "\n")


@contextmanager
def run_log(path: Path, *, verbose: bool = False) -> Iterator[None]:
    """Append timestamps and events to `path` while the block runs; errors raised in it are logged, too."""
    handlers: list[logging.Handler] = [_LogFile(path)]
    above = _Above()
    handlers.append(above)
    _LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)
    for handler in handlers:
        handler.setFormatter(_PrintableFormatter("%(asctime)s %(levelname)s %(message)s"))
        _LOGGER.addHandler(handler)
    if not verbose:
        above.addFilter(lambda record: record.levelno == logging.WARNING)
        above.setFormatter(_PrintableFormatter("synthgen: %(message)s"))
    try:
        yield
    except SynthgenError as error:
        with suppress(RunFolderError):
            _LOGGER.error("%s: %s", type(error).__name__, error)
        raise
    finally:
        for handler in handlers:
            _LOGGER.removeHandler(handler)
            with suppress(OSError):
                handler.close()

"""What all verbs of the command line share: errors reported in one paragraph, output that may be cut off, the log of a run.

All that is printed passes here, or `progress`: what documents, models, file names and servers wrote is escaped.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import IO, TYPE_CHECKING, Any

import typer

from synthgen.cli.options import Given
from synthgen.errors import SynthgenError
from synthgen.text.printable import printable, printable_json

if TYPE_CHECKING:
    from pathlib import Path

    from synthgen.config.settings import Config
    from synthgen.pipeline.run_folder import RunFolder

__all__ = ["config", "drained", "existing", "logged", "out", "printing", "report_errors", "say", "show_lines", "write_lines"]


@contextmanager
def report_errors() -> Iterator[None]:
    """Errors as one paragraph with their exit code; a Ctrl-C as the sentence that says how to resume."""
    try:
        yield
    except SynthgenError as error:
        say(f"synthgen: {error}")
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        if error.filename is None:
            raise
        say(f"synthgen: {os.fsdecode(error.filename)} cannot be used: {error.strerror}.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        command = shlex.join(["synthgen", *sys.argv[1:]])
        say(f"\nInterrupted. Every finished call is saved; this resumes: {command}")
        raise typer.Exit(130) from None


@contextmanager
def printing() -> Iterator[None]:
    """What is printed meanwhile goes to standard output. A reader that stops reading is not an error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drained(sys.stdout)
        raise typer.Exit(0) from None


def say(sentence: str) -> None:
    """To people, who may have closed the window; the exit code stands all the same."""
    with suppress(OSError):
        print(printable(sentence), file=sys.stderr)


def drained(stream: IO[str]) -> None:
    """Have what is left for a stream that nobody reads any more go nowhere."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def logged(folder: RunFolder, quiet: bool, verbose: bool, *, shared: bool = False) -> Iterator[Any]:
    """Progress on standard error and in RUN/run.log; `shared` for a verb that works beside another command."""
    from synthgen.cli.progress import Progress, run_log

    with nullcontext() if shared else folder.held():  # a command at work keeps its log to itself
        pass
    progress = Progress(quiet=quiet)
    with run_log(folder.log, verbose=verbose):
        try:
            yield progress
        finally:
            progress.close()


def existing(run: Path) -> RunFolder:
    from synthgen.pipeline.run_folder import RunFolder

    folder = RunFolder(run)
    folder.open()
    return folder


def config(given: Given, run: Path | None) -> Config:
    """The settings that the run has or the defaults, then the file, then `--set`, then the flags."""
    from synthgen.pipeline.run_settings import run_settings

    return run_settings(run, given.config, given.settings, given.overrides)


def out(value: Any, as_text: Callable[..., str], *shown: Any, as_json: bool) -> None:
    """`value` as one JSON object, or the text that `as_text` makes of what is `shown` (of the value, if nothing else is)."""
    if as_json:
        text = printable_json(json.dumps(value if isinstance(value, dict) else value.to_dict(), ensure_ascii=False))
    else:
        text = printable(as_text(*(shown or (value,))))
    with printing():
        print(text)


def show_lines(lines: Iterable[object]) -> None:
    """Lines for people on standard output."""
    with printing():
        for line in lines:
            print(printable(str(line)))


def write_lines(lines: Iterator[bytes]) -> None:
    """Lines of JSON on standard output: the bytes of the file, and on a terminal the same values without its commands."""
    terminal = sys.stdout.isatty()
    with printing():
        for line in lines:
            sys.stdout.buffer.write(printable_json(line.decode("utf-8")).encode("utf-8") if terminal else line)

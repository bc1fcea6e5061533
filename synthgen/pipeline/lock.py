"""The lock of a run folder: a file that one process at a time holds, and that says who.

The system takes the lock back when its process ends, however it ends, so nothing is ever left locked. The text in the file
means something only while the file is locked; whoever takes it writes it anew. Over a network file system the lock holds as far
as that system keeps locks, and the text names the other machine.

Not covered: a process that was forked from the holder without starting another program, and outlives it, holds the lock on.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import regex

from synthgen.errors import RunFolderError
from synthgen.files import appending, lock

__all__ = ["hold"]

_BEGIN = b'{"pid": '
_MOST_SHOWN_CHARS = 200
_PRIVATE = regex.compile(r"(?<=://)[^/\s]*@|(?<=://[^\s?]*)\?[^\s']*")  # user and password, query


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Have the file at `path`, made if need be, to oneself. Raises RunFolderError when somebody else has it, and says who."""
    with _opened(path) as file:
        if not lock(file):
            raise RunFolderError(
                f"{path.parent} is in use by another command{_holder(file)}. Wait for it, or use another run folder."
            )
        if not _is_text(file):
            raise RunFolderError(f"{path} is not a lock of synthgen. Move it away, or use another folder.")
        _write(file, json.dumps(_myself()))
        try:
            yield
        finally:
            _write(file, "")


def _opened(path: Path) -> IO[bytes]:
    try:
        return appending(path)
    except OSError as error:
        raise RunFolderError(f"{path} could not be written: {error.strerror}. Choose another folder.") from None


def _is_text(file: IO[bytes]) -> bool:
    """Whether a file is empty or holds what a lock says, however much of it a killed command has written."""
    file.seek(0)
    begin = file.read(len(_BEGIN))
    return _BEGIN.startswith(begin)


def _write(file: IO[bytes], text: str) -> None:
    with suppress(OSError):  # a full disk: the lock holds without its text
        file.truncate(0)
        file.write(text.encode())


def _myself() -> dict[str, object]:
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "command": _command(sys.argv or [""])}


def _command(argv: Sequence[str]) -> str:
    """The command as it was typed, on one line, without what an address may give away."""
    program = Path(argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name
    shown = " ".join(_PRIVATE.sub("…", shlex.join([name, *argv[1:]])).split())
    return shown if len(shown) <= _MOST_SHOWN_CHARS else shown[: _MOST_SHOWN_CHARS - 1] + "…"


def _holder(file: IO[bytes]) -> str:
    """Who has the file, as the rest of a sentence; nothing when its text is being written at this moment."""
    file.seek(0)
    try:
        holder = json.loads(file.read(4_000))
        where = "" if holder["host"] == socket.gethostname() else f" on another machine, {holder['host']},"
        return f": process {holder['pid']}{where} since {holder['since']}, `{holder['command']}`"
    except (ValueError, KeyError, TypeError):
        return ""

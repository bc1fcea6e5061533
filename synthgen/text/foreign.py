"""Text files that somebody else wrote. What cannot be read is one sentence: which file, why, and what to do.

A file must be UTF-8, with or without a byte order mark. UTF-16 and UTF-32 are recognised, by their mark or by the NUL bytes
of their ASCII characters, so that the sentence names them.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from synthgen.errors import InputError, SynthgenError

__all__ = ["check_encoding", "read_text", "reading"]

_HEAD = 4_096  # bytes that are looked at
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_PATTERNS = {"x000": "UTF-32", "000x": "UTF-32", "x0x0": "UTF-16", "0x0x": "UTF-16"}
"""Which bytes of four are NUL in ASCII characters."""

_MIN_NULS = 0.1  # of such bytes


@contextmanager
def reading(path: Path, what: str = "file", *, hint: str = "", error: type[SynthgenError] = InputError) -> Iterator[None]:
    """Raise `error` where `path` cannot be read meanwhile, or is not UTF-8. `what` it is, and `hint` at what to do."""
    try:
        yield
    except OSError as failed:
        reason = " ".join(str(failed.strerror or failed).split())
        raise error(f"The {what} {path} cannot be read: {reason}. {hint}".rstrip()) from None
    except UnicodeDecodeError:
        raise error(f"The {what} {path} is not UTF-8 text. Save it as UTF-8.") from None


def read_text(path: Path, what: str = "file", *, hint: str = "", error: type[SynthgenError] = InputError) -> str:
    """Return the text of a file, without its byte order mark. Raises `error` like `reading`."""
    with reading(path, what, hint=hint, error=error):
        raw = path.read_bytes()
        _check(raw[:_HEAD], path, what, error)
        return raw.decode("utf-8-sig")


def check_encoding(file: IO[bytes], path: Path) -> None:
    """Raise InputError if the file that was opened begins as UTF-16 or UTF-32. Nothing is read from it."""
    _check(file.peek(_HEAD)[:_HEAD], path, "file", InputError)  # type: ignore[attr-defined]


def _check(head: bytes, path: Path, what: str, error: type[SynthgenError]) -> None:
    if encoding := _wide_encoding(head):
        raise error(f"The {what} {path} is not UTF-8 text, but {encoding}. Save it as UTF-8.")


def _wide_encoding(head: bytes) -> str:
    """Return the name of an encoding whose characters have two or four bytes, "" for any other."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    nuls = "".join("0" if head[at::4].count(0) > _MIN_NULS * len(head[at::4]) else "x" for at in range(4))
    return _PATTERNS.get(nuls, "")

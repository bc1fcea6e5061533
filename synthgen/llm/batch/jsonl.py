"""The files of batches, line by line: requests to upload, answers to read.

The provider defines the lines (`BatchApi.line` and `read`). Lines are read one at a time; an unreadable one is None,
never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from synthgen.llm.providers.base import BatchLine
from synthgen.records import Request

__all__ = ["read_lines", "write_files"]


def write_files(
    asked: Iterable[tuple[Request, str]],
    path: Path,
    line_of: Callable[[Request], bytes],
    *,
    max_requests: int,
    max_bytes: int,
) -> Iterator[dict[str, str]]:
    """Write requests to `path`, repeatedly: each time as many as one file may hold, until there are none left.

    `asked` are requests with the names of their steps. Each time, key -> step of the present file is yielded. A
    repeated request is left out. A single line above `max_bytes` gets its own file, for the provider to refuse.
    """
    written: set[str] = set()
    stream = (one for one in asked if one[0].key not in written)
    held = next(stream, None)
    while held is not None:
        steps: dict[str, str] = {}
        size = 0
        with path.open("wb") as file:
            while held is not None:
                request, step = held
                line = line_of(request)
                if steps and (len(steps) == max_requests or size + len(line) > max_bytes):
                    break
                file.write(line)
                written.add(request.key)
                steps[request.key], size = step, size + len(line)
                held = next(stream, None)
        yield steps


def read_lines(path: Path, read: Callable[[bytes], BatchLine | None]) -> Iterator[BatchLine | None]:
    """Yield the lines of an output or error file, as `read` reads them."""
    with path.open("rb") as file:
        for line in file:  # split at LF alone: answers may contain the other line ends of Unicode
            if line.strip():
                yield read(line)

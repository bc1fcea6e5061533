"""The files of batches, line by line: requests on their way up, answers on their way down.

What a line looks like is the provider's matter (`BatchApi.line` and `read`). Lines are read one at a time; one that cannot be read
is None and never an exception.
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
    """Write requests to `path`, again and again: each time as many as one file may hold, until there are no more.

    `asked` are requests with the name of their step; what is yielded each time is key -> step of the file as it stands. A request
    that comes again is left out. A single line above `max_bytes` has a file of its own, for the provider to refuse.
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
    """The lines of an output or error file, as `read` reads them."""
    with path.open("rb") as file:
        for line in file:  # cut at LF alone: answers may hold the characters that Unicode ends lines with
            if line.strip():
                yield read(line)

"""Write rows to JSONL files, split at a maximum size, and to TSV files."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from synthgen.errors import InputError
from synthgen.exporters.context import Rows
from synthgen.files import writing
from synthgen.storage import json_line

__all__ = ["RowsWithNotes", "json_lines", "part_name", "write_rows"]


class RowsWithNotes:
    """Iterate over an exporter's generator and keep the counts that it returns."""

    def __init__(self, generator: Rows) -> None:
        self.generator, self.notes = generator, dict[str, int]()

    def __iter__(self) -> Iterator[Any]:
        returned = yield from self.generator
        self.notes.update(returned or {})


def json_lines(found: Iterable[Mapping[str, Any]], format: str) -> Iterator[bytes]:
    """Yield each row as a line of JSON. Raises InputError with the format's name for a row that JSON cannot represent."""
    for row in found:
        try:
            yield json_line(row)
        except ValueError as error:
            raise InputError(f"A row of the format {format!r} cannot be written as JSON ({error}): {row!a:.200}") from None


def part_name(name: str, number: int) -> str:
    """Return the name of a part of a file: `train.jsonl`, `train-2.jsonl`, …"""
    return name if number == 1 else Path(name).with_stem(f"{Path(name).stem}-{number}").as_posix()


def write_rows(
    folder: Path, name: str, found: Iterable[Mapping[str, Any]], format: str, max_bytes: int | None = None
) -> dict[str, int]:
    """Write the rows, if any, as `name`, `name-2`, … of at most `max_bytes` each. Returns the number of rows by file.

    A `.tsv` file has the keys of the first row as its header and is never split.
    """
    stream = iter(found)
    first = next(stream, None)
    if first is None:
        return {name: 0}
    everything = itertools.chain([first], stream)
    if name.endswith(".tsv"):
        with writing(folder / name) as file:
            file.write("\t".join(first).encode() + b"\n")
            return {
                name: _write_lines(file, ("\t".join(str(row[key]) for key in first).encode() + b"\n" for row in everything))
            }
    files = {}
    lines = _numbered(json_lines(everything, format), max_bytes or sys.maxsize)
    for number, part in itertools.groupby(lines, key=itemgetter(0)):
        with writing(folder / part_name(name, number)) as file:
            files[part_name(name, number)] = _write_lines(file, (line for _, line in part))
    return files


def _numbered(lines: Iterable[bytes], max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield each line with the number of the part that it belongs to."""
    number, size = 1, 0
    for line in lines:
        if size and size + len(line) > max_bytes:
            number, size = number + 1, 0
        size += len(line)
        yield number, line


def _write_lines(file: IO[bytes], lines: Iterable[bytes]) -> int:
    count = 0
    for line in lines:
        file.write(line)
        count += 1
    return count

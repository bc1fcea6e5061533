"""Rows of a Parquet file. A row with a value that Python cannot hold (a date of the year 20,000) is one with a problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.errors import InputError
from synthgen.text.data import MOST_NESTED
from synthgen.text.foreign import reading

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["parquet_rows"]

_ROWS_AT_A_TIME = 5_000


def parquet_rows(path: Path) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the columns and the problem of each row.

    Raises InputError for a file that is none of Parquet's, and for one with a column twice or nested too deep.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with reading(path), path.open("rb") as opened, pq.ParquetFile(opened) as file:
            _check(path, file.schema_arrow)
            for batch in file.iter_batches(batch_size=_ROWS_AT_A_TIME):
                yield from _rows(batch)
    except pa.ArrowException as error:
        raise InputError(f"{path} is not a Parquet file: {' '.join(str(error).split())}.") from None


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Mapping[str, Any], str]]:
    try:
        yield from [(row, "") for row in batch.to_pylist()]
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            yield {}, f"a value cannot be read: {' '.join(str(error).split())}"
            return
        for at in range(batch.num_rows):
            yield from _rows(batch.slice(at, 1))


def _check(path: Path, schema: pa.Schema) -> None:
    left: list[tuple[str, Iterable[pa.Field], int]] = [("", schema, 0)]
    while left:
        place, fields, depth = left.pop()
        names = Counter(field.name for field in fields)
        if twice := [name for name, n in names.items() if n > 1]:
            raise InputError(
                f"{path} has the column {place + twice[0]!r} {names[twice[0]]} times. Rename or delete all but one of them."
            )
        if depth > MOST_NESTED:
            raise InputError(f"{path} has columns that are nested more than {MOST_NESTED} levels deep.")
        left += [(f"{place}{field.name}.", _inner(field.type), depth + 1) for field in fields]


def _inner(type_: pa.DataType) -> list[pa.Field]:
    return [type_.field(at) for at in range(type_.num_fields)]

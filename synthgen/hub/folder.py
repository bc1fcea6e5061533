"""Write the Parquet files of a data set, batch by batch. Equal rows give equal bytes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.files import writing
from synthgen.hub.columns import CONFIGS
from synthgen.storage import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Splits", "WrittenConfig", "write_config"]

_ROWS_PER_GROUP = 1_000  # the viewer of the Hub reads whole row groups

Row = Mapping[str, Any]
Splits = Mapping[str, Callable[[], Iterable[Row]]]
"""Split -> a function that returns its rows, each time from the start."""


@dataclass(frozen=True, slots=True)
class WrittenConfig:
    """A written config: rows by split (without empty splits), and the type of each column in words."""

    name: str
    rows: dict[str, int]
    types: dict[str, str]

    @property
    def files(self) -> dict[str, str]:
        """Split -> its file, relative to the data set."""
        return {split: f"{self.name}/{split}.parquet" for split in self.rows}


def write_config(folder: Path, name: str, splits: Splits) -> WrittenConfig:
    """Write one config to a subfolder of `folder`."""
    schema = _schema(name, splits)
    rows = {split: _write(folder / name / f"{split}.parquet", schema, read()) for split, read in splits.items()}
    return WrittenConfig(
        name, {split: n for split, n in rows.items() if n}, {field.name: _type_in_words(field.type) for field in schema}
    )


def _schema(name: str, splits: Splits) -> pa.Schema:
    """Return the declared columns, and the columns that a format's options add in any split: readers need one schema."""
    import pyarrow as pa

    config = CONFIGS[name]
    schema = pa.schema([(column, arrow_type(spec)) for column, (spec, _) in config.columns.items()])
    for read in splits.values() if config.format else ():
        for batch in _batches(read()):
            schema = pa.unify_schemas([schema, pa.Table.from_pylist(batch).schema], promote_options="permissive")
    return schema


def _write(path: Path, schema: pa.Schema, rows: Iterable[Row]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream, count = iter(rows), 0
    first = next(stream, None)
    if first is None:
        return 0
    with writing(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in _batches(itertools.chain([first], stream)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    stream = iter(rows)
    while batch := list(itertools.islice(stream, _ROWS_PER_GROUP)):
        yield batch


def _type_in_words(kind: pa.DataType) -> str:
    """Return a type in words, for the card."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return f"list of {_type_in_words(kind.value_type)}"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name}: {_type_in_words(field.type)}" for field in kind) + "}"
    return str(kind)

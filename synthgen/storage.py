"""Read and write tables, JSONL, JSON and YAML. Reading errors name the line; files are written as `files` writes them.

Tables are Parquet with a fixed schema per kind of record; equal rows give equal bytes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from synthgen.errors import ConfigError, DamagedFileError, InputError, RunFolderError
from synthgen.files import writing
from synthgen.text import data
from synthgen.text.data import BYTE_ORDER_MARK, BadData
from synthgen.text.foreign import check_encoding, read_text, reading

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "TABLES",
    "arrow_type",
    "file_sha256",
    "first_line",
    "json_line",
    "numbered_jsonl",
    "parse_yaml",
    "read_json",
    "read_jsonl",
    "read_table",
    "read_yaml",
    "table_facts",
    "write_json",
    "write_jsonl",
    "write_table",
]

_ROWS_PER_GROUP = 5_000

_DISTRACTOR = {"chunk_id": "string", "found_by": "string", "rank": "int64", "score": "double", "relative": "double"}
_TRIPLE = {
    "id": "string",
    "query": "string",
    "answer": "string",
    "chunk_id": "string",
    "positives": ["string"],
    "document_id": "string",
    "start": "int64",
    "end": "int64",
    "chunk_sha256": "string",
    "quotes": [["int64"]],
    "masks": [["int64"]],
    "reasoning": "string",
    "instruction": "string",
    "response": "string",
    "kind": "string",
    "generator": "string",
    "request_key": "string",
    "prompt_digest": "string",
    "distractors": [_DISTRACTOR],
    "scores": "string",
    "flags": ["string"],
    "split": "string",
    "reviewed": "bool",
    "metadata": "string",
}
_VERDICT = {"stage": "string", "reason": "string", "score": "double", "threshold": "double"}

TABLES: Mapping[str, Mapping[str, Any]] = {
    "documents": {
        "id": "string",
        "text": "string",
        "sha256": "string",
        "title": "string",
        "language": "string",
        "metadata": "string",
        "group": "string",
        "split": "string",
    },
    "chunks": {
        "id": "string",
        "document_id": "string",
        "start": "int64",
        "end": "int64",
        "text": "string",
        "sha256": "string",
        "headings": ["string"],
        "n_tokens": "int64",
        "language": "string",
        "group": "string",
        "split": "string",
        "places": ["string"],
        "format": "string",
    },
    "triples": _TRIPLE,
    "candidates": _TRIPLE,
    "rejected": {**_TRIPLE, **_VERDICT},
    "skipped": {"path": "string", "stage": "string", "reason": "string", "chunk_id": "string", "detail": "string"},
}
"""Columns of each table of a run folder: a type name, `[type]` for a list, a mapping for a struct."""


def write_table(path: Path, kind: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write `rows` as the Parquet table `kind` of TABLES. Returns the number of rows."""
    import pyarrow.parquet as pq

    schema, count = _schema(kind), 0
    with writing(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        stream = iter(rows)
        while batch := list(itertools.islice(stream, _ROWS_PER_GROUP)):
            writer.write_table(_table(batch, schema))
            count += len(batch)
    return count


def read_table(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet table. Raises RunFolderError when it does not exist, DamagedFileError when it is no such table."""
    import pyarrow.parquet as pq

    if not path.exists():
        raise RunFolderError(f"{path} does not exist. Run `synthgen run DOCS {path.parent}` first.")
    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_ROWS_PER_GROUP, columns=columns):
            yield from batch.to_pylist()
    except Exception as error:  # noqa: BLE001  (what a reader of Parquet raises depends on the byte that is wrong)
        raise DamagedFileError(f"{path} is damaged: {first_line(error)}.") from None


def table_facts(path: Path) -> dict[str, Any]:
    """How many rows a table has, and the digest of its file. Raises DamagedFileError when it cannot be read."""
    import pyarrow.parquet as pq

    try:
        return {"rows": pq.read_metadata(path).num_rows, "sha256": file_sha256(path)}
    except Exception as error:  # noqa: BLE001  (as above)
        raise DamagedFileError(f"{path} is damaged: {first_line(error)}.") from None


def file_sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_line(error: BaseException) -> str:
    """What an error of a library says, as the part of a sentence."""
    said = str(error).strip().splitlines()
    return said[0].strip().rstrip(".") if said and said[0].strip() else type(error).__name__


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object per line, in UTF-8 with LF and without a byte order mark. Returns the number of rows."""
    count = 0
    with writing(path) as file:
        for row in rows:
            file.write(json_line(row))
            count += 1
    return count


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return a row as compact JSON. pydantic's encoder takes an eighth of the time of `json.dumps`.

    U+2028, U+2029 and U+0085 are escaped: readers that split lines like Unicode does would cut the row there. Raises
    ValueError for values that JSON cannot represent, such as half a character.
    """
    line = to_json(row)
    for last, separator, escape in _SEPARATORS:
        if last in line:  # searching one byte is fifty times faster than three
            line = line.replace(separator, escape)
    return line + b"\n"


_SEPARATORS = [(c.encode()[-1:], c.encode(), f"\\u{ord(c):04x}".encode()) for c in "\u2028\u2029\u0085"]


def read_yaml(path: Path, what: str, *, hint: str = "") -> Any:
    """Read a YAML file. Raises ConfigError if it cannot be read, is not UTF-8, or is not YAML (with its line)."""
    return parse_yaml(read_text(path, what, hint=hint, error=ConfigError), str(path))


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML. Raises ConfigError with `where` and the line."""
    try:
        return data.parse_yaml(text)
    except BadData as bad:
        place = f", line {bad.line}, column {bad.column}" if bad.line else ""
        raise ConfigError(f"{where}{place} is not valid YAML: {bad}.") from None


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSONL file. Raises InputError with the line number when a line is not a JSON object."""
    for _, row in numbered_jsonl(path):
        yield row


def numbered_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row with its line number, for messages about its content. Raises like `read_jsonl`."""
    with reading(path), path.open("rb") as file:
        check_encoding(file, path)
        for number, raw in enumerate(file, 1):
            try:
                line = raw.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
            except UnicodeDecodeError:
                raise InputError(f"{path}, line {number} is not UTF-8 text. Save the file as UTF-8.") from None
            if not line.strip():
                continue
            try:
                row = data.parse_json(line)
                data.check_data(row)
            except BadData as bad:
                place = f" at column {bad.column}" if bad.column else ""
                raise InputError(f"{path}, line {number} is not JSON that can be read: {bad}{place}.") from None
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number} is {type(row).__name__}, but each line must be a JSON object.")
            yield number, row


def write_json(path: Path, value: Any) -> None:
    with writing(path) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8") + b"\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _schema(kind: str) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(name, arrow_type(spec)) for name, spec in TABLES[kind].items()])


def arrow_type(spec: Any) -> pa.DataType:
    """Return the Arrow type of a type in the notation of TABLES."""
    import pyarrow as pa

    if isinstance(spec, list):
        return pa.list_(arrow_type(spec[0]))
    if isinstance(spec, Mapping):
        return pa.struct([(name, arrow_type(inner)) for name, inner in spec.items()])
    return {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}[spec]


def _table(rows: list[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)

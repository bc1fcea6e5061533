"""Read a file of rows into raw rows: mappings of columns with their place in the file.

The formats are JSONL, JSON (a list, an object that holds one list, or SQuAD's articles and paragraphs), CSV or TSV,
Parquet, a folder of JSONL files (an export), a data set of ours as the Hub has it, and a BEIR folder, in which each relevant pair is a row with the text of
its passage as the context. All but JSON are streamed; of a BEIR folder, the corpus is held in memory.

A row that cannot be read becomes a row with a `problem`. A file that cannot be read raises InputError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from synthgen.errors import ConfigError, InputError
from synthgen.importers.own_exports import check_folder
from synthgen.importers.parquet import parquet_rows
from synthgen.importers.qrels import LAYOUT, BadLine, Judgment, read_qrels
from synthgen.importers.tables import read_table
from synthgen.records import SPLITS, digest
from synthgen.splits import split_named
from synthgen.text.data import BadData, parse_json
from synthgen.text.foreign import check_encoding, read_text, reading
from synthgen.text.printable import printable_line

__all__ = ["FORMATS", "Passage", "RawRow", "file_digest", "passages_of", "raw_rows"]


class RawRow(NamedTuple):
    """The columns of a row and their place in the file. `problem` says why a row has no columns."""

    where: str
    columns: Mapping[str, Any]
    problem: str = ""


class Passage(NamedTuple):
    """A corpus text that comes with the rows."""

    text: str
    title: str = ""


FORMATS: Mapping[str, str] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
"""File suffix -> format. Folders can be BEIR folders or folders of JSONL files."""

_BEIR = ("corpus.jsonl", "queries.jsonl")


def raw_rows(path: Path) -> tuple[str, Iterator[RawRow]]:
    """Return the format of a file or folder, and its rows. Raises InputError if it does not exist or has an unknown format."""
    with reading(path, "file of rows"):
        exists, is_folder, is_file = path.exists(), path.is_dir(), path.is_file()
    if not exists:
        raise InputError(f"{path} does not exist. The first argument is the file of rows.")
    if is_folder:
        check_folder(path)
        if all((path / name).is_file() for name in _BEIR):
            return "beir", _beir(path)
        if tables := _tables(path):
            return "parquet", (_of_split(file.stem, row) for file in tables for row in _parquet(file))
        if files := sorted(path.glob("*.jsonl")):
            return "jsonl", (_of_split(file.stem, row) for file in files for row in _jsonl(file))
        raise InputError(
            f"{path} is a folder with neither {' and '.join(_BEIR)} (a BEIR folder) nor other .jsonl files, so it holds no rows."
        )
    format = FORMATS.get(path.suffix.lower())
    if format is None:
        raise InputError(
            f"{path} has {f'the suffix {path.suffix}' if path.suffix else 'no suffix'}, so its format is unknown. "
            f"Allowed: {', '.join(FORMATS)}, and a BEIR folder. Rename or convert it."
        )
    if not is_file:
        raise InputError(f"{path} is neither a file nor a folder. It is read more than once, so rows cannot come from a pipe.")
    readers: Mapping[str, Callable[[Path], Iterator[RawRow]]] = {
        "jsonl": _jsonl,
        "json": _json,
        "csv": _csv,
        "parquet": _parquet,
    }
    return format, readers[format](path)


def _tables(folder: Path) -> list[Path]:
    """Return the files of the config `triples` in a data set of ours, by split; `folder` may be the config itself."""
    for place in (folder / "triples", folder / "data" / "triples", folder):
        if files := [file for split in SPLITS if (file := place / f"{split}.parquet").is_file()]:
            return files
    return []


def passages_of(path: Path) -> Iterator[Passage]:
    """Yield the passages of a BEIR folder's corpus. Other files have none."""
    if path.is_dir() and (path / "corpus.jsonl").is_file():
        for row in _jsonl(path / "corpus.jsonl"):
            if isinstance(text := row.columns.get("text"), str):
                yield Passage(text, str(row.columns.get("title") or ""))


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes, or of a folder's JSONL, TSV and Parquet files with their names."""
    files = sorted(p for p in path.rglob("*") if p.suffix in (".jsonl", ".tsv", ".parquet")) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        if path.is_dir():
            total.update(file.relative_to(path).as_posix().encode("utf-8", "surrogateescape") + b"\0")
        with reading(file), file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _jsonl(path: Path) -> Iterator[RawRow]:
    with reading(path), path.open("rb") as file:
        check_encoding(file, path)
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            where = f"{_shown(path)}:{number}"
            try:
                row = parse_json(raw.decode("utf-8"))
            except UnicodeDecodeError:
                yield RawRow(where, {}, "not UTF-8 text")
            except BadData as bad:
                yield RawRow(where, {}, f"not JSON: {bad}")
            else:
                yield _checked(where, row)


def _json(path: Path) -> Iterator[RawRow]:
    try:
        loaded = parse_json(read_text(path))
    except BadData as bad:
        if str(bad) == "Extra data" and bad.line > 1:  # JSONL under the suffix .json
            yield from _jsonl(path)
            return
        place = f" at line {bad.line}, column {bad.column}" if bad.line else ""
        raise InputError(f"{path} is not JSON: {bad}{place}.") from None
    rows = _rows_of(path, loaded)
    for number, row in enumerate(_paragraphs(rows) if _is_squad(rows) else rows, 1):
        yield _checked(f"{_shown(path)}:{number}", row)


def _rows_of(path: Path, loaded: Any) -> list[Any]:
    if isinstance(loaded, list):
        return loaded
    lists = {name: value for name, value in loaded.items() if isinstance(value, list)} if isinstance(loaded, dict) else {}
    if len(lists) == 1:
        return next(iter(lists.values()))
    holds = f"an object with the lists {', '.join(lists) or '(none)'}" if isinstance(loaded, dict) else type(loaded).__name__
    raise InputError(f"{path} holds {holds}. A JSON file of rows is a list of objects, or an object with one such list.")


def _is_squad(rows: list[Any]) -> bool:
    return bool(rows) and isinstance(rows[0], dict) and isinstance(rows[0].get("paragraphs"), list)


def _paragraphs(articles: list[Any]) -> Iterator[Any]:
    """Yield a row for each question of SQuAD's articles."""
    for article in articles:
        for paragraph in article.get("paragraphs", ()) if isinstance(article, dict) else [None]:
            if not isinstance(paragraph, dict) or not isinstance(paragraph.get("qas"), list):
                yield paragraph  # the reader of its columns reports it
                continue
            shared = {name: value for name, value in paragraph.items() if name != "qas"}
            title = {"title": article["title"]} if "title" in article else {}
            for qa in paragraph["qas"]:
                yield {**shared, **title, **qa} if isinstance(qa, dict) else qa


def _csv(path: Path) -> Iterator[RawRow]:
    for line, columns, problem in read_table(path):
        yield RawRow(f"{_shown(path)}:{line}", columns, problem)


def _parquet(path: Path) -> Iterator[RawRow]:
    for number, (columns, problem) in enumerate(parquet_rows(path), 1):
        yield RawRow(f"{_shown(path)}:{number}", columns, problem)


def _shown(path: Path) -> str:
    """Return the name of a file as a table can hold it, whatever bytes it has."""
    return printable_line(path.name)


def _beir(folder: Path) -> Iterator[RawRow]:
    corpus, queries = dict[str, Mapping[str, Any]](), dict[str, Mapping[str, Any]]()
    for name, by_id in (("corpus.jsonl", corpus), ("queries.jsonl", queries)):
        for row in _jsonl(folder / name):
            id = str(row.columns.get("_id"))
            if row.problem or by_id.get(id, row.columns) != row.columns:
                yield RawRow(row.where, {}, row.problem or f"another text has the _id {id!r}, too, and stands before it")
            else:
                by_id[id] = row.columns
    judgments = sorted((folder / "qrels").glob("*.tsv"))
    if not judgments:
        raise InputError(f"{folder} has no qrels/*.tsv, which say which passage answers which query.")
    if _is_own_beir(corpus, queries):
        yield from _own_beir(corpus, queries, judgments)
        return
    for path in judgments:
        for found in read_qrels(path):
            where = f"{_shown(path)}:{found.line}"
            if isinstance(found, BadLine):
                yield RawRow(where, {}, f"not {LAYOUT}")
            elif found.score > 0:
                yield _judged(where, found, path.stem, queries.get(found.query, {}), corpus.get(found.passage))


def _is_own_beir(corpus: Mapping[str, Mapping[str, Any]], queries: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a BEIR folder is an export of ours, whose ids are those of rows and chunks."""
    passages = all(_metadata(row).keys() == {"document", "start", "end"} for row in corpus.values())
    return (
        passages and bool(queries) and all(_metadata(row).keys() == {"split", "kind", "generator"} for row in queries.values())
    )


def _own_beir(
    corpus: Mapping[str, Mapping[str, Any]], queries: Mapping[str, Mapping[str, Any]], judgments: list[Path]
) -> Iterator[RawRow]:
    """Yield a row of ours for each query, without the answer that the format leaves out."""
    positives: dict[str, list[str]] = {}
    for path in judgments:
        for found in read_qrels(path):
            if isinstance(found, BadLine):
                yield RawRow(f"{_shown(path)}:{found.line}", {}, f"not {LAYOUT}")
            elif found.score > 0 and found.passage in corpus:
                positives.setdefault(found.query, []).append(found.passage)
    for number, (id, query) in enumerate(queries.items(), 1):
        where, own = f"queries.jsonl:{number}", positives.get(id, [])
        if not own:
            yield RawRow(where, {}, f"qrels name no passage of the corpus for the query {id!r}")
            continue
        passage = corpus[own[0]]
        place, text = _metadata(passage), str(passage.get("text"))
        columns = {
            "id": unquote(id),
            "query": query.get("text"),
            "answer": None,
            "positives": [unquote(one) for one in own],
            "document_id": place["document"],
            "start": place["start"],
            "end": place["end"],
            "chunk_sha256": digest(text),
            "quotes": [],
            "masks": [],
            "context": text,
            "title": passage.get("title"),
        }
        yield RawRow(where, columns | _metadata(query))


def _judged(where: str, found: Judgment, split: str, query: Mapping[str, Any], passage: Mapping[str, Any] | None) -> RawRow:
    """Return the row of a judgment, whose split is the name of its file."""
    if passage is None:
        return RawRow(where, {}, f"the corpus has no passage {found.passage!r}")
    metadata = {**_metadata(passage), **_metadata(query)}
    metadata = {
        name: value for name, value in metadata.items() if name not in ("start", "end")
    }  # of the passage, not of an answer
    ids = {"query_id": found.query, "corpus_id": found.passage, "relevance": found.score}
    texts = {"query": query.get("text"), "context": passage.get("text"), "title": passage.get("title")}
    return _of_split(split, RawRow(where, {**metadata, **ids, **texts}))


def _of_split(name: str, row: RawRow) -> RawRow:
    """Return the row with the split that its file is named for (`test`, `train-2`), where it does not say one itself."""
    try:
        split = split_named(name.partition("-")[0])
    except ConfigError:
        return row
    return row._replace(columns={"split": split, **row.columns}) if row.columns else row


def _checked(where: str, row: Any) -> RawRow:
    return RawRow(where, row) if isinstance(row, dict) else RawRow(where, {}, f"{type(row).__name__}, not an object")


def _metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row["metadata"]) if isinstance(row.get("metadata"), dict) else {}

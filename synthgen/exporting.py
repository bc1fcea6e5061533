"""Exports of a finished run: another format, another place, one split or all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen import storage
from synthgen.config import Config, load_config
from synthgen.errors import ConfigError, EmptyResultError, InputError
from synthgen.exporters import FORMATS, check_format, usable
from synthgen.exporters import Context as ExportContext
from synthgen.exporters import export as write_format
from synthgen.exporters import rows as format_rows
from synthgen.records import SPLITS, Rejection, Triple
from synthgen.runfolder import RunFolder

__all__ = ["export", "export_rows"]

_TABLES = ("train.jsonl", "dev.jsonl", "test.jsonl", "corpus.jsonl", "queries.jsonl", "qrels")
_EXPORTED = frozenset({*_TABLES, "README.md", "synthgen_task.py", "dataset_info.json"})


def export(
    run_folder: str | Path, format: str, *, output: str | None = None, split: str = "train", settings: Sequence[str] = ()
) -> dict[str, Any]:
    """Write one format of a run. `output` is a folder (all splits) or a file name with a suffix (`split` only).

    Returns where it went, the rows of each file, and how many rows were left out, by reason. Raises EmptyResultError when
    no row fits the format, and InputError for a folder that holds anything but an export.
    """
    folder = RunFolder(Path(run_folder))
    target = Path(output).resolve() if output else folder.exports / format
    if target.suffix and not target.is_dir():
        found, left_out = export_rows(run_folder, format, split=split, settings=settings)
        files = {target.name: storage.write_jsonl(target, found)}
        return {"format": format, "path": str(target), "files": files, "left_out": left_out}
    foreign = sorted(p.name for p in target.iterdir() if p.name not in _EXPORTED) if target.is_dir() else []
    if foreign:
        raise InputError(
            f"{target} holds {foreign[0]}, which is no export, and an export replaces its folder as a whole. "
            "Name a new or empty folder."
        )
    config, triples, context = _exportable(folder, settings)
    rows = list(triples)
    _fitting(rows, context, format)
    report = write_format(rows, context, format, target, options=config.exports.options.get(format))
    if not any(report.files.values()):
        raise _no_row(format, report.notes)
    return {"path": str(target), **report.to_dict()}


def export_rows(
    run_folder: str | Path, format: str, *, split: str, settings: Sequence[str] = ()
) -> tuple[Iterator[dict[str, Any]], dict[str, int]]:
    """The rows of one split in one format, one by one, and how many were left out, by reason."""
    if split not in SPLITS:
        raise ConfigError(f"There is no split {split!r}. Known: {', '.join(SPLITS)}.")
    config, triples, context = _exportable(RunFolder(Path(run_folder)), settings)
    rows = list(triples)
    left_out = _fitting([row for row in rows if row.split == split], context, format)
    made = format_rows(rows, context, format, split, options=config.exports.options.get(format))
    first = next(made, None)
    if first is None:
        raise _no_row(format, left_out)
    return itertools.chain([first], made), left_out


def _exportable(folder: RunFolder, settings: Sequence[str]) -> tuple[Config, Iterator[Triple], ExportContext]:
    config = load_config(None, settings, base=folder.open()[0])
    chunks = {chunk.id: chunk for chunk in folder.read("chunks")}
    titles = {document.id: document.title for document in folder.read("documents") if document.title}
    return config, folder.read("triples"), ExportContext(chunks, titles, config.seed, _Rejected(folder))


class _Rejected:
    """The rows that the filters of a run turned away, read each time they are wanted."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Rejection]:
        return self._folder.read("rejected")


def _fitting(triples: Sequence[Triple], context: ExportContext, format: str) -> dict[str, int]:
    """How many rows lack what the format needs, by reason. Raises EmptyResultError when all do."""
    check_format(format)
    fitting, left_out = usable(triples, context, format)
    if not fitting and (format not in FORMATS or FORMATS[format].needs is not None):
        raise _no_row(format, left_out)
    return left_out


def _no_row(format: str, left_out: Mapping[str, int]) -> EmptyResultError:
    reasons = ", ".join(f"{reason} {n}" for reason, n in left_out.items())
    return EmptyResultError(f"No row fits {format!r} ({reasons or 'there is none in this split'}), so nothing was written.")

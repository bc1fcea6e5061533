"""Exports: written, and read again by the rules of their readers; of a finished run, another format, place or split.

A file made elsewhere is checked by the same rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import regex

from synthgen.config import Config, load_config
from synthgen.errors import ConfigError, EmptyResultError, ExportError, InputError
from synthgen.exporters import FORMATS, Counted, ExportReport, check_format, names_beside, usable, write_rows
from synthgen.exporters import Context as ExportContext
from synthgen.exporters import export as write_format
from synthgen.exporters import rows as format_rows
from synthgen.llm.prices import load_prices
from synthgen.records import SPLITS, Rejection, Triple
from synthgen.runfolder import RunFolder
from synthgen.validators import Checked, Service, check, files_in
from synthgen.wording import counts, place

__all__ = ["broken", "check_export", "check_files", "export", "export_rows", "write_checked"]

_EXPORTED = regex.compile(r"(train|dev|test|corpus|queries)(-\d+)?\.jsonl|qrels")


def write_checked(triples: Sequence[Triple], context: ExportContext, format: str, folder: Path, config: Config) -> ExportReport:
    """Write one format to `folder` and read it again; what was found stands in the report's `checks`."""
    settings = config.exports
    report = write_format(triples, context, format, folder, options=settings.options.get(format), max_bytes=settings.max_bytes)
    files = {name: folder / name for name, rows in report.files.items() if rows}
    return replace(report, checks=check_export(format, files, config).to_dict())


def broken(export: Mapping[str, Any]) -> str:
    """The first error of a checked export, with how many there are; "" when there is none."""
    errors = export["checks"]["errors"]
    if not errors:
        return ""
    first = next(problem for problem in export["checks"]["problems"] if problem["severity"] == "error")
    return f"{place(first)}: {first['message']} ({counts(errors)})."


def export(
    run_folder: str | Path, format: str, *, output: str | None = None, split: str = "train", settings: Sequence[str] = ()
) -> dict[str, Any]:
    """Write one format of a run. `output` is a folder (all splits) or a file name with a suffix (`split` only).

    Returns where it went, the rows of each file, how many rows were left out, by reason, and what checking the files found.
    Raises EmptyResultError when no row fits the format, InputError for a folder that holds anything but an export, and ExportError
    when a file breaks a rule of its reader, which is a fault of synthgen or of a format of one's own.
    """
    folder = RunFolder(Path(run_folder))
    config, triples, context = _exportable(folder, settings)
    options = config.exports.options.get(format)
    check_format(format, options)
    target = Path(output).resolve() if output else folder.exports / format
    if target.suffix and not target.is_dir():
        found, left_out, notes = _split_rows(triples, context, format, split, options)
        files = write_rows(target.parent, target.name, found, config.exports.max_bytes or _max_bytes(format))
        checks = check_export(format, {name: target.parent / name for name in files}, config).to_dict()
        report: dict[str, Any] = {
            "format": format,
            "path": str(target),
            "files": files,
            "left_out": left_out,
            "notes": notes,
            "checks": checks,
        }
    else:
        _refuse_foreign(target, names_beside(format, context, options or {}))
        rows = list(triples)
        _fitting(rows, context, format)
        report = {"path": str(target), **write_checked(rows, context, format, target, config).to_dict()}
        if not any(report["files"].values()):
            raise _no_row(format, report["left_out"] | report["notes"])
    if wrong := broken(report):
        raise ExportError(
            f"{target} was written, but breaks a rule of its reader. {wrong} If the format is one of synthgen's, that is a fault of "
            "synthgen: please report it with this sentence."
        )
    return report


def export_rows(
    run_folder: str | Path, format: str, *, split: str, settings: Sequence[str] = ()
) -> tuple[Iterator[dict[str, Any]], dict[str, int], dict[str, int]]:
    """The rows of one split in one format, one by one, and how many were left out, by reason. They are not checked.

    Also what the exporter notes, which is complete when the last row was taken.
    """
    config, triples, context = _exportable(RunFolder(Path(run_folder)), settings)
    return _split_rows(triples, context, format, split, config.exports.options.get(format))


def check_files(run_folder: str | Path, format: str, path: str | Path, *, settings: Sequence[str] = ()) -> dict[str, Any]:
    """Check a file, or a folder of files, made elsewhere by the rules of `format`, with the settings of a run.

    These are the model with its limit and price (`exports.model`, `exports.max_tokens`, `llm.prices`) and the format's options, which may
    rename fields. Raises InputError where there is nothing to check.
    """
    config = load_config(None, settings, base=RunFolder(Path(run_folder)).open()[0])
    check_format(format, config.exports.options.get(format))
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist. Name a file of rows (JSONL), or a folder of such files.")
    files = files_in(path)
    if not files:
        raise InputError(f"{path} has no .jsonl file. Name a file of rows (JSONL), or a folder of such files.")
    return {"format": format, "path": str(path), **check_export(format, files, config).to_dict()}


def check_export(format: str, files: Mapping[str, Path], config: Config) -> Checked:
    """Check the files of an export, by name, with these settings."""
    settings = config.exports
    service = Service(settings.model, max_tokens=settings.max_tokens, prices=load_prices(config.llm.prices))
    options = settings.options.get(format) or {}
    return check(format, files, options=options, service=service, max_bytes=settings.max_bytes or _max_bytes(format))


def _max_bytes(format: str) -> int | None:
    return FORMATS[format].max_bytes if format in FORMATS else None


def _split_rows(
    triples: Iterator[Triple], context: ExportContext, format: str, split: str, options: Mapping[str, Any] | None
) -> tuple[Iterator[dict[str, Any]], dict[str, int], dict[str, int]]:
    if split not in SPLITS:
        raise ConfigError(f"There is no split {split!r}. Known: {', '.join(SPLITS)}.")
    rows = list(triples)  # of all splits: what a row shows may depend on the others
    left_out = _fitting([row for row in rows if row.split == split], context, format)
    counted = Counted(format_rows(rows, context, format, split, options=options))
    made = iter(counted)
    first = next(made, None)
    if first is None:
        raise _no_row(format, left_out | counted.notes)
    return itertools.chain([first], made), left_out, counted.notes


def _refuse_foreign(folder: Path, beside: set[str]) -> None:
    """What stands beside rows is an export's only where there are rows."""
    names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    rows = {name for name in names if _EXPORTED.fullmatch(name)}
    if foreign := sorted(names - rows - (beside if rows else set())):
        raise InputError(
            f"{folder} holds {foreign[0]}, which is no export, and an export replaces its folder as a whole. "
            "Name a new or empty folder."
        )


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
    return EmptyResultError(
        f"No row fits {format!r} ({counts(left_out) or 'there is none in this split'}), so nothing was written."
    )

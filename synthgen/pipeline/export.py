"""Exports: written, and read again by the rules of their readers; of a finished run, another format, place or split.

A file made elsewhere is checked by the same rules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from synthgen.config.settings import Config, load_config
from synthgen.errors import ExportError, InputError
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import check_format, format_options, split_rows
from synthgen.exporters.export import export as write_format
from synthgen.exporters.formats import FORMATS, format_of
from synthgen.exporters.jsonl import json_lines, write_rows
from synthgen.exporters.validation.check import check, files_in
from synthgen.exporters.validation.findings import CheckReport
from synthgen.exporters.validation.fine_tuning import Service
from synthgen.files import check_own, remove_own, write_beside
from synthgen.llm.costs.prices import load_prices
from synthgen.pipeline.report_schema import ExportCounts, FormatCheckReport, FormatReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Rejection, Triple
from synthgen.splits import split_named
from synthgen.text.humanize import counts, place

__all__ = [
    "broken",
    "check_export",
    "check_exports",
    "check_files",
    "export",
    "export_rows",
    "exportable",
    "exported",
    "remove_export",
    "write_own",
]

_EARLIER = r"(?:train|dev|test|corpus|queries)(?:-\d+)?\.jsonl|qrels/(?:train|dev|test)\.(?:tsv|jsonl)"
_EARLIER_OWN = r"(?:[^/]+/)?[^/]+\.(?:jsonl|tsv)"  # a format of one's own names its files
_FILES = (".jsonl", ".json")
_OTHER_FILES = (
    ".tsv",
    ".csv",
    ".parquet",
    ".arrow",
    ".ndjson",
    ".txt",
    ".gz",
    ".zip",
    ".sqlite",
)  # files, but none that is written


def _write_checked(
    triples: Iterable[Triple],
    context: ExportContext,
    format: str,
    folder: Path,
    config: Config,
    *,
    empty: bool = True,
    unlisted: str = "",
) -> ExportCounts:
    """Write one format to `folder` and read it again; what was found stands in the report's `checks`.

    Unless it may be `empty`, one without rows raises EmptyResultError and leaves the folder as it was. InputError, which leaves it
    so, too, is raised where it holds anything but an export (`files.write_folder`).
    """
    settings = config.exports
    options = settings.options.get(format)
    report = write_format(
        triples, context, format, folder, options=options, max_bytes=settings.max_bytes, empty=empty, unlisted=unlisted
    )
    files = {name: folder / name for name, rows in report.files.items() if rows}
    return ExportCounts.model_validate(replace(report, checks=check_export(format, files, config).to_dict()).to_dict())


def broken(export: ExportCounts) -> str:
    """The first error of a checked export, with how many there are; "" when there is none."""
    errors = export.checks.errors
    if not errors:
        return ""
    first = next(problem for problem in export.checks.problems if problem.severity == "error")
    return f"{place(first.file, first.line)}: {first.message} ({counts(errors)})."


def export(
    run_folder: str | Path, format: str, *, output: str | None = None, split: str = "train", settings: Sequence[str] = ()
) -> FormatReport:
    """Write one format of a run. `output` is a folder (all splits) or a file, `.jsonl` or `.json` (`split` only).

    Returns where it went, the rows of each file, how many rows were left out, by reason, and what checking the files found.
    Raises EmptyResultError when no row fits the format, and then nothing has changed; InputError for a place where anything but an
    earlier export of the format stands; and ExportError when a file breaks a rule of its reader, which is a fault of synthgen or of
    a format of one's own.
    """
    folder = RunFolder(Path(run_folder))
    config, triples, context = exportable(folder, settings)
    options = config.exports.options.get(format)
    check_format(format, options)
    split = split_named(split)
    target, is_file = _target(folder, format, output)
    if is_file:
        found, left_out, notes = split_rows(triples, context, format, split, options=options)
        with write_beside(target) as part:
            files = write_rows(part, target.name, found, format, config.exports.max_bytes or format_of(format).max_bytes)
        checks = check_export(format, {name: target.parent / name for name in files}, config).to_dict()
        written = {"format": format, "files": files, "left_out": left_out, "notes": notes, "checks": checks}
    else:
        of_run = target.parent.resolve() == folder.exports.resolve()
        written = _write_checked(
            triples, context, format, target, config, empty=False, unlisted=_unlisted(folder, format) if of_run else ""
        ).to_dict()
    report = FormatReport.model_validate({"path": str(target), **written})
    if wrong := broken(report):
        raise ExportError(
            f"{target} was written, but breaks a rule of its reader. {wrong} If the format is one of synthgen's, that is a fault of "
            "synthgen: please report it with this sentence."
        )
    return report


def export_rows(
    run_folder: str | Path, format: str, *, split: str, settings: Sequence[str] = ()
) -> tuple[Iterator[bytes], dict[str, int], dict[str, int]]:
    """The rows of one split in one format, as lines of JSON, and how many were left out, by reason. They are not checked.

    Also what the exporter notes, which is complete when the last row was taken.
    """
    config, triples, context = exportable(RunFolder(Path(run_folder)), settings)
    options = config.exports.options.get(format)
    found, left_out, notes = split_rows(triples, context, format, split_named(split), options=options)
    return json_lines(found, format), left_out, notes


def check_files(run_folder: str | Path, format: str, path: str | Path, *, settings: Sequence[str] = ()) -> FormatCheckReport:
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
    found = check_export(format, files, config).to_dict()
    return FormatCheckReport.model_validate({"format": format, "path": str(path), **found})


def check_export(format: str, files: Mapping[str, Path], config: Config) -> CheckReport:
    """Check the files of an export, by name, with these settings."""
    settings = config.exports
    service = Service(settings.model, max_tokens=settings.max_tokens, prices=load_prices(config.llm.prices))
    options, most = format_options(format, settings.options.get(format)), settings.max_bytes or format_of(format).max_bytes
    return check(format, files, options=options, service=service, max_bytes=most)


def _target(folder: RunFolder, format: str, output: str | None) -> tuple[Path, bool]:
    """Where an export goes, and whether that is a file. Raises InputError where it would take the place of anything else."""
    if not output:
        return folder.exports / format, False
    if Path(output).is_symlink():
        raise InputError(f"{output} is a link, and nothing is written through one. Name the place that it leads to.")
    path, named_folder = Path(output).resolve(), output.endswith(("/", os.sep)) or Path(output).is_dir()
    is_file = not named_folder and path.suffix in _FILES
    if not is_file and (path.is_file() or (not named_folder and path.suffix.lower() in _OTHER_FILES)):
        raise InputError(f"{output} cannot be written: its name must end in .jsonl or .json. Name such a file, or a folder.")
    run, exports = folder.path.resolve(), folder.exports.resolve()
    inside = path.relative_to(exports).parts if path.is_relative_to(exports) else ()
    if not inside and path.is_relative_to(run):
        raise InputError(
            f"{output} stands among the files of the run. Name a place below {folder.exports}, or outside of the run."
        )
    if inside and (inside[0] in FORMATS or ":" in inside[0]) and inside != (format,):
        raise InputError(
            f"{folder.exports / inside[0]} is the folder of the export {inside[0]!r}. Name another place for {format!r}."
        )
    return path, is_file


def exported(folder: RunFolder) -> list[str]:
    """The formats that a run has exports of in its own folder."""
    return sorted(p.name for p in folder.exports.glob("*") if p.name in FORMATS or ":" in p.name)


def write_own(
    triples: Iterable[Triple], context: ExportContext, format: str, folder: RunFolder, config: Config
) -> ExportCounts:
    """Write one format into the run's own folder of exports, like `_write_checked`."""
    return _write_checked(triples, context, format, folder.exports / format, config, unlisted=_unlisted(folder, format))


def remove_export(folder: RunFolder, format: str) -> None:
    """Delete an export of a run. Raises InputError like `check_exports`."""
    remove_own(folder.exports / format, unlisted=_unlisted(folder, format))


def check_exports(folder: RunFolder, formats: Iterable[str]) -> None:
    """Raises InputError where a run would replace what it did not export, before anything is done."""
    for format in (*formats, *exported(folder)):
        check_own(folder.exports / format, unlisted=_unlisted(folder, format))


def _unlisted(folder: RunFolder, format: str) -> str:
    """The names of the files that an earlier version has exported without a manifest."""
    names = [_EARLIER_OWN] if ":" in format else [_EARLIER, *map(re.escape, format_of(format).companion_names)]
    return folder.unlisted("|".join(names))


def exportable(folder: RunFolder, settings: Sequence[str] = ()) -> tuple[Config, Iterator[Triple], ExportContext]:
    """The settings of a run, its rows, and what formats may look at."""
    config = load_config(None, settings, base=folder.open()[0])
    chunks = {chunk.id: chunk for chunk in folder.read("chunks")}
    return config, folder.read("triples"), ExportContext.of(chunks, folder.read("documents"), config.seed, _Rejected(folder))


class _Rejected:
    """The rows that the filters of a run rejected, read anew each time."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Rejection]:
        return self._folder.read("rejected")

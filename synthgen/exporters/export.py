"""Exporters: the same triples, as each reader wants them.

An exporter is a pure generator `name(triples, context, *, <options with types and defaults>)` of dictionaries, called once
for each split; its rows become `<split>.jsonl`. One that needs all splits at once (`whole`) yields (file name, row) pairs
and names its own `.jsonl` and `.tsv` files. What a generator *returns* may be a mapping of counts; it goes into the
report as `notes`. One format is one file and one line of `formats.FORMATS`, which also says what a row must have; any
`module:function` works in place of a name.
"""

from __future__ import annotations

import inspect
import itertools
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, EmptyResultError, SynthgenError
from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.formats import FORMATS, LACKS, format_of, needs_of
from synthgen.exporters.jsonl import Counted, write_rows
from synthgen.records import CLASSIFICATION, SPLITS, Triple
from synthgen.registry import describe_options, resolve, resolved_options
from synthgen.storage import write_folder, writing
from synthgen.text.humanize import counts

__all__ = [
    "ExportReport",
    "check_format",
    "export",
    "format_options",
    "no_row",
    "rows",
    "usable",
]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Rows by file (a file with 0 rows is not written), rows left out by reason, and what the exporter noted.

    `checks` is what `validators.Checked` says of the files, where they were read again.
    """

    format: str
    files: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_format(format: str, options: Mapping[str, Any] | None = None) -> None:
    """Raises UnknownNameError or ConfigError for what `export` would refuse, before anything is paid for."""
    _exporter(format, options)


def format_options(format: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All options of a format: those given, and the defaults of the others. Raises as `check_format` does."""
    return resolved_options(_function(format), options or {}, owner=f"format {format!r}")


def usable(triples: Iterable[Triple], context: ExportContext, format: str) -> tuple[list[Triple], dict[str, int]]:
    """The triples that have what `format` needs, and the others counted by reason."""
    kept: list[Triple] = []
    left_out: Counter[str] = Counter()
    needs = [LACKS[need] for need in needs_of(format)]
    for triple in triples:
        for lacks, reason in needs:
            if lacks(triple, context):
                left_out[reason] += 1
                break
        else:
            kept.append(triple)
    return kept, dict(sorted(left_out.items()))


def rows(
    triples: Iterable[Triple], context: ExportContext, format: str, split: str, *, options: Mapping[str, Any] | None = None
) -> Rows:
    """The rows of one split; what the generator returns is what the exporter notes (`writing.Counted` keeps it).

    Raises ConfigError for a format whose files only make sense together.
    """
    if format_of(format).whole:
        raise ConfigError(f"{format!r} is a folder of files that belong together, not a list of rows. Export it to a folder.")
    exporter = _exporter(format, options)
    kept, _ = usable(triples, context, format)
    return (yield from exporter([t for t in kept if t.split == split], replace(context, split=split, labels=_labels(kept))))


def export(
    triples: Iterable[Triple],
    context: ExportContext,
    format: str,
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    max_bytes: int | None = None,
    empty: bool = True,
) -> ExportReport:
    """Write one format to `folder`, which is replaced as a whole. Equal input and seed give equal bytes.

    `max_bytes` is what a `.jsonl` file may have at most; unset, what the format's readers take. Raises EmptyResultError, and leaves
    `folder` as it was, where there is no row to write and `empty` is false.
    """
    entry, exporter = format_of(format), _exporter(format, options)
    most = max_bytes or entry.max_bytes
    kept, left_out = usable(triples, context, format)
    context, report = replace(context, labels=_labels(kept)), ExportReport(format, left_out=left_out)
    with write_folder(folder) as part:
        if entry.whole:
            counted = Counted(exporter(kept, context))
            for name, pairs in itertools.groupby(counted, key=lambda pair: pair[0]):
                if name in report.files:
                    raise ConfigError(f"The exporter {format!r} came back to {name!r}. It must yield one file after the other.")
                report.files.update(write_rows(part, name, (row for _, row in pairs), format, most))
            report.notes.update(counted.notes)
        for split in () if entry.whole else SPLITS:
            counted = Counted(exporter([t for t in kept if t.split == split], replace(context, split=split)))
            report.files.update(write_rows(part, f"{split}.jsonl", counted, format, most))
            report.notes.update(Counter(report.notes) + Counter(counted.notes))
        # A whole format may have a corpus without any row of a query.
        if not empty and (not any(report.files.values()) or (not kept and entry.needs is not None)):
            raise no_row(format, left_out | report.notes)
        if entry.beside:
            beside = resolve("format", entry.beside, {})
            for name, text in beside(report.files, context, format_options(format, options)).items():
                with writing(part / name) as file:
                    file.write(text.encode("utf-8"))
    return report


def no_row(format: str, left_out: Mapping[str, int]) -> EmptyResultError:
    """The error of an export that would be empty, with what was left out by reason."""
    return EmptyResultError(
        f"No row fits {format!r} ({counts(left_out) or 'there is none in this split'}), so nothing was written."
    )


def _labels(triples: Iterable[Triple]) -> tuple[str, ...]:
    return tuple(sorted({t.answer.strip() for t in triples if t.kind == CLASSIFICATION and t.answer}))


def _function(name: str) -> Callable[..., Any]:
    function = resolve("format", name, {known: entry.path for known, entry in FORMATS.items()})
    if name not in FORMATS:
        try:
            describe_options(function)
        except (TypeError, ValueError, NameError) as error:
            raise _faulty(name, f"has no signature that can be read ({error})") from None
    return function  # type: ignore[no-any-return]


def _exporter(name: str, options: Mapping[str, Any] | None) -> Callable[[Sequence[Triple], ExportContext], Rows]:
    function, valid = _function(name), format_options(name, options)
    try:
        inspect.signature(function).bind((), ExportContext({}), **valid)
    except TypeError as error:
        raise _faulty(name, f"cannot be called like that ({error})") from None

    def exporter(triples: Sequence[Triple], context: ExportContext) -> Rows:
        made = partial(function, triples, context, **valid)
        return made() if name in FORMATS else _sound(name, made)

    return exporter


def _sound(name: str, make: Callable[[], Any]) -> Rows:
    """What a format of one's own yields, with one sentence for what is no row, and for an error of its own."""
    try:
        made = make()
        if not isinstance(made, Iterable):
            raise _faulty(name, f"returned {type(made).__name__}")
        stream = iter(made)
        while True:
            try:
                row = next(stream)
            except StopIteration as end:
                notes = end.value
                break
            if not isinstance(row, Mapping):
                raise _faulty(name, f"yielded {type(row).__name__}")
            yield row
        if not isinstance(notes, Mapping | None):
            raise _faulty(name, f"returned {type(notes).__name__} after its rows")
    except Exception as error:
        if isinstance(error, SynthgenError):
            raise
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise _faulty(name, f"failed in {where.filename}, line {where.lineno} ({type(error).__name__}: {error})") from error
    return notes


def _faulty(name: str, what: str) -> ConfigError:
    return ConfigError(
        f"The format {name!r} {what}. It must be a generator function of (triples, context), with options as keyword-only parameters, "
        "that yields a mapping for each row and returns nothing or a mapping of counts."
    )

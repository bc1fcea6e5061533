"""Export the same triples in the format of each reader.

An exporter is a pure generator function `name(triples, context, *, <options with types and defaults>)` that yields
dictionaries. It is called once for each split, and its rows become `<split>.jsonl`. A `whole` exporter needs all splits
at once: it yields (file name, row) pairs and names its own `.jsonl` and `.tsv` files. The generator may *return* a
mapping of counts, which the report shows as `notes`.

A format is one file and one entry of `formats.FORMATS`, which also states what a row must have. Any `module:function`
works in place of a name.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, EmptyResultError
from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.formats import FORMATS, REMEDIES, REQUIREMENTS, format_of, needs_of
from synthgen.exporters.jsonl import RowsWithNotes, write_rows
from synthgen.files import write_folder, writing
from synthgen.records import CLASSIFICATION, SPLITS, Triple
from synthgen.registry import Contract, resolve, resolved_options
from synthgen.text.humanize import counts, short_repr

__all__ = [
    "ExportReport",
    "check_format",
    "empty_export_error",
    "export",
    "format_options",
    "rows",
    "split_rows",
    "usable",
]

_CONTRACT = Contract(
    "format",
    "be a generator function of (triples, context), with options as keyword-only parameters, that yields a mapping for each row "
    "and returns nothing or a mapping of counts",
)


@dataclass(frozen=True, slots=True, repr=False)
class ExportReport:
    """Rows by file (a file with 0 rows is not written), rows left out by reason, and the exporter's notes.

    `checks` is the `CheckReport` of the files as a dictionary, when they were checked.
    """

    __repr__ = short_repr

    format: str
    files: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_format(format: str, options: Mapping[str, Any] | None = None) -> None:
    """Check a format and its options before anything is paid for. Raises UnknownNameError or ConfigError like `export`."""
    _exporter(format, options)


def format_options(format: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all options of a format: the given ones and the defaults of the others. Raises like `check_format`."""
    return resolved_options(_function(format), options or {}, owner=f"format {format!r}")


def usable(triples: Iterable[Triple], context: ExportContext, format: str) -> tuple[list[Triple], dict[str, int]]:
    """Return the triples that have what `format` needs, and the number of the others by reason."""
    kept: list[Triple] = []
    left_out: Counter[str] = Counter()
    requirements = [REQUIREMENTS[need] for need in needs_of(format)]
    for triple in triples:
        for is_missing, reason in requirements:
            if is_missing(triple, context):
                left_out[reason] += 1
                break
        else:
            kept.append(triple)
    return kept, dict(sorted(left_out.items()))


def rows(
    triples: Iterable[Triple], context: ExportContext, format: str, split: str, *, options: Mapping[str, Any] | None = None
) -> Rows:
    """Yield the rows of one split; the generator returns the exporter's notes (`jsonl.RowsWithNotes` keeps them).

    Raises ConfigError for a `whole` format.
    """
    if format_of(format).whole:
        raise ConfigError(f"{format!r} is a folder of files that belong together, not a list of rows. Export it to a folder.")
    exporter = _exporter(format, options)
    kept, _ = usable(triples, context, format)
    return (yield from exporter([t for t in kept if t.split == split], replace(context, split=split, labels=_labels(kept))))


def split_rows(
    triples: Iterable[Triple], context: ExportContext, format: str, split: str, *, options: Mapping[str, Any] | None = None
) -> tuple[Rows, dict[str, int], dict[str, int]]:
    """Return the rows of one split, how many were left out by reason, and the notes, complete when the last row was taken.

    Raises EmptyResultError, which says why, when there is no row.
    """
    everything = list(triples)  # of all splits: what a row shows may depend on the others
    of_split = [triple for triple in everything if triple.split == split]
    _, left_out = usable(of_split, context, format)
    counted = RowsWithNotes(rows(everything, context, format, split, options=options))
    stream = iter(counted)
    first = next(stream, None)
    if first is None:
        others = Counter(triple.split for triple in everything if triple.split)
        raise empty_export_error(format, left_out | counted.notes, split, {} if of_split else others)
    return itertools.chain([first], stream), left_out, counted.notes  # type: ignore[return-value]


def export(
    triples: Iterable[Triple],
    context: ExportContext,
    format: str,
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    max_bytes: int | None = None,
    empty: bool = True,
    unlisted: str = "",
) -> ExportReport:
    """Write one format to `folder`, which is replaced as a whole if it holds nothing but an export (`files.write_folder`).

    Equal input and seed give equal bytes.

    `max_bytes` limits the size of a `.jsonl` file; by default the limit is that of the format's readers. Raises
    EmptyResultError and leaves `folder` unchanged when there is no row to write and `empty` is false.
    """
    entry, exporter = format_of(format), _exporter(format, options)
    limit = max_bytes or entry.max_bytes
    kept, left_out = usable(triples, context, format)
    context, report = replace(context, labels=_labels(kept)), ExportReport(format, left_out=left_out)
    with write_folder(folder, unlisted=unlisted) as part:
        if entry.whole:
            counted = RowsWithNotes(exporter(kept, context))
            for name, pairs in itertools.groupby(counted, key=lambda pair: pair[0]):
                if name in report.files:
                    raise ConfigError(
                        f"The exporter {format!r} returned to {name!r}. It must yield the rows of a file together."
                    )
                report.files.update(write_rows(part, name, (row for _, row in pairs), format, limit))
            report.notes.update(counted.notes)
        for split in () if entry.whole else SPLITS:
            counted = RowsWithNotes(exporter([t for t in kept if t.split == split], replace(context, split=split)))
            report.files.update(write_rows(part, f"{split}.jsonl", counted, format, limit))
            report.notes.update(Counter(report.notes) + Counter(counted.notes))
        # A whole format may have a corpus and no query.
        if not empty and (not any(report.files.values()) or (not kept and entry.needs is not None)):
            raise empty_export_error(format, left_out | report.notes)
        if entry.companions:
            companions = resolve("format", entry.companions, {})
            for name, text in companions(report.files, context, format_options(format, options)).items():
                with writing(part / name) as file:
                    file.write(text.encode("utf-8"))
    return report


def empty_export_error(
    format: str, left_out: Mapping[str, int], split: str = "", others: Mapping[str, int] | None = None
) -> EmptyResultError:
    """Return the error of an export without rows: how many were left out and what they lack, or which splits have rows."""
    if any(left_out.values()):
        why, help = counts(left_out), " ".join(REMEDIES[reason] for reason in left_out if reason in REMEDIES)
    else:
        why, help = f"the split {split!r} has no rows" if split else "there are no rows", ""
        if others:
            why += f": {counts(others)}"
    return EmptyResultError(f"No row fits the format {format!r} ({why}), so nothing was written. {help}".rstrip())


def _labels(triples: Iterable[Triple]) -> tuple[str, ...]:
    return tuple(sorted({t.answer.strip() for t in triples if t.kind == CLASSIFICATION and t.answer}))


def _function(name: str) -> Callable[..., Any]:
    function = resolve("format", name, {key: entry.path for key, entry in FORMATS.items()})
    if name not in FORMATS:
        _CONTRACT.check_signature(name, function)
    return function  # type: ignore[no-any-return]


def _exporter(name: str, options: Mapping[str, Any] | None) -> Callable[[Sequence[Triple], ExportContext], Rows]:
    function, valid = _function(name), format_options(name, options)
    _CONTRACT.check_call(name, function, (), ExportContext({}), **valid)

    def exporter(triples: Sequence[Triple], context: ExportContext) -> Rows:
        create = partial(function, triples, context, **valid)
        return create() if name in FORMATS else _checked_rows(name, create)

    return exporter


def _checked_rows(name: str, create: Callable[[], Any]) -> Rows:
    """Yield the rows of a format from outside the package. Raises ConfigError for what is not a row and for the
    format's own errors.
    """
    with _CONTRACT.explained(name):
        generator = create()
        if not isinstance(generator, Iterable):
            raise _CONTRACT.broken(name, f"returned {type(generator).__name__}")
        stream = iter(generator)
        while True:
            try:
                row = next(stream)
            except StopIteration as end:
                notes = end.value
                break
            if not isinstance(row, Mapping):
                raise _CONTRACT.broken(name, f"yielded {type(row).__name__}")
            yield row
        if not isinstance(notes, Mapping | None):
            raise _CONTRACT.broken(name, f"returned {type(notes).__name__} after its rows")
    return notes

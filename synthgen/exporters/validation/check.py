"""Check export files against the rules of their readers.

`check` takes the files of a format, written here or elsewhere. It reads them line by line and reports each problem with
file, line and rule (`findings.RULES`). An error makes a file unusable, a warning makes it worse. The rules of each
format are data (`rules`). A format without an entry gets the rules that every file of rows must keep.

The files of a split (`train.jsonl`, `train-2.jsonl`) belong together: a row that repeats another of them byte for byte
is a duplicate, and a row that occurs in another split is a leak.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import regex
from pydantic_core import from_json

from synthgen.errors import InputError
from synthgen.exporters.validation.findings import RULES, CheckReport, Finding, Findings
from synthgen.exporters.validation.fine_tuning import Service, TokenCount
from synthgen.exporters.validation.row_schema import Shape
from synthgen.exporters.validation.rules import Rules, rules_of
from synthgen.text.humanize import counted

__all__ = ["RULES", "CheckReport", "Finding", "Service", "check", "files_in"]

_SPLIT = regex.compile(r"^(train|dev|test|validation|valid|val)(?![^\W_])")
_UNTRAINED = ("dev", "test", "validation", "valid", "val")
_BOM, _SEPARATORS = b"\xef\xbb\xbf", ("\u2028".encode(), "\u2029".encode(), "\u0085".encode())


def check(
    format: str,
    files: Mapping[str, Path],
    *,
    options: Mapping[str, Any] | None = None,
    service: Service | None = None,
    max_bytes: int | None = None,
) -> CheckReport:
    """Check `files`, by name, as an export of `format`.

    `options` are all options of its exporter, as `export.format_options` returns them. `service` is the fine-tuning
    service that will use the files. `max_bytes` is the size limit of a file. The token limit of the service's model
    applies to chat files of fine-tuning services; a limit that was given to `service` applies to every format that
    trains a generator.

    Raises InputError for a file whose name does not belong to the format.
    """
    return _Check(rules_of(format, options or {}), service or Service(), max_bytes).run(files)


def files_in(path: Path) -> dict[str, Path]:
    """Return the files of rows in a folder, by relative path and in the order of splits. A file counts as a folder of one.

    Judgments, given as a file or as their folder, keep the prefix `qrels/`, which identifies them.
    """
    path = path.absolute()
    folder = path if path.is_dir() else path.parent
    base = folder.parent if folder.name == "qrels" else folder
    if not path.is_dir():
        return {path.relative_to(base).as_posix(): path}
    found = {p.relative_to(base).as_posix(): p for p in path.rglob("*") if p.suffix in (".jsonl", ".tsv") and p.is_file()}
    order = ("corpus", "queries", "train", "dev", "test")
    return dict(sorted(found.items(), key=lambda item: (*(not item[0].startswith(name) for name in order), item[0])))


class _Check:
    """One check, with the rows seen so far."""

    def __init__(self, rules: Rules, service: Service, max_bytes: int | None) -> None:
        self.rules, self.service, self.max_bytes = rules, service, max_bytes
        self.findings = Findings()
        self.file_rules = [create(self.findings) for create in rules.file_rules]
        counted = rules.messages or (rules.texts and service.max_tokens_given)
        self.tokens = TokenCount(service, rules.messages) if counted else None
        self.seen: dict[int, tuple[str, str, int]] = {}

    def run(self, files: Mapping[str, Path]) -> CheckReport:
        for name, path in files.items():
            self._file(name, path)
        for rule in self.file_rules:
            rule.finish()
        minimum, meaning = self.rules.min_examples
        splits: Counter[str] = Counter()
        for name, rows in self.findings.rows.items():
            splits[_split(name)] += rows
            if not rows:
                self.findings.add("no_rows", name, 0, "the file has no rows")
        for split, rows in splits.items():
            if 0 < rows < minimum and split != "test":
                first = next(name for name in files if _split(name) == split)
                self.findings.add("few_examples", first, 0, f"only {counted(rows, 'row')}: {meaning}")
        return self.findings.checked(self.tokens.training() if self.tokens and self.tokens.examples else {})

    def _file(self, name: str, path: Path) -> None:
        shape = next((shape for pattern, shape in self.rules.files.items() if fnmatchcase(name, pattern)), None)
        if shape is None:
            raise InputError(
                f"{name} is not a file of this format, whose files are named {', '.join(self.rules.files)}. "
                "Give a file with such a name, or the folder that contains them."
            )
        split = _split(name)
        size = path.stat().st_size
        if self.max_bytes and size > self.max_bytes:
            self.findings.add("file_too_large", name, 0, f"{size:,} bytes, but its reader takes at most {self.max_bytes:,}")
        rows, fits, folder = 0, shape.fits, self.rules.folder
        trained = split not in _UNTRAINED
        for line, raw, row in self._rows(name, path):
            rows += 1
            if fits(row):
                self._row(name, line, raw, row, trained)
            else:
                self._explain(name, line, row, shape)
            if not folder:
                self._find_duplicate(name, split, line, raw)
        self.findings.rows[name] = rows

    def _row(self, name: str, line: int, raw: bytes, row: Any, trained: bool) -> None:
        for rule in self.rules.row_rules:
            for problem in rule(row):
                self.findings.add(problem[0], name, line, problem[1])
        for watching in self.file_rules:
            watching.add(name, line, row)
        if self.tokens:
            if trained and self.rules.messages:
                self.tokens.add(raw, row)
            if tokens := self.tokens.too_long(raw, row):
                self.findings.add(
                    "too_long", name, line, f"{tokens:,} tokens, but training uses at most {self.service.max_tokens:,}"
                )

    def _explain(self, name: str, line: int, row: Any, shape: Shape) -> None:
        for rule, message in shape.faults(row, ""):
            self.findings.add(rule, name, line, message)

    def _find_duplicate(self, name: str, split: str, line: int, raw: bytes) -> None:
        here = (split, name, line)
        first = self.seen.setdefault(hash(raw if raw.endswith(b"\n") else raw + b"\n"), here)
        if first is not here:
            rule = "duplicate" if first[0] == split else "in_two_splits"
            self.findings.add(rule, name, line, f"this row is also line {first[2]} of {first[1]}")

    def _rows(self, name: str, path: Path) -> Iterator[tuple[int, bytes, Any]]:
        """Yield the number, the bytes and the row of each line that holds one."""
        header: list[str] = []
        with path.open("rb") as file:
            for line, raw in enumerate(file, 1):
                if line == 1 and raw.startswith(_BOM):
                    raw = raw[len(_BOM) :]
                    self.findings.add("byte_order_mark", name, 1, "a byte order mark precedes the first row")
                if line == 1 and raw.startswith(b"[") and not name.endswith(".tsv"):
                    self.findings.add(
                        "not_json", name, 1, "the file is a JSON list, but must have one JSON object on each line (JSONL)"
                    )
                    return
                if not raw.isascii() and any(mark in raw for mark in _SEPARATORS):
                    self.findings.add("line_separator", name, line, "the line contains a raw U+2028, U+2029 or U+0085")
                if name.endswith(".tsv"):
                    cells = raw.decode("utf-8", "replace").rstrip("\r\n").split("\t")
                    if line > 1:
                        yield line, raw, dict(zip(header, cells, strict=False))
                    header = header or cells
                    continue
                try:
                    row = from_json(raw, allow_inf_nan=False, cache_strings="keys")
                except ValueError as error:
                    row = self._reread(name, line, raw, str(error))
                if row is not _NONE:
                    yield line, raw, row

    def _reread(self, name: str, line: int, raw: bytes, reason: str) -> Any:
        """Report why the fast parser rejected a line. Returns the row if another reader would accept it."""
        try:
            text = raw.decode("utf-8")
            if not text.strip():
                self.findings.add("blank_line", name, line, "the line is blank")
                return _NONE
            if reason.startswith("recursion limit"):
                raise RecursionError
            row = json.loads(text, parse_constant=_reject_constant)
        except UnicodeDecodeError as error:
            self.findings.add("not_utf8", name, line, f"byte {error.start + 1} of the line is not UTF-8 text")
        except json.JSONDecodeError as error:
            self.findings.add("not_json", name, line, f"{error.msg} at column {error.colno}")
        except RecursionError:
            self.findings.add("not_json", name, line, "the row is nested too deeply")
        except ValueError as error:
            self.findings.add("not_json", name, line, str(error))
        else:
            self.findings.add("half_character", name, line, "the row contains half a character (a lone surrogate)")
            return row
        return _NONE


_NONE = object()


def _split(name: str) -> str:
    """Return the split that a file belongs to, or its stem when it belongs to none."""
    found = _SPLIT.match(Path(name).name)
    return found[1] if found else Path(name).stem


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")

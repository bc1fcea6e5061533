"""What a check can find, and what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["RULES", "Checked", "Finding", "Findings"]

Severity = Literal["error", "warning"]

SHOWN = 10  # problems kept of each rule; the others are counted

_ERRORS = {
    "no_rows": "there is no row at all",
    "not_utf8": "bytes that are no UTF-8 text",
    "not_json": "a line that is no JSON",
    "blank_line": "a line without a row",
    "missing_key": "a key that the format needs is not there",
    "unknown_key": "a key that the format does not have; some readers refuse the row, others take it for a text",
    "wrong_type": "a value of another type than the reader takes",
    "wrong_value": "a value that the reader does not know",
    "empty": "a text or list with nothing in it",
    "half_character": "half a character (a lone surrogate), which no reader can encode",
    "roles": "messages in an order that cannot be trained on",
    "no_preference": "the preferred and the rejected side are the same",
    "misaligned": "scores that do not go with the passages, one for each",
    "uneven_columns": "rows with other columns than the first, which the reader cannot put into one table",
    "same_passage": "a passage that is positive and negative in one row",
    "oracle_position": "the oracle does not stand where the row says",
    "layout": "an instruction that is not the row's documents and its question",
    "repeated_id": "an id of two rows",
    "unknown_id": "an id that names no row",
    "unsafe_id": "an id with a tab, a quotation mark or a line end, where the reader would cut it",
    "file_too_large": "more bytes than the reader takes in one file",
}
_WARNINGS = {
    "few_examples": "fewer examples than the service takes",
    "too_long": "more tokens than the model takes in training: the end of the example is cut off, and that is its answer",
    "duplicate": "a row that stands in the file, or the files of its split, already",
    "in_two_splits": "a row that stands in another split, too, so what is measured there is what was learnt",
    "contradiction": "a pair with label 1 in one row and 0 in another",
    "not_alternating": "messages of user and assistant that do not alternate, which some services refuse",
    "mixed_keys": "rows with other keys than the first, which become nulls in a table",
    "unjudged_query": "a query that no judgment names",
    "byte_order_mark": "a byte order mark before the first row",
    "line_separator": "a raw U+2028, U+2029 or U+0085, at which some readers cut the row",
}
RULES: Mapping[str, tuple[Severity, str]] = {
    **{rule: ("error", meaning) for rule, meaning in _ERRORS.items()},
    **{rule: ("warning", meaning) for rule, meaning in _WARNINGS.items()},
}
"""Rule -> whether it makes the file unusable, and what it means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `line` counts from 1, and is 0 for what is said of the whole file."""

    rule: str
    file: str
    line: int
    message: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": RULES[self.rule][0],
            "file": self.file,
            "line": self.line,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows by file, problems by rule, the first few of each, and what training on the files would take ({} where that is not known)."""

    rows: dict[str, int]
    errors: dict[str, int]
    warnings: dict[str, int]
    problems: tuple[Finding, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "errors": self.errors,
            "warnings": self.warnings,
            "problems": [problem.to_dict() for problem in self.problems],
            "training": dict(self.training),
        }


class Findings:
    """Takes problems as they are found: all are counted, the first of each rule kept."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[Finding] = []
        self.rows: dict[str, int] = {}

    def add(self, rule: str, file: str, line: int, message: str) -> None:
        self.counts[rule] += 1
        if self.counts[rule] <= SHOWN:
            self.problems.append(Finding(rule, file, line, message))

    def checked(self, training: Mapping[str, Any]) -> Checked:
        errors, warnings = (
            {rule: n for rule in RULES if RULES[rule][0] == severity and (n := self.counts[rule])}
            for severity in ("error", "warning")
        )
        ordered = sorted(self.problems, key=lambda p: RULES[p.rule][0])  # errors first, else as they were found
        return Checked(self.rows, errors, warnings, tuple(ordered), training)

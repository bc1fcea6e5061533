"""The rules of a check, and its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from synthgen.text.humanize import short_repr

__all__ = ["RULES", "CheckReport", "Finding", "Findings"]

Severity = Literal["error", "warning"]

MAX_SHOWN = 10  # findings kept of each rule; the others are counted

_ERRORS = {
    "no_rows": "a file without rows",
    "not_utf8": "bytes that are not UTF-8 text",
    "not_json": "a line that is not JSON",
    "blank_line": "a line without a row",
    "missing_key": "a key that the format needs is missing",
    "unknown_key": "a key that the format does not have; some readers reject the row, others read the value as a text",
    "wrong_type": "a value whose type the reader does not accept",
    "wrong_value": "a value that the reader does not accept",
    "empty": "an empty text or list",
    "half_character": "half a character (a lone surrogate), which no reader can encode",
    "roles": "messages in an order that cannot be trained on",
    "tool_calls": "calls of tools and their results that do not fit each other, or a call that cannot be made",
    "no_preference": "the preferred and the rejected side are the same",
    "misaligned": "a number of scores that differs from the number of passages",
    "uneven_columns": "rows whose columns differ from the first row's, which the reader cannot put into one table",
    "same_passage": "a passage that is positive and negative in the same row",
    "oracle_position": "the oracle is not at the position that the row gives",
    "layout": "an instruction that is not the row's documents and its question",
    "repeated_id": "an id that two rows use",
    "unknown_id": "an id that no row has",
    "unsafe_id": "an id with a tab, a quotation mark or a line end, at which the reader would cut it",
    "file_too_large": "a file that is larger than its reader accepts",
}
_WARNINGS = {
    "few_examples": "fewer examples than the service accepts",
    "too_long": "more tokens than training uses: the end of the example, which is its answer, is cut off",
    "duplicate": "a row that its file, or another file of its split, already contains",
    "in_two_splits": "a row that another split also contains, so a measurement there tests on training rows",
    "contradiction": "a pair with label 1 in one row and 0 in another",
    "not_alternating": "messages of user and assistant that do not alternate, which some services reject",
    "mixed_keys": "rows whose keys differ from the first row's; a table fills the gaps with nulls",
    "unjudged_query": "a query without a judgment",
    "byte_order_mark": "a byte order mark before the first row",
    "line_separator": "a raw U+2028, U+2029 or U+0085, at which some readers cut the row",
}
RULES: Mapping[str, tuple[Severity, str]] = {
    **{rule: ("error", meaning) for rule, meaning in _ERRORS.items()},
    **{rule: ("warning", meaning) for rule, meaning in _WARNINGS.items()},
}
"""Rule -> its severity (an error makes the file unusable) and its meaning."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. `line` counts from 1 and is 0 for a problem of the whole file."""

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


@dataclass(frozen=True, slots=True, repr=False)
class CheckReport:
    """Rows by file, findings by rule, the first findings of each rule, and the training effort ({} when unknown)."""

    __repr__ = short_repr

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
    """Collects findings: counts all, keeps the first of each rule."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[Finding] = []
        self.rows: dict[str, int] = {}

    def add(self, rule: str, file: str, line: int, message: str) -> None:
        self.counts[rule] += 1
        if self.counts[rule] <= MAX_SHOWN:
            self.problems.append(Finding(rule, file, line, message))

    def checked(self, training: Mapping[str, Any]) -> CheckReport:
        errors, warnings = (
            {rule: n for rule in RULES if RULES[rule][0] == severity and (n := self.counts[rule])}
            for severity in ("error", "warning")
        )
        ordered = sorted(self.problems, key=lambda p: RULES[p.rule][0])  # errors first, otherwise in the order found
        return CheckReport(self.rows, errors, warnings, tuple(ordered), training)

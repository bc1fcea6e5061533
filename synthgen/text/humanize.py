"""Formats numbers and places for sentences, in one form everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["columns", "counts", "dollars_text", "duration_text", "place", "reasons"]


def counts(numbers: Mapping[str, int]) -> str:
    """Return `name 1, other 2,000`, without zeros; "" when nothing is left."""
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items() if number)


def dollars_text(dollars: float) -> str:
    """Return an amount in cents, or with as many digits as show that it is not zero."""
    return f"${dollars:,.2f}" if dollars >= 0.1 or not dollars else f"${dollars:.4f}" if dollars >= 0.0001 else "under $0.0001"


def duration_text(seconds: float) -> str:
    """Return a duration: `59.9 s`, `1 min 01 s`, `2 h 01 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def place(file: str, line: int) -> str:
    """Return file and line of a problem; the file alone for line 0, or `the files` without a file."""
    return f"{file}, line {line}" if line else file or "the files"


def reasons(numbers: Mapping[str, int]) -> str:
    """Return ` (name 1, other 2)`, to follow their sum; "" when all are 0."""
    return f" ({counts(numbers)})" if any(numbers.values()) else ""


def columns(rows: Sequence[Sequence[Any]], *, right: str = "") -> str:
    """Return rows as aligned text. `right` has the indices of right-aligned columns ("12" is the second and third)."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    pad = [str.rjust if str(i) in right else str.ljust for i in range(len(widths))]
    return "\n".join("  ".join(pad[i](cell, widths[i]) for i, cell in enumerate(row)).rstrip() for row in cells)

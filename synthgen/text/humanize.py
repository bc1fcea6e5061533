"""Formats numbers and places for sentences, in one form everywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

__all__ = ["columns", "counted", "counts", "dollars_text", "duration_text", "place", "reasons", "short_repr"]

_REPR_CHARACTERS = 900
_REPR_ITEMS = 3


def counts(numbers: Mapping[str, int]) -> str:
    """Return `name 1, other 2,000`, without zeros; "" when nothing is left."""
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items() if number)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 file`, `2,000 files`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


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


def short_repr(value: Any) -> str:
    """Return a `repr` for people of at most a few lines: a class's name and the fields that differ from their defaults.

    Long texts are cut. Of lists and mappings the first items are shown with how many there are; of records inside of
    others, how many.
    """
    return _shortened(value, _REPR_CHARACTERS)


def _shortened(value: Any, most: int) -> str:
    if isinstance(value, str):
        text = repr(value) if len(value) <= 80 else f"{value[:60]!r}… ({len(value):,} characters)"
    elif isinstance(value, Mapping):
        text = _listed(
            "{}", value, [f"{key!r}: {_shortened(item, most // 4)}" for key, item in islice(value.items(), _REPR_ITEMS)], most
        )
    elif isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        around = "[]" if isinstance(value, list) else "()"
        text = _listed(around, value, [_shortened(item, most // 4) for item in value[:_REPR_ITEMS]], most)
    elif not isinstance(value, type) and (fields := _fields(value)) is not None:
        text = f"{type(value).__name__}({', '.join(f'{name}={_shortened(field, most // 3)}' for name, field in fields)})"
    else:
        text = repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _listed(around: str, held: Mapping[Any, Any] | Sequence[Any], shown: list[str], most: int) -> str:
    first = next(iter(held.values() if isinstance(held, Mapping) else held), None)
    more = [f"… {len(held):,} in all"] if len(held) > _REPR_ITEMS else []
    if more and most < _REPR_CHARACTERS and _fields(first) is not None:
        shown, more = [], [f"{len(held):,} {type(first).__name__}"]
    return f"{around[0]}{', '.join([*shown, *more])}{around[1]}"


def _fields(value: Any) -> list[tuple[str, Any]] | None:
    """Return the fields of a dataclass or a model of pydantic that differ from their defaults; None for anything else."""
    if dataclasses.is_dataclass(value):
        defaults = {
            field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            for field in dataclasses.fields(value)
        }
    elif hasattr(type(value), "model_fields"):
        defaults = {name: field.get_default(call_default_factory=True) for name, field in type(value).model_fields.items()}
    else:
        return None
    return [(name, getattr(value, name)) for name, default in defaults.items() if getattr(value, name) != default]

"""Values of columns that have few meanings."""

from __future__ import annotations

from typing import Any

from synthgen.errors import ConfigError
from synthgen.splits import split_named

__all__ = ["BadValue", "parse_bool", "parse_split"]

_TRUE, _FALSE, _NO_VALUE = {"true", "yes", "y", "1", "1.0", "x"}, {"false", "no", "n", "0", "0.0"}, {"", "nan"}


class BadValue(ValueError):
    """A value that its column cannot have."""


def parse_bool(value: Any, role: str) -> bool | None:
    """Return a boolean for yes or no, None for no value. Raises BadValue for anything else."""
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if word not in _TRUE | _FALSE | _NO_VALUE:
        raise BadValue(f"{role} is {str(value)[:40]!r}, neither yes nor no")
    return None if word in _NO_VALUE else word in _TRUE


def parse_split(name: str) -> str:
    """Return the split that a row is given, "" for none. Raises BadValue for a name of no split."""
    try:
        return split_named(name) if name else ""
    except ConfigError as unknown:
        raise BadValue(f"split is {name[:40]!r}. {unknown}") from None

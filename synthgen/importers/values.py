"""Values of columns: cells that hold a structure, and columns that have few meanings."""

from __future__ import annotations

import ast
import json
import math
import warnings
from collections.abc import Mapping
from typing import Any

from synthgen.errors import ConfigError
from synthgen.splits import split_named
from synthgen.text.data import check_size, parse_json

__all__ = ["BadValue", "jsonable", "parse_bool", "parse_cell", "parse_literal", "parse_split", "whole_number"]

_TRUE, _FALSE, _NO_VALUE = {"true", "yes", "y", "1", "1.0", "x"}, {"false", "no", "n", "0", "0.0"}, {"", "nan"}

_BEYOND = 1 << 63  # of a table's whole numbers


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


def parse_cell(text: str) -> Any:
    """Return the value of a cell that holds JSON or a Python literal. Raises BadValue for neither, and for what cannot be kept."""
    for read in (parse_json, parse_literal):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    raise BadValue(f"neither JSON nor a Python literal: {text[:40]!r}")


def whole_number(value: Any, role: str) -> int:
    """Return a whole number that a table can hold. Raises BadValue for any other value."""
    try:
        if not isinstance(value, bool) and (number := int(value)) == float(value) and -_BEYOND <= number < _BEYOND:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise BadValue(f"{role} is {str(value)[:40]!r}, not a whole number")


def jsonable(value: Any) -> Any:
    """Return a value without lone surrogates, which cannot be stored, and without dates, bytes and NaN, which JSON does
    not have.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(jsonable(str(name))): jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return json.loads(json.dumps(str(value)))


def parse_literal(text: str) -> Any:
    """Return the value of a Python literal. Raises what `ast.literal_eval` raises, and BadData for what cannot be kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an escape in somebody's text
        value = ast.literal_eval(text)
    check_size(value)
    return value

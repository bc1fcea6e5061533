"""The shape of a row, as data: its keys, their types, and what may be empty.

A shape has two methods. `fits(value)` is the fast test of every row. `faults(value, where)` explains the few rows that
do not fit, as (rule, sentence) pairs; `where` is the place in the row, such as `messages[1].content`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from operator import call
from typing import Any, Protocol

import regex

__all__ = [
    "AnyObject",
    "Anything",
    "Bool",
    "Either",
    "Integer",
    "ListOf",
    "Null",
    "Number",
    "Object",
    "OneOf",
    "Part",
    "Shape",
    "String",
    "Text",
]

Faults = Iterator[tuple[str, str]]


class Shape(Protocol):
    """The form of a value; `types` are the types that such values have."""

    @property
    def types(self) -> tuple[type, ...]: ...

    def fits(self, value: Any) -> bool: ...

    def faults(self, value: Any, where: str) -> Faults: ...


class _Type:
    """A value of one of these types. A boolean is not a number."""

    def __init__(self, name: str, *types: type) -> None:
        self.name, self.types = name, types

    def fits(self, value: Any) -> bool:
        return type(value) in self.types

    def faults(self, value: Any, where: str) -> Faults:
        if type(value) not in self.types:
            yield "wrong_type", f"{where or 'the row'} is {_display(value)}, but must be {self.name}"


class _Text(_Type):
    """A string that is not blank."""

    def fits(self, value: Any) -> bool:
        return type(value) is str and value != "" and not value.isspace()

    def faults(self, value: Any, where: str) -> Faults:
        yield from super().faults(value, where)
        if type(value) is str and not value.strip():
            yield "empty", f"{where} is empty"


String = _Type("a string", str)
Text = _Text("a string", str)
Integer = _Type("an integer", int)
Number = _Type("a number", int, float)
Bool = _Type("true or false", bool)
Null = _Type("null", type(None))
AnyObject = _Type("a JSON object", dict)
Anything = _Type("a JSON value", str, int, float, bool, type(None), list, dict)


class OneOf:
    """One of several strings or numbers."""

    def __init__(self, *values: str | int) -> None:
        self.values = values
        self.types = (str, int)
        self._typed = {kind: frozenset(value for value in values if type(value) is kind) for kind in (str, int)}

    def fits(self, value: Any) -> bool:
        return value in self._typed.get(type(value), ())

    def faults(self, value: Any, where: str) -> Faults:
        if not self.fits(value):
            yield "wrong_value", f"{where} is {_display(value)}, but must be one of {', '.join(map(str, self.values))}"


class Either:
    """A value that fits one of several shapes. Faults are those of the first shape with the value's type, or of the
    first shape.
    """

    def __init__(self, first: Shape, *others: Shape) -> None:
        self.first, self.others = first, others
        self.types = tuple(kind for shape in (first, *others) for kind in shape.types)

    def fits(self, value: Any) -> bool:
        return self.first.fits(value) or any(shape.fits(value) for shape in self.others)

    def faults(self, value: Any, where: str) -> Faults:
        if not self.fits(value):
            closest = next((shape for shape in (self.first, *self.others) if type(value) in shape.types), self.first)
            yield from closest.faults(value, where)


class ListOf:
    """A list of at least `least` values of one shape."""

    types = (list,)

    def __init__(self, shape: Shape, *, least: int = 1) -> None:
        self.shape, self.least = shape, least

    def fits(self, value: Any) -> bool:
        return type(value) is list and len(value) >= self.least and all(map(self.shape.fits, value))

    def faults(self, value: Any, where: str) -> Faults:
        if type(value) is not list:
            yield "wrong_type", f"{where} is {_display(value)}, but must be a list"
        elif len(value) < self.least:
            yield "empty", f"{where} has {len(value)} entries, but must have {self.least} or more"
        else:
            for number, entry in enumerate(value):
                yield from self.shape.faults(entry, f"{where}[{number}]")


class Object:
    """A JSON object with these keys and no others.

    A name that ends in `?` is optional; `name_#` stands for `name_1`, `name_2`, … without a gap.
    """

    types = (dict,)

    def __init__(self, fields: Mapping[str, Shape]) -> None:
        self.needed = {name: shape for name, shape in fields.items() if not name.endswith(("?", "#"))}
        self.optional = {name[:-1]: shape for name, shape in fields.items() if name.endswith("?")}
        self.numbered = {name[:-1]: shape for name, shape in fields.items() if name.endswith("#")}
        self._accepted: dict[tuple[str, ...], list[Callable[[Any], bool]]] = {}  # rows of a file share few sets of keys

    def fits(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        keys = tuple(value)
        fits = self._accepted.get(keys)
        if fits is None:
            if any(self._wrong_keys(value, "")):
                return False
            fits = self._accepted[keys] = [(self._shape(key) or Anything).fits for key in keys]
        return all(map(call, fits, value.values()))

    def faults(self, value: Any, where: str) -> Faults:
        if type(value) is not dict:
            yield "wrong_type", f"{where or 'the row'} is {_display(value)}, but must be a JSON object"
            return
        yield from self._wrong_keys(value, where)
        for key, entry in value.items():
            if shape := self._shape(key):
                yield from shape.faults(entry, f"{where}.{key}" if where else key)

    def _wrong_keys(self, value: Mapping[str, Any], where: str) -> Faults:
        at = f" in {where}" if where else ""
        for key in self.needed:
            if key not in value:
                yield "missing_key", f"there is no {key!r}{at}"
        for key in value:
            if self._shape(key) is None:
                allowed = [*self.needed, *self.optional, *(f"{name}1" for name in self.numbered)]
                yield "unknown_key", f"{key!r}{at} is not a key of this format, which has {', '.join(allowed)}"
        for name in self.numbered:
            numbers = sorted(int(key[len(name) :]) for key in value if _numbered(key, name))
            if numbers != list(range(1, max(1, len(numbers)) + 1)):
                yield "missing_key", f"{name}1, {name}2, …{at} have a gap or are missing"

    def _shape(self, key: str) -> Shape | None:
        exact = self.needed.get(key) or self.optional.get(key)
        return exact or next((shape for name, shape in self.numbered.items() if _numbered(key, name)), None)


class Part(Object):
    """A part of a message's content: an object with these keys. A part of type `text` has a `text`."""

    def fits(self, value: Any) -> bool:
        return super().fits(value) and (value["type"] != "text" or "text" in value)

    def faults(self, value: Any, where: str) -> Faults:
        yield from super().faults(value, where)
        if type(value) is dict and value.get("type") == "text" and "text" not in value:
            yield "missing_key", f"there is no 'text' in {where}"


def _numbered(key: str, name: str) -> bool:
    return key.startswith(name) and regex.fullmatch(r"[1-9][0-9]*", key[len(name) :]) is not None


def _display(value: Any) -> str:
    """Return a value as messages show it."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:39] + "…")
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value)

"""Whether a JSON value fits a schema: the part of JSON Schema (2020-12) that people write for the output of a model.

Checked are `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `anyOf`, and the bounds on numbers, lengths
and counts. `title`, `description`, `default`, `examples` and `$schema` say nothing about a value and are allowed. Any other keyword (`$ref`,
`pattern`, `format`, …) is refused when the schema is read: a check that silently leaves something out would promise what it does not do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["check_schema", "misfit", "read_strict"]

Schema = Mapping[str, Any]

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: _TYPES["number"](value) and (isinstance(value, int) or value.is_integer()),
}
# keyword -> (the values it bounds, what is measured, whether the measure is within the bound)
_BOUNDS: Mapping[str, tuple[str, Callable[[Any], float], Callable[[float, float], bool]]] = {
    "minimum": ("number", lambda value: value, lambda value, bound: value >= bound),
    "maximum": ("number", lambda value: value, lambda value, bound: value <= bound),
    "exclusiveMinimum": ("number", lambda value: value, lambda value, bound: value > bound),
    "exclusiveMaximum": ("number", lambda value: value, lambda value, bound: value < bound),
    "minLength": ("string", len, lambda value, bound: value >= bound),
    "maxLength": ("string", len, lambda value, bound: value <= bound),
    "minItems": ("array", len, lambda value, bound: value >= bound),
    "maxItems": ("array", len, lambda value, bound: value <= bound),
    "minProperties": ("object", len, lambda value, bound: value >= bound),
    "maxProperties": ("object", len, lambda value, bound: value <= bound),
}
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "$schema"})
_STRUCTURE = frozenset({"type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf"})

_SUPPORTED = _STRUCTURE | _BOUNDS.keys() | _ANNOTATIONS


def check_schema(schema: Any, place: str = "schema") -> None:
    """Raises ValueError, with the place, for what is no schema and for a keyword that is not checked here."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError(f"{place} must be a mapping, and is {schema!r}")
    if unknown := sorted(set(map(str, schema)) - _SUPPORTED):
        raise ValueError(
            f"{place} has {', '.join(unknown)}, which is not checked here; checked are {', '.join(sorted(_SUPPORTED))}"
        )
    for name, (holds, form) in _FORMS.items():
        if name in schema and not holds(schema[name]):
            raise ValueError(f"{place}.{name} must be {form}, and is {schema[name]!r}")
    for inner, at in _inner(schema, place):
        check_schema(inner, at)


def misfit(value: Any, schema: Any, place: str = "$") -> str:
    """The first thing about `value` that `schema` does not allow, with its place; "" when it fits."""
    if isinstance(schema, bool):
        return "" if schema else f"{place} is not allowed"
    return next(_misfits(value, schema, place), "")


def read_strict(text: str) -> Any:
    """The value of a text that is JSON and nothing else, NaN and infinity excluded. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _misfits(value: Any, schema: Schema, place: str) -> Iterator[str]:
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", list(_TYPES))
    if not any(_TYPES[name](value) for name in types):
        yield f"{place} must be {' or '.join(types)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{place} must be one of {schema['enum']}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{place} must be {schema['const']!r}"
    for name, (bounded, measure, within) in _BOUNDS.items():
        if name in schema and _TYPES[bounded](value) and not within(measure(value), schema[name]):
            yield f"{place} breaks {name} {schema[name]}"
    if "anyOf" in schema and all(misfit(value, option, place) for option in schema["anyOf"]):
        yield f"{place} fits none of the options of anyOf"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        yield from (f"{place}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, inner in value.items():
            if found := misfit(inner, known.get(name, schema.get("additionalProperties", True)), f"{place}.{name}"):
                yield found
    if isinstance(value, list) and "items" in schema:
        yield from filter(None, (misfit(inner, schema["items"], f"{place}[{i}]") for i, inner in enumerate(value)))


def _inner(schema: Schema, place: str) -> Iterator[tuple[Any, str]]:
    """The schemas inside a schema, with their places."""
    yield from ((inner, f"{place}.properties.{name}") for name, inner in schema.get("properties", {}).items())
    yield from ((inner, f"{place}.anyOf[{i}]") for i, inner in enumerate(schema.get("anyOf", ())))
    yield from ((schema[name], f"{place}.{name}") for name in ("items", "additionalProperties") if name in schema)


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values: in Python, true is 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True) or (
        _TYPES["number"](left) and _TYPES["number"](right) and left == right
    )


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _is_type(value: Any) -> bool:
    return value in _TYPES if isinstance(value, str) else bool(value) and _list_of(value, str) and _TYPES.keys() >= set(value)


def _list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


_FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_type, f"one or several of {', '.join(_TYPES)}"),
    "enum": (lambda value: isinstance(value, list) and bool(value), "a list that is not empty"),
    "properties": (lambda value: isinstance(value, dict), "a mapping"),
    "required": (lambda value: _list_of(value, str), "a list of names"),
    "anyOf": (lambda value: isinstance(value, list) and bool(value), "a list of schemas"),
    **dict.fromkeys(_BOUNDS, (_TYPES["number"], "a number")),
}

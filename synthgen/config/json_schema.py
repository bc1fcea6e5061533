"""JSON Schema (draft 2020-12) for the answers of a model: whether a schema can be used, and whether a value fits it.

The library `jsonschema` does the work. A schema is checked when the settings are read, so that no call is paid for an answer that
nothing can check. Three things are stricter here than in the specification: an unknown keyword is rejected, since it is a slip that
would check nothing; so is a `format` that nothing here checks; and a `$ref` points into the schema itself, since nothing is fetched.

Patterns have the syntax of Python's `re`. A `pattern` is given up after a second, and the value does not fit then. There is no such
bound on `patternProperties`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import regex

from synthgen.errors import nearest

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from referencing import Resource
    from referencing._core import Resolver
    from referencing.jsonschema import Schema

__all__ = ["check_schema", "matches_schema", "read_strict"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PATTERN_S = 1.0
_SAYING_NOTHING = frozenset(
    [
        "$schema",
        "$id",
        "$anchor",
        "$dynamicAnchor",
        "$comment",
        "$defs",
        "definitions",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "then",
        "else",
        "minContains",
        "maxContains",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
    ]
)
_SAMPLES: tuple[Any, ...] = ({}, [], "", 0, True, None)


def check_schema(schema: Any, place: str = "schema") -> None:
    """Raises ValueError, with the place, for a schema that is not valid, or that could not be checked as a whole."""
    from jsonschema.exceptions import SchemaError

    dialect = schema.get("$schema", _DIALECT) if isinstance(schema, dict) else _DIALECT
    if dialect != _DIALECT:
        raise ValueError(
            f"{place} is read as JSON Schema 2020-12, and its $schema is {dialect!r}; leave it out or give {_DIALECT}"
        )
    try:
        _dialect().check_schema(schema)
        _check_parts(schema, place)
        for sample in _SAMPLES:
            _validator(schema).is_valid(sample)
    except SchemaError as error:
        cause = error.context[0] if error.context else error
        raise ValueError(f"{place}{error.json_path.removeprefix('$')} cannot be used: {cause.message}") from None
    except RecursionError:
        raise ValueError(f"{place} refers to itself without end, or is nested too deeply") from None


def matches_schema(value: Any, schema: Any) -> bool:
    """Whether `value` fits a schema that `check_schema` accepts. A value nested too deeply to be checked does not fit."""
    try:
        return bool(_validator(schema).is_valid(value))
    except RecursionError:
        return False


def read_strict(text: str) -> Any:
    """The value of a text that is JSON and nothing else, without NaN and infinity. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=_not_json)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _check_parts(schema: Schema, place: str) -> None:
    """What the specification allows and this module does not: see the top of it."""
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

    known, formats = _dialect().VALIDATORS.keys() | _SAYING_NOTHING, _dialect().FORMAT_CHECKER.checkers
    root = DRAFT202012.create_resource(schema)
    for part, resolver in _parts(root, EMPTY_REGISTRY.resolver_with_root(root)):
        if not isinstance(part.contents, Mapping):
            continue
        for keyword in part.contents.keys() - known:
            raise ValueError(
                f"{place} has the keyword {keyword!r}, which JSON Schema does not know.{nearest(str(keyword), known)}"
            )
        if (name := part.contents.get("format", "date")) not in formats:
            raise ValueError(
                f"{place} has the format {name!r}, which is not checked here; checked are {', '.join(sorted(formats))}"
            )
        for keyword in part.contents.keys() & {"$ref", "$dynamicRef"}:
            try:
                resolver.lookup(part.contents[keyword])
            except Unresolvable:
                target = part.contents[keyword]
                raise ValueError(f"{place} refers to {target!r}, which does not stand in it; nothing is fetched") from None


def _parts(part: Resource[Schema], resolver: Resolver[Schema]) -> Iterator[tuple[Resource[Schema], Resolver[Schema]]]:
    """A schema and every schema inside it, each with what resolves its references."""
    yield part, resolver
    for inner in part.subresources():
        yield from _parts(inner, resolver.in_subresource(inner))


def _validator(schema: Any) -> Validator:
    from referencing.jsonschema import EMPTY_REGISTRY  # with which a `$ref` is never fetched

    return _dialect()(schema, registry=EMPTY_REGISTRY, format_checker=_dialect().FORMAT_CHECKER)


@cache
def _dialect() -> type[Validator]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    dialect: type[Validator] = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    return dialect


def _pattern(validator: Validator, pattern: str, value: Any, schema: Any) -> Iterator[Exception]:
    from jsonschema.exceptions import ValidationError

    try:
        if isinstance(value, str) and not regex.search(pattern, value, timeout=_PATTERN_S):
            yield ValidationError(f"{value!r} does not match {pattern!r}")
    except TimeoutError:
        yield ValidationError(f"{value!r} takes too long to match {pattern!r}")


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")

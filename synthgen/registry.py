"""Resolve names to objects, importing them at their first use.

Each extension folder has one literal table of `name -> "module:attribute"`. Any `"module:attribute"` is accepted in
place of a name, so outside code needs neither a fork nor a registration.

The options of such an object are the keyword-only parameters of its signature, the one place with their names, types,
bounds, defaults and meanings.
"""

from __future__ import annotations

import importlib
import inspect
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from pydantic import ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from synthgen.errors import ConfigError, SynthgenError, UnknownNameError, nearest

__all__ = ["Contract", "Distinct", "Option", "describe_options", "resolve", "resolved_options", "validate_options"]


class Distinct(NamedTuple):
    """Annotation of options that are names. No two options of one `place` may be equal, and none may be one of `taken`."""

    place: str
    taken: tuple[str, ...] = ()


class Option(NamedTuple):
    """An option for display. `default` is its Python form, `REQUIRED` when there is none."""

    name: str
    type: str
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What a function from outside of this package must be. Each error says whose function breaks it, how, and what it `must`."""

    kind: str
    must: str

    def broken(self, name: str, what: str) -> ConfigError:
        """Return the error of a function that breaks the contract; `what` is its predicate."""
        return ConfigError(f"The {self.kind} {name!r} {what}. It must {self.must}.")

    def check_signature(self, name: str, function: Any) -> None:
        """Raise ConfigError for an object without a readable signature, such as one that is not a function."""
        try:
            describe_options(function)
        except (TypeError, ValueError, NameError) as error:
            raise self.broken(name, f"has no readable signature ({error})") from None

    def check_call(self, name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Raise ConfigError for a function that does not take these arguments."""
        try:
            inspect.signature(function).bind(*arguments, **options)
        except TypeError as error:
            raise self.broken(name, f"cannot be called with these arguments ({error})") from None

    @contextmanager
    def explained(self, name: str, doing: str = "") -> Iterator[None]:
        """Turn an exception of the function's own code into a ConfigError with the place, chained. `doing` follows "failed"."""
        try:
            yield
        except SynthgenError:
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"failed{doing} in {where.filename}, line {where.lineno} ({type(error).__name__}: {error})"
            raise self.broken(name, place) from error


def resolve(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """Return the object that `name` refers to.

    Raises UnknownNameError, listing the known names, for a name in no table and for a `module:attribute` that cannot be
    found. An import error *inside* an existing module belongs to that module and passes through.
    """
    target = table.get(name, name)
    module, separator, attribute = target.partition(":")
    if not separator or not module or not attribute:
        raise UnknownNameError(kind, name, table)
    try:
        target_object: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            raise UnknownNameError(kind, name, table, hint=f"The module {module!r} cannot be imported.") from None
        raise
    for part in attribute.split("."):
        if not hasattr(target_object, part):
            raise UnknownNameError(kind, name, table, hint=f"The module {module!r} has no {attribute!r}.")
        target_object = getattr(target_object, part)
    return target_object


def validate_options(function: Callable[..., Any], options: Mapping[str, Any], *, owner: str = "") -> dict[str, Any]:
    """Return `options` converted to the annotated types of `function` (a YAML 1 to a float, for example).

    Raises ConfigError naming every unknown option with the nearest right one, every value of a wrong type or out of
    range, and names that must differ (`Distinct`). `owner` names the owner of the options in messages.
    """
    every = resolved_options(function, options, owner=owner)
    return {name: every[name] for name in options}


def resolved_options(function: Callable[..., Any], options: Mapping[str, Any], *, owner: str = "") -> dict[str, Any]:
    """Return all options of `function` by name: the given ones, validated like `validate_options`, and defaults of the others."""
    known, of = _keywords(function), f" of {owner}" if owner else ""
    fields: dict[str, Any] = {p.name: (annotation, _default(p)) for p, annotation in known.values()}
    model = create_model("Options", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields)
    try:
        valid = model.model_validate(dict(options))
    except ValidationError as error:
        raise ConfigError(" ".join(_explain(e, of, list(known)) for e in error.errors())) from None
    every = {name: getattr(valid, name) for name in known}
    _check_distinct(every, known, of)
    return every


def _check_distinct(values: Mapping[str, Any], known: Mapping[str, tuple[inspect.Parameter, Any]], of: str) -> None:
    marks = {
        name: mark
        for name, (_, annotation) in known.items()
        for mark in getattr(annotation, "__metadata__", ())
        if isinstance(mark, Distinct)
    }
    for name, mark in marks.items():
        if values[name] in mark.taken:
            raise ConfigError(
                f"The option {name} = {values[name]!r}{of} is taken: {', '.join(mark.taken)} cannot name another {mark.place}."
            )
    for one, other in combinations(marks, 2):
        if marks[one].place == marks[other].place and values[one] == values[other]:
            raise ConfigError(
                f"The options {one} and {other}{of} are both {values[one]!r}, so one {marks[one].place} would replace the other. "
                "Give them different names."
            )


def describe_options(function: Callable[..., Any]) -> list[Option]:
    """Return the options of `function`, in the order of its signature."""
    found = []
    for parameter, annotation in _keywords(function).values():
        plain, *extras = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Annotated else (annotation,)
        meaning = next((e.description for e in extras if isinstance(e, FieldInfo) and e.description), "")
        default = "REQUIRED" if parameter.default is parameter.empty else repr(parameter.default)
        found.append(Option(parameter.name, _type_name(plain), default, meaning))
    return found


def _type_name(annotation: Any) -> str:
    """`int`, `list[str]`, `float | None`; of a Literal, its values."""
    if typing.get_origin(annotation) is typing.Literal:
        return " | ".join(map(repr, typing.get_args(annotation)))
    return (
        annotation.__name__
        if isinstance(annotation, type) and not typing.get_args(annotation)
        else str(annotation).replace("typing.", "")
    )


def _keywords(function: Callable[..., Any]) -> dict[str, tuple[inspect.Parameter, Any]]:
    types = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    return {p.name: (p, types.get(p.name, Any)) for p in parameters if p.kind is p.KEYWORD_ONLY}


def _default(parameter: inspect.Parameter) -> Any:
    return ... if parameter.default is parameter.empty else parameter.default


def _explain(error: Any, of: str, known: list[str]) -> str:
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"There is no option {name!r}{of}.{nearest(name, known)} Known: {', '.join(known) or 'none'}."
    if error["type"] == "missing":
        return f"The option {name!r}{of} must be given."
    return f"The option {name} = {error['input']!r}{of} is not allowed: {error['msg']}."

"""Resolve names to objects, importing them at their first use.

Each extension folder has one literal table of `name -> "module:attribute"`. Any `"module:attribute"` is accepted in
place of a name, so outside code needs neither a fork nor a registration. In Python, a function or class does, too. The
current folder is searched last, so a file of one's own there needs no PYTHONPATH.

The options of such an object are the keyword-only parameters of its signature, the one place with their names, types,
bounds, defaults and meanings.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from synthgen.errors import ConfigError, SynthgenError, UnknownNameError, nearest

__all__ = ["Contract", "Distinct", "Option", "describe_options", "name_of", "resolve", "resolved_options", "validate_options"]


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


def name_of(given: Any, table: Mapping[str, str] | None = None) -> str:
    """Return the name of code that is given itself: its name in `table`, or its `module:attribute`. A name stays as it is.

    Raises ConfigError for code that cannot be found by a name, such as a lambda or a function inside of a function.
    """
    if isinstance(given, str):
        return given
    module, attribute = getattr(given, "__module__", None), getattr(given, "__qualname__", None)
    name = f"{module}:{attribute}"
    if not isinstance(module, str) or not isinstance(attribute, str) or _found(module, attribute) is not given:
        raise ConfigError(
            f"{given!r:.200} cannot be found by a name, which the results show and a later command needs. Give a function or class that "
            "stands at the top level of a module, or write 'module:attribute'."
        )
    return next((known for known, target in (table or {}).items() if target == name), name)


def resolve(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """Return the object that `name` refers to.

    Raises UnknownNameError, listing the known names, for a name in no table and for a `module:attribute` that cannot be
    found, and ConfigError for a module that is there and fails while it is imported.
    """
    target = table.get(name, name)
    module, separator, attribute = target.partition(":")
    if not separator or not module or not attribute:
        raise UnknownNameError(kind, name, table)
    if not all(map(str.isidentifier, module.split("."))) or module.endswith(".py"):
        written = Path(module.removesuffix(".py")).as_posix().strip("./").replace("/", ".")
        raise UnknownNameError(kind, name, table, hint=f"Write a module as `import` does: '{written}:{attribute}'.")
    _search_current_folder()
    try:
        importlib.import_module(module)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and (module == missing or module.startswith(missing + ".")):
            hint = (
                f"The module {module!r} cannot be imported: it is neither installed nor in the current folder ({Path.cwd()}). "
                "Run from the folder that it is in, or name that folder in PYTHONPATH."
            )
            raise UnknownNameError(kind, name, table, hint=hint) from None
        if name in table:
            raise
        raise ConfigError(
            f"The {kind} {name!r} cannot be imported: its module fails with {type(error).__name__}: {error}."
        ) from error
    found = _found(module, attribute)
    if found is None:
        place = getattr(sys.modules[module], "__file__", None) or "built in"
        raise UnknownNameError(kind, name, table, hint=f"The module {module!r} has no {attribute!r}; it is {place}.")
    return found


def _found(module: str, attribute: str) -> Any:
    """Return an attribute, which may be dotted, of a module that is loaded; None when there is no such thing."""
    found: Any = sys.modules.get(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found


def _search_current_folder() -> None:
    """Have Python find modules of the current folder, too, as `python -m` does; last, so that they replace no other module."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


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
    """`int`, `list[str]`, `float | None`; of a Literal, its values; of an Annotated type, that type."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " | ".join(map(repr, arguments))
    if origin is typing.Annotated:
        return _type_name(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(_type_name, arguments))
    if annotation is None or annotation is type(None):
        return "None"
    if origin is not None:
        inside = ", ".join("…" if argument is ... else _type_name(argument) for argument in arguments)
        return f"{getattr(origin, '__name__', origin)}[{inside}]"
    return getattr(annotation, "__name__", None) or str(annotation).replace("typing.", "")


def _keywords(function: Callable[..., Any]) -> dict[str, tuple[inspect.Parameter, Any]]:
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    return {p.name: (p, hints.get(p.name, Any)) for p in parameters if p.kind is p.KEYWORD_ONLY}


def _default(parameter: inspect.Parameter) -> Any:
    return ... if parameter.default is parameter.empty else parameter.default


def _explain(error: Any, of: str, known: list[str]) -> str:
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"There is no option {name!r}{of}.{nearest(name, known)} Known: {', '.join(known) or 'none'}."
    if error["type"] == "missing":
        return f"The option {name!r}{of} must be given."
    return f"The option {name} = {error['input']!r}{of} is not allowed: {error['msg']}."

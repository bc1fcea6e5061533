"""JSON and YAML that somebody else wrote, as values that every later step can keep.

Both formats allow more than can be kept: numbers of any length, nesting of any depth, half a character, a key twice, and in
YAML aliases that repeat each other until memory ends. The parsers of both raise half a dozen kinds of exceptions for it, or
none. Here all of that is one error, `BadData`, whose message is the rest of a sentence.

| fault | JSON | YAML |
|---|---|---|
| more than MOST_NESTED levels, more than MOST_DIGITS digits | refused | refused |
| a key twice | refused where the values differ | refused |
| half a character (a lone surrogate) | read; `check_data` refuses it | refused, but for a byte of a file's name that is not UTF-8 |
| a tag or escape that its value does not fit | | refused |
| aliases that stand for more than 100,000 values, or for themselves | | refused |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import regex
import yaml

__all__ = [
    "BYTE_ORDER_MARK",
    "MOST_DIGITS",
    "MOST_NESTED",
    "BadData",
    "check_data",
    "check_size",
    "parse_json",
    "parse_yaml",
]

MOST_NESTED = 100
MOST_DIGITS = 4_300  # of a whole number: what Python reads and writes at most

_MOST_VALUES = 100_000
_MOST_BITS = 14_284  # of a number of so many digits
_HALF_CHARACTER = regex.compile(r"[\ud800-\udfff]")
_HALF_OF_NO_NAME = regex.compile(r"[\ud800-\udc7f\udd00-\udfff]")  # Python has the others for bytes of names
BYTE_ORDER_MARK = "\ufeff"
_TOO_DEEP = f"nested more than {MOST_NESTED} levels deep"
_TOO_LONG = f"a number of more than {MOST_DIGITS:,} digits"
_DOES_NOT_FIT = (ValueError, OverflowError, TypeError, AttributeError, LookupError)


class BadData(ValueError):
    """What is wrong with a text, as the rest of a sentence. `line` and `column` count from 1; 0 where they are unknown."""

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.line, self.column = line, column


def parse_json(text: str) -> Any:
    """Return the value of JSON text; a byte order mark before it is passed over. Raises BadData."""
    try:
        value = json.loads(text.removeprefix(BYTE_ORDER_MARK), object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise BadData(error.msg, error.lineno, error.colno) from None
    except RecursionError:
        raise BadData(_TOO_DEEP) from None
    except BadData:
        raise
    except ValueError:
        raise BadData(_TOO_LONG) from None
    if text.count("[") + text.count("{") > MOST_NESTED:
        check_size(value)
    return value


def parse_yaml(text: str) -> Any:
    """Return the value of YAML text. Raises BadData."""
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        raise BadData(f"the character U+{ord(text[error.position]):04X} is not allowed", line, column) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadData(_problem(error), *((mark.line + 1, mark.column + 1) if mark else ())) from None
    except RecursionError:
        raise BadData(_TOO_DEEP) from None
    _check(value, _HALF_OF_NO_NAME)
    return value


def check_size(value: Any) -> None:
    """Raises BadData for a value that is too deep or in itself, and for a number in it that is too long."""
    for _ in _parts(value):
        pass


def check_data(value: Any) -> None:
    """Raises BadData like `check_size`, and for half a character or too many values."""
    _check(value, _HALF_CHARACTER)


def _check(value: Any, forbidden: regex.Pattern[str]) -> None:
    for count, part in enumerate(_parts(value)):
        if count > _MOST_VALUES:
            raise BadData(f"more than {_MOST_VALUES:,} values, aliases included")
        if isinstance(part, str) and not part.isascii() and (half := forbidden.search(part)):
            raise BadData(f"half a character (a lone surrogate, U+{ord(half[0]):04X})")


def _parts(value: Any) -> Iterator[Any]:
    """Yield a value, and keys and values in it. Raises BadData for a number that is too long, and for what stands too deep, as
    what holds itself does.
    """
    left = [(value, 0)]
    while left:
        part, depth = left.pop()
        if isinstance(part, int) and part.bit_length() > _MOST_BITS:
            raise BadData(_TOO_LONG)
        yield part
        if isinstance(part, Mapping):
            inner = [*part, *part.values()]
        elif isinstance(part, list | tuple | set):
            inner = list(part)
        else:
            continue
        if depth == MOST_NESTED:
            raise BadData(_TOO_DEEP)
        left += [(item, depth + 1) for item in inner]


def _problem(error: yaml.YAMLError) -> str:
    said = str(getattr(error, "problem", None) or error)
    return " ".join((f"{getattr(error, 'context', '')}, {said}" if said.startswith("but ") else said).split())


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if found[name] != value:
                raise BadData(f"the key {name[:40]!r} stands twice, with different values")
    return found


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which says where a value stands that it cannot make."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _DOES_NOT_FIT:
            self._refuse(node)

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                problem = f"the key {key.value[:40]!r} stands twice"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add((key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None)
        return node

    def construct_yaml_int(self, node: Any) -> int:
        if len(self.construct_scalar(node)) > MOST_DIGITS:
            raise yaml.constructor.ConstructorError(None, None, _TOO_LONG, node.start_mark)
        return int(super().construct_yaml_int(node))

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= MOST_NESTED:  # before the scanner, whose time grows with the square of it
            raise yaml.scanner.ScannerError(None, None, _TOO_DEEP, self.get_mark())
        super().fetch_flow_collection_start(token)

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]:
        try:
            found: list[str] = super().scan_flow_scalar_non_spaces(double, start_mark)
        except (ValueError, OverflowError):
            problem = "an escape stands for no character"
            raise yaml.scanner.ScannerError(None, None, problem, self.get_mark()) from None
        return found

    def _refuse(self, node: Any) -> NoReturn:
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        shown = f"{node.value[:40]!r} is" if isinstance(node, yaml.ScalarNode) else "this is"
        raise yaml.constructor.ConstructorError(None, None, f"{shown} not allowed as {kind}", node.start_mark) from None


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)

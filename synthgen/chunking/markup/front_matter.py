"""The front matter of a Markdown file: YAML between `---`, or TOML between `+++`, that is a mapping.

Blank lines and comments may stand before it. What does not parse as a mapping is text, as is a single sentence after a
capitalised word and a colon ("Note: …"). YAML that a parser refuses counts if each of its lines is `key: value`, a
list item, or goes on from the line above: `title: Tea: a guide` is common.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, NamedTuple

import regex
import yaml

from synthgen.text.words import normalise

__all__ = ["FrontMatter", "front_matter"]

_FENCED = regex.compile(
    r"\A(?:\s*+<!--(?:(?!-->).)*+-->[ \t]*+(?=\n))*+\s*+(?<=\A|\n)(?P<fence>---|\+\+\+)[ \t]*\n(?P<header>.*?\n)??(?:(?P=fence)|\.\.\.)[ \t]*(?:\n|\Z)",
    regex.DOTALL,
)
_MAX_CHARS = 100_000
_KEY_LINE = regex.compile(r"[\"']?(?P<key>[\w.@-]+(?: [\w.-]+)?)[\"']?[ \t]*:(?:\s+(?P<value>.*))?")
_FURTHER_LINE = regex.compile(r"\s|-(?:\s|$)|#|[\]}]")
_NOTE = regex.compile(r"\p{Lu}")
_SENTENCE = regex.compile(r"\s*+(?:\S++\s++){2}.*[.!?…。！？]", regex.DOTALL)


class FrontMatter(NamedTuple):
    """The scalar values by their keys, in their written form, and the offset of the end; none and 0 where there is none."""

    values: Mapping[str, str]
    end: int


def front_matter(text: str) -> FrontMatter:
    """Return the front matter that opens a document."""
    match = _FENCED.match(text, endpos=_MAX_CHARS)
    header = (match["header"] or "") if match else ""
    if match is None or not header.strip():
        return FrontMatter({}, 0)
    is_toml = match["fence"] == "+++"
    loaded = _toml(header) if is_toml else _yaml(header)
    if loaded is None and (lines := _lines(header)):
        return FrontMatter({key: value for key, value in lines.items() if value[:1] not in "[{|>&*!%@`"}, match.end())
    if not loaded or _is_note(loaded):
        return FrontMatter({}, 0)
    return FrontMatter(_scalars(loaded), match.end())


def _yaml(header: str) -> dict[Any, Any] | None:
    try:
        # Every scalar stays a string: a title such as 2024 or No is neither a number nor a boolean.
        loaded = yaml.load(header, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader creates no objects
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # of "\UFFFFFFFF", for which there is no character
        return None
    return loaded if isinstance(loaded, dict) else {}


def _toml(header: str) -> dict[str, Any]:
    try:
        return tomllib.loads(header)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _lines(header: str) -> dict[str, str]:
    """Return what stands behind the keys of lines `key: value`; none if a line is something else."""
    lines = [line for line in header.splitlines() if line.strip()]
    pairs = [_KEY_LINE.fullmatch(line) for line in lines if not _FURTHER_LINE.match(line)]
    if not pairs or not _KEY_LINE.fullmatch(lines[0]) or (len(pairs) == 1 and _NOTE.match(lines[0])):
        return {}
    return {pair["key"]: (pair["value"] or "").strip("\"' ") for pair in pairs if pair} if all(pairs) else {}


def _is_note(loaded: Mapping[Any, Any]) -> bool:
    """Whether a mapping is a sentence of prose after a word like "Note:"."""
    [(key, value), *others] = loaded.items()
    is_word = isinstance(key, str) and _NOTE.match(key) is not None
    return not others and is_word and isinstance(value, str) and _SENTENCE.match(value) is not None


def _scalars(loaded: Mapping[Any, Any]) -> dict[str, str]:
    return {
        normalise(key): normalise(value if isinstance(value, str) else str(value).lower())  # an escape may be a surrogate
        for key, value in loaded.items()
        if isinstance(key, str) and not isinstance(value, dict | list)
    }

"""The languages: one file for each, with every list of words and every pattern that any module has of it.

Adding a language is one file and one line in `LANGUAGES`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Literal

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LANGUAGES", "coverage", "lexicon", "lexicons", "of_all"]

LANGUAGES: Mapping[str, str] = {
    "ar": "synthgen.text.lexicon.ar",
    "bg": "synthgen.text.lexicon.bg",
    "cs": "synthgen.text.lexicon.cs",
    "da": "synthgen.text.lexicon.da",
    "de": "synthgen.text.lexicon.de",
    "el": "synthgen.text.lexicon.el",
    "en": "synthgen.text.lexicon.en",
    "es": "synthgen.text.lexicon.es",
    "fa": "synthgen.text.lexicon.fa",
    "fi": "synthgen.text.lexicon.fi",
    "fr": "synthgen.text.lexicon.fr",
    "he": "synthgen.text.lexicon.he",
    "hi": "synthgen.text.lexicon.hi",
    "hu": "synthgen.text.lexicon.hu",
    "id": "synthgen.text.lexicon.id",
    "it": "synthgen.text.lexicon.it",
    "ja": "synthgen.text.lexicon.ja",
    "km": "synthgen.text.lexicon.km",
    "ko": "synthgen.text.lexicon.ko",
    "lb": "synthgen.text.lexicon.lb",
    "lo": "synthgen.text.lexicon.lo",
    "my": "synthgen.text.lexicon.my",
    "nl": "synthgen.text.lexicon.nl",
    "no": "synthgen.text.lexicon.no",
    "pl": "synthgen.text.lexicon.pl",
    "pt": "synthgen.text.lexicon.pt",
    "ro": "synthgen.text.lexicon.ro",
    "ru": "synthgen.text.lexicon.ru",
    "sv": "synthgen.text.lexicon.sv",
    "th": "synthgen.text.lexicon.th",
    "tr": "synthgen.text.lexicon.tr",
    "uk": "synthgen.text.lexicon.uk",
    "ur": "synthgen.text.lexicon.ur",
    "vi": "synthgen.text.lexicon.vi",
    "zh": "synthgen.text.lexicon.zh",
}
WordList = Literal[
    "ask_labels",
    "free_words",
    "generic_headings",
    "name_joins",
    "negations",
    "polite_words",
    "reply_labels",
    "stop_words",
    "weak_words",
    "yes_no_words",
]
_SAME = {"nb": "no", "nn": "no"}


@functools.cache
def lexicon(code: str) -> Lexicon:
    """What is known of a language; nothing at all of one that has no file."""
    code = _SAME.get(code, code)
    if code not in LANGUAGES:
        return Lexicon(code=code, name="", scripts=(), tag="")
    found: Lexicon = import_module(LANGUAGES[code]).LEXICON
    return found


@functools.cache
def lexicons() -> tuple[Lexicon, ...]:
    """All languages, in the order of the table."""
    return tuple(map(lexicon, LANGUAGES))


@functools.cache
def of_all(words: WordList) -> frozenset[str]:
    """The words that any language has in this list."""
    return frozenset().union(*(getattr(one, words) for one in lexicons()))


def coverage() -> list[dict[str, str | int]]:
    """A row for each language: its code and name, and how much there is of every field; a flag counts as one, a text as one."""
    names = [one.name for one in fields(Lexicon) if one.name not in ("code", "name", "scripts", "tag")]
    return [{"code": one.code, "name": one.name} | {name: _size(getattr(one, name)) for name in names} for one in lexicons()]


def _size(value: object) -> int:
    if isinstance(value, frozenset | tuple | Mapping):
        return len(value)
    return int(bool(value))

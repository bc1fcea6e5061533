"""Sentence patterns and wordings per language, as data: a new language is one file here and one line in `LANGUAGES`.

A pattern is a regular expression over one plain sentence (without its full stop) and the question it answers. Its named
groups are checked: `s`, the thing asked about, must stand alone (no pronouns, no "the following"); `a` is the answer;
`y` is what somebody wants to do. Precision over recall: a sentence that is not clearly of a form is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

import regex

__all__ = ["LANGUAGES", "Language", "Pattern", "language", "pattern"]

LANGUAGES: Mapping[str, str] = {
    "de": "synthgen.generators.extractive.patterns.de",
    "en": "synthgen.generators.extractive.patterns.en",
    "zh": "synthgen.generators.extractive.patterns.zh",
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """`question` is a template over the groups of `form`; `code` means that the answer is the code block that follows."""

    name: str
    form: regex.Pattern[str]
    question: str
    kind: str = "question"
    code: bool = False


@dataclass(frozen=True, slots=True)
class Language:
    """What the rules need to know of a language. Regular expressions are searched for unless said otherwise.

    Of a subject: `dependent` finds what cannot stand alone; `definite` matches one that only its heading explains ("the file",
    noun in group `n`); `articles` and `common` (matched at its start) lose their capital inside a question.
    Of a wish or condition (`y`, `c`): `vague` finds pronouns and the like; `mine` turns "your" into "my".
    Of a question or an answer: `unclear` finds what points elsewhere. `cut` finds a sentence that ends at an abbreviation.
    Of tables: `columns` maps a column's header to a question about the row `{x}`, or `noun/header` where the first column's
    header matters; other columns are not asked about. `row`, `quoted` and `option_row` name a row.
    `term` and `option` ask about a glossary entry and a command-line option; `glossary` finds the heading of a glossary.
    `asks` matches a heading that is a question.
    """

    patterns: tuple[Pattern, ...]
    dependent: regex.Pattern[str]
    vague: regex.Pattern[str]
    unclear: regex.Pattern[str]
    definite: regex.Pattern[str]
    articles: frozenset[str]
    mine: Callable[[str], str]
    columns: Mapping[str, str]
    row: str
    quoted: str
    term: str
    option: str
    option_row: str
    common: regex.Pattern[str]
    cut: regex.Pattern[str]
    glossary: regex.Pattern[str]
    asks: regex.Pattern[str]
    max_subject_words: int = 7


def pattern(name: str, form: str, question: str, *, kind: str = "question", code: bool = False) -> Pattern:
    return Pattern(name, regex.compile(form), question, kind, code)


def language(code: str) -> Language | None:
    """The language's table, or None when nobody has written one."""
    if code not in LANGUAGES:
        return None
    found: Language = import_module(LANGUAGES[code]).LANGUAGE
    return found

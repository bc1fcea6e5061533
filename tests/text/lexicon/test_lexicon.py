"""The languages: what every file must have, and that its words and patterns can be found at all."""

from __future__ import annotations

import ast
import importlib
from dataclasses import fields
from pathlib import Path

import pytest
import regex

import synthgen
from synthgen.text.lexicon import LANGUAGES, coverage, lexicon, lexicons, of_all
from synthgen.text.lexicon.base import LazyPattern, Lexicon, counted, listed

PACKAGE = Path(synthgen.__file__).parent
FILES = PACKAGE / "text" / "lexicon"
CODES = list(LANGUAGES)
LISTS = [field.name for field in fields(Lexicon) if field.type == "Words"]
AS_WRITTEN = {
    "abbreviations",
    "local_abbreviations",
    "number_abbreviations",
    "name_abbreviations",
    "last_abbreviations",
    "ask_labels",
    "reply_labels",
}
PATTERNS = [
    "references",
    "chatter",
    "lead_ins",
    "non_answers",
    "sign_offs",
    "double_questions",
    "generic_questions",
    "dangling",
    "decade_endings",
]
WELL_KNOWN = ["bg", "cs", "da", "de", "en", "es", "fa", "fr", "id", "it", "nl", "no", "pl", "pt", "ro", "ru", "sv", "uk"]
PROMISED = ["stop_words", "common_words", "question_words", "negations", "number_words", "scales", "references", "chatter"]


def test_the_table_has_every_file_and_every_file_its_own_code() -> None:
    assert {path.stem for path in FILES.glob("*.py")} - {"__init__", "base"} == set(CODES) == {one.code for one in lexicons()}
    assert sorted(CODES) == CODES
    assert len({one.tag for one in lexicons()}) == len({one.name for one in lexicons()}) == len(CODES)


def test_a_language_without_a_file_has_nothing() -> None:
    unknown = lexicon("tlh")
    assert unknown == Lexicon(code="tlh", name="", scripts=(), tag="")
    assert not any(getattr(unknown, field.name) for field in fields(Lexicon) if field.name != "code")


def test_norwegian_has_one_file_under_its_three_codes() -> None:
    assert lexicon("nb") is lexicon("nn") is lexicon("no")


@pytest.mark.parametrize("code", CODES)
def test_words_are_in_lower_case_and_one_word_each(code: str) -> None:
    own = lexicon(code)
    for name in set(LISTS) - AS_WRITTEN:
        for word in getattr(own, name):
            assert word == word.lower() == word.strip() != "", (name, word)
            assert " " not in word or name == "generic_headings", (name, word)
    for name in ("number_words", "scales"):
        assert all(word == word.lower() and " " not in word for word in getattr(own, name)), name
    for name in AS_WRITTEN:
        assert all(not word.endswith(".") and " " not in word for word in getattr(own, name)), name


@pytest.mark.parametrize("code", CODES)
def test_a_list_names_no_word_twice(code: str) -> None:
    """The sets of the lexicon hide it, so the source is read."""
    tree = ast.parse((FILES / f"{code}.py").read_text(encoding="utf-8"))
    [call] = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Lexicon"]
    for field in call.keywords:
        if isinstance(field.value, ast.Call) and getattr(field.value.func, "id", "") == "listed":
            between = next((ast.literal_eval(one.value) for one in field.value.keywords), None)
            found = [word for line in field.value.args for word in ast.literal_eval(line).split(between)]
            assert sorted(set(found)) == sorted(found), field.arg


@pytest.mark.parametrize("code", CODES)
def test_lists_that_exclude_each_other_share_no_word(code: str) -> None:
    own = lexicon(code)
    assert own.joining_question_words <= own.question_words
    assert not own.free_words & own.negations
    assert not own.local_abbreviations & own.abbreviations
    assert not own.number_abbreviations & own.abbreviations
    assert not own.name_abbreviations & (own.abbreviations | own.number_abbreviations | own.last_abbreviations)
    classes = [word for same in own.alike for word in same.split()]
    assert len(set(classes)) == len(classes)
    assert all(max(same.split(), key=len) == same.split()[0] or len(same.split()[0]) >= 3 for same in own.alike)


@pytest.mark.parametrize("code", CODES)
def test_patterns_compile_and_match_no_empty_text(code: str) -> None:
    own = lexicon(code)
    several = [pattern for name in PATTERNS for pattern in getattr(own, name)]
    single = [
        own.history_headings,
        own.greetings,
        own.alone,
        own.contracted,
        own.free_letters,
        own.telling_letters,
        own.inflection,
    ]
    for source in [*several, *filter(None, single)]:
        assert not regex.compile(source, regex.IGNORECASE).search(""), source
    for source, plain in own.contractions:
        regex.compile(source).sub(plain, "it is not")


@pytest.mark.parametrize("code", [one.code for one in lexicons() if one.rules])
def test_extractive_rules_compile_and_their_questions_fill(code: str) -> None:
    rules = lexicon(code).rules
    assert rules is not None
    for form in rules.patterns:
        form.question.format(**dict.fromkeys(form.form.compiled.groupindex, "x"))
        assert form.code or "a" in form.form.compiled.groupindex
    for name in ("dependent", "vague", "unclear", "definite", "common", "cut", "glossary", "asks"):
        assert isinstance(getattr(rules, name).compiled, regex.Pattern)


@pytest.mark.parametrize("code", WELL_KNOWN)
@pytest.mark.parametrize("field", PROMISED)
def test_a_well_known_language_has_what_is_promised_of_it(code: str, field: str) -> None:
    assert getattr(lexicon(code), field)


def test_a_pattern_is_compiled_when_it_is_used() -> None:
    module = importlib.reload(importlib.import_module("synthgen.text.lexicon.en"))
    rules: object = module.LEXICON.rules
    assert "compiled" not in vars(rules.dependent)  # type: ignore[attr-defined]
    assert LazyPattern("a+").fullmatch("aaa")


def test_words_are_read_from_lines() -> None:
    assert listed("a b", "c") == {"a", "b", "c"}
    assert listed("see also|notes", between="|") == {"see also", "notes"}
    assert counted("1 one|first two -", "20 twenty") == {"one": 1, "first": 1, "two": 2, "twenty": 20}
    assert of_all("negations") >= {"not", "nicht", "не", "tidak"}


def test_the_table_of_coverage_has_a_row_for_each_language() -> None:
    rows = {row["code"]: row for row in coverage()}
    assert list(rows) == CODES
    assert rows["de"]["capitalises_nouns"] == 1
    assert rows["en"]["capitalises_nouns"] == 0
    assert rows["lb"]["references"] == 0
    assert rows["en"]["references"] == len(lexicon("en").references)


ELSEWHERE = {
    "loaders/encodings.py": "letters that tell code pages apart",
    "llm/providers/error_in_success.py": "words of the messages of providers",
    "llm/providers/headers.py": "the sign of a microsecond",
    "filters/common/mentions.py": "Han numerals, which are digits of a script",
    "hub/pii.py": "words beside a telephone number, as scanners have them: a list for one purpose",
}
"""Modules outside of `text` that may name letters beyond ASCII, and why."""


def letters(path: Path) -> set[str]:
    """Letters beyond ASCII in the strings of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose)
    return {letter for text in strings if isinstance(text, str) for letter in text if letter.isalpha() and not letter.isascii()}


def test_no_word_of_a_language_stands_outside_the_lexicon() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): letters(path)
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("text", "testing")
    }
    having = {module for module, named in found.items() if named}
    assert having == set(ELSEWHERE), {module: found[module] for module in having ^ set(ELSEWHERE)}

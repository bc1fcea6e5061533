"""What the shortcuts of `lint` rely on: what every match of a phrase has, so that a query without it need not be searched."""

from __future__ import annotations

import re

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.filters.lint import _SCRIPTS
from synthgen.filters.phrases import CHATTER, DANGLING, GENERIC, LEFT_OVER, REFERENCES, TWO_QUESTIONS

PHRASES = [
    (phrase, "".join(script for script, (codes, _) in _SCRIPTS.items() if code in codes))
    for table in (REFERENCES, CHATTER, TWO_QUESTIONS, DANGLING, GENERIC)
    for code, phrases in table.items()
    for phrase in phrases
    if any(code in codes for codes, _ in _SCRIPTS.values())
]


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(
    st.sampled_from(PHRASES).flatmap(lambda phrase: st.tuples(st.from_regex(re.compile(phrase[0], re.I)), st.just(phrase[1])))
)
def test_a_phrase_of_a_language_has_a_letter_of_its_script(found: tuple[str, str]) -> None:
    text, script = found
    assert regex.search(f"[{script}]", text)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(
    st.sampled_from([(pattern, needed) for pattern, needed in LEFT_OVER if needed]).flatmap(
        lambda one: st.tuples(st.from_regex(re.compile(one[0], re.I)), st.just(one[1]))
    )
)
def test_what_is_left_over_has_one_of_its_characters(found: tuple[str, str]) -> None:
    text, needed = found
    assert set(needed) & set(text)

"""Comparison keys and words: ASCII takes a shorter way to the same result."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.text.fold import key
from synthgen.text.sentences import sentences
from synthgen.text.words import words

ASCII = st.text(st.characters(max_codepoint=127))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't panic!", "don t panic"),
        ("It is -5, not 5.", "it is -5 not 5"),
        ("a well-known F-16 -x", "a well known f 16 x"),
        ("--5 and 3-5", "-5 and 3 5"),
        ("C++ costs $5 (50 % off) & more", "c++ costs $5 50 % off & more"),
        ("naïve — “ＡＢＣ”… ½", "naïve abc 1⁄2"),
        ("− 3 ℃\u2003不是！", "− 3 °c 不是"),
        ("\t\x00\n", ""),
    ],
)
def test_a_key_keeps_letters_digits_and_signs(text: str, expected: str) -> None:
    assert key(text) == expected


@given(ASCII)
def test_words_of_ascii_text_are_those_that_stand_in_it_beside_other_letters(text: str) -> None:
    assert [*words(text), "é"] == words(text + " é")
    assert f"{key(text)} é".strip() == key(text + " é")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He left at 5 p.m. and slept.", ["He left at 5 p.m. and slept."]),
        ("It opens at 9 a.m.\nevery day. Come!", ["It opens at 9 a.m.\nevery day.", "Come!"]),
        ("He left at 5 p.m. She stayed.", ["He left at 5 p.m.", "She stayed."]),
        ("The U.S. army (in the U.S.) was there.", ["The U.S. army (in the U.S.) was there."]),
        ("At 5 p.m.\n\nand later", ["At 5 p.m.", "and later"]),
        ("Der Zug, u.a. der nach Ulm, fährt. Er hält.", ["Der Zug, u.a. der nach Ulm, fährt.", "Er hält."]),
        ("I ate. yes. 他走了。他在。", ["I ate.", "yes.", "他走了。", "他在。"]),
    ],
)
def test_dotted_letters_end_no_sentence_before_a_small_letter(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == found

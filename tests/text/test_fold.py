"""One table: what each folding takes for the same, and what it keeps apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.text.fold import LETTERS, QUOTED, bare, fold, fold_with_offsets, key, plain
from synthgen.text.slips import one_slip

FOLDINGS = {
    "fold": fold,
    "key": key,
    "bare": bare,
    "plain": plain,
    "letters": lambda text: text.translate(LETTERS),
    "quoted": lambda text: text.translate(QUOTED),
}
EVERY = frozenset(FOLDINGS)
ACCENTS = frozenset({"bare", "plain"})
PLACES = frozenset({"letters", "quoted"})


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Straße", "STRASSE", EVERY),
        ("ﬁnal ﬂow", "final flow", EVERY),
        ("１２３ ｋｍ", "123 km", EVERY),
        ("٣٤ كم", "34 كم", EVERY),
        ("۱۹۷۹", "1979", EVERY),
        ("सन् १९४७", "सन् 1947", EVERY),
        ("co\u00adoperation", "cooperation", EVERY),
        ("tea\u200bpot \u2066x\u2069", "teapot x", EVERY),
        ("\ufeffwater", "water", EVERY),
        ("wa\u2060te\u034fr", "water", EVERY),
        ("✔\ufe0f done\U000e0061", "✔ done", EVERY),
        ("پنیر", "پنير", EVERY),
        ("کتاب", "كتاب", EVERY),
        ("كتـــاب", "كتاب", EVERY),
        ("کتاب\u200cها", "کتاب ها", EVERY),
        ("e\u0301te\u0301", "été", EVERY - PLACES),
        ("a\u0323\u0302", "a\u0302\u0323", EVERY - PLACES),
        ("İstanbul", "istanbul", EVERY),
        ("ısparta", "isparta", ACCENTS),
        ("Łódź", "Lodz", ACCENTS),
        ("Ørsted", "Orsted", ACCENTS),
        ("œuvre", "oeuvre", ACCENTS),
        ("Müller", "Muller", ACCENTS),
        ("مُحَمَّد", "محمد", ACCENTS),
        ("إلى", "الي", ACCENTS),
        ("שָׁלוֹם", "שלום", ACCENTS),
        ("ёлка", "елка", ACCENTS),
        ("กี่", "กี", frozenset({"plain"})),
        ("“a” – b", '"a" - b', frozenset({"key", "letters", "quoted"})),
        ("It's  here!", "it s here", frozenset({"key", "letters"})),
        ("**bold** text", "bold\ntext", frozenset({"key", "letters", "quoted"})),
        ("a well-known", "a well known", frozenset({"key", "letters"})),
        ("it is -5", "it is 5", frozenset({"letters"})),
        ("3.5", "35", frozenset({"letters"})),
        ("C++", "C", frozenset()),
        ("cote", "code", frozenset()),
        ("1998", "1997", frozenset()),
        ("10⁶ litres", "106 litres", PLACES),
        ("25² metres", "252 metres", PLACES),
        ("10⁶ litres", "10^6 litres", EVERY - PLACES),
        ("log₁₀5", "log105", PLACES),
        ("1½ cups", "11⁄2 cups", PLACES),
        ("25 m²", "25 m2", EVERY),
        ("H₂O", "H2O", EVERY),
        ("が", "か", frozenset()),
    ],
)
def test_what_is_the_same_in_which_folding(left: str, right: str, same: frozenset[str]) -> None:
    assert {name for name, folding in FOLDINGS.items() if folding(left) == folding(right)} == same


@given(st.text())
def test_a_folding_of_a_folded_text_changes_nothing_and_case_never_matters_in_ascii(text: str) -> None:
    for folding in (key, plain, bare):
        assert folding(folding(text)) == folding(text)
    ascii_text = text.encode("ascii", "ignore").decode()
    assert fold(ascii_text.upper()) == fold(ascii_text) == plain(ascii_text) == bare(ascii_text)


@given(st.text(), st.sampled_from([LETTERS, QUOTED]))
def test_offsets_say_where_each_folded_character_comes_from(text: str, characters: dict[int, str]) -> None:
    folded, offsets = fold_with_offsets(text, characters)
    assert folded == text.translate(characters)
    assert offsets == sorted(offsets)
    assert [characters[ord(text[at])] for at in dict.fromkeys(offsets)] == [part for c in text if (part := characters[ord(c)])]
    assert len(folded) == len(offsets)


@given(st.text())
def test_a_fold_does_not_depend_on_the_order_of_combining_marks(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


def test_digits_of_every_script_are_ascii_ones() -> None:
    digits = [chr(code) for code in range(0x80, 0x10000) if chr(code).isdecimal()]
    assert [fold(digit) for digit in digits] == [str(unicodedata.decimal(digit)) for digit in digits]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("tesla", "tesla", True),
        ("tesla", "teslla", True),
        ("tesla", "tela", True),
        ("tesla", "tezla", True),
        ("tesla", "telsa", True),
        ("tesla", "etsla", True),
        ("tesla", "tlesa", False),
        ("tesla", "teslass", False),
        ("tesla", "tozla", False),
        ("", "a", True),
        ("", "ab", False),
        ("ab", "ba", True),
    ],
)
def test_one_slip_is_one_letter_or_two_neighbours(left: str, right: str, expected: bool) -> None:
    assert one_slip(left, right) is one_slip(right, left) is expected

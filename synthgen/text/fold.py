"""Folds text for comparison: spellings of the same text become one string. Folded text is never shown or stored.

| folding | for | in addition to the one above |
|---|---|---|
| `fold` | words of a search | NFKC, case, digits of every script, letters with two codes, invisible characters |
| `key` | "is this the same text?" | punctuation and white space become one space |
| `bare` | answers | accents and the points of Arabic and Hebrew are removed; ł, ø, æ and ı become plain letters |
| `plain` | names and numbers | combining marks are removed |
| `LETTERS`, `QUOTED` | locating a text in another one | `fold`, character by character, so that offsets can be kept |

All of them turn ß into ss and ﬁ into fi. Digits of two levels do not become one number: 10⁶ is 10^6 and 1½ is 1 1/2,
but m² is m2. A zero-width non-joiner ends a word of Arabic script, like the space that is often written in
its place. ASCII text only needs lower case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import regex

from synthgen.text.invisible import without_ignored

__all__ = ["LETTERS", "QUOTED", "bare", "fold", "fold_with_offsets", "key", "plain"]


def fold(text: str) -> str:
    """Return the text in NFKC and folded case, with ASCII digits, one code per letter, and no invisible characters."""
    if text.isascii():
        return text.lower()
    return _in_one_form(unicodedata.normalize("NFKC", _apart(without_ignored(text))).casefold())


def key(text: str) -> str:
    """Return a comparison key: folded, punctuation and space collapsed. Digits, signs and negations stay."""
    return " ".join(_HYPHEN.sub(" ", fold(text)).translate(_NOISE).split())


def bare(text: str) -> str:
    """Return folded text without accents and without the points of Arabic and Hebrew.

    Signs of other scripts (vowels of Thai) stay.
    """
    return text.lower() if text.isascii() else _without(_ACCENTS, text)


def plain(text: str) -> str:
    """Return folded text without combining marks, except those that distinguish letters of kana."""
    return text.lower() if text.isascii() else _without(_MARKS, text)


def fold_with_offsets(text: str, characters: CharacterFold) -> tuple[str, list[int]]:
    """Return the folded text, and the offset in `text` of each of its characters."""
    parts = [characters[ord(character)] for character in text]
    return "".join(parts), [at for at, part in enumerate(parts) for _ in part]


class CharacterFold(dict[int, str]):
    """A table for `str.translate` that folds each character by itself and keeps only what counts. Each is computed once."""

    def __init__(self, counts: Callable[[str], bool], same: dict[int, str]) -> None:
        super().__init__(same)
        self._counts = counts

    def __missing__(self, code: int) -> str:
        self[code] = "".join(filter(self._counts, fold(chr(code))))
        return self[code]


class _Noise(dict[int, str]):
    """A table for `str.translate` from punctuation, space and control characters to spaces. Each is computed once."""

    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if _MEANS.match(chr(code)) else " "
        return self[code]


def _apart(text: str) -> str:
    """Return the text with a sign between digits of two levels."""
    return _LEVELS.sub(r"^", _FRACTION.sub(" ", text)) if _LEVEL_SIGN.search(text) else text


def _in_one_form(folded: str) -> str:
    return folded.translate(_ONE_FORM).replace("i\u0307", "i") if _VARIANT.search(folded) else folded


def _without(marks: regex.Pattern[str], text: str) -> str:
    folded = _in_one_form(unicodedata.normalize("NFKD", _apart(without_ignored(text))).casefold())
    folded = unicodedata.normalize("NFC", marks.sub("", folded))
    for letter, plain_letter in _STROKED:
        folded = folded.replace(letter, plain_letter)
    return folded


_ZEROS = [
    *(0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040),
    *(0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0),
    *(0xA9F0, 0xAA50, 0xABF0),
]
_ONE_FORM: dict[int, str | None] = {
    0x0640: None,  # tatweel, which only lengthens an Arabic word
    0x200C: " ",  # zero-width non-joiner
    0x06A9: "ك",  # kaf and yeh in their Persian form
    0x06CC: "ي",
    **{zero + digit: str(digit) for zero in _ZEROS for digit in range(10)},
}
_VARIANT = re.compile(f"[{''.join(map(chr, _ONE_FORM))}\u0307]")
_STROKED = [("ł", "l"), ("ø", "o"), ("đ", "d"), ("ħ", "h"), ("ı", "i"), ("æ", "ae"), ("œ", "oe"), ("ى", "ي")]
_ACCENTS = regex.compile(r"[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]")
_MARKS = regex.compile(r"\p{Mn}(?<![\u3099\u309a])")
_LEVEL_SIGN = re.compile(r"[⁰¹²³⁴-⁾₀-₎¼-¾⅐-⅞↉]")
_LEVELS = regex.compile(r"(?<=\p{Nd})(?=[⁰¹²³⁴-⁾₀-₎])|(?<=[₀-₉])(?=\p{Nd})")  # between digits of two levels
_FRACTION = regex.compile(r"(?<=\p{Nd})(?=[¼-¾⅐-⅞↉])")
_HYPHEN = regex.compile(r"(?<=[\p{L}\p{N}])-|-(?!\p{N})")
_MEANS = regex.compile(r"[\p{L}\p{N}\p{M}\p{S}#%@&\-]")
_NOISE = _Noise()
_IS_LETTER = regex.compile(r"[\p{L}\p{N}\p{M}\p{S}]").match
_QUOTES_AND_DASHES = dict.fromkeys("‘’‚‛`´′", "'") | dict.fromkeys("“”„‟″«»「」『』", '"') | dict.fromkeys("‐‑‒–—―−", "-")

LETTERS = CharacterFold(lambda folded: _IS_LETTER(folded) is not None, {})
"""Letters, digits, marks and signs; no space and no punctuation."""

QUOTED = CharacterFold(lambda folded: not folded.isspace() and folded not in "*_", str.maketrans(_QUOTES_AND_DASHES))
"""Everything but space and the marks of emphasis and escape of Markdown; one form of quotation marks and of dashes."""

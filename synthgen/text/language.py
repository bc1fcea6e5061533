"""Identifies the language of a text by its script, or by the `py3langid` model (naive Bayes over byte n-grams).

Codes are the two letters of ISO 639-1. `guess_language` returns "" for a guess that is not sure enough.

Only words count. Code, markup, addresses and identifiers are removed first, because their English keywords carry no
information on the language of the text. Three windows of a long text are read.

Lists of names and terms resemble some language by chance. So a less probable language other than English, which such
lists are mostly in, needs one of its frequent words, and names and single letters never overrule the document.

Close languages share a code where a text rarely distinguishes them: both forms of Norwegian are `no`, every Chinese is
`zh`, spoken Arabic is `ar`, and Bosnian is read as Croatian or Serbian. Not covered: languages without a two-letter
code; the languages of the parts of a mixed text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import regex

from synthgen.text.lexicon import LANGUAGES, lexicon
from synthgen.text.scripts import scripts

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["Guess", "guess_language", "identify"]

_SURE, _SURE_OF_ANOTHER = 0.6, 0.97  # least confidence, on its own and against the language of the document
_SURE_WITHOUT_WORDS = 0.8  # least confidence when the text has no frequent word of the language
_LEAST_UNCAPITALISED = 0.35  # share of the words; names have less, and German prose has more
_LEAST_OF_ANOTHER = 40  # weighted letters needed for another language than the document's
_LEAST_OWN, _OWN_SHARE = 3, 0.06  # words, and their share, that occur only in the document's language
_WINDOWS, _PLAIN = (90, 700), 0.9  # characters of each of three windows; the wider ones where the first decide nothing
_READ = 100_000  # characters of a text that are scanned for code


class Guess(NamedTuple):
    """A language ("" when a text has no words) and its probability, between 0 and 1."""

    code: str
    confidence: float


class _Words(NamedTuple):
    """The words of a text in its main script ("" when it has none)."""

    text: str
    script: str


def identify(text: str) -> Guess:
    """Return the most probable language of a text, whatever its probability."""
    return _identified(text)[0]


def guess_language(text: str, *, document: str = "") -> str:
    """Return the language of a text; "" when it is not sure.

    `document` is the language of the document that the text is part of. A part has that language unless it is surely in
    another one.
    """
    if document and _is_plainly(document, text):
        return document
    (code, confidence), found = _identified(text)
    if not document:
        return code if confidence >= _SURE and (confidence >= _SURE_WITHOUT_WORDS or _is_borne_out(code, found)) else ""
    return code if confidence >= _SURE_OF_ANOTHER and _may_differ(found, document) else document


def _is_plainly(language: str, text: str) -> bool:
    """Whether enough frequent words of the language, absent from other known ones, decide it.

    This is faster than the model.
    """
    own = _own_words(language)
    if not own:
        return False
    words = _sample(text, _WINDOWS[0]).lower().split()
    return sum(map(own.__contains__, words)) >= max(_LEAST_OWN, _OWN_SHARE * len(words))


@functools.cache
def _own_words(language: str) -> frozenset[str]:
    """Return the frequent words of a language that no other known one has."""
    others = (_frequent_words(other) for other in LANGUAGES if other != language)
    return _frequent_words(language).difference(*others)


def _frequent_words(language: str) -> frozenset[str]:
    return lexicon(language).stop_words | lexicon(language).common_words


def _is_borne_out(language: str, found: _Words) -> bool:
    """Whether a frequent word of the language is among the words, or the language needs none."""
    own = _frequent_words(language)
    return language == "en" or found.script in _LANGUAGE_OF or any(word in own for word in found.text.lower().split())


def _may_differ(found: _Words, document: str) -> bool:
    if (found.script, document) == ("CJK", "ja"):
        return False
    words = [word for word in found.text.split() if len(word) > 1]
    if len(" ".join(words)) * _WEIGHT.get(found.script, _SPACED) < _LEAST_OF_ANOTHER:
        return False
    return sum(word == word.lower() for word in words) >= _LEAST_UNCAPITALISED * len(words)


def _identified(text: str) -> tuple[Guess, _Words]:
    if "```" in text or "~~~" in text:
        text = _FENCED.sub("\n", text[:_READ])
    if "](" in text:
        text = _TARGET.sub("]", text[:_READ])
    for size in _WINDOWS:
        found = _words(_sample(text, size))
        guess = _guess(found)
        if guess.confidence >= _PLAIN or len(text) <= 3 * size:
            break
    return guess, found


def _guess(found: _Words) -> Guess:
    if not found.script:
        return Guess("", 0.0)
    if code := _LANGUAGE_OF.get(found.script):
        return Guess(code, len(found.text) / (len(found.text) + 1))  # a single Greek letter is a symbol
    code, confidence = _model().classify(found.text)
    return Guess(code, float(confidence))


def _words(text: str) -> _Words:
    script = _main_script(text)
    if not script:
        return _Words("", "")
    words = " ".join(dict.fromkeys(_WORDS[script](text)))  # once each, because a table repeats its cells
    return _Words(words.lower() if words.isupper() else words, script)


def _sample(text: str, size: int) -> str:
    """Return the beginning, the middle and the end of a text longer than three times `size`."""
    if len(text) <= 3 * size:
        return text
    at = (len(text) - size) // 2
    return "\n".join([text[:size], text[at : at + size], text[-size:]])


def _main_script(text: str) -> str:
    """Return the script with the most weight.

    A letter of a script without spaces counts as a short word. Latin counts less, because it is in every code and name.
    """
    letters = scripts(text)
    if letters["KANA"] > 0.2 * letters["CJK"]:
        letters["KANA"] += letters.pop("CJK", 0)
    weights = {script: n * _WEIGHT.get(script, _SPACED) for script, n in letters.items() if script in _WORDS and n}
    return max(sorted(weights), key=lambda script: weights[script], default="")


@functools.cache
def _model() -> LanguageIdentifier:
    """Load the model, on first use, in half a second. Close languages are one class of it."""
    import numpy as np
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    full = LanguageIdentifier.from_model_file(MODEL_FILE)
    full.set_languages([code for code in full.labels if (len(code) == 2 or code in _NEAR) and code not in _UNLIKELY])
    return LanguageIdentifier(
        np.ascontiguousarray(full.nb_ptc),  # its rows are looked up, and choosing languages has laid out columns
        full.nb_pc,
        [_NEAR.get(code, code) for code in full.nb_classes],
        full.tk_nextmove,
        full.tk_output,
        norm_probs=True,
        tk_row=full.tk_row,
    )


_NEAR = {"nn": "no", "yue": "zh", "wuu": "zh", "ary": "ar", "arz": "ar", "zxx": ""}
_UNLIKELY = frozenset(["an", "bs", "dz", "eo", "la", "qu", "sa", "se", "vo", "wa"])
_SPACED = 2
_WEIGHT = {"LATIN": 1, "CJK": 4, "KANA": 4, "HANGUL": 4}
_LANGUAGE_OF = {
    "KANA": "ja",
    "HANGUL": "ko",
    "THAI": "th",
    "LAO": "lo",
    "KHMER": "km",
    "MYANMAR": "my",
    "GREEK": "el",
    "HEBREW": "he",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "ETHIOPIC": "am",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "ORIYA": "or",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
}
"""Scripts of one language, or of one that nearly every text in them is in."""

_WORDS: Mapping[str, Callable[[str], list[str]]] = {
    "ARABIC": regex.compile(r"[\p{Arabic}\p{Mn}--\p{N}]+", regex.V1).findall,
    "BENGALI": regex.compile(r"[\p{Bengali}--\p{N}]+", regex.V1).findall,
    "CJK": regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]+").findall,
    "CYRILLIC": regex.compile(r"[\p{Cyrillic}\p{Mn}'’]+").findall,
    "DEVANAGARI": regex.compile(r"[\p{Devanagari}--\p{N}]+", regex.V1).findall,
    "LATIN": re.compile(  # between spaces: no address, path, option, call or name with digits
        r"""(?<!\S)["'“”‘’«»„¿¡(\[*_]*+([^\W\d_]++(?:[-'’—–][^\W\d_]++)*+)[.,;:!?…"'“”‘’»)\]*_]*+(?!\S)"""
    ).findall,
    **{script: regex.compile(r"\p{L}+").findall for script in _LANGUAGE_OF},
}
_FENCED = re.compile(r"^[ >]*(```+|~~~+).*?(?:^[ >]*\1[`~]*[ ]*$|\Z)", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"\]\([^()\s]*+\)")  # of a link in Markdown

"""Splits text in every script into words: the normal form, words, shingles.

Nothing here assumes spaces between words, capitals or full stops. Scripts written without spaces (Han, kana, Thai, Lao,
Khmer, Burmese) give overlapping character bigrams as words, which is what lexical retrieval uses for them. Folding
(`text.fold`) is for comparison only; offsets always refer to `normalise(text)`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence, Set

import regex

from synthgen.text.fold import fold, key
from synthgen.text.invisible import without_invisible
from synthgen.text.lexicon import of_all

__all__ = ["UNSPACED", "contents", "copies", "find", "jaccard", "normalise", "shingles", "spelled_out", "units", "words"]

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUN = regex.compile(rf"[{UNSPACED}]+|[\p{{L}}\p{{N}}\p{{M}}--[{UNSPACED}]]+", regex.V1)
_IS_UNSPACED = regex.compile(rf"[{UNSPACED}]")
_SPACED = regex.compile(rf"[\p{{L}}\p{{N}}\p{{M}}--[{UNSPACED}]]", regex.V1)
_ASCII_RUN = re.compile(r"[a-z0-9]+")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")


def normalise(text: str) -> str:
    """Return the normal form: NFC, LF line ends, no character that is never seen, U+FFFD for lone surrogates."""
    text = without_invisible(text.replace("\r\n", "\n").replace("\r", "\n"))
    return unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))


def words(text: str) -> list[str]:
    """Return words for matching: case-folded runs of letters and digits; character bigrams where there are no spaces."""
    folded = fold(text)
    if folded.isascii():
        return _ASCII_RUN.findall(folded)
    runs: list[str] = _RUN.findall(folded)
    if not _IS_UNSPACED.search(folded):
        return runs
    found: list[str] = []
    for run in runs:
        if not _IS_UNSPACED.match(run) or len(run) == 1:
            found.append(run)
        else:
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
    return found


def shingles(text: str, size: int = 4) -> set[str]:
    """Return character n-grams of the comparison key; the whole key when it is shorter."""
    folded = key(text)
    return {folded[i : i + size] for i in range(max(1, len(folded) - size + 1))} if folded else set()


def jaccard(left: Set[str], right: Set[str]) -> float:
    """Return the Jaccard similarity of two sets of shingles; 0 when both are empty."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if shared else 0.0


def find(needle: str, text: str, start: int = 0) -> int:
    """Return the first offset of `needle` in `text` as whole words and whole numbers, or -1: 5 is not in 15 nor in 1.5.

    Scripts without spaces have no word borders, so every place counts there.
    """
    at = text.find(needle, start)
    while at >= 0 and (_inside_word(text, at) or _inside_word(text, at + len(needle))):
        at = text.find(needle, at + 1)
    return at


def units(text: str) -> list[tuple[str, float]]:
    """Return case-folded words with weight 1, and letters of scripts without spaces with half that weight."""
    folded = fold(text)
    if not _IS_UNSPACED.search(folded):
        return [(run, 1.0) for run in _RUN.findall(folded)]
    found: list[tuple[str, float]] = []
    for run in _RUN.findall(folded):
        found.extend([(letter, 0.5) for letter in run] if _IS_UNSPACED.match(run) else [(run, 1.0)])
    return found


def spelled_out(text: str) -> str:
    """Return the units of a text between spaces, in which `copies` searches."""
    return f" {' '.join(unit for unit, _ in units(text))} "


def copies(parts: Sequence[tuple[str, float]], shown: str, limit: float) -> bool:
    """Whether a run of `limit` words of these units occurs in `shown`. Every shortest run of that length is searched."""
    length, start = 0.0, 0
    for end, (_, weight) in enumerate(parts, 1):
        length += weight
        while length - parts[start][1] >= limit:
            length -= parts[start][1]
            start += 1
        if length >= limit and f" {' '.join(unit for unit, _ in parts[start:end])} " in shown:
            return True
    return False


def contents(found: list[str]) -> list[str]:
    """Return the words that carry content: no stop words of the known languages, no single Latin letters."""
    stops = of_all("stop_words")
    return [w for w in found if w not in stops and (len(w) > 1 or not w.isascii())]


def _inside_word(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if _SPACED.match(before) and _SPACED.match(after):
        return True
    if before in ".," and after.isdigit():
        return at > 1 and text[at - 2].isdigit()
    return after in ".," and before.isdigit() and text[at + 1 : at + 2].isdigit()

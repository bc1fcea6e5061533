"""A guess at the language of a text."""

from __future__ import annotations

import functools
import string
from collections import Counter

import regex

from synthgen.text.lexicon import lexicons
from synthgen.text.words import words

__all__ = ["guess_language"]


def guess_language(text: str) -> str:
    """A two-letter code from the script, then from stop words; "" when unsure. A hint, not an identification."""
    sample = text[:20_000]
    letters = _script_letters(sample)
    total = sum(letters.values())
    if not total:
        return ""
    if letters["ja"] > 0.05 * total and letters["ja"] + letters["zh"] > 0.5 * total:
        return "ja"
    script, _ = letters.most_common(1)[0]
    # A Han or kana letter says as much as a short Latin word, so a fifth of the letters is enough.
    if script == "latin" and letters["zh"] > 0.2 * total:
        return "zh"
    if script not in ("latin", "cyrillic"):
        return script
    seen = Counter(words(sample))
    votes: Counter[str] = Counter()
    # A word of several languages ("a", "no", "as") is shared between them, in twelfths.
    languages_of = _languages_of()
    for word in seen.keys() & languages_of.keys():
        for code in languages_of[word]:
            votes[code] += 12 * seen[word] // len(languages_of[word])
    best = max(votes.values(), default=0)
    return min(code for code in votes if votes[code] == best) if best >= max(18, 0.36 * sum(seen.values())) else ""


def _script_letters(sample: str) -> Counter[str]:
    """How many letters of each script. Latin ones of ASCII are most of most texts, so they are counted apart."""
    rest = "" if sample.isascii() else _ASCII.sub("", sample)
    found = Counter({code: len(pattern.findall(rest)) for code, pattern in _SCRIPTS.items()} if rest else {})
    found["latin"] += len(sample.encode("ascii", "ignore").translate(None, delete=_ASCII_OTHERS))
    return found


_ASCII = regex.compile(r"[\x00-\x7f]+")
_ASCII_OTHERS = bytes(code for code in range(128) if chr(code) not in string.ascii_letters)

_SCRIPTS = {
    "latin": regex.compile(r"\p{Latin}"),
    "cyrillic": regex.compile(r"\p{Cyrillic}"),
    "zh": regex.compile(r"\p{Han}"),
    "ja": regex.compile(r"[\p{Hiragana}\p{Katakana}]"),
    "ko": regex.compile(r"\p{Hangul}"),
    "th": regex.compile(r"\p{Thai}"),
    "ar": regex.compile(r"\p{Arabic}"),
    "he": regex.compile(r"\p{Hebrew}"),
    "el": regex.compile(r"\p{Greek}"),
    "hi": regex.compile(r"\p{Devanagari}"),
    "my": regex.compile(r"\p{Myanmar}"),
    "km": regex.compile(r"\p{Khmer}"),
    "lo": regex.compile(r"\p{Lao}"),
}


@functools.cache
def _languages_of() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language in lexicons():
        for word in language.stop_words:
            found.setdefault(word, []).append(language.code)
    return found

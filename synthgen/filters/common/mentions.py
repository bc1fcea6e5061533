"""Finds the numbers and names in a query or an answer, and checks whether another text shows them.

A *number* is a run of digits of any script. Numbers in words, in Han or in Roman numerals are not mentions themselves,
but they show a number that is written in digits. A *name* is a word of three letters or more with a capital in it; in a
text without capitals, a word in Latin letters. A text shows a name under another case, accent, possessive, inflection
or derivation (German shows Germany), with one spelling slip, and by or as an abbreviation of initials.

Not covered: names in scripts without capitals; names of one or two letters. Numbers in words are recognised up to
twenty in a few languages, Han numerals up to 99,999,999.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import regex

from synthgen.filters.common.passage_language import passage_language
from synthgen.records import Chunk
from synthgen.text.fold import plain
from synthgen.text.lexicon import lexicon, lexicons, of_all
from synthgen.text.slips import one_slip
from synthgen.text.words import contents

__all__ = ["Mention", "Shown", "capitalises_nouns", "is_function_word", "mentions", "pieces", "without_capitals"]


class Mention(NamedTuple):
    """A number or a name as it is written.

    - `initial`: the name is first in a sentence or title, where a capital means nothing.
    - `run`: the capitalised words around the name.
    - `gloss`: an abbreviation in brackets after it.
    - `scale`: the factor in words after a number (2.3 million).
    - `short`: the number may be the end of a longer one (the 31 of 1628-31, the 70 of the 70s).
    - `decade`: the number stands for any year of a decade (1850s).
    """

    text: str
    is_number: bool = False
    initial: bool = False
    run: tuple[str, ...] = ()
    gloss: str = ""
    scale: int = 1
    short: bool = False
    decade: bool = False


def mentions(text: str) -> list[Mention]:
    """Return the numbers and names of a text, in order."""
    uncased = without_capitals(text)
    tokens = list((_LATIN_TOKEN if uncased else _TOKEN).finditer(text))
    glosses = [(m.start(), m.group(1)) for m in _GLOSS.finditer(text)]
    found: list[Mention] = []
    for token, run in zip(tokens, _runs(tokens, text), strict=True):
        written, start, end = token.group(), token.start(), token.end()
        gloss = next((inside for at, inside in glosses if end <= at <= end + _GLOSS_CHARS), "") if glosses else ""
        if written[0].isdecimal():
            following = _NEXT_WORD.match(text, end)
            after = following.group(1) if following else ""
            found.extend(number._replace(gloss=gloss) for number in _numbers(written, text[start - 1 : start], after))
        elif (uncased or _has_capital(written)) and _is_long_enough(written):
            initial = not written[1:3].isupper() and _is_opening(text, start)
            found.append(Mention(written, initial=initial, run=run, gloss=gloss))
    return found


def without_capitals(text: str) -> bool:
    """Whether a text is in a script without capitals. One letter of such a script counts as three Latin ones."""
    return not text.isascii() and 3 * len(_UNCASED.findall(text)) > len(_CASED.findall(text))


class Shown:
    """The numbers and names that a text shows.

    Create it once for a passage with its headings, and use it for all of its rows.

    Numbers in words are those of `language` and of English, or of all languages where the language is unknown.
    """

    def __init__(self, text: str, language: str = "") -> None:
        self.text, self.language = text, language

    def has(self, mention: Mention) -> bool:
        """Whether the text shows this number or name."""
        if self._has_number(mention) if mention.is_number else self._has_name(mention):
            return True
        return bool(mention.gloss) and mention.text[0].lower() in mention.gloss.lower() and self._has_word(mention.gloss)

    def _has_word(self, token: str) -> bool:
        return "".join(_WORD.findall(plain(token))) in self.joined

    def _has_number(self, mention: Mention) -> bool:
        wanted = _value(mention.text)
        if wanted in self.numbers or (mention.scale > 1 and _scaled(wanted, mention.scale) in self.numbers):
            return True
        if mention.decade:
            return any(len(number) == 4 and number[:3] == wanted[:3] for number in self.numbers)
        if mention.short:
            return any(number.endswith(mention.text) for number in self.numbers)
        parts = [_value(part) for part in re.split(r"[.,]", mention.text) if part]
        return len(parts) > 1 and self.numbers.issuperset(parts)

    def _has_name(self, mention: Mention) -> bool:
        parts = pieces(mention.text)
        if all(part in self.words or self._is_like(part) for part in parts) or "".join(parts) in self.joined:
            return True
        if _ROMAN.fullmatch(mention.text) and str(_roman(mention.text)) in self.numbers:
            return True
        if any(initials in self.abbreviations for initials in _initials(mention.run)):
            return True
        return mention.text.isupper() and 3 <= len(mention.text) <= 6 and mention.text.lower() in self.initials

    def _is_like(self, piece: str) -> bool:
        if piece.isdecimal():
            return False
        return any(_alike(piece, word) for word in self.beginnings.get(piece[:2], ()))

    @functools.cached_property
    def words(self) -> frozenset[str]:
        folded = plain(self.text)
        return frozenset(_WORD.findall(folded)) | frozenset(self._latin(folded))

    @functools.cached_property
    def joined(self) -> frozenset[str]:
        """Words without their hyphens and the like: COVID-19 is covid19."""
        folded = plain(self.text)
        tokens = [*_TOKEN.findall(folded), *(_LATIN_TOKEN.findall(folded) if self._latin(folded) else ())]
        return frozenset(token if token.isalnum() else "".join(_WORD.findall(token)) for token in tokens)

    def _latin(self, folded: str) -> list[str]:
        """Return Latin words separately where they may touch letters of another script."""
        return [] if folded.isascii() or not _UNCASED.search(folded) else _LATIN_WORD.findall(folded)

    @functools.cached_property
    def beginnings(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for word in self.words:
            if len(word) >= 4:
                found.setdefault(word[:2], []).append(word)
        return found

    @functools.cached_property
    def abbreviations(self) -> frozenset[str]:
        """Tokens in capitals, without their full stops: U.S. is us."""
        tokens = (token.replace(".", "") for token in _TOKEN.findall(self.text) if token.isupper())
        return frozenset(token.lower() for token in tokens if len(token) > 1)

    @functools.cached_property
    def initials(self) -> str:
        """The first letters of all words, then of all words except the small ones inside names."""
        found = _WORD.findall(self.text)
        return "".join(w[0] for w in found).lower() + " " + "".join(w[0] for w in found if w not in _joins()).lower()

    @functools.cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers in digits, in words, in Han and in Roman numerals."""
        text, found = self.text, set[str]()
        for match in _NUMBER.finditer(text):
            value = _value(match.group())
            following = _NEXT_WORD.match(text, match.end())
            scale = _scales().get(plain(following.group(1))) if following else None
            found |= {value, *([_scaled(value, scale)] if scale else [])}
        spelled = _spelled(self.language)
        found |= {spelled[word] for word in spelled.keys() & self.words}
        found |= {str(_roman(numeral)) for numeral in _ROMAN.findall(text)}
        if not text.isascii():
            found |= {value for numeral in _HAN_NUMBER.findall(text) for value in _han(numeral)}
        return frozenset(found)


def capitalises_nouns(chunk: Chunk) -> bool:
    """Whether the chunk's language capitalises every noun, so that a capital does not mark a name."""
    return lexicon(passage_language(chunk)).capitalises_nouns


def is_function_word(name: str) -> bool:
    """Whether a capitalised word carries no content in some language."""
    return not name.isupper() and not contents(_WORD.findall(name.casefold()))


def pieces(name: str) -> list[str]:
    """Return the comparable parts of a name: "Who-related" gives who, "Tesla's" gives tesla, "HAdV-55" gives hadv and 55."""
    parts = _WORD.findall(name if name.isascii() else _MARKS.sub("", unicodedata.normalize("NFKD", name)))
    telling = [part for part in parts if len(part) > 1 and not part.islower()]
    return [plain(part) for part in telling or parts]


def _numbers(token: str, before: str, following: str) -> Iterator[Mention]:
    for found in _NUMBER.finditer(token):
        if found.start() and token[found.start() - 1].isalpha():
            continue  # part of a name: 2019-nCoV-2
        tail = token[found.start() - 1] in "-‑/" if found.start() else before in ("'", "’", "–", "-", "/")
        short = len(found.group()) == 2 and (tail or found.group()[1] == "0")
        decade = len(found.group()) == 4 and bool(_decade().fullmatch(token, found.start()))
        scale = _scales().get(plain(following), 1) if found.end() == len(token) else 1
        yield Mention(found.group(), is_number=True, scale=scale, short=short, decade=decade)


def _has_capital(token: str) -> bool:
    return token != token.lower() if token.isascii() else bool(_UPPER.search(token))


def _is_opening(text: str, at: int) -> bool:
    """Whether a sentence, a title or a quotation begins here."""
    if at > 1 and text[at - 1] == " " and text[at - 2].isalnum():
        return False
    return bool(_OPENING.search(text, max(0, at - _OPENING_CHARS), at))


def _is_long_enough(token: str) -> bool:
    """Whether a token has three letters, or both letters and digits."""
    letters = len(token) if token.isalpha() else sum(map(str.isalpha, token))
    return letters >= 3 or letters < len(_LETTER_OR_DIGIT.findall(token))


def _runs(tokens: list[regex.Match[str]], text: str) -> list[tuple[str, ...]]:
    """Return, for each token, the run of capitalised words (and the small words between them) around it."""
    runs: list[tuple[str, ...]] = []
    run: list[str] = []
    end = 0
    for i, token in enumerate(tokens):
        written = token.group()
        belongs = written[0].isupper() or written in _joins()
        if not (belongs and run and text[end : token.start()].isspace()):
            runs += [tuple(run)] * (i - len(runs))
            run = []
        if belongs:
            run.append(written)
        end = token.end()
    return runs + [tuple(run)] * (len(tokens) - len(runs))


def _initials(run: tuple[str, ...]) -> set[str]:
    """Return the abbreviations of a name of several words: mct and mtct for Mother to Child Transmission, and its parts."""
    whole = "".join(word[0] for word in run)
    parts = "".join(word[0] if word[0].isupper() else " " for word in run).lower()
    return {part for part in (whole.lower(), parts.replace(" ", ""), *parts.split()) if len(part) > 1}


def _alike(left: str, right: str) -> bool:
    """Whether two words are inflected, derived or misspelt forms of each other.

    They share a beginning of half of the longer word, or differ by one slip in a word of six letters.
    """
    short, long = sorted((left, right), key=len)
    common = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if common >= 4 and common >= min(0.6 * len(long), max(5, 0.5 * len(long))):
        return True
    return len(short) >= 6 and one_slip(short, long)


def _value(number: str) -> str:
    """Return a number in ASCII digits, without grouping, leading or trailing zeros: 10,000 is 10000, 4,50 is 4.5.

    A leading "-" is kept.
    """
    if number.isdecimal() and number.isascii():
        return number.lstrip("0") or "0"
    if not number.isascii():
        number = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else {"٫": ".", "٬": ","}.get(c, c) for c in number)
    if _GROUPED.fullmatch(number):
        return re.sub("[.,]", "", number)
    number = number.replace(",", ".")
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return number.lstrip("0") or "0"


def _scaled(value: str, scale: int) -> str:
    whole, _, fraction = value.partition(".")
    if not (whole + fraction).isdecimal():
        return value
    return f"{int(whole + fraction) * scale / 10 ** len(fraction):.6f}".rstrip("0").rstrip(".")


def _roman(numeral: str) -> int:
    values = [_ROMAN_DIGITS[letter] for letter in numeral]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def _han(numeral: str) -> Iterator[str]:
    if all(c in _HAN_DIGITS for c in numeral):
        yield "".join(str(_HAN_DIGITS[c]) for c in numeral).lstrip("0") or "0"
        return
    total = section = digit = 0
    for c in numeral:
        if c in _HAN_DIGITS:
            digit = _HAN_DIGITS[c]
        elif c in "万萬":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        elif c in "亿億":
            total, section, digit = (total + section + digit) * 100_000_000, 0, 0
        else:
            section, digit = section + (digit or 1) * {"十": 10, "百": 100, "千": 1_000}[c], 0
    yield str(total + section + digit)


_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[-'’‘‑.,٫٬&/][\p{L}\p{M}\p{N}]+)*")
_LATIN_TOKEN = regex.compile(r"[\p{Latin}\p{M}\p{N}]+(?:[-'’‘‑.,٫٬&/][\p{Latin}\p{M}\p{N}]+)*")
_LATIN_WORD = regex.compile(r"[\p{Latin}\p{N}]+")
_NUMBER = regex.compile(r"\p{Nd}+(?:[.,٫٬]\p{Nd}+)*")
_NEXT_WORD = regex.compile(r"[\s-]*+([万萬亿億]|\p{L}+)")
_GLOSS_CHARS, _OPENING_CHARS = 40, 12
_GROUPED = regex.compile(r"\d{1,3}(?:[.,]\d{3})+")
_GLOSS = regex.compile(r"\s?\(([\p{L}\p{N}-]*\p{Lu}[\p{L}\p{N}-]*\p{Lu}[\p{L}\p{N}-]*)\)")
_LETTER_OR_DIGIT = regex.compile(r"[\p{L}\p{N}]")
_UNCASED = regex.compile(r"\p{Lo}")
_CASED = regex.compile(r"[\p{Lu}\p{Ll}]")
_UPPER = regex.compile(r"\p{Lu}")
_WORD = re.compile(r"[^\W_]+")
_MARKS = regex.compile(r"\p{Mn}+")
_OPENING = regex.compile(r"(?:^|[.!?…:;\n¿¡\"„«]|\p{Ps}|\p{Pi})[\s\p{Ps}\p{Pi}\p{Pd}\"'¿¡*_#]*$")
_HAN_NUMBER = regex.compile(r"[〇零一二三四五六七八九十百千万萬亿億两兩]+")
_ROMAN = regex.compile(r"\b(?=[IVXLC]{2})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})\b")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}


@functools.cache
def _joins() -> frozenset[str]:
    """Return the small words that occur inside names."""
    return of_all("name_joins")


@functools.cache
def _spelled(language: str) -> dict[str, str]:
    """Return numbers in words, without accents.

    For all languages, words that are ordinary in another one ("to") are left out.
    """
    own, english = lexicon(language), lexicon("en")
    if own.name:
        return {plain(word): str(value) for one in (own, english) for word, value in one.number_words.items()}
    found: dict[str, str] = {}
    for one in (*lexicons(), english):
        ordinary = frozenset().union(*(other.stop_words | other.common_words for other in lexicons() if other is not one))
        found |= {plain(word): str(value) for word, value in one.number_words.items() if word not in ordinary}
    return found


@functools.cache
def _scales() -> dict[str, int]:
    """Return the words of every language that multiply the number before them, without accents."""
    return {plain(word): scale for language in lexicons() for word, scale in language.scales.items()}


@functools.cache
def _decade() -> regex.Pattern[str]:
    endings = "|".join(ending for language in lexicons() for ending in language.decade_endings)
    return regex.compile(rf"\d{{3}}0(?:{endings})")

"""Splits text into sentences in every script, with the abbreviations of its language and those that are words of none."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import regex

from synthgen.text.lexicon import LANGUAGES, lexicon, lexicons
from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["sentences"]

# A sentence ends at a full stop of a spaced script followed by space, or at one of a script that needs none, with the closing
# quotes and brackets that belong to it; a blank line always ends one.
_END = regex.compile(
    r"""
    [.!?…]+ [\p{Pe}\p{Pf}"']* (?=\s)
    | [。！？｡؟।۔։፧፨]+ [\p{Pe}\p{Pf}"']*
    | (?:\u037e | (?<=\p{Greek}{2});) [\p{Pe}\p{Pf}"']* (?=\s)
    | \n[^\S\n]*\n
    """,
    regex.VERBOSE,
)
_THAI_PAUSE = regex.compile(r"(?<=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])[ \n]+(?=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])")
_MIN_PAUSE_CHARS = 60

# The token right before a full stop: a number, or a word with the dotted parts before it ("т. е", "p.m").
_BEFORE = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}.&°])(?:(?P<number>\p{Nd}{1,4})|(?P<chain>(?:\p{L}\p{M}*){1,3}\.\s?)*(?P<word>[\p{L}\p{M}]+))$"
)
_AFTER = regex.compile(r"[\s\p{Ps}\p{Pi}\p{Pe}\p{Pf}\"'¿¡.…]*(?P<next>(?P<word>[\p{L}\p{M}]+)|\p{N})?")
_OPENING = "([{\"'“„‘‚«‹¿¡-–—/"
_ROMAN = regex.compile(r"[IVXLC]+")
_YEAR_FIRST = regex.compile(r"(?:^|[.!?…\n])\s*(?:\p{L}{1,3}\s+)?\p{Nd}{3,4}\s+$")  # "В 1990 г.", at the start of a sentence
_VOWEL = regex.compile(r"[aeiouyäöü]", regex.IGNORECASE)
_LOOKED_AT = 24  # characters read before and after a full stop
_MAX_SEEN = 50_000

# Lists of the lexicon whose words stand in any text, and ordinary words of some language that no list has.
_WORD_LISTS = (
    "stop_words",
    "weak_words",
    "common_words",
    "question_words",
    "free_words",
    "negations",
    "number_words",
    "quantity_words",
    "sentence_openers",
    "yes_no_words",
)
_OTHER_WORDS = listed(
    "alb am art blind cap car cel cf dl doc dra eng ev ex fig gem gen gest hab hat ing ir kap kr lit maj mar mia mill min nap par",
    "pas pl pod pol por ran red rep resp sen sig st str tab tel ver vol",
    "бул град км кор корп кг мин пер руб св сек ст см тел тов хил",
)


def sentences(text: str, language: str = "") -> list[tuple[int, int]]:
    """Return the spans of the sentences of `text`, in order, without surrounding white space.

    An abbreviation ends no sentence where more of the sentence must follow. Abbreviations of `language` have their
    meaning in that language; those of other languages count where they cannot be words (`_is_foreign`). Scripts with neither full stops nor
    spaces between words (Thai) are cut at their pauses, once a sentence has 60 characters. Not covered: initials at the
    end of a sentence ("vitamin A. It").
    """
    known = _abbreviations(language)
    cuts = [m.end() for m in _END.finditer(text) if text[m.start()] != "." or not _goes_on(text, m.start(), known)]
    spans = []
    for start, end in _between(cuts, len(text)):
        last = start
        for pause in () if text.isascii() else _THAI_PAUSE.finditer(text, start, end):
            if pause.start() - last >= _MIN_PAUSE_CHARS:
                spans.append((last, pause.start()))
                last = pause.end()
        spans.append((last, end))
    return [span for start, end in spans if (span := _stripped(text, start, end))]


@dataclass(frozen=True, slots=True)
class _Abbreviations:
    """The abbreviations to recognise.

    - `kinds`: abbreviation -> name of its list in the lexicon.
    - `last`: those that may end a sentence after a number.
    - `parts`: the parts that follow the first one in abbreviations with several full stops.
    - `endings`: all words that may precede the full stop.
    - `seen`: token before a full stop -> whether it is short, of tokens seen so far.
    """

    kinds: Mapping[str, str]
    last: frozenset[str]
    parts: Mapping[str, tuple[str, ...]]
    endings: frozenset[str]
    openers: frozenset[str]
    ordinal_nouns: frozenset[str]
    seen: dict[str, bool] = field(default_factory=dict)


@functools.cache
def _words(*codes: str) -> frozenset[str]:
    """Return the words that the lists of these languages have."""
    return frozenset(word.lower() for code in codes for name in _WORD_LISTS for word in getattr(lexicon(code), name))


def _is_foreign(word: str, kind: str, own: Lexicon) -> bool:
    """Whether an abbreviation of some language is also read as one in `own`, which has no name if the language is unknown.

    - One with a full stop inside ("z.B") always is: it cannot be a word.
    - One with a capital ("Gen") is, as it is written so, unless a list of words of any language has it. Where nouns have
      capitals too, it must lack vowels ("Mr"). One that a number must follow ("No") may be a word.
    - One in lower case is not if it is a word of any language. One that does not hide the end of a sentence ("etc", "fig"),
      because a number or a small letter must follow, is in every language; others ("ul") where the language is unknown.
    - Where it is unknown, one that may end a sentence ("al", also a word) is read as one: it joins no sentences.
    """
    if "." in word:
        return True
    listed_word = word.lower() in _words(*LANGUAGES)
    if word[0].isupper():
        return kind == "number_abbreviations" or not (listed_word or (own.capitalises_nouns and _VOWEL.search(word)))
    if kind == "last_abbreviations" and not own.name:
        return True
    harmless = kind in ("last_abbreviations", "number_abbreviations")
    return (harmless or not own.name) and not listed_word and word not in _OTHER_WORDS


@functools.cache
def _abbreviations(language: str) -> _Abbreviations:
    """Return the abbreviations of the language, which take precedence, and those of others that are no words."""
    own = lexicon(language)
    kinds: dict[str, str] = {}
    for kind in ("last_abbreviations", "number_abbreviations", "abbreviations", "name_abbreviations"):
        kinds |= {word: kind for one in lexicons() for word in getattr(one, kind) if _is_foreign(word, kind, own)}
    for kind in ("last_abbreviations", "name_abbreviations", "number_abbreviations", "abbreviations"):
        kinds |= dict.fromkeys(getattr(own, kind), kind)
    kinds |= dict.fromkeys(own.local_abbreviations, "abbreviations")
    parts: dict[str, tuple[str, ...]] = {}
    for word in sorted(kinds):
        pieces = word.split(".")
        for cut in range(1, len(pieces)):
            first = ".".join(pieces[:cut])
            parts[first] = (*parts.get(first, ()), ".".join(pieces[cut:]) + ".")
    speakers = (own,) if own.name else lexicons()
    return _Abbreviations(
        kinds=kinds,
        last=frozenset().union(*(one.last_abbreviations for one in speakers)) & kinds.keys(),
        parts=parts,
        endings=frozenset(
            form for word in kinds for piece in (word, *word.split(".")) for form in (piece, piece[:1].upper() + piece[1:])
        ),
        openers=frozenset().union(*(one.sentence_openers for one in (*speakers, lexicon("en")))),
        ordinal_nouns=frozenset().union(*(one.ordinal_nouns for one in speakers)),
    )


def _goes_on(text: str, at: int, known: _Abbreviations) -> bool:
    """Whether the sentence continues after the full stop at `at`."""
    if not _may_be_short(text, at, known):
        return False
    before = _BEFORE.search(text, max(0, at - _LOOKED_AT), at)
    if before is None:
        return False
    after = _AFTER.match(text, at + 1, at + 1 + 2 * _LOOKED_AT)
    following = (after and after["next"]) or ""
    if before["number"]:
        return following.lower() in known.ordinal_nouns and (len(before["number"]) < 3 or following.islower())
    word, chain = before["word"], "".join(before.group().split())
    if (len(chain) == 1 and chain.isupper()) or _has_more_parts(text, at, known, word, chain):
        return True
    if following[:1].islower() and _ROMAN.fullmatch(chain):
        return True
    counted = text[max(0, before.start() - 3) : before.start()].rstrip()[-1:].isdecimal()
    kind = _kind(chain, known, counted=counted)
    if not kind and "." in chain and all(len(part) == 1 for part in chain.split(".")):
        kind = "name_abbreviations" if chain.isupper() else "last_abbreviations"
    if not kind and len(word) == 1 and word.isupper():
        return True
    kind = kind or _kind(word, known, counted=counted)
    if (
        kind == "last_abbreviations"
        and counted
        and _YEAR_FIRST.search(text, max(0, before.start() - _LOOKED_AT), before.start())
    ):
        kind = "name_abbreviations"
    return bool(kind) and _follows(following, kind, known)


def _may_be_short(text: str, at: int, known: _Abbreviations) -> bool:
    """Whether the token before a full stop may be an abbreviation or an ordinal. Most are neither, and most come again."""
    first = max(0, at - _LOOKED_AT)
    token = text[text.rfind(" ", first, at) + 1 or first : at]
    if (short := known.seen.get(token)) is None:
        last = (token or text[first:at]).split()[-1:]
        short = bool(last) and _is_short(last[0].lstrip(_OPENING), known)
        if token and len(known.seen) < _MAX_SEEN:
            known.seen[token] = short
    return short


def _is_short(token: str, known: _Abbreviations) -> bool:
    return len(token) < 3 or token in known.endings or "." in token or token.isdecimal() or _ROMAN.fullmatch(token) is not None


def _has_more_parts(text: str, at: int, known: _Abbreviations, *words: str) -> bool:
    """Whether the full stop is inside an abbreviation, as the first one of "z. B."."""
    rest = [more for word in words for form in _forms(word) for more in known.parts.get(form, ())]
    return bool(rest) and "".join(text[at + 1 : at + _LOOKED_AT].split()).startswith(tuple(rest))


def _kind(word: str, known: _Abbreviations, *, counted: bool) -> str:
    for form in _forms(word):
        if counted and form in known.last:
            return "last_abbreviations"
        if form in known.kinds:
            return known.kinds[form]
    return ""


def _forms(word: str) -> tuple[str, ...]:
    """Return a word as it is written, and as it is written when it does not begin a sentence."""
    return (word, word[0].lower() + word[1:])


def _follows(following: str, kind: str, known: _Abbreviations) -> bool:
    """Whether the text after an abbreviation of this kind still belongs to its sentence."""
    match kind:
        case "abbreviations":
            return True
        case "number_abbreviations":
            return following.isdecimal() or _ROMAN.fullmatch(following) is not None
        case "name_abbreviations":
            return bool(following) and not (following[0].isupper() and following.lower() in known.openers)
    return following[:1].islower() or following.isdecimal()


def _between(cuts: list[int], length: int) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in [*cuts, length]:
        if cut > start:
            yield start, cut
            start = cut


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    rest = text[start:end].lstrip()
    return (end - len(rest), end - len(rest) + len(rest.rstrip())) if rest else None

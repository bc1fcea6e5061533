"""Splits text into sentences in every script, with the abbreviations of every language."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import regex

from synthgen.text.lexicon import lexicon, lexicons

__all__ = ["sentences"]

# A sentence ends at a full stop of a spaced script followed by space, or at one of a script that needs none, with the closing
# quotes and brackets that belong to it; a blank line always ends one.
_END = regex.compile(
    r"""
    [.!?…]+ [\p{Pe}\p{Pf}"']* (?=\s)
    | [。！？｡؟।۔։፧፨]+ [\p{Pe}\p{Pf}"']*
    | \n[^\S\n]*\n
    """,
    regex.VERBOSE,
)
_THAI_PAUSE = regex.compile(r"(?<=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])[ \n]+(?=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])")
_MIN_PAUSE_CHARS = 60

# The token right before a full stop: a number, or a word with the dotted parts before it ("т. е", "p.m").
_BEFORE = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}.&°])(?:(?P<number>\p{Nd}{1,2})|(?P<chain>(?:\p{L}\p{M}*){1,3}\.\s?)*(?P<word>[\p{L}\p{M}]+))$"
)
_AFTER = regex.compile(r"[\s\p{Ps}\p{Pi}\p{Pe}\p{Pf}\"'¿¡.…]*(?P<next>(?P<word>[\p{L}\p{M}]+)|\p{N})?")
_OPENING = "([{\"'“„‘‚«‹¿¡-–—/"
_ROMAN = regex.compile(r"[IVXLC]+")
_LOOKED_AT = 24  # characters read before and after a full stop


def sentences(text: str, language: str = "") -> list[tuple[int, int]]:
    """Return the spans of the sentences of `text`, in order, without surrounding white space.

    An abbreviation ends no sentence where more of the sentence must follow. Abbreviations of `language` have their
    meaning in that language; those of other languages count unless they are words. Scripts with neither full stops nor
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
    """

    kinds: Mapping[str, str]
    last: frozenset[str]
    parts: Mapping[str, tuple[str, ...]]
    endings: frozenset[str]
    openers: frozenset[str]
    ordinal_nouns: frozenset[str]


@functools.cache
def _abbreviations(language: str) -> _Abbreviations:
    """Return the abbreviations of every language except its local ones; those of the language itself take precedence."""
    own = lexicon(language)
    kinds: dict[str, str] = {}
    for kind in ("last_abbreviations", "number_abbreviations", "abbreviations", "name_abbreviations"):
        kinds |= {word: kind for one in lexicons() for word in getattr(one, kind)}
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
        last=frozenset().union(*(one.last_abbreviations for one in speakers)),
        parts=parts,
        endings=frozenset(
            form for word in kinds for piece in (word, *word.split(".")) for form in (piece, piece[:1].upper() + piece[1:])
        ),
        openers=frozenset().union(*(one.sentence_openers for one in (*speakers, lexicon("en")))),
        ordinal_nouns=frozenset().union(*(one.ordinal_nouns for one in speakers)),
    )


def _goes_on(text: str, at: int, known: _Abbreviations) -> bool:
    """Whether the sentence continues after the full stop at `at`."""
    last = text[max(0, at - _LOOKED_AT) : at].split()[-1:]
    if not last or not (len(token := last[0].lstrip(_OPENING)) < 3 or token in known.endings or "." in token):
        return False
    before = _BEFORE.search(text, max(0, at - _LOOKED_AT), at)
    if before is None:
        return False
    after = _AFTER.match(text, at + 1, at + 1 + 2 * _LOOKED_AT)
    following = (after and after["next"]) or ""
    if before["number"]:
        return following.lower() in known.ordinal_nouns
    word, chain = before["word"], "".join(before.group().split())
    if (len(chain) == 1 and chain.isupper()) or _has_more_parts(text, at, known, word, chain):
        return True
    counted = text[max(0, before.start() - 3) : before.start()].rstrip()[-1:].isdecimal()
    kind = _kind(chain, known, counted=counted)
    if not kind and "." in chain and all(len(part) == 1 for part in chain.split(".")):
        kind = "name_abbreviations" if chain.isupper() else "last_abbreviations"
    if not kind and len(word) == 1 and word.isupper():
        return True
    kind = kind or _kind(word, known, counted=counted)
    return bool(kind) and _follows(following, kind, known)


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

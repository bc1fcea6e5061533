"""Decode bytes to text and report the encoding.

UTF-8 is strict, so bytes that decode are UTF-8. A byte order mark is also decisive. Everything else is a guess, and
byte statistics confuse related encodings (GB18030 with Big5 and EUC-KR, cp1250 with cp1252). So the likely encodings
are tried. Each is ranked by the share of its non-ASCII characters that are everyday characters of *one* of its
languages: national character sets have those in their first level, and an alphabetic language uses a few accented
letters, inside words, in lower case. charset-normalizer is asked only if no encoding is convincing.

UTF-16 without a byte order mark is not recognised (it contains NUL bytes and counts as binary), nor are mixed
encodings.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import regex

from synthgen.errors import ConfigError

__all__ = ["Decoded", "Undecodable", "decode", "decode_declared"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_MAX_CONTROL_SHARE = 0.02

# Names that pages declare and Python does not know, and names that browsers read as a larger character set (WHATWG
# Encoding Standard).
_BROWSER_ENCODINGS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso2022_jp": "iso2022_jp_2",
    "mac-ukrainian": "mac-cyrillic",
    "gb_2312-80": "gb18030",
}
_IN_7_BITS = frozenset(
    ["iso2022_jp_2", "iso2022_jp_1", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_ext", "iso2022_kr", "hz", "utf-7"]
)
_SHIFTS = (b"\x1b$B", b"\x1b$@", b"\x1b$)C")  # into JIS X 0208, and into KS X 1001

_SAMPLE_CHARS = 20_000
_MIN_SHARE = 0.75  # a right decoding has about 0.9 to 1, a wrong one 0.1 to 0.65
_TIE = 0.05  # within this margin, the earlier encoding of the table wins

_NON_ASCII = regex.compile(r"[^\x00-\x7f]")
_MARKS_OF_ALL = frozenset("“”‘’„‚–—…«»‹›•·°§©®™€£\xa0、。，！？；：（）《》「」『』【】〈〉・ー　％／～")
_CAPITALS_INSIDE = regex.compile(r"(?<=\p{Ll})\p{Lu}+")
_BESIDE_ASCII = regex.compile(r"(?<=[A-Za-z])[[\p{L}\p{M}]--\p{Latin}]|[[\p{L}\p{M}]--\p{Latin}](?=[A-Za-z])", regex.V1)
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_MIN_KANA_SHARE = 0.1
_JAPANESE = ("cp932", "euc_jp")

# encoding -> the non-ASCII letters of each of its languages; for other alphabets, the frequent letters.
_ALPHABETS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "cp1252",
        (
            "àâæçéèêëîïôœùûüÿ",
            "äöüß",
            "áéíñóúü¡¿ºª",
            "áâãàçéêíóôõúü",
            "àèéìíîòóùú",
            "åäöé",
            "åæøéèóô",
            "áðéíóúýþæö",
            "éëïöüèáóíêç",
        ),
    ),
    ("cp1250", ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž")),
    ("cp1254", ("çğıöşüâîûİ",)),
    ("cp1257", ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")),
    ("cp1251", ("оаеинтсрвлкмдпуыяьгзб", "оаиніетврслкмупдязьбгї", "оаеитнрсвлкдпмзгяъубч")),
    ("koi8_r", ("оаеинтсрвлкмдпуыяьгзб",)),
    ("cp866", ("оаеинтсрвлкмдпуыяьгзб",)),
    ("cp1253", ("αοιετνσςηρπκυμλωάίόέήγδθχύώ",)),
    ("cp1255", ("אבדהוחיכלמנעפקרשתםן",)),
    ("cp1256", ("اليمنورتبعةدسفهكقحأ،؟",)),
    ("cp874", ("กขคงจชดตทนบปผพมยรลวสหอะาำเแโใไ็่้ัิีึืุู์",)),
)


class Decoded(NamedTuple):
    """Text with the name of its encoding in Python's spelling, and whether the encoding is a guess."""

    text: str
    encoding: str
    guessed: bool = False


class Undecodable(NamedTuple):
    """The reason why bytes are not text: `binary` or `unknown_encoding`, with a detail for people."""

    reason: str
    detail: str


def decode(raw: bytes, encoding: str | None = None) -> Decoded | Undecodable:
    """Return the text of `raw`, in the given or the detected encoding.

    Raises ConfigError for an encoding that Python does not know.
    """
    if encoding:
        return _decode_as(raw, encoding)
    for mark, name in _MARKS:
        if raw.startswith(mark):
            text = _decoded(raw, name)
            return (
                Undecodable("unknown_encoding", f"begins with a {name} mark but is not")
                if text is None
                else Decoded(text, name)
            )
    for shift in _SHIFTS:
        name = "iso2022_kr" if shift.endswith(b"C") else "iso2022_jp_2"
        if shift in raw and raw.isascii() and (text := _decoded(raw, name)) is not None:
            return Decoded(text, name)
    if b"\0" in raw or len(raw) - len(raw.translate(None, _CONTROL)) > _MAX_CONTROL_SHARE * len(raw):
        return Undecodable("binary", "NUL bytes or many control characters")
    text = _decoded(raw, "utf-8")
    return Decoded(text, "utf-8") if text is not None else _guess(raw)


def decode_declared(raw: bytes, declared: str) -> Decoded | Undecodable:
    """Return the text of `raw`, which declares its encoding.

    A byte order mark and valid UTF-8 are stronger than the declaration, and it does not count if the bytes contradict
    it. A declared UTF-16 or UTF-32 is not believed: its declaration could not be read.
    """
    found = decode(raw)
    name = _known(declared)
    certain = isinstance(found, Decoded) and not found.guessed and not raw.isascii()
    if (
        not name
        or certain
        or (raw.isascii() and name not in _IN_7_BITS)
        or (isinstance(found, Undecodable) and found.reason == "binary")
    ):
        return found
    text = _decoded(raw, name)
    return found if text is None else Decoded(text, name)


def _known(declared: str) -> str:
    """Return Python's name of an encoding; "" if it is no text encoding, or one that needs a byte order mark."""
    label = declared.strip().lower().removeprefix("x-").removesuffix("-i").removesuffix("-e").replace("windows-", "cp")
    try:
        name = codecs.lookup(_BROWSER_ENCODINGS.get(label, label)).name
        "".encode(name)
    except LookupError:
        return ""
    name = _BROWSER_ENCODINGS.get(name, name)
    return "" if name.startswith(("utf-16", "utf-32", "utf-8")) else name


def _decode_as(raw: bytes, encoding: str) -> Decoded | Undecodable:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError:
        raise ConfigError(
            f"sources.encoding = {encoding!r} is not a text encoding that Python knows. Examples: utf-8, gb18030, shift_jis, cp1252."
        ) from None
    text = _decoded(raw, name)
    return Decoded(text, name) if text is not None else Undecodable("unknown_encoding", f"is not {name}")


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _guess(raw: bytes) -> Decoded | Undecodable:
    ranked = list(_ranked(raw))
    best = max((share for share, _ in ranked), default=0.0)
    if best >= _MIN_SHARE:
        return next(found for share, found in ranked if share >= best - _TIE)
    return _charset_normalizer_guess(raw)


def _ranked(raw: bytes) -> Iterator[tuple[float, Decoded]]:
    """Yield (share of everyday characters, text) for every possible encoding, in order of preference."""
    for encoding, everyday in _first_levels():
        if (text := _decoded(raw, encoding)) is not None:
            yield _share(text, (everyday,), kana=encoding in _JAPANESE), Decoded(text, encoding, guessed=True)
    for encoding, languages in _ALPHABETS:
        if (text := _decoded(raw, encoding)) is not None:
            alphabets = tuple(frozenset(letters + letters.upper()) for letters in languages)
            yield _share(text, alphabets) - _oddities(text), Decoded(text, encoding, guessed=True)


def _share(text: str, languages: tuple[frozenset[str], ...], *, kana: bool = False) -> float:
    """Return the largest share of the non-ASCII characters that are everyday characters of one language."""
    characters = _NON_ASCII.findall(text, 0, _SAMPLE_CHARS)
    if kana and sum(1 for c in characters if _KANA.match(c)) < _MIN_KANA_SHARE * len(characters):
        return 0.0
    everyday = max(sum(c in language or c in _MARKS_OF_ALL for c in characters) for language in languages)
    return everyday / max(1, len(characters))


def _oddities(text: str) -> float:
    """Return the share of non-ASCII characters that are capitals inside a word, or letters of another script next to
    Latin ones.
    """
    capitals = _NON_ASCII.findall("".join(_CAPITALS_INSIDE.findall(text, 0, _SAMPLE_CHARS)))
    odd = capitals + _BESIDE_ASCII.findall(text, 0, _SAMPLE_CHARS)
    return len(odd) / max(1, len(_NON_ASCII.findall(text, 0, _SAMPLE_CHARS)))


def _charset_normalizer_guess(raw: bytes) -> Decoded | Undecodable:
    """Return charset-normalizer's guess if it is confident: hardly any disorder, and a recognised language."""
    from charset_normalizer import from_bytes

    match = from_bytes(raw[:200_000]).best()
    if match is None or match.chaos > 0.05 or match.coherence < 0.5:
        return Undecodable("unknown_encoding", "no encoding fits well; set sources.encoding")
    text = _decoded(raw, match.encoding)
    return (
        Undecodable("unknown_encoding", f"not {match.encoding} to the end")
        if text is None
        else Decoded(text, match.encoding, True)
    )


@lru_cache(maxsize=1)
def _first_levels() -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the East Asian encodings, each with the first level of its character set.

    Korean and Japanese come before Chinese: their bytes are also everyday Chinese characters, but not the reverse.
    """
    kana_and_kanji = frozenset(map(chr, range(0x3041, 0x30FF))) | _rows("euc_jp", 0xB0, 0xCF)
    return (
        ("cp949", _rows("euc_kr", 0xB0, 0xC8)),
        ("cp932", kana_and_kanji),
        ("euc_jp", kana_and_kanji),
        ("gb18030", _rows("gb2312", 0xB0, 0xD7)),
        ("cp950", _rows("big5", 0xA4, 0xC6)),
    )


def _rows(encoding: str, first: int, last: int) -> frozenset[str]:
    """Return the characters whose first byte is in `first..last`."""
    pairs = (bytes((a, b)) for a in range(first, last + 1) for b in range(0x40, 0xFF))
    return frozenset(c for pair in pairs if (c := _decoded(pair, encoding)) and len(c) == 1)

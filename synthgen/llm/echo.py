"""Cuts what a server's message repeats of the request: documents do not belong into logs and errors.

Letters and digits alone are compared, with escapes of JSON, Python, HTML and URLs decoded, so that a quotation is found
however it was written. A run of `_RUN` letters and digits that stands in the request is cut (`_CJK_RUN` in scripts that
write no spaces), and so is a single word with digits in it, such as an identifier.

Not covered: a paraphrase, and a shorter quotation of ordinary words.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from itertools import groupby
from urllib.parse import unquote

import regex

__all__ = ["without_echo"]

_CUT = "[…]"
_RUN = 14
_CJK_RUN = 5
_ID = 6
_MAX_CHARS = 1_500  # of a message; what is shown is shorter
_ESCAPE = regex.compile(
    r"\\+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|[nrtbf])|&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,8});|(?:%[0-9A-Fa-f]{2})+"
)
_NOT_COMPARED = re.compile(r"[\W_]+")
_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_.@-]*\p{N}[\p{L}\p{M}\p{N}_.@-]*")


def without_echo(message: str, request: Iterable[str]) -> str:
    """Return a server's message with `[…]` in place of what it repeats of the texts of the `request`."""
    message = message[:_MAX_CHARS]
    compared, places = _compared(message)
    if len(compared) < _CJK_RUN:
        return message
    sent = _NOT_COMPARED.sub("", " ".join(request)).casefold()
    repeated = [False] * len(compared)
    for at in range(len(compared)):
        run = _CJK_RUN if _CJK.match(compared[at]) else _RUN
        if compared[at : at + run] in sent and at + run <= len(compared):
            repeated[at : at + run] = [True] * run
    for word in _WORD.finditer(message):
        plain = _NOT_COMPARED.sub("", word[0]).casefold()
        if len(plain) >= _ID and not plain.isdecimal() and plain in sent:
            repeated = [cut or word.start() <= place[0] < word.end() for cut, place in zip(repeated, places, strict=True)]
    return _cut(message, repeated, places)


def _compared(message: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the letters and digits of a message, with the span that each has in it."""
    characters: list[str] = []
    places: list[tuple[int, int]] = []

    def add(text: str, start: int, end: int) -> None:
        for c in _NOT_COMPARED.sub("", text).casefold():
            characters.append(c)
            places.append((start, end))

    at = 0
    for escape in _ESCAPE.finditer(message):
        for place in range(at, escape.start()):
            add(message[place], place, place + 1)
        add(_decoded(escape[0]), *escape.span())
        at = escape.end()
    for place in range(at, len(message)):
        add(message[place], place, place + 1)
    return "".join(characters), places


def _decoded(escape: str) -> str:
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%":
        return unquote(escape, errors="replace")
    code = escape.lstrip("\\")
    return chr(int(code[1:], 16)) if code[0] in "uxU" and int(code[1:], 16) < 0x110000 else " "


def _cut(message: str, repeated: list[bool], places: list[tuple[int, int]]) -> str:
    """Return the message without its repeated characters and what stands between them."""
    parts, kept_from = [], 0
    for cut, run in groupby(range(len(places)), key=repeated.__getitem__):
        if cut:
            start, end = _whole_words(message, places[(indices := list(run))[0]][0], places[indices[-1]][1])
            parts += [message[kept_from:start], _CUT]
            kept_from = end
    return "".join([*parts, message[kept_from:]])


def _whole_words(message: str, start: int, end: int) -> tuple[int, int]:
    """Return a span without the end of a word at its beginning, which is that of the request by chance.

    Scripts without spaces have no such words.
    """
    if start and message[start - 1].isalpha() and not _CJK.match(message[start]):
        word = regex.match(r"\p{L}+", message, pos=start)
        rest = regex.search(r"[\p{L}\p{N}]", message, pos=word.end(), endpos=end) if word else None
        start = rest.start() if rest else start
    return start, end

"""Counts the letters of a text by script."""

from __future__ import annotations

import string
import unicodedata
from collections import Counter

__all__ = ["scripts"]


def scripts(text: str) -> Counter[str]:
    """Return the letters of each script, by the first word of their Unicode names; kana are KANA, Han is CJK."""
    found: Counter[str] = Counter()
    rest = text if text.isascii() else text.translate(_LETTERS)
    if latin := len(rest.encode("ascii", "ignore").translate(None, delete=_NO_LETTERS)):
        found["LATIN"] = latin
    for mark, script in _LETTERS.names.items() if rest is not text else ():
        if n := rest.count(mark):
            found[script] = n
    return found


class _Letters(dict[int, "str | None"]):
    """A table for `str.translate` from letters to one that represents their script.

    ASCII stays, everything else is removed.
    """

    def __init__(self) -> None:
        super().__init__({code: chr(code) if chr(code).isalpha() else None for code in range(128)})
        self.names: dict[str, str] = {}
        self._marks = {"LATIN": "a"}

    def __missing__(self, code: int) -> str | None:
        self[code] = self._mark(chr(code))
        return self[code]

    def _mark(self, character: str) -> str | None:
        if not character.isalpha():
            return None
        script = unicodedata.name(unicodedata.normalize("NFKC", character)[0], "UNKNOWN").split()[0].split("-")[0]
        script = "KANA" if script in ("HIRAGANA", "KATAKANA") else script
        if script not in self._marks:
            self._marks[script] = chr(0xE000 + len(self._marks))
            self.names[self._marks[script]] = script
        return self._marks[script]


_LETTERS = _Letters()
_NO_LETTERS = bytes(code for code in range(128) if chr(code) not in string.ascii_letters)

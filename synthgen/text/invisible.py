"""Which characters are never seen, in one place.

| set | removed from | characters |
|---|---|---|
| `NEVER_SEEN` | every text that becomes a document, a row or a quote (`words.normalise`) | soft hyphen, zero-width space, word joiner, byte order mark, invisible signs of mathematics, tags, … |
| `JOINING` | comparisons only (`fold`) | joiners, marks of the direction of writing, variation selectors: they shape or place other characters |
"""

from __future__ import annotations

import re
from collections.abc import Callable

import regex

__all__ = ["IGNORED", "JOINING", "NEVER_SEEN", "without_ignored", "without_invisible"]

NEVER_SEEN = frozenset(
    map(
        chr,
        [
            *(0xAD, 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0xFEFF),
            *range(0x2060, 0x2065),
            *range(0x206A, 0x2070),
            *range(0xFFF9, 0xFFFC),
            *range(0x1D173, 0x1D17B),
            *range(0xE0000, 0xE0080),
        ],
    )
)
JOINING = frozenset(
    map(
        chr,
        [
            *(0x61C, 0x200D, 0x200E, 0x200F),
            *range(0x180B, 0x180E),
            *range(0x202A, 0x202F),
            *range(0x2065, 0x206A),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ],
    )
)
IGNORED = NEVER_SEEN | JOINING
"""What a comparison does not see. A zero-width non-joiner is not one of them, because it ends a word of Arabic script."""

_IGNORED = regex.compile(f"[{''.join(sorted(IGNORED))}]+|(?<![\\p{{Arabic}}\\p{{Mn}}])\u200c|\u200c(?!\\p{{Arabic}})")
_NEVER_SEEN = regex.compile(f"[{''.join(sorted(NEVER_SEEN))}]+")
_ASTRAL = re.compile("[\U0001d173-\U0001d17a\U000e0000-\U000e01ef]").search


def _search(characters: frozenset[str]) -> Callable[[str], object]:
    """Return a quick test whether a text has any, as few have: `re` is quick with characters of one plane."""
    plane = re.compile(f"[{''.join(sorted(one for one in characters if one <= chr(0xFFFF)))}]").search
    return lambda text: plane(text) or _ASTRAL(text)


_HAS_IGNORED, _HAS_NEVER_SEEN = _search(IGNORED | {"\u200c"}), _search(NEVER_SEEN)


def without_invisible(text: str) -> str:
    """Return the text without the characters that are never seen."""
    return _NEVER_SEEN.sub("", text) if not text.isascii() and _HAS_NEVER_SEEN(text) else text


def without_ignored(text: str) -> str:
    """Return the text as a comparison sees it. A zero-width non-joiner stays between letters of Arabic script only."""
    return _IGNORED.sub("", text) if not text.isascii() and _HAS_IGNORED(text) else text

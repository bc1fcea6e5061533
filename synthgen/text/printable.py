"""Text that a document, a model, a file name or a server wrote, made safe for a terminal and a log.

Terminals obey escape sequences and marks of the direction of writing, so that text could clear the screen, rename the window
or show something else than it says. What is escaped here is shown as its code, such as `\\x1b`.

| form | for | line ends |
|---|---|---|
| `printable` | text of several lines | stay |
| `printable_line` | a field or a line of a log | are escaped, too |
| `printable_json` | JSON, which says the same afterwards | are escaped by JSON itself |
"""

from __future__ import annotations

import re

__all__ = ["printable", "printable_json", "printable_line"]

_HIDDEN = "\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
"""DEL and C1, the marks, embeddings, overrides and isolates of direction, Unicode's line ends, lone surrogates."""

_UNPRINTABLE = re.compile(f"[\x00-\x08\x0b-\x1f{_HIDDEN}]")
_UNPRINTABLE_IN_LINE = re.compile(f"[\x00-\x08\x0a-\x1f{_HIDDEN}]")
_RAW_IN_JSON = re.compile(f"[{_HIDDEN}]")


def printable(text: str) -> str:
    """Return the text with codes for what a terminal would obey; line feeds and tabs stay."""
    return _UNPRINTABLE.sub(_code, text)


def printable_line(text: str) -> str:
    """Return `printable` text of one line: a line feed is shown as `\\n`."""
    return _UNPRINTABLE_IN_LINE.sub(_code, text)


def printable_json(text: str) -> str:
    """Return JSON that reads the same and has no character that a terminal would obey."""
    return _RAW_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _code(found: re.Match[str]) -> str:
    character = found[0]
    if character in "\n\r":
        return "\\n" if character == "\n" else "\\r"
    return f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}"

"""Number the items of a page's lists as a reader sees them.

Numbers are the marks of Markdown's ordered lists. It has no letters and Roman digits, so these begin the text of an item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["List"]

_VALUES = [1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1]
_DIGITS = ["m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"]
_STYLE = regex.compile(r"list-style(?:-type)?\s*+:(?:(?!list-style)[^;])*?(lower|upper)-(alpha|latin|roman)", regex.IGNORECASE)


class List:
    """The numbers of a list's items. `items` is how many there were."""

    def __init__(self, node: LexborNode | None) -> None:
        self.items = 0
        self.ordered = node is not None and node.tag == "ol"
        self._write = _numbering(node) if node is not None and self.ordered else str
        reverse = node is not None and self.ordered and "reversed" in node.attributes
        self._step = -1 if reverse else 1
        count = sum(1 for child in node.iter() if child.tag == "li") if node is not None and reverse else 1
        self._next = _whole_number(node, "start", count)

    def next_mark(self, item: LexborNode) -> str:
        """Return the mark of the next item. Numbers below zero cannot be marks of Markdown's lists."""
        self.items += 1
        if not self.ordered:
            return "- "
        number = _whole_number(item, "value", self._next)
        self._next = number + self._step
        written = self._write(number)
        return f"{written}. " if written.lstrip("-").isdigit() else f"- {written}. "


def _whole_number(node: LexborNode | None, attribute: str, default: int) -> int:
    value = (node.attributes.get(attribute) or "").strip() if node is not None else ""
    return int(value) if regex.fullmatch(r"-?\d{1,9}", value) else default


def _numbering(node: LexborNode) -> Callable[[int], str]:
    """Return how the numbers of an ordered list are written."""
    kind = node.attributes.get("type") or ""
    if style := _STYLE.search(node.attributes.get("style") or ""):
        letter = "i" if style[2].lower() == "roman" else "a"
        kind = letter.upper() if style[1].lower() == "upper" else letter
    write = {"a": _letters, "i": _roman}.get(kind.lower())
    if write is None:
        return str
    return (lambda number: write(number).upper()) if kind.isupper() else write


def _letters(number: int) -> str:
    if number < 1:
        return str(number)
    written = ""
    while number:
        number, digit = divmod(number - 1, 26)
        written = chr(ord("a") + digit) + written
    return written


def _roman(number: int) -> str:
    if not 0 < number < 4_000:
        return str(number)
    written = ""
    for value, digits in zip(_VALUES, _DIGITS, strict=True):
        times, number = divmod(number, value)
        written += digits * times
    return written

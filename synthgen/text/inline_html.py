"""Tags inside a line that change a number or a word, and the text that says the same without them.

`10<sup>6</sup>` is 10⁶ and `x<sub>max</sub>` is x_max; struck-out text is left out, and what stands in two lines or cells
stays two words.
"""

from __future__ import annotations

import regex

__all__ = ["BREAKS", "LOWERED", "RAISED", "STRUCK_OUT", "lowered", "raised", "rewritten"]

_UP = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_DOWN = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_SIGNS = {"tm": "™", "sm": "℠", "r": "®", "c": "©"}
_AFTER_DIGITS = regex.compile(r"st|nd|rd|th|ers?|r?es?|[eè]mes?|ère|[oa]s?", regex.IGNORECASE)
_AFTER_LETTERS = regex.compile(r"mes?|lles?|gr|os?|te")

RAISED = r"(?i:<sup(?:\s[^<>]*)?>)(?P<raised>[^<>]{1,40})(?i:</sup\s*>)|(?<=[^\W_])\^(?P<raised>[^\s^]{1,20})\^"
LOWERED = r"(?i:<sub(?:\s[^<>]*)?>)(?P<lowered>[^<>]{1,40})(?i:</sub\s*>)|(?<=[^\W_])~(?P<lowered>[^\s~]{1,20})~(?!~)"
STRUCK_OUT = r"<(?P<struck>(?i:del|strike|s))(?:\s[^<>]*)?>.*?</(?P=struck)\s*>|~~(?=\S)[^~]+~~"
BREAKS = r"</?(?i:br|p|div|td|th|tr|li|dt|dd|h[1-6])(?:\s[^<>]*)?/?>"
"""Patterns of the text that the functions below rewrite, for `regex` with DOTALL."""

_REWRITTEN = regex.compile(f"(?P<code>`+[^`]+`+)|{RAISED}|{LOWERED}|{STRUCK_OUT}|(?P<break>{BREAKS})", regex.DOTALL)


def raised(text: str, before: str = "") -> str:
    """Return a superscript as text, given the character before it: ⁶, ^(x+1); an ordinal or a sign (1st, ™) as it is."""
    text = text.strip()
    if not text or not before.strip():
        return text
    if sign := _SIGNS.get(text.lower()) if before.isalpha() else None:
        return sign
    if (_AFTER_DIGITS if before.isdigit() else _AFTER_LETTERS).fullmatch(text):
        return text
    found = text.translate(_UP)
    return found if not any(map(str.isascii, found)) else _marked("^", text)


def lowered(text: str, before: str = "") -> str:
    """Return a subscript as text, given the character before it: ₂, _max."""
    text = text.strip()
    if not text or not (before.isalnum() or before in (")", "]", "}")):
        return text
    found = text.translate(_DOWN)
    return found if not any(map(str.isascii, found)) else _marked("_", text)


def rewritten(text: str) -> str:
    """Return a line of Markdown with the text of its sub- and superscripts, and without breaks and struck-out words."""
    return _REWRITTEN.sub(_written, text) if regex.search(r"[<^~]", text) else text


def _written(match: regex.Match[str]) -> str:
    before = match.string[match.start() - 1 : match.start()]
    if match["code"]:
        return match[0]
    if match["raised"]:
        return raised(match["raised"], before)
    if match["lowered"]:
        return lowered(match["lowered"], before)
    return " " if match["break"] else ""


def _marked(mark: str, text: str) -> str:
    if not text[0].isalnum() and len(text) == 1:
        return text
    return f"{mark}{text}" if text.isalnum() else f"{mark}({text})"

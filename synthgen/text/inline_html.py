"""Tags inside a line that change a number or a word, and the text that says the same without them.

`10<sup>6</sup>` is 10⁶ and `x<sub>max</sub>` is x_max; struck-out text is left out, a reference number in a link, too, and
what stands in two lines, cells or keys stays two words. `List<T>` has no tag: what follows a word without a space is one
only if it has the name of an element.
"""

from __future__ import annotations

import regex

__all__ = ["BREAKS", "LOWERED", "RAISED", "REFERENCE", "STRUCK_OUT", "TAG", "fraction", "lowered", "raised", "rewritten"]

_UP = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_DOWN = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_SIGNS = {"tm": "™", "sm": "℠", "r": "®", "c": "©"}
_AFTER_DIGITS = regex.compile(r"st|nd|rd|th|ers?|r?es?|[eè]mes?|ère|[oa]s?", regex.IGNORECASE)
_AFTER_LETTERS = regex.compile(r"mes?|lles?|gr|os?|te")
_AFTER_ROMAN_DIGITS = regex.compile(r"ers?|r?es?|[eè]mes?|ère")
_AFTER_POINT = regex.compile(r"[oa]s?|er|e")
_IN_BRACKETS = regex.compile(r"\[[^\[\]]*\]")

_STYLED = r"(?:[^<>]|</?(?i:b|i|em|strong|span|var|small|mark|font)(?:\s[^<>]*)?>)"  # text in other tags that only style it
_SUP, _SUB = r"<(?i:sup)(?:\s[^<>]*)?>", r"<(?i:sub)(?:\s[^<>]*)?>"

RAISED = (
    rf"{_SUP}\s*(?P<over>\d{{1,4}})\s*</(?i:sup)\s*>\s?(?:[/⁄]|&frasl;)\s?{_SUB}\s*(?P<under>\d{{1,4}})\s*</(?i:sub)\s*>"
    rf"|{_SUP}(?P<raised>{_STYLED}{{1,80}}?)</(?i:sup)\s*>|(?<=[^\W_])\^(?P<raised>[^\s^]{{1,20}})\^"
)
LOWERED = rf"{_SUB}(?P<lowered>{_STYLED}{{1,80}}?)</(?i:sub)\s*>|(?<=[^\W_])~(?P<lowered>[^\s~]{{1,20}})~(?!~)"
REFERENCE = (
    r"<(?i:sup)(?:\s[^<>]*)?>\s*+\[?\s*+(?:<a\s[^<>]*>[\[\]\d\s,–-]++</a>[\s,–-]*+)++\]?\s*+</(?i:sup)\s*>"
    r"|<a\s[^<>]*>\s*<(?i:sup)(?:\s[^<>]*)?>[\[\]\d\s,–-]+</(?i:sup)\s*>\s*</a>"
)
STRUCK_OUT = r"<(?P<struck>(?i:del|strike|s))(?:\s[^<>]*)?>.{0,2000}?</(?P=struck)\s*>|(?<!\\)~~(?=\S)[^~]+~~"
BREAKS = r"</?(?i:br|p|div|td|th|tr|li|dt|dd|h[1-6])(?:\s[^<>]*)?/?>|</(?i:kbd)\s*>(?=<(?i:kbd)[\s>])"
TAG = (
    r"(?<![\w\\])</?[a-zA-Z][^<>]*>|(?<=\w)</[a-zA-Z][^<>]*>|(?<=\w)<(?:a|abbr|b|bdi|bdo|big|center|cite|code|del|dfn|em|font|i|img"
    r"|input|ins|kbd|label|mark|nobr|q|r[bpt]|ruby|s|samp|small|span|strike|strong|su[bp]|svg|time|tt|u|var|wbr)(?=[\s/>])[^<>]*>"
)
"""Patterns of tags and of the text that the functions below rewrite, for `regex` with DOTALL."""

_REWRITTEN = regex.compile(
    rf"(?P<code>(?<!(?<!\\)`)`++[^`]++`++|\\[<~`^])|{REFERENCE}|{RAISED}|{LOWERED}|{STRUCK_OUT}|(?P<break>{BREAKS})|(?P<tag>{TAG})|(?<=\w)(?P<sign><)(?=[a-zA-Z])",
    regex.DOTALL,
)
_STYLE = regex.compile(r"<[^<>]*>")


def raised(text: str, before: str = "") -> str:
    """Return a superscript as text, given the character before it: ⁶, ^(x+1).

    An ordinal, a sign or a reference (1st, ™, [4]) stays as it is.
    """
    text = _unstyled(text)
    found = text.translate(_UP)
    if not text or _IN_BRACKETS.fullmatch(text):
        return text
    if not before.strip():
        return found if text.isascii() and text.isdigit() else text
    if sign := _SIGNS.get(text.lower()) if before.isalpha() else None:
        return sign
    if (_AFTER_DIGITS if before.isdigit() else _AFTER_POINT if before == "." else _AFTER_LETTERS).fullmatch(text):
        return text
    if before in "IVXLC" and _AFTER_ROMAN_DIGITS.fullmatch(text):
        return text
    return found if not any(map(str.isascii, found)) else _marked("^", text)


def lowered(text: str, before: str = "") -> str:
    """Return a subscript as text, given the character before it: ₂, _max."""
    text = _unstyled(text)
    if not text or not (before.isalnum() or before in ")]}∑∏∫"):
        return text
    found = text.translate(_DOWN)
    return found if not any(map(str.isascii, found)) else _marked("_", text)


def fraction(over: str, under: str, before: str = "") -> str:
    """Return a fraction as text, given the character before it: 1/2, or 1 1/2 after a number."""
    return f"{' ' if before.isalnum() else ''}{over}/{under}"


def rewritten(text: str) -> str:
    """Return a line of Markdown with the text of its sub- and superscripts, and without breaks and struck-out words."""
    return _REWRITTEN.sub(_written, text) if regex.search(r"[<^~]", text) else text


def _written(match: regex.Match[str]) -> str:
    before = match.string[match.start() - 1 : match.start()]
    if match["code"] or match["tag"]:
        return match[0]
    if match["sign"]:
        return "\\<"
    if match["over"]:
        return fraction(match["over"], match["under"], before)
    if match["raised"]:
        return raised(match["raised"], before)
    if match["lowered"]:
        return lowered(match["lowered"], before)
    return " " if match["break"] else ""


def _unstyled(text: str) -> str:
    return _STYLE.sub("", text).strip().strip("*").strip()


def _marked(mark: str, text: str) -> str:
    if not text[0].isalnum() and len(text) == 1:
        return text
    return f"{mark}{text}" if text.isalnum() else f"{mark}({text})"

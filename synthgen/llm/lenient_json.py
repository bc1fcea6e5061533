"""Finds JSON in a model's text, reads it exactly where possible, and repairs it where necessary.

The JSON may be surrounded by reasoning tags, preambles and fences. There may be several values side by side, and the
text may end inside one. `read_json` guesses nothing: it decodes complete values, and of a value that is still open at
the end it keeps what precedes its last complete object. `mend_json` guesses, with json_repair, for callers with no
other option.

Not covered: other notations (YAML, XML, a Markdown table).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import regex

__all__ = ["JsonReading", "decoded", "mend_json", "read_json"]

_MAX_STARTS = 50  # brackets without a value, before a text is given up
_MAX_MENDED_BRACKETS = 1_000  # json_repair takes minutes over the thousands that a model caught in a loop writes
_UNREADABLE = (ValueError, RecursionError)  # the second for thousands of opening brackets, which models do write
_CLOSING = {"{": "}", "[": "]"}

_ANY_CASE = regex.DOTALL | regex.IGNORECASE
_NAME = r"(?:think|thinking|thought|thoughts|reasoning)"
_THOUGHT = regex.compile(rf"<({_NAME})\b[^<>]*>.*?</\1>|\[THINK\].*?\[/THINK\]", _ANY_CASE)
_THOUGHT_END = regex.compile(rf"\A.*(?:</{_NAME}>|\[/THINK\]|final<\|message\|>)", _ANY_CASE)  # opened by a chat template
_THOUGHT_OPEN = regex.compile(rf"(?:<{_NAME}\b[^<>]*>|\[THINK\]).*\Z", _ANY_CASE)
_BEGINS_AT_ONCE = regex.compile(r"\s*(?:\{|\[(?!THINK\])|```)", _ANY_CASE)  # so a later tag is part of the text of an item
_FENCE = regex.compile(r"```[a-zA-Z]*\s*\n(.*?)(?:\n\s*```|\Z)", regex.DOTALL)
_START = regex.compile(r"[\[{]")
_TOKEN = regex.compile(r'"(?:[^"\\]++|\\.)*+"|["\[\]{}]', regex.DOTALL)
_POSTAMBLE = regex.compile(r'[^\S\n]*(?:\n[^"\[{]*)?')

# Line ends and tabs inside strings are accepted; NaN and Infinity are not.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda name: None)


@dataclass(frozen=True, slots=True)
class JsonReading:
    """The JSON values of a text, in order.

    `whole` is set when every bracket belongs to one of them; `cut` when the text ends inside an object. `read_json`
    leaves the cut object out. `mend_json` has it as the last object of its values.
    """

    values: tuple[Any, ...] = ()
    whole: bool = True
    cut: bool = False


def read_json(text: str) -> JsonReading:
    """Return every JSON object or list of `text` outside of the model's reasoning, exactly as written."""
    try:
        return JsonReading((decoded(text),))
    except ValueError:
        text = _bare(text)
    values: list[Any] = []
    at, failed, cut, may_be_open = 0, 0, False, True
    while failed < _MAX_STARTS and (start := _START.search(text, at)):
        try:
            value, at = _DECODER.raw_decode(text, start.start())
            values.append(value)
            continue
        except _UNREADABLE:
            at = start.end()
        if may_be_open and (opened := _opened(text, start.start())) is not None:
            value, cut = opened
            if value is not None:
                return JsonReading((*values, value), failed == 0, cut)
            may_be_open = False
        failed += 1
    return JsonReading(tuple(values), failed == 0, cut)


def mend_json(text: str) -> JsonReading:
    """Return what json_repair makes of `text`. A last resort, because it guesses where strings and objects end."""
    import json_repair

    text = _bare(text)
    starts = [start.start() for start in _START.finditer(text)]
    if not 0 < len(starts) <= _MAX_MENDED_BRACKETS:
        return JsonReading(whole=False)
    try:
        value = json_repair.loads(text[starts[0] :])
    except _UNREADABLE:
        return JsonReading(whole=False)
    end = max(text.rfind(closing) for closing in _CLOSING.values())
    cut = end < 0 or not _POSTAMBLE.fullmatch(text, end + 1)
    return JsonReading((value,), whole=False, cut=cut)


def decoded(text: str) -> Any:
    """Return the one JSON value that `text` consists of. Raises ValueError if it does not consist of one."""
    try:
        return _DECODER.decode(text.strip())
    except RecursionError as error:
        raise ValueError("too many brackets inside one another") from error


def _bare(text: str) -> str:
    """Return `text` without reasoning and without the fence around its JSON."""
    for reasoning in (_THOUGHT, _THOUGHT_END, _THOUGHT_OPEN):
        while not _BEGINS_AT_ONCE.match(text) and (found := reasoning.search(text)):
            text = text[: found.start()] + text[found.end() :]
    fences = [fence for fence in _FENCE.findall(text) if _START.search(fence)]
    return "\n".join(fences) if fences else text


def _opened(text: str, start: int) -> tuple[Any, bool] | None:
    """Read a value that begins at `start` and is open at the end of `text`.

    Returns its complete part (None when nothing is complete), and whether the text ends inside an object. None when
    there is no such value.
    """
    stack: list[str] = []
    whole: tuple[int, list[str]] | None = None
    for token in _TOKEN.finditer(text, start):
        mark = token[0]
        if mark == '"':  # a string that does not end
            break
        if mark in _CLOSING:
            stack.append(_CLOSING[mark])
        elif mark in ("]", "}"):
            if stack.pop() != mark or not stack:
                return None
            if mark == "}":
                whole = token.end(), stack.copy()
    if whole is None:
        return None, True
    end, closing = whole
    try:
        return _DECODER.decode(text[start:end] + "".join(reversed(closing))), len(stack) > len(closing)
    except _UNREADABLE:
        return None

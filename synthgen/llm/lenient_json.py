"""JSON as models write it: found in a text, read exactly where that is possible, and mended where it is not.

Around it stand reasoning tags, preambles and fences; there may be several values side by side; the text may end inside one.
`read_json` guesses nothing: it decodes what is whole, and of a value that is still open at the end it keeps what stands before
its last whole object. `mend_json` guesses, with json_repair, and is for callers who are left with nothing else.

Not covered: other notations (YAML, XML, a Markdown table).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import regex

__all__ = ["JsonReading", "decoded", "mend_json", "read_json"]

_MAX_STARTS = 50  # brackets that open no value, before a text is given up
_MAX_MENDED_BRACKETS = 1_000  # json_repair takes minutes over the thousands that a model caught in a loop writes
_UNREADABLE = (ValueError, RecursionError)  # the second for thousands of opening brackets, which models do write
_CLOSING = {"{": "}", "[": "]"}

_ANY_CASE = regex.DOTALL | regex.IGNORECASE
_NAME = r"(?:think|thinking|thought|thoughts|reasoning)"
_THOUGHT = regex.compile(rf"<({_NAME})\b[^<>]*>.*?</\1>|\[THINK\].*?\[/THINK\]", _ANY_CASE)
_THOUGHT_END = regex.compile(rf"\A.*(?:</{_NAME}>|\[/THINK\]|final<\|message\|>)", _ANY_CASE)  # opened by a chat template
_THOUGHT_OPEN = regex.compile(rf"(?:<{_NAME}\b[^<>]*>|\[THINK\]).*\Z", _ANY_CASE)
_BEGINS_AT_ONCE = regex.compile(r"\s*(?:\{|\[(?!THINK\])|```)", _ANY_CASE)  # so a tag further on stands in the text of an item
_FENCE = regex.compile(r"```[a-zA-Z]*\s*\n(.*?)(?:\n\s*```|\Z)", regex.DOTALL)
_START = regex.compile(r"[\[{]")
_TOKEN = regex.compile(r'"(?:[^"\\]++|\\.)*+"|["\[\]{}]', regex.DOTALL)
_POSTAMBLE = regex.compile(r'[^\S\n]*(?:\n[^"\[{]*)?')

# Line ends and tabs inside strings are let through; NaN and Infinity are no values.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda name: None)


@dataclass(frozen=True, slots=True)
class JsonReading:
    """The JSON values of a text, in their order.

    `whole` when every bracket belongs to one of them; `cut` when the text ends inside an object. What was cut is not among the
    values of `read_json`, and is the last object of those of `mend_json`.
    """

    values: tuple[Any, ...] = ()
    whole: bool = True
    cut: bool = False


def read_json(text: str) -> JsonReading:
    """Every JSON object or list of `text` that does not stand in the model's reasoning, exactly as it was written."""
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
    """What json_repair makes of `text`: the last resort, since it guesses where strings and objects end."""
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
    """The one JSON value that `text` is. Raises ValueError when it is none."""
    try:
        return _DECODER.decode(text.strip())
    except RecursionError as error:
        raise ValueError("too many brackets inside one another") from error


def _bare(text: str) -> str:
    """`text` without reasoning and without the fence around its JSON."""
    for reasoning in (_THOUGHT, _THOUGHT_END, _THOUGHT_OPEN):
        while not _BEGINS_AT_ONCE.match(text) and (found := reasoning.search(text)):
            text = text[: found.start()] + text[found.end() :]
    fences = [fence for fence in _FENCE.findall(text) if _START.search(fence)]
    return "\n".join(fences) if fences else text


def _opened(text: str, start: int) -> tuple[Any, bool] | None:
    """Of a value that begins at `start` and is open to the end of `text`: what is whole of it, and does it end inside an object?

    None when it is not such a value; the first of the two is None when nothing of it is whole.
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

"""Finds JSON in a model's text, reads it exactly where possible, and repairs it where necessary.

The JSON may be surrounded by reasoning tags, preambles and fences. There may be several values side by side, and the
text may end inside one. `read_json` guesses nothing: it decodes complete values, and of a value that is still open at
the end it keeps what precedes its last complete object; a backslash that begins no escape is a backslash. `requoted_json`
escapes quotation marks inside texts. `mend_json` guesses, with json_repair, for callers with no other option, and
`is_misread` finds what it got wrong.

Not covered: other notations (YAML, XML, a Markdown table).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import regex

from synthgen.text.model_marks import THINK

__all__ = ["JsonReading", "decoded", "is_misread", "mend_json", "read_json", "requoted_json"]

_MAX_STARTS = 50  # brackets without a value, before a text is given up
_MAX_REPAIRED_CHARS = 200_000  # a longer answer is one of a model caught in a loop
_MAX_MENDED_BRACKETS = 1_000  # json_repair takes minutes over the thousands that a model caught in a loop writes
_UNREADABLE = (ValueError, RecursionError)  # the second for thousands of opening brackets, which models do write
_CLOSING = {"{": "}", "[": "]"}

_ANY_CASE = regex.DOTALL | regex.IGNORECASE
_THOUGHT_MARK = regex.compile(rf"<({THINK})\b[^<>]*+>|(?<close></({THINK})>)|\[THINK\]|(?<close>\[/THINK\])", _ANY_CASE)
_THOUGHT_END = regex.compile(rf"\A.*(?:</{THINK}>|\[/THINK\]|final<\|message\|>)", _ANY_CASE)  # opened by a chat template
_THOUGHT_OPEN = regex.compile(rf"(?:<{THINK}\b[^<>]*>|\[THINK\]).*\Z", _ANY_CASE)
_BEGINS_AT_ONCE = regex.compile(r"\s*(?:\{|\[(?!THINK\])|```)", _ANY_CASE)  # so a later tag is part of the text of an item
_FENCE = regex.compile(r"```[a-zA-Z]*\s*\n(.*?)(?:\n[^\S\n]*+```|\Z)", regex.DOTALL)
_START = regex.compile(r"[\[{]")
_LIST_START = regex.compile(r'\{\s*"\w+"\s*:\s*\[\s*\{')
_TOKEN = regex.compile(r'"(?:[^"\\]++|\\.)*+"|["\[\]{}]', regex.DOTALL)
_NO_ESCAPE = regex.compile(r'(?<!\\)(?:\\\\)*+\K\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_QUOTE = regex.compile(r'(?<!\\)(?:\\\\)*+\K"')
_BEFORE_TEXT = regex.compile(r"[{\[,:]\s*\Z")
_POSTAMBLE = regex.compile(r'[^\S\n]*(?:\n[^"\[{]*)?')

# Line ends and tabs inside strings are accepted; NaN and Infinity are not.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda name: None)


@dataclass(frozen=True, slots=True)
class JsonReading:
    """The JSON values of a text, in order.

    `whole` is set when every bracket belongs to one of them; `cut` when the text ends inside an object. `read_json`
    leaves the cut object out. `mend_json` has it as the last object of its values. `is_open` is set when the last value
    is what is complete of one that the text ends in.
    """

    values: tuple[Any, ...] = ()
    whole: bool = True
    cut: bool = False
    is_open: bool = False


def read_json(text: str) -> JsonReading:
    """Return every JSON object or list of `text` outside of the model's reasoning, exactly as written."""
    try:
        return JsonReading((decoded(text),))
    except ValueError:
        text = _NO_ESCAPE.sub(r"\\\\", _bare(text))
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
            if (again := _new_list(text, at)) is not None:  # a draft that was given up
                at = again
                continue
            value, cut = opened
            if value is not None:
                return JsonReading((*values, value), failed == 0, cut, is_open=True)
            may_be_open = False
        failed += 1
    return JsonReading(tuple(values), failed == 0, cut)


def requoted_json(text: str, names: Collection[str]) -> JsonReading:
    """Return the values of `text` with its quotation marks escaped where neither a text begins nor ends.

    A mark begins a text after a bracket, a comma or a colon, and ends one before a bracket, a colon or one of the
    `names`.
    """
    if len(text) > _MAX_REPAIRED_CHARS:
        return JsonReading(whole=False)
    after = _after_value(tuple(names))
    text = _NO_ESCAPE.sub(r"\\\\", _bare(text))
    parts, at, inside = [], 0, False
    for mark in _QUOTE.finditer(text):
        here = mark.start()
        ends = inside and after.match(text, here + 1)
        begins = not inside and _BEFORE_TEXT.search(text, max(0, here - 40), here)
        parts += [text[at:here], '"' if ends or begins or not inside else '\\"']
        inside = bool(begins) or (inside and not ends)
        at = here + 1
    return read_json("".join([*parts, text[at:]]))


def is_misread(value: str, text: str, names: Collection[str]) -> bool:
    """Whether a repaired value is not what the text has.

    It is only the beginning when none of `names`, no bracket and no end follows it, and too much when it has the marks
    of its own end.
    """
    if _OWN_END.search(value):
        return True
    after = _after_value(tuple(names))
    plain, wanted = (" ".join(_unescaped(one).split()) for one in (text, value))
    if not wanted:
        return False
    at = plain.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if after.match(plain, end) or after.match(plain, end + 1):  # with and without its own mark
            return False
        at = plain.find(wanted, at + 1)
    return True


_OWN_END = regex.compile(r"""['"]\s*[}\]]+\s*\Z""")
_ESCAPE = regex.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_ESCAPED = {"b": " ", "f": " ", "n": "\n", "r": "\n", "t": "\t"}


@lru_cache(maxsize=32)
def _after_value(names: tuple[str, ...]) -> regex.Pattern[str]:
    name = "|".join(map(regex.escape, sorted({*names, "items"}, key=len, reverse=True)))
    return regex.compile(
        rf"""\s*+(?://[^"}}\]]*)?(?: : | ,?\s*+[}}\]](?:\s*+(?:[,}}\]`]|\Z)|[^"'\w]*\n) | ,\s*+["'“]?(?:{name})["'”]?\s*+: | ,\s*+[{{\[] | ,?\s*+\Z )""",
        regex.VERBOSE | regex.IGNORECASE,
    )


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2]), text)


def mend_json(text: str) -> JsonReading:
    """Return what json_repair makes of `text`. A last resort, because it guesses where strings and objects end."""
    import json_repair

    if len(text) > _MAX_REPAIRED_CHARS:
        return JsonReading(whole=False)
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
    """Return `text` without reasoning and without the fences around its JSON."""
    ends = _THOUGHT_END.match(text)
    if ends and not _BEGINS_AT_ONCE.match(text) and _new_list(text, ends.end()) is not None:
        text = text[ends.end() :]  # whatever marks the drafts have in their texts
    text = _without_thoughts(text)
    for reasoning in (_THOUGHT_END, _THOUGHT_OPEN):
        while not _BEGINS_AT_ONCE.match(text) and (found := reasoning.search(text)):
            text = text[: found.start()] + text[found.end() :]
    fences = [fence for fence in _FENCE.finditer(text) if _START.search(fence[1])]
    if not fences:
        return text
    rest = text[fences[-1].end() :]  # an answer after the fences makes drafts of them
    return "\n".join([*(fence[1] for fence in fences), *([rest] if _LIST_START.search(rest) else [])])


def _without_thoughts(text: str) -> str:
    """Return `text` without the thoughts that have both of their tags, unless it begins with its JSON.

    Every tag is looked at once: models caught in a loop write thousands of them.
    """
    if _BEGINS_AT_ONCE.match(text):
        return text
    marks = list(_THOUGHT_MARK.finditer(text))
    closes: dict[str, list[int]] = {}  # name -> where it closes, the last one first
    for mark in reversed(marks):
        if mark["close"]:
            closes.setdefault((mark[3] or "").casefold(), []).append(mark.end())
    parts, at, nothing_before = list[str](), 0, True
    for mark in marks:
        if mark["close"] or mark.start() < at:
            continue
        ends = closes.get((mark[1] or "").casefold(), [])
        while ends and ends[-1] <= mark.end():
            ends.pop()
        if ends:
            parts.append(text[at : mark.start()])
            at = ends[-1]
            nothing_before = nothing_before and not parts[-1].strip()
            if nothing_before and _BEGINS_AT_ONCE.match(text, at):
                break
    return "".join([*parts, text[at:]])


def _new_list(text: str, at: int) -> int | None:
    """Return where a complete object with a list of objects begins at or after `at`; None when there is none."""
    for start in islice(_LIST_START.finditer(text, at), _MAX_STARTS):
        try:
            _DECODER.raw_decode(text, start.start())
        except _UNREADABLE:
            continue
        return start.start()
    return None


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

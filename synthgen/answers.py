"""What a model is asked to write back, and how what it wrote is read.

An answer is one JSON object `{"items": [{field: text, …}, …]}`. On the wire the schema is strict and has no bounds
(other servers than OpenAI's refuse them); bounds, types and emptiness are checked here. Reading is tolerant of what models
do around JSON (reasoning tags, fences, preambles, a list for the object) and strict about the items themselves.

Finish reason and refusal come first: cut or filtered text is never repaired. `json_repair` is the last resort, and what it
mended says so. Not covered: asking again with the error, and saving the whole items of a cut list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import regex
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model

from synthgen.records import Completion
from synthgen.text import normalise

__all__ = ["Answer", "ended_badly", "read_answer", "strict_schema"]

_MAX_CHARS = {"query": 1_000}
_MAX_CHARS_OTHER = 20_000
_MAX_STARTS = 50

_UNREADABLE = (ValueError, RecursionError)  # the second for thousands of opening brackets, which models do write

_CUT = {"length", "max_tokens", "model_length"}
_THOUGHT = regex.compile(r"<(think|thinking|reasoning)>.*?</\1>", regex.DOTALL)
_THOUGHT_END = regex.compile(r"\A.*</(?:think|thinking|reasoning)>", regex.DOTALL)  # a chat template may have opened it
_THOUGHT_OPEN = regex.compile(r"<(?:think|thinking|reasoning)>.*\Z", regex.DOTALL)
_FENCE = regex.compile(r"```[a-zA-Z]*\s*\n(.*?)(?:\n\s*```|\Z)", regex.DOTALL)
_START = regex.compile(r"[\[{]")

Item = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The usable items of one completion, or the `reason` why there are none.

    `problems` are (reason, detail) pairs for items of an otherwise good answer that were left out; `repaired` when the JSON
    had to be mended.
    """

    items: tuple[Item, ...] = ()
    reason: str = ""
    detail: str = ""
    repaired: bool = False
    problems: tuple[tuple[str, str], ...] = ()


def strict_schema(fields: Mapping[str, str]) -> dict[str, Any]:
    """The JSON schema of an answer whose items have `fields` (name -> meaning), in the strict subset.

    The root is an object, every object closes itself with `additionalProperties`, every property is required, and there are
    no bounds (OpenAI, Structured Outputs, supported schemas). Items come back in the order of `fields`.
    """
    return _closed({"items": {"type": "array", "items": _closed({n: _string(m) for n, m in fields.items()})}})


def ended_badly(completion: Completion) -> str:
    """Why the model itself did not finish: refusal, content_filter or truncated; "" when it did."""
    ending = completion.finish_reason.casefold()
    if completion.refusal:
        return "refusal"
    if ending == "content_filter":
        return "content_filter"
    return "truncated" if ending in _CUT else ""


def read_answer(completion: Completion, fields: Mapping[str, str], wanted: int) -> Answer:
    """The items of a completion, at most `wanted` of them.

    Fewer are fine: a short passage may not carry more. Items beyond `wanted` are left out and listed as problems, so that
    the number of rows per chunk stays what was asked for; their text stays in the call store.
    """
    if reason := ended_badly(completion):
        return Answer(reason=reason, detail=completion.refusal or f"finish_reason is {completion.finish_reason!r}")
    found, repaired, cut = _read_json(completion.text)
    if found is None:
        return Answer(reason="malformed", detail=f"no JSON in {completion.text[:80]!r}")
    items: list[Item] = []
    problems: list[tuple[str, str]] = []
    for number, raw in enumerate(found, 1):
        item = _validated(raw, fields) if not (cut and number == len(found)) else "the text ends inside it"
        if isinstance(item, str):
            problems.append(("invalid_item", f"item {number}: {item}"))
        elif len(items) < wanted:
            items.append(item)
        else:
            problems.append(("surplus_item", f"item {number}: {wanted} were asked for"))
    if items:
        return Answer(tuple(items), repaired=repaired, problems=tuple(problems))
    reason, detail = ("malformed", problems[0][1]) if problems else ("no_items", "the model wrote an empty list")
    return Answer(reason=reason, detail=detail, repaired=repaired)


def _read_json(text: str) -> tuple[list[Any] | None, bool, bool]:
    """Items as they stand in `text` (None: no JSON), whether they were repaired, whether the last one may be cut."""
    try:
        return _items([json.loads(text)]), False, False
    except _UNREADABLE:
        pass
    text = _bare(text)
    values, whole = _decoded(text)
    found = _items(values)
    if whole and found is not None:
        return found, False, False
    mended = _mended(text)
    if mended is not None and len(mended) > len(found or ()):
        return mended, True, not text.rstrip().endswith(("}", "]"))
    return found, False, False


def _bare(text: str) -> str:
    """`text` without reasoning and without the fence around its JSON."""
    text = _THOUGHT.sub("", text)
    text = _THOUGHT_OPEN.sub("", _THOUGHT_END.sub("", text))
    fences = [fence for fence in _FENCE.findall(text) if _START.search(fence)]
    return "\n".join(fences) if fences else text


def _decoded(text: str) -> tuple[list[Any], bool]:
    """Every JSON object or list that stands in `text`, and whether no bracket failed to open one."""
    decoder = json.JSONDecoder()
    values, whole, at, failed = [], True, 0, 0
    while failed < _MAX_STARTS and (start := _START.search(text, at)):
        try:
            value, at = decoder.raw_decode(text, start.start())
            values.append(value)
        except _UNREADABLE:
            whole, at, failed = False, start.start() + 1, failed + 1
    return values, whole


def _mended(text: str) -> list[Any] | None:
    import json_repair

    start = _START.search(text)
    if start is None:
        return None
    try:
        return _items([json_repair.loads(text[start.start() :])])
    except _UNREADABLE:
        return None


def _items(values: list[Any]) -> list[Any] | None:
    """The items that decoded values stand for: an object with a list, a list, a single item, or items side by side."""
    found = [item for value in values for item in _of_value(value)]
    return found if found or any(value in ([], {"items": []}) for value in values) else None


def _of_value(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
    elif isinstance(value, dict):
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        if isinstance(value.get("items"), list):
            yield from value["items"]
        elif len(lists) == 1 and all(isinstance(item, dict) for item in lists[0]):
            yield from lists[0]
        elif value and "items" not in value:
            yield value


def _validated(raw: Any, fields: Mapping[str, str]) -> Item | str:
    """The item with its text in normal form and its query on one line, or what is wrong with it."""
    if isinstance(raw, dict):  # before the check, which takes lone surrogates for no text at all
        raw = {name: normalise(value) if isinstance(value, str) else value for name, value in raw.items()}
    try:
        item = _model(tuple(fields)).model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'item'}: {first['msg']}"
    texts: dict[str, str] = dict(zip(fields, dict(item).values(), strict=True))
    if "query" in texts:
        texts["query"] = " ".join(texts["query"].split())
    return texts


@lru_cache(maxsize=32)
def _model(names: tuple[str, ...]) -> type[BaseModel]:
    # Aliases, because a prompt may call a field `copy` or `json`, which are attributes of every model.
    columns: dict[str, Any] = {
        f"column_{number}": (_text(_MAX_CHARS.get(name, _MAX_CHARS_OTHER)), Field(alias=name))
        for number, name in enumerate(names)
    }
    return create_model("Item", __config__=ConfigDict(coerce_numbers_to_str=True), **columns)


def _text(max_chars: int) -> Any:
    return Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=max_chars)]


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _string(meaning: str) -> dict[str, str]:
    return {"type": "string", "description": meaning}

"""The JSON that a model is asked for, and how its answer is read.

An answer is one JSON object `{"items": [{field: text, …}, …]}`. The schema that is sent is strict and has no bounds,
because many servers refuse them; bounds, types and emptiness are checked here. Reading is tolerant of
what models write around JSON and of its shape (a list or a single item for the object, a dictionary for the list,
numbers for text), and strict about the items themselves.

How the model ended comes first. Nothing of a refused or filtered answer is used; of a truncated one, the complete items
are. Neither is ever repaired. Otherwise repair is the last resort, and it is marked. An answer with some bad items is
used without them: asking again would cost more than they are worth.

Not covered: asking again (`llm.reask`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any

import regex
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model

from synthgen.llm.lenient_json import JsonReading, decoded, is_misread, mend_json, read_json, requoted_json
from synthgen.records import Completion
from synthgen.text.escapes import restored_escapes
from synthgen.text.words import normalise

__all__ = ["Answer", "ended_badly", "read_answer", "strict_schema"]

_MAX_CHARS = {"query": 1_000}
_MAX_CHARS_OTHER = 20_000
_MAX_DETAIL_CHARS = 300
_EXCERPT_CHARS = 60

_CUT = {"length", "max_tokens", "model_length"}
_FILTERED = {"content_filter", "content_filtered", "guardrail_intervened", "prohibited_content", "recitation", "safety"}
_CONTROL = regex.compile(r"[\p{Cc}--[\t\n]]", regex.V1)
_PLACEHOLDER = ". …"  # a value of only these characters was copied from the form that the prompt shows

Item = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The usable items of one completion. `reason` is why the call failed, "" when it did not; `detail` is for the
    model.

    A call that failed as `truncated` may still have items; calls that failed otherwise have none. `truncated` marks
    items of a list that ends too soon, `repaired` those of JSON that could only be read by guessing. `problems` are
    (reason, detail) pairs for items that were left out.
    """

    items: tuple[Item, ...] = ()
    reason: str = ""
    detail: str = ""
    repaired: bool = False
    truncated: bool = False
    problems: tuple[tuple[str, str], ...] = ()


def strict_schema(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON schema, in the strict subset, of an answer whose items have `fields` (name -> meaning or "").

    The root is an object, every object closes itself with `additionalProperties`, every property is required, and there
    are no bounds, which is what APIs with structured outputs accept in common. Items have the order of `fields`.
    """
    return _closed({"items": {"type": "array", "items": _closed({n: _string(m) for n, m in fields.items()})}})


def ended_badly(completion: Completion) -> str:
    """Return why the model did not finish: refusal, content_filter or truncated; "" when it did."""
    ending = completion.finish_reason.casefold()
    if completion.refusal or ending == "refusal":
        return "refusal"
    if ending in _FILTERED:
        return "content_filter"
    return "truncated" if ending in _CUT else ""


def read_answer(completion: Completion, fields: Mapping[str, str], wanted: int, passage: str = "") -> Answer:
    """Return the items of a completion, at most `wanted` of them.

    Fewer are accepted: a short passage may not support more. Items beyond `wanted` are left out and listed as problems,
    so that the number of rows per chunk stays as requested; their text stays in the call store. An answer that was cut
    after all wanted items, or after the end of its list, is not truncated. The `passage` shows which control characters were backslashes.
    """
    ending = ended_badly(completion)
    if ending in ("refusal", "content_filter"):
        return Answer(reason=ending, detail=_short(completion.refusal or f"finish_reason is {completion.finish_reason!r}"))
    found = _found(completion.text, fields, may_mend=not ending)
    items: list[Item] = []
    problems: list[tuple[str, str]] = []
    for number, raw in enumerate(found.items):
        item = _validated(raw, fields, f"items.{number}", passage)
        if isinstance(item, str):
            problems.append(("invalid_item", item))
        elif len(items) < wanted:
            items.append(item)
        else:
            problems.append(("surplus_item", f"items.{number}: {wanted} were asked for"))
    if found.misread:
        problems.append(("invalid_item", f"{found.misread} more: their JSON is broken, and a repair would change a text"))
    if found.cut:
        problems.append(("cut_item", f"items.{len(found.items)}: the text ends inside it"))
    truncated = (found.cut or (bool(ending) and not found.complete)) and len(items) < wanted
    if ending and truncated:
        detail = f"finish_reason is {completion.finish_reason!r}; whole items before the end: {len(items)}"
        return Answer(tuple(items), ending, detail, truncated=True, problems=tuple(problems))
    if items:
        return Answer(tuple(items), repaired=found.repaired, truncated=truncated, problems=tuple(problems))
    if problems:
        return Answer(reason="malformed", detail=_short("; ".join(detail for _, detail in problems)))
    if found.any:
        return Answer(reason="no_items", detail="the model wrote an empty list")
    return Answer(reason="malformed", detail=_nothing_in(completion.text))


@dataclass(frozen=True, slots=True)
class _Items:
    """Items as the model wrote them.

    `any` is set when there is a list at all, even an empty one; `cut` when another item begins; `complete` when the
    list is closed. `misread` is the number of items that could not be repaired.
    """

    items: Sequence[Any]
    any: bool
    repaired: bool = False
    cut: bool = False
    complete: bool = False
    misread: int = 0


def _found(text: str, fields: Mapping[str, str], *, may_mend: bool) -> _Items:
    reading = read_json(text)
    found = _items(reading, fields)
    if found.complete or not may_mend:
        return found
    requoted = _items(requoted_json(text, fields), fields)
    if requoted.complete and len(requoted.items) >= len(found.items) and all(_has_all(item, fields) for item in requoted.items):
        return replace(requoted, repaired=True)
    if not reading.whole:
        mended = mend_json(text)
        more = _items(mended, fields).items
        if len(more) > len(found.items):
            right = [item for item in (more[:-1] if mended.cut else more) if not _is_misread(item, text, fields)]
            if len(right) >= len(found.items):
                return _Items(right, True, repaired=True, cut=mended.cut, misread=len(more) - mended.cut - len(right))
            return replace(found, misread=len(more) - len(found.items))
    return replace(found, cut=reading.whole and reading.cut)


def _items(reading: JsonReading, fields: Mapping[str, str]) -> _Items:
    """Return the items of the last list, and those that stand side by side after it; what precedes it are drafts."""
    items: list[Any] = []
    any_list = complete = False
    last = len(reading.values) - 1
    for number, value in enumerate(reading.values):
        listed = _listed(value, fields)
        if listed is None:
            continue
        is_list = isinstance(value, list) or not (isinstance(value, dict) and _is_item(value, fields))
        is_open = number == last and reading.is_open
        if is_list and complete and is_open:  # what follows a complete list and is cut off
            break
        items = listed if is_list else [*items, *listed]
        any_list, complete = True, is_list and not is_open
    return _Items(items, any_list, cut=reading.cut and not complete, complete=complete)


def _has_all(item: Any, fields: Mapping[str, str]) -> bool:
    return isinstance(item, dict) and fields.keys() <= set(map(_plain, item))


def _is_misread(item: Any, text: str, fields: Mapping[str, str]) -> bool:
    return isinstance(item, dict) and any(isinstance(value, str) and is_misread(value, text, fields) for value in item.values())


def _listed(value: Any, fields: Mapping[str, str]) -> list[Any] | None:
    """Return the items of one value.

    It may be an object with a list, a list, a single item, a dictionary of items, or JSON in a text.
    """
    wrapped = False
    while isinstance(value, str) or (isinstance(value, dict) and not _is_item(value, fields)):
        if isinstance(value, str):
            try:
                value = decoded(value)
            except ValueError:
                return None
            continue
        if not value:
            return [] if wrapped else None
        inner = list(value.values())
        lists = [one for one in inner if isinstance(one, list) and all(isinstance(item, dict) for item in one)]
        if "items" in value:
            value = value["items"]
        elif len(inner) == 1 or len(lists) == 1:
            value = lists[0] if lists else inner[0]
        elif all(isinstance(one, dict) for one in inner):
            value = inner
        else:
            return [value]
        wrapped = True
    if isinstance(value, dict):
        return [value]
    if value is None:
        return [] if wrapped else None
    if not isinstance(value, list):
        return None
    if wrapped:
        return value
    objects = [one for one in value if isinstance(one, dict)]  # a list of anything else belongs to the preamble, as in "[3]"
    if value and not objects:
        return None
    return [item for one in objects for item in ((_listed(one, fields) or ()) if "items" in one else (one,))]


def _is_item(value: dict[str, Any], fields: Mapping[str, str]) -> bool:
    return any(name in fields and name != "items" for name in map(_plain, value))


def _validated(raw: Any, fields: Mapping[str, str], place: str, passage: str) -> Item | str:
    """Return the item in normal form with its query on one line, or a description of what is wrong with its fields."""
    if not isinstance(raw, dict):
        return f"{place}: must be an object with {', '.join(fields)}"
    try:
        item = _model(tuple(fields)).model_validate({_plain(name): _clean(value, passage) for name, value in raw.items()})
    except ValidationError as error:
        return "; ".join(f"{place}.{'.'.join(map(str, e['loc']))}: {_message(e)}" for e in error.errors())
    texts: dict[str, str] = dict(zip(fields, dict(item).values(), strict=True))
    if "query" in texts:
        texts["query"] = " ".join(texts["query"].split())
    if broken := [name for name, text in texts.items() if _CONTROL.search(text)]:
        return f"{place}: a control character in {', '.join(broken)}"
    return texts


def _plain(name: str) -> str:
    return name.strip().casefold()


def _clean(value: Any, passage: str) -> Any:
    # Before the check, which rejects lone surrogates as text.
    # Before line ends are made one, which a carriage return of TeX is not.
    return (
        ("" if not value.strip(_PLACEHOLDER) else normalise(restored_escapes(value, passage)))
        if isinstance(value, str)
        else value
    )


def _message(error: Any) -> str:
    return "empty" if error["type"] == "string_too_short" else str(error["msg"])


def _nothing_in(text: str) -> str:
    start = " ".join(text.split())
    return f"there is no JSON object with a list of items in {_short(start, _EXCERPT_CHARS)!r}" if start else "it is empty"


def _short(text: str, max_chars: int = _MAX_DETAIL_CHARS) -> str:
    return text if len(text) <= max_chars else f"{text[: max_chars - 1]}…"


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
    return {"type": "string", "description": meaning} if meaning else {"type": "string"}

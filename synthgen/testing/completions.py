"""Write the model's output as a pure function of the request, so two runs get the same data in any order of requests.

The form comes from the schema of `response_format`. Without one, it comes from a line of the instructions that is a
JSON object (an example such as `{"items": [{"query": "…"}]}`). Without either, the output is items of quote, query and
answer if the messages ask for JSON or items, else one sentence of prose. The texts are sentences of the passage between
`<<<passage CODE>>>` and `<<<end CODE>>>`, or of the last user message. A field called query or question becomes a
question. A field whose meaning contains `##begin_quote##` quotes its sentence in that form. A field with the name of a
text below the passage (`Checked answer: "…"`) is that text. "Write N items" sets the number of items.

The output shows no understanding. Sampling settings change nothing but the digest of the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice
from typing import Any
from zlib import crc32

from synthgen.testing.usage import text_of

__all__ = ["Value", "write"]

Body = Mapping[str, Any]
Schema = Mapping[str, Any]
Value = Any

_PASSAGE = re.compile(r"<<<passage (\w+)>>>\n(?:Section: [^\n]*\n\n)?(.*)\n<<<end \1>>>", re.DOTALL)
_SENTENCE = re.compile(r".*?(?:[.!?](?=\s)|[。！？]|\n|\Z)", re.DOTALL)
_MIN_SENTENCE_CHARS = 10
_WORD = re.compile(r"\w+")
_WANTED = re.compile(r"Write (\d+) items?")
_OBJECT_LINE = re.compile(r"^\{.*\}\s*$", re.MULTILINE)
_BESIDE = re.compile(r'^([A-Z][\w ]*): (".*")$', re.MULTILINE)
_QUOTING = re.compile(r"^- (\w+): .*##begin_quote##", re.MULTILINE)
_TEXT: Schema = {"type": "string"}
_DEEPEST = 8  # the depth at which a recursive schema ends
_MOST_WORDS, _LONGEST_WORD = 4, 40


def write(body: Body, *, none: bool = False, surplus: int = 0) -> Value:
    """Return the value to write as JSON, or a sentence when no JSON is requested.

    Lists have the requested number of items, at most one per sentence of the passage. `none` makes them empty.
    `surplus` makes them longer than requested, whatever the passage has.
    """
    parts = _read(body)
    wanted = next((part.wanted for part in parts if part.wanted is not None), 1)
    sentences = _sentences(_passage(body, parts), wanted)
    form = _form(body, parts)
    if form is None:
        return sentences[0]
    if surplus:
        sentences = list(islice(cycle(sentences), wanted + surplus))
    copied = {name: text for part in parts for name, text in part.beside.items()}
    quoting = {name for part in parts for name in part.quoting}
    return _with_given_texts(_value(form, "", sentences[0], [] if none else sentences, form, 0), copied, quoting)


def _form(body: Body, read: Sequence[_Part]) -> Schema | None:
    """Return the schema of the answer, None for prose."""
    response_format = body.get("response_format")
    response_format = response_format if isinstance(response_format, dict) else {}
    wrapper = response_format.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else response_format.get("schema")
    if isinstance(schema, dict):
        return schema
    example = next((part.form for part in read if part.form is not None), None)
    wants_json = response_format or any(part.names_json or part.wanted is not None for part in read)
    return example or (_USUAL if wants_json else None)


@dataclass(frozen=True, slots=True)
class _Part:
    """The content of one message: its passage, the requested number of items, the form it shows, whether it mentions JSON.

    `beside` has the texts below the passage, by field name; `quoting` the fields that must quote.
    """

    passage: str | None
    wanted: int | None
    form: Schema | None
    names_json: bool
    beside: Mapping[str, str]
    quoting: Sequence[str]


def _read(body: Body) -> list[_Part]:
    return [_part(text_of(m.get("content"))) for m in body["messages"] if m.get("role") != "assistant"]


@lru_cache(maxsize=512)
def _part(text: str) -> _Part:
    """Parse a message; text inside a passage is ignored. Cached, because instructions are the same for thousands of requests."""
    found = _PASSAGE.search(text)
    instructions = text[: found.start()] + text[found.end() :] if found else text
    wanted = _WANTED.search(instructions)
    beside = _BESIDE.findall(text[found.end() :]) if found else []
    return _Part(
        found and found[2],
        int(wanted[1]) if wanted else None,
        _shown_form(instructions),
        "json" in instructions.casefold(),
        {name.casefold().replace(" ", "_"): json.loads(shown) for name, shown in beside},
        _QUOTING.findall(instructions),
    )


def _shown_form(instructions: str) -> Schema | None:
    """Return the first line that is a JSON object, as a schema."""
    for line in _OBJECT_LINE.findall(instructions):
        try:
            return _schema_of(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return None


def _schema_of(example: Value) -> Schema:
    match example:
        case dict():
            return {"type": "object", "properties": {name: _schema_of(value) for name, value in example.items()}}
        case list():
            return {"type": "array", "items": _schema_of(example[0]) if example else _TEXT}
        case bool():
            return {"type": "boolean"}
        case int() | float():
            return {"type": "number"}
    return _TEXT


_USUAL: Schema = _schema_of({"items": [{"quote": "…", "query": "…", "answer": "…"}]})


def _passage(body: Body, read: Sequence[_Part]) -> str:
    """Return the passage of the last message that has one, else the last user message. A correction after it adds no text."""
    passage = next((part.passage for part in reversed(read) if part.passage is not None), None)
    if passage is not None:
        return passage
    users = [message for message in body["messages"] if message.get("role") == "user"]
    return text_of((users or body["messages"])[-1].get("content"))


def _sentences(passage: str, most: int) -> list[str]:
    """Return the first sentences of `passage` that are longer than 10 characters; at least one text."""
    texts = (match[0].strip() for match in _SENTENCE.finditer(passage))
    return list(islice((t for t in texts if len(t) > _MIN_SENTENCE_CHARS), max(1, most))) or [passage.strip() or "nothing"]


def _value(schema: Schema, name: str, text: str, texts: Iterable[str], root: Schema, depth: int) -> Value:
    """Return a value of `schema` made of `text`. The outermost lists have an element for each of `texts`, inner ones have one."""
    if schema.get("type") != "string":
        schema = _plain(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][crc32(text.encode("utf-8", "replace")) % len(schema["enum"])]
    if depth > _DEEPEST:
        return None
    match _type(schema):
        case "object":
            fields = schema.get("properties") or dict.fromkeys(schema.get("required", ()), _TEXT)
            return {n: _value(s, n, text, texts, root, depth + 1) for n, s in fields.items()}
        case "array":
            item = schema.get("items") or _TEXT
            return [_value(item, name, each, (each,), root, depth + 1) for each in texts]
        case "integer" | "number":
            drawn = 1 + crc32(text.encode("utf-8", "replace")) % 5
            return min(max(drawn, schema.get("minimum", drawn)), schema.get("maximum", drawn))
        case "boolean":
            return True
        case "null":
            return None
    return _query(text) if name in ("query", "question") else text


def _with_given_texts(value: Value, copied: Mapping[str, str], quoting: Container[str]) -> Value:
    """Return `value` with the texts of fields whose content the request prescribes."""
    match value:
        case list():
            return [_with_given_texts(inner, copied, quoting) for inner in value]
        case dict():
            value = {
                name: copied[name] if name in copied else _with_given_texts(inner, copied, quoting)
                for name, inner in value.items()
            }
            return {name: f"##begin_quote##{text}##end_quote##" if name in quoting else text for name, text in value.items()}
    return value


def _plain(schema: Schema, root: Schema) -> Schema:
    """Return `schema` with its reference resolved and its first option other than null chosen."""
    for _ in range(_DEEPEST):
        if isinstance(reference := schema.get("$ref"), str):
            found: Any = root
            for step in reference.removeprefix("#").strip("/").split("/"):
                found = found.get(step, _TEXT) if step else found
            schema = found
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            schema = next((option for option in options if option.get("type") != "null"), options[0])
        else:
            break
    return schema


def _type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema or "required" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _query(sentence: str) -> str:
    """Return a question with the longest words of a sentence, by length."""
    words = sorted(sorted(set(_WORD.findall(sentence))), key=len, reverse=True)[:_MOST_WORDS]
    return f"What about {' '.join(word[:_LONGEST_WORD] for word in words)}?"

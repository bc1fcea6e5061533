"""A schema is checked as a whole or rejected, and a value fits it or not."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
from pydantic import ValidationError

from synthgen.config.answer_styles import AnswerForm
from synthgen.config.json_schema import check_schema, matches_schema, read_strict

PERSON = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A person",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 6, "pattern": "^[^ ]+$"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "kin": {"type": "array", "items": {"enum": ["hobbit", "elf", 1]}, "minItems": 1, "maxItems": 2},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "born": {"type": "string", "format": "date"},
        "seen": {"type": "string", "format": "date-time"},
        "friends": {"type": "array", "items": {"$ref": "#"}},
        "ring": {"$ref": "#/$defs/ring"},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"ring": {"oneOf": [{"const": "one"}, {"type": "object", "required": ["stone"]}]}},
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Bilbo"},
        {"name": "彼尔博", "age": 111},
        {"name": "Bilbo", "age": 111.0, "kin": ["hobbit"], "note": None},
        {"name": "Bilbo", "kin": ["elf", 1.0], "note": "x"},
        {"name": "Bilbo", "born": "1937-09-21", "seen": "1937-09-21T10:00:00Z"},
        {"name": "Bilbo", "friends": [{"name": "Sam", "friends": [{"name": "Rosie"}]}]},
        {"name": "Bilbo", "ring": "one"},
        {"name": "Bilbo", "ring": {"stone": None}},
    ],
)
def test_a_value_that_fits(value: Any) -> None:
    check_schema(PERSON)
    assert matches_schema(value, PERSON)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"name": "B"},
        {"name": "Meriadoc"},
        {"name": "Bi bo"},
        {"name": "Bilbo", "age": -1},
        {"name": "Bilbo", "age": 150},
        {"name": "Bilbo", "age": 1.5},
        {"name": "Bilbo", "age": True},
        {"name": "Bilbo", "kin": []},
        {"name": "Bilbo", "kin": ["elf", True]},
        {"name": "Bilbo", "note": 3},
        {"name": "Bilbo", "sting": 1},
        {"name": "Bilbo", "born": "yesterday"},
        {"name": "Bilbo", "seen": "1937-09-21"},
        {"name": "Bilbo", "friends": [{"name": "Sam", "friends": [{"name": 3}]}]},
        {"name": "Bilbo", "ring": {"gem": 1}},
    ],
)
def test_a_value_that_does_not_fit(value: Any) -> None:
    assert not matches_schema(value, PERSON)


@pytest.mark.parametrize(
    ("schema", "fitting", "other"),
    [
        ({"type": ["string", "null"]}, None, 3),
        ({"const": 1}, 1.0, True),
        ({"const": {"b": [2], "a": 1}}, {"a": 1, "b": [2]}, {"a": 1}),
        ({"additionalProperties": {"type": "integer"}}, {"x": 1}, {"x": "1"}),
        ({"not": {"type": "string"}}, 1, "1"),
        ({"patternProperties": {"^x": {"type": "integer"}}}, {"x1": 1, "y": "a"}, {"x1": "a"}),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], ["a", 1]),
        ({"$id": "urn:x", "$defs": {"a": {"$anchor": "here", "type": "null"}}, "items": {"$ref": "#here"}}, [None], [1]),
        (True, 1, ...),
        (False, ..., 1),
    ],
)
def test_keywords(schema: Any, fitting: Any, other: Any) -> None:
    check_schema(schema)
    assert fitting is ... or matches_schema(fitting, schema)
    assert other is ... or not matches_schema(other, schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "text"}, r"schema\.type cannot be used: 'text' is not one of \['array'"),
        ({"type": []}, r"schema\.type cannot be used"),
        ({"required": "a"}, r"schema\.required cannot be used: 'a' is not of type 'array'"),
        ({"minimum": "1"}, r"schema\.minimum cannot be used: '1' is not of type 'number'"),
        ({"anyOf": [{"type": "x"}]}, r"schema\.anyOf\[0\]\.type"),
        ({"items": 3}, r"schema\.items cannot be used: 3 is not of type 'object', 'boolean'"),
        ([], r"schema cannot be used: \[\] is not of type 'object', 'boolean'"),
        ({"properties": {"a": {"pattern": "("}}}, r"schema\.properties\.a\.pattern cannot be used: '\(' is not a 'regex'"),
        ({"items": {"typ": "string"}}, "the keyword 'typ', which JSON Schema does not know.*'type'"),
        (
            {"items": {"format": "hobbit-hole"}},
            "the format 'hobbit-hole', which is not checked here; checked are date, date-time",
        ),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "is read as JSON Schema 2020-12"),
        ({"$ref": "#/$defs/none"}, "refers to '#/[$]defs/none', which does not stand in it"),
        ({"items": {"$ref": "https://example.org/ring.json"}}, "refers to 'https://example.org/ring.json'.*nothing is fetched"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "without end"),
    ],
)
def test_a_schema_that_cannot_be_used_is_rejected(schema: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)  # nothing is fetched
    with pytest.raises(ValueError, match=message):
        check_schema(schema)


def test_a_schema_nested_without_measure_is_rejected() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5_000):
        schema = {"items": schema}
    with pytest.raises(ValueError, match="nested too deeply"):
        check_schema(schema)


def test_a_value_nested_without_measure_does_not_fit() -> None:
    schema = {"items": {"$ref": "#"}}
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    check_schema(schema)
    assert not matches_schema(value, schema)


def test_a_pattern_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.config.json_schema._PATTERN_S", 0.1)
    schema = {"pattern": "^(a|a)*$"}
    check_schema(schema)
    began = time.monotonic()
    assert not matches_schema("a" * 40 + "b", schema)
    assert time.monotonic() - began < 5


def test_a_form_says_what_is_wrong_with_its_schema() -> None:
    assert AnswerForm.model_validate({"name": "json", "json_schema": PERSON}).json_schema == PERSON
    with pytest.raises(ValidationError, match=r"json_schema\.type cannot be used"):
        AnswerForm.model_validate({"name": "json", "json_schema": {"type": "text"}})


@pytest.mark.parametrize("text", ["", "{", "```json\n{}\n```", "{} {}", '{"a": NaN}', "[Infinity]", "{'a': 1}", "[" * 100_000])
def test_text_that_is_not_json_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError):
        read_strict(text)


def test_json_of_every_script() -> None:
    value = {"答": "桥有九个拱\u2028。", "جواب": ["تسعة", None, 1.5]}
    assert read_strict(json.dumps(value, ensure_ascii=False)) == value

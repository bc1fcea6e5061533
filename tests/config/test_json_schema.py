"""A schema is read whole or refused, and a value fits it or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synthgen.config.json_schema import check_schema, misfit, read_strict

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 6},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "kin": {"type": "array", "items": {"enum": ["hobbit", "elf", 1]}, "minItems": 1, "maxItems": 2},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Bilbo"},
        {"name": "彼尔博", "age": 111},
        {"name": "Bilbo", "age": 111.0, "kin": ["hobbit"], "note": None},
        {"name": "Bilbo", "kin": ["elf", 1.0], "note": "x"},
    ],
)
def test_a_value_that_fits(value: Any) -> None:
    check_schema(PERSON)
    assert misfit(value, PERSON) == ""


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([], "$ must be object"),
        ({}, "$.name is missing"),
        ({"name": "B"}, "$.name breaks minLength 2"),
        ({"name": "Meriadoc"}, "$.name breaks maxLength 6"),
        ({"name": "Bilbo", "age": -1}, "$.age breaks minimum 0"),
        ({"name": "Bilbo", "age": 150}, "$.age breaks exclusiveMaximum 150"),
        ({"name": "Bilbo", "age": 1.5}, "$.age must be integer"),
        ({"name": "Bilbo", "age": True}, "$.age must be integer"),
        ({"name": "Bilbo", "age": float("inf")}, "$.age must be integer"),
        ({"name": "Bilbo", "kin": []}, "$.kin breaks minItems 1"),
        ({"name": "Bilbo", "kin": ["elf", True]}, "$.kin[1] must be one of"),
        ({"name": "Bilbo", "note": 3}, "$.note fits none"),
        ({"name": "Bilbo", "ring": 1}, "$.ring is not allowed"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(value: Any, where: str) -> None:
    assert misfit(value, PERSON).startswith(where)


def test_several_types_and_a_constant() -> None:
    assert not misfit(None, {"type": ["string", "null"]})
    assert misfit(3, {"type": ["string", "null"]}) == "$ must be string or null"
    assert misfit(True, {"const": 1}) == "$ must be 1"
    assert not misfit({"a": 1, "b": [2]}, {"const": {"b": [2], "a": 1}})
    assert misfit({"x": "1"}, {"additionalProperties": {"type": "integer"}}) == "$.x must be integer"


@pytest.mark.parametrize("keyword", ["$ref", "pattern", "format", "oneOf", "not", "patternProperties", "if", "typ"])
def test_a_keyword_that_is_not_checked_is_refused_wherever_it_stands(keyword: str) -> None:
    inner = {"type": "array", "items": {keyword: "x"}}
    with pytest.raises(ValueError, match=r"schema\.properties\.a\.items has .*which is not checked here"):
        check_schema({"properties": {"a": inner}})


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "text"}, "schema.type must be one or several of object"),
        ({"type": []}, "schema.type must be"),
        ({"enum": []}, "schema.enum must be a list that is not empty"),
        ({"required": "a"}, "schema.required must be a list of names"),
        ({"minimum": "1"}, "schema.minimum must be a number"),
        ({"anyOf": [{"type": "x"}]}, r"schema.anyOf\[0\].type"),
        ({"items": 3}, "schema.items must be a mapping"),
    ],
)
def test_what_is_no_schema_is_refused(schema: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_schema(schema)


@pytest.mark.parametrize("text", ["", "{", "```json\n{}\n```", "{} {}", '{"a": NaN}', "[Infinity]", "{'a': 1}", "[" * 100_000])
def test_text_that_is_not_json_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError):
        read_strict(text)


def test_json_of_every_script() -> None:
    value = {"答": "桥有九个拱\u2028。", "جواب": ["تسعة", None, 1.5]}
    assert read_strict(json.dumps(value, ensure_ascii=False)) == value

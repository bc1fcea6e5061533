"""Ways to write an answer: the styles, lengths and output forms that `answers` in a configuration names, each for a share of the rows.

In YAML they are a list of names, a mapping of names to what is said to the model, or either with mappings of all their settings:

    styles:  {expert: "Write for a specialist, with the exact terms.", plain: {instruction: "Use everyday words.", share: 0.3}}
    lengths: [three sentences, 20-40 words, {name: kurz, instruction: "Antworte in 2 bis 3 Sätzen.", unit: sentences, least: 2, most: 3}]
    forms:   [text, {name: json, json_schema: {type: object, properties: {answer: {type: string}}, required: [answer]}}]

Shares come to at most 1. Ways without one get equal parts of what the others leave; what is left when all have one is for rows that are
told nothing of the kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthgen.config.json_schema import check_schema

__all__ = ["AnswerForm", "AnswerOption", "Length", "Style", "as_ways", "check_ways"]

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LENGTH = re.compile(
    r"(?:(?P<limit>at least|at most) )?(?P<from>\w+)(?:(?: ?[-–] ?| to )(?P<to>\w+))? (?P<unit>word|sentence|character)s?"
)
_Count = Annotated[int, Field(ge=1)]


class AnswerOption(BaseModel):
    """One way. `instruction` is what is said to the model and in the exported question; unset means a sentence with the name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    instruction: str = ""
    share: Annotated[float, Field(ge=0, le=1)] | None = None


class Style(AnswerOption):
    @model_validator(mode="before")
    @classmethod
    def _said(cls, given: Any) -> Any:
        return _told(given, f"Answer in this style: {given.get('name')}.") if isinstance(given, dict) else given


class Length(AnswerOption):
    """Bounds as `text` counts: sentences, words (half a word for each letter of scripts without spaces), characters.

    They are read off the instruction or the name, where that is a number or a band: "three sentences", "20-40 words",
    "at most 200 characters". Other wordings come with their own: an instruction, unit, and least, most or both.
    """

    unit: Literal["words", "sentences", "characters"]
    least: _Count = 1
    most: _Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if "unit" in given:
            if not given.get("instruction") or not (given.get("least") or given.get("most")):
                raise ValueError("a length with a unit needs an instruction, which the model is told, and least, most or both")
            return given
        text = str(given.get("instruction") or given.get("name") or "").strip()
        found = _LENGTH.fullmatch(text.casefold())
        first = _number(found["from"]) if found else None
        last = _number(found["to"]) if found and found["to"] else first
        if found is None or first is None or last is None:
            raise ValueError(
                f"{text!r} is no length such as 'three sentences', '20-40 words' or 'at most 200 characters'; "
                "other wordings need unit (words, sentences or characters), least and most"
            )
        if found["limit"] and found["to"]:
            raise ValueError(f"{text!r} has a limit and a band; write either, such as '{first}-{last} {found['unit']}s'")
        least, most = {"at least": (first, None), "at most": (1, first)}.get(found["limit"], (first, last))
        return {**given, "instruction": f"Answer in {text}.", "unit": f"{found['unit']}s", "least": least, "most": most}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError(f"its most, {self.most}, is less than its least, {self.least}")
        return self


class AnswerForm(AnswerOption):
    """Plain text, or JSON that fits a schema (`json_schema` says which)."""

    json_schema: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _stated(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if given.get("json_schema") is None:
            if given.get("name") != "text" or given.get("instruction"):
                raise ValueError("a form is `text`, or has a json_schema; whatever else is to be said of an answer is a style")
            return given
        check_schema(given["json_schema"], "json_schema")
        schema = json.dumps(given["json_schema"], ensure_ascii=False)
        return _told(given, f"Answer with JSON and nothing else, such that it fits this schema: {schema}")


def as_ways(given: Any) -> Any:
    """A list of mappings, from a list with names in it or from a mapping of names; anything else as it is, for pydantic to refuse."""
    if isinstance(given, Mapping):
        given = [{"name": name, **(way if isinstance(way, Mapping) else {"instruction": way})} for name, way in given.items()]
    return [{"name": way} if isinstance(way, str) else way for way in given] if isinstance(given, list) else given


def check_ways(ways: Sequence[AnswerOption]) -> None:
    """Raises ValueError for a name that stands there twice and for shares that come to more than 1."""
    names = [way.name for way in ways]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ValueError(f"{twice!r} stands in it twice")
    if sum(Fraction(str(way.share)) for way in ways if way.share is not None) > 1:
        raise ValueError("the shares come to more than 1")


def _told(given: Mapping[str, Any], instruction: str) -> dict[str, Any]:
    return {**given, "instruction": given.get("instruction") or instruction}


def _number(text: str) -> int | None:
    if text in _NUMBERS:
        return _NUMBERS.index(text) + 1
    return int(text) if text.isdecimal() else None

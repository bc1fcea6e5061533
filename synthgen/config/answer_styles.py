"""Styles, lengths and output forms of answers, which `answers` in a configuration names, each for a share of the rows.

In YAML they are a list of names, a mapping of names to instructions for the model, or either with mappings of all
settings:

    styles:  {expert: "Write for a specialist, with the exact terms.", plain: {instruction: "Use everyday words.", share: 0.3}}
    lengths: [three sentences, 20-40 words, {name: kurz, instruction: "Antworte in 2 bis 3 Sätzen.", unit: sentences, least: 2, most: 3}]
    forms:   [text, {name: json, json_schema: {type: object, properties: {answer: {type: string}}, required: [answer]}}]

Shares add up to at most 1. Options without a share get equal parts of what the others leave. When all options have a
share, the remaining rows get no such instruction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthgen.config.json_schema import check_schema

__all__ = ["AnswerForm", "AnswerOption", "Length", "Style", "as_options", "check_options"]

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LENGTH = re.compile(
    r"(?:(?P<limit>at least|at most) )?(?P<from>\w+)(?:(?: ?[-–] ?| to )(?P<to>\w+))? (?P<unit>word|sentence|character)s?"
)
_Count = Annotated[int, Field(ge=1)]


class AnswerOption(BaseModel):
    """A style, length or form. `instruction` is the text for the model and the exported question; by default, a
    sentence with the name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    instruction: str = ""
    share: Annotated[float, Field(ge=0, le=1)] | None = None


class Style(AnswerOption):
    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        return _with_instruction(given, f"Answer in this style: {given.get('name')}.") if isinstance(given, dict) else given


class Length(AnswerOption):
    """Bounds of an answer's length in sentences, words (half a word for each letter of scripts without spaces) or characters.

    The bounds are read from the instruction or the name when that is a number or a range: "three sentences", "20-40
    words", "at most 200 characters". Other wordings need an instruction, a unit, and least, most or both.
    """

    unit: Literal["words", "sentences", "characters"]
    least: _Count = 1
    most: _Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _parse_bounds(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if "unit" in given:
            if not given.get("instruction") or not (given.get("least") or given.get("most")):
                raise ValueError("a length with a unit needs an instruction, which the model receives, and least, most or both")
            return given
        text = str(given.get("instruction") or given.get("name") or "").strip()
        found = _LENGTH.fullmatch(text.casefold())
        first = _number(found["from"]) if found else None
        last = _number(found["to"]) if found and found["to"] else first
        if found is None or first is None or last is None:
            raise ValueError(
                f"{text!r} is not a length such as 'three sentences', '20-40 words' or 'at most 200 characters'; "
                "other wordings need unit (words, sentences or characters), least and most"
            )
        if found["limit"] and found["to"]:
            raise ValueError(f"{text!r} has a limit and a range; write one of them, such as '{first}-{last} {found['unit']}s'")
        least, most = {"at least": (first, None), "at most": (1, first)}.get(found["limit"], (first, last))
        return {**given, "instruction": f"Answer in {text}.", "unit": f"{found['unit']}s", "least": least, "most": most}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError(f"most = {self.most} is less than least = {self.least}")
        return self


class AnswerForm(AnswerOption):
    """Plain text, or JSON that fits `json_schema` (see `config.json_schema`)."""

    json_schema: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if given.get("json_schema") is None:
            if given.get("name") != "text" or given.get("instruction"):
                raise ValueError("a form is `text`, or has a json_schema; any other instruction is a style")
            return given
        check_schema(given["json_schema"], "json_schema")
        schema = json.dumps(given["json_schema"], ensure_ascii=False)
        return _with_instruction(given, f"Answer with JSON and nothing else, such that it fits this schema: {schema}")


def as_options(given: Any) -> Any:
    """Return a list of mappings from a list with names, or from a mapping of names. Other values are left for pydantic
    to reject.
    """
    if isinstance(given, Mapping):
        given = [
            {"name": name, **(option if isinstance(option, Mapping) else {"instruction": option})}
            for name, option in given.items()
        ]
    return [{"name": option} if isinstance(option, str) else option for option in given] if isinstance(given, list) else given


def check_options(options: Sequence[AnswerOption]) -> None:
    """Raise ValueError for a repeated name, or for shares that add up to more than 1."""
    names = [option.name for option in options]
    if repeated := next((name for name in names if names.count(name) > 1), ""):
        raise ValueError(f"{repeated!r} is listed twice")
    if sum(Fraction(str(option.share)) for option in options if option.share is not None) > 1:
        raise ValueError("the shares add up to more than 1")


def _with_instruction(given: Mapping[str, Any], instruction: str) -> dict[str, Any]:
    return {**given, "instruction": given.get("instruction") or instruction}


def _number(text: str) -> int | None:
    if text in _NUMBERS:
        return _NUMBERS.index(text) + 1
    return int(text) if text.isdecimal() else None

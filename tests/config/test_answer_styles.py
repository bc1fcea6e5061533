"""Styles, lengths and forms as people write them in a configuration."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from synthgen.config.settings import AnswerSettings, Config, load_config
from synthgen.errors import ConfigError

JSON = {"name": "json", "json_schema": {"type": "object", "properties": {"答": {"type": "string"}}}}


def answers(**settings: Any) -> AnswerSettings:
    return Config.build({"answers": settings}).answers


def test_a_list_of_names_a_mapping_and_a_list_of_mappings_say_the_same() -> None:
    listed = answers(styles=["expert", {"name": "plain", "instruction": "Use everyday words.", "share": 0.3}])
    named = answers(styles={"expert": None, "plain": {"instruction": "Use everyday words.", "share": 0.3}})
    assert listed == named
    assert [style.instruction for style in listed.styles] == ["Answer in this style: expert.", "Use everyday words."]


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("three sentences", ("sentences", 3, 3)),
        ("One sentence", ("sentences", 1, 1)),
        ("20-40 words", ("words", 20, 40)),
        ("20 – 40 words", ("words", 20, 40)),
        ("two to four sentences", ("sentences", 2, 4)),
        ("at most 200 characters", ("characters", 1, 200)),
        ("at least 50 words", ("words", 50, None)),
    ],
)
def test_a_length_is_read_off_its_words(text: str, bounds: tuple[str, int, int | None]) -> None:
    [by_name] = answers(lengths=[text]).lengths
    [by_instruction] = answers(lengths={"mine": text}).lengths
    assert (by_name.unit, by_name.least, by_name.most) == bounds
    assert (by_instruction.unit, by_instruction.least, by_instruction.most) == bounds
    assert by_name.instruction == by_instruction.instruction == f"Answer in {text}."


def test_a_length_in_another_language_comes_with_its_bounds() -> None:
    said = {"name": "kurz", "instruction": "Antworte in 2 bis 3 Sätzen.", "unit": "sentences", "least": 2, "most": 3}
    [length] = answers(lengths=[said]).lengths
    assert (length.instruction, length.least, length.most) == ("Antworte in 2 bis 3 Sätzen.", 2, 3)


def test_a_form_says_its_schema_unless_it_is_told_what_to_say() -> None:
    text, json, own = answers(forms=["text", JSON, {**JSON, "name": "own", "instruction": "用 JSON 回答。"}]).forms
    assert text.instruction == ""
    assert json.instruction.endswith('fits this schema: {"type": "object", "properties": {"答": {"type": "string"}}}')
    assert own.instruction == "用 JSON 回答。"


def test_a_run_folder_keeps_them_as_they_are(tmp_path) -> None:
    config = Config.build({"answers": {"styles": ["expert"], "lengths": {"short": "20-40 words"}, "forms": ["text", JSON]}})
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config.dump(), allow_unicode=True), encoding="utf-8")
    assert load_config(path) == config


def test_other_ways_take_the_place_of_those_before() -> None:
    base = Config.build({"answers": {"styles": ["expert"]}})
    assert [style.name for style in load_config(None, ["answers.styles={plain: null}"], base=base).answers.styles] == ["plain"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"styles": 3}, "answers.styles = 3 is not allowed: Input should be a valid list"),
        ({"styles": [3]}, "answers.styles.0 = 3 is not allowed"),
        ({"styles": ["a", "a"]}, "'a' is listed twice"),
        ({"styles": {"a": {"share": 0.7}, "b": {"share": 0.4}}}, "the shares add up to more than 1"),
        ({"styles": {"a": {"share": 2}}}, "answers.styles.0.share = 2 is not allowed"),
        ({"styles": {"a": {"sahre": 1}}}, r"no setting 'sahre' in answers.styles.0. Did you mean 'share'\?"),
        ({"lengths": ["one paragraph"]}, "'one paragraph' is not a length such as 'three sentences'"),
        ({"lengths": ["40-20 words"]}, "most = 20 is less than least = 40"),
        ({"lengths": ["0 words"]}, "answers.lengths.0.least = 0 is not allowed"),
        ({"lengths": ["at most 5 to 10 words"]}, "has a limit and a range; write one of them, such as '5-10 words'"),
        ({"lengths": {"mine": "at least 20-40 words"}}, "has a limit and a range; write one of them, such as '20-40 words'"),
        (
            {"lengths": [{"name": "kurz", "instruction": "Kurz.", "unit": "words"}]},
            "needs an instruction, .* and least, most or both",
        ),
        ({"lengths": [{"name": "kurz", "unit": "words", "most": 5}]}, "needs an instruction, .* and least, most or both"),
        ({"forms": ["list"]}, "a form is `text`, or has a json_schema"),
        ({"forms": [{"name": "j", "json_schema": {"typ": "string"}}]}, "json_schema has the keyword 'typ'"),
        ({"forms": ["text"]}, "the form text is set, but there is nothing to write"),
        ({"model": "openai/m"}, "a model is set, but there is nothing to write: set answers.reasoning"),
    ],
)
def test_what_cannot_be_kept_to_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        answers(**settings)

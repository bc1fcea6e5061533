"""Settings are refused early, with the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from synthgen.config.settings import Config, load_config
from synthgen.errors import ConfigError


def test_later_sources_win(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("chunking: {max_tokens: 300, min_tokens: 10}\nseed: 4\n")
    config = load_config(path, ["chunking.max_tokens=400"], {"seed": 5, "chunking": {"min_tokens": 11}})
    assert (config.chunking.max_tokens, config.chunking.min_tokens, config.seed) == (400, 11, 5)


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no setting 'max_token' in chunking. Did you mean 'max_tokens'"):
        load_config(settings=["chunking.max_token=4"])
    with pytest.raises(ConfigError, match="no setting 'chunkin'. Did you mean 'chunking'"):
        Config.build({"chunkin": {}})


def test_a_wrong_value_is_shown_with_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"splits.train = 8 is not allowed: Input should be less than or equal to 1"):
        load_config(settings=["splits.train=8"])


def test_bad_yaml_has_its_line(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("seed: 1\nchunking: [\n")
    with pytest.raises(ConfigError, match="line 3"):
        load_config(path)


def test_a_file_that_is_not_utf8_is_said(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("seed: 1 # für".encode("cp1252"))
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config(path)


def test_a_list_is_no_configuration(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("- a\n")
    with pytest.raises(ConfigError, match="holds a list"):
        load_config(path)


def test_a_missing_file_says_how_to_get_one(tmp_path) -> None:
    with pytest.raises(ConfigError, match="synthgen init"):
        load_config(tmp_path / "none.yaml")


def test_a_setting_without_equals_is_refused() -> None:
    with pytest.raises(ConfigError, match="section.key=value"):
        load_config(settings=["seed"])


def test_values_are_yaml() -> None:
    config = load_config(settings=["generation.prompt=[question, keyword]", "llm.temperature=null"])
    assert config.generation.prompt == ["question", "keyword"]
    assert config.llm.temperature is None


def test_the_dump_builds_the_same_configuration() -> None:
    config = load_config(settings=["filters.options={round_trip: {min_ratio: 0.5}}"])
    assert Config.build(yaml.safe_load(yaml.safe_dump(config.dump()))) == config


def test_a_field_for_the_server_must_be_json() -> None:
    assert (
        load_config(settings=["llm.extra_body={top_k: 20, options: {mirostat: 2}}"]).llm.sampling["extra_body"]["top_k"] == 20
    )
    with pytest.raises(ConfigError, match=r"llm.extra_body.since = datetime.*not a valid JSON value"):
        load_config(settings=["llm.extra_body={since: 2020-01-01}"])


def test_naming_what_is_to_be_written_is_all_it_takes() -> None:
    assert not Config().answers.enabled
    for setting in (
        "reasoning=true",
        "styles=[expert]",
        "lengths=[one sentence]",
        "forms=[{name: j, json_schema: {type: object}}]",
    ):
        assert load_config(settings=[f"answers.{setting}"]).answers.enabled


def test_a_model_that_would_check_no_distractor_is_refused() -> None:
    setting = "distractors.check_model=openai/judge"
    with pytest.raises(
        ConfigError, match="check_model = 'openai/judge' .* no distractor is checked: set distractors.check=true"
    ):
        load_config(settings=[setting])
    base = load_config(settings=[setting, "distractors.check=true"])
    assert load_config(base=base).distractors == base.distractors


@pytest.mark.parametrize("given", ["sk-proj-4c9e", "two words", "$KEY", "1KEY", "a=b"])
def test_a_key_in_place_of_its_variable_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(ConfigError, match="not the name of an environment variable") as refused:
        load_config(overrides={"llm": {"api_key_env": given}})
    assert given not in str(refused.value)


def test_the_record_of_a_run_is_not_a_configuration(tmp_path: Path) -> None:
    record = tmp_path / "config.yaml"
    record.write_text("synthgen: 1.0.0\ndocs: ../docs\ngeneration: {model: extractive}\nconfig: {seed: 3}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml is the record of a run.*under `config`") as raised:
        load_config(record)
    assert "There is no setting" not in str(raised.value)

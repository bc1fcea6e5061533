"""YAML that a parser takes and no setting can hold, or that it fails at with errors of its own: one sentence, wherever YAML is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import synthgen

from synthgen.config.settings import load_config
from synthgen.errors import ConfigError, RunFolderError
from synthgen.llm.costs.prices import load_prices
from synthgen.pipeline.run_folder import RunFolder
from synthgen.prompting.row_questions import _read as load_row_prompt
from synthgen.prompting.templates import load_prompt
from synthgen.storage import parse_yaml

_LAUGHS = "[&a [x, x], " + ", ".join(f"&{chr(n + 1)} [*{chr(n)}, *{chr(n)}]" for n in range(ord("a"), ord("s")))

REFUSED = {
    "no_such_day": ("2024-99-99", "'2024-99-99' is not allowed as timestamp"),
    "no_such_hour": ("2024-01-01 99:00:00", "timestamp"),
    "no_day_of_february": ("2023-02-30", "timestamp"),
    "no_int": ("!!int x", "'x' is not allowed as int"),
    "no_digits": ("!!int ''", "'' is not allowed as int"),
    "no_bool": ("!!bool x", "'x' is not allowed as bool"),
    "no_float": ("!!float x", "'x' is not allowed as float"),
    "no_timestamp": ("!!timestamp x", "'x' is not allowed as timestamp"),
    "no_binary": ("!!binary é", "base64"),
    "no_map": ("!!map x", "expected a mapping"),
    "an_object": ("!!python/object:os.system x", "could not determine a constructor"),
    "beyond_unicode": ('"\\UFFFFFFFF"', "an escape stands for no character"),
    "first_beyond_unicode": ('"\\U00110000"', "an escape stands for no character"),
    "half_a_character": ('"\\uD800"', "half a character (a lone surrogate, U+D800)"),
    "other_half": ('["ok", {k: "\\uDFFF"}]', "U+DFFF"),
    "first_half_after_names": ('"\\uDD00"', "U+DD00"),
    "many_digits": ("9" * 5_000, "more than 4,300 digits"),
    "many_negative_digits": ("-" + "9" * 5_000, "more than 4,300 digits"),
    "many_digits_with_marks": ("1_" * 5_000, "more than 4,300 digits"),
    "many_hexadecimal_digits": ("0x" + "F" * 4_000, "more than 4,300 digits"),
    "many_binary_digits": ("0b" + "1" * 15_000, "more than 4,300 digits"),
    "many_sexagesimal_digits": ("1" + ":00" * 20_000, "more than 4,300 digits"),
    "deep_lists": ("[" * 1_500, "nested more than 100 levels"),
    "deep_closed_lists": ("[" * 900 + "]" * 900, "nested more than 100 levels"),
    "deep_mappings": ("{a: " * 900 + "1" + "}" * 900, "nested more than 100 levels"),
    "deep_dashes": ("- " * 1_500 + "a", "nested more than 100 levels"),
    "deep_keys": ("? " * 1_500 + "a", "nested more than 100 levels"),
    "in_itself": ("&a [*a]", "nested more than 100 levels"),
    "mapping_in_itself": ("&a {b: *a}", "nested more than 100 levels"),
    "a_billion_laughs": (_LAUGHS + "]", "more than 100,000 values"),
    "a_key_twice": ("{a: 1, b: 2, a: 3}", "the key 'a' stands twice"),
    "a_list_as_key": ("{[a]: 1}", "unhashable key"),
    "two_documents": ("a\n---\nb", "expected a single document"),
    "nul": ("a\0b", "U+0000"),
    "escape": ("a\x1b[2Jb", "U+001B"),
    "alias_of_nothing": ("*a", "undefined alias"),
}


def _config(text: str, folder: Path) -> None:
    (folder / "c.yaml").write_text(f"llm:\n  extra_body:\n    it:\n      {text}", encoding="utf-8")
    load_config(folder / "c.yaml")


def _run(text: str, folder: Path) -> None:
    (folder / "config.yaml").write_text(f"docs: d\nconfig:\n  seed:\n      {text}", encoding="utf-8")
    RunFolder(folder).open()


def _file(read: Callable[[Path], object]) -> Callable[[str, Path], None]:
    def read_text(text: str, folder: Path) -> None:
        (folder / "f.yaml").write_text(text, encoding="utf-8")
        read(folder / "f.yaml")

    return read_text


READERS: dict[str, Callable[[str, Path], object]] = {
    "config_file": _config,
    "set": lambda text, _: load_config(None, [f"llm.extra_body.it={text}"]),
    "config_of_a_run": _run,
    "price_table": _file(load_prices),
    "prompt": _file(load_prompt),
    "row_prompt": _file(lambda path: load_row_prompt(str(path), ["answer"])),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_no_setting_can_hold_is_one_sentence(name: str, reader: str, tmp_path: Path) -> None:
    text, words = REFUSED[name]
    with pytest.raises((ConfigError, RunFolderError)) as told:
        READERS[reader](text, tmp_path)
    assert words in str(told.value)
    assert "not valid YAML" in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 700


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9" * 4_000, int("9" * 4_000)),
        ("[" * 50 + "]" * 50, None),
        ("{base: &b {x: 1, y: 2}, own: {<<: *b, x: 3}}", {"base": {"x": 1, "y": 2}, "own": {"x": 3, "y": 2}}),
        (
            "{a: {n: {k: &b {<<: {x: 1}, z: 2}}}, c: {<<: *b, y: 1}}",
            {"a": {"n": {"k": {"x": 1, "z": 2}}}, "c": {"x": 1, "y": 1, "z": 2}},
        ),
        ("[&a [x, y], *a, *a]", [["x", "y"]] * 3),
        ("[{a: 1}, {a: 2}]", [{"a": 1}, {"a": 2}]),
        ("{1: a, '1': b}", {1: "a", "1": "b"}),
        ('"\\U0001F426 \\u00e9"', "\U0001f426 é"),
        ("\U0001f426 渡鸦", "\U0001f426 渡鸦"),
        ("\ufeffa: 1", {"a": 1}),
        ("1:30", 90),
        ("0x1F", 31),
        ("", None),
    ],
)
def test_what_a_setting_can_hold_is_read(text: str, value: object) -> None:
    assert parse_yaml(text, "here") == value or value is None


def test_the_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("chunking:\n  max_tokens: 400\nseed: !!int x\n")
    with pytest.raises(ConfigError, match=r"c\.yaml, line 3, column 7 is not valid YAML: 'x' is not allowed as int\."):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    "setting",
    [
        "seed=2024-99-99",
        "seed=2024-01-01",
        "seed=!!binary aGVsbG8=",
        "seed=0x" + "F" * 3_600,
        "model=" + "x" * 10_000 + ": [",
        "chunking={1: 2, ~: 3, 2024-01-01: 4}",
        "llm.extra_body={1: 2}",
        "llm.extra_body={a: 2024-01-01}",
        "llm.extra_body={a: !!set {b}}",
        ".".join(["llm.extra_body", *"a" * 500]) + "=1",
        ".".join("a" * 5_000) + "=1",
        "sources.max_bytes=" + "9" * 30,
        "generation.per_chunk=" + "9" * 4_000,
        "distractors.num=" + "9" * 12,
        "=1",
        "..=1",
        "filters.order=" + "[" * 60 + "]" * 60,
        "a" * 20_000 + "=1",
        "llm.prices=" + "p" * 300,
        'llm.prices="a\\0b"',
        'generation.shots="a\\0b"',
        'generation.prompt=["a\\0b.yaml"]',
        "generation.shots=" + "p" * 300,
        "generation.prompt=[" + "p" * 300 + ".yaml]",
        "llm.prices=/",
        "generation.shots=/",
        "generation.prompt=[/]",
    ],
    ids=lambda setting: setting[:40],
)
def test_a_setting_of_no_use_ends_in_one_paragraph(setting: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "heron.md").write_text(
        "# Heron\n\nThe heron stands in the ford. It waits for minutes, then strikes.\n"
    )
    done = synthgen("plan", tmp_path / "docs", "-m", "openai/gpt-4.1-mini", "--set", setting)
    told = [line for line in done.stderr.splitlines() if line.startswith("synthgen: ")]
    assert (done.returncode, len(told)) == (1, 1), done.stderr
    assert len(told[0]) < 1_500

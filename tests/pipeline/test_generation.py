"""Rules from outside of the package: what cannot be one is reported before a run, or at its first row."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from synthgen.config.settings import Config
from synthgen.errors import ConfigError, UnknownNameError
from synthgen.pipeline.generation import make_generator
from synthgen.records import Chunk, Skipped, digest, make_triple

TEXT = "Water boils at 100 degrees."
CHUNK = Chunk(f"a.md#0-{len(TEXT)}", "a.md", 0, len(TEXT), TEXT, digest(TEXT), group="a.md", split="train")


def _breaks(chunks: Any, *, per_chunk: int, seed: int) -> Any:
    yield Skipped("a.md", "generate", "nothing")
    raise KeyError("of its own")


def _good(chunks: Any, *, per_chunk: int, seed: int) -> Any:
    return [make_triple(chunk, "When does water boil?") for chunk in chunks]


FAULTY: dict[str, tuple[Any, str]] = {
    "none": (lambda chunks, *, per_chunk, seed: None, "returned NoneType"),
    "strings": (lambda chunks, *, per_chunk, seed: ["When does it boil?"], "yielded str"),
    "text": (lambda chunks, *, per_chunk, seed: "ab", "yielded str"),
    "breaks": (_breaks, r"failed in .*test_generation.py, line \d+ \(KeyError: 'of its own'\)"),
}
UNFIT: dict[str, tuple[Any, str]] = {
    "no_function": (3, "has no readable signature"),
    "no_seed": (lambda chunks, *, per_chunk: [], "cannot be called with these arguments"),
    "no_chunks": (lambda *, per_chunk, seed: [], "cannot be called with these arguments"),
}


@pytest.fixture(autouse=True)
def own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {name: rule for name, (rule, _) in (FAULTY | UNFIT).items()}
    monkeypatch.setitem(sys.modules, "own_rules", SimpleNamespace(good=_good, **rules))  # type: ignore[arg-type]


def test_a_rule_of_ones_own_gives_rows() -> None:
    assert [row.query for row in make_generator(Config(model="own_rules:good")).rows([CHUNK]).triples] == [
        "When does water boil?"
    ]


@pytest.mark.parametrize("name", ["own_rules:nope", "no_such_rules:nope"])
def test_an_unknown_rule_lists_all_forms_of_a_model(name: str) -> None:
    with pytest.raises(UnknownNameError, match=f"no model called '{name}'.*extractive.*module:attribute.*openai/NAME"):
        make_generator(Config(model=name))


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_rule_is_reported_in_one_sentence(name: str) -> None:
    generator = make_generator(Config(model=f"own_rules:{name}"))
    with pytest.raises(
        ConfigError, match=rf"The model 'own_rules:{name}' {FAULTY[name][1]}.*It must be a function of \(chunks"
    ):
        generator.rows([CHUNK])


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_a_rule_is_reported_before_a_run(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"The model 'own_rules:{name}' {UNFIT[name][1]}.*It must be a function of \(chunks"):
        make_generator(Config(model=f"own_rules:{name}"))

"""The Python door: what it takes, what it gives back, and what it says of anything else."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import synthgen as sg
from synthgen.config.settings import Config, load_config
from synthgen.errors import ConfigError, EmptyResultError, InputError, SynthgenError, UnknownNameError
from synthgen.records import make_triple
from synthgen.registry import resolve

PAGE = "# Pump {0}\n\nThe pump {0} needs two litres of oil every day. The valve {0} was made in Leeds in 19{0}0."
DOCUMENTS = [sg.make_document(f"pump{n}.md", PAGE.format(n), metadata={"format": "markdown"}) for n in range(1, 5)]
CHUNKS = sg.chunk(DOCUMENTS, min_tokens=4)
TRIPLES = sg.generate(CHUNKS)


# Data sets without rows


@pytest.mark.parametrize(
    ("format", "split", "why"),
    [
        ("st-triplet", "train", r"no_negative \d+.*add_distractors"),
        ("st-kd", "training", r"no_negative \d+.*add_distractors"),
        ("flagembedding", "train", r"no_negative \d+.*add_distractors"),
        ("raft", "train", r"no_distractor \d+.*add_distractors"),
        ("classification-chat", "train", r"no_label \d+.*--kind classification"),
        ("st-pair", "dev", r"the split 'dev' has no rows: train \d+"),
        ("st-pair", "validation", r"the split 'dev' has no rows: train \d+"),
        ("openai-chat", "test", r"the split 'test' has no rows: train \d+"),
    ],
)
def test_a_data_set_without_rows_is_an_error_that_says_why(format: str, split: str, why: str) -> None:
    with pytest.raises(EmptyResultError, match=why):
        sg.to_dataset(TRIPLES, format=format, split=split)


@pytest.mark.parametrize("split", ["dev", "validation", "val", "valid", "development", "Validation"])
def test_a_split_goes_by_the_names_that_other_libraries_give_it(split: str) -> None:
    triples = sg.generate(sg.chunk([replace(document, split="dev") for document in DOCUMENTS], min_tokens=4))
    assert sg.to_dataset(triples, format="st-pair", split=split).num_rows == len(triples) > 0


@pytest.mark.parametrize("split", ["trian", "all", "", "train[:10]", "holdout"])
def test_a_split_that_is_none_is_named_with_those_there_are(split: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no split .*train, dev, test"):
        sg.to_dataset(TRIPLES, format="st-pair", split=split)


# Lists that know their chunks

SAME: dict[str, Callable[[Any], Any]] = {
    "slice": lambda t: t[:],
    "half": lambda t: t[::2],
    "backwards": lambda t: t[::-1],
    "copy": lambda t: t.copy(),
    "copy.copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda t: pickle.loads(pickle.dumps(t)),
    "sum": lambda t: t[:1] + t[1:],
    "sum with a list": lambda t: t[:1] + list(t),
    "list with it": lambda t: list(t) + t[:1],
    "times": lambda t: t * 2,
    "constructor": lambda t: sg.Triples(sorted(t, key=lambda row: row.query), t.chunks),
}


@pytest.mark.parametrize("made", SAME.values(), ids=SAME)
def test_what_is_made_of_triples_knows_their_chunks(made: Callable[[Any], Any]) -> None:
    rows = made(TRIPLES)
    assert isinstance(rows, sg.Triples)
    assert sg.to_dataset(rows, format="st-pair").num_rows == len(rows) > 0


def test_sums_know_the_chunks_of_both() -> None:
    other = sg.generate(sg.chunk([sg.make_document("x.md", PAGE.format(9))], min_tokens=4))
    longer, extended = TRIPLES + other, TRIPLES.copy()
    extended += other
    assert {row.chunk_id for row in other} <= longer.chunks.keys() & extended.chunks.keys()
    assert isinstance(extended, sg.Triples)
    assert TRIPLES.chunks.keys() == {chunk.id for chunk in CHUNKS}


def test_a_plain_list_takes_the_chunks_as_a_list_or_by_id() -> None:
    rows = list(TRIPLES)
    assert sg.to_dataset(rows, format="st-pair", chunks=CHUNKS).num_rows == len(rows)
    assert sg.to_dataset(rows, format="st-pair", chunks=TRIPLES.chunks).num_rows == len(rows)
    with pytest.raises(ConfigError, match=r"chunks=….*triples\.chunks"):
        sg.to_dataset(rows, format="st-pair")


# Arguments of another kind

WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "texts as documents": (lambda: sg.chunk(["text"]), r"list of Document .* list with str .*make_document"),  # type: ignore[list-item]
    "a text as documents": (lambda: sg.chunk("text"), r"list of Document .* str was given"),  # type: ignore[arg-type]
    "a mapping": (lambda: sg.chunk({"a": "b"}), r"list of Document .* dict was given"),  # type: ignore[arg-type]
    "nothing": (lambda: sg.split(None), r"list of Document .* NoneType was given"),  # type: ignore[arg-type]
    "chunks to split": (lambda: sg.split(CHUNKS), r"list of Document .* list with Chunk"),  # type: ignore[arg-type]
    "documents to generate": (lambda: sg.generate(DOCUMENTS), r"list of Chunk .* list with Document .*chunk\("),  # type: ignore[arg-type]
    "texts to generate": (lambda: sg.generate(["text"]), r"list of Chunk .* list with str"),  # type: ignore[list-item]
    "queries to filter": (lambda: sg.apply_filters(["q"], chunks=CHUNKS), r"list of Triple .* list with str"),  # type: ignore[list-item]
    "documents beside": (lambda: sg.apply_filters(TRIPLES, chunks=DOCUMENTS), "list of Chunk"),  # type: ignore[arg-type]
    "a result": (
        lambda: sg.add_distractors(sg.apply_filters(TRIPLES, ["format"], chunks=CHUNKS), CHUNKS),  # type: ignore[arg-type]
        "list of Triple .* FilterResult was given.*`kept`",
    ),
    "rows as mappings": (lambda: sg.add_distractors([TRIPLES[0].to_dict()], CHUNKS), "list of Triple .* list with dict"),  # type: ignore[list-item]
    "queries to a data set": (lambda: sg.to_dataset(["q"], format="st-pair", chunks=CHUNKS), "list of Triple"),  # type: ignore[list-item]
    "ids beside": (lambda: sg.to_dataset(list(TRIPLES), format="st-pair", chunks=["a.md#0-1"]), "list of Chunk"),  # type: ignore[list-item]
}


@pytest.mark.parametrize(("call", "told"), WRONG.values(), ids=WRONG)
def test_records_of_another_kind_are_named_with_those_that_are_expected(call: Callable[[], Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        call()


def test_one_record_is_a_list_of_one_and_any_iterable_is_a_list() -> None:
    assert sg.chunk(DOCUMENTS[0], min_tokens=4) == sg.chunk(DOCUMENTS[:1], min_tokens=4)  # type: ignore[arg-type]
    assert sg.generate(iter(CHUNKS)) == TRIPLES  # type: ignore[arg-type]
    assert sg.chunk([]) == []


# Code in place of its name


def asks(triples: list[sg.Triple], context: Any, *, mark: str = "?") -> list[sg.Verdict]:
    return [sg.Verdict(t) if t.query.endswith(mark) else sg.Verdict(t, "no_question") for t in triples]


def heads(chunks: list[sg.Chunk], *, per_chunk: int, seed: int) -> Iterator[sg.Triple]:
    for chunk in chunks:
        yield make_triple(chunk, f"What does {chunk.id} say?", "much", generator="heads")


def short(triples: list[sg.Triple], context: Any) -> Iterator[dict[str, str]]:
    yield from ({"q": triple.query} for triple in triples)


def load_rows(raw: bytes, id: str, settings: Any) -> sg.Document:
    return sg.make_document(id, raw.decode() + " is what this file says about the pump.", metadata={"format": "text"})


def test_a_function_stands_for_its_name(tmp_path: Path) -> None:
    rows = sg.generate(CHUNKS, model=heads)
    assert [row.answer for row in rows] == ["much"] * len(CHUNKS)
    filtered = sg.apply_filters(rows, ["format", asks], chunks=CHUNKS, options={asks: {"mark": "!"}})  # type: ignore[dict-item]
    assert [stage["stage"] for stage in filtered.funnel] == ["format", f"{__name__}:asks"]
    assert not filtered.kept
    assert sg.to_dataset(rows, format=short).column_names == ["q"]
    settings = {"sources": {"loaders": {".rows": load_rows}}, "exports": {"formats": [short]}, "filters": {"order": asks}}
    assert Config.build(settings) == Config.build(
        {
            "sources": {"loaders": {".rows": f"{__name__}:load_rows"}},
            "exports": {"formats": [f"{__name__}:short"]},
            "filters": {"order": [f"{__name__}:asks"]},
        }
    )


def test_the_function_behind_a_name_has_that_name() -> None:
    from synthgen.exporters.contrastive import st_pair
    from synthgen.registry import name_of

    assert name_of(st_pair, {"st-pair": "synthgen.exporters.contrastive:st_pair"}) == "st-pair"
    assert sg.to_dataset(TRIPLES, format=st_pair).num_rows == len(TRIPLES)


@pytest.mark.parametrize(
    "call",
    [
        lambda fn: sg.apply_filters(TRIPLES, [fn], chunks=CHUNKS),
        lambda fn: sg.generate(CHUNKS, model=fn),
        lambda fn: sg.to_dataset(TRIPLES, format=fn),
        lambda fn: load_config(overrides={"sources": {"loaders": {".x": fn}}}),
        lambda fn: load_config(overrides={"exports": {"formats": [fn]}}),
        lambda fn: sg.generate(CHUNKS, prompt=fn),
        lambda fn: sg.chunk(DOCUMENTS, tokenizer=fn),
    ],
)
def test_code_that_no_name_leads_to_is_refused_by_what_would_do(call: Callable[[Any], Any]) -> None:
    with pytest.raises(ConfigError, match=r"top level of a module, or write 'module:attribute'"):
        call(lambda *_: None)


# Parts of one's own that do something else than they must

BROKEN = {
    "triples": "def part(triples, context): return triples",
    "some of the triples": "def part(triples, context): return triples[:1]",
    "true or false": "def part(triples, context): return [True for _ in triples]",
    "nothing": "def part(triples, context): pass",
    "a generator": "def part(triples, context): yield 1",
    "an error": "def part(triples, context): return 1 / 0",
    "another signature": "def part(row): return row",
    "no function": "part = 3",
}


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_a_filter_that_breaks_its_contract_is_reported_with_what_it_must_do(source, tmp_path, monkeypatch, request) -> None:
    name = f"own_filter_{list(BROKEN.values()).index(source)}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"The filter '{name}:part' .*It must take \(triples, context\)"):
        sg.apply_filters(TRIPLES, [f"{name}:part"], chunks=CHUNKS)


# Where a part of one's own is looked for


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "docs", "run", "-m", "own:rule", "--set", "filters.order=format"],
        ["run", "docs", "run", "--set", "filters.order=own:keep"],
        ["run", "docs", "run", "--set", "exports.formats=own:rows"],
        ["run", "docs", "run", "--set", "sources.loaders={.md: own:load}"],
        ["plan", "docs", "-m", "own:rule"],
    ],
    ids=" ".join,
)
def test_a_module_of_the_current_folder_is_found_by_the_command(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in range(1, 5):
        (tmp_path / "docs" / f"pump{n}.md").write_text(PAGE.format(n))
    (tmp_path / "own.py").write_text(
        "import synthgen as sg\n"
        "from synthgen.records import make_triple\n"
        "def rule(chunks, *, per_chunk, seed):\n"
        "    return [make_triple(c, f'What does {c.id} say?', 'two litres of oil') for c in chunks]\n"
        "def keep(triples, context): return [sg.Verdict(t) for t in triples]\n"
        "def rows(triples, context): return ({'q': t.query} for t in triples)\n"
        "def load(raw, id, settings): return sg.make_document(id, raw.decode(), metadata={'format': 'markdown'})\n"
    )
    root = Path(sg.__file__).parent.parent
    script = f"import sys; sys.path[:] = {[str(root), *(p for p in sys.path if p and 'tests' not in p)]!r}; from synthgen.cli.main import main; main()"
    command = [sys.executable, "-P", "-c", script, *arguments, "-q", "--set", "training.enabled=false"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere_at_all:part", r"neither installed nor in the current folder .*PYTHONPATH"),
        ("own_parts.py:part", r"Write a module as `import` does: 'own_parts:part'"),
        ("parts/own.py:part", r"'parts\.own:part'"),
        ("./parts/own.py:part", r"'parts\.own:part'"),
        ("parts/own:part", r"'parts\.own:part'"),
        (".own:part", r"'own:part'"),
        ("math:nothing", r"The module 'math' has no 'nothing'; it is "),
    ],
)
def test_a_part_that_is_not_found_is_named_with_where_it_is_looked_for(name: str, told: str) -> None:
    with pytest.raises(UnknownNameError, match=told):
        resolve("filter", name, {})


@pytest.mark.parametrize(
    "source", ["1 / 0", "def part(:", "import a_package_nobody_has", "from math import nothing", "raise KeyError('x')"]
)
def test_a_module_that_fails_while_it_is_imported_is_reported_in_one_sentence(source, tmp_path, monkeypatch) -> None:
    name = f"failing_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"The filter '{name}:part' cannot be imported: its module fails with \w+Error: "):
        resolve("filter", f"{name}:part", {})


# Settings of one value


@pytest.mark.parametrize(
    ("setting", "value", "read"),
    [
        ("generation.prompt", "mine.yaml", ["mine.yaml"]),
        ("generation.prompt", "my/own prompt, new.yaml", ["my/own prompt, new.yaml"]),
        ("filters.order", "format", ["format"]),
        ("exports.formats", "raft", ["raft"]),
        ("distractors.judges", "dense", ["dense"]),
        ("llm.stop", "END", ["END"]),
    ],
)
def test_a_list_of_one_value_needs_no_brackets(setting: str, value: str, read: list[str], tmp_path: Path) -> None:
    section, key = setting.split(".")
    file = tmp_path / "config.yaml"
    file.write_text(f"{section}:\n  {key}: '{value}'\n")
    ways = [
        load_config(settings=[f"{setting}={value}"]),
        load_config(file),
        load_config(overrides={section: {key: value}}),
        load_config(overrides={section: {key: [value]}}),
        load_config(overrides={section: {key: (Path(value) if key == "prompt" else value,)}}),
    ]
    assert [getattr(getattr(config, section), key) for config in ways] == [read] * len(ways)


def test_styles_and_lengths_of_one_value_need_no_brackets() -> None:
    answers = load_config(settings=["answers.styles=terse", "answers.lengths=three sentences"]).answers
    assert [option.name for option in (*answers.styles, *answers.lengths)] == ["terse", "three sentences"]


@pytest.mark.parametrize(
    ("overrides", "setting"),
    [
        ({"llm": {"store": Path("a/calls.sqlite")}}, "llm.store"),
        ({"llm": {"prices": Path("prices.yaml")}}, "llm.prices"),
        ({"generation": {"shots": Path("shots.jsonl")}}, "generation.shots"),
        ({"generation": {"prompt": Path("mine.yaml")}}, "generation.prompt"),
        ({"training": {"base": Path("models/mine")}}, "training.base"),
    ],
)
def test_a_path_stands_for_its_text(overrides: dict[str, Any], setting: str) -> None:
    section, key = setting.split(".")
    [(_, given)] = overrides[section].items()
    read = getattr(getattr(load_config(overrides=overrides), section), key)
    assert read in (str(given), [str(given)])


@pytest.mark.parametrize("setting", ["filters.order=3", "llm.stop=1", "exports.formats={raft: 1}", "distractors.judges=true"])
def test_what_is_no_list_of_names_is_still_refused(setting: str) -> None:
    with pytest.raises(SynthgenError, match="is not allowed"):
        load_config(settings=[setting])

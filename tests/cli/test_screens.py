"""What the screens say is so: of folders that are no runs, of files that were not read, of calls, and of one and of many."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from synthgen.cli.main import app
from synthgen.registry import describe_options

PAGE = (
    "# Pump {0}\n\nThe pump {0} needs {0}{0} litres of oil every day. The valve of the pump {0} was made in Leeds in 19{0}0.\n"
)
QUIET = ["-q", "--set", "training.enabled=false", "--set", "exports.formats=[st-pair]"]


def synthgen(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def folder(path: Path, *, pages: int = 3, **others: int) -> Path:
    path.mkdir(parents=True)
    for n in range(1, pages + 1):
        (path / f"pump{n}.md").write_text(PAGE.format(n))
    for suffix, number in others.items():
        for n in range(number):
            (path / (f"file{n}.{suffix}" if suffix != "none" else f"FILE{n}")).write_text(json.dumps({"cells": []}))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("screens")
    code, told = synthgen("run", folder(place / "docs"), place / "run", *QUIET)
    assert code == 0, told
    return place / "run"


# Folders that are no runs

VERBS: dict[str, list[str]] = {
    "show": [], "status": [], "filter": [], "export": ["-f", "st-pair"], "train": [], "retry": [], "push": ["me/data", "--license", "mit"],
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_of_documents_is_not_advised_to_be_a_run_folder(verb: str, tmp_path: Path) -> None:
    docs = folder(tmp_path / "docs")
    code, told = synthgen(verb, docs, *VERBS[verb])
    assert code == 1
    assert "is not a run folder" in told
    assert f"synthgen run {docs} RUN" in told
    assert f"synthgen run DOCS {docs}" not in told


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("missing", "does not exist. Make it with `synthgen run DOCS"),
        ("empty", "it is empty. Make a run there with `synthgen run DOCS"),
        ("file", "but a file. Name the folder"),
        ("documents", "it has no config.yaml, but pump1.md. If these are your documents"),
        ("spaces in it", "synthgen run '"),
    ],
)
def test_what_stands_there_decides_the_advice(what: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / what
    if what == "file":
        path.write_text("words")
    elif what != "missing":
        folder(path, pages=0 if what == "empty" else 1)
    for verb in ("show", "status"):
        code, told = synthgen(verb, path)
        assert (code, said in told) == (1, True), told


def test_a_run_that_was_stopped_early_is_advised_to_go_on_with_its_own_documents(run: Path, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")) | {"docs": "../pages", "tables": {}}
    (stopped / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    code, told = synthgen("show", stopped)
    assert code == 1
    assert "has no triples yet" in told
    assert re.search(r"Run `synthgen run \S*pages \S*stopped`, which goes on", told)


# Files that were not read


@pytest.mark.parametrize(
    ("pages", "others", "named", "most"),
    [
        (3, {"ipynb": 61}, "61 files have no loader: .ipynb 61;", True),
        (3, {"ipynb": 3, "pdf": 4}, "7 files have no loader: .pdf 4, .ipynb 3;", True),
        (3, {"pdf": 4, "none": 1}, "5 files have no loader: .pdf 4, without suffix 1;", True),
        (3, {"PDF": 2, "pdf": 0}, "2 files have no loader: .pdf 2;", False),
        (3, {"png": 1}, "1 file has no loader: .png 1;", False),
        (3, {f"t{n:02}": 1 for n in range(12)}, "12 files have no loader: .t00 1,", True),
        (3, {}, "", False),
    ],
)
def test_types_without_a_loader_are_counted_and_a_folder_mostly_unread_is_warned_of(
    pages: int, others: dict[str, int], named: str, most: bool, tmp_path: Path
) -> None:
    docs, place = folder(tmp_path / "docs", pages=pages, **others), tmp_path / "run"
    code, told = synthgen("run", docs, place, *QUIET)
    assert code == 0
    status = synthgen("status", place)[1]
    for screen in (told, status):
        assert (named or "have no loader") in screen if named else "no loader" not in screen
        assert ("most of the folder was not read" in screen) == most
    files = sum(others.values())
    if most:
        assert (
            f"WARNING: most of the folder was not read: {files} of {files + pages} files were skipped" in told.splitlines()[-1]
        )
    report = json.loads((place / "report.json").read_text())
    assert [note for note in report["notes"] if "no loader" in note][:1] == [
        note for note in report["notes"] if named and named in note
    ]


def test_hidden_files_do_not_make_a_folder_mostly_unread(tmp_path: Path) -> None:
    docs = folder(tmp_path / "docs")
    for n in range(9):
        (docs / f".hidden{n}").write_text("x")
    assert "most of the folder" not in synthgen("run", docs, tmp_path / "run", *QUIET)[1]


def test_a_folder_without_documents_names_the_types_it_has(tmp_path: Path) -> None:
    code, told = synthgen("run", folder(tmp_path / "docs", pages=0, ipynb=7, pdf=2), tmp_path / "run", *QUIET)
    assert code == 1
    assert "7 unknown_type .ipynb, 2 unknown_type .pdf" in told


@pytest.fixture(scope="module")
def half_read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("half")
    docs = folder(place / "docs", ipynb=6)
    (docs / "empty.md").write_text("")
    (docs / "image.md").write_bytes(bytes(range(256)) * 20)
    assert synthgen("run", docs, place / "run", *QUIET)[0] == 0
    return place / "run"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], ["file0.ipynb", "unknown_type", "no loader for .ipynb"]),
        (["-n", "2"], ["6 more; -n 8 shows all."]),
        (["-n", "50"], ["empty.md", "0 bytes", "image.md", "binary"]),
        (["--reason", "empty"], ["sources  empty   empty.md  0 bytes"]),
        (["--reason", "nothing"], ["Nothing was skipped for 'nothing'. Reasons of this run: binary, empty, unknown_type."]),
        (["--rejected"], ["Leave one of the two out"]),
    ],
)
def test_skipped_files_can_be_listed_with_their_reasons(arguments: list[str], said: list[str], half_read: Path) -> None:
    _, told = synthgen("show", half_read, "--skipped", *arguments)
    for words in said:
        assert words in told, told


def test_the_list_of_skipped_files_is_one_object_as_json_and_says_when_it_is_empty(half_read: Path, run: Path) -> None:
    found = json.loads(synthgen("show", half_read, "--skipped", "-n", "99", "--json")[1])
    assert [one["reason"] for one in found["skipped"]].count("unknown_type") == 6
    assert synthgen("show", run, "--skipped")[1] == "Nothing was skipped.\n"
    assert json.loads(synthgen("show", run, "--skipped", "--json")[1]) == {"skipped": []}


# Calls, one and many


def test_a_run_without_calls_does_not_speak_of_calls_that_failed(run: Path) -> None:
    told = synthgen("run", run.parent / "docs", run, *QUIET)[1]
    assert "failed" not in told
    assert told.splitlines()[-1] == f"Everything is in {run}."


_MANY_OF_ONE = re.compile(
    r"(?<![\d,.])1 (documents|files|chunks|rows|candidate rows|calls|attempts|distractors|queries|examples|answers|requests)\b"
)


@pytest.mark.parametrize(
    "verb",
    [
        ["run", "docs", "run"],
        ["status", "run"],
        ["show", "run"],
        ["plan", "docs"],
        ["export", "run", "-f", "st-pair"],
        ["plan", "docs", "-m", "openai/x", "--set", "generation.per_chunk=1"],
    ],
    ids=" ".join,
)
def test_one_thing_is_not_many(verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    docs = folder(tmp_path / "docs", pages=1, pdf=1)
    one = [*QUIET, "--set", "generation.per_chunk=1"]
    first = synthgen("run", docs, "run", *one)
    told = first[1] if verb[0] == "run" else synthgen(*verb)[1]
    assert told
    assert _MANY_OF_ONE.findall(told) == []


def test_the_notice_of_a_service_is_read_where_it_is_asked_for(run: Path, tmp_path: Path) -> None:
    shown = synthgen("export", run, "-f", "openai-chat")[1]
    assert "1 notice of the service" in shown
    assert "winding down" not in shown
    written = run / "exports" / "openai-chat"
    assert "Notice of 2026-05-07: OpenAI is winding down" in synthgen("export", run, "-f", "openai-chat", "--check", written)[1]
    notices = json.loads(synthgen("export", run, "-f", "openai-chat", "--json")[1])["checks"]["training"]["notices"]
    assert [notice["announced"] for notice in notices] == ["2026-05-07"]


# Types of options

TYPES = {
    "int": "int",
    "float | None": "float | None",
    "Optional[str]": "str | None",
    "Union[int, str]": "int | str",
    "list[str]": "list[str]",
    "dict[str, float]": "dict[str, float]",
    "tuple[int, ...]": "tuple[int, …]",
    "Literal['a', 'b']": "'a' | 'b'",
    "Optional[Literal['a', 'b']]": "'a' | 'b' | None",
    "Literal['a'] | None": "'a' | None",
    "list[Literal['a', 'b']]": "list['a' | 'b']",
    "Annotated[Literal['a'], 3] | None": "'a' | None",
    "list[Annotated[int, 3]]": "list[int]",
    "Any": "Any",
}


@pytest.mark.parametrize(("annotation", "shown"), TYPES.items())
def test_the_type_of_an_option_says_what_it_takes(annotation: str, shown: str) -> None:
    from typing import Annotated, Literal, Optional, Union

    names: dict[str, Any] = {"Annotated": Annotated, "Literal": Literal, "Optional": Optional, "Union": Union, "Any": Any}

    def function(*, option) -> None: ...

    function.__annotations__ = {"option": eval(annotation, names)}
    assert [option.type for option in describe_options(function)] == [shown]


@pytest.mark.parametrize("what", ["filters", "formats", "loaders", "models", "prompts"])
def test_a_listing_shows_no_bare_type_constructor(what: str) -> None:
    code, told = synthgen("list", what)
    assert code == 0
    assert re.findall(r": (?:Literal|Optional|Union|Annotated|list|dict)\b(?!\[)", told) == []
    assert "Literal" not in told

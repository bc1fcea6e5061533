"""The verbs leave what is not synthgen's as it is: folders of exports, run folders, links."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import synthgen as sg
from synthgen.errors import RunFolderError
from synthgen.llm.call_store import CallStore
from synthgen.pipeline.run_folder import RunFolder
from tests.support.command_line import synthgen
from tests.support.own_files import POEM, link, put, tree
from tests.support.run_files import write_towns

MANIFEST = ".synthgen.json"
SETTINGS = {"training": {"enabled": False}, "exports": {"formats": ["st-pair", "beir"]}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    return sg.run(write_towns(folder / "docs"), folder / "run", settings=SETTINGS).path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished.parent / "docs", tmp_path / "docs")
    return Path(shutil.copytree(finished, tmp_path / "run"))


def of_earlier_version(run: Path) -> None:
    """Take away what versions before the manifests did not write."""
    for path in [run / MANIFEST, *run.glob(f"*/*/{MANIFEST}")]:
        path.unlink(missing_ok=True)


# --- folders of exports

IN_AN_EXPORT: dict[str, tuple[str, Callable[[Path], object]]] = {
    "rows of ones own": ("beir", lambda out: put(out / "queries.jsonl")),
    "judgments of ones own": ("beir", lambda out: put(out / "qrels" / "test.tsv")),
    "training rows of ones own": ("st-pair", lambda out: put(out / "train.jsonl")),
    "a second part": ("st-pair", lambda out: put(out / "train-2.jsonl")),
    "a note": ("beir", lambda out: put(out / "qrels" / "note.txt")),
    "a folder named like a file": ("st-pair", lambda out: put(out / "train.jsonl" / "poem.txt")),
    "a task of ones own": ("mteb", lambda out: put(out / "synthgen_task.py")),
    "a card of ones own": ("mteb", lambda out: put(out / "README.md")),
    "a link": ("st-pair", lambda out: link(out / "train.jsonl", "../docs/Bree.md")),
}


@pytest.mark.parametrize("what", IN_AN_EXPORT)
def test_an_export_to_a_folder_of_somebody_else_is_refused(what: str, run: Path, tmp_path: Path) -> None:
    format, make = IN_AN_EXPORT[what]
    make(tmp_path / "out")
    before = tree(tmp_path)
    told = synthgen("export", run, "-f", format, "-o", tmp_path / "out")
    assert (told.returncode, "synthgen did not write" in told.stderr) == (1, True), told.stderr
    assert tree(tmp_path) == before


def test_an_export_is_written_anew_until_somebody_changes_it(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for format in ("beir", "st-pair", "st-pair", "corpus-text", "mteb", "beir"):
        assert synthgen("export", run, "-f", format, "-o", out).returncode == 0
    with (out / "queries.jsonl").open("a") as file:
        file.write("{}\n")
    before = tree(tmp_path)
    told = synthgen("export", run, "-f", "beir", "-o", out)
    assert (told.returncode, "queries.jsonl, which was changed since synthgen wrote it" in told.stderr) == (1, True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("output", ["rows.jsonl", "link.jsonl", "gone.jsonl", "rows.json"])
def test_an_export_to_a_file_of_somebody_else_is_refused(output: str, run: Path, tmp_path: Path) -> None:
    put(tmp_path / "rows.jsonl")
    put(tmp_path / "rows.json")
    link(tmp_path / "link.jsonl", "rows.jsonl")
    link(tmp_path / "gone.jsonl", "nowhere.jsonl")
    before = tree(tmp_path)
    told = synthgen("export", run, "-f", "st-pair", "-o", tmp_path / output)
    assert told.returncode == 1
    assert tree(tmp_path) == before


@pytest.mark.parametrize("verb", ["run", "filter", "export"])
@pytest.mark.parametrize("name", ["exports/st-pair/mine.txt", "exports/st-pair/train.jsonl", "exports/beir/qrels/mine.tsv"])
def test_no_verb_replaces_what_somebody_put_among_the_exports_of_a_run(verb: str, name: str, run: Path, tmp_path: Path) -> None:
    put(run / name)
    before = tree(run)
    format = name.split("/")[1]
    arguments = {"run": ["run", tmp_path / "docs", run], "filter": ["filter", run], "export": ["export", run, "-f", format]}
    told = synthgen(*arguments[verb])
    assert (told.returncode, Path(name).name in told.stderr) == (1, True), told.stderr
    rest = ("run.log", ".lock")
    assert {n: c for n, c in tree(run).items() if n not in rest} == {n: c for n, c in before.items() if n not in rest}


def test_the_exports_of_an_earlier_version_are_the_runs(run: Path, tmp_path: Path) -> None:
    of_earlier_version(run)
    assert synthgen("filter", run, "-q").returncode == 0
    assert (run / "exports" / "beir" / MANIFEST).exists()
    of_earlier_version(run)
    assert synthgen("export", run, "-f", "beir").returncode == 0
    assert synthgen("run", tmp_path / "docs", run, "-q").returncode == 0
    of_earlier_version(run)
    put(run / "exports" / "st-pair" / "mine.txt")
    assert synthgen("filter", run, "-q").returncode == 1


# --- run folders


def database(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE calls (who)")
    other.close()


OTHER_PROGRAMS: dict[str, Callable[[Path], object]] = {
    "a log": lambda run: put(run / "run.log", b"2026-01-01 10:00:00,000 INFO started\n"),
    "a database": lambda run: database(run / "calls.sqlite"),
    "an empty database": lambda run: put(run / "calls.sqlite", b""),
    "a table": lambda run: put(run / "documents.parquet"),
    "a folder of exports": lambda run: put(run / "exports" / "raft" / "mine.txt"),
    "a model": lambda run: put(run / "model" / "model.safetensors"),
    "settings": lambda run: put(run / "config.yaml", b"model: gpt\ndocs: here\n"),
    "settings under the same word": lambda run: put(run / "config.yaml", b"config: {a: 1}\n"),
    "settings that are a list": lambda run: put(run / "config.yaml", b"- docs\n- config\n"),
    "settings that are no YAML": lambda run: put(run / "config.yaml", b"\xff{"),
    "a report": lambda run: put(run / "report.json", b'{"rows": 3}'),
    "a lock and a log": lambda run: (put(run / ".lock", b"12"), put(run / "run.log")),
    "a manifest": lambda run: put(run / MANIFEST, b'{"files": {}}'),
    "a link to settings": lambda run: link(run / "config.yaml", "../real/config.yaml"),
    "replaced runs": lambda run: put(run / "replaced" / "1" / "poem.txt"),
}


@pytest.mark.parametrize("what", OTHER_PROGRAMS)
def test_the_folder_of_another_program_is_no_run_folder(what: str, finished: Path, tmp_path: Path) -> None:
    put(tmp_path / "real" / "config.yaml", (finished / "config.yaml").read_bytes())
    other = tmp_path / "other"
    OTHER_PROGRAMS[what](other)
    before = tree(tmp_path)
    for told in (
        synthgen("run", finished.parent / "docs", other),
        synthgen("plan", finished.parent / "docs", other, "--pilot", "2", "-m", "openai/m", key="k"),
        synthgen("import", finished / "exports" / "beir", "-", other),
    ):
        assert told.returncode == 1
        assert "Delete it" not in told.stderr
        assert tree(tmp_path) == before
    for work in (RunFolder(other).create, RunFolder(other).held().__enter__):
        with pytest.raises(RunFolderError, match="is not empty and is not a run folder"):
            work()
        assert tree(tmp_path) == before


OWN_FOLDERS: dict[str, Callable[[Path], object]] = {
    "new": lambda run: None,
    "empty": lambda run: run.mkdir(),
    "under version control": lambda run: put(run / ".git" / "HEAD"),
    "marked and no more": lambda run: RunFolder(run).create(),
    "marked, with a log": lambda run: (RunFolder(run).create(), put(run / "run.log")),
    "with settings of an earlier version": lambda run: put(
        run / "config.yaml", yaml.safe_dump({"synthgen": "0.1", "docs": "../docs", "config": {"seed": 1}}).encode()
    ),
    "with a report of an earlier version": lambda run: put(
        run / "report.json", json.dumps({"schema_version": 1, "funnel": [], "rows": {}}).encode()
    ),
    "with paid calls of an earlier version": lambda run: (run.mkdir(), CallStore(run / "calls.sqlite").close()),
}


@pytest.mark.parametrize("what", OWN_FOLDERS)
def test_a_run_folder_says_so_or_is_empty(what: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    OWN_FOLDERS[what](run)
    for _ in range(2):
        RunFolder(run).create()
        with RunFolder(run).held():
            pass


@pytest.mark.parametrize("name", ["run.log", ".lock", "calls.sqlite", "exports/st-pair", "exports/beir/corpus.jsonl"])
def test_no_verb_writes_through_a_link(name: str, run: Path, tmp_path: Path) -> None:
    put(tmp_path / "poems" / "poem.txt")
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
    link(path, str(tmp_path / "poems" / ("" if name == "exports/st-pair" else "poem.txt")))
    arguments = ("-m", "openai/m", "--update", "--base-url", "http://127.0.0.1:9/v1") if name == "calls.sqlite" else ()
    told = synthgen("run", tmp_path / "docs", run, *arguments, key="k")
    assert told.returncode == 1
    assert tree(tmp_path / "poems") == {"poem.txt": POEM}
    assert path.is_symlink()


def test_a_lock_of_another_program_is_left_alone(run: Path, tmp_path: Path) -> None:
    put(run / ".lock", b"4711")
    told = synthgen("filter", run)
    assert (told.returncode, "is not a lock of synthgen" in told.stderr) == (1, True)
    assert (run / ".lock").read_bytes() == b"4711"
    put(run / ".lock", b'{"pid": 1, "ho')  # a command was killed while it wrote
    assert synthgen("filter", run, "-q").returncode == 0


def test_scratch_that_killed_commands_left_is_cleared_away_and_nothing_else(run: Path) -> None:
    put(run / ".synthgen-0123456789abcdef.part")
    put(run / "exports" / ".synthgen-killed" / MANIFEST, b'{"scratch": "beir"}')
    (run / "exports" / "beir").rename(run / "exports" / ".synthgen-killed" / ".before")
    mine = [run / "rows.part", run / ".synthgen-x.part", run / "exports" / ".synthgen-mine" / "poem.txt"]
    for path in mine:
        put(path)
    with RunFolder(run).held():
        assert (run / "exports" / "beir" / "corpus.jsonl").exists()
        assert not list(run.glob("**/.synthgen-[0k]*"))
        assert all(path.exists() for path in mine)


@pytest.mark.parametrize(
    ("output", "mine"), [("a", "a.part"), ("d.jsonl", "d.jsonl.part"), ("d.jsonl", "d-2.jsonl"), ("d", "d-2")]
)
def test_names_beside_an_export_are_nobodys(output: str, mine: str, run: Path, tmp_path: Path) -> None:
    for text in ("poem", "another"):
        put(tmp_path / mine, text.encode())
        assert synthgen("export", run, "-f", "st-pair", "-o", tmp_path / output).returncode == 0
        assert (tmp_path / mine).read_text(encoding="utf-8") == text
    assert {p.name for p in tmp_path.iterdir()} - {MANIFEST} == {"docs", "run", output, mine}


def test_a_kill_while_a_folder_is_replaced_does_not_take_it_away(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that exchanges names, as those of Linux do, there is no moment without the folder."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for format, other in (("beir", "st-pair"), ("corpus-text", "mteb")):
        assert synthgen("export", run, "-f", format, "-o", tmp_path / "out").returncode == 0
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", killed)
            synthgen("export", run, "-f", other, "-o", tmp_path / "out")
        assert list((tmp_path / "out").glob("*.jsonl"))

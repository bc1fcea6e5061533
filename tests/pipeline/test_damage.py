"""State of a run folder that was damaged: nothing is taken for whole that is not, and nothing is paid for again without a word."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from support import run_damage
from support.command_line import synthgen
from support.run_files import outputs, write_towns

from synthgen.pipeline.run_folder import RunFolder
from synthgen.testing import FakeOpenAI

TABLES = ("documents", "chunks", "triples", "rejected", "skipped")

DAMAGES: dict[str, Callable[[Path], object]] = {
    "fewer rows": lambda path: pq.write_table(pq.read_table(path).slice(0, max(0, pq.read_table(path).num_rows - 1)), path),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "junk": lambda path: path.write_bytes(b"this is no table\n" * 40),
    "one byte": lambda path: path.write_bytes(path.read_bytes()[:60] + b"\xff" + path.read_bytes()[61:]),
    "gone": Path.unlink,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory, server: FakeOpenAI) -> Path:
    """A finished run that has paid for calls, beside its documents."""
    return run_damage.made(tmp_path_factory.mktemp("paid"), server, trained=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, server: FakeOpenAI) -> Path:
    """The same, with a tuned encoder."""
    return run_damage.made(tmp_path_factory.mktemp("trained"), server)


@pytest.fixture
def run(paid: Path, tmp_path: Path) -> Path:
    shutil.copytree(paid.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def said(*arguments: object) -> str:
    """The one paragraph that a command ends with."""
    done = synthgen(*arguments, key="sk-fake")
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("synthgen: ")]
    return line


def docs(run: Path) -> Path:
    return run.parent / "docs"


def rows(run: Path) -> dict[str, bytes]:
    return {name: content for name, content in outputs(run).items() if not name.startswith("hub/")}


@pytest.mark.parametrize(
    ("table", "how"),
    [
        ("documents", "fewer rows"),
        ("documents", "cut"),
        ("chunks", "fewer rows"),
        ("chunks", "one byte"),
        ("chunks", "gone"),
        ("triples", "fewer rows"),
        ("triples", "junk"),
        ("rejected", "empty"),
        ("skipped", "cut"),
    ],
)
def test_a_damaged_table_is_made_anew(run: Path, server: FakeOpenAI, table: str, how: str) -> None:
    before, asked, path = rows(run), len(server.log), RunFolder(run).table(table)
    DAMAGES[how](path)
    done = synthgen("filter", run, "-q")
    assert (done.returncode, rows(run)) == (0, before), done.stderr
    DAMAGES[how](path)
    done = synthgen("run", docs(run), run, "-q", key="sk-fake")
    assert (done.returncode, rows(run)) == (0, before), done.stderr
    assert f"{path.name}" in (run / "run.log").read_text(encoding="utf-8")
    assert len(server.log) == asked


@pytest.mark.parametrize(
    ("table", "verb", "remedy", "how"),
    [
        *(("triples", ("show",), "`synthgen filter ", how) for how in DAMAGES),
        ("triples", ("export", "-f", "raft", "-o", "-"), "`synthgen filter ", "fewer rows"),
        ("triples", ("train",), "`synthgen filter ", "one byte"),
        ("triples", ("push", "ann/towns", "--license", "mit", "--dry-run"), "`synthgen filter ", "fewer rows"),
        ("rejected", ("show", "--rejected"), "`synthgen filter ", "empty"),
        ("skipped", ("show", "--skipped"), "`synthgen run ", "junk"),
        ("chunks", ("show",), "`synthgen run ", "fewer rows"),
        ("chunks", ("status",), "`synthgen run ", "gone"),
        ("chunks", ("batch", "submit"), "`synthgen run ", "fewer rows"),
        ("documents", ("export", "-f", "beir", "-o", "-"), "`synthgen run ", "fewer rows"),
        ("documents", ("status",), "`synthgen run ", "cut"),
    ],
)
def test_a_verb_that_needs_a_damaged_table_says_how_to_have_it_anew(
    run: Path, table: str, verb: tuple[str, ...], remedy: str, how: str
) -> None:
    DAMAGES[how](RunFolder(run).table(table))
    at = 2 if verb[0] == "batch" else 1
    paragraph = said(*verb[:at], run, *verb[at:])
    assert f"{table}.parquet" in paragraph
    assert remedy in paragraph


def test_documents_and_chunks_without_the_folder_of_the_documents(run: Path) -> None:
    before = rows(run)
    shutil.rmtree(docs(run))
    DAMAGES["fewer rows"](RunFolder(run).table("chunks"))
    assert synthgen("filter", run, "-q").returncode == 0
    assert rows(run) == before
    DAMAGES["fewer rows"](RunFolder(run).table("documents"))
    assert "documents.parquet has 7 rows, and 8 were written. Run `synthgen run" in said("filter", run)


def test_other_documents_are_not_taken_for_those_of_the_run(run: Path) -> None:
    (docs(run) / "Bree.md").write_text("# Bree\n\nA fifth road was built to the hill in spring.\n", encoding="utf-8")
    DAMAGES["cut"](RunFolder(run).table("documents"))
    assert "documents.parquet is damaged" in said("filter", run)


def test_the_passages_of_imported_rows_are_known_to_their_file_alone(tmp_path: Path) -> None:
    write_towns(tmp_path / "docs")
    run, file = tmp_path / "run", tmp_path / "rows.jsonl"
    file.write_text(
        '{"query": "How many roads meet at Bree?", "context": "Four roads meet below its hill."}\n', encoding="utf-8"
    )
    command = ("import", file, tmp_path / "docs", run, "--set", "filters.order=[format]", "-q")
    assert synthgen(*command).returncode == 0
    before = rows(run)
    for table, how in (("candidates", "fewer rows"), ("candidates", "gone"), ("chunks", "fewer rows"), ("documents", "cut")):
        DAMAGES[how](RunFolder(run).table(table))
        paragraph = said("filter", run)
        assert f"{table}.parquet" in paragraph
        assert "Run the same command again, which makes it anew" in paragraph
        done = synthgen(*command)
        assert (done.returncode, rows(run)) == (0, before), done.stderr


def test_a_run_folder_of_an_earlier_version_goes_on(run: Path, server: FakeOpenAI) -> None:
    """It has neither counts nor digests; what its tables and its report show is all there is."""
    stored = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert sorted(stored["tables"]) == sorted(TABLES)
    del stored["tables"], stored["paid"]
    (run / "config.yaml").write_text(yaml.safe_dump(stored), encoding="utf-8")
    before, asked = rows(run), len(server.log)
    for command in (("status", run), ("show", run), ("filter", run, "-q")):
        assert synthgen(*command).returncode == 0
    DAMAGES["cut"](RunFolder(run).table("triples"))
    DAMAGES["cut"](RunFolder(run).table("rejected"))
    assert synthgen("run", docs(run), run, "-q", key="sk-fake").returncode == 0
    assert (rows(run), len(server.log)) == (before, asked)


# --- what was paid for ------------------------------------------------------------------------------------------------

LOSSES: dict[str, Callable[[Path], object]] = {
    "0 bytes": lambda path: path.write_bytes(b""),
    "gone": Path.unlink,
    "a new store": lambda path: (path.unlink(), synthgen_store(path)),
    "junk": lambda path: path.write_bytes(b"junk" * 2_000),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:4096]),
    "an answer less": lambda path: deleted(path),
}


def synthgen_store(path: Path) -> None:
    from synthgen.llm.call_store import CallStore

    CallStore(path).close()


def deleted(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM calls WHERE key = (SELECT min(key) FROM calls WHERE status = 'ok')")
    connection.close()


@pytest.mark.parametrize(
    ("verb", "how"),
    [
        *(("run", how) for how in LOSSES),
        *((verb, "0 bytes") for verb in ("update", "retry", "filter", "plan", "status", "submit", "elsewhere")),
    ],
)
def test_lost_answers_are_not_paid_for_again_without_a_word(run: Path, server: FakeOpenAI, verb: str, how: str) -> None:
    command = {
        "run": ("run", docs(run), run),
        "update": ("run", docs(run), run, "--update", "--set", "generation.per_chunk=2"),
        "elsewhere": ("run", docs(run), run, "--store", run.parent / "other.sqlite"),
        "plan": ("plan", docs(run), run),
        "submit": ("batch", "submit", run),
    }.get(verb, (verb, run))
    for path in run.glob("calls.sqlite-*"):
        path.unlink()
    LOSSES[how](run / "calls.sqlite")
    before, asked = rows(run), len(server.log)
    assert "calls.sqlite" in said(*command)
    assert len(server.log) == asked
    assert rows(run) == before
    assert (run / "report.json").exists()


def test_a_run_that_was_stopped_knows_it_too(tmp_path: Path, server: FakeOpenAI) -> None:
    run, given = tmp_path / "run", ("-m", "openai/fake-model", "--base-url", server.base_url, "-q")
    write_towns(tmp_path / "docs")
    assert synthgen("run", docs(run), run, *given, "--max-calls", "3", key="sk-fake").returncode == 3
    (run / "calls.sqlite").write_bytes(b"")
    asked = len(server.log)
    assert "This run has paid for 3 answers or batches" in said("run", docs(run), run)
    assert len(server.log) == asked


def test_a_killed_run_knows_it_too(tmp_path: Path, server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the first answers are stored, and not only when the store is closed."""
    from synthgen.pipeline import stores

    run, given = tmp_path / "run", ("-m", "openai/fake-model", "--base-url", server.base_url, "-q")
    write_towns(tmp_path / "docs")
    monkeypatch.setattr(stores._RunStore, "close", lambda self: super(stores._RunStore, self).close())
    assert synthgen("run", docs(run), run, *given, "--max-calls", "3", key="sk-fake").returncode == 3
    (run / "calls.sqlite").write_bytes(b"")
    assert "This run has paid for 1 answers or batches" in said("run", docs(run), run)


def test_the_report_of_an_earlier_version_says_what_was_paid_for(run: Path) -> None:
    stored = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    del stored["tables"], stored["paid"]
    (run / "config.yaml").write_text(yaml.safe_dump(stored), encoding="utf-8")
    (run / "calls.sqlite").write_bytes(b"")
    assert "This run has paid for 8 answers or batches" in said("run", docs(run), run)


def test_they_are_paid_for_again_when_somebody_says_so(run: Path, server: FakeOpenAI) -> None:
    before, asked, config = rows(run), len(server.log), run / "config.yaml"
    (run / "calls.sqlite").unlink()
    assert "`paid: 0`" in said("run", docs(run), run)
    config.write_text(config.read_text(encoding="utf-8").replace("paid: 8", "paid: 0"), encoding="utf-8")
    assert synthgen("run", docs(run), run, "-q", key="sk-fake").returncode == 0
    assert (rows(run), len(server.log) - asked) == (before, 8)
    assert "paid: 8" in config.read_text(encoding="utf-8")


def test_a_run_that_paid_for_nothing_starts_again(tmp_path: Path, server: FakeOpenAI) -> None:
    run = tmp_path / "run"
    write_towns(tmp_path / "docs")
    given = ("-m", "openai/fake-model", "--set", "training.enabled=false", "-q")
    nobody = ("--base-url", "http://127.0.0.1:9/v1", "--patience", "0")
    assert synthgen("run", docs(run), run, *given, *nobody, key="sk-fake").returncode == 1
    (run / "calls.sqlite").write_bytes(b"")
    assert synthgen("run", docs(run), run, *given, "--base-url", server.base_url, key="sk-fake").returncode == 0


# --- config.yaml and the model ----------------------------------------------------------------------------------------

CONFIGS = {
    "Latin-1": lambda content: content.replace(b"docs: ../docs", "docs: ../d\u00f6cs".encode("latin-1")),
    "only settings": lambda _: b"config: {}\n",
    "empty": lambda _: b"",
    "a list": lambda _: b"- a\n- b\n",
    "a scalar": lambda _: b"yes",
    "cut": lambda content: content[:90],
    "junk": lambda _: bytes(range(256)),
    "docs is a list": lambda content: content.replace(b"docs: ../docs", b"docs: [1]"),
    "docs is nothing": lambda content: content.replace(b"docs: ../docs", b"docs:"),
    "tables is a list": lambda content: content.replace(b"\ntables:", b"\ntables: [1]\nx:"),
    "tables hold text": lambda content: content.replace(b"\ntables:", b"\ntables: {chunks: no}\nx:"),
    "generation is text": lambda content: content.replace(b"\ngeneration:", b"\ngeneration: no\nx:"),
    "settings are text": lambda content: content.replace(b"\nconfig:", b"\nconfig: no\nx:"),
    "an unknown setting": lambda content: content.replace(b"per_chunk", b"per_chank"),
    "a date that is none": lambda content: content.replace(b"seed: 0", b"seed: 2024-99-99"),
    "a tag that does not fit": lambda content: content.replace(b"seed: 0", b"seed: !!int x"),
    "a bool that is none": lambda content: content.replace(b"seed: 0", b"seed: !!bool x"),
}


@pytest.mark.parametrize("how", CONFIGS)
def test_a_damaged_config_is_one_paragraph(run: Path, server: FakeOpenAI, how: str) -> None:
    config = run / "config.yaml"
    changed = CONFIGS[how](config.read_bytes())
    assert changed != config.read_bytes()
    config.write_bytes(changed)
    before, asked = rows(run), len(server.log)
    for command in (
        ("run", docs(run), run),
        ("status", run),
        ("export", run, "-f", "beir", "-o", "-"),
        ("filter", run),
        ("plan", docs(run), run),
    ):
        assert f"{config} is damaged, or not a run's configuration: " in said(*command)
    assert (rows(run), len(server.log), config.read_bytes()) == (before, asked, changed)


MODELS: dict[str, Callable[[Path], object]] = {
    "cut weights": lambda model: cut(next(model.rglob("*.safetensors"))),
    "no weights": lambda model: next(model.rglob("*.safetensors")).unlink(),
    "a pickle": lambda model: next(model.rglob("*.safetensors")).write_bytes(PICKLE),
    "an empty tokenizer": lambda model: next(model.rglob("tokenizer.json")).write_bytes(b""),
    "a tokenizer of junk": lambda model: next(model.rglob("tokenizer.json")).write_bytes(b'{"model": 3}'),
    "cut modules": lambda model: cut(model / "modules.json"),
    "empty facts": lambda model: (model / "synthgen.json").write_bytes(b""),
    "cut facts": lambda model: cut(model / "synthgen.json"),
    "facts of something else": lambda model: (model / "synthgen.json").write_bytes(b"[1, 2]"),
    "facts in Latin-1": lambda model: (model / "synthgen.json").write_bytes(b'{"start": "\xe9"}'),
}
PICKLE = b"cposix\nsystem\n(S'touch /nowhere/executed'\ntR."


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("digests", [True, False], ids=["with digests", "of an earlier version"])
@pytest.mark.parametrize("how", MODELS)
def test_a_damaged_model_is_one_paragraph(trained: Path, tmp_path: Path, how: str, digests: bool) -> None:
    shutil.copytree(trained.parent, tmp_path, dirs_exist_ok=True)
    run = tmp_path / "run"
    facts = run / "model" / "synthgen.json"
    if not digests:
        facts.write_text(facts.read_text(encoding="utf-8").replace('"files"', '"other"'), encoding="utf-8")
    MODELS[how](run / "model")
    paragraph = said("evaluate", run, "--queries", run.parent / "queries")
    assert str(run / "model") in paragraph
    if digests or "facts" in how:
        assert f"Tune it again with `synthgen train {run}`." in paragraph


# --- anything, anywhere -----------------------------------------------------------------------------------------------


def test_random_damage(trained: Path, tmp_path: Path, server: FakeOpenAI) -> None:
    """A small part of `benchmarks/run_damage.py`."""
    assert list(run_damage.found(trained, tmp_path, server, range(30))) == []

"""What a later command on a run folder goes on with, what it may replace, and what is kept of rows that cost money."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.run_files import RIVERS, write_rivers, write_towns
from typer.testing import CliRunner, Result

import synthgen as sg
from synthgen.cli.main import app
from synthgen.errors import ConfigError, ModelError, RunFolderError, StoppedEarly
from synthgen.pipeline import plan as planning
from synthgen.pipeline.refilter import refilter
from synthgen.pipeline.rows import rows
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.run_settings import import_settings, run_settings
from synthgen.pipeline.status import status
from synthgen.testing import FakeOpenAI, Fault

MODEL = "openai/fake-model"
FAST: dict[str, Any] = {"training": {"enabled": False}, "exports": {"formats": ["openai-chat"]}}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write_rivers(tmp_path / "docs")


def at(server: FakeOpenAI, **more: Any) -> dict[str, Any]:
    return FAST | {"llm": {"base_url": server.base_url}} | more


def paid(docs: Path, run: Path, server: FakeOpenAI, **more: Any) -> bytes:
    """A run with a model; returns its rows."""
    sg.run(docs, run, model=MODEL, settings=at(server, **more))
    return table(run)


def table(run: Path) -> bytes:
    return (run / "triples.parquet").read_bytes()


def chats(server: FakeOpenAI) -> int:
    return sum(logged.path.endswith("chat/completions") for logged in server.log)


def synthgen(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# A command goes on with what the run has


@pytest.mark.parametrize(
    "verb",
    [
        ["plan", "DOCS", "RUN"],
        ["plan", "DOCS", "RUN", "--pilot", "2"],
        ["run", "DOCS", "RUN"],
        ["run", "DOCS", "RUN", "--update"],
        ["run", "DOCS", "RUN", "--set", "distractors.num=5"],
        ["retry", "RUN"],
        ["filter", "RUN"],
        ["export", "RUN", "-f", "raft"],
        ["batch", "submit", "RUN"],
        ["batch", "submit", "RUN", "--docs", "DOCS"],
        ["status", "RUN"],
    ],
    ids=" ".join,
)
def test_a_verb_without_a_model_goes_on_with_that_of_the_run(docs: Path, tmp_path: Path, verb: list[str]) -> None:
    run = tmp_path / "run"
    with FakeOpenAI() as server:
        before, asked = paid(docs, run, server, generation={"per_chunk": 2}), chats(server)
        done = synthgen(*(str(docs if word == "DOCS" else run if word == "RUN" else word) for word in verb))
        assert done.exit_code == 0, done.stderr
        assert chats(server) == asked, "every answer is there"
    config, _ = RunFolder(run).open()
    assert (config.model, config.generation.per_chunk, config.training.enabled) == (MODEL, 2, False)
    assert table(run) == before
    assert not (run / "replaced").exists()


def test_a_plan_prices_the_model_of_the_run(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        paid(docs, tmp_path / "run", server)
        (docs / "Bruinen.md").write_text("# Bruinen\n\nThe Bruinen is loud. It has one ford and rises in the north.\n")
        planned = planning.plan(docs, tmp_path / "run", config=run_settings(tmp_path / "run"))
        assert (planned.model, planned.changes) == (MODEL, [])
        assert [(step.calls, step.stored) for step in planned.calls] == [(1, len(RIVERS))]
    assert "$0" not in synthgen("plan", docs, tmp_path / "run").stdout


@pytest.mark.parametrize("door", ["settings", "config file", "Config"])
def test_python_goes_on_with_the_model_of_the_run_too(docs: Path, tmp_path: Path, door: str) -> None:
    run, file = tmp_path / "run", tmp_path / "config.yaml"
    file.write_text("training: {enabled: false}\n")
    with FakeOpenAI() as server:
        before = paid(docs, run, server)
        if door == "settings":
            sg.run(docs, run, settings=FAST)
        else:
            sg.run(docs, run, config=file if door == "config file" else sg.Config.build({"training": {"enabled": False}}))
        assert chats(server) == len(RIVERS)
    assert table(run) == before


def test_a_sample_and_a_cap_are_of_one_command_and_hold_for_a_model_that_is_not_named(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        settings = at(server, generation={"limit": 3}) | {"llm": {"base_url": server.base_url, "max_calls": 4}}
        sg.run(docs, tmp_path / "run", model=MODEL, settings=settings)
        sg.run(docs, tmp_path / "run")
        assert chats(server) == 3, "nobody asked for more"
        with pytest.raises(StoppedEarly, match=r"llm\.max_calls = 4"):
            sg.run(docs, tmp_path / "run", settings={"generation": {"limit": None}})
        sg.run(docs, tmp_path / "run", model=MODEL)
        assert chats(server) == len(RIVERS)
    sg.run(docs, tmp_path / "rules", settings=FAST | {"generation": {"limit": 2}})
    assert len({row.chunk_id for row in sg.run(docs, tmp_path / "rules").kept}) > 2


def test_an_address_is_not_taken_to_another_provider(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        paid(docs, tmp_path / "run", server)
    other = run_settings(tmp_path / "run", overrides={"model": "support.second_provider:Utterances/bard"})
    assert (other.llm.base_url, other.training.enabled) == (None, False)
    same = run_settings(tmp_path / "run", overrides={"model": "openai/other"})
    assert same.llm.base_url == server.base_url


def test_an_imported_run_has_no_model_to_go_on_with(docs: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    context = "The Anduin is 100 miles long. It rises in the hills of number 1 and has 1 bridges."
    file.write_text(json.dumps({"query": "How long is the Anduin?", "answer": "100 miles", "context": context}) + "\n")
    settings = FAST | {"filters": {"order": ["format"]}}
    sg.import_rows(file, docs, tmp_path / "run", settings=settings)
    before = table(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"come from a file.*name a model"):
        sg.run(docs, tmp_path / "run", update=True)
    assert import_settings(tmp_path / "run", "question").filters.order == ["format"]
    assert import_settings(tmp_path / "run", "classification").filters.order != ["format"]
    sg.import_rows(file, docs, tmp_path / "run")
    assert table(tmp_path / "run") == before
    sg.run(docs, tmp_path / "run", model="extractive", update=True)
    assert table(tmp_path / "run" / "replaced" / "1") == before


# A change is named, and what cost money is kept


def change(**given: Any) -> tuple[str, dict[str, Any]]:
    return given.pop("model", ""), given


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (change(model="extractive"), "model changed: openai/fake-model → extractive"),
        (change(model="openai/prim-model"), "model changed: openai/fake-model → openai/prim-model"),
        (change(generation={"prompt": ["howto"]}), "prompts changed: question → howto"),
        (change(generation={"per_chunk": 1}), "per_chunk changed: 3 → 1"),
        (change(llm={"temperature": 0.2}), "sampling changed: temperature 0.7 → 0.2"),
        (change(llm={"endpoint_id": "ours"}), "endpoint changed: http"),
        (change(chunking={"max_tokens": 128}), "chunking changed: max_tokens 256 → 128"),
        (change(seed=7), "seed changed: 0 → 7"),
    ],
)
def test_rows_that_cost_money_are_kept_when_others_take_their_place(
    docs: Path, tmp_path: Path, given: tuple[str, dict[str, Any]], named: str, caplog: pytest.LogCaptureFixture
) -> None:
    run, (model, settings) = tmp_path / "run", given
    with FakeOpenAI(models=("fake-model", "prim-model")) as server:
        before = paid(docs, run, server)
        with pytest.raises(RunFolderError, match=rf"{named}.*--update.*replaced"):
            sg.run(docs, run, model=model or None, settings=settings)
        assert table(run) == before
        sg.run(docs, run, model=model or None, settings=settings, update=True)
        kept = run / "replaced" / "1"
        assert f"are kept in {kept}" in caplog.text
        assert table(kept) == before
        assert len(rows(kept, 3)[0]) == 3, "they can be read"
        assert status(kept).model == MODEL
        assert synthgen("export", kept, "-f", "openai-chat", "-o", "-").exit_code == 0
        asked = chats(server)
        sg.run(docs, run, model=MODEL, settings=at(server, generation={}, seed=0), config=None, update=True)
        assert chats(server) == asked or settings.get("generation") or settings.get("llm"), "the answers are there, too"


def test_the_command_line_says_what_changes_and_where_the_rows_are(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with FakeOpenAI() as server:
        paid(docs, run, server)
    refused = synthgen("run", docs, run, "-m", "extractive")
    assert (refused.exit_code, "model changed: openai/fake-model → extractive" in refused.stderr) == (1, True)
    planned = synthgen("plan", docs, run, "-m", "extractive")
    assert "model changed: openai/fake-model → extractive), so the run needs --update" in planned.stdout
    done = synthgen("run", docs, run, "-m", "extractive", "--update")
    assert (done.exit_code, f"kept in {run / 'replaced' / '1'}" in done.stderr) == (0, True)


def test_the_same_rows_are_kept_once(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with FakeOpenAI() as server:
        paid(docs, run, server)
        for model in ("extractive", MODEL, "extractive", MODEL):
            sg.run(docs, run, model=model, settings=at(server), update=True)
        assert chats(server) == len(RIVERS)
    assert [path.name for path in (run / "replaced").iterdir()] == ["1"]


def test_answers_that_a_model_wrote_are_kept_when_another_style_takes_their_place(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with FakeOpenAI() as server:
        paid(docs, run, server, answers={"styles": {"plain": "Write one plain sentence."}})
        refilter(run, settings=["distractors.num=4"])
        assert not (run / "replaced").exists(), "they are the same answers"
        before = table(run)
        refilter(run, settings=["answers.styles={grand: Write like a herald.}"])
    assert table(run / "replaced" / "1") == before


def test_rows_that_rules_made_are_not_kept(docs: Path, tmp_path: Path) -> None:
    sg.run(docs, tmp_path / "run", settings=FAST)
    with pytest.raises(RunFolderError, match=r"per_chunk changed: 3 → 1\)\. Add --update to generate again \(answers"):
        sg.run(docs, tmp_path / "run", settings={"generation": {"per_chunk": 1}})
    sg.run(docs, tmp_path / "run", settings={"generation": {"per_chunk": 1}}, update=True)
    assert not (tmp_path / "run" / "replaced").exists()


# A run that made nothing holds nothing back


def fails_with(fault: Fault, **llm: Any) -> Callable[[Path, Path], None]:
    def fail(docs: Path, run: Path) -> None:
        with FakeOpenAI(script=lambda _: fault) as server, pytest.raises((ModelError, StoppedEarly)):
            sg.run(docs, run, model=MODEL, settings=FAST | {"llm": {"base_url": server.base_url, **llm}})

    return fail


def nobody(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server:
        gone = server.base_url
    with pytest.raises(ModelError, match="Nothing answers"):
        sg.run(docs, run, model=MODEL, settings=FAST | {"llm": {"base_url": gone}})


def no_money(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server, pytest.raises(StoppedEarly):
        sg.run(docs, run, model=MODEL, settings=FAST | {"llm": {"base_url": server.base_url, "max_total_tokens": 1}})


def interrupted(docs: Path, run: Path) -> None:
    def stop(event: Any) -> None:
        if event.meter is not None:
            raise KeyboardInterrupt

    with FakeOpenAI(latency_s=5) as server, pytest.raises(KeyboardInterrupt):
        sg.run(docs, run, model=MODEL, settings=FAST | {"llm": {"base_url": server.base_url, "grace_s": 0}}, on_event=stop)


FAILURES = {
    "401": fails_with(Fault("key")),
    "404": fails_with(Fault("model")),
    "402": fails_with(Fault("error", status=402)),
    "402 in a success": fails_with(Fault("body", message='{"error": {"code": 402}}')),
    "sign-in page": fails_with(Fault("bad_json")),
    "429 for ever": fails_with(Fault("rate_limit", retry_after="60"), patience_s=0.2),
    "nobody there": nobody,
    "no money": no_money,
    "Ctrl-C": interrupted,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_run_that_made_nothing_may_be_made_with_another_model(docs: Path, tmp_path: Path, failure: str) -> None:
    run = tmp_path / "run"
    FAILURES[failure](docs, run)
    with FakeOpenAI(models=("prim-model",)) as server:
        result = sg.run(docs, run, model="openai/prim-model", settings=at(server, generation={"per_chunk": 1}))
    assert result.kept
    assert not (run / "replaced").exists()


@pytest.mark.parametrize("store", ["its own", "shared"])
def test_a_run_with_one_answer_is_changed_by_name(docs: Path, tmp_path: Path, store: str) -> None:
    run, llm = tmp_path / "run", {"store": str(tmp_path / "all.sqlite") if store == "shared" else None}
    with FakeOpenAI(models=("fake-model", "prim-model")) as server:
        settings = at(server) | {"llm": {"base_url": server.base_url, "max_calls": 1, **llm}}
        with pytest.raises(StoppedEarly):
            sg.run(docs, run, model=MODEL, settings=settings)
        with pytest.raises(RunFolderError, match=r"model changed: openai/fake-model → openai/prim-model.*--update"):
            sg.run(docs, run, model="openai/prim-model")


def test_answers_of_other_runs_in_a_shared_store_hold_nothing_back(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        shared = {"llm": {"base_url": server.base_url, "store": str(tmp_path / "all.sqlite")}}
        sg.run(write_towns(tmp_path / "towns"), tmp_path / "other", model=MODEL, settings=FAST | shared)
    with FakeOpenAI(script=lambda _: Fault("key")) as server, pytest.raises(ModelError):
        shared["llm"]["base_url"] = server.base_url
        sg.run(docs, tmp_path / "run", model=MODEL, settings=FAST | shared)
    assert sg.run(docs, tmp_path / "run", model="extractive").kept


# The documents are known by what they hold


def moved(docs: Path, run: Path) -> tuple[Path, Path]:
    return docs.rename(docs.with_name("pages")), run


def moved_away(docs: Path, run: Path) -> tuple[Path, Path]:
    (docs.parent / "deep" / "er").mkdir(parents=True)
    return docs.rename(docs.parent / "deep" / "er" / "docs"), run


def run_moved(docs: Path, run: Path) -> tuple[Path, Path]:
    (run.parent / "runs").mkdir()
    return docs, run.rename(run.parent / "runs" / "one")


def copied(docs: Path, run: Path) -> tuple[Path, Path]:
    return Path(shutil.copytree(docs, docs.with_name("copy"))), run


def renamed_and_edited(docs: Path, run: Path) -> tuple[Path, Path]:
    (docs / "Lune.md").write_text("# Lune\n\nThe Lune flows into the gulf, and nobody has measured it.\n")
    return docs.rename(docs.with_name("pages")), run


def linked(docs: Path, run: Path) -> tuple[Path, Path]:
    (link := docs.with_name("link")).symlink_to(docs)
    return link, run


def slash(docs: Path, run: Path) -> tuple[Path, Path]:
    return Path(f"{docs}/../docs/"), run


@pytest.mark.parametrize("move", [moved, moved_away, run_moved, copied, renamed_and_edited, linked, slash])
def test_a_folder_of_the_same_documents_is_theirs_wherever_it_stands(
    docs: Path, tmp_path: Path, move: Callable[[Path, Path], tuple[Path, Path]]
) -> None:
    with FakeOpenAI() as server:
        paid(docs, tmp_path / "run", server)
        here, run = move(docs, tmp_path / "run")
        sg.run(here, run)
        assert chats(server) <= len(RIVERS) + 1
    assert Path(status(run).documents).resolve() == here.resolve()


@pytest.mark.parametrize("cwd", [".", "docs", "elsewhere"])
def test_where_a_command_is_given_does_not_matter(
    docs: Path, tmp_path: Path, cwd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    sg.run("docs", "run", settings=FAST)
    monkeypatch.chdir(tmp_path / cwd)
    up = "." if cwd == "." else ".."
    sg.run(f"{up}/docs", f"{up}/run")
    sg.run(docs, tmp_path / "run")
    shown = status(tmp_path / "run").documents
    assert Path(shown).resolve() == docs
    assert shown == {".": "docs", "docs": "."}.get(cwd, str(docs))


def others(docs: Path) -> Path:
    return write_towns(docs.with_name("towns"))


def a_part(docs: Path) -> Path:
    (part := docs.with_name("part")).mkdir()
    shutil.copy(docs / "Lune.md", part)
    return part


def all_rewritten(docs: Path) -> Path:
    (new := docs.with_name("new")).mkdir()
    for page in docs.iterdir():
        (new / page.name).write_text(f"# Rewritten\n\nNothing is left of {page.stem} but its name and two bridges.\n")
    return new


@pytest.mark.parametrize("other", [others, a_part, all_rewritten])
def test_other_documents_are_refused_and_counted(docs: Path, tmp_path: Path, other: Callable[[Path], Path]) -> None:
    sg.run(docs, tmp_path / "run", settings=FAST)
    here = other(docs)
    with pytest.raises(RunFolderError, match=rf"belongs to the documents in {docs}, not to {here} \(\d of its 8 documents"):
        sg.run(here, tmp_path / "run", update=True)


def test_other_documents_are_fine_where_nothing_was_made(docs: Path, tmp_path: Path) -> None:
    FAILURES["401"](docs, tmp_path / "run")
    assert sg.run(write_towns(tmp_path / "towns"), tmp_path / "run", model="extractive").kept

"""Runs with paid calls: what is repeated, what is shared, what comes first in a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.run_files import RIVERS, write_rivers

import synthgen as sg
from synthgen.config.settings import Config
from synthgen.errors import ConfigError, RunFolderError, StoppedEarly
from synthgen.llm.call_store import Call, CallStore
from synthgen.pipeline import batch as batches
from synthgen.pipeline import plan as planning
from synthgen.pipeline.retry import retry
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.status import status
from synthgen.records import Completion
from synthgen.testing import FakeOpenAI, Fault, Logged


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write_rivers(tmp_path / "docs")


def settings(server: FakeOpenAI, **generation: object) -> dict[str, object]:
    return {"llm": {"base_url": server.base_url}, "generation": generation, "training": {"enabled": False}}


def elsewhere(server: FakeOpenAI, store: Path | None) -> Config:
    """Settings with answers kept in `store`, or in the run folder."""
    llm = {"base_url": server.base_url, "store": store and str(store)}
    return Config.build({"model": "openai/fake-model", **settings(server), "llm": llm})


def test_a_retry_repeats_the_failed_calls_and_makes_the_tables_anew(docs: Path, tmp_path: Path) -> None:
    moody = True

    def script(request: Logged) -> Fault | None:
        return Fault("refusal") if moody and int(request.digest[:2], 16) % 2 else None

    with FakeOpenAI(script=script) as server:
        before = sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=settings(server)).report
        failed, asked = before["generation"]["failures"]["refusal"], len(server.log)
        assert 0 < failed < len(RIVERS)
        moody = False
        after = retry(tmp_path / "run")
        assert len(server.log) - asked == failed
        assert after["generation"]["calls_failed"] == 0
        assert after["generation"]["candidates"] > before["generation"]["candidates"]
        again = retry(tmp_path / "run")
        assert (len(server.log) - asked, again["funnel"]) == (failed, after["funnel"])


@pytest.mark.slow
def test_a_retry_cannot_ask_something_else(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=settings(server))
        with pytest.raises(ConfigError, match="repeats calls as they were, so it cannot change sampling"):
            retry(tmp_path / "run", settings=["llm.temperature=1"])
    sg.run(docs, tmp_path / "rules", settings={"training": {"enabled": False}})
    with pytest.raises(ConfigError, match="no calls to repeat"):
        retry(tmp_path / "rules")


@pytest.mark.slow
def test_a_shared_store_takes_over_what_the_run_folder_has(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=settings(server))
        asked = len(server.log)
        session = settings(server)
        session["llm"] = {"base_url": server.base_url, "store": str(tmp_path / "shared.sqlite")}
        sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=session)
        sg.run(docs, tmp_path / "other", model="openai/fake-model", settings=session)
        assert len(server.log) == asked
    with CallStore(tmp_path / "shared.sqlite", read_only=True) as store:
        assert store.totals().ok == asked
    assert not RunFolder(tmp_path / "other").calls.exists()


@pytest.mark.slow
def test_a_run_does_not_pay_for_what_waits_in_a_batch(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with FakeOpenAI(batch_delay_s=0.5) as server:
        config = Config.build({"model": "openai/fake-model", **settings(server)})
        submitted = batches.submit(run, docs=docs, config=config)["submitted"]
        with pytest.raises(RunFolderError, match=rf"{submitted} calls of this run wait in batches.*batch collect"):
            sg.run(docs, run, config=config)
        while batches.collect(run)["waiting"]:
            pass
        asked = len(server.log)
        report = sg.run(docs, run, config=config).report
        assert (report["generation"]["calls_ok"], len(server.log)) == (len(RIVERS), asked)


@pytest.mark.slow
def test_a_run_does_not_leave_a_store_with_open_batches(docs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with FakeOpenAI(batch_delay_s=0.5) as server:
        submitted = batches.submit(run, docs=docs, config=elsewhere(server, None))["submitted"]
        asked = len(server.log)
        for move in (
            lambda: sg.run(docs, run, config=elsewhere(server, tmp_path / "other.sqlite")),
            lambda: batches.submit(run, docs=docs, config=elsewhere(server, tmp_path / "other.sqlite")),
        ):
            with pytest.raises(RunFolderError, match=r"holds batches that are not collected.*batch collect"):
                move()
        assert len(server.log) == asked
        assert status(run)["calls"]["waiting"] == submitted, "the run is where it was"
        while batches.collect(run)["waiting"]:
            pass
        asked = sum(logged.path.endswith("chat/completions") for logged in server.log)
        sg.run(docs, run, config=elsewhere(server, tmp_path / "other.sqlite"))
        assert sum(logged.path.endswith("chat/completions") for logged in server.log) == asked


@pytest.mark.slow
def test_a_run_takes_its_answers_along_to_another_store_and_back(docs: Path, tmp_path: Path) -> None:
    stores = [tmp_path / "x.sqlite", None, tmp_path / "y.sqlite", tmp_path / "x.sqlite"]
    with FakeOpenAI() as server:
        for store in stores:
            sg.run(docs, tmp_path / "run", config=elsewhere(server, store))
            assert len(server.log) == len(RIVERS)


def test_the_run_folders_own_store_may_be_named(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with FakeOpenAI() as server:
        for store in (None, Path("run/calls.sqlite")):
            sg.run(docs, "run", config=elsewhere(server, store))
        assert len(server.log) == len(RIVERS)
    assert not status("run")["spent"]["shared"]


@pytest.mark.slow
def test_another_endpoint_needs_an_update(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server, FakeOpenAI() as other:
        sg.run(docs, tmp_path / "run", config=elsewhere(server, None))
        with pytest.raises(RunFolderError, match=r"endpoint changed.*--update"):
            sg.run(docs, tmp_path / "run", config=elsewhere(other, None))
        assert other.log == []
        sg.run(docs, tmp_path / "run", config=elsewhere(other, None), update=True)
        assert len(other.log) == len(RIVERS)
    rules = {"training": {"enabled": False}}
    for url in ("http://mordor/v1", "http://shire/v1"):
        sg.run(docs, tmp_path / "rules", settings={**rules, "llm": {"base_url": url}})


def test_with_the_passage_first_the_prompts_share_their_beginning(docs: Path, tmp_path: Path) -> None:
    prompts = ["question", "howto"]
    with FakeOpenAI() as server:
        with_layout = settings(server, prompt=prompts, layout="passage_first")
        result = sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=with_layout)
        assert {row.kind for row in result.kept} == {"question", "howto"}
        assert len(server.log) == 2 * len(RIVERS)
        by_passage: dict[str, list[str]] = {}
        for logged in server.log:
            asked = logged.body["messages"][-1]["content"]
            passage, _, instructions = asked.partition("<<<end")
            by_passage.setdefault(passage, []).append(instructions)
            assert not any(river in logged.body["messages"][0]["content"] for river in RIVERS), "no document in the system role"
        assert len(by_passage) == len(RIVERS)
        assert all(len(set(instructions)) == 2 for instructions in by_passage.values())


def test_rows_in_a_notebook_come_from_the_store_that_the_settings_name(docs: Path, tmp_path: Path) -> None:
    chunks = sg.chunk(sg.load_documents(docs))
    with FakeOpenAI() as server:
        for _ in range(2):
            llm = {"base_url": server.base_url, "store": str(tmp_path / "mine.sqlite")}
            sg.generate(chunks, model="openai/fake-model", settings={"llm": llm})
        assert len(server.log) == len(RIVERS)


def test_a_notebook_without_a_store_is_told_that_its_answers_are_gone(docs: Path) -> None:
    chunks = sg.chunk(sg.load_documents(docs))
    with FakeOpenAI() as server, pytest.raises(StoppedEarly, match=r"max_calls = 2.*temporary store.*store=PATH"):
        sg.generate(chunks, model="openai/fake-model", settings={"llm": {"base_url": server.base_url, "max_calls": 2}})


def test_a_plan_counts_the_answers_that_the_run_would_take_along(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        sg.run(docs, tmp_path / "run", config=elsewhere(server, None))
        planned = planning.plan(docs, tmp_path / "run", config=elsewhere(server, tmp_path / "new.sqlite"))
        assert [calls["calls"] for calls in planned["calls"]] == [0]


@pytest.mark.slow
def test_calls_of_two_models_are_priced_each_at_its_own(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(models=("gpt-4o", "gpt-4o-mini", "prim-model")) as server:
        spent = []
        for model in ("gpt-4o", "gpt-4o-mini", "prim-model"):
            config = elsewhere(server, None).model_copy(update={"model": f"openai/{model}"})
            sg.run(docs, tmp_path / "run", config=config, update=True)
            spent.append(status(tmp_path / "run")["spent"])
    dear, both, unknown = spent
    assert dear["dollars"] < both["dollars"] < 1.5 * dear["dollars"]
    assert (unknown["dollars"], unknown["unpriced"]) == (None, ["prim-model"])


def test_a_bias_on_words_of_an_unknown_model_is_refused_before_any_call(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        biased = settings(server)
        biased["llm"] = {"base_url": server.base_url, "logit_bias": {"Sauron": -100}}
        with pytest.raises(ConfigError, match="tokens of the model 'fake-model' are not known"):
            sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=biased)
        assert server.log == []


def test_a_stored_failure_of_another_run_is_no_answer(tmp_path: Path) -> None:
    with CallStore(tmp_path / "a.sqlite") as store, CallStore(tmp_path / "b.sqlite") as other:
        other.put_many([Call(Completion("k", ""), "failed", "timeout")])
        store.merge(other.path)
        kept = store.get("k")
        assert kept is not None
        assert kept.ask_again

"""What `plan` says of the paid steps after generation, before and after they are taken."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.run_files import TOWNS, write_towns

import synthgen as sg
from synthgen.cli.views.plan import plan_text
from synthgen.cli.views.status import status_text
from synthgen.config.settings import Config
from synthgen.errors import ConfigError, StoppedEarly, SynthgenError
from synthgen.pipeline import plan as planning
from synthgen.pipeline.paid_steps import asked_models
from synthgen.pipeline.refilter import refilter
from synthgen.pipeline.status import status
from synthgen.testing import FakeOpenAI, Fault, Logged

Steps = list[tuple[str, str, int]]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write_towns(tmp_path / "docs")


def settings(server: FakeOpenAI) -> dict[str, Any]:
    return {
        "llm": {"base_url": server.base_url},
        "generation": {"per_chunk": 1},
        "filters": {
            "order": ["format", "lint", "grounding", "answer_check", "judge"],
            "options": {"answer_check": {"equivalence": True}},
        },
        "distractors": {"num": 2, "check": True},
        "splits": {"train": 1, "dev": 0},
        "training": {"enabled": False},
        "answers": {"reasoning": True, "styles": ["expert", "plain"]},
    }


def planned(docs: Path, folder: Path, values: dict[str, Any]) -> tuple[Steps, list[dict[str, Any]]]:
    calls = planning.plan(docs, folder, config=Config.build({"model": "openai/fake-model", **values}))["calls"]
    return [(step["stage"], step["prompt"], step["calls"]) for step in calls], calls


def reader(request: Logged) -> Fault | None:
    """Agrees in other words, clears every distractor, and has nothing for Moria."""
    system, user = (request.body["messages"][number]["content"] for number in (0, 1))
    if "You answer questions from a passage" in system:
        return _says({"quote": "none", "answer": "none" if "Miners" in user else "put in other words"})
    if "You compare two answers" in system:
        return _says({"agree": "yes"})
    if "You check training data" in system:
        fields = ("reason", "self_contained", "clear", "answerable", "supported", "answers")
        return _says(dict.fromkeys(fields, "yes") | {"answers": "no"})
    return None


def _says(item: dict[str, str]) -> Fault:
    return Fault("says", message=json.dumps({"items": [item]}))


@pytest.mark.slow
def test_every_paid_step_is_priced_in_the_order_of_a_run(docs: Path, tmp_path: Path) -> None:
    towns = len(TOWNS)
    with FakeOpenAI(script=reader) as server:
        steps, before = planned(docs, tmp_path / "run", settings(server))
        assert steps == [
            ("generate", "question", towns),
            ("answer_check", "answer_check", towns),
            ("answer_check", "same_answer", towns),
            ("judge", "judge", towns),
            ("distractor_check", "distractor_check", 2 * towns),
            ("raft_answer", "raft_answer", towns),
            ("styled_answer", "styled_answer", towns),
        ]
        assert not server.log
        sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=settings(server))
        sent = len(server.log)
        assert sent <= sum(calls for _, _, calls in steps)
        assert {calls for _, _, calls in planned(docs, tmp_path / "run", settings(server))[0]} == {0}
        assert len(server.log) == sent
    assert all(step["prompt_tokens"] > 0 for step in before)


def test_rows_go_on_unless_a_stored_answer_turns_them_away(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(script=reader) as server:
        first = settings(server)
        first["answers"], first["distractors"] = {}, {"num": 2}
        first["filters"] = first["filters"] | {"order": ["format", "lint", "grounding", "answer_check"]}
        kept = sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=first).kept
        assert len(kept) == len(TOWNS) - 1
        steps, _ = planned(docs, tmp_path / "run", settings(server))
        left = {stage: calls for stage, _, calls in steps if calls}
        one = len(kept)
        assert left == {"judge": one, "distractor_check": 2 * one, "raft_answer": one, "styled_answer": one}


@pytest.mark.slow
@pytest.mark.parametrize("clears", ["no", "yes"])
def test_checks_of_distractors_are_priced_through_all_their_rounds(docs: Path, tmp_path: Path, clears: str) -> None:
    """Interrupted at any point, no fewer calls are left than are then made, as far as answers are known, and no more than at most."""

    def script(request: Logged) -> Fault | None:
        refuses = clears == "yes" and "The passage was" in request.body["messages"][0]["content"]
        return _says({"reason": "so", "answers": "yes"}) if refuses else reader(request)

    towns, left = len(TOWNS), list[tuple[int, int, int]]()
    with FakeOpenAI(script=script) as server:
        values = settings(server)
        values["filters"], values["answers"] = {"order": ["format", "lint", "grounding"]}, {}
        for cap in (towns, 5, towns, 2 * towns, 3, 100):
            values["llm"]["max_calls"] = cap
            with suppress(StoppedEarly):
                sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=values)
            [*_, check] = planned(docs, tmp_path / "run", values)[1]
            left.append((len(server.log) - towns, check["calls"], check["at_most"]))
        state = status(tmp_path / "run")
        assert (state["later"], state["finished"]) == ({"distractor_check": 0}, True)
    made = left[-1][0]
    assert left[0] == (0, 2 * towns, 7 * towns), "each row can be asked about seven others"
    assert all(done + at_most >= made for done, _, at_most in left)
    assert all((calls > 0) == (done < made) for done, calls, _ in left)
    assert left[-1][1:] == (0, 0)
    assert made == (7 if clears == "yes" else 2) * towns


def test_what_failed_and_would_be_asked_again_is_taken_to_pass(docs: Path, tmp_path: Path) -> None:
    def script(request: Logged) -> Fault | None:
        return Fault("error", status=503) if "You check" in request.body["messages"][0]["content"] else None

    with FakeOpenAI(script=script) as server:
        values = settings(server)
        values["filters"] = {"order": ["format", "lint", "grounding", "judge"]}
        values["llm"] |= {"max_attempts": 1, "patience_s": 0.1}
        with pytest.raises(SynthgenError):
            sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=values)
        steps = {stage: calls for stage, _, calls in planned(docs, tmp_path / "run", values)[0]}
    assert steps["judge"] == steps["raft_answer"] == len(TOWNS)


def test_plan_says_what_refused_distractors_may_add(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        config = Config.build({"model": "openai/fake-model", **settings(server)})
        told = plan_text(planning.plan(docs, tmp_path / "run", config=config))
    assert told.count("at most 56 calls if passages are refused") == 1


def test_status_counts_what_later_steps_lack(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(script=reader) as server:
        values = settings(server)
        values["filters"] = {"order": ["format", "lint", "grounding", "judge"]}
        values["llm"]["max_calls"] = len(TOWNS) + 5
        with pytest.raises(StoppedEarly):
            sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=values)
        state = status(tmp_path / "run")
        assert state["calls"]["remaining"] == 0
        assert state["later"] == {"judge": 3, "distractor_check": 16, "raft_answer": 8, "styled_answer": 8}
        assert (state["calls_remaining"], state["finished"]) == (35, False)
        would = "would make about 35 calls (judge 3, distractor_check 16, raft_answer 8, styled_answer 8) and finish it"
        assert would in status_text(state)
        sent, values["llm"]["max_calls"] = len(server.log), None
        sg.run(docs, tmp_path / "run", model="openai/fake-model", settings=values)
        assert len(server.log) - sent == 35
        assert status(tmp_path / "run")["finished"]
        refilter(tmp_path / "run", settings=["answers.styles=[terse]"])
        state = status(tmp_path / "run")
        assert (state["later"]["styled_answer"], state["calls_remaining"], state["finished"]) == (8, 8, False)
        assert "would make 8 calls (styled_answer 8) and finish it" in status_text(state)


def test_status_counts_what_an_import_lacks(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [
        {"query": f"What is said of {town}?", "answer": text.split(".")[0], "context": text} for town, text in TOWNS.items()
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with FakeOpenAI(script=reader) as server:
        values = settings(server)
        values["filters"], values["answers"] = {"order": ["format"]}, {}
        values["distractors"]["check_model"], values["llm"]["max_calls"] = "openai/fake-model", 5
        with pytest.raises(StoppedEarly):
            sg.import_rows(file, "-", tmp_path / "run", settings=values)
        assert status(tmp_path / "run")["later"] == {"distractor_check": 2 * len(TOWNS) - 5}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"answers": {"reasoning": True}},
            "'answers' asks a model.*Set answers.model=openai/NAME, or leave answers.reasoning off",
        ),
        ({"distractors": {"check": True}}, "Set distractors.check_model=openai/NAME, or leave distractors.check off"),
        ({"filters": {"order": ["judge"]}}, r"Set filters\.options\.judge\.model=openai/NAME, or leave the filter judge out"),
        ({"answers": {"reasoning": True, "model": "extractive"}}, "'extractive' is none that can be asked"),
    ],
)
def test_a_step_without_a_model_names_its_own_setting(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        asked_models(Config.build(values))


def test_each_step_can_have_a_model_of_its_own() -> None:
    values = {
        "model": "openai/one",
        "filters": {"order": ["format", "judge"], "options": {"judge": {"model": "openai/two"}}},
        "distractors": {"check": True, "check_model": "openai/three"},
        "answers": {"reasoning": True, "model": "openai/four"},
    }
    assert asked_models(Config.build(values)) == {"judge": "two", "distractor_check": "three", "answers": "four"}
    assert asked_models(Config.build({"model": "openai/one", "answers": {"reasoning": True}})) == {"answers": "one"}

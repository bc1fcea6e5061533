"""Runs whose filters ask a model: what is asked, what it costs to cut again, and a judge that fails."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.run_files import RIVERS, write_rivers

import synthgen as sg
from synthgen.config.settings import Config
from synthgen.errors import ConfigError, EmptyResultError, StoppedEarly
from synthgen.llm.call_store import CallStore
from synthgen.pipeline import plan as planning
from synthgen.pipeline import run as pipeline
from synthgen.pipeline.refilter import refilter
from synthgen.testing import FakeOpenAI, Fault, Logged, Script

ORDER = ["format", "lint", "grounding", "judge"]
FINE = {"reason": "fine", "self_contained": "yes", "clear": "yes", "answerable": "yes", "supported": "yes"}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write_rivers(tmp_path / "docs")


def settings(server: FakeOpenAI, order: list[str] = ORDER, **llm: Any) -> dict[str, Any]:
    return {
        "llm": {"base_url": server.base_url, **llm},
        "generation": {"per_chunk": 1},
        "filters": {"order": order},
        "training": {"enabled": False},
    }


def judges(request: Logged) -> bool:
    return "You check training data" in request.body["messages"][0]["content"]


def question(request: Logged) -> str:
    found = re.search(r"^Question: (.*)$", request.body["messages"][1]["content"], re.MULTILINE)
    assert found
    text: str = json.loads(found[1])
    return text


def judged(said: dict[str, str]) -> Script:
    return lambda request: Fault("says", message=json.dumps({"items": [said]})) if judges(request) else None


def run(docs: Path, folder: Path, server: FakeOpenAI, **changes: Any) -> pipeline.Result:
    return sg.run(docs, folder, model="openai/fake-model", settings=settings(server, **changes))


def test_a_run_asks_its_judge_about_every_row_and_keeps_what_it_lets_through(docs: Path, tmp_path: Path) -> None:
    def script(request: Logged) -> Fault | None:
        if not judges(request):
            return None
        verdict = "no" if "Isen" in request.body["messages"][1]["content"] else "yes"
        return Fault("says", message=json.dumps({"items": [{**FINE, "answerable": verdict}]}))

    with FakeOpenAI(script=script) as server:
        result = run(docs, tmp_path / "run", server)
        asked = len(server.log)
        assert [(r.stage, r.reason) for r in result.rejected] == [("judge", "not_answerable")]
        assert len(result.kept) == len(RIVERS) - 1
        assert {row.scores["judge"]["answerable"] for row in result.kept} == {"yes"}
        assert result.report.to_dict()["judgements"] == {"judge": {"asked": 8, "ok": 8, "failed": {}, "missing": 0}}
        again = run(docs, tmp_path / "run", server)
        assert (len(server.log), again.report["funnel"]) == (asked, result.report["funnel"])


@pytest.mark.parametrize("kind", ["refusal", "malformed", "empty", "filtered", "truncated"])
def test_a_judge_that_talks_nonsense_or_refuses_lets_nothing_through(docs: Path, tmp_path: Path, kind: str) -> None:
    script = lambda request: Fault(kind) if judges(request) else None  # noqa: E731
    with FakeOpenAI(script=script) as server, pytest.raises((EmptyResultError, StoppedEarly)):
        run(docs, tmp_path / "run", server)
    assert not (tmp_path / "run" / "exports").exists()


def test_a_judge_that_does_not_answer_in_time_lets_nothing_through(docs: Path, tmp_path: Path) -> None:
    def script(request: Logged) -> Fault | None:
        if not judges(request):
            return None
        return Fault("slow") if "Isen" in question(request) else Fault("says", message=json.dumps({"items": [FINE]}))

    with FakeOpenAI(script=script) as server:
        result = run(docs, tmp_path / "run", server, timeout_s=0.3, max_attempts=2)
    lost = [r for r in result.rejected if r.stage == "judge"]
    assert [r.reason for r in lost] == ["undecided"]
    assert "Isen" in lost[0].triple.query
    assert result.report["judgements"]["judge"]["failed"] == {"timeout": 1}


def test_a_second_cut_asks_nothing_and_says_what_it_lacks(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(script=judged(FINE)) as server:
        run(docs, tmp_path / "run", server, order=["format", "lint", "grounding"])
        asked = len(server.log)
        with pytest.raises(EmptyResultError, match="not_asked 8"):
            refilter(tmp_path / "run", settings=["filters.order=[format, judge]"])
        assert len(server.log) == asked
        report = run(docs, tmp_path / "run", server, order=["format", "judge"]).report
        assert len(server.log) == asked + 8
        cut = refilter(tmp_path / "run", settings=["filters.order=[format]"])
        assert cut["rows"]["kept"] == 8
        assert refilter(tmp_path / "run", settings=["filters.order=[format, judge]"])["funnel"] == report["funnel"]
        assert len(server.log) == asked + 8


def test_the_caps_of_a_command_hold_for_its_filters_too(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(script=judged(FINE)) as server:
        with pytest.raises(StoppedEarly, match=r"llm\.max_calls = 11"):
            run(docs, tmp_path / "run", server, max_calls=11)
        assert len(server.log) == 11
        assert run(docs, tmp_path / "run", server, max_calls=11).report["rows"]["kept"] == 8
        assert len(server.log) == 16


def test_a_plan_prices_what_the_filters_will_ask(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(script=judged(FINE)) as server:
        config = Config.build({"model": "openai/fake-model", **settings(server)})
        before = planning.plan(docs, config=config)
        steps = {step["stage"]: step for step in before["calls"]}
        assert (steps["generate"]["calls"], steps["judge"]["calls"]) == (8, 8)
        run(docs, tmp_path / "run", server)
        with CallStore(tmp_path / "run" / "calls.sqlite", read_only=True) as store:
            billed = store.totals().usage.prompt
        planned = sum(step["prompt_tokens"] for step in before["calls"])
        assert planned == pytest.approx(billed, rel=0.1)
        after = planning.plan(docs, tmp_path / "run", config=config)
        assert sum(step["calls"] for step in after["calls"]) == 0


def test_an_extractive_run_can_name_the_model_that_judges(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(script=judged(FINE)) as server:
        own = settings(server, order=["format", "judge"])
        with pytest.raises(ConfigError, match=r"filters\.options\.judge\.model"):
            sg.run(docs, tmp_path / "none", settings=own)
        own["filters"]["options"] = {"judge": {"model": "openai/fake-model"}}
        result = sg.run(docs, tmp_path / "run", settings=own)
        assert len(server.log) == len(result.kept) > 0
        assert {row.generator.partition(":")[0] for row in result.kept} == {"extractive"}

"""What the engine promises holds for every provider, too, of another make than chat completions.

With `-m rare` the same tests run over chat completions, to see that they ask nothing else than `test_fill`.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.fills import ask, keys_of
from support.run_files import RIVERS, outputs, write_rivers
from support.second_server import SecondServer, Utterance

import synthgen as sg
from synthgen.cli.views.plan import plan_text
from synthgen.config.settings import LLM
from synthgen.errors import ConfigError, ModelError, StoppedEarly, UnknownNameError
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import FillReport, fill
from synthgen.pipeline import batch as batches
from synthgen.pipeline import plan as planning
from synthgen.records import Completion, Request
from synthgen.testing import FakeOpenAI, Fault, Limits, Logged

Script = Callable[[str, int, Mapping[str, Any]], str | None]
"""Key, attempt and body of a request -> what goes wrong with it, in the words of `KINDS`."""

KINDS = {  # ours -> the fault of the fake server, the word of the second one
    "later": (Fault("rate_limit", retry_after_ms="20"), "slow_down"),
    "down": (Fault("unavailable"), "resting"),
    "error": (Fault("error"), "broken"),
    "lost": (Fault("reset"), "hang_up"),
    "page": (Fault("body"), "page"),  # an empty one, since a web page ends the run before its first answer
    "key": (Fault("key"), "stranger"),
    "model": (Fault("model"), "no_such_engine"),
    "bad": (Fault("error", status=400, message="messages must be a list"), "nonsense"),
    "field": (Fault("unsupported", param="temperature"), "nonsense:heat"),
    "prose": (Fault("malformed"), "prose"),
    "cut": (Fault("truncated"), "cut"),
    "refusal": (Fault("refusal"), "declined"),
    "filtered": (Fault("filtered"), "withheld"),
}
SECOND = "support.second_provider:Utterances"


@dataclass(frozen=True)
class Make:
    """One make of provider, and its server."""

    provider: str
    temperature: str

    @property
    def model(self) -> str:
        return f"{self.provider}/fake-model"

    def server(self, script: Script = lambda *asked: None, *, latency_s: float = 0.0, limits: bool = False) -> Any:
        if self.provider == "openai":

            def faulty(logged: Logged) -> Fault | None:
                kind = script(logged.key, logged.attempt, logged.body)
                return KINDS[kind][0] if kind else None

            return FakeOpenAI(script=faulty, latency_s=latency_s, limits=Limits(rpm=240) if limits else None)

        def says(asked: Utterance) -> str | None:
            kind = script(asked.key, asked.attempt, asked.body)
            return KINDS[kind][1] if kind else None

        return SecondServer(says, latency_s=latency_s, quota="limit=240;left=239;back=0.25" if limits else "")

    def endpoint(self, server: Any, **settings: Any) -> Endpoint:
        return Endpoint.of(
            self.provider, LLM(**({"base_url": server.base_url, "concurrency": 8, "max_attempts": 3} | settings))
        )

    def fill(self, server: Any, store: CallStore, requests: list[Request], **settings: Any) -> FillReport:
        return run_async(fill(requests, store, self.endpoint(server, **settings), check=reads_json))


MAKES = [Make("openai", "temperature"), Make(SECOND, "heat")]


@pytest.fixture(params=[pytest.param(MAKES[0], marks=pytest.mark.rare), MAKES[1]], ids=["chat completions", "another wire"])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


def reads_json(completion: Completion) -> tuple[str, str]:
    if completion.finish_reason in ("length", "content_filter", "refusal") or completion.refusal:
        reason = {"length": "truncated", "content_filter": "content_filter"}.get(completion.finish_reason, "refusal")
        return reason, "it ended badly"
    return ("", "") if completion.text.startswith("{") else ("malformed", "it is not JSON")


def always(kind: str) -> Script:
    return lambda key, attempt, body: kind


def first(kind: str) -> Script:
    return lambda key, attempt, body: kind if attempt == 1 else None


def test_every_request_is_asked_once_and_its_usage_is_stored(make: Make, store: CallStore) -> None:
    with make.server() as server:
        report = make.fill(server, store, ask(20))
        assert (report.ok, report.failed, report.attempts) == (20, {}, 20)
        assert sorted(server.keys) == sorted(keys_of(store))
        assert report.usage == store.totals().usage
        assert report.usage.prompt > 0 < report.usage.output
        assert not report.usage.estimated
        again = make.fill(server, store, ask(25))
        assert (again.reused, again.attempts, len(server.log)) == (20, 5, 25)


@pytest.mark.parametrize("kind", ["later", "down", "error", "lost", "page"])
def test_what_may_pass_is_tried_again(make: Make, store: CallStore, kind: str) -> None:
    with make.server(first(kind)) as server:
        report = make.fill(server, store, ask(4))
        assert (report.ok, len(server.log)) == (4, 8)
        assert report.attempts == (4 if kind == "later" else 8), "being told to come later is not an attempt"


def test_after_the_last_attempt_a_call_is_stored_as_failed_and_asked_again_by_the_next_run(
    make: Make, store: CallStore
) -> None:
    with make.server(always("error")) as server:
        assert make.fill(server, store, ask(2)).failed == {"server_error": 2}
        assert len(server.log) == 6
    with make.server() as server:
        report = make.fill(server, store, ask(2))
    assert report.ok + sum(report.failed.values()) == 2


@pytest.mark.parametrize(("kind", "reason"), [("bad", "bad_request"), ("refusal", "refusal"), ("filtered", "content_filter")])
def test_what_will_not_pass_is_a_stored_failure_after_one_attempt(make: Make, store: CallStore, kind: str, reason: str) -> None:
    with make.server(always(kind)) as server:
        assert make.fill(server, store, ask(2)).failed == {reason: 2}
        assert make.fill(server, store, ask(2)).reused == 2
        assert len(server.log) == 2


@pytest.mark.parametrize(("kind", "reason"), [("prose", "malformed"), ("cut", "truncated")])
def test_an_unusable_answer_leads_to_a_second_request_and_no_third(
    make: Make, store: CallStore, kind: str, reason: str
) -> None:
    spoilt = {request.key for request in ask(6)[:2]}
    with make.server(lambda key, attempt, body: kind if key in spoilt else None) as server:
        report = make.fill(server, store, ask(6))
        assert (report.ok, report.attempts, len(server.log)) == (6, 8, 8)
        assert store.totals().failed == {reason: 2}
    with make.server(always(kind)) as server:
        assert make.fill(server, store, ask(2, text="again {0}")).failed == {reason: 2}
        assert len(server.log) == 4


def test_a_refused_field_is_left_out_by_one_call_and_remembered(make: Make, store: CallStore) -> None:
    def script(key: str, attempt: int, body: Mapping[str, Any]) -> str | None:
        return "field" if make.temperature in body else None

    with make.server(script, latency_s=0.02) as server:
        report = make.fill(server, store, ask(20))
        assert (report.ok, report.attempts, len(server.log)) == (20, 20, 21)
        make.fill(server, store, ask(30))
        assert len(server.log) == 31, "the store remembers the form"


@pytest.mark.parametrize(("kind", "told"), [("key", "does not accept the key"), ("model", "has no model 'fake-model'")])
def test_what_concerns_all_calls_ends_the_run(make: Make, store: CallStore, kind: str, told: str) -> None:
    with make.server(always(kind)) as server, pytest.raises(ModelError, match=told):
        make.fill(server, store, ask(100))
    assert len(server.log) <= 8
    assert store.totals().calls == 0


def test_an_address_with_nothing_behind_it_ends_the_run(make: Make, store: CallStore) -> None:
    with make.server() as server:
        gone = make.endpoint(server)
    with pytest.raises(ModelError, match=f"Nothing answers at {gone.url}"):
        run_async(fill(ask(20), store, gone))


def test_failures_for_good_in_a_row_stop_the_run(make: Make, store: CallStore) -> None:
    with (
        make.server(lambda key, attempt, body: "bad" if len(server.log) >= 10 else None) as server,
        pytest.raises(StoppedEarly, match=r"10 calls in a row.*bad_request"),
    ):
        make.fill(server, store, ask(100), concurrency=2)
    assert len(server.log) < 30


def test_limits_in_the_headers_are_kept(make: Make, store: CallStore) -> None:
    with make.server(limits=True) as server:
        started = time.monotonic()
        report = make.fill(server, store, ask(12))
        assert time.monotonic() - started > 1.5, "twelve calls at four a second"
        assert (report.ok, report.rate_limited) == (12, 0)


@pytest.mark.parametrize("seed", range(12))
def test_no_cap_is_ever_passed(make: Make, store: CallStore, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    prices = tmp_path / "prices.yaml"
    prices.write_text("dated: 2001-12-19\nmodels: {fake-model: {input: 10, output: 40}}\n")
    cap: dict[str, float] = draw.choice(
        [
            {"max_calls": draw.randint(1, 20)},
            {"max_total_tokens": draw.randint(500, 8_000)},
            {"max_cost": draw.uniform(0.005, 0.1)},
        ]
    )
    kinds = draw.choices([None, "error", "later", "lost", "prose", "cut", "page"], k=40)

    def script(key: str, attempt: int, body: Mapping[str, Any]) -> str | None:
        return kinds[(int(key[:6], 16) + attempt) % len(kinds)]

    requests = ask(25, text="Hobbit {0} has a round door. " * draw.randint(1, 12))
    with make.server(script) as server:
        with suppress(StoppedEarly, ModelError):
            make.fill(server, store, requests, prices=str(prices), concurrency=draw.choice([1, 4, 16]), **cap)
        sent = [entry for entry in server.log if entry.fault not in ("rate_limit", "slow_down")]
    used = store.totals().usage
    amounts = {
        "max_calls": len(sent),
        "max_total_tokens": used.prompt + used.output,
        "max_cost": (10 * used.prompt + 40 * used.output) / 1e6,
    }
    ((name, limit),) = cap.items()
    assert amounts[name] <= limit


# Whole runs


def settings(server: Any) -> dict[str, Any]:
    return {"llm": {"base_url": server.base_url}, "training": {"enabled": False}}


def test_a_whole_run(make: Make, tmp_path: Path) -> None:
    docs = write_rivers(tmp_path / "docs")
    with make.server() as server:
        result = sg.run(docs, tmp_path / "run", model=make.model, settings=settings(server))
        assert {row.generator for row in result.kept} == {make.model}
        assert len(server.log) == len(RIVERS)
        sg.run(docs, tmp_path / "run", model=make.model, settings=settings(server))
        assert len(server.log) == len(RIVERS), "nothing is asked twice"
        plan = planning.plan(docs, tmp_path / "run", config=sg.load_config(overrides={"model": make.model, **settings(server)}))
        assert sum(step["stored"] for step in plan["calls"]) == len(RIVERS)
        assert {step["dollars"] for step in plan["calls"]} == {None}, "the price of the model is not known"


def test_a_plan_has_a_batch_price_where_there_is_a_batch_api(make: Make, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("dated: 2001-12-19\nmodels: {fake-model: {input: 10, output: 40, batch: 0.5}}\n")
    with make.server() as server:
        given = settings(server) | {"model": make.model}
        given["llm"]["prices"] = str(prices)
        plan = planning.plan(write_rivers(tmp_path / "docs"), config=sg.load_config(overrides=given))
    has_batches = make.model.startswith("openai/")
    assert [step.batch_dollars is not None for step in plan.calls] == [has_batches]
    assert ("through the Batch API" in plan_text(plan)) == has_batches
    assert "about $" in plan_text(plan)


@pytest.mark.slow
def test_two_kills_cost_nothing_and_change_nothing(make: Make, tmp_path: Path) -> None:
    docs, run = tmp_path / "docs", tmp_path / "run"
    docs.mkdir()
    for n in range(120):
        (docs / f"{n}.md").write_text(
            f"# Gauge {n}\n\nGauge {n} counts {7 * n + 1} herons and {3 * n + 2} otters by the weir.\n"
        )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent.parent)]), "UTTER_KEY": "k"}
    spoilt = lambda key, attempt, body: "prose" if int(key[:4], 16) % 9 == 0 else None  # noqa: E731

    def command(folder: Path) -> list[str]:
        flags = ["--set", "training.enabled=false", "--concurrency", "4", "--base-url", server.base_url, "-q"]
        return [sys.executable, "-m", "synthgen", "run", str(docs), str(folder), "-m", make.model, *flags]

    with make.server(spoilt, latency_s=0.05) as server:
        for wanted in (30, 70):
            before, stored = len(server.log), committed(run)
            process = subprocess.Popen(command(run), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while len(server.log) < wanted and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert {entry.key for entry in server.log[before:]} & stored == set(), "a committed call was requested again"
        survived, before = committed(run), len(server.log)
        assert 0 < len(survived) < 120
        done = subprocess.run(command(run), env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert {entry.key for entry in server.log[before:]} & survived == set()
        assert subprocess.run(command(tmp_path / "whole"), env=environment, capture_output=True).returncode == 0
    assert committed(run) == committed(tmp_path / "whole")
    assert outputs(run) == outputs(tmp_path / "whole")


def committed(run: Path) -> set[str]:
    if not (run / "calls.sqlite").exists():
        return set()
    with sqlite3.connect(run / "calls.sqlite") as connection:
        try:
            return {key for (key,) in connection.execute("SELECT key FROM calls")}
        except sqlite3.OperationalError:
            return set()


# What only a provider of one's own can meet


def test_a_provider_without_a_batch_api_is_reported(tmp_path: Path) -> None:
    docs = write_rivers(tmp_path / "docs")
    with SecondServer() as server, pytest.raises(ModelError, match="no batch API.*`synthgen run` asks it call by call"):
        config = sg.load_config(overrides={"model": f"{SECOND}/fake-model", **settings(server)})
        batches.submit(tmp_path / "run", docs=docs, config=config)
    assert not server.log


def test_a_provider_that_does_not_exist_or_is_not_one_is_reported(tmp_path: Path) -> None:
    docs = write_rivers(tmp_path / "docs")
    with pytest.raises(UnknownNameError, match="no provider called 'support.second_provider:Nothing'"):
        sg.run(docs, tmp_path / "run", model="support.second_provider:Nothing/m")
    with pytest.raises(ConfigError, match="not a provider of models: it lacks .*connect"):
        sg.run(docs, tmp_path / "run", model="support.second_server:SecondServer/m")


def test_the_key_of_a_provider_has_a_variable_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="UTTER_KEY is not set"):
        sg.run(
            write_rivers(tmp_path / "docs"), tmp_path / "run", model=f"{SECOND}/m", settings={"training": {"enabled": False}}
        )


def test_a_command_asks_models_of_one_provider(tmp_path: Path) -> None:
    judged = {"filters": {"order": ["format", "judge"], "options": {"judge": {"model": "openai/reader"}}}}
    with SecondServer() as server, pytest.raises(ConfigError, match="one provider.*judge asks openai/reader"):
        sg.run(write_rivers(tmp_path / "docs"), tmp_path / "run", model=f"{SECOND}/m", settings=settings(server) | judged)

"""Afterwards `status` says from the store what the panel showed, and what the same command would still do."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

import synthgen as sg
from synthgen.cli.views.status import status_text
from synthgen.config.settings import Config
from synthgen.llm.batch.ledger import BatchBook
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.findings import StoredFindings
from synthgen.llm.reask import follow_up
from synthgen.pipeline.generation import make_generator
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.status import status
from synthgen.records import Chunk, Completion, Request, Usage, digest

POND = [
    "Frogs sleep in mud all winter long.",
    "Toads walk to their pond in March.",
    "Newts fold each egg into a leaf.",
    "Herons stand still and wait for frogs.",
    "Snakes swim and do not care.",
]
BREE = "The bridge at Bree was built in 1402. It has nine arches, and everybody pays a toll of two pennies to cross it."
PRICES = "dated: 2026-01-01\nmodels:\n  pond-model: {input: 1.0, output: 4.0, cached: 0.1}\n"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run of five chunks, and so of five calls, none of which was made yet."""
    return make_run(tmp_path)


def make_run(tmp_path: Path, *, model: str = "openai/pond-model", **llm: object) -> RunFolder:
    (tmp_path / "prices.yaml").write_text(PRICES, encoding="utf-8")
    settings = {"base_url": "http://127.0.0.1:9/v1", "prices": str(tmp_path / "prices.yaml"), **llm}
    config = Config.build({"model": model, "llm": settings})
    folder = RunFolder(tmp_path / "run")
    folder.create()
    folder.write(
        "chunks", [Chunk(f"pond.md#{n}-{n + 1}", "pond.md", n, n + 1, text, digest(text)) for n, text in enumerate(POND)]
    )
    folder.settle(tmp_path / "docs", config, generation=make_generator(config).facts)
    return folder


def requests(run: RunFolder) -> list[Request]:
    config, _ = run.open()
    return list(make_generator(config).requests(list(run.read("chunks"))))


def call(request: Request, reason: str = "", *, minute: int = 0, usage: Usage | None = None, **columns: object) -> Call:
    completion = Completion(request.key, "{", usage=usage or Usage(prompt=1_000, cached=600, written=100, output=100))
    created = f"2026-01-01T10:{minute:02d}:00+00:00"
    return Call(completion, "failed" if reason else "ok", reason, "not JSON" if reason else "", created=created, **columns)  # type: ignore[arg-type]


def store(run: RunFolder, *calls: Call, path: Path | None = None) -> None:
    with CallStore(path or run.calls) as answers:
        answers.put_many(calls)


def test_before_the_first_call(run: RunFolder) -> None:
    state = status(run.path)
    assert state.calls.to_dict() == {"total": 5, "ok": 0, "failed": {}, "remaining": 5, "waiting": 0}
    assert state["spent"] is None
    text = status_text(state)
    assert "0/5 calls finished" in text
    assert "No call was made yet" in text
    assert "would make 5 calls and finish it" in text
    assert "retry" not in text


def test_what_the_panel_showed_is_in_the_store(run: RunFolder) -> None:
    one, two, three, four, _ = requests(run)
    store(
        run,
        call(one, minute=0, rate_limited=3),
        call(two, minute=1, attempts=4, uncounted=2),
        call(three, "refusal", minute=2),
        call(four, "timeout", minute=2, attempts=6, usage=Usage()),
    )
    state = status(run.path)
    assert state.calls.to_dict() == {"total": 5, "ok": 2, "failed": {"refusal": 1, "timeout": 1}, "remaining": 2, "waiting": 0}
    assert state["calls_remaining"] == 2
    text = status_text(state)
    assert "4/5 calls finished: 2 answered, 2 failed (refusal 1, timeout 1)" in text
    assert "12 attempts, 3 rate-limited; 0.033 calls/s from 2026-01-01 10:00:00 to 2026-01-01 10:02:00 UTC" in text
    assert "3,000 prompt tokens (60 % cached), 300 output tokens, 300 of the prompt written to the cache" in text
    assert "$0.0026, by the prices of 2026-01-01" in text
    assert "2 attempts may have cost more than that: their usage never came." in text
    assert "the same command would make 2 calls and finish it" in text
    assert f"`synthgen retry {run.path}` would repeat the 2 that failed, and no others." in text


def test_what_the_last_calls_found_out_about_the_server_is_told(run: RunFolder) -> None:
    config, _ = run.open()
    store(run, call(requests(run)[0]))
    assert status(run.path).findings == ""
    assert "The last calls" not in status_text(status(run.path))
    with CallStore(run.calls) as answers:
        StoredFindings(answers, make_generator(config).endpoint.id, time.monotonic).put(
            "2 of 100 requests rejected, no limit seen"
        )
        StoredFindings(answers, "elsewhere", time.monotonic).put("the server works on 2 at a time, 6 are in flight at most")
    assert status(run.path)["findings"] == "2 of 100 requests rejected, no limit seen"
    assert "\nThe last calls: 2 of 100 requests rejected, no limit seen.\n" in status_text(status(run.path))


def test_batches_are_priced_apart(run: RunFolder) -> None:
    one, two, *_ = requests(run)
    million = Usage(prompt=1_000_000, output=1_000_000)
    store(run, call(one, usage=million), call(two, usage=million, batch=True, minute=5))
    state = status(run.path)
    assert (state["spent"]["dollars"], state["spent"]["batch_dollars"]) == (5.0, 2.5)
    assert "$7.50 ($5.00 live, $2.50 through batches), by the prices of 2026-01-01" in status_text(state)
    assert "calls/s" not in status_text(state), "one live call has no rate"
    assert "2,000,000 prompt tokens" in status_text(state)


def test_the_rate_is_that_of_live_calls(run: RunFolder) -> None:
    one, two, three, four, _ = requests(run)
    store(run, call(one), call(two, minute=2), call(three, batch=True, minute=50), call(four, batch=True, minute=50))
    assert status(run.path)["spent"]["per_second"] == 2 / 120


def test_calls_that_wait_in_a_batch_are_not_made_by_the_same_command(run: RunFolder) -> None:
    one, two, three, *_ = requests(run)
    store(run, call(one))
    with CallStore(run.calls) as answers:
        book = BatchBook(answers)
        batch = book.claim({two.key: "generate", three.key: "generate"}, run="run", endpoint="pond")
        state = status(run.path)
        assert (state["calls"]["waiting"], state["calls_remaining"]) == (2, 2)
        assert [waiting["requests"] for waiting in state["batches"]] == [2]
        assert f"2 calls wait in batches; `synthgen batch collect {run.path}` takes what was answered." in status_text(state)
        assert "collect first, and then the same command would make 2 calls and finish it" in status_text(state)
        book.close(batch, "completed")
    assert status(run.path)["batches"] == []
    assert status(run.path)["calls_remaining"] == 4


def test_a_request_is_finished_by_its_second_call(run: RunFolder) -> None:
    one, two, three, *_ = requests(run)
    mended, hopeless, cut = call(one, "malformed"), call(two, "malformed"), call(three, "truncated")
    seconds = [follow_up(request, first) for request, first in ((one, mended), (two, hopeless))]
    assert all(seconds)
    store(run, mended, hopeless, cut, call(seconds[0]), call(seconds[1], "malformed"))  # type: ignore[arg-type]
    calls = status(run.path)["calls"]
    assert (calls["ok"], calls["failed"]) == (1, {"malformed": 1, "truncated": 1})
    assert calls["remaining"] == 3, "two were never sent, and the cut answer is asked for once more"


def test_calls_that_were_replaced_were_paid_for(run: RunFolder) -> None:
    one, *_ = requests(run)
    store(run, call(one, "malformed"))
    store(run, call(one))
    state = status(run.path)
    assert state["calls"]["failed"] == {}
    assert state["spent"]["usage"]["prompt"] == 2_000


def test_an_unknown_price_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path, model="openai/newt-model")
    store(run, call(requests(run)[0]))
    state = status(run.path)
    assert state["spent"]["dollars"] is None
    assert "price of newt-model unknown" in status_text(state)
    assert "$" not in status_text(state)


def test_a_shared_store_counts_for_this_run_only_what_it_asked(tmp_path: Path) -> None:
    shared = tmp_path / "shared.sqlite"
    run = make_run(tmp_path, store=str(shared))
    foreign = Call(Completion("f" * 64, "{}", usage=Usage(prompt=5_000)), created="2026-01-01T09:00:00+00:00")
    store(run, call(requests(run)[0]), foreign, path=shared)
    state = status(run.path)
    assert state["calls"]["ok"] == 1
    assert state["spent"]["usage"]["prompt"] == 6_000
    assert f"These sums are of {shared}, which other runs may share" in status_text(state)


def test_a_run_without_a_model_has_no_calls(tmp_path: Path) -> None:
    run = make_run(tmp_path, model="extractive")
    state = status(run.path)
    assert state["calls"] is state["spent"] is None
    assert "call" not in status_text(state).replace("the same command would make 0 calls and finish it", "")


def test_a_status_is_json(run: RunFolder) -> None:
    store(run, call(requests(run)[0]))
    assert json.loads(json.dumps(status(run.path).to_dict())) == status(run.path).to_dict()


def test_status_tells_what_the_filters_prefer_and_shows_a_row_for_each_reason(tmp_path: Path) -> None:
    rows = [
        {"query": "When was the bridge at Bree built?", "answer": "in 1402", "context": BREE},
        {"query": "According to the passage, who pays?", "answer": "everybody", "context": BREE},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sg.import_rows(file, "-", tmp_path / "run", settings={"training": {"enabled": False}})
    told = status_text(status(tmp_path / "run"))
    assert "lint:passage_reference  According to the passage, who pays?" in told
    assert re.search(r"kept +1 +[01]\.\d\d +7\.0", told)
    assert re.search(r"lint +1 +[01]\.\d\d +6\.0", told)

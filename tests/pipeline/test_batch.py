"""Batches: half the price, the same answers, and never paid for twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fills import KEY, at, keys_of

from synthgen.cli.views.batch import batch_text
from synthgen.cli.views.status import status_text
from synthgen.config.settings import Config, load_config
from synthgen.errors import ConfigError, ModelError, RunFolderError, StoppedEarly
from synthgen.llm.batch.jsonl import read_lines, write_files
from synthgen.llm.batch.ledger import BatchBook, open_batches, waiting_keys
from synthgen.llm.batch.results import Intake
from synthgen.llm.call_store import CallStore
from synthgen.llm.providers.base import BatchApi, BatchStatus
from synthgen.llm.providers.batch_files import BatchFiles, status_of
from synthgen.llm.providers.openai import attempt_errors, http_library
from synthgen.pipeline import batch as batches
from synthgen.pipeline import plan as planning
from synthgen.pipeline import run as pipeline
from synthgen.pipeline.status import status
from synthgen.records import Request
from synthgen.testing import BatchFate, FakeOpenAI, Fault, Logged

STATIONS = 24
CHAT = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Twenty-four stations with an otter each: twenty-four chunks, twenty-four calls."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(STATIONS):
        text = (
            f"# Station {number}\n\nThe otter of station {number} eats {7 * number + 3} crayfish a week below weir {number}.\n"
        )
        (folder / f"station{number:02}.md").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "otters"


def settings(server: FakeOpenAI, **llm: Any) -> Config:
    values = {"base_url": server.base_url, "max_attempts": 2, **llm}
    quick = {"generation": {"per_chunk": 1}, "training": {"enabled": False}}
    return load_config(overrides={"model": "openai/fake-model", "llm": values, **quick})


def fates(*these: BatchFate) -> Callable[[Mapping[str, Any]], BatchFate]:
    """The first batch has the first fate, and so on; further ones have none."""
    left = list(these)
    return lambda told: left.pop(0) if left else BatchFate()


def collected(server: FakeOpenAI, run: Path) -> dict[str, Any]:
    """`collect`, when the server has done its work."""
    deadline = time.monotonic() + 30
    while any(batch["status"] not in {"completed", "failed", "expired", "cancelled"} for batch in server.batches):
        assert time.monotonic() < deadline, "the server does not come to an end"
        time.sleep(0.002)
    return batches.collect(run)


def live(server: FakeOpenAI) -> int:
    return sum(1 for logged in server.log if logged.path == CHAT and not logged.batch)


def made(server: FakeOpenAI) -> int:
    return sum(1 for logged in server.log if (logged.method, logged.path, logged.status) == ("POST", "/v1/batches", 200))


def stored(run: Path) -> CallStore:
    return CallStore(run / "calls.sqlite")


def test_a_run_through_batches_makes_no_live_call_but_the_one_that_finds_the_form(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server:
        submitted = batches.submit(run, docs=docs, config=settings(server))
        assert (submitted["submitted"], submitted["asked_live"], made(server)) == (STATIONS - 1, 1, 1)
        report = collected(server, run)
        assert (report["ok"], report["failed"], report["to_resubmit"]) == (STATIONS - 1, {}, {})
        assert (report["waiting"], report["to_submit"]) == (0, 0)
        result = pipeline.run(docs, run, config=settings(server))
        assert live(server) == 1
    assert result.report["generation"]["calls_ok"] == STATIONS


@pytest.mark.slow
def test_rows_do_not_depend_on_the_way_the_answers_came(docs: Path, run: Path, tmp_path: Path) -> None:
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server), max_requests=9)
        collected(server, run)
        batched = pipeline.run(docs, run, config=settings(server))
        asked = pipeline.run(docs, tmp_path / "live", config=settings(server))
    assert (run / "triples.parquet").read_bytes() == (tmp_path / "live" / "triples.parquet").read_bytes()
    assert batched.report["funnel"] == asked.report["funnel"]


@pytest.mark.slow
def test_files_are_split_by_count_and_by_bytes(docs: Path, run: Path, tmp_path: Path) -> None:
    with FakeOpenAI(batch_max_requests=10) as server:
        by_count = batches.submit(run, docs=docs, config=settings(server), max_requests=10)
        assert [row["requests"] for row in by_count["batches"]] == [10, 10, 3]
        assert collected(server, run)["ok"] == 23
    one_line = 6_000
    with FakeOpenAI(batch_max_bytes=4 * one_line) as server:
        by_bytes = batches.submit(tmp_path / "small", docs=docs, config=settings(server), max_bytes=4 * one_line)
        assert len(by_bytes["batches"]) > 3
        assert sum(row["requests"] for row in by_bytes["batches"]) == 23
        assert collected(server, tmp_path / "small")["ok"] == 23


@pytest.mark.slow
def test_what_expired_half_way_is_submitted_again_and_nothing_else(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_script=fates(BatchFate(expire_after=0.5))) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = collected(server, run)
        assert (report["ok"], report["to_resubmit"], report["to_submit"]) == (11, {"expired": 12}, 12)
        assert batches.submit(run)["submitted"] == 12
        assert collected(server, run)["ok"] == 12
    with stored(run) as store:
        assert store.totals().ok == STATIONS


@pytest.mark.slow
def test_server_errors_in_a_batch_are_free_to_go_again(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_script=fates(BatchFate(faults={"error": 0.2, "rate_limit": 0.2}))) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = collected(server, run)
        lost = report["to_resubmit"]
        assert set(lost) == {"server_error", "rate_limited"}
        assert report["ok"] + sum(lost.values()) == STATIONS - 1
        assert batches.submit(run)["submitted"] == sum(lost.values())
        assert collected(server, run)["to_submit"] == 0
    with stored(run) as store:
        assert (store.totals().ok, store.totals().failed) == (STATIONS, {})


@pytest.mark.slow
def test_a_prompt_that_the_provider_turns_away_is_a_stored_failure(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_script=fates(BatchFate(faults={"prompt_filter": 0.2}))) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = collected(server, run)
        assert set(report["failed"]) == {"content_filter"}
        assert report["to_submit"] == 0
    with stored(run) as store:
        assert store.totals().failed == report["failed"]
        assert {call.batch for call in store.get_many(keys_of(store)).values() if call.status == "failed"} == {True}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["malformed", "truncated"])
def test_an_unusable_answer_leads_to_its_follow_up_in_the_next_batch(docs: Path, run: Path, kind: str) -> None:
    with FakeOpenAI(batch_script=fates(BatchFate(faults={kind: 0.3}))) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = collected(server, run)
        spoilt = report["failed"].get(kind, 0)
        assert spoilt > 0
        assert report["to_submit"] == spoilt
        assert batches.submit(run)["submitted"] == spoilt
        assert collected(server, run)["to_submit"] == 0
        pipeline.run(docs, run, config=settings(server))
        assert live(server) == 1


def test_reports_are_told_in_sentences(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_script=fates(BatchFate(expire_after=0.5))) as server:
        submitted = batch_text(batches.submit(run, docs=docs, config=settings(server)))
        assert "23 requests submitted; 0 wait in batches from before." in submitted
        assert "1 asked live before" in submitted
        took = batch_text(collected(server, run))
        assert "11 answers stored, 0 failed." in took
        assert "12 requests came back without an answer (expired 12)." in took
        assert f"`synthgen batch submit {run}` would submit 12 requests." in took
        assert "12 answers are stored." in batch_text(batches.status(run))


@pytest.mark.slow
def test_submitting_twice_submits_nothing_twice(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_delay_s=60) as server:
        batches.submit(run, docs=docs, config=settings(server))
        again = batches.submit(run)
        assert (again["submitted"], again["waiting_before"], made(server)) == (0, STATIONS - 1, 1)


def test_nothing_is_taken_from_a_batch_at_work(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_delay_s=60) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = batches.collect(run)
        assert (report["ok"], report["waiting"], report["batches"][0]["collected"]) == (0, STATIONS - 1, False)
        with stored(run) as store:
            assert len(open_batches(store)) == 1


@pytest.mark.slow
def test_collecting_twice_changes_nothing(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_script=fates(BatchFate(faults={"malformed": 0.3}))) as server:
        batches.submit(run, docs=docs, config=settings(server))
        collected(server, run)
        with stored(run) as store:
            before = store.totals()
        assert batches.collect(run)["batches"] == []
        with stored(run) as store:
            assert store.totals() == before


def test_a_kill_in_the_middle_of_collecting_costs_nothing(docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.llm.batch.results._GROUP", 5)
    with FakeOpenAI(batch_script=fates(BatchFate(faults={"malformed": 0.4}))) as server:
        batches.submit(run, docs=docs, config=settings(server))
        while server.batches[0]["status"] != "completed":
            time.sleep(0.002)
        put, left = CallStore.put_many, [2]

        def killed(store: CallStore, calls: Any) -> None:
            put(store, calls)
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        monkeypatch.setattr(CallStore, "put_many", killed)
        with pytest.raises(KeyboardInterrupt):
            batches.collect(run)
        monkeypatch.setattr(CallStore, "put_many", put)
        with stored(run) as store:
            assert 0 < store.totals().calls < STATIONS
            assert len(open_batches(store)) == 1
        report = batches.collect(run)
    assert report["ok"] + sum(report["failed"].values()) == STATIONS - 1
    with stored(run) as store:
        assert store.totals().attempts == STATIONS, "answers that were taken in before the kill were counted again"


@pytest.mark.slow
def test_a_kill_before_the_batch_was_noted_is_healed_by_looking_it_up(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server))
        with stored(run) as store:
            store.execute("UPDATE batches SET state = 'submitting', batch_id = ''")
        assert batches.submit(run)["submitted"] == 0
        assert made(server) == 1
        assert collected(server, run)["ok"] == STATIONS - 1


class Killed(BaseException):
    """What a kill looks like from within."""


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("what", "step"),
    [(BatchBook, "claim"), (BatchFiles, "upload"), (BatchBook, "uploaded"), (BatchFiles, "create"), (BatchBook, "opened")],
)
def test_a_kill_anywhere_in_submitting_pays_for_nothing_twice(
    docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch, what: type, step: str, after: bool
) -> None:
    done = getattr(what, step)

    def killed(*given: Any, **named: Any) -> Any:
        if after:
            done(*given, **named)
        raise Killed

    with FakeOpenAI() as server:
        with monkeypatch.context() as kill:
            kill.setattr(what, step, killed)
            with pytest.raises(Killed):
                batches.submit(run, docs=docs, config=settings(server))
        batches.submit(run)
        report = collected(server, run)
        assert (report["waiting"], report["to_submit"]) == (0, 0)
        assert sum(batch["request_counts"]["total"] for batch in server.batches) == STATIONS - 1


@pytest.mark.slow
def test_a_batch_whose_making_was_not_answered_is_found_and_not_made_twice(
    docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openai
    from openai.resources.batches import BatchesWithRawResponse

    begun = BatchesWithRawResponse.__init__

    def deaf(self: Any, batches: Any) -> None:
        begun(self, batches)
        create = self.create

        def unheard(**asked: Any) -> Any:
            create(**asked)
            raise openai.APITimeoutError(request=None)  # type: ignore[arg-type]

        self.create = unheard

    monkeypatch.setattr(BatchesWithRawResponse, "__init__", deaf)
    with FakeOpenAI() as server:
        assert batches.submit(run, docs=docs, config=settings(server))["submitted"] == STATIONS - 1
        assert made(server) == 1
        assert collected(server, run)["ok"] == STATIONS - 1


@pytest.mark.slow
def test_an_endpoint_without_a_batch_api_is_told_and_holds_nothing_back(docs: Path, run: Path) -> None:
    with FakeOpenAI(dialect="vllm") as server:
        with pytest.raises(ModelError, match="no Batch API"):
            batches.submit(run, docs=docs, config=settings(server))
        with stored(run) as store:
            assert open_batches(store) == []
        pipeline.run(docs, run, config=settings(server))
        assert live(server) == STATIONS


def test_a_batch_that_is_refused_as_a_whole_is_told_with_its_reason_and_freed(docs: Path, run: Path) -> None:
    with FakeOpenAI(batch_script=fates(BatchFate(invalid="token_limit_exceeded"))) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = collected(server, run)
        assert report["to_resubmit"] == {"missing": STATIONS - 1}
        (message,) = report["batches"][0]["messages"]
        assert "token_limit_exceeded" in message
        assert "--max-total-tokens" in message
        assert message in batch_text(report)
        batches.submit(run)
        assert collected(server, run)["ok"] == STATIONS - 1


@pytest.mark.slow
def test_a_form_that_every_line_is_refused_for_is_no_failure_of_the_passages(docs: Path, run: Path) -> None:
    fate = BatchFate(faults={"unsupported": 1.0})
    with FakeOpenAI(batch_script=fates(fate)) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = collected(server, run)
        assert (report["failed"], report["to_resubmit"]) == ({}, {"bad_request": STATIONS - 1})
        assert report["batches"][0]["messages"]
        with stored(run) as store:
            assert store.totals().failed == {}


def test_a_cap_ends_submission_after_what_fits(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server:
        with pytest.raises(StoppedEarly, match=r"max_calls = 10 \(10 used or put aside\)") as stopped:
            batches.submit(run, docs=docs, config=settings(server, max_calls=10), max_requests=4)
        assert stopped.value.exit_code == 3
        report = collected(server, run)
        assert report["ok"] == 9
        assert report["to_submit"] == STATIONS - 10


@pytest.mark.slow
def test_settings_of_the_calls_may_change_and_what_is_asked_may_not(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server))
        other = settings(server).model_copy(update={"seed": 7})
        with pytest.raises(ConfigError, match="cannot change seed"):
            batches.submit(run, config=other)
        with pytest.raises(ConfigError, match="cannot change store"):
            batches.submit(run, config=settings(server, store=str(run / "other.sqlite")))
        assert batches.submit(run, config=settings(server, max_calls=1, concurrency=3))["submitted"] == 0


def test_a_model_without_calls_has_nothing_to_submit(docs: Path, run: Path) -> None:
    with pytest.raises(ConfigError, match="makes no calls"):
        batches.submit(run, docs=docs, config=Config())


@pytest.mark.slow
def test_batches_cost_half(docs: Path, run: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("dated: 2026-01-01\nmodels: {fake-model: {input: 1000.0, output: 2000.0}}\n", encoding="utf-8")
    with FakeOpenAI() as server:
        config = settings(server, prices=str(prices))
        planned = planning.plan(docs, config=config)["calls"][0]
        assert planned["batch_dollars"] == pytest.approx(planned["dollars"] / 2)
        batches.submit(run, docs=docs, config=config)
        report = collected(server, run)
        with stored(run) as store:
            usage = store.totals().batch_usage
        assert report["dollars"] == pytest.approx((usage.prompt + 2 * usage.output) / 1_000 / 2)
        assert usage == report.usage.as_usage()


@pytest.mark.slow
def test_the_key_goes_to_the_endpoint_and_into_no_file(docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, up = BatchFiles.upload, list[bytes]()

    def seen(provider: BatchFiles, path: Path, name: str) -> str:
        up.append(path.read_bytes())
        return upload(provider, path, name)

    def repeated(request: Logged) -> Fault | None:
        return Fault("prompt_filter", message=f"what is Bearer {KEY}?") if request.batch else None

    monkeypatch.setattr(BatchFiles, "upload", seen)
    with FakeOpenAI(api_key=KEY, script=repeated) as server:
        batches.submit(run, docs=docs, config=settings(server))
        report = collected(server, run)
        metadata = [json.dumps(batch).encode() for batch in server.batches]
    assert report["failed"] == {"content_filter": STATIONS - 1}
    down = [path.read_bytes() for path in run.rglob("*") if path.is_file()]
    assert up
    assert all(KEY.encode() not in text for text in [*up, *down, *metadata, json.dumps(report.to_dict()).encode()])
    assert not list(run.glob(".synthgen-*")), "the files on their way were left behind"


def test_the_provider_is_told_no_path(docs: Path, run: Path) -> None:
    seen: list[Mapping[str, Any]] = []
    with FakeOpenAI(batch_script=lambda batch: seen.append(batch) or BatchFate()) as server:
        batches.submit(run, docs=docs, config=settings(server))
    assert set(seen[0]["metadata"]) == {"synthgen", "run"}
    assert seen[0]["metadata"]["run"] == "otters"


def test_a_batch_that_the_provider_does_not_know_is_kept_for_a_month(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server))
        with stored(run) as store:
            store.execute("UPDATE batches SET batch_id = 'batch_of_somebody_else'")
        report = batches.collect(run)
        assert (report["batches"][0]["state"], report["waiting"]) == ("unknown", STATIONS - 1)
        with stored(run) as store:
            store.execute("UPDATE batches SET created = '2020-01-01T00:00:00+00:00'")
        assert batches.collect(run)["waiting"] == 0


@pytest.mark.slow
def test_a_batch_at_another_endpoint_is_left_to_it(docs: Path, run: Path) -> None:
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server))
        with stored(run) as store:
            store.execute("UPDATE batches SET endpoint = 'https://elsewhere.example/v1'")
        report = batches.collect(run)
        assert (report["batches"][0]["state"], report["waiting"]) == ("elsewhere", STATIONS - 1)


@pytest.mark.slow
def test_what_waits_for_another_run_on_the_same_store_is_not_counted(docs: Path, run: Path, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "heron.md").write_text("# Heron\n\nA heron of the weir stands still for 40 minutes.\n")
    with FakeOpenAI() as server:
        config = settings(server, store=str(tmp_path / "calls.sqlite"))
        batches.submit(run, docs=docs, config=config)
        second = batches.submit(tmp_path / "herons", docs=tmp_path / "others", config=config)
        assert (second["submitted"], second["waiting_before"]) == (1, 0)
        in_batches = batches.status(tmp_path / "herons")
        assert (len(in_batches["batches"]), in_batches["waiting"], in_batches["to_submit"]) == (2, 1, 0)
        state = status(tmp_path / "herons")
        assert (state["calls"]["waiting"], len(state["batches"])) == (1, 2)
        assert "1 call waits in batches; `synthgen batch collect" in status_text(state)


@pytest.mark.slow
def test_a_batch_is_collected_only_by_who_can_read_its_answers(docs: Path, run: Path, tmp_path: Path) -> None:
    other = tmp_path / "keywords"
    with FakeOpenAI(batch_script=fates(BatchFate(faults={"malformed": 0.5}))) as server:
        config = settings(server, store=str(tmp_path / "calls.sqlite"))
        keywords = load_config(overrides={"generation": {"prompt": ["keyword"], "limit": 3}}, base=config)
        pipeline.run(docs, other, config=keywords)
        batches.submit(run, docs=docs, config=config)
        report = collected(server, other)
        assert (report["ok"], report["batches"][0]["collected"]) == (0, False)
        assert report["batches"][0]["messages"] == [
            "Its prompts are those of the run otters, as they were then: collect it from there."
        ]
        assert collected(server, run)["failed"]["malformed"] > 0


@pytest.mark.slow
def test_a_batch_stays_open_until_its_answers_are_there(docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def a_page(provider: BatchFiles, file_id: str, path: Path) -> bool:
        path.write_text("<html>\n<body>Sign in</body>\n")
        return True

    def half_told(provider: BatchFiles, batch_id: str) -> BatchStatus:
        found = status(provider, batch_id)
        assert found is not None
        return replace(found, files=())

    status = BatchFiles.status
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server))
        for name, unready in [("download", lambda *given: False), ("download", a_page), ("status", half_told)]:
            with monkeypatch.context() as patched:
                patched.setattr(BatchFiles, name, unready)
                report = collected(server, run)
            assert (report["waiting"], report["to_submit"], report["to_resubmit"]) == (STATIONS - 1, 0, {})
            assert report["batches"][0]["messages"] == [
                f"The provider's files hold 0 of {STATIONS - 1} answers so far: collect again later."
            ]
        assert collected(server, run)["ok"] == STATIONS - 1


@pytest.mark.slow
def test_a_file_that_is_refused_keeps_no_other_batch_waiting(docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    download, refused = BatchFiles.download, []

    def first_refused(provider: BatchFiles, file_id: str, path: Path) -> bool:
        if not refused:
            refused.append(file_id)
            raise ModelError("The file is not for you.")
        return download(provider, file_id, path)

    monkeypatch.setattr(BatchFiles, "download", first_refused)
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server), max_requests=10)
        with pytest.raises(ModelError, match="not for you"):
            collected(server, run)
        with stored(run) as store:
            assert len(open_batches(store)) == 1
        assert collected(server, run)["waiting"] == 0


def test_what_the_provider_says_of_a_batch_is_shown_without_the_key(
    docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchFiles, "status", lambda api, name: BatchStatus("failed", messages=(f"the key {KEY} may not",)))
    with FakeOpenAI() as server:
        batches.submit(run, docs=docs, config=settings(server))
        assert batches.status(run)["batches"][0]["messages"] == ["the key *** may not"]


def test_a_run_without_batches_needs_no_key_to_say_so(docs: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAI() as server:
        pipeline.run(docs, run, config=settings(server))
    monkeypatch.delenv("OPENAI_API_KEY")
    assert batches.status(run)["batches"] == []
    assert "no more calls" in batch_text(batches.collect(run))


# What the provider sends down


API = BatchFiles(None, at(), "fake-model", lambda request: {"model": request.model}, attempt_errors)


def lines_of(path: Path, *lines: Any) -> list[Any]:
    path.write_bytes(b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines))
    return list(read_lines(path, API.read))


def answer(key: str, text: str = "{}", **more: Any) -> dict[str, Any]:
    body = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    return {"custom_id": key, "response": {"status_code": 200, "body": body | more}, "error": None}


def test_lines_end_where_json_lines_end(tmp_path: Path) -> None:
    text = "one\u2028two\u0085three"
    raw = json.dumps(answer("k", text), ensure_ascii=False).encode()
    (line,) = lines_of(tmp_path / "down.jsonl", raw)
    assert line.completion.text == text


def test_lines_that_are_no_answers_are_told_apart(tmp_path: Path) -> None:
    junk = [b"{", b"[]", b"null", {"custom_id": 7}, {"response": None}, {"custom_id": "h\u00e9ron"}]
    assert lines_of(tmp_path / "down.jsonl", b"", *junk) == [None] * len(junk)


@pytest.mark.parametrize(
    ("line", "reason", "scope", "answered"),
    [
        ({"response": None, "error": {"code": "batch_expired", "message": "too late"}}, "expired", "attempt", False),
        ({"response": None, "error": None}, "no_response", "attempt", False),
        ({"response": {"status_code": 429, "body": {"error": {"message": "slow down"}}}}, "rate_limited", "attempt", False),
        ({"response": {"status_code": 500, "body": None}}, "server_error", "attempt", False),
        ({"response": {"status_code": "?", "body": "x"}}, "server_error", "attempt", False),
        ({"response": {"status_code": 400, "body": {"error": {"code": "content_filter"}}}}, "content_filter", "call", False),
        ({"response": {"status_code": 401, "body": {"error": {"message": "no"}}}}, "key", "run", False),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, "server_error", "attempt", True),
        ({"response": {"status_code": 200, "body": "gibberish"}}, "server_error", "attempt", True),
        ({"response": {"status_code": 200, "body": {"error": {"code": 402, "message": "no"}}}}, "quota", "run", False),
        ({"response": {"status_code": 200, "body": {"error": {"code": "429"}}}}, "rate_limited", "attempt", False),
        ({"response": {"status_code": 200, "body": {"error": {"code": "content_filter"}}}}, "content_filter", "call", False),
        ({"response": {"body": {"choices": [{"error": {"code": 401}}]}}}, "key", "run", False),
        ({"response": {"status_code": 200, "body": {"error": "no"}}}, "server_error", "attempt", False),
    ],
)
def test_what_stands_in_the_place_of_an_answer(tmp_path: Path, line: Any, reason: str, scope: str, answered: bool) -> None:
    (read,) = lines_of(tmp_path / "down.jsonl", {"custom_id": "k", **line})
    assert (read.key, read.failure.reason, read.failure.scope, read.answered) == ("k", reason, scope, answered)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CallStore]:
    with CallStore(tmp_path / "calls.sqlite") as store:
        yield store


def intake_of(store: CallStore, tmp_path: Path, keys: list[str], lines: list[Any], **options: Any) -> Intake:
    book = BatchBook(store)
    batch = book.claim(dict.fromkeys(keys, "otters"), run="otters", endpoint="http://fake")
    checks = {"otters": lambda completion: ("malformed", "no JSON") if completion.text == "sorry" else ("", "")}
    intake = Intake(batch, store, book, checks, endpoint=at(), **options)
    for _ in intake.take(lines_of(tmp_path / "down.jsonl", *lines)):
        pass
    return intake


def test_lines_for_nobody_are_counted_and_left_aside(store: CallStore, tmp_path: Path) -> None:
    intake = intake_of(store, tmp_path, ["a", "b"], [answer("a"), answer("stranger"), b"{half a line", answer("b")])
    assert (intake.ok, intake.unknown, intake.unreadable, intake.lost) == (2, 1, 1, {})
    assert store.get("stranger") is None


def test_a_line_that_comes_twice_counts_once(store: CallStore, tmp_path: Path) -> None:
    intake = intake_of(store, tmp_path, ["a"], [answer("a", "sorry"), answer("a", "sorry")])
    assert (intake.ok, intake.failed) == (0, {"malformed": 1})
    assert store.totals().attempts == 1


def test_an_answer_wins_over_a_failure_of_the_same_batch_in_either_order(store: CallStore, tmp_path: Path) -> None:
    late = {"custom_id": "a", "response": None, "error": {"code": "batch_expired"}}
    assert intake_of(store, tmp_path, ["a"], [late, answer("a")]).lost == {}
    assert intake_of(store, tmp_path, ["b"], [answer("b"), {**late, "custom_id": "b"}]).lost == {}


def test_what_no_line_is_about_is_free_again(store: CallStore, tmp_path: Path) -> None:
    assert intake_of(store, tmp_path, ["a", "b", "c"], [answer("b")]).lost == {"missing": 2}


def test_an_answer_without_usage_is_counted_as_one_that_may_have_cost_more(store: CallStore, tmp_path: Path) -> None:
    intake_of(store, tmp_path, ["a"], [answer("a", "some words", usage=None)])
    call = store.get("a")
    assert call is not None
    assert (call.uncounted, call.completion.usage.estimated, call.batch) == (1, True, True)


def test_an_unreadable_answer_was_paid_for_and_is_asked_again(store: CallStore, tmp_path: Path) -> None:
    intake = intake_of(store, tmp_path, ["a"], [{"custom_id": "a", "response": {"status_code": 200, "body": {}}}])
    call = store.get("a")
    assert call is not None
    assert (intake.failed, call.uncounted, call.ask_again) == ({"server_error": 1}, 1, True)


def test_what_a_failure_says_is_storable_and_without_the_key(store: CallStore, tmp_path: Path) -> None:
    body = {"error": {"message": f"half a heron \ud83e and {KEY}", "code": "content_filter"}}
    intake_of(store, tmp_path, ["a"], [{"custom_id": "a", "response": {"status_code": 400, "body": body}}])
    call = store.get("a")
    assert call is not None
    assert "half a heron ? and ***" in call.detail


def test_a_wrong_key_in_a_line_is_told_and_not_stored(store: CallStore, tmp_path: Path) -> None:
    line = {"custom_id": "a", "response": {"status_code": 401, "body": {"error": {"message": f"{KEY} is wrong"}}}}
    intake = intake_of(store, tmp_path, ["a"], [line])
    assert (intake.lost, intake.complaint) == ({"key": 1}, "401: *** is wrong")
    assert store.get("a") is None


# What goes up


def written(tmp_path: Path, requests: list[Request], **limits: int) -> list[list[str]]:
    """The custom_ids of each file."""
    path, found, limits = tmp_path / "up.jsonl", [], {"max_requests": API.max_requests, "max_bytes": API.max_bytes} | limits
    for steps in write_files([(request, "otters") for request in requests], path, API.line, **limits):
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert [line["custom_id"] for line in lines] == list(steps)
        assert {(line["method"], line["url"]) for line in lines} == {("POST", CHAT)}
        found.append(list(steps))
    return found


def test_a_file_is_full_at_its_limit_and_not_before(tmp_path: Path) -> None:
    requests = [Request(f"key{n}", "fake-model", "", ()) for n in range(5)]
    assert written(tmp_path, requests, max_requests=2) == [["key0", "key1"], ["key2", "key3"], ["key4"]]
    size = (tmp_path / "up.jsonl").stat().st_size
    assert written(tmp_path, requests, max_bytes=2 * size) == [["key0", "key1"], ["key2", "key3"], ["key4"]]
    assert written(tmp_path, requests, max_bytes=3 * size - 1) == [["key0", "key1"], ["key2", "key3"], ["key4"]]
    assert written(tmp_path, requests, max_bytes=1) == [[f"key{n}"] for n in range(5)]
    assert written(tmp_path, []) == []


def test_a_request_that_comes_again_is_in_no_second_file(tmp_path: Path) -> None:
    requests = [Request(key, "fake-model", "", ()) for key in ("a", "a", "b", "a")]
    assert written(tmp_path, requests) == [["a", "b"]]
    assert written(tmp_path, requests, max_requests=1) == [["a"], ["b"]]


def test_a_request_is_claimed_by_one_command_only(store: CallStore) -> None:
    book = BatchBook(store)
    first = book.claim({"a": "otters", "b": "otters"}, run="otters", endpoint="http://fake")
    with pytest.raises(RunFolderError, match="Another command"):
        book.claim({"b": "otters", "c": "otters"}, run="herons", endpoint="http://fake")
    assert waiting_keys(store, ["a", "b", "c", "d"]) == {"a", "b"}
    assert [batch.id for batch in book.open()] == [first.id]


def test_a_store_that_never_made_a_batch_can_be_asked_without_writing(tmp_path: Path) -> None:
    with CallStore(tmp_path / "calls.sqlite"):
        pass
    with CallStore(tmp_path / "calls.sqlite", read_only=True) as store:
        assert (open_batches(store), waiting_keys(store, ["a"])) == ([], set())


# The provider


@pytest.fixture
def provider() -> Iterator[tuple[BatchApi, FakeOpenAI]]:
    with FakeOpenAI() as server, at(base_url=server.base_url, max_attempts=2).batches("fake-model") as api:
        yield api, server


def test_our_batches_are_found_on_every_page(
    provider: tuple[BatchApi, FakeOpenAI], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.llm.providers.batch_files._PAGE", 2)
    ours, _ = provider
    (tmp_path / "up.jsonl").write_text("{}\n")
    file_id = ours.upload(tmp_path / "up.jsonl", "synthgen-test.jsonl")
    ids = {
        name: ours.create(file_id, tmp_path / "up.jsonl", {"synthgen": name})
        for name in ("first", "second", "third", "fourth", "fifth")
    }
    assert ours.made({"first", "fourth", "never"}, 0) == {"first": ids["first"], "fourth": ids["fourth"]}


def test_a_download_that_breaks_begins_again(
    provider: tuple[BatchApi, FakeOpenAI], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openai._response import APIResponse

    ours, _ = provider
    (tmp_path / "up.jsonl").write_text("{}\n" * 100)
    file_id = ours.upload(tmp_path / "up.jsonl", "synthgen-test.jsonl")
    whole, broken = APIResponse.iter_bytes, []

    def breaks(self: Any, chunk_size: int | None = None) -> Iterator[bytes]:
        if not broken:
            broken.append(True)
            yield b"{half"
            raise http_library().HTTPError("the connection was lost")
        yield from whole(self, chunk_size)

    monkeypatch.setattr(APIResponse, "iter_bytes", breaks)
    assert ours.download(file_id, tmp_path / "down.jsonl")
    assert broken
    assert (tmp_path / "down.jsonl").read_text() == "{}\n" * 100


def test_a_file_that_is_gone_is_no_error(provider: tuple[BatchApi, FakeOpenAI], tmp_path: Path) -> None:
    ours, _ = provider
    assert not ours.download("file-gone", tmp_path / "down.jsonl")
    assert ours.status("batch_gone") is None
    ours.delete("file-gone")


def test_nobody_at_the_address_is_told_like_everywhere() -> None:
    gone = at(base_url="http://127.0.0.1:9/v1", max_attempts=1)
    with gone.batches("fake-model") as api, pytest.raises(ModelError, match="Nothing answers"):
        api.made({"x"}, 0)


@pytest.mark.parametrize("batch", [{}, {"status": None, "request_counts": None, "errors": None}, {"errors": {"data": None}}])
def test_objects_with_holes_are_read(batch: Any) -> None:
    assert status_of(batch) == BatchStatus("unknown")


def test_what_a_complaint_repeats_of_a_request_is_not_shown(docs: Path, run: Path) -> None:
    def refusing(logged: Logged) -> Fault | None:
        asked = logged.body["messages"][-1]["content"]
        return Fault("error", status=403, message=f"the region forbids: {asked}") if logged.batch else None

    with FakeOpenAI(script=refusing) as server:
        batches.submit(run, docs=docs, config=settings(server))
        (message,) = collected(server, run)["batches"][0]["messages"]
    assert message.startswith("403: the region forbids: ")
    assert "crayfish" not in message


def test_complaints_about_a_file_name_its_lines() -> None:
    errors = [{"line": 3, "message": "no JSON"}, {"code": "empty_file"}, {}, {"message": "a fourth"}]
    assert status_of({"errors": {"data": errors}}).messages == ("line 3: no JSON", "empty_file", "no reason given")

"""The engine against a real server, on real sockets, with the real SDK."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from fake_openai import FakeOpenAI, Fault, Logged, Script

from synthgen.config import LLM
from synthgen.errors import ConfigError, ModelError, RunFolderError, StoppedEarly
from synthgen.llm import client
from synthgen.llm.budget import Budget, Price, estimate, load_prices, prompt_tokens
from synthgen.llm.calls import Call, CallStore
from synthgen.llm.client import FillReport, fill, run_async
from synthgen.llm.dialect import Dialect
from synthgen.llm.failures import retry_after_s
from synthgen.llm.openai import check_endpoint, endpoint_id
from synthgen.records import Completion, Event, Request, Usage, make_request

KEY = "sk-the-ring-must-not-be-seen"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, and no key or address from the machine's own environment."""
    monkeypatch.setattr(client, "_FIRST_WAIT_S", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CallStore]:
    with CallStore(tmp_path / "calls.sqlite") as store:
        yield store


def ask(
    n: int, *, model: str = "fake-model", url: str = "http://fake", text: str = "Hobbit {0} has a round door."
) -> list[Request]:
    """`n` different requests."""
    sampling = {"temperature": 0.7, "max_output_tokens": 100}
    schema = {"type": "object", "properties": {"items": {"items": {"required": ["query"]}}}}
    messages = [({"role": "system", "content": "Write 1 item."}, {"role": "user", "content": text.format(i)}) for i in range(n)]
    return [make_request(model, url, pair, schema=schema, sampling=sampling) for pair in messages]


def settings_for(server: FakeOpenAI, **changes: object) -> LLM:
    return LLM(**({"base_url": server.base_url, "concurrency": 8, "max_attempts": 3} | changes))


def run(server: FakeOpenAI, store: CallStore, requests: list[Request], **changes: object) -> FillReport:
    return run_async(fill(requests, store, settings_for(server, **changes)))


def always(fault: Fault) -> Script:
    return lambda request: fault


def first_time(fault: Fault) -> Script:
    return lambda request: fault if request.attempt == 1 else None


# The store


def test_a_call_comes_back_as_it_was_put(store: CallStore) -> None:
    call = Call(
        Completion("k1", "Bilbo\u2028😀", "stop", None, Usage(10, 4, 2, 3, True), "m-1"),
        "failed",
        "malformed",
        "no JSON",
        2,
        1.5,
        "2001-12-19",
    )
    store.put(call)
    assert store.get("k1") == call
    assert store.get("k2") is None


def test_a_store_survives_closing_and_is_read_by_others_while_open(store: CallStore) -> None:
    for number in range(600):
        store.put(Call(Completion(f"k{number}", "x")))
    with CallStore(store.path, read_only=True) as reader:
        assert len(reader.get_many(f"k{n}" for n in range(1000))) == 600
        assert len(list(reader.keys())) == 600


def test_a_good_answer_is_never_overwritten_and_a_failure_is(store: CallStore) -> None:
    store.put(Call(Completion("k", ""), "failed", "timeout"))
    store.put(Call(Completion("k", "first")))
    store.put(Call(Completion("k", "second")))
    store.put(Call(Completion("k", ""), "failed", "timeout"))
    found = store.get("k")
    assert found is not None
    assert (found.status, found.completion.text) == ("ok", "first")


def test_totals_are_sums_by_reason(store: CallStore) -> None:
    store.put(Call(Completion("a", "x", usage=Usage(10, 5, 1, 2)), attempts=2))
    store.put(Call(Completion("b", "", usage=Usage(7, 0, 0, 1, estimated=True)), "failed", "malformed"))
    totals = store.totals()
    assert (totals.ok, totals.failed, totals.calls, totals.attempts) == (1, {"malformed": 1}, 2, 3)
    assert totals.usage == Usage(17, 5, 1, 3, estimated=True)


def test_commits_are_durable(store: CallStore) -> None:
    def pragma(name: str) -> object:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert (pragma("journal_mode"), pragma("synchronous")) == ("wal", 2)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.sqlite").write_text("One ring to rule them all. " * 100)
    with pytest.raises(RunFolderError, match="damaged or no SQLite file"):
        CallStore(tmp_path / "notes.sqlite")
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE rings (bearer TEXT)")
    other.close()
    with pytest.raises(RunFolderError, match="no call store"):
        CallStore(tmp_path / "other.sqlite")
    with pytest.raises(RunFolderError, match="cannot be used"):
        CallStore(tmp_path / "no" / "folder.sqlite")
    with pytest.raises(RunFolderError, match="no call was made yet"):
        CallStore(tmp_path / "none.sqlite", read_only=True)


# Filling


def test_every_request_is_asked_once_and_stored(store: CallStore) -> None:
    with FakeOpenAI() as server:
        report = run(server, store, ask(30))
        assert (report.ok, report.failed, report.reused, report.attempts) == (30, {}, 0, 30)
        assert sorted(server.keys) == sorted(store.keys()) == sorted(r.key for r in ask(30))
        assert report.usage == store.totals().usage
        assert report.usage.prompt > 0


def test_a_second_fill_makes_no_call(store: CallStore) -> None:
    with FakeOpenAI() as server:
        run(server, store, ask(10))
        report = run(server, store, ask(15))
        assert (report.ok, report.reused, report.attempts) == (15, 10, 5)
        assert len(server.log) == 15


def test_the_same_request_twice_is_asked_once(store: CallStore) -> None:
    with FakeOpenAI(latency_s=0.02) as server:
        run(server, store, ask(3) * 4)
        assert len(server.log) == 3


def test_calls_in_flight_are_bounded_and_requests_are_made_when_needed(store: CallStore) -> None:
    made: list[int] = []

    def lazily() -> Iterator[Request]:
        for request in ask(60):
            made.append(store.totals().calls)
            yield request

    with FakeOpenAI(latency_s=0.01) as server:
        run_async(fill(lazily(), store, settings_for(server, concurrency=4)))
        assert 2 <= server.most_in_flight <= 4
    assert all(index - stored <= 4 for index, stored in enumerate(made))


def test_progress_is_told(store: CallStore) -> None:
    events: list[Event] = []
    with FakeOpenAI() as server:
        run_async(fill(ask(3), store, settings_for(server), stage="judge", total=3, on_event=events.append))
    assert [(e.stage, e.done, e.total) for e in events] == [("judge", 1, 3), ("judge", 2, 3), ("judge", 3, 3)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("rate_limit"),
        Fault("error"),
        Fault("error", status=503),
        Fault("error", status=409),
        Fault("reset"),
        Fault("bad_json"),
        Fault("slow"),
    ],
    ids=["429", "500", "503", "409", "reset", "no JSON", "timeout"],
)
def test_what_may_pass_is_tried_again(store: CallStore, fault: Fault) -> None:
    with FakeOpenAI(script=first_time(fault)) as server:
        report = run(server, store, ask(4), timeout_s=1.0 if fault.kind == "slow" else 30.0)
        assert (report.ok, report.attempts, len(server.log)) == (4, 8, 8)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("rate_limit"), "rate_limited"),
        (Fault("error"), "server_error"),
        (Fault("bad_json"), "server_error"),
        (Fault("error", status=408), "timeout"),
        (Fault("reset"), "connection"),
    ],
)
def test_after_the_last_attempt_a_call_is_stored_as_failed_and_asked_again_by_the_next_run(
    store: CallStore, fault: Fault, reason: str
) -> None:
    with FakeOpenAI(script=always(fault)) as server:
        report = run(server, store, ask(2))
        assert (report.failed, report.attempts, len(server.log)) == ({reason: 2}, 6, 6)
        assert {call.attempts for call in store.get_many(r.key for r in ask(2)).values()} == {3}
    with FakeOpenAI() as server:
        report = run(server, store, ask(2))
        assert (report.ok, report.reused) == (2, 0)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("error", status=400, message="messages must be a list"), "bad_request"),
        (Fault("error", status=400, message="This model's maximum context length is 8192 tokens"), "context_too_long"),
        (Fault("error", status=413), "context_too_long"),
        (Fault("error", status=400, message="flagged by the content_filter"), "content_filter"),
        (Fault("refusal"), "refusal"),
        (Fault("truncated"), "truncated"),
        (Fault("filtered"), "content_filter"),
    ],
)
def test_what_will_not_pass_is_a_stored_failure_after_one_attempt(store: CallStore, fault: Fault, reason: str) -> None:
    with FakeOpenAI(script=always(fault)) as server:
        report = run(server, store, ask(2))
        assert (report.failed, len(server.log)) == ({reason: 2}, 2)
        again = run(server, store, ask(2))
        assert (again.failed, again.reused, len(server.log)) == ({reason: 2}, 2, 2)


def test_an_answer_that_fails_the_check_is_stored_with_its_reason_and_its_text(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("malformed"))) as server:
        report = run_async(fill(ask(1), store, settings_for(server), check=lambda completion: "malformed"))
    call = store.get(ask(1)[0].key)
    assert call is not None
    assert (report.failed, call.reason) == ({"malformed": 1}, "malformed")
    assert "I am sorry" in call.completion.text


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("error", status=401), "does not accept the key. Check the environment variable RING_KEY"),
        (Fault("error", status=403), "does not accept the key"),
        (Fault("error", status=404), "has no model 'fake-model'"),
        (Fault("quota"), "has no quota left"),
        (Fault("error", status=402), "has no quota left"),
        (Fault("error", status=405), "does not take chat completions"),
    ],
)
def test_what_concerns_all_calls_ends_the_run(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, fault: Fault, told: str
) -> None:
    monkeypatch.setenv("RING_KEY", KEY)
    with FakeOpenAI(script=always(fault), latency_s=0.02) as server, pytest.raises(ModelError, match=told) as caught:
        run(server, store, ask(200), api_key_env="RING_KEY")
    assert len(server.log) <= 8
    assert KEY not in str(caught.value)
    assert store.totals().calls == 0


def test_a_server_that_does_not_answer_at_all_ends_the_run_quickly(store: CallStore) -> None:
    with FakeOpenAI() as server:
        gone = server.base_url
    started = time.monotonic()
    with pytest.raises(ModelError, match=f"Nobody answers at {gone}.*--base-url"):
        run_async(fill(ask(100), store, LLM(base_url=gone, max_attempts=50)))
    assert time.monotonic() - started < 5
    assert store.totals().calls == 0


def test_ten_failures_in_a_row_stop_the_run_early(store: CallStore) -> None:
    def later(request: Logged) -> Fault | None:
        return Fault("error") if len(server.log) >= 20 else None

    with (
        FakeOpenAI(script=later) as server,
        pytest.raises(StoppedEarly, match="10 calls in a row.*server_error.*same command") as caught,
    ):
        run(server, store, ask(100), concurrency=2)
    assert caught.value.exit_code == 3
    totals = store.totals()
    assert (totals.ok, totals.failed) == (20, {"server_error": totals.failed["server_error"]})
    assert 10 <= totals.failed["server_error"] <= 11


def test_answers_that_are_all_cut_stop_the_run_and_name_the_setting(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("truncated"))) as server, pytest.raises(StoppedEarly, match="llm.max_output_tokens"):
        run(server, store, ask(100))
    assert len(server.log) < 25


# Waiting


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    told = retry_after_s({"retry-after": formatdate(time.time() + 90, usegmt=True)})
    assert told is not None
    assert 85 <= told <= 91


def test_what_one_call_is_told_to_wait_all_calls_wait(store: CallStore) -> None:
    arrivals: list[float] = []

    def script(request: Logged) -> Fault | None:
        arrivals.append(time.monotonic())
        return Fault("rate_limit", retry_after_ms="400") if len(arrivals) == 1 else None

    with FakeOpenAI(script=script, latency_s=0.03) as server:
        assert run(server, store, ask(40), concurrency=2).ok == 40
    before = sum(arrival < arrivals[0] + 0.4 for arrival in arrivals)
    assert before <= 6, "two workers without a shared wait would have sent some twenty requests by then"


def test_a_server_that_asks_for_too_much_patience_stops_the_run_early(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("rate_limit", retry_after="20"))) as server:
        started = time.monotonic()
        with pytest.raises(StoppedEarly, match="asks to wait 20 s"):
            run(server, store, ask(20), max_wait_s=10.0)
    assert time.monotonic() - started < 5


def test_waiting_is_bounded_in_all(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("rate_limit", retry_after_ms="200"))) as server:
        report = run(server, store, ask(1), max_attempts=50, max_wait_s=0.5)
    assert report.failed == {"rate_limited": 1}
    assert 2 <= len(server.log) <= 4


# Dialects


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        ("temperature", {"max_tokens", "response_format"}),
        ("max_tokens", {"max_completion_tokens", "temperature", "response_format"}),
        ("seed", {"max_tokens", "temperature", "response_format"}),
    ],
)
def test_a_field_that_is_refused_is_left_out_for_the_rest_of_the_fill(store: CallStore, refused: str, sent: set[str]) -> None:
    def script(request: Logged) -> Fault | None:
        return Fault("unsupported", param=refused) if refused in request.body else None

    requests = [
        make_request(r.model, r.endpoint, r.messages, schema=r.schema, sampling={**r.sampling, "seed": 7}) for r in ask(20)
    ]
    with FakeOpenAI(script=script) as server:
        report = run(server, store, requests, concurrency=2)
        assert (report.ok, report.attempts) == (20, 20)
        assert len(server.log) <= 22
        assert set(server.log[-1].body) - {"model", "messages", "seed"} == sent
        assert set(server.keys) == {r.key for r in requests}


def test_the_output_form_steps_down_from_schema_to_object_to_text(store: CallStore) -> None:
    def script(request: Logged) -> Fault | None:
        kind = request.body.get("response_format", {}).get("type")
        return Fault("error", status=400, message=f"response_format of type '{kind}' is not supported") if kind else None

    with FakeOpenAI(script=script) as server:
        assert run(server, store, ask(5), concurrency=1).ok == 5
        kinds = [logged.body.get("response_format", {}).get("type") for logged in server.log]
        assert kinds == ["json_schema", "json_object", None, None, None, None, None]


def test_a_late_refusal_of_an_old_form_does_not_bring_back_a_worse_one() -> None:
    (request,) = ask(1)
    dialect = Dialect(own_endpoint=False)
    schema = dialect.body(request)
    assert dialect.step_down(schema, "no json_schema")
    assert dialect.step_down(dialect.body(request), "no json_object")
    assert dialect.step_down(schema, "no json_schema"), "the late one goes again"
    assert "response_format" not in dialect.body(request)


def test_a_field_refused_in_both_its_forms_is_a_failure(store: CallStore) -> None:
    with FakeOpenAI(
        script=always(Fault("error", status=400, message="max_tokens and max_completion_tokens are both wrong"))
    ) as server:
        assert run(server, store, ask(1)).failed == {"bad_request": 1}
        assert len(server.log) == 2


def test_usage_that_the_server_does_not_send_is_estimated_and_says_so(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("no_usage"))) as server:
        usage = run(server, store, ask(1)).usage
    assert usage.estimated
    assert usage.prompt > 5
    assert usage.output > 5


# Caps


def test_the_cap_on_calls_holds_with_calls_in_flight_and_the_same_command_goes_on(store: CallStore) -> None:
    with FakeOpenAI(latency_s=0.01) as server:
        for done in (10, 20):
            with pytest.raises(StoppedEarly, match=r"llm.max_calls = 10 \(10 used\).*same command"):
                run(server, store, ask(25), max_calls=10)
            assert (len(server.log), store.totals().ok) == (done, done)
        assert run(server, store, ask(25), max_calls=10).ok == 25


def test_a_retry_is_a_call_too(store: CallStore) -> None:
    with FakeOpenAI(script=first_time(Fault("error"))) as server, pytest.raises(StoppedEarly):
        run(server, store, ask(20), max_calls=7)
    assert len(server.log) == 7


def test_the_cap_on_tokens_is_never_passed_and_mostly_used(store: CallStore) -> None:
    requests = ask(200, model="gpt-4o", text="Hobbit {0} has a round door. " * 20)
    with FakeOpenAI(models=("gpt-4o",), latency_s=0.005) as server, pytest.raises(StoppedEarly, match="max_total_tokens"):
        run(server, store, requests, max_total_tokens=20_000, concurrency=16)
    used = store.totals().usage
    assert 0.9 * 20_000 <= used.prompt + used.output <= 20_000


def test_the_cap_on_cost_is_never_passed_and_mostly_used(store: CallStore, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("dated: 2001-12-19\nmodels: {fake-model: {input: 10, output: 40}}\n")
    budget = Budget(LLM(max_cost=0.1, prices=str(prices)), ["fake-model"])
    with (
        FakeOpenAI(latency_s=0.005) as server,
        pytest.raises(StoppedEarly, match=r"max_cost = 0.1 dollars \(\$0\.09\d+ used\)"),
    ):
        run_async(fill(ask(400), store, settings_for(server, max_cost=0.1, prices=str(prices)), budget=budget))
    spent = load_prices(prices).models["fake-model"].dollars(store.totals().usage)
    assert 0.9 * 0.1 <= spent <= 0.1
    assert budget.spent.dollars == pytest.approx(spent)


def test_an_attempt_whose_usage_never_came_is_charged_at_its_worst(store: CallStore) -> None:
    (request,) = ask(1, model="gpt-4o")
    settings = LLM(max_total_tokens=10_000)
    budget = Budget(settings)
    reserved = budget.reserve(request)
    assert reserved is not None
    budget.settle(reserved, request, None)
    assert budget.spent.tokens == reserved.tokens >= prompt_tokens(request) + 100
    assert budget.in_flight == 0


def test_one_budget_holds_for_several_fills(tmp_path: Path, store: CallStore) -> None:
    with FakeOpenAI() as server:
        settings = settings_for(server, max_calls=5)
        budget = Budget(settings)
        run_async(fill(ask(3), store, settings, budget=budget))
        with pytest.raises(StoppedEarly):
            run_async(fill(ask(6), store, settings, budget=budget))
        assert len(server.log) == 5


def test_a_cap_on_cost_needs_a_price() -> None:
    with pytest.raises(ConfigError, match=r"price of 'mithril-7b' is not in the table of 2026.*--max-calls"):
        Budget(LLM(max_cost=1.0), ["mithril-7b"])


# Prices and plans


def test_prices_are_dated_and_know_snapshots() -> None:
    prices = load_prices()
    assert prices.of("gpt-4o-mini-2024-07-18") == prices.of("gpt-4o-mini") == Price(input=0.15, cached=0.075, output=0.60)
    assert prices.of("gpt-4o-mini-tuned") is None
    assert prices.dated.year >= 2026


def test_cached_and_written_tokens_have_their_own_price() -> None:
    price = Price(input=10, cached=1, written=12.5, output=40)
    usage = Usage(prompt=1_000_000, cached=400_000, written=200_000, output=100_000)
    assert price.dollars(usage) == pytest.approx(4 + 0.4 + 2.5 + 4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dated: 2001-12-19\nmodels: {a: {inptu: 1, output: 2}}", r"Did you mean 'input'"),
        ("models: {a: {input: 1, output: 2}}", "dated"),
        ("dated: [", "not valid YAML"),
    ],
)
def test_a_bad_price_table_is_explained(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_prices(tmp_path / "prices.yaml")


def test_a_plan_counts_what_is_not_stored(store: CallStore) -> None:
    requests = ask(10, model="gpt-4o")
    store.put(Call(Completion(requests[0].key, "answered")))
    store.put(Call(Completion(requests[1].key, ""), "failed", "refusal"))
    store.put(Call(Completion(requests[2].key, ""), "failed", "timeout"))
    plan = estimate(iter(requests), LLM(), output_tokens=100, store=store)
    assert (plan.calls, plan.stored, plan.output_tokens, plan.model) == (8, 2, 800, "gpt-4o")
    assert plan.prompt_tokens == sum(prompt_tokens(request) for request in requests[2:])
    assert plan.dollars == pytest.approx((plan.prompt_tokens * 2.5 + 800 * 10) / 1e6)
    assert not plan.estimated_tokens


def test_an_unknown_price_is_said_and_not_zero() -> None:
    plan = estimate(ask(1, model="mithril-7b"), LLM(), output_tokens=100)
    assert (plan.dollars, plan.estimated_tokens) == (None, True)


# Endpoints and keys


def test_a_local_server_needs_no_key_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (
        "http://127.0.0.1:8000/v1",
        "http://192.168.1.7/v1",
        "http://[::1]:80/v1",
        "http://vllm:8000/v1",
        "http://gpu.local/v1",
    ):
        check_endpoint(LLM(base_url=url))
    for url in (None, "https://api.example.com/v1", "http://8.8.8.8/v1"):
        with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
            check_endpoint(LLM(base_url=url))
        monkeypatch.setenv("RING_KEY", KEY)
        check_endpoint(LLM(base_url=url, api_key_env="RING_KEY"))


@pytest.mark.parametrize("url", ["http://frodo:baggins@127.0.0.1/v1", "http://127.0.0.1/v1?key=secret"])
def test_an_address_with_secrets_in_it_is_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ConfigError, match="credentials or a query") as caught:
        check_endpoint(LLM(base_url=url))
    assert "baggins" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="no web address"):
        check_endpoint(LLM(base_url="127.0.0.1:8000"))


def test_a_request_key_names_the_endpoint_or_what_the_user_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert endpoint_id(LLM()) == "https://api.openai.com/v1"
    assert endpoint_id(LLM(base_url="http://127.0.0.1:8000/v1/")) == "http://127.0.0.1:8000/v1"
    assert endpoint_id(LLM(base_url="http://127.0.0.1:8000/v1", endpoint_id="rivendell")) == "rivendell"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert endpoint_id(LLM()) == "http://127.0.0.1:9/v1"


def test_the_key_is_sent_and_kept_nowhere(store: CallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RING_KEY", KEY)
    script = first_time(Fault("error", status=400, message=f"what is {KEY}?"))
    with FakeOpenAI(api_key=KEY, script=script) as server:
        report = run(server, store, ask(3), api_key_env="RING_KEY")
    assert report.failed == {"bad_request": 3}
    assert {logged.authorization for logged in server.log} == {f"Bearer {KEY}"}
    store.close()
    assert KEY.encode() not in b"".join(path.read_bytes() for path in store.path.parent.iterdir())


# Loops and interrupts


def test_the_sync_door_opens_inside_a_running_loop(store: CallStore) -> None:
    async def notebook_cell() -> FillReport:
        return run(server, store, ask(5))

    with FakeOpenAI() as server:
        assert asyncio.run(notebook_cell()).ok == 5


def test_an_error_passes_through_the_sync_door(store: CallStore) -> None:
    async def notebook_cell() -> FillReport:
        return run(server, store, ask(5))

    with FakeOpenAI(script=always(Fault("error", status=401))) as server, pytest.raises(ModelError):
        asyncio.run(notebook_cell())


def interrupt_when(finished: int, store: CallStore) -> threading.Thread:
    """Ctrl-C as soon as `finished` calls are stored."""

    def wait_and_press() -> None:
        with CallStore(store.path, read_only=True) as reader:
            while reader.totals().calls < finished:
                time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait_and_press)
    thread.start()
    return thread


@pytest.mark.parametrize("place", ["script", "asyncio.run", "notebook"])
def test_ctrl_c_keeps_what_is_finished_and_nothing_is_asked_twice(store: CallStore, place: str) -> None:
    async def cell() -> FillReport:
        return run(server, store, ask(120), concurrency=4)

    def interrupted() -> object:
        if place == "script":
            return run(server, store, ask(120), concurrency=4)
        if place == "asyncio.run":
            return asyncio.run(cell())
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            return loop.run_until_complete(cell())

    with FakeOpenAI(latency_s=0.05) as server:
        presser = interrupt_when(10, store)
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        presser.join()
        saved = set(store.keys())
        asked = len(server.log)
        assert 10 <= len(saved) <= asked <= len(saved) + 8
        assert len(saved) < 80, "the fill went on after Ctrl-C"
        run(server, store, ask(120), concurrency=16)
        assert not saved & set(server.keys[asked:])
    assert store.totals().ok == 120


def test_cancelling_the_fill_leaves_no_call_behind(store: CallStore) -> None:
    async def main() -> int:
        task = asyncio.create_task(fill(ask(200), store, settings_for(server, concurrency=4)))
        while store.totals().ok < 8:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)  # what was on its way arrives
        asked = len(server.log)
        await asyncio.sleep(0.1)
        return len(server.log) - asked

    with FakeOpenAI(latency_s=0.02) as server:
        assert asyncio.run(main()) == 0


def test_a_store_that_cannot_be_written_ends_the_run(store: CallStore) -> None:
    store.close()
    with (
        CallStore(store.path, read_only=True) as reader,
        FakeOpenAI() as server,
        pytest.raises(RunFolderError, match="readonly"),
    ):
        run(server, reader, ask(10))


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        ({"content": "half an emoji \ud83d"}, {"prompt_tokens": 3, "completion_tokens": 2}),
        ({"content": "words"}, "none"),
        ({"content": "words"}, {"prompt_tokens": 3, "completion_tokens": [1]}),
        ({"content": None, "refusal": "no \ud83d"}, None),
    ],
)
def test_an_odd_answer_can_be_stored(tmp_path: Path, message: dict[str, object], usage: object) -> None:
    from synthgen.llm.openai import _completion

    request = make_request("m", "e", ({"role": "user", "content": "hello"},))
    completion = _completion(request, {"choices": [{"message": message}], "usage": usage})
    with CallStore(tmp_path / "calls.sqlite") as store:
        store.put(Call(completion, "ok", "", "", 1, 0.1, "2026-01-01T00:00:00+00:00"))
        assert store.get(request.key).completion == completion


def test_a_refusal_that_is_no_text_is_an_unreadable_answer() -> None:
    from synthgen.llm.openai import _completion

    request = make_request("m", "e", ({"role": "user", "content": "hello"},))
    with pytest.raises(ValueError, match="its refusal is dict"):
        _completion(request, {"choices": [{"message": {"content": "", "refusal": {"why": "?"}}}]})

"""Filling a call store: against a real server, on real sockets, with the real SDK."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fills import KEY, always, ask, at, endpoint_for, first_time, keys_of, run
from support.wire import RawServer, answer, respond

from synthgen.errors import ModelError, RunFolderError, StoppedEarly
from synthgen.llm import fill as client
from synthgen.llm.batch.ledger import BatchBook
from synthgen.llm.call_store import CallStore
from synthgen.llm.costs.prices import load_prices
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import Wanted, fill
from synthgen.llm.reask import failed_again, follow_up, to_ask
from synthgen.llm.session import Session
from synthgen.records import Completion, Event, Request
from synthgen.testing import FakeOpenAI, Fault, Logged


def test_every_request_is_asked_once_and_stored(store: CallStore) -> None:
    with FakeOpenAI() as server:
        report = run(server, store, ask(30))
        assert (report.ok, report.failed, report.reused, report.attempts) == (30, {}, 0, 30)
        assert sorted(server.keys) == sorted(keys_of(store)) == sorted(r.key for r in ask(30))
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


def test_a_request_that_comes_again_while_its_twin_is_in_flight_is_asked_once(store: CallStore) -> None:
    requests = ask(160)
    with FakeOpenAI(latency_s=0.02) as server:
        report = run(server, store, [*requests, requests[99]])
        assert (len(server.log), report.ok, report.attempts) == (160, 161, 160)


@pytest.mark.slow
def test_calls_in_flight_are_bounded_and_requests_are_made_a_hundred_ahead_at_most(store: CallStore) -> None:
    made: list[int] = []

    def lazily() -> Iterator[Request]:
        for request in ask(400):
            made.append(store.totals().calls)
            yield request

    with FakeOpenAI(latency_s=0.01) as server:
        run_async(fill(lazily(), store, endpoint_for(server, concurrency=4)))
        assert 2 <= server.most_in_flight <= 4
    assert all(index - stored <= 105 for index, stored in enumerate(made))


def test_progress_is_told(store: CallStore) -> None:
    events: list[Event] = []
    with FakeOpenAI(latency_s=0.05) as server:
        run_async(fill(ask(30), store, endpoint_for(server), stage="judge", total=30, on_event=events.append))
        run_async(fill(ask(40), store, endpoint_for(server), stage="judge", total=40, on_event=events.append))
    assert {event.stage for event in events} == {"judge"}
    dones = [event.done for event in events if event.total == 30]
    assert dones == sorted(dones)
    assert dones[-1] == 30
    meters = [event.meter for event in events if event.meter is not None]
    assert len(meters) == len(events)
    assert max(meter.in_flight for meter in meters) > 1
    last = meters[-1]
    assert (last.finished, last.reused, last.failed, last.in_flight, last.waiting) == (10, 30, 0, 0, "")
    assert 0 < last.usage.prompt < store.totals().usage.prompt
    assert last.dollars is None, "the price of the fake model is not known"


def test_the_first_call_goes_alone_and_finds_out_how_to_ask(store: CallStore) -> None:
    with FakeOpenAI(latency_s=0.05, script=lambda request: refused(request, "temperature")) as server:
        report = run(server, store, ask(20), concurrency=8)
        assert (report.ok, report.attempts, len(server.log)) == (20, 20, 21), "only one call met the refusal"
        run(server, store, ask(40), concurrency=8)
        assert len(server.log) == 41, "and the store remembers it"


def test_after_the_first_answer_all_workers_go_at_once(store: CallStore) -> None:
    with FakeOpenAI(latency_s=0.1) as server:
        report = run(server, store, ask(64), concurrency=32)
        assert server.most_in_flight > 16
        assert report.duration_s < 3, "one by one they would take more than six seconds"


@pytest.mark.slow
def test_a_first_call_that_is_not_refused_for_a_while_is_not_waited_for(store: CallStore) -> None:
    with FakeOpenAI(latency_s=1.2) as server:
        report = run(server, store, ask(8), concurrency=8)
        assert (report.ok, server.most_in_flight) == (8, 8)


@pytest.mark.slow
def test_calls_that_were_let_through_go_alone_again_when_the_form_is_refused_after_all(
    store: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.llm.executor._REFUSES_WITHIN_S", 0.1)

    def script(request: Logged) -> Fault | None:
        time.sleep(0 if "temperature" not in request.body else 0.3)
        return refused(request, "temperature")

    with FakeOpenAI(script=script) as server:
        report = run(server, store, ask(20), concurrency=8)
        assert (report.ok, report.attempts) == (20, 20)
        assert [logged.status for logged in server.log].count(400) <= 8, "only those that were on their way"


def test_another_model_of_a_known_endpoint_finds_out_how_to_ask_with_one_call(store: CallStore) -> None:
    def script(request: Logged) -> Fault | None:
        return refused(request, "temperature") if request.body["model"] == "prim-model" else None

    with FakeOpenAI(models=("fake-model", "prim-model"), latency_s=0.05, script=script) as server:
        run(server, store, ask(1))
        run(server, store, ask(20, model="prim-model"), concurrency=8)
        assert len(server.log) == 1 + 21, "only one call met the refusal"


def refused(request: Logged, field: str) -> Fault | None:
    return Fault("unsupported", param=field) if field in request.body else None


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        Fault("rate_limit"),
        Fault("error"),
        Fault("error", status=503),
        Fault("error", status=409),
        Fault("reset"),
        Fault("body"),
        Fault("slow"),
    ],
    ids=["429", "500", "503", "409", "reset", "an empty body", "timeout"],
)
def test_what_may_pass_is_tried_again(store: CallStore, fault: Fault) -> None:
    with FakeOpenAI(script=first_time(fault)) as server:
        report = run(server, store, ask(4), timeout_s=1.0 if fault.kind == "slow" else 30.0)
        counts = 4 if fault.kind == "rate_limit" else 8
        assert (report.ok, report.attempts, len(server.log)) == (4, counts, 8), "being told to come later is no attempt"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("error"), "server_error"),
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
        (Fault("filtered"), "content_filter"),
    ],
)
def test_what_will_not_pass_is_a_stored_failure_after_one_attempt(store: CallStore, fault: Fault, reason: str) -> None:
    with FakeOpenAI(script=always(fault)) as server:
        report = run(server, store, ask(2))
        assert (report.failed, len(server.log)) == ({reason: 2}, 2)
        again = run(server, store, ask(2))
        assert (again.failed, again.reused, len(server.log)) == ({reason: 2}, 2, 2)


def test_a_refusal_with_half_a_character_in_it_is_a_stored_failure(store: CallStore) -> None:
    with RawServer(respond({"error": {"message": "what is \ud83d?"}}, status=400)) as server:
        report = run_async(fill(ask(2), store, at(base_url=server.base_url)))
    call = store.get(ask(2)[0].key)
    assert call is not None
    assert (report.failed, call.detail) == ({"bad_request": 2}, "400: what is ??")


def test_half_a_character_in_what_a_check_says_leads_to_one_follow_up_and_not_two(store: CallStore) -> None:
    def check(completion: Completion) -> tuple[str, str]:
        return "malformed", "not a poem: \ud83d"

    with FakeOpenAI() as server:
        for _ in range(2):
            run_async(fill(ask(1), store, endpoint_for(server), check=check))
        assert len(server.log) == 2, "the request and its follow-up"


def test_an_answer_that_fails_the_check_is_stored_with_its_reason_and_its_text(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("malformed"))) as server:
        report = run_async(fill(ask(1), store, endpoint_for(server), check=lambda completion: ("odd", "not a poem")))
    call = store.get(ask(1)[0].key)
    assert call is not None
    assert (report.failed, call.reason, call.detail) == ({"odd": 1}, "odd", "not a poem")
    assert "I am sorry" in call.completion.text


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("error", status=401), "does not accept the key. Check the environment variable RING_KEY"),
        (Fault("error", status=403), "does not accept the key"),
        (Fault("error", status=404), "has no model 'fake-model'"),
        (Fault("quota"), "has no quota left"),
        (Fault("error", status=402), "has no quota left"),
        (Fault("error", status=405), "does not take requests of this kind"),
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


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "no answer began within 0.2 s"),
        (answer()[:20], "no answer began within 0.2 s"),
        (answer()[:-1], "the answer began but was not complete within 0.2 s"),
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_timeout_says_which_part_was_late_and_may_have_cost(store: CallStore, sent: bytes, said: str) -> None:
    with RawServer(sent) as server:
        run_async(fill(ask(1), store, at(base_url=server.base_url, timeout_s=0.2, max_attempts=1)))
    ((reason, detail, uncounted),) = store.execute("SELECT reason, detail, uncounted FROM calls")
    assert (reason, detail, uncounted) == ("timeout", said, 1)


def test_a_server_that_does_not_answer_at_all_ends_the_run_quickly(store: CallStore) -> None:
    with FakeOpenAI() as server:
        gone = server.base_url
    started = time.monotonic()
    with pytest.raises(ModelError, match=f"Nothing answers at {gone}.*--base-url"):
        run_async(fill(ask(100), store, at(base_url=gone, max_attempts=50)))
    assert time.monotonic() - started < 30
    assert store.totals().calls == 0


def reads_json(completion: Completion) -> tuple[str, str]:
    """A check for answers that the fake server can spoil."""
    if completion.finish_reason == "length":
        return "truncated", "it was cut"
    return ("", "") if completion.text.startswith("{") else ("malformed", "it is no JSON")


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
def test_an_unusable_answer_is_asked_for_once_more_and_both_are_kept(store: CallStore, kind: str) -> None:
    requests = ask(6)
    spoilt = {requests[1].key, requests[4].key}
    script = lambda request: Fault(kind) if request.key in spoilt else None  # noqa: E731
    with FakeOpenAI(script=script) as server:
        report = run_async(fill(requests, store, endpoint_for(server), check=reads_json))
        assert (report.ok, report.failed, report.attempts, len(server.log)) == (6, {}, 8, 8)
        for request in requests:
            first = store.get(request.key)
            assert first is not None
            assert first.reason == (kind if request.key in spoilt else "")
            follow = follow_up(request, first)
            assert (follow is not None and store.get(follow.key).status) == ("ok" if request.key in spoilt else False)
        again = run_async(fill(requests, store, endpoint_for(server), check=reads_json))
        assert (again.ok, again.reused, len(server.log)) == (6, 6, 8)


def test_there_is_no_third_request(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("malformed"))) as server:
        report = run_async(fill(ask(2), store, endpoint_for(server), check=reads_json))
        assert (report.failed, len(server.log)) == ({"malformed": 2}, 4)
        assert store.totals().failed == {"malformed": 4}


def test_a_fill_that_was_stopped_between_the_two_asks_the_second_only(store: CallStore) -> None:
    with FakeOpenAI(script=lambda request: Fault("malformed") if len(request.body["messages"]) == 2 else None) as server:
        with pytest.raises(StoppedEarly):
            run_async(fill(ask(1), store, endpoint_for(server, max_calls=1), check=reads_json))
        assert len(server.log) == 1
        assert run_async(fill(ask(1), store, endpoint_for(server), check=reads_json)).ok == 1
        assert [len(logged.body["messages"]) for logged in server.log] == [2, 4]


def test_a_retry_repeats_what_failed_for_whatever_reason_and_nothing_else(store: CallStore) -> None:
    requests = ask(20)
    refusing = {request.key for request in requests[:5]}
    with FakeOpenAI(script=lambda request: Fault("refusal") if request.key in refusing else None) as server:
        assert run(server, store, requests[:15]).failed == {"refusal": 5}
        asked = len(server.log)
        assert run(server, store, requests[:15]).reused == 15
        assert len(server.log) == asked
        refusing.clear()
        report = run_async(fill(requests, store, endpoint_for(server), wanted=failed_again))
        assert (report.ok, report.reused, report.attempts) == (15, 10, 5)
        assert {logged.key for logged in server.log[asked:]} == {request.key for request in requests[:5]}
    assert store.totals().ok == 15


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "wanted"), [(Fault("error", status=400), failed_again), (Fault("error"), to_ask)])
def test_requests_that_failed_before_may_fail_again_without_stopping_the_others(
    store: CallStore, fault: Fault, wanted: Wanted
) -> None:
    requests = ask(40)
    failing = {request.key for request in requests[::2]}
    with FakeOpenAI(script=lambda request: fault if request.key in failing else None) as server:
        settings = endpoint_for(server, concurrency=2, max_attempts=1)
        assert run_async(fill(requests, store, settings)).ok == 20
        asked = len(server.log)
        failing -= {request.key for request in requests[30:]}
        report = run_async(fill(requests, store, settings, wanted=wanted))
        assert (report.ok, sum(report.failed.values())) == (25, 15), "fifteen in a row, and then five that pass"
        assert len(server.log) - asked == 20


# Stopping


def test_failures_for_good_in_a_row_stop_the_run_early(store: CallStore) -> None:
    def later(request: Logged) -> Fault | None:
        return Fault("error", status=400, message="no such thing") if len(server.log) >= 20 else None

    with (
        FakeOpenAI(script=later) as server,
        pytest.raises(StoppedEarly, match="10 calls in a row.*bad_request.*same command") as caught,
    ):
        run(server, store, ask(100), concurrency=2)
    assert caught.value.exit_code == 3
    totals = store.totals()
    assert totals.ok == 20
    assert 10 <= totals.failed["bad_request"] <= 13, "what three workers had in hand may still end"


@pytest.mark.parametrize(("kind", "hint"), [("truncated", "llm.max_output_tokens"), ("malformed", "read its answers")])
def test_answers_that_are_all_unusable_stop_the_run_and_say_what_to_do(store: CallStore, kind: str, hint: str) -> None:
    with FakeOpenAI(script=always(Fault(kind))) as server, pytest.raises(StoppedEarly, match=hint):
        run_async(fill(ask(100), store, endpoint_for(server), check=reads_json))
    assert len(server.log) < 50


@pytest.mark.slow
def test_an_outage_is_waited_out_with_one_call_at_a_time(store: CallStore) -> None:
    began: list[float] = []

    def down(request: Logged) -> Fault | None:
        if len(server.log) < 30:
            return None
        began.append(time.monotonic())
        return Fault("error", status=502) if time.monotonic() - began[0] < 1.5 else None

    with FakeOpenAI(script=down, latency_s=0.01) as server:
        report = run(server, store, ask(200), concurrency=32, max_attempts=2)
        assert (report.ok, report.failed) == (200, {}), "failing while the server is down is no attempt"
        assert len(server.log) < 200 + 32 + 20
        assert 1.5 < report.duration_s < 6


def test_an_outage_that_outlasts_patience_stops_the_run_with_its_state_saved(store: CallStore) -> None:
    def down(request: Logged) -> Fault | None:
        return Fault("reset") if len(server.log) >= 30 else None

    with (
        FakeOpenAI(script=down, latency_s=0.01) as server,
        pytest.raises(StoppedEarly, match=r"has not answered properly.*connection.*30 finished calls.*--patience") as caught,
    ):
        run(server, store, ask(200), concurrency=16, patience_s=1.0)
    assert caught.value.exit_code == 3
    assert store.totals().calls == 30, "what was not answered is no failure of its passage"
    with FakeOpenAI() as server:
        report = run(server, store, ask(200))
        assert (report.ok, report.reused) == (200, 30)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault("error"), Fault("slow")], ids=["500", "timeout"])
def test_requests_that_fail_every_time_fail_and_do_not_hold_up_the_run(store: CallStore, fault: Fault) -> None:
    requests = ask(24)
    cursed = {request.key for request in requests[-2:]}
    with FakeOpenAI(script=lambda request: fault if request.key in cursed else None) as server:
        report = run(server, store, requests, max_attempts=8, patience_s=1.0, timeout_s=0.3)
        reason = "timeout" if fault.kind == "slow" else "server_error"
        assert (report.ok, report.failed) == (22, {reason: 2}), "ten failures in a row are no outage when they are two requests"
        again = run(server, store, requests, max_attempts=8, patience_s=1.0, timeout_s=0.3)
        assert again.failed == report.failed, "and the same with nothing else to ask"


def test_a_quota_that_is_used_up_stops_the_run_when_patience_ends(store: CallStore) -> None:
    def used_up(request: Logged) -> Fault | None:
        return Fault("rate_limit", retry_after="3600") if len(server.log) >= 30 else None

    started = time.monotonic()
    with (
        FakeOpenAI(script=used_up, latency_s=0.01) as server,
        pytest.raises(StoppedEarly, match="quota of the hour or the day"),
    ):
        run(server, store, ask(200), concurrency=16, patience_s=1.0)
    assert time.monotonic() - started < 30
    assert store.totals().calls == 30


@pytest.mark.parametrize("fault", [Fault("rate_limit", retry_after_ms="600"), Fault("overloaded", retry_after_ms="600")])
def test_what_one_call_is_told_to_wait_holds_up_no_other(store: CallStore, fault: Fault) -> None:
    arrivals: list[tuple[float, str]] = []

    def script(request: Logged) -> Fault | None:
        arrivals.append((time.monotonic(), request.key))
        return fault if len(arrivals) == 10 else None

    with FakeOpenAI(script=script, latency_s=0.03) as server:
        report = run(server, store, ask(40), concurrency=2)
    assert report.ok == 40
    told, key = arrivals[9]
    assert sum(told < arrival < told + 0.6 for arrival, _ in arrivals) > 20, "with a shared wait there would be 3 at most"
    (again,) = [arrival for arrival, of in arrivals[10:] if of == key]
    assert again >= told + 0.6


@pytest.mark.slow
def test_calls_that_wait_leave_their_places_to_others(store: CallStore) -> None:
    """One call in ten is told to wait two seconds: far more than there are workers."""
    refused = {request.key for request in ask(200)[::10]}
    script = lambda request: Fault("rate_limit", retry_after="2") if request.key in refused and request.attempt == 1 else None  # noqa: E731
    with FakeOpenAI(script=script, latency_s=0.02) as server:
        report = run(server, store, ask(200), concurrency=4)
        first = {logged.key for logged in server.log[:150]}
    assert (report.ok, report.rate_limited) == (200, 20)
    assert len(first) == 150, "no call is asked again while others have not been asked at all"


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


@pytest.mark.slow
def test_being_told_to_come_later_is_no_call(store: CallStore) -> None:
    with FakeOpenAI(script=first_time(Fault("rate_limit", retry_after_ms="1"))) as server:
        assert run(server, store, ask(5), max_calls=5).ok == 5
    assert len(server.log) == 10


def test_the_cap_on_tokens_is_never_passed_and_mostly_used(store: CallStore) -> None:
    requests = ask(200, model="gpt-4o", text="Hobbit {0} has a round door. " * 20)
    with FakeOpenAI(models=("gpt-4o",), latency_s=0.005) as server, pytest.raises(StoppedEarly, match="max_total_tokens"):
        run(server, store, requests, max_total_tokens=20_000, concurrency=16)
    used = store.totals().usage
    assert 0.9 * 20_000 <= used.prompt + used.output <= 20_000


def test_the_cap_on_cost_is_never_passed_and_mostly_used(store: CallStore, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("dated: 2001-12-19\nmodels: {fake-model: {input: 10, output: 40}}\n")
    session = Session.of(at(max_cost=0.1, prices=str(prices)), ["fake-model"])
    with (
        FakeOpenAI(latency_s=0.005) as server,
        pytest.raises(StoppedEarly, match=r"max_cost = 0.1 dollars \(\$0\.09\d+ used\)"),
    ):
        run_async(fill(ask(400), store, endpoint_for(server, max_cost=0.1, prices=str(prices)), session=session))
    spent = load_prices(prices).models["fake-model"].dollars(store.totals().usage)
    assert 0.9 * 0.1 <= spent <= 0.1
    assert session.budget.spent.dollars == pytest.approx(spent)


def test_one_budget_holds_for_several_fills(tmp_path: Path, store: CallStore) -> None:
    with FakeOpenAI() as server:
        settings = endpoint_for(server, max_calls=5)
        session = Session.of(settings)
        run_async(fill(ask(3), store, settings, session=session))
        with pytest.raises(StoppedEarly):
            run_async(fill(ask(6), store, settings, session=session))
        assert len(server.log) == 5


def test_one_limiter_holds_for_several_fills(store: CallStore) -> None:
    with FakeOpenAI() as server:
        settings = endpoint_for(server, rpm=240)
        session, started = Session.of(settings), time.monotonic()
        for size in (4, 8, 12):
            run_async(fill(ask(size), store, settings, session=session))
        assert time.monotonic() - started > 1.5, "twelve calls at four a second"


def test_a_server_that_is_away_between_two_fills_is_waited_for(store: CallStore) -> None:
    with FakeOpenAI() as server:
        settings = endpoint_for(server, patience_s=1.0)
        session = Session.of(settings)
        run_async(fill(ask(2), store, settings, session=session))
    with pytest.raises(StoppedEarly, match="has not answered properly for"):
        run_async(fill(ask(20), store, settings, session=session))


@pytest.mark.slow
@pytest.mark.parametrize("among_the_next", [False, True])
def test_requests_that_a_batch_claims_meanwhile_are_left_to_it(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, among_the_next: bool
) -> None:
    monkeypatch.setattr(client, "_FRESH_S", 0.0)
    requests = ask(90 if among_the_next else 300)
    late = {request.key: "question" for request in requests[-50:]}

    def claim(request: Logged) -> None:
        if len(server.log) == 5:
            with CallStore(store.path) as other:
                BatchBook(other).claim(late, run="other", endpoint="http://fake")

    with FakeOpenAI(script=claim) as server, pytest.raises(RunFolderError, match=r"^50 calls.*wait in batches.*batch collect"):
        run(server, store, requests)
    assert len(server.log) == len(requests) - 50
    assert late.keys().isdisjoint(server.keys)


def test_what_is_said_to_be_saved_is_in_the_store(store: CallStore) -> None:
    with FakeOpenAI(latency_s=0.02) as server:
        settings = endpoint_for(server, max_calls=20)
        session = Session.of(settings)
        run_async(fill(ask(10), store, settings, session=session))
        with pytest.raises(StoppedEarly, match="20 finished calls are in"):
            run_async(fill(ask(40), store, settings, session=session))
    assert store.totals().calls == 20


def test_patience_with_a_server_that_is_away_ends_before_its_calls_do(store: CallStore) -> None:
    with FakeOpenAI(script=always(Fault("reset"))) as server, pytest.raises(StoppedEarly, match="--patience"):
        run(server, store, ask(3), concurrency=3, patience_s=0.01, max_attempts=9)
    assert store.totals().calls == 0


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [4, 16])
def test_a_server_that_asks_to_wait_for_very_long_ends_patience(store: CallStore, concurrency: int) -> None:
    def away(request: Logged) -> Fault | None:
        return Fault("unavailable", retry_after="400") if len(server.log) >= 3 else None

    started = time.monotonic()
    with FakeOpenAI(script=away, latency_s=0.05) as server, pytest.raises(StoppedEarly, match="--patience"):
        run(server, store, ask(24), concurrency=concurrency, patience_s=2.0, max_attempts=6)
    assert time.monotonic() - started < 30
    assert not store.totals().failed


def test_a_server_that_counts_nothing_is_counted_here(store: CallStore) -> None:
    with RawServer(answer(prompt_tokens=0, completion_tokens=0, total_tokens=0)) as server:
        settings = at(base_url=server.base_url, max_total_tokens=3_000, concurrency=1)
        with pytest.raises(StoppedEarly, match="max_total_tokens"):
            run_async(fill(ask(40), store, settings))


# The key, and a store that fails


def test_the_key_is_sent_and_kept_nowhere(store: CallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RING_KEY", KEY)
    script = first_time(Fault("error", status=400, message=f"what is {KEY}?"))
    with FakeOpenAI(api_key=KEY, script=script) as server:
        report = run(server, store, ask(3), api_key_env="RING_KEY")
    assert report.failed == {"bad_request": 3}
    assert {logged.authorization for logged in server.log} == {f"Bearer {KEY}"}
    store.close()
    assert KEY.encode() not in b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def test_half_a_key_is_kept_nowhere_either(store: CallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RING_KEY", KEY)
    long = [Fault("error", status=400, message="x" * (500 - size) + KEY) for size in range(4, 30, 5)]
    with FakeOpenAI(script=lambda request: long[len(server.log) % len(long)]) as server:
        run(server, store, ask(6), api_key_env="RING_KEY")
    body = {"choices": [], "id": "x" * 170 + KEY}
    with RawServer(respond(body)) as raw:
        run_async(fill(ask(1, text="again {0}"), store, at(base_url=raw.base_url, api_key_env="RING_KEY", max_attempts=1)))
    details = [detail for (detail,) in store.execute("SELECT detail FROM calls")]
    assert len(details) == 7
    assert not any(KEY[:4] in detail for detail in details)
    assert max(map(len, details)) <= 500


def test_a_store_that_cannot_be_written_ends_the_run(store: CallStore) -> None:
    store.close()
    with (
        CallStore(store.path, read_only=True) as reader,
        FakeOpenAI() as server,
        pytest.raises(RunFolderError, match="readonly"),
    ):
        run(server, reader, ask(10))

"""What was found out about a server is in the store, and in what is told while calls are made."""

from __future__ import annotations

from support.fills import ask, endpoint_for, run

from synthgen.llm.call_store import CallStore
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import fill
from synthgen.llm.findings import StoredFindings, stored_findings
from synthgen.records import Event
from synthgen.testing import FakeOpenAI, Fault


def test_a_fill_tells_and_keeps_what_it_found_out(store: CallStore) -> None:
    events: list[Event] = []
    busy = Fault("rate_limit", retry_after="0.01")
    with FakeOpenAI(
        script=lambda request: busy if request.attempt == 1 and "Hobbit 7 " in str(request.body) else None
    ) as server:
        endpoint = endpoint_for(server)
        run_async(fill(ask(20), store, endpoint, on_event=events.append))
        told = "1 of 21 requests rejected, no limit seen"
        assert events[-1].meter is not None
        assert events[-1].meter.findings == stored_findings(store, endpoint.id) == told
        run(server, store, ask(20))
        assert stored_findings(store, endpoint.id) == told, "no call was made"
        run(server, store, ask(21))
        assert stored_findings(store, endpoint.id) == "", "the last call found nothing"


def test_findings_are_stored_every_ten_seconds_at_most(store: CallStore) -> None:
    now = 0.0
    findings, seen = StoredFindings(store, "pond", lambda: now), []
    for second in range(25):
        now = float(second)
        findings.offer(lambda text=f"at {second}": text)  # type: ignore[misc]
        seen.append(stored_findings(store, "pond"))
    assert seen == 10 * ["at 0"] + 10 * ["at 10"] + 5 * ["at 20"]
    findings.put("at the end")
    assert stored_findings(store, "pond") == "at the end"


def test_a_store_that_cannot_be_written_keeps_nothing(store: CallStore) -> None:
    with CallStore(store.path, read_only=True) as unwritable:
        StoredFindings(unwritable, "pond", lambda: 0.0).put("2 of 100 requests rejected, no limit seen")
    assert stored_findings(store, "pond") == ""

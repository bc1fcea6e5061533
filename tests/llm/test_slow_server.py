"""A server that works on one request at a time and queues the others."""

from __future__ import annotations

import pytest
from support.fills import ask, keys_of, run

from synthgen.llm.call_store import CallStore
from synthgen.testing import FakeOpenAI


@pytest.mark.slow
def test_a_queue_that_is_longer_than_the_timeout_loses_nothing(store: CallStore) -> None:
    """The last of 16 calls waits 3.2 s, and the time of a call is 2 s."""
    with FakeOpenAI(latency_s=0.2, slots=1) as server:
        report = run(server, store, ask(28), concurrency=16, timeout_s=2.0)
        use = server.slot_use
    assert (report.ok, report.failed, report.attempts) == (28, {}, 28)
    assert (use.computed, use.left_queued, use.left_computing) == (28, 0, 0)
    assert len(keys_of(store)) == 28

"""How many calls a server works on at a time: what people are told of it."""

from __future__ import annotations

import pytest

from synthgen.llm.rate_limit.concurrency import AdaptiveConcurrency


@pytest.mark.parametrize(
    ("slots", "most", "told"),
    [
        (1, 64, "the server works on 1 at a time, 4 are in flight at most"),
        (2, 64, "the server works on 2 at a time, 6 are in flight at most"),
        (64, 64, ""),
        (2, 4, ""),
    ],
)
def test_the_calls_that_a_server_works_on_are_told(slots: int, most: int, told: str) -> None:
    """After a first call alone all are sent at once, and take a second each at `slots` places."""
    concurrency = AdaptiveConcurrency(most, lambda: 0.0)
    concurrency.answered(1, 1.0, 0)
    assert concurrency.findings == ""
    for number in range(1, most + 1):
        concurrency.answered(number, float(-(-number // slots)), most - number)
    assert concurrency.findings == told

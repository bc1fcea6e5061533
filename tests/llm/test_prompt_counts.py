"""A server that cuts prompts in silence is noticed by what it counts, and one that only counts otherwise is not."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from support.fills import ask, at
from support.wire import RawServer, answer

from synthgen.errors import StoppedEarly
from synthgen.llm.call_store import CallStore
from synthgen.llm.costs.estimate import prompt_tokens
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import fill
from synthgen.llm.findings import stored_findings
from synthgen.llm.prompt_counts import PromptCounts
from synthgen.records import Completion, Request, Usage

WORDS = "The river {0} bends twice below the mill, and "


def of_lengths(*repeats: int) -> list[Request]:
    return [ask(n + 1, text=WORDS * length)[-1] for n, length in enumerate(repeats)]


LONG = of_lengths(*range(700, 720))


def seen(counts: Callable[[int, int], int], requests: list[Request] = LONG, *, estimated: bool = False) -> str:
    """What is found when the n-th request of so many tokens is counted as `counts(n, tokens)`."""
    found = PromptCounts()
    for n, request in enumerate(requests):
        found.observe(request, Usage(prompt=counts(n, prompt_tokens(request)), output=9, estimated=estimated))
    return found.finding


@pytest.mark.parametrize(
    "counts",
    [
        lambda n, sent: 4096,
        lambda n, sent: 2048 - n % 3,
        lambda n, sent: 3000,
        lambda n, sent: 3000 + n % 5,
        lambda n, sent: min(sent, 4095),
        lambda n, sent: 4096 if n % 7 else 2500,
    ],
    ids=["a window", "nearly one", "an odd one", "about an odd one", "at most one", "mostly"],
)
def test_a_cut_is_noticed(counts: Callable[[int, int], int]) -> None:
    assert "the server cuts prompts: about " in seen(counts)


@pytest.mark.parametrize(
    "counts",
    [
        lambda n, sent: sent,
        lambda n, sent: int(0.7 * sent),
        lambda n, sent: int(1.6 * sent),
        lambda n, sent: int(0.5 * sent) + 97 * n,
        lambda n, sent: 100 + 61 * n,
        lambda n, sent: 240 + n if n % 2 else sent,
        lambda n, sent: 0,
    ],
    ids=["all", "another tokenizer", "a poorer one", "half and more", "without a cache", "cached by turns", "nothing"],
)
def test_another_way_of_counting_is_no_cut(counts: Callable[[int, int], int]) -> None:
    assert seen(counts) == ""


def test_short_prompts_and_estimates_say_nothing() -> None:
    assert seen(lambda n, sent: 60, of_lengths(*range(10, 20))) == ""
    assert seen(lambda n, sent: 4096, estimated=True) == ""


def test_it_is_said_once_in_numbers_and_kept_for_status(store: CallStore, caplog: pytest.LogCaptureFixture) -> None:
    with RawServer(answer(prompt_tokens=4096, total_tokens=4099)) as server, caplog.at_level(logging.WARNING, "synthgen"):
        endpoint = at(base_url=server.base_url)
        assert run_async(fill(LONG, store, endpoint)).ok == len(LONG)
    told = [record.getMessage() for record in caplog.records if "cuts prompts" in record.getMessage()]
    assert len(told) == 1
    assert "and it counted 4,096. Its context window is smaller than the prompt" in told[0]
    assert "counted 4,096" in stored_findings(store, endpoint.id)


def test_calls_that_fail_one_after_the_other_are_explained_by_it(store: CallStore) -> None:
    def no_json(completion: Completion) -> tuple[str, str]:
        return "malformed", "no JSON"

    with (
        RawServer(answer("two", prompt_tokens=2048, total_tokens=2051)) as server,
        pytest.raises(StoppedEarly, match=r"malformed.*The server cuts prompts.*counted 2,048.*context window is too small"),
    ):
        run_async(fill(LONG, store, at(base_url=server.base_url), check=no_json))

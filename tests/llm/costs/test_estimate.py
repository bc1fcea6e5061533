"""What requests will cost is counted before they are sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fills import ask, run

from synthgen.config.settings import LLM
from synthgen.llm.batch.ledger import BatchBook
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.costs.estimate import Prefixes, estimate, prompt_tokens, static_tokens
from synthgen.llm.reask import follow_up
from synthgen.records import Completion, Request, Usage, make_request
from synthgen.testing import FakeOpenAI
from synthgen.text.tokenizer import get_tokenizer

LONG = "One ring to rule them all. " * 200


def about_rings(n: int, *, system: str = LONG, model: str = "gpt-4o") -> list[Request]:
    """`n` requests with the same beginning."""
    pairs = [({"role": "system", "content": system}, {"role": "user", "content": f"Ring {i}"}) for i in range(n)]
    return [make_request(model, "http://fake", pair, sampling={"max_output_tokens": 100}, static=(1, 0)) for pair in pairs]


def test_a_plan_counts_what_is_not_stored(store: CallStore) -> None:
    requests = ask(10, model="gpt-4o")
    store.put_many([Call(Completion(requests[0].key, "answered"))])
    store.put_many([Call(Completion(requests[1].key, ""), "failed", "refusal")])
    store.put_many([Call(Completion(requests[2].key, ""), "failed", "timeout")])
    planned = estimate(iter(requests), LLM(), output_tokens=100, store=store)
    assert (planned.calls, planned.stored, planned.output_tokens, planned.model) == (8, 2, 800, "gpt-4o")
    assert planned.prompt_tokens == sum(prompt_tokens(request) for request in requests[2:])
    assert planned.dollars == pytest.approx((planned.prompt_tokens * 2.5 + 800 * 10) / 1e6)
    assert planned.batch_dollars == pytest.approx((planned.dollars or 0) / 2)
    assert not planned.estimated_tokens


def test_an_unusable_answer_still_has_a_second_request_to_pay_for(store: CallStore) -> None:
    first, second = ask(2, model="gpt-4o")
    for request in (first, second):
        store.put_many([Call(Completion(request.key, "I am sorry. " * 50), "failed", "malformed", "no JSON in it")])
    follow = [follow_up(request, call) for request in (first, second) if (call := store.get(request.key))]
    assert follow[0] is not None
    assert follow[1] is not None
    store.put_many([Call(Completion(follow[1].key, "answered"))])
    planned = estimate([first, second], LLM(), output_tokens=100, store=store)
    assert (planned.calls, planned.stored, planned.prompt_tokens) == (1, 1, prompt_tokens(follow[0]))
    assert planned.prompt_tokens > prompt_tokens(first) + 150


def test_calls_that_wait_in_a_batch_are_neither_stored_nor_to_be_made(store: CallStore) -> None:
    requests = ask(5, model="gpt-4o")
    BatchBook(store).claim({request.key: "question" for request in requests[:2]}, run="shire", endpoint="http://fake")
    planned = estimate(requests, LLM(), output_tokens=100, store=store)
    assert (planned.calls, planned.stored, planned.waiting) == (3, 0, 2)


def test_an_unknown_price_is_said_and_not_zero() -> None:
    planned = estimate(about_rings(2, model="mithril-7b"), LLM(), output_tokens=100)
    assert (planned.dollars, planned.batch_dollars, planned.cache_saving) == (None, None, None)
    assert planned.estimated_tokens


def test_nothing_to_ask_is_a_plan_of_nothing() -> None:
    planned = estimate([], LLM(), output_tokens=100)
    assert (planned.calls, planned.prompt_tokens, planned.static_tokens) == (0, 0, 0)


@pytest.mark.parametrize(("stored", "expected"), [(19, 100), (20, 37)])
def test_twenty_stored_answers_say_more_than_an_expectation(store: CallStore, stored: int, expected: int) -> None:
    requests = ask(30, model="gpt-4o")
    for number, request in enumerate(requests[:stored]):
        store.put_many([Call(Completion(request.key, "answered", usage=Usage(10, output=36 if number % 2 else 38)))])
    planned = estimate(requests, LLM(), output_tokens=100, store=store)
    assert planned.output_tokens == (30 - stored) * expected


def test_planned_prompts_are_exactly_what_the_server_counts(store: CallStore) -> None:
    requests = [*ask(20, model="gpt-4o"), *ask(3, model="gpt-4o", text="Der Ring {0} <|endoftext|> 魔戒 💍")]
    with FakeOpenAI(models=("gpt-4o",)) as server:
        report = run(server, store, requests)
    assert report.usage.prompt == estimate(requests, LLM(), output_tokens=1).prompt_tokens


# The static beginning


def test_the_static_part_is_counted_and_a_cache_reads_it_in_steps() -> None:
    requests = about_rings(10)
    planned = estimate(requests, LLM(), output_tokens=100)
    rest = 3 + 4 + get_tokenizer("gpt-4o").count("Ring 0")
    assert planned.static_tokens == static_tokens(requests[0]) == prompt_tokens(requests[0]) - rest
    assert planned.prefixes == 1
    hit = planned.static_tokens // 128 * 128
    assert hit != planned.static_tokens
    assert planned.cache_saving == pytest.approx(9 * hit * (2.5 - 1.25) / 1e6), "the first call finds an empty cache"


def test_a_beginning_below_1024_tokens_is_not_cached() -> None:
    planned = estimate(about_rings(10, system="One ring. " * 100), LLM(), output_tokens=100)
    assert 0 < planned.static_tokens < 1_024
    assert planned.cache_saving == 0


def test_a_request_without_a_static_part_has_none() -> None:
    planned = estimate(ask(3, model="gpt-4o"), LLM(), output_tokens=100)
    assert (planned.static_tokens, planned.prefixes, planned.cache_saving) == (0, 0, 0)


def test_where_writing_a_cache_costs_more_the_first_call_pays_for_it(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("dated: 2001-12-19\nmodels: {gpt-4o: {input: 10, cached: 1, written: 12.5, output: 40}}\n")
    once = estimate(about_rings(1), LLM(prices=str(tmp_path / "p.yaml")), output_tokens=100)
    often = estimate(about_rings(15), LLM(prices=str(tmp_path / "p.yaml")), output_tokens=100)
    assert once.cache_saving == pytest.approx(-2.5 * once.static_tokens / 1e6)
    assert often.cache_saving == pytest.approx((14 * 9 - 2.5) * once.static_tokens / 1e6)


def test_steps_that_share_a_beginning_share_its_cache() -> None:
    prefixes = Prefixes()
    chunk_first = [
        make_request("gpt-4o", "e", ({"role": "user", "content": f"{LONG}{i} {task}"},), static=(0, len(LONG) + 1))
        for task in ("Ask.", "Judge.")
        for i in range(4)
    ]
    asked = estimate(chunk_first[:4], LLM(), output_tokens=100, prefixes=prefixes)
    judged = estimate(chunk_first[4:], LLM(), output_tokens=100, prefixes=prefixes)
    assert (asked.prefixes, judged.prefixes) == (4, 4)
    assert asked.cache_saving == 0
    assert judged.cache_saving
    assert judged.cache_saving > 0


def test_another_schema_is_another_beginning() -> None:
    requests = about_rings(2)
    other = make_request("gpt-4o", "http://fake", requests[1].messages, schema={"type": "object"}, static=(1, 0))
    assert estimate([requests[0], other], LLM(), output_tokens=100).prefixes == 2

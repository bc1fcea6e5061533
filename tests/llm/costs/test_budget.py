"""What a command may spend holds at every moment, whatever comes back and in whatever order."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fills import ask

from synthgen.config.settings import LLM
from synthgen.errors import ConfigError
from synthgen.llm.call_store import Call
from synthgen.llm.costs import budget as module
from synthgen.llm.costs.budget import Budget, Reservation, Spend, prompt_bound
from synthgen.llm.costs.estimate import prompt_tokens
from synthgen.llm.providers.openai import PROVIDER
from synthgen.llm.reask import follow_up
from synthgen.records import Completion, Request, Usage, make_request

output_bound = PROVIDER.output_bound

PRICES = "dated: 2001-12-19\nmodels: {gpt-4o: {input: 10, cached: 1, written: 12.5, output: 40}}\n"


@pytest.fixture
def prices(tmp_path: Path) -> str:
    (tmp_path / "prices.yaml").write_text(PRICES)
    return str(tmp_path / "prices.yaml")


def one(model: str = "gpt-4o", text: str = "Bilbo", **sampling: object) -> Request:
    messages = ({"role": "system", "content": "Write 1 item."}, {"role": "user", "content": text})
    return make_request(model, "http://fake", messages, sampling={"max_output_tokens": 100} | sampling)


def reserved(budget: Budget, request: Request, *, batch: bool = False) -> Reservation:
    reservation = budget.reserve(request, batch=batch)
    assert reservation is not None
    return reservation


# The caps


def test_a_cap_counts_what_is_in_flight() -> None:
    budget = Budget(LLM(max_calls=2), output_bound)
    first, _ = reserved(budget, one()), reserved(budget, one())
    assert budget.reserve(one()) is None
    budget.settle(first, Usage(5, output=5))
    assert (budget.spent.calls, budget.in_flight) == (1, 1)
    assert budget.reserve(one()) is None, "an attempt that was made is made"


def test_a_call_that_was_never_sent_costs_nothing_and_counts_nothing() -> None:
    budget = Budget(LLM(max_calls=1, max_total_tokens=10_000), output_bound)
    budget.release(reserved(budget, one()))
    assert (budget.spent, budget.in_flight) == (Spend(), 0)
    assert budget.reserve(one()) is not None


def test_an_attempt_that_was_turned_away_counts_as_a_call_and_costs_nothing() -> None:
    budget = Budget(LLM(max_total_tokens=10_000), output_bound)
    budget.settle(reserved(budget, one()), Usage())
    assert budget.spent == Spend(1, 0, 0.0)


def test_an_attempt_whose_usage_never_came_is_charged_at_its_worst(prices: str) -> None:
    budget = Budget(LLM(max_total_tokens=10_000, prices=prices), output_bound)
    reservation = reserved(budget, one())
    budget.settle(reservation, None)
    assert budget.spent == reservation.worst
    assert budget.spent.tokens >= prompt_tokens(one()) + 100
    assert budget.spent.dollars == pytest.approx((12.5 * (budget.spent.tokens - 100) + 40 * 100) / 1e6)


def test_an_answer_without_usage_is_charged_at_its_worst_where_a_cap_has_to_hold() -> None:
    told = Usage(10, output=10, estimated=True)
    capped, free = Budget(LLM(max_total_tokens=10_000), output_bound), Budget(LLM(max_calls=10), output_bound)
    reservation = reserved(capped, one())
    capped.settle(reservation, told)
    assert capped.spent == reservation.worst
    free.settle(reserved(free, one()), told)
    assert free.spent.tokens == 20


def test_without_a_cap_nothing_is_counted_beforehand_and_a_lost_attempt_is_still_charged(
    monkeypatch: pytest.MonkeyPatch, prices: str
) -> None:
    budget = Budget(LLM(max_calls=100, prices=prices), output_bound)
    with monkeypatch.context() as patched:
        patched.setattr(module, "prompt_bound", lambda request: pytest.fail("tokens were counted, and no cap needs them"))
        for _ in range(3):
            budget.settle(reserved(budget, one()), Usage(10, output=10))
        lost = reserved(budget, one())
    assert budget.spent == Spend(3, 60, pytest.approx(60 * 25 / 1e6))
    budget.settle(lost, None)
    assert budget.spent.tokens == 60 + prompt_bound(one()) + 100


def test_a_request_that_has_to_wait_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(module, "prompt_bound", lambda request: counted.append(request.key) or 1_000)
    budget = Budget(LLM(max_total_tokens=1_500), output_bound)
    first, late = reserved(budget, one(text="Frodo")), one(text="Sam")
    for _ in range(5):
        assert budget.reserve(late) is None
    budget.settle(first, Usage(10, output=10))
    assert budget.reserve(late) is not None
    assert counted.count(late.key) == 1


def test_a_reservation_is_settled_once() -> None:
    budget = Budget(LLM(), output_bound)
    reservation = reserved(budget, one())
    budget.settle(reservation, Usage(1))
    with pytest.raises(ValueError, match="already settled"):
        budget.release(reservation)
    assert (budget.in_flight, budget.spent.calls) == (0, 1)


def test_a_batch_call_is_reserved_and_settled_at_the_batch_price(prices: str) -> None:
    budget = Budget(LLM(max_cost=1.0, prices=prices), output_bound)
    live, batch = reserved(budget, one()), reserved(budget, one(), batch=True)
    assert batch.worst.dollars == pytest.approx(live.worst.dollars / 2)
    budget.settle(batch, Usage(1_000, output=100))
    assert budget.spent.dollars == pytest.approx((1_000 * 10 + 100 * 40) / 2 / 1e6)


def test_the_message_names_the_cap_what_is_used_and_what_the_next_call_may_need(prices: str) -> None:
    budget = Budget(LLM(max_calls=1), output_bound)
    budget.settle(reserved(budget, one()), Usage(1))
    assert budget.cap(one()) == "llm.max_calls = 1 (1 used)"
    tokens = prompt_bound(one()) + 100
    assert Budget(LLM(max_total_tokens=5), output_bound).cap(one()) == (
        f"llm.max_total_tokens = 5 tokens (0 used); the next call may take {tokens}"
    )
    assert (
        Budget(LLM(max_cost=0.001, prices=prices), output_bound)
        .cap(one())
        .startswith("llm.max_cost = 0.001 dollars ($0.0000 used); the next call may cost $0.00")
    )


def test_the_message_counts_what_is_put_aside_and_knows_the_price_of_batches(prices: str) -> None:
    budget = Budget(LLM(max_cost=0.01, prices=prices), output_bound)
    long = one(text="Bilbo " * 4_000)
    held = reserved(budget, one(), batch=True).worst.dollars
    more = reserved(Budget(LLM(max_cost=1.0, prices=prices), output_bound), long, batch=True).worst.dollars
    assert budget.cap(long, batch=True) == (
        f"llm.max_cost = 0.01 dollars (${held:.4f} used or put aside); the next call may cost ${more:.4f}"
    )


def test_a_cap_on_cost_needs_a_price() -> None:
    told = r"price of 'mithril-7b' is not in the table of 2026.*--max-calls"
    with pytest.raises(ConfigError, match=told):
        Budget(LLM(max_cost=1.0), output_bound, ["mithril-7b"])
    with pytest.raises(ConfigError, match=told):
        Budget(LLM(max_cost=1.0), output_bound).reserve(one("mithril-7b"))


def test_an_unknown_price_makes_the_dollars_unknown_and_not_zero() -> None:
    budget = Budget(LLM(max_total_tokens=10_000), output_bound)
    budget.settle(reserved(budget, one("mithril-7b")), Usage(10, output=10))
    assert budget.spent == Spend(1, 20, None)


# Randomised: nothing that servers do within the bounds takes the spend over a cap


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from(["max_calls", "max_total_tokens", "max_cost"]))
def test_no_cap_is_ever_passed(tmp_path_factory: pytest.TempPathFactory, seed: int, worth: int, cap: str) -> None:
    table = tmp_path_factory.getbasetemp() / "prices.yaml"
    table.write_text(PRICES)
    draw = random.Random(seed)
    requests = [one(text="Bilbo " * draw.randint(1, 200), max_output_tokens=draw.randint(1, 400)) for _ in range(8)]
    uncapped = LLM(max_total_tokens=10**9, max_cost=1e6, prices=str(table))
    worst = [reserved(Budget(uncapped, output_bound), request).worst for request in requests]
    dearest = {
        "max_calls": 1,
        "max_total_tokens": max(w.tokens for w in worst),
        "max_cost": max(w.dollars or 0 for w in worst),
    }
    limit = worth * dearest[cap]
    budget = Budget(LLM(**{"prices": str(table), cap: limit}), output_bound)
    billed = Spend()
    flying: list[Reservation] = []
    for _ in range(400):
        if flying and draw.random() < 0.5:
            reservation = flying.pop(draw.randrange(len(flying)))
            outcome = draw.random()
            if outcome < 0.1:
                budget.release(reservation)
                continue
            prompt, output = draw.randint(0, prompt_bound(reservation.request)), draw.randint(0, 400)
            cached = draw.randint(0, prompt)
            output = min(output, output_bound(reservation.request, 1))
            usage = Usage(prompt, cached, draw.randint(0, prompt - cached), output)
            price = budget._price("gpt-4o")
            assert price is not None
            billed = billed.plus(Spend(1, usage.prompt + usage.output, price.dollars(usage)))
            budget.settle(reservation, None if outcome < 0.3 else usage)
        elif reservation := budget.reserve(draw.choice(requests)):
            flying.append(reservation)
        amounts = {"max_calls": billed.calls, "max_total_tokens": billed.tokens, "max_cost": billed.dollars or 0}
        assert amounts[cap] <= limit * (1 + 1e-12)


# The bounds


def test_where_the_tokenizer_is_known_the_bound_is_the_count_and_a_margin() -> None:
    (request,) = ask(1, model="gpt-4o", text="Hobbit {0} has a round door. " * 50)
    assert 1.05 * prompt_tokens(request) <= prompt_bound(request) <= 1.1 * prompt_tokens(request) + 150


def test_where_it_is_unknown_the_bound_is_bytes() -> None:
    assert prompt_bound(one("mithril-7b", text="魔" * 500)) >= 3 * 500
    assert prompt_bound(one("mithril-7b", text="Bilbo " * 500)) >= 6 * 500


def test_a_table_that_cannot_be_had_makes_a_known_model_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    import tiktoken

    from synthgen.text.tokenizer import get_tokenizer

    def offline(name: str) -> tiktoken.Encoding:
        raise OSError("no network")

    monkeypatch.setattr(tiktoken, "get_encoding", offline)
    get_tokenizer.cache_clear()
    try:
        assert prompt_bound(one("gpt-4", text="Bilbo " * 1_000)) >= 6_000, "o200k_base says nothing of cl100k_base"
    finally:
        get_tokenizer.cache_clear()


def test_the_schema_and_a_follow_up_are_in_the_bound() -> None:
    (request,) = ask(1, model="mithril-7b")
    bare = make_request(request.model, request.endpoint, request.messages, sampling=request.sampling)
    assert prompt_bound(request) == prompt_bound(bare) + len(json.dumps(request.schema))
    call = Call(Completion(request.key, "I am sorry. " * 300), "failed", "malformed", "no JSON in it")
    again = follow_up(request, call)
    assert again is not None
    assert prompt_bound(again) > prompt_bound(request) + 300 * 12


def test_the_output_bound_is_the_limit_as_it_is_sent() -> None:
    assert output_bound(one(), 7) == 100
    assert output_bound(make_request("m", "e", ()), 7) == 7
    assert output_bound(one(extra_body={"max_tokens": 900}), 7) == 900
    assert output_bound(one(extra_body={"n": 3}), 7) == 300


def test_what_else_is_sent_is_in_the_prompt_bound() -> None:
    tools = [{"type": "function", "function": {"name": "find_ring", "description": "Finds it. " * 40}}]
    assert prompt_bound(one(extra_body={"tools": tools})) >= prompt_bound(one()) + 400


# A server that counts more than the worst case


@pytest.mark.parametrize(("usage", "times"), [(Usage(3_000, output=10), "prompt"), (Usage(10, output=350), "output")])
def test_more_than_the_worst_case_is_charged_and_learnt_from(usage: Usage, times: str) -> None:
    budget = Budget(LLM(max_total_tokens=50_000), output_bound)
    before = reserved(budget, one())
    budget.settle(before, usage)
    assert budget.spent.tokens == usage.prompt + usage.output
    after = reserved(budget, one())
    bound = {"prompt": before.prompt, "output": before.output}[times]
    ratio = getattr(usage, times) / bound
    assert after.worst.tokens == pytest.approx(before.worst.tokens + (ratio - 1) * bound, abs=2)
    other = reserved(budget, one("gpt-4o-mini"))
    assert other.worst.tokens == before.worst.tokens, "what one model does says nothing of another"


def test_what_was_learnt_does_not_grow_by_itself() -> None:
    budget = Budget(LLM(max_total_tokens=10**6), output_bound)
    worst = set()
    for _ in range(5):
        reservation = reserved(budget, one())
        worst.add(reservation.worst.tokens)
        budget.settle(reservation, Usage(2_000, output=10))
    assert len(worst) == 2


# Speed


def test_a_reservation_costs_the_same_however_many_are_open() -> None:
    budget = Budget(LLM(max_total_tokens=10**12), output_bound)
    request = one()
    open_ones = [reserved(budget, request) for _ in range(3_000)]
    assert budget.in_flight == 3_000
    assert not [name for name, value in vars(budget).items() if isinstance(value, list | dict | set) and len(value) > 10]
    for reservation in open_ones:
        budget.settle(reservation, Usage(1, output=1))
    assert (budget.in_flight, budget.spent.tokens) == (0, 6_000)

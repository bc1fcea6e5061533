"""A few paid calls give a range for all of them, and the truth is in it."""

from __future__ import annotations

import math
import random
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from support.fills import always, keys_of

from synthgen.cli.views.plan import plan_text
from synthgen.config.settings import Config, load_config
from synthgen.errors import ConfigError, RunFolderError, StoppedEarly
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.costs.estimate import prompt_tokens
from synthgen.llm.costs.pilot import Sampled, pilot_range, student_quantile
from synthgen.pipeline.generation import make_generator
from synthgen.pipeline.pilot import price_pilot
from synthgen.pipeline.plan import plan
from synthgen.pipeline.run import run
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Chunk, Completion, Usage, digest
from synthgen.testing import FakeOpenAI, Fault, Logged

# The range


@pytest.mark.parametrize(
    ("share", "freedom", "quantile"),
    [
        (0.995, 1, 63.6567),
        (0.995, 2, 9.9248),
        (0.995, 4, 4.6041),
        (0.995, 49, 2.6800),
        (0.975, 9, 2.2622),
        (0.995, 3_000, 2.5775),
    ],
)
def test_student_s_quantiles_are_those_of_the_tables(share: float, freedom: int, quantile: float) -> None:
    assert student_quantile(share, freedom) == pytest.approx(quantile, abs=5e-5)


def test_equal_requests_cost_what_the_sample_says_and_leave_room_for_trouble_above() -> None:
    low, expected, high = pilot_range([Sampled(prompt=1.0, saved=0.0, answer=2.0)] * 50, 100, 100.0)
    assert low == pytest.approx(expected) == pytest.approx(300.0)
    assert high == pytest.approx(300 * (1 + math.log(200) / 50)), "a Poisson count of 0 leaves so much open"


def test_the_prompts_are_known_and_only_the_answers_are_drawn() -> None:
    draw = random.Random(1)
    prompts = [draw.uniform(1, 100) for _ in range(1_000)]
    sampled = [Sampled(prompt, 0.0, 2.0) for prompt in prompts[:50]]
    low, expected, _ = pilot_range(sampled, 950, sum(prompts[50:]))
    assert low == pytest.approx(expected) == pytest.approx(sum(prompts[50:]) + 2 * 950)


def test_what_the_cache_saved_is_taken_from_requests_that_could_have_met_it() -> None:
    cold, warm = Sampled(10.0, None, 1.0), Sampled(10.0, 6.0, 1.0)
    _, expected, _ = pilot_range([cold, cold, *[warm] * 8], 100, 1_000.0)
    assert expected == pytest.approx(100 * (10 - 6 + 1))


def test_second_calls_are_part_of_the_cost() -> None:
    _, expected, _ = pilot_range([Sampled(1.0, 0.0, 1.0)] * 9 + [Sampled(1.0, 0.0, 1.0, again=5.0)], 100, 100.0)
    assert expected == pytest.approx(100 * (1 + 1 + 0.5))


def test_nothing_left_costs_nothing_and_one_request_says_nothing() -> None:
    assert pilot_range([Sampled(1.0, 0.0, 1.0)] * 5, 0, 0.0) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="at least 2"):
        pilot_range([Sampled(1.0, 0.0, 1.0)], 10, 10.0)


def test_a_larger_sample_gives_a_narrower_range_and_answers_of_length_0_are_no_trouble() -> None:
    draw = random.Random(2)
    sampled = [Sampled(1.0, 0.0, max(0.0, draw.gauss(1, 0.5))) for _ in range(400)]
    widths = []
    for size in (10, 50, 400):
        low, _, high = pilot_range(sampled[:size], 10_000, 10_000.0)
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0.1, 0.5, 0.8])
def test_the_truth_lies_in_the_range(sigma: float) -> None:
    draw = random.Random(3)
    inside = 0
    for _ in range(200):
        requests = []
        for _ in range(400):
            prompt, answer = draw.uniform(0.8, 1.2), 1.5 * draw.lognormvariate(-(sigma**2) / 2, sigma)
            again = prompt + answer if draw.random() < 0.03 else 0.0
            requests.append(Sampled(prompt, 0.0, answer, again))
        rest = requests[50:]
        low, _, high = pilot_range(requests[:50], len(rest), sum(one.prompt for one in rest))
        inside += low <= sum(one.prompt + one.answer + one.again for one in rest) <= high
    assert inside >= 190


# The recipe


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "shire"
    folder.mkdir()
    for n in range(12):
        text = f"# Hobbit {n}\n\n" + f"Hobbit {n} has a round door and {n + 2} pantries. He eats {n + 3} meals a day.\n" * 3
        (folder / f"hobbit{n}.md").write_text(text)
    return folder


def settings(server: FakeOpenAI, **llm: object) -> Config:
    return load_config(
        None,
        ["chunking.max_tokens=64", "training.enabled=false", "generation.per_chunk=1"],
        {"model": "openai/gpt-4o", "llm": {"base_url": server.base_url, **llm}},
    )


def test_a_pilot_is_paid_for_once_and_the_run_goes_on_from_it(docs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with FakeOpenAI(models=("gpt-4o",)) as server:
        config = settings(server)
        planned = plan(docs, folder, config=config, pilot=6)
        asked = set(server.keys)
        assert len(server.keys) == len(asked) == 6
        again = plan(docs, folder, config=config, pilot=6)
        assert len(server.keys) == 6, "a second pilot makes no call"
        assert again["pilot"] == planned["pilot"]
        run(docs, folder, config=config)
        assert len(server.keys) == len(set(server.keys)) == planned["calls"][0]["calls"] + 6
    pilot = planned["pilot"]
    assert (pilot["answered"], pilot["failed"], pilot["rest"], pilot["unit"]) == (
        6,
        {},
        planned["calls"][0]["calls"],
        "dollars",
    )
    with CallStore(folder / "calls.sqlite", read_only=True) as store:
        later = [call.completion.usage for key, call in store.get_many(keys_of(store)).items() if key not in asked]
    cost = sum(usage.prompt * 2.5 + usage.output * 10 for usage in later) / 1e6
    assert pilot["low"] <= cost <= pilot["high"]
    assert "6 of 6 requests answered" in plan_text(planned)
    assert "(99 % range)" in plan_text(planned)


@pytest.mark.slow
def test_where_the_price_is_unknown_the_range_is_of_tokens(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(models=("gpt-4o",)) as server:
        (tmp_path / "none.yaml").write_text("dated: 2001-12-19\nmodels: {}\n")
        planned = plan(docs, tmp_path / "run", config=settings(server, prices=str(tmp_path / "none.yaml")), pilot=6)
    assert planned["pilot"]["unit"] == "tokens"
    assert planned["pilot"]["expected"] > planned["calls"][0]["prompt_tokens"]
    assert "unknown price for gpt-4o" in plan_text(planned)
    assert " tokens (99 % range)" in plan_text(planned)


@pytest.mark.slow
def test_second_calls_of_the_pilot_are_in_its_range(docs: Path, tmp_path: Path) -> None:
    def half(request: Logged) -> Fault | None:
        first = len(request.body["messages"]) == 2
        return Fault("malformed") if first and int(request.digest, 16) % 2 else None

    with FakeOpenAI(models=("gpt-4o",), script=half) as server:
        troubled = plan(docs, tmp_path / "troubled", config=settings(server), pilot=8)
    with FakeOpenAI(models=("gpt-4o",)) as server:
        smooth = plan(docs, tmp_path / "smooth", config=settings(server), pilot=8)
    assert troubled["pilot"]["expected"] > 1.2 * smooth["pilot"]["expected"]


@pytest.mark.slow
def test_several_prompts_share_the_calls_of_a_pilot(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(models=("gpt-4o",)) as server:
        config = settings(server)
        both = {"generation": config.generation.model_copy(update={"prompt": ["question", "supporting_evidence"]})}
        planned = plan(docs, tmp_path / "run", config=config.model_copy(update=both), pilot=8)
        assert len(server.keys) == 8
    assert [calls["prompt"] for calls in planned["calls"]] == ["question", "supporting_evidence"]
    assert planned["pilot"]["rest"] == sum(calls["calls"] for calls in planned["calls"])
    expected = sum(calls["dollars"] for calls in planned["calls"])
    assert 0.3 * expected < planned["pilot"]["expected"] < expected, "the fake server's answers are shorter than expected"
    assert "in all: " in plan_text(planned)


def test_a_failed_pilot_says_so_and_gives_no_range(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(models=("gpt-4o",), script=always(Fault("refusal"))) as server:
        planned = plan(docs, tmp_path / "run", config=settings(server), pilot=4)
    assert (planned["pilot"]["low"], planned["pilot"]["expected"], planned["pilot"]["high"]) == (None, None, None)
    assert "gives no range: none of its calls was answered (refusal 4)" in plan_text(planned)


@pytest.mark.slow
def test_a_pilot_keeps_within_the_caps(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(models=("gpt-4o",)) as server:
        with pytest.raises(StoppedEarly, match="max_calls = 3"):
            plan(docs, tmp_path / "run", config=settings(server, max_calls=3), pilot=8)
        assert len(server.keys) == 3


def test_a_pilot_needs_a_run_folder_that_is_free_and_a_model(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(models=("gpt-4o",)) as server:
        with pytest.raises(ConfigError, match="synthgen plan DOCS RUN --pilot"):
            plan(docs, config=settings(server), pilot=8)
        with pytest.raises(ConfigError, match="one call says nothing"):
            plan(docs, tmp_path / "run", config=settings(server), pilot=1)
        folder = RunFolder(tmp_path / "run")
        folder.create()
        with folder.held(), pytest.raises(RunFolderError):
            plan(docs, tmp_path / "run", config=settings(server), pilot=8)
        assert not server.keys
    with pytest.raises(ConfigError, match="makes no calls"):
        plan(docs, tmp_path / "run", config=Config(), pilot=8)


@pytest.mark.slow
def test_a_pilot_is_of_the_documents_of_its_run_folder(docs: Path, tmp_path: Path) -> None:
    with FakeOpenAI(models=("gpt-4o",)) as server:
        run(docs, tmp_path / "run", config=settings(server))
        elsewhere = tmp_path / "mordor"
        elsewhere.mkdir()
        for page in docs.iterdir():
            (elsewhere / page.name).write_text(page.read_text().replace("Hobbit", "Orc"))
        with pytest.raises(RunFolderError, match="belongs to the documents"):
            plan(elsewhere, tmp_path / "run", config=settings(server), pilot=8)


# What a sampled request came to


@pytest.fixture
def rings() -> list[Chunk]:
    texts = [f"Ring {n} was made in the year {n}." for n in range(6)]
    return [Chunk(f"r#{n}", "r", 0, len(text), text, digest(text)) for n, text in enumerate(texts)]


def priced(
    store: CallStore, chunks: list[Chunk], calls: list[dict[str, object]], *, left: tuple[int, ...] = (100,), prompts: int = 0
) -> dict[str, Any]:
    """The pilot over `chunks` whose calls, step after step, are `calls` in the store; `prompts` tokens are left to send."""
    names = ["question", "supporting_evidence"][: len(left)]
    generator = make_generator(load_config(None, [f"generation.prompt=[{', '.join(names)}]"], {"model": "openai/gpt-4o"}))
    requests = [request for step in generator.steps() for request in step.requests(chunks)]
    for request, columns in zip(requests, calls, strict=True):
        usage = columns.pop("usage", Usage(prompt_tokens(request), output=100))
        store.put_many([Call(Completion(request.key, "{}", usage=usage), **columns)])  # type: ignore[arg-type]
    return price_pilot(generator, chunks, store, [{"calls": calls_left, "prompt_tokens": prompts} for calls_left in left])


def test_a_call_that_will_be_asked_again_says_nothing_yet(store: CallStore, rings: list[Chunk]) -> None:
    lost = {"status": "failed", "reason": "timeout", "usage": Usage()}
    pilot = priced(store, rings, [{}, {}, {}, {}, dict(lost), dict(lost)])
    assert (pilot["requests"], pilot["answered"], pilot["failed"]) == (6, 4, {"timeout": 2})
    assert pilot["expected"] == pytest.approx(100 * 100 * 10 / 1e6), "what the four cost, for each of a hundred"


def test_attempts_whose_usage_never_came_are_in_the_range_at_their_worst(store: CallStore, rings: list[Chunk]) -> None:
    pilot = priced(store, rings, [{"uncounted": 1}, {}, {}, {}, {}, {}])
    assert pilot["expected"] > 100 * (100 + 2_000 / 6) * 10 / 1e6


def test_the_first_request_with_its_beginning_does_not_count_against_the_cache(store: CallStore, rings: list[Chunk]) -> None:
    warm = [{"usage": Usage(1_300, 1_024, 0, 100)} for _ in rings[1:]]
    pilot = priced(store, rings, [{"usage": Usage(1_300, 0, 0, 100)}, *warm], prompts=130_000)
    (step,) = make_generator(load_config(None, [], {"model": "openai/gpt-4o"})).steps()
    prompt = fmean(prompt_tokens(request) for request in step.requests(rings[1:]))
    saved = prompt * 2.5 - (276 * 2.5 + 1_024 * 1.25)
    assert pilot["expected"] == pytest.approx((130_000 * 2.5 + 100 * (1_000 - saved)) / 1e6)


def test_steps_count_by_the_calls_that_are_left_of_them(store: CallStore, rings: list[Chunk]) -> None:
    short, long = [{} for _ in rings], [{"usage": None} for _ in rings]
    generator = make_generator(
        load_config(None, ["generation.prompt=[question, supporting_evidence]"], {"model": "openai/gpt-4o"})
    )
    for columns, request in zip(long, generator.steps()[1].requests(rings), strict=True):
        columns["usage"] = Usage(prompt_tokens(request), output=900)
    pilot = priced(store, rings, [*short, *long], left=(100, 10))
    assert pilot["expected"] == pytest.approx((100 * 100 + 10 * 900) * 10 / 1e6)
    assert pilot["rest"] == 110


# For people


def test_a_plan_says_what_caching_saves_or_why_not(docs: Path) -> None:
    with FakeOpenAI(models=("gpt-4o",)) as server:
        text = plan_text(plan(docs, config=settings(server)))
    assert "tokens; caching s" in text
    assert "through the Batch API" in text

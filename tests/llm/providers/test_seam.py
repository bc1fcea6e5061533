"""What the engine does with a provider that breaks the contract of `providers.base`: a clear error, and no call paid for twice."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.fills import ask
from support.run_files import write_rivers

import synthgen as sg
from synthgen.config.settings import LLM
from synthgen.errors import ConfigError, ModelError, StoppedEarly, SynthgenError, UnknownNameError
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import FillReport, fill
from synthgen.llm.providers.base import Connection, Facts, LimitReading, Provider, ProviderResponse, Reformed, unnoticed
from synthgen.records import Completion, Request, Usage

PAID = Usage(prompt=10, output=5)
HERE = "llm.providers.test_seam"


def good(request: Request) -> ProviderResponse:
    return ProviderResponse(Completion(request.key, "{}", "stop", usage=PAID), {})


@dataclass
class Scripted(Provider):
    """A provider that answers with whatever `reply` returns or raises."""

    reply: Callable[[Request], Any] = good
    reading: LimitReading | None = None
    sent: list[str] = field(default_factory=list)

    key_env = "SCRIPTED_KEY"

    def default_url(self) -> str:
        return "http://127.0.0.1:9"

    @asynccontextmanager
    async def connect(self, endpoint: Endpoint, facts: Facts | None) -> AsyncIterator[Connection]:
        yield _Line(self)

    def read_limit(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None:
        return self.reading

    def fill(self, store: CallStore, requests: list[Request], **settings: Any) -> FillReport:
        return run_async(fill(requests, store, Endpoint(self, LLM(concurrency=4, **settings))))


class _Line:
    def __init__(self, provider: Scripted) -> None:
        self._provider = provider

    async def complete(self, request: Request, *, shards: int = 1, began: Callable[[], None] = unnoticed) -> Any:
        self._provider.sent.append(request.key)
        return self._provider.reply(request)

    def proven(self, model: str) -> bool:
        return True


# An answer without usage


def without_usage(request: Request) -> ProviderResponse:
    return ProviderResponse(Completion(request.key, "{}", "stop"), {})


def test_an_answer_without_usage_is_charged_at_its_worst_case(store: CallStore, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("dated: 2001-12-19\nmodels: {fake-model: {input: 10, output: 40}}\n")
    for cap in ({"max_cost": 0.05}, {"max_total_tokens": 1_000}):
        provider = Scripted(without_usage)
        with pytest.raises(StoppedEarly, match=next(iter(cap))):
            provider.fill(store, ask(200, text=f"{next(iter(cap))} {{0}}"), prices=str(prices), **cap)
        assert 0 < len(provider.sent) < 20


def test_an_answer_without_usage_is_stored_as_uncounted(store: CallStore) -> None:
    assert Scripted(without_usage).fill(store, ask(3)).ok == 3
    assert store.totals().uncounted == 3
    assert Scripted().fill(store, ask(3, text="again {0}")).ok == 3
    assert store.totals().uncounted == 3


# What `complete` returns


def with_completion(**changes: Any) -> Callable[[Request], ProviderResponse]:
    def reply(request: Request) -> ProviderResponse:
        fields = {"request_key": request.key, "text": "{}", "finish_reason": "stop", "usage": PAID, "model": ""} | changes
        return ProviderResponse(Completion(**fields), {})

    return reply


BROKEN: dict[str, tuple[Callable[[Request], Any], str]] = {
    "nothing": (lambda request: None, "None"),
    "a completion alone": (lambda request: Completion(request.key, "{}"), "a Completion"),
    "a text for a completion": (lambda request: ProviderResponse("{}", {}), "completion is a str"),  # type: ignore[arg-type]
    "another key": (with_completion(request_key="another"), "request_key 'another'"),
    "no text": (with_completion(text=None), "text is None"),
    "bytes": (with_completion(text=b"{}"), "text is a bytes"),
    "no finish reason": (with_completion(finish_reason=None), "finish_reason is None"),
    "a refusal that is no text": (with_completion(refusal=True), "refusal is a bool"),
    "a model that is no text": (with_completion(model=None), "model is None"),
    "no usage": (with_completion(usage=None), "usage is None"),
    "a dictionary as usage": (with_completion(usage={"prompt": 1}), "usage is a dict"),
    "counts that are no numbers": (with_completion(usage=Usage(None, output=3)), r"usage is Usage\(prompt=None"),  # type: ignore[arg-type]
    "negative counts": (with_completion(usage=Usage(5, output=-3)), r"usage is Usage\(prompt=5"),
    "no headers": (lambda request: ProviderResponse(good(request).completion, None), "headers is None"),  # type: ignore[arg-type]
    "headers as a list": (lambda request: ProviderResponse(good(request).completion, []), "headers is a list"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_breaks_the_contract_ends_the_run_at_once(store: CallStore, name: str) -> None:
    reply, said = BROKEN[name]
    provider = Scripted(reply)
    with pytest.raises(
        ModelError, match=rf"The provider [\w.]*{HERE}:Scripted returned (an answer whose )?{said}.*; it must return"
    ):
        provider.fill(store, ask(50))
    assert len(provider.sent) <= 4, "only what was already in flight"
    assert store.totals().calls == 0


def test_answers_in_flight_are_kept_when_another_breaks_the_contract(store: CallStore) -> None:
    wrong = ask(50)[1].key
    provider = Scripted(lambda request: None if request.key == wrong else good(request))
    with pytest.raises(ModelError, match="it must return"):
        provider.fill(store, ask(50))
    assert 1 <= store.totals().ok == len(provider.sent) - 1


# Limits


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("remaining", [None, 0.0])
def test_a_limit_that_is_impossible_is_ignored(store: CallStore, limit: float, remaining: float | None) -> None:
    provider = Scripted(reading=LimitReading(limit, remaining, 30.0))
    assert within(2.0, provider, store, ask(8)) == 8


@pytest.mark.parametrize(
    "reading", [LimitReading(600, math.nan, 1.0), LimitReading(600, 5, math.nan), LimitReading(None, 0, math.nan)]
)
def test_a_reading_that_is_no_number_is_ignored(store: CallStore, reading: LimitReading) -> None:
    assert within(2.0, Scripted(reading=reading), store, ask(8)) == 8


def within(seconds: float, provider: Scripted, store: CallStore, requests: list[Request]) -> int:
    import asyncio

    async def limited() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await fill(requests, store, Endpoint(provider, LLM(concurrency=4, grace_s=0)))

    run_async(limited())
    return store.totals().ok


# Forms of a request


@pytest.mark.parametrize("proven", [True, False])
def test_a_request_that_is_reformed_without_end_ends_the_run(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, proven: bool
) -> None:
    monkeypatch.setattr(_Line, "proven", lambda self, model: proven)
    provider = Scripted(reformed)
    with pytest.raises(ModelError, match=rf"The provider [\w.]*{HERE}:Scripted changed the form .* 20 times"):
        provider.fill(store, ask(3))
    assert max(provider.sent.count(key) for key in provider.sent) == 20


def reformed(request: Request) -> ProviderResponse:
    if reformed_calls() > 500:
        raise AssertionError("without end")
    raise Reformed("again")


def reformed_calls(counter: list[int] = [0]) -> int:  # noqa: B006 - so that the test ends when the bound is missing
    counter[0] += 1
    return counter[0]


# What `--model module:attribute/NAME` names


class NeedsArguments(Scripted):
    def __init__(self, key: str) -> None:
        raise AssertionError(key)


class Awaits(Scripted):
    async def connect(self, endpoint: Endpoint, facts: Facts | None) -> Any:  # type: ignore[override]
        return _Line(self)


class Generates(Scripted):
    async def connect(self, endpoint: Endpoint, facts: Facts | None) -> AsyncIterator[Connection]:  # type: ignore[override]
        yield _Line(self)


class YieldsNothing(Scripted):
    @asynccontextmanager
    async def connect(self, endpoint: Endpoint, facts: Facts | None) -> AsyncIterator[Any]:
        yield None


class Nowhere(Scripted):
    def default_url(self) -> str:
        return "nowhere"


AN_OBJECT = Scripted()

NAMED: dict[str, tuple[str, type[SynthgenError], str]] = {
    "a class without a name": (f"{HERE}:Scripted", ConfigError, f"{HERE}:Scripted is a provider: write {HERE}:Scripted/NAME"),
    "an object without a name": (
        f"{HERE}:AN_OBJECT",
        ConfigError,
        f"{HERE}:AN_OBJECT is a provider: write {HERE}:AN_OBJECT/NAME",
    ),
    "no module": ("nomodule:X/m", UnknownNameError, "The module 'nomodule' cannot be imported"),
    "no module within a package": (
        "synthgen.nomodule:X/m",
        UnknownNameError,
        "The module 'synthgen.nomodule' cannot be imported",
    ),
    "no attribute": (f"{HERE}:Missing/m", UnknownNameError, f"The module '{HERE}' has no 'Missing'"),
    "a class with arguments": (f"{HERE}:NeedsArguments/m", ConfigError, r"NeedsArguments.*without arguments.*'key'"),
    "a coroutine as connect": (
        f"{HERE}:Awaits/m",
        ConfigError,
        "Awaits.connect returned a coroutine.*asynccontextmanager",
    ),
    "a generator as connect": (
        f"{HERE}:Generates/m",
        ConfigError,
        "Generates.connect returned a.* async_generator.*asynccontextmanager",
    ),
    "a connection without methods": (f"{HERE}:YieldsNothing/m", ConfigError, "YieldsNothing.connect yielded None.*complete"),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_a_provider_is_reported(tmp_path: Path, name: str) -> None:
    model, error, said = NAMED[name]
    with pytest.raises(error, match=said):
        sg.run(write_rivers(tmp_path / "docs"), tmp_path / "run", model=model, settings={"training": {"enabled": False}})


def test_a_wrong_address_is_found_before_documents_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("synthgen.pipeline.run.read_corpus")
    with pytest.raises(ConfigError, match="'nowhere' is not a web address"):
        sg.run(write_rivers(tmp_path / "docs"), tmp_path / "run", model=f"{HERE}:Nowhere/m")

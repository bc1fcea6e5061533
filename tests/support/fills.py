"""What tests of the engine share: requests, settings, scripts of the fake server."""

from __future__ import annotations

from synthgen.config.settings import LLM
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import FillReport, fill
from synthgen.records import Request, make_request
from synthgen.testing import FakeOpenAI, Fault, Script

KEY = "sk-the-ring-must-not-be-seen"


def ask(
    n: int, *, model: str = "fake-model", url: str = "http://fake", text: str = "Hobbit {0} has a round door."
) -> list[Request]:
    """`n` different requests."""
    sampling = {"temperature": 0.7, "max_output_tokens": 100}
    schema = {"type": "object", "properties": {"items": {"items": {"required": ["query"]}}}}
    messages = [({"role": "system", "content": "Write 1 item."}, {"role": "user", "content": text.format(i)}) for i in range(n)]
    return [make_request(model, url, pair, schema=schema, sampling=sampling) for pair in messages]


def at(**settings: object) -> Endpoint:
    """An OpenAI-compatible endpoint with these settings."""
    return Endpoint.of("openai", LLM(**settings))  # type: ignore[arg-type]


def endpoint_for(server: FakeOpenAI, **changes: object) -> Endpoint:
    return at(**({"base_url": server.base_url, "concurrency": 8, "max_attempts": 3} | changes))


def run(server: FakeOpenAI, store: CallStore, requests: list[Request], **changes: object) -> FillReport:
    return run_async(fill(requests, store, endpoint_for(server, **changes)))


def keys_of(store: CallStore) -> set[str]:
    """Of all calls, failed ones too."""
    return {key for (key,) in store.execute("SELECT key FROM calls")}


def always(fault: Fault) -> Script:
    return lambda request: fault


def first_time(fault: Fault) -> Script:
    return lambda request: fault if request.attempt == 1 else None

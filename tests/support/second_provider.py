"""A provider of another make, as somebody outside of this package would write one: its own wire, errors, headers and usage.

POST /utter   x-ring-key: KEY   x-call: REQUEST KEY
{"engine": NAME, "turns": [{"who", "says"}], "shape": SCHEMA, "heat": 0.7, "length": 100}
{"said": TEXT, "end": "done" | "cut" | "withheld" | "declined", "meter": {"heard": 7, "reread": 0, "spoken": 3}}
{"fault": {"kind", "words", "field"}}
quota-calls: limit=600;left=599;back=0.1   quota-words: …   come-back-in: MILLISECONDS
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from synthgen.llm.endpoint import Endpoint
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.base import Connection, Facts, LimitReading, Provider, ProviderResponse, Reformed, unnoticed
from synthgen.records import Completion, Request, Usage

FIELDS = {"temperature": "heat", "max_output_tokens": "length", "seed": "dice", "stop": "halt", "top_p": "mass"}
ENDS = {"cut": "length", "withheld": "content_filter", "declined": "refusal"}
KINDS = {  # kind of fault -> scope, reason
    "slow_down": ("attempt", "rate_limited"),
    "resting": ("attempt", "server_error"),
    "broken": ("attempt", "server_error"),
    "stranger": ("run", "key"),
    "no_such_engine": ("run", "model"),
    "nonsense": ("call", "bad_request"),
}
QUOTAS = {"requests": "quota-calls", "tokens": "quota-words"}


class Utterances(Provider):
    key_env = "UTTER_KEY"

    def default_url(self) -> str:
        return "https://utter.example"

    @asynccontextmanager
    async def connect(self, endpoint: Endpoint, facts: Facts | None) -> AsyncIterator[Connection]:
        timeout = aiohttp.ClientTimeout(total=None, connect=endpoint.settings.connect_timeout_s)
        async with aiohttp.ClientSession(headers={"x-ring-key": endpoint.key}, timeout=timeout) as session:
            yield _Utterer(session, endpoint, facts)

    def proven(self, endpoint: Endpoint, model: str, facts: Facts | None) -> bool:
        return facts is not None and facts.recall(f"utter {endpoint.id} {model}") is not None

    def read_limit(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None:
        if (told := headers.get(QUOTAS[resource])) is None:
            return None
        parts = {name: float(value) for name, _, value in (part.partition("=") for part in told.split(";"))}
        return LimitReading(parts["limit"], parts["left"], parts["back"])

    def output_bound(self, request: Request, default: int) -> int:
        extra = request.sampling.get("extra_body") or {}
        return int(extra.get("length") or request.sampling.get("max_output_tokens") or default)


class _Utterer:
    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint, facts: Facts | None) -> None:
        self._session, self._endpoint, self._facts = session, endpoint, facts
        self._without: dict[str, set[str]] = {}

    async def complete(self, request: Request, *, shards: int = 1, began: Callable[[], None] = unnoticed) -> ProviderResponse:
        body = self._body(request)
        try:
            url, headers = f"{self._endpoint.url}/utter", {"x-call": request.key}
            async with self._session.post(url, json=body, headers=headers) as response:
                began()
                answer: Any = await response.json(content_type=None)
                if response.status != 200:
                    raise self._refused(response, answer["fault"], request, body)
            meter = answer["meter"]
            usage = Usage(meter["heard"], meter["reread"], output=meter["spoken"])
            end = ENDS.get(answer["end"], answer["end"])
            completion = Completion(request.key, answer["said"], end, usage=usage, model=request.model)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise AttemptError(_lost(error, no_contact=True)) from None
        except aiohttp.ClientError as error:
            raise AttemptError(_lost(error, no_contact=False)) from None
        except (ValueError, KeyError, TypeError) as error:
            raise AttemptError(Failure("attempt", "server_error", f"unreadable: {error}")) from None
        if self._facts is not None and not self.proven(request.model):
            self._facts.remember(self._fact(request.model), sorted(self._left_out(request.model)))
        return ProviderResponse(completion, response.headers)

    def proven(self, model: str) -> bool:
        return self._facts is None or self._facts.recall(self._fact(model)) is not None

    def _fact(self, model: str) -> str:
        return f"utter {self._endpoint.id} {model}"

    def _left_out(self, model: str) -> set[str]:
        if model not in self._without:
            self._without[model] = set((self._facts and self._facts.recall(self._fact(model))) or ())
        return self._without[model]

    def _body(self, request: Request) -> dict[str, Any]:
        turns = [{"who": message["role"], "says": message["content"]} for message in request.messages]
        fields = {FIELDS[name]: value for name, value in request.sampling.items() if name in FIELDS}
        body = {"engine": request.model, "turns": turns, "shape": request.schema, **fields}
        without = self._left_out(request.model)
        extra = request.sampling.get("extra_body") or {}
        return {name: value for name, value in body.items() if name not in without} | dict(extra)

    def _refused(
        self, response: aiohttp.ClientResponse, fault: Mapping[str, Any], request: Request, body: Mapping[str, Any]
    ) -> Exception:
        kind, words, field = fault["kind"], str(fault["words"]), fault.get("field")
        if kind == "nonsense" and field in body and field in (*FIELDS.values(), "shape"):
            self._left_out(request.model).add(field)
            return Reformed(self._endpoint.redacted(words))
        scope, reason = KINDS.get(kind, ("run", "endpoint"))
        wait = response.headers.get("come-back-in")
        busy = kind in ("slow_down", "resting")
        failure = Failure(
            scope,  # type: ignore[arg-type]  # the literals of KINDS
            reason,
            f"{kind}: {words}",
            wait_s=float(wait) / 1000 if wait else None,
            unbilled=kind != "broken",
            busy=busy,
            away=busy,
        )
        return AttemptError(failure, response.headers, response.status)


def _lost(error: aiohttp.ClientError, *, no_contact: bool) -> Failure:
    return Failure("attempt", "connection", str(error) or "lost", unbilled=no_contact, no_contact=no_contact, away=True)

"""Estimates what requests will cost: counted prompt tokens, expected output tokens, and the savings of a cache.

Prompts are counted, not guessed, with the additions of the chat format and the schema. Requests are streamed, so memory
grows only with a digest of each different beginning.

Not covered: second requests that future answers will lead to, which a pilot finds out (`pilot`), and how many of its
hits a provider's cache will miss.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from synthgen.config.settings import LLM
from synthgen.llm.costs.prices import Price, load_prices
from synthgen.llm.reask import standing
from synthgen.records import Message, Request, Usage
from synthgen.text.tokenizer import get_tokenizer

if TYPE_CHECKING:
    from synthgen.llm.call_store import Call, CallStore

__all__ = ["MIN_CACHED_TOKENS", "Estimate", "Prefixes", "estimate", "prompt_tokens", "static_tokens"]

MIN_CACHED_TOKENS = 1_024
"""Shorter beginnings are not cached (common guides to prompt caching name this size; some providers ask for more)."""

_CACHE_STEP_TOKENS = 128  # a cache without breakpoints is hit in steps of this size
_PER_MESSAGE_TOKENS = 4  # for the chat format and the role, as the cookbooks of chat-completions APIs count them
_PER_REPLY_TOKENS = 3
_ENOUGH_ANSWERS = 20  # stored answers, from which on their mean length replaces what the step expects


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of requests: `calls` to make, `stored` ones that cost nothing, and those that are `waiting` in a batch.

    `prompt_tokens` is counted, `output_tokens` expected; `estimated_tokens` is set when the model's own tokenizer is
    unknown. `dollars` is the live price without any caching, `batch_dollars` that of the batch endpoint; both are None
    when the price is unknown.

    `static_tokens` is the longest part that these requests begin with, `prefixes` the number of different ones, and
    `cache_saving` what the provider's cache should take off `dollars`: 0 below 1,024 tokens, None when the price is
    unknown.
    """

    model: str = ""
    calls: int = 0
    stored: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = None
    batch_dollars: float | None = None
    prices_dated: str = ""
    estimated_tokens: bool = False
    static_tokens: int = 0
    prefixes: int = 0
    cache_saving: float | None = None


class Prefixes:
    """The beginnings of requests so far. Estimates of steps that share a provider's cache share one of these."""

    def __init__(self) -> None:
        self._last_turn: dict[bytes, int] = {}
        self._turn = 0

    def next_turn(self) -> None:
        """Start a new step."""
        self._turn += 1

    def meet(self, request: Request) -> tuple[bool, bool]:
        """Whether the beginning of `request` is new, and whether it is new in this step."""
        digest = hashlib.blake2b(digest_size=12)
        for text in (request.model, _schema_text(request), *_static_texts(request)):
            digest.update(f"{len(text)} {text}".encode("utf-8", "replace"))
        before = self._last_turn.get(digest.digest(), 0)
        self._last_turn[digest.digest()] = self._turn
        return not before, before < self._turn


def estimate(
    requests: Iterable[Request],
    settings: LLM,
    *,
    output_tokens: int,
    store: CallStore | None = None,
    prefixes: Prefixes | None = None,
) -> Estimate:
    """Count what `requests` would send, without a call.

    `output_tokens` is the expected length of each answer. Once `store` has 20 answers to these very requests, their
    mean is used instead.
    """
    prices = load_prices(settings.prices)
    prefixes = prefixes or Prefixes()
    prefixes.next_turn()
    tally = _TokenSums()
    for one in standing(requests, store):
        tally.model = one.request.model
        for call in one.calls:
            tally.add_answer(call)
        if one.waiting:
            tally.waiting += 1
        elif one.sent is None:
            tally.stored += 1
        else:
            tally.add_call(one.sent, prefixes, prices.of(tally.model))
    price, output = prices.of(tally.model), tally.calls * tally.output_of_each(output_tokens)
    usage = Usage(prompt=tally.prompt, output=output)
    return Estimate(
        model=tally.model,
        calls=tally.calls,
        stored=tally.stored,
        waiting=tally.waiting,
        prompt_tokens=tally.prompt,
        output_tokens=output,
        dollars=price.dollars(usage) if price else None,
        batch_dollars=price.dollars(usage, batch=True) if price else None,
        prices_dated=prices.dated.isoformat(),
        estimated_tokens=bool(tally.model) and get_tokenizer(tally.model).estimated,
        static_tokens=tally.static,
        prefixes=tally.prefixes,
        cache_saving=tally.saving if price else None,
    )


def prompt_tokens(request: Request) -> int:
    """Return the tokens of a prompt: its texts, the additions of the chat format, and the schema, which is sent with it."""
    return _PER_REPLY_TOKENS + _schema_tokens(request) + sum(_message_tokens(request.model, m) for m in request.messages)


def static_tokens(request: Request) -> int:
    """Return the tokens of the part that many requests begin with, up to `Request.static`; the schema precedes it."""
    texts = _static_texts(request)
    return _schema_tokens(request) + sum(_PER_MESSAGE_TOKENS + _count_static(request.model, t) for t in texts) if texts else 0


@dataclass(slots=True)
class _TokenSums:
    """Sums over the requests of one step."""

    model: str = ""
    calls: int = 0
    stored: int = 0
    waiting: int = 0
    prompt: int = 0
    static: int = 0
    prefixes: int = 0
    saving: float = 0.0
    answers: int = 0
    answer_tokens: int = 0

    def add_answer(self, call: Call) -> None:
        if output := call.completion.usage.output:
            self.answers += 1
            self.answer_tokens += output

    def add_call(self, request: Request, prefixes: Prefixes, price: Price | None) -> None:
        self.calls += 1
        self.prompt += prompt_tokens(request)
        tokens = static_tokens(request)
        new, new_here = prefixes.meet(request)
        if tokens:
            self.static = max(self.static, tokens)
            self.prefixes += new_here
        if price is not None:
            self.saving += _saving(tokens, price, new=new)

    def output_of_each(self, expected: int) -> int:
        return round(self.answer_tokens / self.answers) if self.answers >= _ENOUGH_ANSWERS else expected


def _saving(static: int, price: Price, *, new: bool) -> float:
    """Return the dollars that a cache saves on one call; negative for a first call where writing to the cache costs
    extra.

    A model with a price for writing caches up to a breakpoint; the others cache automatically, in steps.
    """
    if static < MIN_CACHED_TOKENS:
        return 0.0
    if price.spent_on_writing:
        each = -price.spent_on_writing if new else price.saved_by_reading
        return static * each / 1_000_000
    return 0.0 if new else static // _CACHE_STEP_TOKENS * _CACHE_STEP_TOKENS * price.saved_by_reading / 1_000_000


def _static_texts(request: Request) -> list[str]:
    """Return the texts before the end of the static part, message by message; none where a request has no such part."""
    if request.static is None:
        return []
    number, end = request.static
    texts = [message["content"] for message in request.messages[:number]]
    return [*texts, request.messages[number]["content"][:end]] if end else texts


def _schema_tokens(request: Request) -> int:
    return _count_static(request.model, text) if (text := _schema_text(request)) else 0


def _schema_text(request: Request) -> str:
    return json.dumps(request.schema) if request.schema else ""


def _message_tokens(model: str, message: Message) -> int:
    # The system message is the same for many requests of a step, so it is counted once.
    count = _count_static if message["role"] == "system" else _count
    return _PER_MESSAGE_TOKENS + count(model, message["content"])


@lru_cache(maxsize=64)
def _count_static(model: str, text: str) -> int:
    return _count(model, text)


def _count(model: str, text: str) -> int:
    return get_tokenizer(model).count(text)

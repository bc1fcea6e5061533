"""What calls cost, what they may cost, and what a plan says they will cost.

A cap holds with calls in flight: before an attempt its worst case is reserved (all of the prompt, the whole output limit, at
the dearest price), afterwards it is settled with what the server counted. An attempt whose usage never came stays charged at
its worst case, unless the server turned it away. Caps hold for one command: what a store has from before was paid before.

An unknown price is None and never zero. Prices are a dated file; they do not know of batch discounts, long-context tiers or
what a gateway adds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import regex
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthgen.config import LLM
from synthgen.errors import ConfigError, nearest
from synthgen.records import Message, Request, Usage
from synthgen.storage import read_yaml
from synthgen.tokens import encoding_for, get_tokenizer

if TYPE_CHECKING:
    from synthgen.llm.calls import CallStore

__all__ = ["Budget", "Estimate", "Price", "Prices", "Spend", "estimate", "load_prices", "prompt_tokens"]

_PACKAGED = Path(__file__).parent.parent / "assets" / "prices.yaml"
_SNAPSHOT = regex.compile(r"-\d{4}-\d{2}-\d{2}$")
_PER_MESSAGE_TOKENS = 3  # the chat format's own, as OpenAI's cookbook counts them
_PER_REPLY_TOKENS = 3
_MARGIN = 1.1  # of a reservation, for what the formula above does not know
_MARGIN_TOKENS = 64

_Dollars = Annotated[float, Field(ge=0)]


class Price(BaseModel):
    """Dollars per million tokens. `cached` and `written` are the prompt's, and cost as `input` when the file is silent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: _Dollars
    output: _Dollars
    cached: _Dollars | None = None
    written: _Dollars | None = None

    def dollars(self, usage: Usage) -> float:
        """`usage.cached` and `usage.written` are parts of `usage.prompt`."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.written is None else self.written
        fresh = usage.prompt - usage.cached - usage.written
        spent = fresh * self.input + usage.cached * cached + usage.written * written + usage.output * self.output
        return spent / 1_000_000

    def at_most(self, prompt: int, output: int) -> float:
        return (prompt * max(self.input, self.written or 0) + output * self.output) / 1_000_000


class Prices(BaseModel):
    """A table of prices and the day it is from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dated: date
    models: dict[str, Price]
    source: str = ""

    def of(self, model: str) -> Price | None:
        """The price of a model, or of the model whose dated snapshot it is; None when it is unknown."""
        return self.models.get(model) or self.models.get(_SNAPSHOT.sub("", model))


@dataclass(frozen=True, slots=True)
class Spend:
    """Calls (attempts that were sent), tokens (prompt and output) and dollars; None when a price is unknown."""

    calls: int = 0
    tokens: int = 0
    dollars: float | None = 0.0

    def plus(self, other: Spend) -> Spend:
        known = self.dollars is not None and other.dollars is not None
        total = (self.dollars or 0) + (other.dollars or 0) if known else None
        return Spend(self.calls + other.calls, self.tokens + other.tokens, total)


class Budget:
    """What one command may spend, has spent, and may still have to pay for calls in flight.

    Raises ConfigError when `max_cost` is set and the price of one of `models` is unknown.
    """

    def __init__(self, settings: LLM, models: Iterable[str] = ()) -> None:
        self._settings = settings
        self._prices = load_prices(settings.prices)
        self._reserved: list[Spend] = []
        self.spent = Spend()
        for model in models:
            self._price(model)

    def reserve(self, request: Request) -> Spend | None:
        """Put the worst case of one attempt aside; None when it does not fit beside what is spent and reserved."""
        worst = self._worst(request)
        after = worst
        for other in (self.spent, *self._reserved):
            after = after.plus(other)
        if self._exceeded(after):
            return None
        self._reserved.append(worst)
        return worst

    def settle(self, reserved: Spend, request: Request, usage: Usage | None) -> None:
        """Replace a reservation by what was used; `usage` None keeps the worst case."""
        self._reserved.remove(reserved)
        if usage is None:
            self.spent = self.spent.plus(reserved)
            return
        price = self._price(request.model)
        dollars = price.dollars(usage) if price else None
        self.spent = self.spent.plus(Spend(1, usage.prompt + usage.output, dollars))

    @property
    def in_flight(self) -> int:
        return len(self._reserved)

    def cap(self, request: Request) -> str:
        """The cap that leaves no room for `request`, and what is spent of it, for people."""
        spent = self.spent
        name = self._exceeded(spent.plus(self._worst(request)))
        used = {"max_calls": spent.calls, "max_total_tokens": spent.tokens, "max_cost": f"${spent.dollars or 0:.4f}"}
        limits = {"max_calls": "", "max_total_tokens": " tokens", "max_cost": " dollars"}
        return f"llm.{name} = {getattr(self._settings, name)}{limits[name]} ({used[name]} used)"

    def _worst(self, request: Request) -> Spend:
        if self._settings.max_total_tokens is None and self._settings.max_cost is None:
            return Spend(1, 0, 0.0)
        prompt = _bound(request)
        output = int(request.sampling.get("max_output_tokens", self._settings.max_output_tokens))
        price = self._price(request.model)
        return Spend(1, prompt + output, price.at_most(prompt, output) if price else None)

    def _exceeded(self, spend: Spend) -> str:
        """The name of the cap that `spend` would pass, or ""."""
        caps = self._settings
        amounts = (("max_calls", spend.calls), ("max_total_tokens", spend.tokens), ("max_cost", spend.dollars or 0.0))
        return next((name for name, amount in amounts if (cap := getattr(caps, name)) is not None and amount > cap), "")

    def _price(self, model: str) -> Price | None:
        price = self._prices.of(model)
        if price is None and self._settings.max_cost is not None:
            raise ConfigError(
                f"llm.max_cost = {self._settings.max_cost} cannot be held: the price of {model!r} is not in the table of "
                f"{self._prices.dated}. Give a table with --set llm.prices=FILE (`models: {{{model}: {{input: …, output: …}}}}`, in "
                "dollars per million tokens, and `dated:`), or use --max-calls or --max-total-tokens."
            )
        return price


@dataclass(frozen=True, slots=True)
class Estimate:
    """What requests will cost: `calls` to make, `stored` ones that cost nothing again.

    `prompt_tokens` is counted, `output_tokens` expected. `estimated_tokens` when the model's own tokenizer is unknown;
    `dollars` is None when its price is.
    """

    model: str = ""
    calls: int = 0
    stored: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = None
    prices_dated: str = ""
    estimated_tokens: bool = False


def estimate(requests: Iterable[Request], settings: LLM, *, output_tokens: int, store: CallStore | None = None) -> Estimate:
    """Count what `requests` would send; `output_tokens` is expected of each answer. Makes no call."""
    calls = stored = prompt = 0
    model = ""
    stream = iter(requests)
    while batch := list(islice(stream, 500)):
        known = store.get_many(request.key for request in batch) if store else {}
        new = [request for request in batch if request.key not in known or known[request.key].ask_again]
        stored += len(batch) - len(new)
        calls += len(new)
        prompt += sum(prompt_tokens(request) for request in new)
        model = batch[0].model
    prices = load_prices(settings.prices)
    price, output = prices.of(model), calls * output_tokens
    return Estimate(
        model=model,
        calls=calls,
        stored=stored,
        prompt_tokens=prompt,
        output_tokens=output,
        dollars=price.dollars(Usage(prompt=prompt, output=output)) if price else None,
        prices_dated=prices.dated.isoformat(),
        estimated_tokens=bool(model) and encoding_for(model)[1],
    )


def prompt_tokens(request: Request) -> int:
    """Tokens of a prompt: its texts, what the chat format adds, and the schema, which is sent as part of it."""
    schema = _count_static(request.model, json.dumps(request.schema)) if request.schema else 0
    return _PER_REPLY_TOKENS + schema + sum(_message_tokens(request.model, message) for message in request.messages)


def load_prices(path: str | Path | None = None) -> Prices:
    """The packaged table, or the user's own. Raises ConfigError when it cannot be read."""
    file = Path(path) if path else _PACKAGED
    try:
        return Prices.model_validate(read_yaml(file, "price table"))
    except ValidationError as error:
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a wrong name explains a missing one
        name = str(first["loc"][-1]) if first["loc"] else ""
        hint = nearest(name, [*Prices.model_fields, *Price.model_fields]) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(
            f"{file}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}.{hint} A table has `dated: YYYY-MM-DD` and "
            "`models: {NAME: {input: …, output: …, cached: …}}`, in dollars per million tokens."
        ) from None


def _bound(request: Request) -> int:
    """No fewer prompt tokens than the server will count: exact with a margin, or bytes where the tokenizer is unknown.

    Tokenizers over bytes never have more tokens than bytes, whatever their table.
    """
    if not encoding_for(request.model)[1]:
        return math.ceil(_MARGIN * prompt_tokens(request)) + _MARGIN_TOKENS
    texts = [message["content"] for message in request.messages]
    return sum(len(text.encode("utf-8", "replace")) for text in [*texts, json.dumps(request.schema)]) + _MARGIN_TOKENS


def _message_tokens(model: str, message: Message) -> int:
    # The system message is the same for all requests of a prompt, so it is counted once.
    count = _count_static if message["role"] == "system" else _count
    return _PER_MESSAGE_TOKENS + 1 + count(model, message["content"])


@lru_cache(maxsize=64)
def _count_static(model: str, text: str) -> int:
    return _count(model, text)


def _count(model: str, text: str) -> int:
    return get_tokenizer(model).count(text)

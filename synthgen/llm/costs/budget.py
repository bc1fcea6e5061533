"""The budget of one command, which includes everything that is still in flight.

Before an attempt its worst case is reserved: no fewer prompt tokens than a server can count, the whole output limit as
sent, each at the highest price it can have. Afterwards it is settled with the server's counts. An attempt whose usage
never arrived stays charged at its worst case, because what was billed is unknown. So a cap holds at every moment,
whatever comes back and in whatever order. It holds for one command: calls already in the store were paid for before.

One thing can break the bound: a server that counts more than the worst case, because its model is not the one that its
name says, or because it does not count reasoning as output and bills it all the same. Such a call is charged in full.
If that takes the spend over a cap, nothing more is sent, and the cap is exceeded by at most the excess of the calls in
flight. From then on the worst case of that model is larger by the same ratio.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from synthgen.config.settings import LLM
from synthgen.errors import ConfigError
from synthgen.llm.costs.estimate import prompt_tokens
from synthgen.llm.costs.prices import Price, load_prices
from synthgen.records import Request, Usage
from synthgen.text.tokenizer import get_tokenizer

__all__ = ["Budget", "Reservation", "Spend", "prompt_bound"]

_MARGIN = 1.1  # for a schema that the server formats in its own way
_MARGIN_TOKENS = 128  # for additions of the server's chat template: a date, a default system message, channels
_PER_MESSAGE_TOKENS = 16  # for roles and separators, where the template is not known

OutputBound = Callable[[Request, int], int]
"""`Provider.output_bound`."""


@dataclass(frozen=True, slots=True)
class Spend:
    """Calls (attempts that were sent), tokens (prompt and output) and dollars; None when a price is unknown."""

    calls: int = 0
    tokens: int = 0
    dollars: float | None = 0.0

    def plus(self, other: Spend) -> Spend:
        priced = self.dollars is not None and other.dollars is not None
        total = (self.dollars or 0) + (other.dollars or 0) if priced else None
        return Spend(self.calls + other.calls, self.tokens + other.tokens, total)


@dataclass(slots=True, eq=False)
class Reservation:
    """The reserved worst case of one attempt, until it is settled or released, once.

    `prompt` and `output` bound its tokens. They are 0 while no cap needs them, and then `worst` is the call alone.
    """

    request: Request
    batch: bool = False
    prompt: int = 0
    output: int = 0
    worst: Spend = field(default_factory=lambda: Spend(1))
    open: bool = True


class Budget:
    """What one command may spend, has spent (`spent`), and may still have to pay for `in_flight` calls.

    `output_bound` is the provider's: the most tokens that an answer may have. Raises ConfigError when `max_cost` is set
    and the price of one of `models` is unknown.
    """

    def __init__(self, settings: LLM, output_bound: OutputBound, models: Iterable[str] = ()) -> None:
        self.spent = Spend()
        self.in_flight = 0
        self._settings = settings
        self._output_bound = output_bound
        self._prices = load_prices(settings.prices)
        self._counts = settings.max_total_tokens is not None or settings.max_cost is not None
        self._held_tokens = 0
        self._held_dollars = 0.0
        self._excess: dict[str, tuple[float, float]] = {}  # model -> factors by which prompt and output exceeded their bounds
        self._refused: dict[str, int] = {}  # key -> bound of the prompt: it asks again and is not counted again
        for model in models:
            self._price(model)

    def reserve(self, request: Request, *, batch: bool = False) -> Reservation | None:
        """Reserve the worst case of one attempt; None when it does not fit beside what is spent and reserved."""
        counted = self._refused.pop(request.key, 0)
        reservation = self._worst(request, batch, counted) if self._counts else Reservation(request, batch)
        if self._exceeded(reservation.worst):
            if reservation.prompt:
                self._refused[request.key] = reservation.prompt
            return None
        self._hold(reservation.worst, 1)
        return reservation

    def settle(self, reservation: Reservation, usage: Usage | None) -> None:
        """Replace a reservation by the actual usage.

        `Usage()` is an attempt that the server rejected: it counts as a call and costs nothing. None is one of unknown
        cost: it is charged at its worst case. The same holds for an answer without usage while a cap has to be held;
        without a cap, its estimate is used.
        """
        self._close(reservation)
        if usage is None or (usage.estimated and self._counts):
            self.spent = self.spent.plus(self._worst(reservation.request, reservation.batch, reservation.prompt).worst)
            return
        price = self._price(reservation.request.model)
        dollars = price.dollars(usage, batch=reservation.batch) if price else None
        self.spent = self.spent.plus(Spend(1, usage.prompt + usage.output, dollars))
        self._learn(reservation, usage)

    def release(self, reservation: Reservation) -> None:
        """Withdraw a reservation, without a trace, for a call that was never sent or got a 429."""
        self._close(reservation)

    def cap(self, request: Request, *, batch: bool = False) -> str:
        """Describe, for people, the cap without room for `request`, what is used of it, and what the request may need."""
        worst = self._worst(request, batch).worst
        name, used = self._exceeded(worst), self._used
        amount, how = getattr(self._settings, name), "used or put aside" if self.in_flight else "used"
        if name == "max_cost":
            return f"llm.max_cost = {amount} dollars (${used.dollars:.4f} {how}); the next call may cost ${worst.dollars:.4f}"
        if name == "max_total_tokens":
            return f"llm.max_total_tokens = {amount} tokens ({used.tokens} {how}); the next call may take {worst.tokens}"
        return f"llm.max_calls = {amount} ({used.calls} {how})"

    def _worst(self, request: Request, batch: bool, prompt: int = 0) -> Reservation:
        """Return the bounds of one attempt and its worst case, with the model's excess so far.

        `prompt` is the bound if counted before.
        """
        prompt = prompt or prompt_bound(request)
        output = self._output_bound(request, self._settings.max_output_tokens)
        of_prompt, of_output = self._excess.get(request.model, (1.0, 1.0))
        tokens = math.ceil(prompt * of_prompt), math.ceil(output * of_output)
        price = self._price(request.model)
        dollars = price.at_most(*tokens, batch=batch) if price else None
        return Reservation(request, batch, prompt, output, Spend(1, sum(tokens), dollars))

    def _learn(self, reservation: Reservation, usage: Usage) -> None:
        if usage.prompt > reservation.prompt > 0 or usage.output > reservation.output > 0:
            of_prompt, of_output = self._excess.get(reservation.request.model, (1.0, 1.0))
            self._excess[reservation.request.model] = (
                max(of_prompt, usage.prompt / reservation.prompt),
                max(of_output, usage.output / reservation.output),
            )

    def _hold(self, worst: Spend, sign: int) -> None:
        self.in_flight += sign
        self._held_tokens += sign * worst.tokens
        self._held_dollars += sign * (worst.dollars or 0.0)
        if not self.in_flight:
            self._held_dollars = 0.0  # without a rounding error

    def _close(self, reservation: Reservation) -> None:
        if not reservation.open:
            raise ValueError("this reservation is already settled")
        reservation.open = False
        self._hold(reservation.worst, -1)

    @property
    def _used(self) -> Spend:
        """Return what is spent and reserved. Dollars are 0 where no price is known, and then no cap is on them."""
        spent = self.spent
        held = self._held_dollars + (spent.dollars or 0.0)
        return Spend(spent.calls + self.in_flight, spent.tokens + self._held_tokens, held)

    def _exceeded(self, more: Spend) -> str:
        """Return the name of the cap that `more` would exceed beside what is spent and reserved; "" for none."""
        used = self._used
        amounts = {
            "max_calls": used.calls + more.calls,
            "max_total_tokens": used.tokens + more.tokens,
            "max_cost": (used.dollars or 0.0) + (more.dollars or 0.0),
        }
        return next(
            (name for name, amount in amounts.items() if (cap := getattr(self._settings, name)) is not None and amount > cap),
            "",
        )

    def _price(self, model: str) -> Price | None:
        price = self._prices.of(model)
        if price is None and self._settings.max_cost is not None:
            raise ConfigError(
                f"llm.max_cost = {self._settings.max_cost} cannot be held: the price of {model!r} is not in the table of "
                f"{self._prices.dated}. Give a table with --set llm.prices=FILE (`models: {{{model}: {{input: …, output: …}}}}`, in "
                "dollars per million tokens, and `dated:`), or use --max-calls or --max-total-tokens."
            )
        return price


def prompt_bound(request: Request) -> int:
    """Return no fewer prompt tokens than the server will count.

    The bound is exact with a margin, or the number of bytes where the tokenizer is unknown. Tokenizers over bytes, and
    those that fall back on bytes, never give more tokens than bytes, whatever their table.
    """
    extra = request.sampling.get("extra_body")
    beside = _MARGIN_TOKENS + (_size(extra) if extra else 0)  # it may hold tools, which are part of the prompt
    if not get_tokenizer(request.model).estimated:
        return math.ceil(_MARGIN * prompt_tokens(request)) + beside
    texts = sum(len(message["content"].encode("utf-8", "replace")) + _PER_MESSAGE_TOKENS for message in request.messages)
    return texts + (_size(request.schema) if request.schema else 0) + beside


def _size(value: Any) -> int:
    return len(json.dumps(value))

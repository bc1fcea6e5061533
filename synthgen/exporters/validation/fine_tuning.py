"""What training on a chat file takes: tokens, epochs, cost, and the date on which its model ends.

Tokens follow the rule of OpenAI's cookbook ("Data preparation and analysis for chat model fine-tuning"), which calls it
approximate: 3 for an example, 3 for each message, the tokens of every text in a message, its role included, and 1 more
for a name. Tokens beyond the model's limit are cut off and not billed. The default number of epochs comes from the same
notebook. Content parts count with their texts, tool calls with their names and arguments. Images, sounds and tool
definitions are not counted.

A model counts with its own encoding if tiktoken has it; otherwise the result is marked `estimated`. So is the result of
a long file: the first million bytes are counted, then one row in thirty-two, drawn by its content, and the other rows
are extrapolated from these.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from synthgen.llm.costs.prices import Price, Prices
from synthgen.llm.model_name import plain_name
from synthgen.storage import read_yaml
from synthgen.text.tokenizer import DEFAULT_ENCODING, get_tokenizer

__all__ = ["FineTuningFacts", "Service", "TokenCount", "epochs", "load_facts"]

_PACKAGED = Path(__file__).parent.parent.parent / "assets" / "fine_tuning.yaml"

_EXACT_BYTES = 1_000_000
_ONE_IN = 32

_EPOCHS, _EPOCHS_MIN, _EPOCHS_MAX = 3, 1, 25
_EXAMPLES_MIN, _EXAMPLES_MAX = 100, 25_000  # bounds of examples times epochs

_NOT_TEXT = frozenset(
    {"type", "id", "image_url", "input_audio", "file", "image", "audio", "video"}
)  # keys of an object with a type

Row = Mapping[str, Any]


class Model(BaseModel):
    """The maximum number of trained tokens of an example (None: unknown), and the model's last day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int | None = Field(None, ge=1)
    ends: date | None = None


class Notice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    announced: date
    text: str


class FineTuningFacts(BaseModel):
    """The table of `assets/fine_tuning.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dated: date
    models: dict[str, Model]
    notices: list[Notice]

    def of(self, model: str) -> Model:
        """Return the facts about a model, or about the family of a dated snapshot. They are empty for an unknown model."""
        name = plain_name(model)
        families = [family for family in self.models if name == family or name.startswith(f"{family}-20")]
        return self.models[max(families, key=len)] if families else Model.model_validate({})


@lru_cache(maxsize=1)
def load_facts() -> FineTuningFacts:
    return FineTuningFacts.model_validate(read_yaml(_PACKAGED, "table of fine-tuning services"))


class Service:
    """The use of a file: a model (None for no particular one), its token limit, and a price table."""

    def __init__(self, model: str | None = None, *, max_tokens: int | None = None, prices: Prices | None = None) -> None:
        self.model, self.prices = model, prices
        self.facts = load_facts()
        self.model_facts = self.facts.of(model) if model else Model.model_validate({})
        self.max_tokens_given, self.max_tokens = max_tokens, max_tokens or self.model_facts.max_tokens

    @property
    def price(self) -> Price | None:
        return self.prices.of(plain_name(self.model)) if self.prices and self.model else None


class TokenCount:
    """Sums the training tokens of rows, each at most `service.max_tokens`. `messages` returns the messages of a row, if
    rows have any.
    """

    def __init__(self, service: Service, messages: Callable[[Row], Sequence[Row]] | None) -> None:
        self.service, self._messages = service, messages
        self._tokenizer = get_tokenizer(service.model or DEFAULT_ENCODING)
        self._count = lru_cache(maxsize=1_024)(self._tokenizer.count)  # roles and system messages repeat
        self.examples = 0
        self._counted = self._counted_bytes = 0
        self._sampled = self._sampled_bytes = self._uncounted_bytes = 0

    def add(self, raw: bytes, row: Row) -> None:
        """Add a row of the training data."""
        self.examples += 1
        if self._counted_bytes < _EXACT_BYTES:
            self._counted += self._billed(row)
            self._counted_bytes += len(raw)
            return
        self._uncounted_bytes += len(raw)
        if zlib.crc32(raw) % _ONE_IN == 0:
            self._sampled += self._billed(row)
            self._sampled_bytes += len(raw)

    def too_long(self, raw: bytes, row: Row) -> int | None:
        """Return the tokens of a row above the limit, else None. A text has no more tokens than bytes, so few rows are
        counted.
        """
        limit = self.service.max_tokens
        if not limit or len(raw) <= limit or (tokens := self.tokens(row)) <= limit:
            return None
        return tokens

    def _billed(self, row: Row) -> int:
        tokens, limit = self.tokens(row), self.service.max_tokens
        return min(tokens, limit) if limit else tokens

    def tokens(self, row: Row) -> int:
        """Return the tokens of an example by the rule above; for a row without messages, the tokens of its texts."""
        if self._messages is None:
            return sum(map(self._count, _texts(row)))
        total = 3
        for message in self._messages(row):
            total += 3 + ("name" in message)
            total += sum(map(self._count, _texts(message)))
        return total

    def training(self) -> dict[str, Any]:
        """Return what training on all rows takes. `dollars` is None when the price table has no training price."""
        service, n_epochs = self.service, epochs(self.examples)
        extrapolated = round(self._sampled * self._uncounted_bytes / self._sampled_bytes) if self._sampled_bytes else 0
        tokens = self._counted + extrapolated
        price = service.price.training if service.price else None
        return {
            "model": service.model,
            "examples": self.examples,
            "tokens": tokens,
            "estimated": self._tokenizer.estimated or bool(self._uncounted_bytes),
            "max_tokens": service.max_tokens,
            "epochs": n_epochs,
            "billed_tokens": tokens * n_epochs,
            "dollars": None if price is None else tokens * n_epochs * price / 1_000_000,
            "prices_dated": service.prices.dated.isoformat() if service.prices else None,
            "model_ends": service.model_facts.ends.isoformat() if service.model_facts.ends else None,
            "notices": [{"announced": notice.announced.isoformat(), "text": notice.text} for notice in service.facts.notices],
        }


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a row or message: string values, but no types and ids of parts and calls, and no media."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key not in _NOT_TEXT or "type" not in value:
                yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


def epochs(examples: int) -> int:
    """Return a service's default number of epochs: 3, more for few examples, fewer for very many."""
    if examples * _EPOCHS < _EXAMPLES_MIN:
        return min(_EPOCHS_MAX, _EXAMPLES_MIN // max(1, examples))
    if examples * _EPOCHS > _EXAMPLES_MAX:
        return max(_EPOCHS_MIN, _EXAMPLES_MAX // examples)
    return _EPOCHS

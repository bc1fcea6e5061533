"""What training on a chat file would take: tokens, epochs, money, and until when it can be done at all.

Tokens follow the rule of OpenAI's cookbook ("Data preparation and analysis for chat model fine-tuning"), which calls it not exact:
3 for an example, 3 for each message, the tokens of every text in it, its role included, and 1 more for a name. What is beyond
the model's limit is cut off and not billed. The number of epochs is the default of the same notebook. Parts of content count with
their texts, calls of tools with their names and arguments; what a message shows besides (an image, a sound) is not counted, and neither
are definitions of tools.

A model counts with its own encoding where tiktoken has it, else the result says `estimated`. So does that of a long file: the first
million bytes are counted, then one row in thirty-two, drawn by its content, and the others are taken to be like those.
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
from synthgen.storage import read_yaml
from synthgen.text.tokenizer import DEFAULT_ENCODING, get_tokenizer

__all__ = ["FineTuningFacts", "Service", "TokenCount", "epochs", "load_facts"]

_PACKAGED = Path(__file__).parent.parent.parent / "assets" / "fine_tuning.yaml"

_EXACT_BYTES = 1_000_000
_ONE_IN = 32

_EPOCHS, _EPOCHS_MIN, _EPOCHS_MAX = 3, 1, 25
_EXAMPLES_MIN, _EXAMPLES_MAX = 100, 25_000  # of examples times epochs, which the default keeps between

_NO_TEXTS = frozenset({"type", "id", "image_url", "input_audio", "file", "image", "audio", "video"})  # of an object with a type

Row = Mapping[str, Any]


class Model(BaseModel):
    """Tokens of one example that are trained on (None: not known), and the day of its end."""

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
        """What is known of a model or of the family whose dated snapshot it is; nothing, for one that is not there."""
        name = model.removeprefix("openai/")
        families = [known for known in self.models if name == known or name.startswith(f"{known}-20")]
        return self.models[max(families, key=len)] if families else Model.model_validate({})


@lru_cache(maxsize=1)
def load_facts() -> FineTuningFacts:
    return FineTuningFacts.model_validate(read_yaml(_PACKAGED, "table of fine-tuning services"))


class Service:
    """What a file is to be used with: a model (None: none in particular), its limit, and the table of its prices."""

    def __init__(self, model: str | None = None, *, max_tokens: int | None = None, prices: Prices | None = None) -> None:
        self.model, self.prices = model, prices
        self.facts = load_facts()
        self.known = self.facts.of(model) if model else Model.model_validate({})
        self.max_tokens_given, self.max_tokens = max_tokens, max_tokens or self.known.max_tokens

    @property
    def price(self) -> Price | None:
        return self.prices.of(self.model.removeprefix("openai/")) if self.prices and self.model else None


class TokenCount:
    """Adds up the training tokens of rows, each at most `service.max_tokens`; `messages` gives those of a row, where it has some."""

    def __init__(self, service: Service, messages: Callable[[Row], Sequence[Row]] | None) -> None:
        self.service, self._messages = service, messages
        self._tokenizer = get_tokenizer(service.model or DEFAULT_ENCODING)
        self._count = lru_cache(maxsize=1_024)(self._tokenizer.count)  # roles and system messages come again and again
        self.examples = 0
        self._counted = self._counted_bytes = 0
        self._drawn = self._drawn_bytes = self._left_bytes = 0

    def add(self, raw: bytes, row: Row) -> None:
        """Take in a row that is trained on."""
        self.examples += 1
        if self._counted_bytes < _EXACT_BYTES:
            self._counted += self._billed(row)
            self._counted_bytes += len(raw)
            return
        self._left_bytes += len(raw)
        if zlib.crc32(raw) % _ONE_IN == 0:
            self._drawn += self._billed(row)
            self._drawn_bytes += len(raw)

    def too_long(self, raw: bytes, row: Row) -> int | None:
        """The tokens of a row where they are more than the limit. A text has no more tokens than bytes, so few are counted."""
        limit = self.service.max_tokens
        if not limit or len(raw) <= limit or (tokens := self.tokens(row)) <= limit:
            return None
        return tokens

    def _billed(self, row: Row) -> int:
        tokens, limit = self.tokens(row), self.service.max_tokens
        return min(tokens, limit) if limit else tokens

    def tokens(self, row: Row) -> int:
        """Of one example, by the rule above; of a row without messages, those of its texts."""
        if self._messages is None:
            return sum(map(self._count, _texts(row)))
        total = 3
        for message in self._messages(row):
            total += 3 + ("name" in message)
            total += sum(map(self._count, _texts(message)))
        return total

    def training(self) -> dict[str, Any]:
        """What training on all rows would take. `dollars` is None where the table of prices does not say."""
        service, passes = self.service, epochs(self.examples)
        rest = round(self._drawn * self._left_bytes / self._drawn_bytes) if self._drawn_bytes else 0
        tokens = self._counted + rest
        price = service.price.training if service.price else None
        return {
            "model": service.model,
            "examples": self.examples,
            "tokens": tokens,
            "estimated": self._tokenizer.estimated or bool(self._left_bytes),
            "max_tokens": service.max_tokens,
            "epochs": passes,
            "billed_tokens": tokens * passes,
            "dollars": None if price is None else tokens * passes * price / 1_000_000,
            "prices_dated": service.prices.dated.isoformat() if service.prices else None,
            "model_ends": service.known.ends.isoformat() if service.known.ends else None,
            "notices": [{"announced": notice.announced.isoformat(), "text": notice.text} for notice in service.facts.notices],
        }


def _texts(value: Any) -> Iterator[str]:
    """Every text in a row or message: strings, but no keys, and of parts and calls neither their types and ids nor what is no text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key not in _NO_TEXTS or "type" not in value:
                yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


def epochs(examples: int) -> int:
    """How often a service goes over the examples when it is not told: 3 times, more over a few, less over very many."""
    if examples * _EPOCHS < _EXAMPLES_MIN:
        return min(_EPOCHS_MAX, _EXAMPLES_MIN // max(1, examples))
    if examples * _EPOCHS > _EXAMPLES_MAX:
        return max(_EPOCHS_MIN, _EXAMPLES_MAX // examples)
    return _EPOCHS

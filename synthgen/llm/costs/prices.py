"""Prices of tokens: a dated table, the packaged one or the user's own.

An unknown price is None, never zero. Not covered: long-context tiers, priority tiers, and surcharges of a gateway.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

import regex
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthgen.errors import ConfigError, nearest
from synthgen.records import Usage
from synthgen.storage import read_yaml

__all__ = ["Price", "Prices", "load_prices"]

_PACKAGED = Path(__file__).parent.parent.parent / "assets" / "prices.yaml"
_SNAPSHOT = regex.compile(r"-\d{4}-?\d{2}-?\d{2}$")

_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Factor = Annotated[float, Field(gt=0, le=1)]


class Price(BaseModel):
    """Dollars per million tokens.

    `cached` and `written` are prompt tokens; they cost as `input` where the file has no price.

    `batch` is the factor for calls through the provider's batch endpoint. `training` is the price of a token of a
    training file in each epoch, None where it is unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: _Dollars
    output: _Dollars
    cached: _Dollars | None = None
    written: _Dollars | None = None
    batch: _Factor = 0.5
    training: _Dollars | None = None

    def dollars(self, usage: Usage, *, batch: bool = False) -> float:
        """Return the cost of `usage`.

        `usage.cached` and `usage.written` are parts of `usage.prompt`; a server that counts them beside it is believed.
        """
        fresh = max(0, usage.prompt - usage.cached - usage.written)
        prompt = fresh * self.input + usage.cached * self._cached + usage.written * self._written
        return self._scaled(prompt + usage.output * self.output, batch)

    def at_most(self, prompt: int, output: int, *, batch: bool = False) -> float:
        """Return the cost of these tokens, each at its highest possible price."""
        return self._scaled(prompt * max(self.input, self._cached, self._written) + output * self.output, batch)

    @property
    def saved_by_reading(self) -> float:
        """Dollars per million by which a prompt token is cheaper when it is read from the cache."""
        return self.input - self._cached

    @property
    def spent_on_writing(self) -> float:
        """Dollars per million by which a prompt token is dearer when it is written to the cache."""
        return self._written - self.input

    @property
    def _cached(self) -> float:
        return self.input if self.cached is None else self.cached

    @property
    def _written(self) -> float:
        return self.input if self.written is None else self.written

    def _scaled(self, amount: float, batch: bool) -> float:
        return amount * (self.batch if batch else 1.0) / 1_000_000


class Prices(BaseModel):
    """A table of prices and its date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dated: date
    models: dict[str, Price]
    source: str = ""

    def of(self, model: str) -> Price | None:
        """Return the price of a model, or of the model that it is a dated snapshot of; None when it is unknown."""
        return self.models.get(model) or self.models.get(_SNAPSHOT.sub("", model))


def load_prices(path: str | Path | None = None) -> Prices:
    """Return the packaged table, or the one at `path`. Raises ConfigError when it cannot be read."""
    return _read(Path(path)) if path else _packaged()


@cache
def _packaged() -> Prices:
    return _read(_PACKAGED)


def _read(file: Path) -> Prices:
    try:
        return Prices.model_validate(read_yaml(file, "price table"))
    except ValidationError as error:
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a wrong name explains a missing one
        name = str(first["loc"][-1]) if first["loc"] else ""
        hint = nearest(name, [*Prices.model_fields, *Price.model_fields]) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(
            f"{file}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}.{hint} A table has `dated: YYYY-MM-DD` and "
            "`models: {NAME: {input: …, output: …, cached: …, written: …, batch: 0.5}}`, in dollars per million tokens."
        ) from None

"""The name of a model as users write it: `PROVIDER/NAME`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from synthgen.llm.providers import PROVIDERS

__all__ = ["ModelName", "known_forms", "parse_model", "plain_name"]

_OWN = re.compile(r"[^\W\d][\w.]*+:[^\W\d][\w.]*")


@dataclass(frozen=True, slots=True)
class ModelName:
    """`provider` is a name of `PROVIDERS` or a `module:attribute`; `name` is what the endpoint calls the model."""

    provider: str
    name: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"


def parse_model(text: str) -> ModelName | None:
    """Return the model that `text` names; None for a name without a model, as `extractive` or a `module:attribute`
    alone.

    The text is split at its first slash; nothing is inferred from the rest of the name. Whether a `module:attribute`
    exists is checked when it is used.
    """
    provider, _, name = text.partition("/")
    return ModelName(provider, name) if name and (provider in PROVIDERS or _OWN.fullmatch(provider)) else None


def plain_name(text: str) -> str:
    """Return the endpoint's name for the model that `text` names; `text` itself where it has no provider."""
    model = parse_model(text)
    return model.name if model else text


def known_forms() -> list[str]:
    """Return how models of the known providers are written."""
    return [f"{provider}/NAME" for provider in PROVIDERS]

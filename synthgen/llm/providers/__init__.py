"""Providers of models: one file for each, and one line in this table.

`synthgen.llm.providers.base` says what a provider is, and how to write one of your own.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PROVIDERS"]

PROVIDERS: Mapping[str, str] = {
    "openai": "synthgen.llm.providers.openai:PROVIDER",
}
"""Name in a model's name (`openai/NAME`) -> `module:attribute` of the provider."""

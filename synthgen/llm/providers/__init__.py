"""Providers of models: one file for each, and one line in this table.

`base` defines a provider and describes how to write your own. `http_client` sends, and `errors` and `headers` read what
most HTTP APIs have in common, for any provider. The other files are the chat-completions wire format of `openai`: `request_format` (with
`profiles` and `logit_bias`) builds a request, `response` and `error_body` read the answer, and `batch_files` is its
batch API.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PROVIDERS"]

PROVIDERS: Mapping[str, str] = {
    "openai": "synthgen.llm.providers.openai:PROVIDER",
}
"""Name in a model's name (`openai/NAME`) -> `module:attribute` of the provider."""

"""Checks, where the engine takes an answer, that the provider keeps the contract of `providers.base`.

An answer of another form would fail deep in the engine, and one under another key would be paid for again by every run.
The checks are on types alone and cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from synthgen.llm.providers.base import Provider, ProviderResponse
from synthgen.records import Completion, Request, Usage

__all__ = ["breach", "provider_name", "shown"]

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "finish_reason": str,
    "refusal": (str, type(None)),
    "usage": Usage,
    "model": str,
}


def breach(answer: object, request: Request) -> str:
    """Return what is wrong with the form of an answer to `request`, for people; "" when nothing is."""
    if not isinstance(answer, ProviderResponse):
        return shown(answer)
    completion: object = answer.completion
    if not isinstance(completion, Completion):
        return f"an answer whose completion is {shown(completion)}"
    for name, expected in _TYPES.items():
        if not isinstance(value := getattr(completion, name), expected):
            return f"an answer whose {name} is {shown(value)}"
    usage = completion.usage
    counts: tuple[object, ...] = (usage.prompt, usage.cached, usage.written, usage.output)
    for count in counts:
        if not isinstance(count, int) or count < 0:
            return f"an answer whose usage is {usage}, where counts are integers of at least 0"
    if completion.request_key != request.key:
        return f"an answer whose request_key {completion.request_key!r} is not that of the request, {request.key!r}"
    headers: object = answer.headers
    return "" if isinstance(headers, Mapping) else f"an answer whose headers is {shown(headers)}"


def provider_name(provider: Provider | type) -> str:
    """Return `module:class` of a provider, for messages."""
    kind = provider if isinstance(provider, type) else type(provider)
    return f"{kind.__module__}:{kind.__qualname__}"


def shown(value: object) -> str:
    """Return what a value is, for messages: None, or its type."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"

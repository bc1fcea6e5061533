"""Token counts of the server: the prompt exactly like synthgen's own estimate, and a simulated prompt cache.

Caching follows OpenAI's rules (documentation of prompt caching, 2026): a repeated prefix of at least 1,024 tokens, in
steps of 128. The prefix is everything before the last message, or everything up to an explicit
`prompt_cache_breakpoint`, which also reports written tokens. Each `prompt_cache_key` has its own cache. Entries are
evicted only when there are too many.

Images, tools and other vendors' chat formats are not counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from synthgen.testing.log import RecentCounts
from synthgen.text.tokenizer import get_tokenizer

__all__ = ["Cache", "Tokens", "count", "output_limit", "prompt_tokens", "text_of"]

_PER_MESSAGE = 3 + 1  # tokens of the chat format, and the role, after OpenAI's cookbook
_PER_REPLY = 3
_MIN_CACHED = 1_024
_CACHE_STEP = 128

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one request. `cached` and `written` are parts of `prompt`, `reasoning` of `output`."""

    prompt: int
    output: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.output

    def plus(self, other: Tokens) -> Tokens:
        return Tokens(*(getattr(self, name) + getattr(other, name) for name in Tokens.__dataclass_fields__))


def text_of(content: Any) -> str:
    """Return the text of a message: a string, or the joined text parts of a list."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def prompt_tokens(body: Body) -> int:
    """Return the tokens of the messages, of the chat format, and of the schema, which is sent as part of the prompt."""
    model = str(body.get("model"))
    return _PER_REPLY + _schema_tokens(model, body) + sum(_message_tokens(model, message) for message in body["messages"])


def output_limit(body: Body) -> int | None:
    """Return the request's limit on output tokens, or None."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return int(limit) if limit else None


@lru_cache(maxsize=2_048)
def count(model: str, text: str) -> int:
    """Return the tokens of `text`. Cached, because the first messages are the same for thousands of requests."""
    return get_tokenizer(model).count(text)


class Cache:
    """The prefixes that this server has seen."""

    def __init__(self) -> None:
        self._seen = RecentCounts()

    def look_up(self, body: Body) -> tuple[int, int]:
        """Return the (cached, written) tokens of the prompt, and remember its prefix."""
        model = str(body.get("model"))
        messages, explicit = _prefix(body["messages"])
        size = _schema_tokens(model, body) + sum(_message_tokens(model, message) for message in messages)
        if size < _MIN_CACHED:
            return 0, 0
        prefix_digest = hashlib.sha256(
            repr([model, body.get("prompt_cache_key"), list(_texts(messages))]).encode("utf-8", "replace")
        )
        size -= size % _CACHE_STEP
        if self._seen.count(prefix_digest.hexdigest()) > 1:
            return size, 0
        return 0, size if explicit else 0


def _prefix(messages: Sequence[Body]) -> tuple[Sequence[Body], bool]:
    """Return the messages up to the last breakpoint, with the last one cut there; else all but the last message."""
    for at in range(len(messages) - 1, -1, -1):
        content = messages[at].get("content")
        parts = content if isinstance(content, list) else []
        for number in range(len(parts) - 1, -1, -1):
            if isinstance(parts[number], dict) and "prompt_cache_breakpoint" in parts[number]:
                return [*messages[:at], {**messages[at], "content": parts[: number + 1]}], True
    return messages[:-1], False


def _texts(messages: Sequence[Body]) -> Iterator[tuple[str, str]]:
    for message in messages:
        yield str(message.get("role")), text_of(message.get("content"))


def _schema_tokens(model: str, body: Body) -> int:
    form = body.get("response_format")
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return 0
    wrapper = form.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else form.get("schema")
    return count(model, json.dumps(schema)) if schema else 0


def _message_tokens(model: str, message: Body) -> int:
    return _PER_MESSAGE + count(model, text_of(message.get("content")))

"""An OpenAI-compatible endpoint: where it is, whose key opens it, one attempt at one call.

The SDK's own retries are off, because two layers of retry multiply attempts and hide 429s; `client.fill` does the waiting.
The response is read as plain JSON and not as the SDK's models: servers leave out or rename what those insist on. The aiohttp
transport is used where it is installed (`openai[aiohttp]`), since it costs about 40 % less CPU per call.

The key comes from the environment variable that the settings name, is sent to the endpoint, and goes nowhere else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from synthgen.config import LLM
from synthgen.errors import ConfigError, ModelError
from synthgen.llm.dialect import Dialect
from synthgen.records import Completion, Request, Usage

if TYPE_CHECKING:
    import openai

__all__ = ["Endpoint", "base_url", "check_endpoint", "connect", "endpoint_id"]

_OWN = "https://api.openai.com/v1"
_CONNECT_TIMEOUT_S = 10.0
_NO_KEY = "no-key"  # local servers want some key and do not look at it
_LOCAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan")


def base_url(settings: LLM) -> str:
    """`llm.base_url`, else OPENAI_BASE_URL as for every program that uses the SDK, else the provider's own."""
    return (settings.base_url or os.environ.get("OPENAI_BASE_URL") or _OWN).rstrip("/")


def endpoint_id(settings: LLM) -> str:
    """What stands for the endpoint in request keys."""
    return settings.endpoint_id or base_url(settings)


def check_endpoint(settings: LLM) -> None:
    """Raises before any work: ConfigError for a base URL that cannot be used, ModelError for a missing key."""
    url = base_url(settings)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        usable = False
    if not usable:
        raise ConfigError(f"llm.base_url = {url!r} is no web address. Give it like http://127.0.0.1:8000/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        raise ConfigError(
            f"llm.base_url ({shown} …) has credentials or a query in it, and it is written into the run folder. Give the address "
            f"alone and put the key into the environment variable {settings.api_key_env}."
        )
    if not _key(settings).isascii():
        raise ModelError(f"The key in {settings.api_key_env} has characters that no key has. Copy it again.")
    if not _key(settings) and not _is_local(parts):
        raise ModelError(
            f"No key: the environment variable {settings.api_key_env} is not set, and {parts.hostname} is not on a local network. "
            f"Run `export {settings.api_key_env}=…`, or name another variable with --set llm.api_key_env=NAME, or use "
            "--base-url for a local server, or --model extractive, which needs neither."
        )


@asynccontextmanager
async def connect(settings: LLM) -> AsyncIterator[Endpoint]:
    """An endpoint for the running event loop, closed at the end."""
    import openai

    check_endpoint(settings)
    key = _key(settings)
    timeout = openai.Timeout(settings.timeout_s, connect=min(_CONNECT_TIMEOUT_S, settings.timeout_s))
    async with openai.AsyncOpenAI(
        api_key=key or _NO_KEY, base_url=base_url(settings), max_retries=0, timeout=timeout, http_client=_transport(timeout)
    ) as client:
        yield Endpoint(client, Dialect(own_endpoint=base_url(settings) == _OWN), settings.timeout_s, key)


class Endpoint:
    """One client and the dialect it has learnt."""

    def __init__(self, client: openai.AsyncOpenAI, dialect: Dialect, timeout_s: float, key: str) -> None:
        self._create = client.chat.completions.with_raw_response.create
        self._dialect = dialect
        self._timeout_s = timeout_s
        self._key = key

    async def complete(self, request: Request) -> Completion:
        """One attempt. Raises the SDK's APIError, TimeoutError, or ValueError for an answer that cannot be read.

        A request that is refused because of a field is sent again without it; that is still one attempt.
        """
        import openai

        while True:
            body = self._dialect.body(request)
            try:
                async with asyncio.timeout(self._timeout_s):
                    raw = await self._create(**body, extra_headers={"X-Client-Request-Id": request.key})
                return _completion(request, json.loads(raw.content))
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not self._dialect.step_down(body, f"{error.param} {error.message}"):
                    raise

    def redacted(self, text: str) -> str:
        """`text` without the key: some servers repeat it in their messages."""
        return text.replace(self._key, "***") if self._key else text


def _completion(request: Request, answer: Any) -> Completion:
    """Raises ValueError when there is no message in `answer`."""
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content") or "", message.get("refusal") or None
        told = answer.get("usage")
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ValueError("it has no choices[0].message") from None
    if not isinstance(text, str):
        raise ValueError(f"its content is {type(text).__name__}")
    if not isinstance(refusal, str | None):
        raise ValueError(f"its refusal is {type(refusal).__name__}")
    return Completion(
        request_key=request.key,
        text=_storable(text),
        finish_reason=_storable(str(choice.get("finish_reason") or "")),
        refusal=refusal and _storable(refusal),
        usage=_usage(request, text, told),
        model=_storable(str(answer.get("model") or "")),
    )


def _usage(request: Request, text: str, told: Any) -> Usage:
    """What the server counted, else an estimate that says so."""
    from synthgen.tokens import get_tokenizer

    try:
        details = told.get("prompt_tokens_details") or {}
        return Usage(
            prompt=int(told["prompt_tokens"]),
            cached=int(details.get("cached_tokens") or 0),
            written=int(details.get("cache_write_tokens") or 0),
            output=int(told["completion_tokens"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        tokenizer = get_tokenizer(request.model)
        prompt = sum(tokenizer.count(message["content"]) for message in request.messages)
        return Usage(prompt=prompt, output=tokenizer.count(text), estimated=True)


def _storable(text: str) -> str:
    """Half a character (a lone surrogate, as a cut-off emoji leaves it) becomes a question mark: no file can hold it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _key(settings: LLM) -> str:
    return os.environ.get(settings.api_key_env, "").strip()


def _is_local(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:  # a name: of this machine, of a container, or of the local network
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)


def _transport(timeout: openai.Timeout) -> Any:
    import openai

    try:
        return openai.DefaultAioHttpClient(timeout=timeout)
    except RuntimeError:  # the extra is not installed
        return openai.DefaultAsyncHttpxClient(timeout=timeout)

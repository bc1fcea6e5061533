"""An OpenAI-compatible endpoint: where it is, whose key opens it, one attempt at one call.

The SDK's own retries are off, because two layers of retry multiply attempts and hide 429s; `caller` does the waiting. Requests go
through the SDK's `post` with bodies of our own, on its aiohttp transport where that is installed (`openai[aiohttp]`), and their
answers are read once, as plain JSON: the SDK's models insist on more than servers send.

The key comes from the environment variable that the settings name, is sent to the endpoint, and goes nowhere else.
"""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from synthgen.config.settings import LLM
from synthgen.errors import ConfigError, ModelError, RunFolderError
from synthgen.llm.providers.profiles import profile_of
from synthgen.llm.providers.request_format import Reformed, RequestForm, RequestFormat
from synthgen.llm.providers.response import parse_completion, storable
from synthgen.records import Completion, Request

if TYPE_CHECKING:
    import openai

    from synthgen.llm.call_store import CallStore

__all__ = [
    "Endpoint",
    "ProviderResponse",
    "base_url",
    "check_endpoint",
    "connect",
    "endpoint_id",
    "http_library",
    "load_dialect",
    "redacted",
    "sync_client",
]

_OWN = "https://api.openai.com/v1"
_CONNECT_TIMEOUT_S = 10.0
_SPARE_CONNECTIONS = 16  # for those that are closing
_NO_KEY = "no-key"  # local servers want some key and do not look at it
_TELLTALES = (  # what the SDK tells every server of this machine
    *("X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-OS", "X-Stainless-Arch", "X-Stainless-Runtime"),
    *("X-Stainless-Runtime-Version", "X-Stainless-Async", "X-Stainless-Retry-Count", "X-Stainless-Read-Timeout"),
)
_MAX_SHOWN_CHARS = 500
_LOCAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan")


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """An answer with the headers it came with, whose names are in any case."""

    completion: Completion
    headers: Mapping[str, str]


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
async def connect(settings: LLM, store: CallStore | None = None) -> AsyncIterator[Endpoint]:
    """An endpoint for the running event loop, closed at the end. `store` remembers the form of request that it accepts."""
    import openai

    check_endpoint(settings)
    timeout = openai.Timeout(None, connect=min(_CONNECT_TIMEOUT_S, settings.timeout_s))  # `complete` bounds the whole
    async with openai.AsyncOpenAI(
        api_key=_key(settings) or _NO_KEY,
        base_url=base_url(settings),
        max_retries=0,
        timeout=timeout,
        http_client=_transport(timeout, settings.concurrency + _SPARE_CONNECTIONS),
    ) as client:
        yield Endpoint(client, settings, store)


@contextmanager
def sync_client(settings: LLM) -> Iterator[openai.OpenAI]:
    """The SDK's client for files and batches. It repeats nothing by itself: a submission that was lost may have been taken."""
    import openai

    check_endpoint(settings)
    with openai.OpenAI(
        api_key=_key(settings) or _NO_KEY, base_url=base_url(settings), max_retries=0, timeout=settings.timeout_s
    ) as client:
        yield client


def load_dialect(settings: LLM, model: str, store: CallStore | None = None) -> RequestFormat:
    """How requests are put to `model` at the endpoint: as `store` remembers, else as the endpoint's profile says.

    A store that cannot be written remembers nothing, which costs the next run a refused request or two.
    """
    name = f"forms {endpoint_id(settings)}"

    def remember(form: RequestForm) -> None:
        if store is not None:
            with suppress(RunFolderError):
                store.remember(name, (store.recall(name) or {}) | {model: form.to_dict()})

    known = (store.recall(name) or {}).get(model) if store is not None else None
    return RequestFormat(profile_of(base_url(settings), model), RequestForm.from_dict(known), remember=remember)


class Endpoint:
    """One client, and the dialect of each model that is asked."""

    def __init__(self, client: openai.AsyncOpenAI, settings: LLM, store: CallStore | None) -> None:
        import openai

        self._post = client.post
        self._url = f"{base_url(settings)}/chat/completions"  # whole, because the SDK parses a relative one three times
        self._settings = settings
        self._store = store
        self._dialects: dict[str, RequestFormat] = {}
        self._raw: Any = http_library().Response  # as `cast_to`, the SDK's way to leave it unread
        self._unmapped = _unmapped_errors()
        self._quiet: dict[str, str | openai.Omit] = dict.fromkeys(_TELLTALES, openai.Omit())

    async def complete(self, request: Request, *, shards: int = 1) -> ProviderResponse:
        """One attempt. `shards`: prompt-cache keys to spread calls over.

        Raises the SDK's APIError, TimeoutError, ValueError for an answer that cannot be read, and Reformed when a field was
        refused that can be left out: then the same request is to be sent again. ConfigError comes before anything is sent.
        """
        import openai

        dialect = self._dialect(request.model)
        form, body = dialect.form, dialect.body(request, shards=shards)
        headers = {**self._quiet, "X-Client-Request-Id": request.key}
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                raw = await self._post(self._url, cast_to=self._raw, body=body, options={"headers": headers})
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if dialect.step_down(form, request, error):
                raise Reformed(redacted(error.message, self._settings)) from None
            raise
        except self._unmapped as error:
            raise ValueError(str(error)) from error
        completion = parse_completion(request, raw.content)
        dialect.worked(form)
        return ProviderResponse(completion, raw.headers)

    def proven(self, model: str) -> bool:
        """Whether it is known how requests are put to `model`."""
        return self._dialect(model).proven

    def _dialect(self, model: str) -> RequestFormat:
        if model not in self._dialects:
            self._dialects[model] = load_dialect(self._settings, model, self._store)
        return self._dialects[model]


def redacted(text: str, settings: LLM) -> str:
    """The words of a server as they may be kept and shown: without the key, which some repeat, half characters, or a book."""
    key = _key(settings)
    return storable(text.replace(key, "***") if key else text)[:_MAX_SHOWN_CHARS]  # cut last, or half a key would be left


def _key(settings: LLM) -> str:
    return os.environ.get(settings.api_key_env, "").strip()


def _is_local(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:  # a name: of this machine, of a container, or of the local network
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)


def _transport(timeout: openai.Timeout, connections: int) -> Any:
    """The SDK's fastest client with room for `connections`: none at all would mean the 100 of aiohttp's own default."""
    import openai

    limits = http_library().Limits(max_connections=connections, max_keepalive_connections=connections)
    try:
        return openai.DefaultAioHttpClient(timeout=timeout, limits=limits)
    except RuntimeError:  # the extra is not installed
        return openai.DefaultAsyncHttpxClient(timeout=timeout, limits=limits)


def http_library() -> Any:
    """The HTTP library that the installed SDK speaks."""
    import openai

    return importlib.import_module("httpx" if int(openai.__version__.partition(".")[0]) < 3 else "httpx2")


def _unmapped_errors() -> tuple[type[Exception], ...]:
    """What may come through the SDK as it is: aiohttp's errors for an answer that is no HTTP."""
    try:
        import aiohttp
    except ImportError:
        return ()
    return (aiohttp.ClientError,)

"""OpenAI-compatible endpoints: chat completions through the official SDK, and files and batches.

The SDK's own retries are off, because two layers of retry multiply attempts and hide 429s; the executor does the
waiting. Requests go through the SDK's `post` with bodies made here, on its aiohttp transport where that is installed
(`openai[aiohttp]`). Answers are read once, as plain JSON, because the SDK's models require more than servers send.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from synthgen.config.settings import LLM
from synthgen.errors import RunFolderError
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.base import BatchApi, Facts, LimitReading, Provider, ProviderResponse, Reformed, unnoticed
from synthgen.llm.providers.batch_files import BatchFiles
from synthgen.llm.providers.error_body import read_body
from synthgen.llm.providers.errors import of_status, timed_out, unreadable
from synthgen.llm.providers.headers import read_limit
from synthgen.llm.providers.logit_bias import token_bias
from synthgen.llm.providers.profiles import LIMITS, Profile, profile_of
from synthgen.llm.providers.request_format import RequestForm, RequestFormat
from synthgen.llm.providers.response import parse_completion
from synthgen.records import Request

if TYPE_CHECKING:
    import openai

    from synthgen.llm.endpoint import Endpoint

__all__ = ["PROVIDER", "ChatConnection", "OpenAICompatible", "attempt_error", "http_library", "load_format", "sync_client"]

_OWN = "https://api.openai.com/v1"
_SPARE_CONNECTIONS = 16  # for connections that are closing
_NO_KEY = "no-key"  # local servers require a key and ignore its value
_TELLTALES = (  # what the SDK sends to every server about this machine
    *("X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-OS", "X-Stainless-Arch", "X-Stainless-Runtime"),
    *("X-Stainless-Runtime-Version", "X-Stainless-Async", "X-Stainless-Retry-Count", "X-Stainless-Read-Timeout"),
)

# Exceptions that mean that no connection was made; httpx and httpx2 use the same names. Where an aiohttp exception is the
# cause, it decides: its adapter turns every one of them, even a reset in the middle of an answer, into a ConnectTimeout.
_NO_CONTACT = {"ConnectError", "ConnectTimeout"}
_NO_CONTACT_AIOHTTP = {"ClientConnectorError", "ConnectionTimeoutError"}


_began: ContextVar[Callable[[], None]] = ContextVar("began")  # of the call that the present task makes


class OpenAICompatible(Provider):
    """Any endpoint that accepts chat completions. `assets/endpoints.yaml` has what is known of some of them."""

    meaning = "the model NAME of any OpenAI-compatible endpoint (--base-url)"
    key_env = "OPENAI_API_KEY"
    example_url = "http://127.0.0.1:8000/v1"

    def default_url(self) -> str:
        """Return OPENAI_BASE_URL, as every program that uses the SDK does, or the address of OpenAI."""
        return os.environ.get("OPENAI_BASE_URL") or _OWN

    def describe(self, url: str, model: str) -> str:
        profile = profile_of(url, model)
        return "an OpenAI-compatible endpoint" if profile == Profile() else f"the endpoint of {profile.name.partition(',')[0]}"

    def check(self, settings: LLM, model: str) -> None:
        token_bias(model, settings.logit_bias)

    @asynccontextmanager
    async def connect(self, endpoint: Endpoint, facts: Facts | None) -> AsyncIterator[ChatConnection]:
        import openai

        settings = endpoint.settings
        timeout = openai.Timeout(None, connect=settings.connect_timeout_s)
        async with openai.AsyncOpenAI(
            api_key=endpoint.key or _NO_KEY,
            base_url=endpoint.url,
            max_retries=0,
            timeout=timeout,
            http_client=_transport(timeout, settings.concurrency + _SPARE_CONNECTIONS),
        ) as client:
            yield ChatConnection(client, endpoint, facts)

    def proven(self, endpoint: Endpoint, model: str, facts: Facts | None) -> bool:
        return load_format(endpoint, model, facts).proven

    def read_limit(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None:
        return read_limit(headers, resource)

    def output_bound(self, request: Request, default: int) -> int:
        """Return the bound over all answers that the request asks for."""
        extra: Mapping[str, Any] = request.sampling.get("extra_body") or {}
        own = [extra[name] for name in LIMITS if isinstance(extra.get(name), int)]
        limit = max(own) if own else int(request.sampling.get("max_output_tokens") or default)
        answers = extra.get("n")
        return limit * (answers if isinstance(answers, int) and answers > 1 else 1)

    @contextmanager
    def batches(self, endpoint: Endpoint, model: str, facts: Facts | None) -> Iterator[BatchApi]:
        with sync_client(endpoint) as client:
            yield BatchFiles(client, endpoint, model, load_format(endpoint, model, facts).body, attempt_errors)


PROVIDER = OpenAICompatible()


class ChatConnection:
    """One client, and the form of request for each model."""

    def __init__(self, client: openai.AsyncOpenAI, endpoint: Endpoint, facts: Facts | None) -> None:
        import openai

        self._post = client.post
        self._url = f"{endpoint.url}/chat/completions"  # absolute, because the SDK parses a relative one three times
        self._endpoint = endpoint
        self._facts = facts
        self._formats: dict[str, RequestFormat] = {}
        self._raw: Any = http_library().Response  # as `cast_to`, which makes the SDK leave the body unread
        self._unmapped = _unmapped_errors()
        self._errors: tuple[type[Exception], ...] = (openai.APIError, ValueError, *self._unmapped)
        self._quiet: dict[str, str | openai.Omit] = dict.fromkeys(_TELLTALES, openai.Omit())

    async def complete(self, request: Request, *, shards: int = 1, began: Callable[[], None] = unnoticed) -> ProviderResponse:
        format = self._format(request.model)
        _began.set(began)
        form, body = format.form, format.body(request, shards=shards)
        headers = {**self._quiet, "X-Client-Request-Id": request.key}
        try:
            raw = await self._post(self._url, cast_to=self._raw, body=body, options={"headers": headers})
            completion = parse_completion(request, raw.content)
        except self._errors as error:
            raise self._failed(error, request, format, form) from None
        format.worked(form)
        return ProviderResponse(completion, raw.headers)

    def proven(self, model: str) -> bool:
        return self._format(model).proven

    def _failed(self, error: Exception, request: Request, format: RequestFormat, form: RequestForm) -> Reformed | AttemptError:
        import openai

        failed = attempt_error(ValueError(str(error)) if isinstance(error, self._unmapped) else error)
        if not isinstance(error, openai.APIStatusError) or failed.failure.reason != "bad_request":
            return failed
        refused = format.step_down(form, request, read_body(error.body, error.message))
        return Reformed(self._endpoint.redacted(error.message)) if refused else failed

    def _format(self, model: str) -> RequestFormat:
        if model not in self._formats:
            self._formats[model] = load_format(self._endpoint, model, self._facts)
        return self._formats[model]


def load_format(endpoint: Endpoint, model: str, facts: Facts | None = None) -> RequestFormat:
    """Return the form of requests to `model` at the endpoint: the one in `facts`, or the one of the endpoint's profile.

    A store that cannot be written remembers nothing. That costs the next run a refused request or two.
    """
    name = f"forms {endpoint.id}"

    def remember(form: RequestForm) -> None:
        if facts is not None:
            with suppress(RunFolderError):
                facts.remember(name, (facts.recall(name) or {}) | {model: form.to_dict()})

    stored = (facts.recall(name) or {}).get(model) if facts is not None else None
    return RequestFormat(profile_of(endpoint.url, model), RequestForm.from_dict(stored), remember=remember)


@contextmanager
def sync_client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    """Yield the SDK's client for files and batches.

    It does not retry: a submission without an answer may have been accepted.
    """
    import openai

    with openai.OpenAI(
        api_key=endpoint.key or _NO_KEY, base_url=endpoint.url, max_retries=0, timeout=endpoint.settings.timeout_s
    ) as client:
        yield client


def attempt_error(error: Exception) -> AttemptError:
    """Return what an exception of one attempt stands for. A ValueError stands for an unreadable answer."""
    import openai

    if isinstance(error, openai.APIStatusError):
        status, headers = error.status_code, error.response.headers
        return AttemptError(of_status(status, read_body(error.body, error.message), headers), headers, status)
    if isinstance(error, openai.APIConnectionError):
        return AttemptError(_of_connection(error))
    if isinstance(
        error, http_library().HTTPError
    ):  # while a file was read: there the SDK does not wrap the transport's own errors
        return AttemptError(Failure("attempt", "connection", str(error) or type(error).__name__))
    return AttemptError(unreadable(error))


@contextmanager
def attempt_errors() -> Iterator[None]:
    """Raise exceptions of the SDK and its transport as AttemptError."""
    import openai

    try:
        yield
    except (openai.APIError, ValueError, http_library().HTTPError) as error:
        raise attempt_error(error) from None


def _of_connection(error: openai.APIConnectionError) -> Failure:
    import openai

    causes = list(_causes(error))
    of_aiohttp = [cause for cause in causes if type(cause).__module__.startswith("aiohttp")]
    names = {cls.__name__ for cause in (of_aiohttp or causes)[:1] for cls in type(cause).__mro__}
    no_contact = bool(names & (_NO_CONTACT_AIOHTTP if of_aiohttp else _NO_CONTACT))
    late = "SocketTimeoutError" in names or (isinstance(error, openai.APITimeoutError) and not of_aiohttp)
    if late and not no_contact:
        return timed_out()
    detail = str(causes[0] if causes else error) or "the connection was lost"
    return Failure("attempt", "connection", detail, unbilled=no_contact, no_contact=no_contact, away=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    while error.__cause__ is not None:
        error = error.__cause__
        yield error


def _transport(timeout: openai.Timeout, connections: int) -> Any:
    """Return the SDK's fastest client with room for `connections`. Without a number, aiohttp's own default is 100."""
    import openai

    async def begin(response: Any) -> None:
        _began.get()()

    limits = http_library().Limits(max_connections=connections, max_keepalive_connections=connections)
    hooks = {"response": [begin]}
    try:
        return openai.DefaultAioHttpClient(timeout=timeout, limits=limits, event_hooks=hooks)
    except RuntimeError:  # the extra is not installed
        return openai.DefaultAsyncHttpxClient(timeout=timeout, limits=limits, event_hooks=hooks)


def http_library() -> Any:
    """Return the HTTP library that the installed SDK uses."""
    import openai

    return importlib.import_module("httpx" if int(openai.__version__.partition(".")[0]) < 3 else "httpx2")


def _unmapped_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that the SDK does not wrap: aiohttp's errors for a response that is not HTTP."""
    try:
        import aiohttp
    except ImportError:
        return ()
    return (aiohttp.ClientError,)

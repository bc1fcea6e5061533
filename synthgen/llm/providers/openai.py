"""OpenAI-compatible endpoints: chat completions, and files and batches through the official SDK.

A call costs the SDK eight times the processor time of the HTTP client alone, so chat completions are posted by
`http_client`, with the headers and the certificates that the SDK uses. Bodies are made here, and answers are read once, as
plain JSON, because the SDK's models require more than servers send. Files and batches are few, and go through the SDK with
its own retries off: two layers of retry multiply attempts and hide 429s.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthgen.config.settings import LLM
from synthgen.errors import ConfigError, RunFolderError
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.key_mask import KeyMask
from synthgen.llm.providers.base import BatchApi, Facts, LimitReading, Provider, ProviderResponse, Reformed, unnoticed
from synthgen.llm.providers.batch_files import BatchFiles
from synthgen.llm.providers.error_body import Complaint, decoded, read_body
from synthgen.llm.providers.errors import of_no_answer, of_status, timed_out, unreadable
from synthgen.llm.providers.foreign import NoAnswer
from synthgen.llm.providers.headers import read_limit
from synthgen.llm.providers.http_client import HttpClient, http_client, through_proxy
from synthgen.llm.providers.logit_bias import token_bias
from synthgen.llm.providers.profiles import LIMITS, Profile, profile_of
from synthgen.llm.providers.request_format import RequestForm, RequestFormat
from synthgen.llm.providers.response import parse_completion
from synthgen.llm.providers.sent_text import SentText
from synthgen.records import Completion, Request

if (_sdk_logger := logging.getLogger("openai")).level == logging.NOTSET:
    _sdk_logger.setLevel(logging.WARNING)  # like those of all other libraries, at the import of `synthgen`

if TYPE_CHECKING:
    import aiohttp
    import openai

    from synthgen.llm.endpoint import Endpoint

__all__ = [
    "PROVIDER",
    "ChatConnection",
    "OpenAICompatible",
    "attempt_error",
    "http_library",
    "load_format",
    "request_headers",
    "sync_client",
]

_OWN = "https://api.openai.com/v1"
_OWN_HOSTS = (".openai.com",)
_NO_KEY = "no-key"  # local servers require a key and ignore its value
_NO_KEY_MASK = KeyMask("")
_NOT_SENT = ("x-stainless-", "host", "content-length", "connection", "accept-encoding")
"""Beginnings of the SDK's headers that are left out: what it tells every server about this machine, and what belongs to
the client that sends."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_NO_CONTACT = {"ConnectError", "ConnectTimeout"}  # exceptions of httpx and httpx2 that mean that no connection was made


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
        url, tls = f"{endpoint.url}/chat/completions", http_library().create_ssl_context()
        headers = await request_headers(endpoint)
        for name, value in headers.items():
            if not value.isprintable():
                raise ConfigError(
                    f"The header {name} has a line end or another control character in it, from an environment variable."
                )
        settings = endpoint.settings
        async with http_client(url, headers, settings.connect_timeout_s, tls, max_mb=settings.max_response_mb) as client:
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
            format = load_format(endpoint, model, facts)
            yield BatchFiles(client, endpoint, model, format.body, partial(attempt_errors, endpoint.mask))


PROVIDER = OpenAICompatible()


class ChatConnection:
    """One client, and the form of request for each model."""

    def __init__(self, client: HttpClient, endpoint: Endpoint, facts: Facts | None) -> None:
        self._client = client
        self._endpoint = endpoint
        self._facts = facts
        self._formats: dict[str, RequestFormat] = {}

    async def complete(self, request: Request, *, shards: int = 1, began: Callable[[], None] = unnoticed) -> ProviderResponse:
        format = self._format(request.model)
        form, fields = format.form, format.body(request, shards=shards)
        try:
            body = _JSON.encode(fields).encode("utf-8", "replace")
            response, content = await self._client.post(body, {"X-Client-Request-Id": request.key}, began)
            if not 200 <= response.status < 300:
                raise self._refused(response, content, request, format, form)
            completion = self._parsed(request, content)
        except NoAnswer as found:
            failure, told = of_no_answer(found, response.headers), found.error.complaint if found.error else None
            raise self._failed(failure, told, response, request, format, form) from None
        except ValueError as problem:
            raise AttemptError(unreadable(problem)) from None
        format.worked(form)
        return ProviderResponse(completion, response.headers)

    def proven(self, model: str) -> bool:
        return self._format(model).proven

    def _parsed(self, request: Request, content: bytes) -> Completion:
        """Return the completion. What is said of content that has none quotes it, without the key and cut."""
        try:
            return parse_completion(request, content)
        except ValueError:
            return parse_completion(request, self._endpoint.mask.content(content))

    def _refused(
        self, response: aiohttp.ClientResponse, content: bytes, request: Request, format: RequestFormat, form: RequestForm
    ) -> Reformed | AttemptError:
        body = decoded(self._endpoint.mask.content(content))
        told = _redirect(response.status, response.headers) or read_body(body, response.reason or "", SentText.of(request))
        return self._failed(of_status(response.status, told, response.headers), told, response, request, format, form)

    def _failed(
        self,
        failure: Failure,
        told: Complaint | None,
        response: aiohttp.ClientResponse,
        request: Request,
        format: RequestFormat,
        form: RequestForm,
    ) -> Reformed | AttemptError:
        """Return the failure to raise, or that the form of requests has changed because of what the server `told`."""
        if told is not None and failure.reason == "bad_request" and format.step_down(form, request, told):
            return Reformed(self._endpoint.redacted(told.message))
        return AttemptError(failure, response.headers, response.status)

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


def _redirect(status: int, headers: Mapping[str, str]) -> Complaint | None:
    """Return what is said of a redirect, which is never followed; None for any other response."""
    if status >= 400 or "location" not in headers:
        return None
    return Complaint(f"it redirects to {headers['location']}", "")


async def request_headers(endpoint: Endpoint) -> dict[str, str]:
    """Return the headers that the SDK gives a chat completion: the key, and for OpenAI the organization and the project.

    A transport that sends nothing keeps them.
    """
    import openai

    http, sent = http_library(), dict[str, str]()

    def keep(request: Any) -> Any:
        sent.update(request.headers)
        return http.Response(200, json={})

    transport = http.AsyncClient(transport=http.MockTransport(keep))
    async with openai.AsyncOpenAI(
        api_key=endpoint.key or _NO_KEY, base_url=endpoint.url, max_retries=0, http_client=transport
    ) as client:
        _keep_to_the_owner(client, endpoint)
        await client.post("/chat/completions", cast_to=http.Response, body={})
    return {name: value for name, value in sent.items() if not name.lower().startswith(_NOT_SENT)}


@contextmanager
def sync_client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    """Yield the SDK's client for files and batches.

    It does not retry: a submission without an answer may have been accepted. It follows no redirect and sends no cookie
    back.
    """
    import openai

    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    http = openai.DefaultHttpxClient(base_url=endpoint.url, follow_redirects=False, cookies=no_cookies)
    with openai.OpenAI(
        api_key=endpoint.key or _NO_KEY,
        base_url=endpoint.url,
        max_retries=0,
        timeout=endpoint.settings.timeout_s,
        http_client=http,
    ) as client:
        _keep_to_the_owner(client, endpoint)
        yield client


def _keep_to_the_owner(client: openai.OpenAI | openai.AsyncOpenAI, endpoint: Endpoint) -> None:
    """Forget the organization and the project of the environment, unless the endpoint is that of OpenAI, which gave them."""
    host = urlsplit(endpoint.url).hostname or ""
    if not host.endswith(_OWN_HOSTS):
        client.organization = client.project = None


def attempt_error(error: Exception, mask: KeyMask = _NO_KEY_MASK) -> AttemptError:
    """Return what an exception of the SDK stands for. A ValueError stands for an unreadable answer."""
    import openai

    if isinstance(error, openai.APIStatusError):
        status, headers = error.status_code, error.response.headers
        told = _redirect(status, headers) or read_body(mask.value(error.body), mask.text(error.message))
        return AttemptError(of_status(status, told, headers), headers, status)
    if isinstance(error, openai.APIConnectionError):
        return AttemptError(_of_connection(error))
    if isinstance(
        error, http_library().HTTPError
    ):  # while a file was read: there the SDK does not wrap the transport's own errors
        return AttemptError(Failure("attempt", "connection", str(error) or type(error).__name__))
    return AttemptError(of_no_answer(error) if isinstance(error, NoAnswer) else unreadable(error))


@contextmanager
def attempt_errors(mask: KeyMask = _NO_KEY_MASK) -> Iterator[None]:
    """Raise exceptions of the SDK and its transport as AttemptError."""
    import openai

    try:
        yield
    except (openai.APIError, ValueError, http_library().HTTPError) as error:
        raise attempt_error(error, mask) from None


def _of_connection(error: openai.APIConnectionError) -> Failure:
    import openai

    cause = error.__cause__
    no_contact = type(cause).__name__ in _NO_CONTACT
    if isinstance(error, openai.APITimeoutError) and not no_contact:
        return timed_out()
    detail = (str(cause or error) or "the connection was lost") + through_proxy(str(error.request.url))
    return Failure("attempt", "connection", detail, unbilled=no_contact, no_contact=no_contact, away=True)


def http_library() -> Any:
    """Return the HTTP library that the installed SDK uses."""
    import openai

    return importlib.import_module("httpx" if int(openai.__version__.partition(".")[0]) < 3 else "httpx2")

"""Where calls go: a provider, and the settings of the calls.

The key comes from an environment variable, is sent to the endpoint, and goes nowhere else.
"""

from __future__ import annotations

import inspect
import ipaddress
import os
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import SplitResult, urlsplit

from synthgen.config.settings import LLM
from synthgen.errors import ConfigError, ModelError
from synthgen.llm.contract import provider_name, shown
from synthgen.llm.key_mask import MASK, KeyMask, key_mask
from synthgen.llm.providers import PROVIDERS
from synthgen.llm.providers.base import BatchApi, Connection, Facts, Provider
from synthgen.records import Completion
from synthgen.registry import resolve
from synthgen.text.storable import storable

__all__ = ["Endpoint", "is_provider"]

_MAX_SHOWN_CHARS = 500
_QUOTES = ("'", '"', "`")
_NAMES = {"\n": "a line end", "\r": "a line end", "\t": "a tab", " ": "a space"}
_LOCAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider, and the settings of the calls to it."""

    provider: Provider
    settings: LLM

    @classmethod
    def of(cls, provider: str, settings: LLM) -> Self:
        """Return the endpoint of `provider`, a name of the table or a `module:attribute`.

        Raises UnknownNameError, and ConfigError for something that is not a provider.
        """
        found = resolve("provider", provider, PROVIDERS)
        members = [name for name in vars(Provider) if not name.startswith("_")]
        undefined = getattr(found if isinstance(found, type) else type(found), "__abstractmethods__", ())
        if missing := [name for name in members if name in undefined or not hasattr(found, name)]:
            raise ConfigError(
                f"{provider} is not a provider of models: it lacks {', '.join(missing)}. The module synthgen.llm.providers.base "
                "describes what a provider has."
            )
        return cls(_instance(found) if isinstance(found, type) else found, settings)

    @property
    def url(self) -> str:
        """`llm.base_url`, or the provider's own address, without white space around it."""
        return (self.settings.base_url or self.provider.default_url()).strip().rstrip("/")

    @property
    def id(self) -> str:
        """The identifier of the endpoint in request keys."""
        return self.settings.endpoint_id or self.url

    @property
    def key_env(self) -> str:
        """The environment variable that holds the key."""
        return self.settings.api_key_env or self.provider.key_env

    @property
    def key(self) -> str:
        """The key without white space around it, "" where there is none."""
        return os.environ.get(self.key_env, "").strip()

    def check(self, model: str) -> None:
        """Raise before any work: ConfigError for an unusable address or setting, ModelError for a missing key."""
        self._check_address()
        self.provider.check(self.settings, model)

    @asynccontextmanager
    async def connect(self, facts: Facts | None = None) -> AsyncIterator[Connection]:
        """Yield a connection for the running event loop, closed at the end.

        `facts` is where the provider stores the form of requests.
        """
        self._check_address()
        given: object = self.provider.connect(self, facts)
        name = f"{provider_name(self.provider)}.connect"
        if not isinstance(given, AbstractAsyncContextManager):
            if isinstance(given, Coroutine):
                given.close()  # or Python warns that nobody awaits it
            raise ConfigError(
                f"{name} returned {shown(given)}, and must return an asynchronous context manager that yields the connection: "
                "write an asynchronous generator with @contextlib.asynccontextmanager above it."
            )
        async with given as connection:
            if missing := [one for one in ("complete", "proven") if not callable(getattr(connection, one, None))]:
                raise ConfigError(
                    f"{name} yielded {shown(connection)}, and must yield a connection: it lacks {', '.join(missing)}."
                )
            yield connection

    def has_batches(self, model: str) -> bool:
        """Whether the provider has a batch API."""
        return self.provider.batches(self, model, None) is not None

    def check_batches(self, model: str) -> None:
        """Raises ModelError where the provider has no batch API."""
        if not self.has_batches(model):
            raise ModelError(
                f"The provider of {model!r} has no batch API. `synthgen run` asks it call by call, and does not repeat the calls that "
                "are stored."
            )

    def batches(self, model: str, facts: Facts | None = None) -> AbstractContextManager[BatchApi]:
        """The batch API, to be entered. Raises as `check_batches` does."""
        self._check_address()
        self.check_batches(model)
        api = self.provider.batches(self, model, facts)
        assert api is not None  # noqa: S101 - checked above
        return api

    @property
    def mask(self) -> KeyMask:
        """What takes the key out of what the server sent. A provider applies it before it cuts a text."""
        return key_mask(self.key)

    def masked(self, completion: Completion) -> Completion:
        """Return a completion without the key in any of its texts."""
        texts = (completion.text, completion.finish_reason, completion.refusal or "", completion.model)
        mask, together = self.mask, "\n".join(texts)
        if mask.text(together) == together:  # as nearly always: one search in place of four
            return completion
        text, finish_reason, refusal, model = map(mask.text, texts)
        return replace(completion, text=text, finish_reason=finish_reason, refusal=refusal or completion.refusal, model=model)

    def masked_id(self, identifier: str) -> str:
        """Return the provider's identifier of a file or a batch. Raises ModelError for one with the key in it, which
        must not be stored.
        """
        if MASK in self.mask.text(identifier):
            raise ModelError(
                f"{self.url} repeats the key of {self.key_env} in the identifiers of its files or batches, and a key is never stored. "
                "`synthgen run` asks it call by call."
            )
        return identifier

    def redacted(self, text: str) -> str:
        """Return a server's message as it may be stored and shown: without the key, which some servers repeat, and cut
        short.

        Lone surrogates become question marks.
        """
        key, text = self.key, self.mask.text(text)
        return storable(text.replace(key, MASK) if key else text)[:_MAX_SHOWN_CHARS]  # cut last, or half a key would be left

    def _check_address(self) -> None:
        url = self.url
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is not a number, half an IPv6 address
            usable = False
        if not usable or _unseen(url):  # `urlsplit` passes over line ends and tabs
            raise ConfigError(f"llm.base_url = {url!r} is not a web address. Give it like {self.provider.example_url}.")
        if parts.username or parts.password or parts.query or parts.fragment:
            shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
            raise ConfigError(
                f"llm.base_url ({shown} …) has credentials or a query in it, and it is written into the run folder. Give the address "
                f"alone and put the key into the environment variable {self.key_env}."
            )
        if problem := _problem_of_key(self.key):
            raise ModelError(f"The key in {self.key_env} {problem}. Copy it again, as one line and nothing but the key.")
        if not self.key and not _is_local(parts):
            raise ModelError(
                f"No key: the environment variable {self.key_env} is not set, and {parts.hostname} is not on a local network. "
                f"Run `export {self.key_env}=…`, or name another variable with --set llm.api_key_env=NAME, or use "
                "--base-url for a local server, or --model extractive, which needs neither."
            )


def _problem_of_key(key: str) -> str:
    """Return why `key` cannot be one, for people and without repeating it; "" where it can."""
    if not key.isascii():
        return f"has characters that do not occur in keys ({_names(c for c in key if not c.isascii())})"
    if key[:7].casefold() == "bearer ":
        return "begins with the word Bearer, which is added when it is sent"
    if found := _unseen(key):
        return f"has characters that do not occur in keys ({_names(found)})"
    if key[:1] in _QUOTES or key[-1:] in _QUOTES:
        return "has quotation marks around it"
    return ""


def _unseen(text: str) -> str:
    """Return the white space, control characters and invisible characters of a text."""
    return "".join(c for c in text if c.isspace() or not c.isprintable())


def _names(characters: Iterable[str]) -> str:
    """Return the names of characters, or their code points, each once."""
    names = (_NAMES.get(c) or f"U+{ord(c):04X}" for c in characters)
    return ", ".join(list(dict.fromkeys(names))[:3])


def is_provider(found: object) -> bool:
    """Whether an object that a `module:attribute` names, or the class, is made as a provider."""
    return all(hasattr(found, name) for name in ("connect", "default_url"))


def _instance(provider: type[Provider]) -> Provider:
    try:
        inspect.signature(provider).bind()
    except TypeError as error:
        raise ConfigError(
            f"The provider {provider_name(provider)} cannot be created without arguments: {error}. Give its parameters defaults, or "
            "name an object of the module instead of the class."
        ) from None
    return provider()


def _is_local(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:  # a name: of this machine, of a container, or of the local network
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)

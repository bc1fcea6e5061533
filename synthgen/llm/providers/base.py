"""The interface between the engine and a provider, and how to add a provider.

A provider is one file and one line in `PROVIDERS` (`synthgen.llm.providers`). Your own provider needs no line: with
`--model package.module:attribute/NAME`, `attribute` of `package.module` is the provider (its class, or an object) and
NAME is the model. What to write, in this order:

1. The class. Derive it from `Provider`, which has a default for everything that is optional. It is created without
   arguments. Give `key_env` (the environment variable of the key), `default_url()` (where calls go unless
   `llm.base_url` is set) and `example_url` (a sample address, for messages).
2. The connection. `connect` is an asynchronous context manager, entered once for each fill, which yields a `Connection`
   with one HTTP client. `endpoint` has the address (`endpoint.url`), the key (`endpoint.key`) and the settings. Switch
   off the client's own retries: the engine does the waiting, and two layers of retry multiply attempts and hide
   refusals.
3. The request. `Connection.complete` sends one `Request`: its `messages`, its JSON `schema` in whatever form the API
   takes one (leaving it out is fine: the prompt describes the form in words), and its `sampling`, of which every name
   is optional: `max_output_tokens`, `temperature`, `top_p`, `seed`, `stop`, `logit_bias` and `extra_body` (fields that
   are sent as they are). It makes one attempt. It calls `began` when the headers of the answer have arrived, and lets a
   cancellation through: the engine bounds the whole answer, and says which part was late. The only time limit of the
   provider's own is the one of connecting, `settings.connect_timeout_s`.
4. The answer. Return a `ProviderResponse` with a `Completion` and the headers. Its `finish_reason` is "length" where
   the output limit cut the answer, "content_filter" where the provider withheld it, and anything else otherwise.
   `refusal` is the model's refusal where the API has a place for one. `usage` counts all tokens that are paid for:
   `output` includes reasoning, and `prompt` includes `cached` and `written`. Where the API sends no usage, count with
   `synthgen.text.tokenizer.get_tokenizer` and set `estimated`; a cap then charges the worst case. An answer whose
   `usage` is left out is charged at its worst case, too, and stored as one of unknown cost. An answer of another form,
   or with another `request_key` than the request's, ends the run.
5. The errors. Raise `AttemptError` with a `Failure` (`synthgen.llm.failure`) and the headers, for every error of an
   attempt: the client's own exceptions, a connection that takes too long, and answers that cannot be read. `scope` is
   what is lost: the attempt, the call or the run. `busy` informs the limiter, `wait_s` is how long the server asks to
   wait, and `unbilled` keeps a rejected request from being charged. An exception of any other kind ends the run.
   `of_status` (`synthgen.llm.providers.errors`) maps HTTP statuses to their usual meanings, with the `Complaint` that
   `read_body` (`synthgen.llm.providers.error_body`) finds in the body of the response, decoded JSON or plain text.
   Nothing is concluded from what the body repeats of the request (`synthgen.llm.providers.sent_text`):

       complaint = read_body(body, response.reason, SentText.of(request))
       raise AttemptError(of_status(status, complaint, headers), headers, status)
6. The limits. `read_limit` reads the limits per minute from the headers of an answer. Without it, limits are learned
   from refusals, at the price of some refusals. A reading with a limit of 0 or less, or with a number that is not
   finite, is ignored.
7. The form of requests, where servers differ in what they accept. Change it when a field is refused, and raise
   `Reformed`: the same request is sent again at once, and this counts as no attempt. A request that is changed twenty
   times ends the run. `proven` is whether a request in the present form was answered; until then the calls go one by
   one. `facts` stores the findings, in the call store. The request's key does not depend on the form.
8. The bound of an answer. `output_bound` must cover every field of `extra_body` that raises the output limit. Otherwise
   a cap on tokens or cost can be exceeded.
9. A batch API, if there is one: `batches` returns a context manager of a `BatchApi`.

Tokens are counted by the name of the model (`synthgen.text.tokenizer`), whoever serves it. Prices come from the table
`llm.prices`. A name that is in neither is estimated and has no price, and both are reported.

`tests/support/second_provider.py` is a complete provider of another wire format in about a hundred lines.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from synthgen.config.settings import LLM
from synthgen.llm.failure import Failure
from synthgen.records import Completion, Request

if TYPE_CHECKING:
    from synthgen.llm.endpoint import Endpoint

__all__ = [
    "BatchApi",
    "BatchLine",
    "BatchStatus",
    "Connection",
    "Facts",
    "LimitReading",
    "Provider",
    "ProviderResponse",
    "ReadLimit",
    "Reformed",
    "unnoticed",
]


class Reformed(Exception):
    """The endpoint refused the form of the request, and the form has been changed: send it again. Nothing was spent."""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """An answer with its headers. Header names are in lower case, or the mapping ignores case."""

    completion: Completion
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LimitReading:
    """One resource as one answer reports it. `limit` is positive and per minute; None is a value that was not reported."""

    limit: float | None
    remaining: float | None
    reset_s: float | None


class ReadLimit(Protocol):
    """Reads the limit on `requests` or `tokens` from headers; None when they have none."""

    def __call__(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None: ...


class Facts(Protocol):
    """Where a provider stores what it finds out about endpoints: a `CallStore`. Values are any JSON value.

    A name begins with a word of the provider and contains the endpoint's `id`. `remember` raises RunFolderError where
    the store cannot be written; a provider that ignores the error finds out again next time.
    """

    def remember(self, name: str, value: Any) -> None: ...

    def recall(self, name: str) -> Any: ...


def unnoticed() -> None:
    """Do nothing: the default of `began`."""


class Connection(Protocol):
    """One client for one event loop."""

    async def complete(self, request: Request, *, shards: int = 1, began: Callable[[], None] = unnoticed) -> ProviderResponse:
        """Make one attempt.

        `shards` is the number of prompt-cache keys to spread calls over, for a provider with such keys. `began` is called
        when the headers of the answer have arrived.

        Raises AttemptError; Reformed when the request is to be sent again in another form; ConfigError before anything
        is sent.
        """
        ...

    def proven(self, model: str) -> bool:
        """Whether the form of requests to `model` is known to work. Until then one call goes alone."""
        ...


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A batch as the provider reports it: its own word for the `state`, and whether that is final.

    `answered` and `failed` count requests, `files` names the files to download, `messages` are complaints about the
    batch.
    """

    state: str
    ended: bool = False
    answered: int = 0
    failed: int = 0
    files: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchLine:
    """The result of one request: a completion, or an empty completion and the `failure` in its place.

    `answered` is set when the model did its work, so that it is paid for, even if the answer cannot be read.
    """

    completion: Completion
    failure: Failure | None = None
    answered: bool = True

    @property
    def key(self) -> str:
        return self.completion.request_key


class BatchApi(Protocol):
    """The batches of one endpoint, for one model. Raises ModelError or StoppedEarly when the endpoint does not work.

    A batch is made in two steps, each noted before the next one begins, so that a kill never makes anything paid for
    twice: `upload` stores a file of lines, `create` makes a batch of it. A provider that takes the lines in the second
    step does nothing in the first and returns any word as the id.
    """

    @property
    def max_requests(self) -> int:
        """The most requests in one batch."""
        ...

    @property
    def max_bytes(self) -> int:
        """The most bytes in one file."""
        ...

    def line(self, request: Request) -> bytes:
        """Return a request as a line of the file. The line contains the key, so that the answer can be matched."""
        ...

    def upload(self, path: Path, name: str) -> str:
        """Upload a file under `name` and return its id."""
        ...

    def create(self, file_id: str, path: Path, metadata: Mapping[str, str]) -> str:
        """Return the id of the new batch, or of the one that an earlier attempt without an answer has made.

        `metadata` is kept with the batch; `metadata["synthgen"]` is the id that synthgen gave it.
        """
        ...

    def status(self, batch_id: str) -> BatchStatus | None:
        """Return the present status of a batch; None when the provider does not know it."""
        ...

    def made(self, ids: Collection[str], since: float) -> dict[str, str]:
        """Return synthgen's id -> the provider's, for those of `ids` that the provider has.

        `since` (UNIX time, seconds) is the earliest time of creation.
        """
        ...

    def delete(self, file_id: str) -> None:
        """Delete an input file, so that no batch can be made of it; do nothing where that is impossible."""
        ...

    def download(self, file: str, path: Path) -> bool:
        """Write one of the files of a status to `path`. Returns False when the file is gone."""
        ...

    def read(self, line: bytes) -> BatchLine | None:
        """Read one line of such a file; None for one that is unreadable or names no request."""
        ...


class Provider(Protocol):
    """A way to talk to models. Methods with a body are defaults for derived classes."""

    @property
    def meaning(self) -> str:
        """What its models are, in one line for `synthgen list models`."""
        return "a model of a provider of your own"

    @property
    @abstractmethod
    def key_env(self) -> str:
        """The environment variable that holds the key, unless `llm.api_key_env` names another."""
        ...

    @property
    def example_url(self) -> str:
        """What an address looks like, for messages."""
        return "http://127.0.0.1:8000"

    @abstractmethod
    def default_url(self) -> str:
        """Where calls go when `llm.base_url` is not set."""
        ...

    def describe(self, url: str, model: str) -> str:
        """Describe the endpoint at `url` for the published card of a data set, without the address itself."""
        return "an endpoint of its own kind"

    def check(self, settings: LLM, model: str) -> None:
        """Raise ConfigError, before any work, for settings that this model cannot take."""

    @abstractmethod
    def connect(self, endpoint: Endpoint, facts: Facts | None) -> AbstractAsyncContextManager[Connection]:
        """Return a connection for the running event loop. `facts`, if given, stores the form of requests."""
        ...

    def proven(self, endpoint: Endpoint, model: str, facts: Facts | None) -> bool:
        """Whether the form of requests to `model` is known to work, without a connection."""
        return True

    def read_limit(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None:
        """Return the limit on `requests` or `tokens` in `headers`; None when they have none."""
        return None

    def output_bound(self, request: Request, default: int) -> int:
        """Return the most tokens that the answer to `request` may have, as sent; `default` for a request without a limit."""
        return int(request.sampling.get("max_output_tokens") or default)

    def batches(self, endpoint: Endpoint, model: str, facts: Facts | None) -> AbstractContextManager[BatchApi] | None:
        """Return the batch API, connected when it is entered; None where there is none."""
        return None

"""All that the engine knows of a provider, and how to add one.

A provider is one file and one line in `PROVIDERS` (`synthgen.llm.providers`). One of your own needs no line: with
`--model package.module:attribute/NAME`, `attribute` of `package.module` is the provider (its class, or an object) and NAME is the model. What to write, in
this order:

1. The class. Derive it from `Provider`, which has a default for everything that is optional. It is made without arguments. Give
   `key_env` (the environment variable of the key), `default_url()` (where calls go unless `llm.base_url` says otherwise) and
   `example_url` (what an address looks like, for messages).
2. The connection. `connect` is an asynchronous context manager, entered once for each fill, which yields a `Connection` with one
   HTTP client. `endpoint` has the address (`endpoint.url`), the key (`endpoint.key`) and the settings. Switch off the retries of a
   client that has any: the engine does the waiting, and two layers of retry multiply attempts and hide refusals.
3. The request. `Connection.complete` sends one `Request`: its `messages`, its JSON `schema` in whatever form the API takes one
   (none at all is fine: the prompt describes the form in words), and its `sampling`, of which every name is optional:
   `max_output_tokens`, `temperature`, `top_p`, `seed`, `stop`, `logit_bias` and `extra_body` (fields that are sent as they are).
   It makes one attempt, within `settings.timeout_s`.
4. The answer. Return a `ProviderResponse` with a `Completion` and the headers. Its `finish_reason` is "length" where the output
   limit cut the answer and "content_filter" where the provider withheld it, and anything else otherwise; `refusal` is the
   model's refusal where the API has a place for one. `usage` counts all tokens that are paid for: `output` includes reasoning, and
   `prompt` includes what was `cached` and `written`. Where the API sends no usage, count with
   `synthgen.text.tokenizer.get_tokenizer` and set `estimated`; a cap then charges the worst case.
5. The errors. Raise `AttemptError` with a `Failure` (`synthgen.llm.failure`) and the headers, for every error of an attempt: the
   client's own exceptions, timeouts, and answers that cannot be read. `scope` says whether the attempt, the call or the run is lost;
   `busy` makes the limiter listen, `wait_s` is how long the server asks to wait, `unbilled` is what keeps a rejected request
   from being charged. An exception of any other kind ends the run. `synthgen.llm.providers.errors.of_status` reads the usual
   meanings of HTTP statuses.
6. The limits. `read_limit` reads the limits per minute from the headers of an answer. Without it, limits are learned from
   refusals, which costs some.
7. The form of requests, where servers differ in what they accept. Change it when a field is refused and raise `Reformed`: the
   same request is sent again at once and counts as no attempt. `proven` says whether a request in the present form was answered
   yet; until then the calls go one by one. `facts` remembers what was found out, in the call store. The request's key does not
   depend on the form.
8. The bound of an answer. `output_bound` has to know every field of `extra_body` that raises the output limit, or a cap on tokens
   and cost can be passed.
9. A batch API, if there is one: `batches` returns a context manager of a `BatchApi`.

Tokens are counted by the name of the model (`synthgen.text.tokenizer`), whoever serves it; prices come from the table
`llm.prices`. A name that is in neither is estimated and unpriced, and reported as such.

`tests/support/second_provider.py` is a whole provider of another wire format in about a hundred lines.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
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
]


class Reformed(Exception):
    """The endpoint refused the form of the request, which is now another: send it again. Nothing was spent."""


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """An answer with the headers it came with, whose names are in lower case, or in any case if the mapping ignores it."""

    completion: Completion
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LimitReading:
    """One resource as one answer reports it. `limit` is positive and per minute; None is what was not said."""

    limit: float | None
    remaining: float | None
    reset_s: float | None


class ReadLimit(Protocol):
    """What headers say of `requests` or of `tokens`; None when they say nothing."""

    def __call__(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None: ...


class Facts(Protocol):
    """Where a provider remembers what it found out about endpoints: a `CallStore`. Values are anything that JSON can hold.

    A name begins with a word of the provider's own and has the endpoint's `id` in it. Remembering raises RunFolderError where the
    store cannot be written; a provider that ignores the error finds out again next time.
    """

    def remember(self, name: str, value: Any) -> None: ...

    def recall(self, name: str) -> Any: ...


class Connection(Protocol):
    """One client for one event loop."""

    async def complete(self, request: Request, *, shards: int = 1) -> ProviderResponse:
        """One attempt. `shards` is the number of prompt-cache keys to spread calls over, for a provider that has such keys.

        Raises AttemptError; Reformed when the request is to be sent again in another form; ConfigError before anything is sent.
        """
        ...

    def proven(self, model: str) -> bool:
        """Whether it is known how requests are put to `model`. Until then one call goes alone."""
        ...


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A batch as the provider reports it: its own word for the `state`, and whether that is the end.

    `answered` and `failed` count requests, `files` names what there is to download, `messages` are complaints about the batch.
    """

    state: str
    ended: bool = False
    answered: int = 0
    failed: int = 0
    files: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchLine:
    """What came back for one request: a completion, or the `failure` that stands in its place, beside an empty completion.

    `answered` when the model did its work, so that it is paid for, even if what came cannot be read.
    """

    completion: Completion
    failure: Failure | None = None
    answered: bool = True

    @property
    def key(self) -> str:
        return self.completion.request_key


class BatchApi(Protocol):
    """The batches of one endpoint, for one model. Raises ModelError or StoppedEarly when it cannot be talked to.

    A batch is made in two steps, each of which is noted before the next one begins, so that a kill leaves nothing that is paid for
    twice: `upload` puts a file of lines there, `create` makes a batch of it. A provider that takes the lines with the second step
    has nothing to do in the first, and gives any word as the id.
    """

    @property
    def max_requests(self) -> int:
        """Requests in one batch, at most."""
        ...

    @property
    def max_bytes(self) -> int:
        """Bytes in one file, at most."""
        ...

    def line(self, request: Request) -> bytes:
        """A request as a line of the file, with its key in it, so that its answer can be found."""
        ...

    def upload(self, path: Path, name: str) -> str:
        """The id of a file, once the provider has it, under `name`."""
        ...

    def create(self, file_id: str, path: Path, metadata: Mapping[str, str]) -> str:
        """The id of the new batch, or of the one that an attempt without an answer has made.

        `metadata` is kept with the batch; `metadata["synthgen"]` is our own id of it.
        """
        ...

    def status(self, batch_id: str) -> BatchStatus | None:
        """A batch as it stands; None when the provider has none of that name."""
        ...

    def made(self, ids: Collection[str], since: float) -> dict[str, str]:
        """Our own id -> the provider's, of those batches of ours that it has; made after `since` (seconds, UNIX time)."""
        ...

    def delete(self, file_id: str) -> None:
        """Take an input file away, so that no batch can be made of it; where that is impossible, nothing happens."""
        ...

    def download(self, file: str, path: Path) -> bool:
        """Write one of the files of a status to `path`. False when it is gone."""
        ...

    def read(self, line: bytes) -> BatchLine | None:
        """One line of such a file; None for one that cannot be read, or names no request."""
        ...


class Provider(Protocol):
    """A way to talk to models. Methods with a body are defaults for a class that derives from this one."""

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
        """The endpoint at `url`, for the card of a data set that others read, so without the address itself."""
        return "an endpoint of its own kind"

    def check(self, settings: LLM, model: str) -> None:
        """Raises ConfigError, before any work, for settings that cannot be put to this model."""

    @abstractmethod
    def connect(self, endpoint: Endpoint, facts: Facts | None) -> AbstractAsyncContextManager[Connection]:
        """A connection for the running event loop. `facts` remembers the form of requests, where it is given."""
        ...

    def proven(self, endpoint: Endpoint, model: str, facts: Facts | None) -> bool:
        """Whether it is known, without a connection, how requests are put to `model`."""
        return True

    def read_limit(self, headers: Mapping[str, str], resource: str, /) -> LimitReading | None:
        """What `headers` say of the limit on `requests` or on `tokens`; None when they say nothing."""
        return None

    def output_bound(self, request: Request, default: int) -> int:
        """The most tokens that the answer to `request` may have, as it is sent; `default` where a request has no limit."""
        return int(request.sampling.get("max_output_tokens") or default)

    def batches(self, endpoint: Endpoint, model: str, facts: Facts | None) -> AbstractContextManager[BatchApi] | None:
        """The batch API, connected when it is entered; None where there is none."""
        return None

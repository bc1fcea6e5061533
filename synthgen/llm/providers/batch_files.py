"""The Batch API of chat completions: files up, batches, files down.

    up      {"custom_id": KEY, "method": "POST", "url": "/v1/chat/completions", "body": {…}}
    down    {"custom_id": KEY, "response": {"status_code": 200, "body": {…}} or null, "error": null or {"code", "message"}}

`custom_id` is the request key, so an answer is matched to its request in any order, and is stored where a live call
would have stored it. Every object is read as a plain dictionary, and only ids are required: servers leave out or rename
what the SDK's models insist on. Files go through the disk in both directions, never completely through memory. Failures
that may pass are tried again, as for a live call. The one request that must not be repeated blindly is the creation of
a batch, so an existing one is looked up first.

    validating -> in_progress -> finalizing -> completed       cancelling -> cancelled
              \\-> failed (the file was refused)                 expired (24 hours are over)

A batch that has ended may have an output file and an error file; a request in neither was not answered. Source: OpenAI,
Batch API guide and API reference.

Not covered: deleting files at the provider, where they expire by themselves; windows other than 24 hours; endpoints
other than chat completions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from synthgen.errors import ModelError, StoppedEarly, SynthgenError
from synthgen.llm import stopping as stops
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.base import BatchLine, BatchStatus
from synthgen.llm.providers.error_body import read_body
from synthgen.llm.providers.errors import of_no_answer, of_status, unreadable
from synthgen.llm.providers.foreign import NoAnswer, decoded_answer, not_an_answer
from synthgen.llm.providers.response import read_completion
from synthgen.llm.providers.sent_text import UNKNOWN_TEXT
from synthgen.llm.rate_limit import retry
from synthgen.records import Completion, Request
from synthgen.storage import json_line

if TYPE_CHECKING:
    from synthgen.llm.endpoint import Endpoint

__all__ = ["BatchFiles", "status_of"]

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_PASSED = {"batch_expired": "expired", "batch_cancelled": "cancelled"}  # the provider's word -> the reason

_JSONL = "application/jsonl"
_URL: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_PAGE = 100
_MAX_SKEW_S = 24 * 3600  # between this machine's clock and the provider's, with a wide margin
_MOST_MESSAGES = 3
_NO_SUCH_PLACE = (404, 405, 501)
_ENQUEUED = "token_limit_exceeded"

Object = Mapping[str, Any]
Result = TypeVar("Result")


class BatchFiles:
    """The files and batches of one endpoint, a `BatchApi`.

    Raises ModelError or StoppedEarly when the endpoint does not work.

    `client` is the SDK's. `body` makes the body of a request. `translated` turns exceptions of the client into
    AttemptError.
    """

    max_requests = 50_000
    max_bytes = 200_000_000

    def __init__(
        self,
        client: Any,
        endpoint: Endpoint,
        model: str,
        body: Callable[[Request], Object],
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._model = model
        self._body = body
        self._translated = translated

    def line(self, request: Request) -> bytes:
        return json_line({"custom_id": request.key, "method": "POST", "url": _URL, "body": self._body(request)})

    def read(self, line: bytes) -> BatchLine | None:
        try:
            value = json.loads(self._endpoint.mask.content(line))
            key, response, error = value["custom_id"], value.get("response"), value.get("error")
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        if not isinstance(key, str) or not key.isascii():
            return None
        if not isinstance(response, Mapping):
            return BatchLine(Completion(key, ""), _unanswered(error), answered=False)
        status, body = response.get("status_code"), response.get("body")
        if status not in (200, None):
            failure = of_status(status if isinstance(status, int) else 500, read_body(body, sent=UNKNOWN_TEXT))
            return BatchLine(Completion(key, ""), failure, answered=False)
        try:
            # The messages are not available here. They only matter for an answer without usage; its prompt counts as unknown.
            return BatchLine(read_completion(Request(key, self._model, "", ()), body))
        except NoAnswer as found:
            return BatchLine(Completion(key, ""), of_no_answer(found), answered=found.error is None)
        except ValueError as problem:
            return BatchLine(Completion(key, ""), unreadable(problem))

    def upload(self, path: Path, name: str) -> str:
        def send() -> Object:
            with path.open("rb") as file:
                # As an open file, because the SDK would read a path into memory.
                return self._object(self._client.files.with_raw_response.create(file=(name, file, _JSONL), purpose="batch"))

        return self._id(self._asked(send))

    def create(self, file_id: str, path: Path, metadata: Mapping[str, str]) -> str:
        asked_before = False

        def make() -> str:
            nonlocal asked_before
            if asked_before and (made := self._listed({metadata["synthgen"]}, time.time())):
                return next(iter(made.values()))
            asked_before = True
            raw = self._client.batches.with_raw_response.create(
                input_file_id=file_id, endpoint=_URL, completion_window="24h", metadata=dict(metadata)
            )
            return self._id(self._object(raw))

        return self._asked(make)

    def status(self, batch_id: str) -> BatchStatus | None:
        try:
            return status_of(self._tried(lambda: self._object(self._client.batches.with_raw_response.retrieve(batch_id))))
        except AttemptError as refused:
            if refused.status == 404:
                return None
            self._give_up(refused)

    def made(self, ids: Collection[str], since: float) -> dict[str, str]:
        return self._asked(lambda: self._listed(ids, since))

    def delete(self, file_id: str) -> None:
        with suppress(AttemptError):
            self._tried(lambda: self._client.files.with_raw_response.delete(file_id))

    def download(self, file: str, path: Path) -> bool:
        """Write a file to `path`. Returns False when it is gone: files expire, by default after 30 days."""

        def fetch() -> None:
            with self._client.files.with_streaming_response.content(file) as response, path.open("wb") as written:
                for block in response.iter_bytes():
                    written.write(block)

        try:
            self._tried(fetch)
        except AttemptError as refused:
            if refused.status in (404, 410):
                return False
            self._give_up(refused)
        return True

    def _listed(self, ids: Collection[str], since: float) -> dict[str, str]:
        found: dict[str, str] = {}
        for batch in self._pages(since - _MAX_SKEW_S):
            ours = _mapping(batch.get("metadata")).get("synthgen")
            if ours in ids and batch.get("id"):
                found.setdefault(str(ours), str(batch["id"]))
            if len(found) == len(ids):
                break
        return found

    def _pages(self, since: float) -> Iterator[Object]:
        """Yield pages of batches, newest first, back to `since`."""
        last = ""
        while True:
            after: dict[str, Any] = {"after": last} if last else {}
            page = self._object(self._client.batches.with_raw_response.list(limit=_PAGE, **after))
            batches = [_mapping(batch) for batch in page.get("data") or []]
            yield from batches
            ids = [batch["id"] for batch in batches if batch.get("id")]
            created = batches[-1].get("created_at") if batches else None
            too_old = isinstance(created, int | float) and created < since
            if not page.get("has_more") or not ids or ids[-1] == last or too_old:
                return
            last = ids[-1]

    def _object(self, raw: Any) -> Object:
        """Return the JSON object of a response. Raises ValueError when the response is something else, or reports an error."""
        try:
            return _object(raw.content)
        except ValueError:  # whose message quotes the content, so without the key
            return _object(self._endpoint.mask.content(raw.content))

    def _id(self, made: Object) -> str:
        if not made.get("id"):
            raise ModelError(f"{self._endpoint.url} answered without an id, as no Batch API does. Check --base-url.")
        return str(made["id"])

    def _asked(self, action: Callable[[], Result]) -> Result:
        try:
            return self._tried(action)
        except AttemptError as refused:
            self._give_up(refused)

    def _tried(self, action: Callable[[], Result]) -> Result:
        """Return the result of `action`, repeated while its failure may pass. Raises AttemptError."""
        import tenacity

        def attempt() -> Result:
            with self._translated():
                return action()

        def in_vain(failure: Failure) -> bool:
            return _ENQUEUED in failure.detail or failure.ends_after == 1

        policy = retry.policy(self._endpoint.settings, "batch", unless=in_vain)
        return tenacity.Retrying(**policy, sleep=time.sleep)(attempt)

    def _give_up(self, refused: AttemptError) -> NoReturn:
        raise self._error(refused)

    def _error(self, refused: AttemptError) -> SynthgenError:
        failure, url = refused.failure, self._endpoint.url
        detail = self._endpoint.redacted(failure.detail)
        if refused.status in _NO_SUCH_PLACE:
            return ModelError(
                f"{url} has no Batch API ({detail}). `synthgen run` asks it call by call; --base-url names another endpoint."
            )
        if _ENQUEUED in detail:
            return StoppedEarly(
                f"{url} lets no more tokens wait in batches ({detail}). What was submitted before is saved: collect it when it has "
                "ended, then submit again. A single batch that is too large by itself is made smaller by --max-total-tokens."
            )
        if failure.scope == "run" or failure.no_contact or failure.ends_after is not None:
            return stops.hopeless(failure, self._model, self._endpoint, detail)
        if failure.scope == "call":
            return ModelError(f"{url} refused a batch ({detail}).")
        return StoppedEarly(f"{url} has not answered properly ({detail}). All is saved; the same command continues from there.")


def status_of(batch: Object) -> BatchStatus:
    """Return the status of a batch as the API describes it. Its state is "unknown" where the API gives none."""
    state, counts = str(batch.get("status") or "unknown"), _mapping(batch.get("request_counts"))
    done, failed = (counts.get(name) for name in ("completed", "failed"))
    return BatchStatus(
        state,
        state in _ENDED,
        done if isinstance(done, int) else 0,
        failed if isinstance(failed, int) else 0,
        tuple(str(batch[name]) for name in ("output_file_id", "error_file_id") if batch.get(name)),
        tuple(_messages(batch)),
    )


def _messages(batch: Object) -> Iterator[str]:
    """Yield the first complaints about a batch's file, with the numbers of their lines."""
    for error in list(_mapping(batch.get("errors")).get("data") or [])[:_MOST_MESSAGES]:
        error = _mapping(error)
        line = f"line {error['line']}: " if error.get("line") else ""
        advice = " Collect the batches before it, then submit again; --max-total-tokens makes a batch smaller."
        message = error.get("message") or error.get("code") or "no reason given"
        yield f"{line}{message}{advice if error.get('code') == _ENQUEUED else ''}"


def _unanswered(error: Any) -> Failure:
    """Return why a request has no response: the provider never processed it."""
    fields = error if isinstance(error, Mapping) else {}
    code = str(fields.get("code") or "no_response")
    return Failure("attempt", _PASSED.get(code, code), str(fields.get("message") or code), unbilled=True)


def _object(content: bytes) -> Object:
    value = decoded_answer(content)
    if not isinstance(value, Mapping):
        raise ValueError(f"it is {type(value).__name__} instead of an object")
    found = None if value.keys() & {"id", "data"} else not_an_answer(value)
    if found is not None and found.error is not None:
        raise found
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

"""A provider's Batch API: files up, batches, files down.

Every object is read as a plain dictionary, and nothing but an id is relied upon: servers leave out or rename what the SDK's
models insist on. Files go both ways through the disk, never whole through memory. What may pass is tried again, as for a live
call; the one request that must not be repeated blindly is the making of a batch, so it is looked for before it is asked anew.

    validating -> in_progress -> finalizing -> completed       cancelling -> cancelled
              \\-> failed (the file was refused)                 expired (24 hours are over)

Whatever ended may have an output file and an error file; what is in neither was not answered. Source: OpenAI, Batch API guide
and API reference.

Not covered: deleting files at the provider, where they expire by themselves; windows other than 24 hours; other endpoints than
chat completions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from synthgen.config.settings import LLM
from synthgen.errors import ModelError, StoppedEarly, SynthgenError
from synthgen.llm import stopping as stops
from synthgen.llm.providers.errors import Failure, classify
from synthgen.llm.providers.openai import base_url, http_library, redacted
from synthgen.llm.rate_limit import retry
from synthgen.llm.rate_limit.retry import AttemptError

if TYPE_CHECKING:
    import openai

__all__ = ["ENDED", "Provider", "counts_of", "messages_of", "state_of"]

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})

_JSONL = "application/jsonl"
_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_PAGE = 100
_MAX_SKEW_S = 24 * 3600  # between this machine's clock and the provider's, and then some
_NO_SUCH_PLACE = (404, 405, 501)
_ENQUEUED = "token_limit_exceeded"

Object = Mapping[str, Any]
Result = TypeVar("Result")


class Provider:
    """The files and batches of one endpoint. Raises ModelError or StoppedEarly when it cannot be talked to."""

    def __init__(self, client: openai.OpenAI, settings: LLM, model: str) -> None:
        self._client = client
        self._model = model
        self._settings = settings

    def upload(self, path: Path, name: str) -> str:
        """The id of a file, once the provider has it, under `name`."""

        def send() -> Object:
            with path.open("rb") as file:
                # As an open file and not as a path, which the SDK would read into memory.
                return _object(self._client.files.with_raw_response.create(file=(name, file, _JSONL), purpose="batch"))

        return self._id(self._asked(send))

    def create(self, file_id: str, metadata: Mapping[str, str]) -> str:
        """The id of the new batch, or of the one that an attempt without an answer has made. `metadata` tells ours apart."""
        asked_before = False

        def make() -> str:
            nonlocal asked_before
            if asked_before and (made := self._listed({metadata["synthgen"]}, time.time())):
                return next(iter(made.values()))
            asked_before = True
            raw = self._client.batches.with_raw_response.create(
                input_file_id=file_id, endpoint=_ENDPOINT, completion_window="24h", metadata=dict(metadata)
            )
            return self._id(_object(raw))

        return self._asked(make)

    def batch(self, batch_id: str) -> Object | None:
        """A batch as it stands; None when the provider has none of that name."""
        try:
            return self._tried(lambda: _object(self._client.batches.with_raw_response.retrieve(batch_id)))
        except AttemptError as refused:
            if refused.status == 404:
                return None
            self._give_up(refused)

    def made(self, ids: Collection[str], since: float) -> dict[str, str]:
        """Our own id -> the provider's, of those batches of ours that it has; made after `since` (seconds, UNIX time)."""
        return self._asked(lambda: self._listed(ids, since))

    def delete(self, file_id: str) -> None:
        """Take an input file away, so that no batch can be made of it; where that is impossible, nothing happens."""
        with suppress(AttemptError):
            self._tried(lambda: self._client.files.with_raw_response.delete(file_id))

    def download(self, file_id: str, path: Path) -> bool:
        """Write a file of the provider to `path`. False when it is gone: they expire, after 30 days by default."""

        def fetch() -> None:
            with self._client.files.with_streaming_response.content(file_id) as response, path.open("wb") as file:
                for block in response.iter_bytes():
                    file.write(block)

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
        """Batches, the newest first, back to `since`."""
        last = ""
        while True:
            after: dict[str, Any] = {"after": last} if last else {}
            page = _object(self._client.batches.with_raw_response.list(limit=_PAGE, **after))
            batches = [_mapping(batch) for batch in page.get("data") or []]
            yield from batches
            known = [batch["id"] for batch in batches if batch.get("id")]
            created = batches[-1].get("created_at") if batches else None
            too_old = isinstance(created, int | float) and created < since
            if not page.get("has_more") or not known or known[-1] == last or too_old:
                return
            last = known[-1]

    def _id(self, made: Object) -> str:
        if not made.get("id"):
            raise ModelError(f"{base_url(self._settings)} answered without an id, as no Batch API does. Check --base-url.")
        return str(made["id"])

    def _asked(self, action: Callable[[], Result]) -> Result:
        try:
            return self._tried(action)
        except AttemptError as refused:
            self._give_up(refused)

    def _tried(self, action: Callable[[], Result]) -> Result:
        """What `action` gives, tried again while its failure may pass. Raises AttemptError."""
        import openai
        import tenacity

        broken = http_library().HTTPError

        def attempt() -> Result:
            try:
                return action()
            except openai.APIStatusError as error:
                raise AttemptError(classify(error), error.status_code) from None
            except (openai.APIError, ValueError) as error:
                raise AttemptError(classify(error)) from None
            except broken as error:  # while a file was read: the SDK lets the transport's own errors through there
                raise AttemptError(Failure("attempt", "connection", str(error) or type(error).__name__)) from None

        policy = retry.policy(self._settings, "batch", unless=lambda failure: _ENQUEUED in failure.detail)
        return tenacity.Retrying(**policy, sleep=time.sleep)(attempt)

    def _give_up(self, refused: AttemptError) -> NoReturn:
        raise self._error(refused)

    def _error(self, refused: AttemptError) -> SynthgenError:
        failure, url = refused.failure, base_url(self._settings)
        detail = redacted(failure.detail, self._settings)
        if refused.status in _NO_SUCH_PLACE:
            return ModelError(
                f"{url} has no Batch API ({detail}). `synthgen run` asks it call by call; --base-url names another endpoint."
            )
        if _ENQUEUED in detail:
            return StoppedEarly(
                f"{url} lets no more tokens wait in batches ({detail}). What was submitted before is saved: collect it when it has "
                "ended, then submit again. A single batch that is too large by itself is made smaller by --max-total-tokens."
            )
        if failure.scope == "run" or failure.no_contact:
            return stops.hopeless(failure, self._model, self._settings, detail)
        if failure.scope == "call":
            return ModelError(f"{url} refused a batch ({detail}).")
        return StoppedEarly(f"{url} has not answered properly ({detail}). All is saved; the same command goes on from there.")


def state_of(batch: Object | None) -> str:
    """The provider's word for where a batch stands; "unknown" when it has none."""
    return str((batch or {}).get("status") or "unknown")


def counts_of(batch: Object | None) -> tuple[int, int]:
    """Requests of a batch that are answered, and that failed, so far."""
    counts = _mapping((batch or {}).get("request_counts"))
    done, failed = (counts.get(name) for name in ("completed", "failed"))
    return (done if isinstance(done, int) else 0, failed if isinstance(failed, int) else 0)


def messages_of(batch: Object | None, most: int = 3) -> list[str]:
    """The first complaints about a batch's file, with the numbers of their lines."""
    found = []
    for error in list(_mapping((batch or {}).get("errors")).get("data") or [])[:most]:
        error = _mapping(error)
        line = f"line {error['line']}: " if error.get("line") else ""
        found.append(f"{line}{error.get('message') or error.get('code') or 'no reason given'}")
        if error.get("code") == _ENQUEUED:
            found[-1] += " Collect the batches before it, then submit again; --max-total-tokens makes a batch smaller."
    return found


def _object(raw: Any) -> Object:
    """Raises ValueError when a response is no JSON object."""
    value = json.loads(raw.content)
    if not isinstance(value, Mapping):
        raise ValueError(f"it is {type(value).__name__} where an object is due")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

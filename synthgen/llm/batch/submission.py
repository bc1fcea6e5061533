"""Submits requests as batches, collects their answers, and cleans up after a kill.

The order of every submission is: claim the requests in the book, upload the file, record it, make the batch, record it.
So whatever is interrupted, the book has the most that can have happened, and `settle` asks the provider what did.

Not covered: which requests a run needs, and how their answers are read; both are given (`synthgen.pipeline.batch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

from synthgen.errors import RunFolderError, SynthgenError
from synthgen.files import scratch_folder
from synthgen.llm import Check
from synthgen.llm.batch.jsonl import read_lines, write_files
from synthgen.llm.batch.ledger import Batch, BatchBook
from synthgen.llm.batch.results import Intake
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.providers.base import BatchApi, BatchStatus
from synthgen.records import Event, OnEvent, Request

__all__ = ["BatchSubmitter"]

_ALL_REFUSED_AFTER = 10
_TELL_EVERY = 500
_FILES_COME_WITHIN = timedelta(days=2)  # of the creation of a batch, which has 24 hours


class BatchSubmitter:
    """The batches of one store at one endpoint, for one model. The provider and the key are only used where necessary.

    Temporary files stand in a folder of their own in `workplace` until the end. `run` names the run in the book and at the
    provider.
    """

    def __init__(self, store: CallStore, endpoint: Endpoint, model: str, *, workplace: Path, run: str) -> None:
        self.book = BatchBook(store)
        self._store = store
        self.endpoint = endpoint
        self._model = model
        self._workplace = workplace
        self._run = run
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    @cached_property
    def _scratch(self) -> Path:
        return self._closing.enter_context(scratch_folder(self._workplace))

    @cached_property
    def _api(self) -> BatchApi:
        return self._closing.enter_context(self.endpoint.batches(self._model, self._store))

    def settle(self) -> None:
        """Find out what became of batches that a kill left half submitted, and free their requests if nothing did.

        Only call this where no other command is submitting to the same store.
        """
        doubtful = [batch for batch in self.book.open() if batch.state == "submitting" and self.is_here(batch)]
        for batch in doubtful:
            if not batch.file_id:
                self.book.close(batch, "not submitted")
        doubtful = [batch for batch in doubtful if batch.file_id and not self._found(batch)]
        for batch in doubtful:
            self._api.delete(batch.file_id)  # so that a request still on its way cannot make a batch of it
            if not self._found(batch):
                self.book.close(batch, "not submitted")

    def submit(
        self,
        asked: Iterable[tuple[Request, str]],
        *,
        max_requests: int | None,
        max_bytes: int | None,
        on_event: OnEvent | None = None,
    ) -> Iterator[Batch]:
        """Put requests (with the names of their steps) into batches, and yield each batch when the provider has it.

        No batch exceeds `max_requests`, `max_bytes` or the provider's limits.
        """
        api, done = self._api, 0
        max_requests = min(max_requests or api.max_requests, api.max_requests)
        max_bytes = min(max_bytes or api.max_bytes, api.max_bytes)
        with self._file("requests") as path:
            for steps in write_files(_counted(asked, on_event), path, api.line, max_requests=max_requests, max_bytes=max_bytes):
                _tell(on_event, "submit", done + len(steps), None, "uploading a file")
                batch = self.book.claim(steps, run=self._run, endpoint=self.endpoint.id)
                try:
                    file_id = self.endpoint.masked_id(api.upload(path, f"synthgen-{batch.id}.jsonl"))
                    self.book.uploaded(batch, file_id)
                    metadata = {"synthgen": batch.id, "run": self._run}
                    batch = self.book.opened(batch, self.endpoint.masked_id(api.create(file_id, path, metadata)))
                except SynthgenError:
                    with suppress(SynthgenError):
                        self.settle()
                    raise
                done += batch.requests
                _tell(on_event, "submit", done, None, f"batch {batch.id} is submitted")
                yield batch

    def is_here(self, batch: Batch) -> bool:
        """Whether a batch is at this endpoint."""
        return batch.endpoint == self.endpoint.id

    def status(self, batch: Batch) -> BatchStatus | None:
        """Return the provider's status of an open batch; None when the batch is unknown to it or at another endpoint."""
        if batch.state != "open" or not self.is_here(batch):
            return None
        status = self._api.status(batch.batch_id)
        return status and replace(
            status,
            state=self.endpoint.redacted(status.state),
            messages=tuple(self.endpoint.redacted(message) for message in status.messages),
        )

    def take(self, batch: Batch, status: BatchStatus, checks: Mapping[str, Check], on_event: OnEvent | None = None) -> Intake:
        """Store the answers of a batch that has ended. `checks` are by step, and have all of its steps.

        Its requests are then free, unless the provider counts answers that have not arrived yet: files may come later.
        """
        intake = Intake(
            batch,
            self._store,
            self.book,
            checks,
            endpoint=self.endpoint,
            all_refused=not status.answered and status.failed >= _ALL_REFUSED_AFTER,
        )
        missing = False
        for name in status.files:
            with self._file("answers") as path:
                if not self._api.download(name, path):
                    missing = True
                    continue
                for taken in intake.take(read_lines(path, self._api.read)):
                    _tell(on_event, "collect", taken, batch.requests, f"batch {batch.id}")
        if missing or intake.answered < status.answered:
            intake.complaint = f"The provider's files hold {intake.answered:,} of {status.answered or batch.requests:,} answers"
            if batch.age < _FILES_COME_WITHIN:
                intake.complaint += " so far: collect again later."
                return intake
            intake.complaint += ": the others are lost."
        self.book.close(batch, status.state)
        return intake

    def _found(self, batch: Batch) -> bool:
        """Whether the provider has a batch that was being made. If so, the book records it."""
        made = self._api.made({batch.id}, datetime.fromisoformat(batch.created).timestamp())
        if batch.id in made:
            self.book.opened(batch, self.endpoint.masked_id(made[batch.id]))
        return batch.id in made

    @contextmanager
    def _file(self, name: str) -> Iterator[Path]:
        """Yield a path for a temporary file."""
        try:
            yield self._scratch / f"{name}.jsonl"
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunFolderError(
                f"{self._workplace} could not be written: {reason}. Free disk space or choose another folder."
            ) from error


def _counted(asked: Iterable[tuple[Request, str]], on_event: OnEvent | None) -> Iterator[tuple[Request, str]]:
    for number, one in enumerate(asked, 1):
        if number % _TELL_EVERY == 0:
            _tell(on_event, "submit", number, None, "requests written")
        yield one


def _tell(on_event: OnEvent | None, stage: str, done: int, total: int | None, message: str) -> None:
    if on_event is not None:
        on_event(Event(stage, done, total, message))

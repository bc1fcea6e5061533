"""Half the price for patience: the calls of a run through the provider's Batch API.

    submit     what the store lacks and no batch holds goes up, in as many files as the limits demand
    status     how far each batch of the store is, and what would be submitted now
    collect    what came back goes into the same call store as live answers, read by the same step; the rest is free again

Batches and live runs share every answer. A request is claimed in the store before the provider hears of its batch, and nobody asks
it again until that batch is collected (`llm.batch.ledger`); what a killed command left half done is settled by the next one, which
looks the batch up. To take the same answers twice changes nothing, so `collect` may be killed and repeated, too.

A batch in a form that the endpoint refuses would fail as a whole, hours later. So the very first request to an endpoint and model
is asked live, which finds the form; the store remembers it.

Not covered: cancelling a batch, which the provider's own page does; `collect` then takes what had been answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from synthgen.config.settings import Config
from synthgen.errors import ConfigError, ModelError, RunFolderError, StoppedEarly
from synthgen.llm.batch.ledger import Batch
from synthgen.llm.batch.results import Intake
from synthgen.llm.batch.submission import BatchSubmitter
from synthgen.llm.call_store import CallStore
from synthgen.llm.costs.budget import Budget
from synthgen.llm.costs.prices import load_prices
from synthgen.llm.echo import without_echo
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import fill
from synthgen.llm.model_name import known_forms
from synthgen.llm.providers.base import BatchStatus
from synthgen.llm.reask import RequestStatus, standing
from synthgen.llm.session import Session
from synthgen.pipeline.batch_report import BatchOverview, BatchRow, CollectReport, SubmitReport
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.corpus import keep_corpus, prepare, read_corpus
from synthgen.pipeline.generation import Generator, StoredChunks, make_generator
from synthgen.pipeline.imported import stored_generator
from synthgen.pipeline.lock import hold
from synthgen.pipeline.replacement import check_change, check_documents
from synthgen.pipeline.report_schema import TokenCounts
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import open_store
from synthgen.records import Chunk, OnEvent, Request, Usage

__all__ = ["collect", "status", "submit"]

_PLACES = ("base_url", "store")  # where `collect` will look
_PROBES = 3  # requests asked live until the endpoint has answered one
_KEPT_BY_PROVIDER = timedelta(days=30)  # files of batches, by default


def submit(
    run_folder: str | Path,
    *,
    docs: str | Path | None = None,
    config: Config | None = None,
    on_event: OnEvent | None = None,
    max_requests: int | None = None,
    max_bytes: int | None = None,
) -> SubmitReport:
    """Put every call that a run still needs into batches at the provider; at most `max_requests` and `max_bytes` in each, if given.

    With `docs` the run folder is made, or brought up to date, as `pipeline.run` does; without, it goes on with the chunks it has,
    and `config` may only change how calls are made. Raises StoppedEarly when a cap is reached, after what fits was submitted;
    ModelError for an endpoint without a Batch API; and what `pipeline.run` raises up to its first call.
    """
    folder = prepare(docs, run_folder) if docs is not None else RunFolder(Path(run_folder))
    generator = _generator(folder, config or (Config() if docs is not None else None))
    generator.endpoint.check_batches(generator.model)
    run = RunContext(folder, generator, on_event)
    with folder.held():
        if docs is None:
            _check_unchanged(folder, generator)
        else:
            check_change(folder, generator, update=False)
            corpus = read_corpus(Path(docs), run)
            check_documents(folder, Path(docs), corpus)
            keep_corpus(Path(docs), run, corpus)
        with open_store(generator.config, folder) as store, _alone(store), _desk(run, store) as desk:
            desk.settle()
            return _submitted(_BatchCommand(run, store, desk), max_requests, max_bytes)


def status(run_folder: str | Path) -> BatchOverview:
    """Every batch of the store with what the provider says of it, and what `submit` would submit now for this run."""
    folder = RunFolder(Path(run_folder))
    run = RunContext(folder, _generator(folder))
    with open_store(run.config, folder) as store, _desk(run, store) as desk:
        with suppress(RunFolderError), folder.held(), _alone(store):  # somebody at work settles it himself
            desk.settle()
        job = _BatchCommand(run, store, desk)
        rows = [_row(desk, batch, desk.status(batch)) for batch in desk.book.batches()]
        return BatchOverview(what="status", batches=rows, answers=store.totals().ok, **job.names(), **job.left())


def collect(run_folder: str | Path, *, on_event: OnEvent | None = None) -> CollectReport:
    """Take in the answers of every batch that has ended, and free its requests; batches at work are left alone.

    Counts are of this command: `ok` and `failed` (by reason) are in the store now, `to_resubmit` (by reason) came back without an
    answer. Raises ModelError and StoppedEarly when the provider cannot be talked to; what was taken in until then is kept.
    """
    folder = RunFolder(Path(run_folder))
    run = RunContext(folder, _generator(folder), on_event)
    with folder.held(), open_store(run.config, folder) as store, _alone(store), _desk(run, store) as desk:
        desk.settle()
        return _collected(_BatchCommand(run, store, desk))


@dataclass(frozen=True, slots=True)
class _BatchCommand:
    """What one command works with."""

    run: RunContext
    store: CallStore
    desk: BatchSubmitter

    @property
    def generator(self) -> Generator:
        return self.run.generator

    def names(self) -> dict[str, str]:
        """What every report begins with."""
        return {"run": str(self.run.folder.path), "model": self.run.config.model}

    def left(self) -> dict[str, int]:
        """Requests of this run that wait in batches, and those that the next `submit` would submit."""
        found = self.generator.outcomes(self._chunks(), self.store)
        return {"waiting": found.waiting, "to_submit": found.remaining}

    def steps(self) -> Iterator[tuple[str, Any]]:
        """Each paid step with the name that the book knows it by: that of its prompt, as it was when it was asked."""
        for prompt, step in zip(self.generator.prompts, self.generator.steps(), strict=True):
            yield prompt.digest, step

    def standing(self) -> Iterator[tuple[RequestStatus, str]]:
        """How far each request of the run is, with the name of its step."""
        chunks = self._chunks()
        for name, step in self.steps():
            for one in standing(step.requests(chunks), self.store):
                yield one, name

    def shown(self, intake: Intake) -> str:
        """The complaint of a batch, without the text of the request that it is about."""
        for one, _ in self.standing() if intake.complained else ():
            for request in (one.request, one.sent):
                if request and request.key == intake.complained:
                    return without_echo(intake.complaint, [message["content"] for message in request.messages])
        return intake.complaint

    def _chunks(self) -> Iterable[Chunk]:
        """The chunks that give rows, read anew for each step; a sample needs them all at once."""
        if self.generator.config.generation.limit is not None:
            return self.generator.asked(list(self.run.folder.read("chunks")))
        return StoredChunks(self.run.folder)


def _submitted(job: _BatchCommand, max_requests: int | None, max_bytes: int | None) -> SubmitReport:
    endpoint, model = job.generator.endpoint, job.generator.model
    endpoint.check(model)
    session = Session.of(endpoint, {model})
    asked_live, on_event = _find_form(job, session), job.run.on_event
    admission = _Admission(job, session.budget)
    made = list(job.desk.submit(admission.requests(), max_requests=max_requests, max_bytes=max_bytes, on_event=on_event))
    submitted = sum(batch.requests for batch in made)
    if admission.cap:
        raise StoppedEarly(
            f"Stopped at {admission.cap}. {submitted:,} requests were submitted in batches, put aside at their worst case; the same "
            "command submits more with the cap anew, or raise it."
        )
    return SubmitReport(
        what="submit",
        batches=[_row(job.desk, batch, BatchStatus("submitted")) for batch in made],
        submitted=submitted,
        asked_live=asked_live,
        waiting_before=admission.waiting,
        **job.names(),
    )


def _find_form(job: _BatchCommand, session: Session) -> int:
    """Ask live until the endpoint has answered once, unless it did in an earlier run; returns how many were asked."""
    endpoint, model = job.generator.endpoint, job.generator.model
    checks, asked = {name: step.check for name, step in job.steps()}, 0
    while not endpoint.provider.proven(endpoint, model, job.store):
        missing = ((one.request, name) for one, name in job.standing() if one.sent and not one.waiting)
        if (first := next(missing, None)) is None:
            return asked
        if asked == _PROBES:
            raise ModelError(
                f"{endpoint.url} refused the first {asked} requests, so no batch was made of the others. "
                f"`synthgen status {job.run.folder.path}` shows the reasons."
            )
        request, name = first
        asking = fill([request], job.store, endpoint, session=session, check=checks[name], total=1, on_event=job.run.on_event)
        run_async(asking)
        asked += 1
    return asked


class _Admission:
    """What is to be submitted, as far as the budget goes. `cap` says which cap ended it, "" when it ended by itself.

    `waiting` counts the requests that were met and wait in a batch already.
    """

    def __init__(self, job: _BatchCommand, budget: Budget) -> None:
        self.cap = ""
        self.waiting = 0
        self._job = job
        self._budget = budget

    def requests(self) -> Iterator[tuple[Request, str]]:
        for one, name in self._job.standing():
            self.waiting += one.waiting
            if one.sent is None or one.waiting:
                continue
            if self._budget.reserve(one.sent, batch=True) is None:
                self.cap = self._budget.cap(one.sent, batch=True)
                return
            yield one.sent, name


def _collected(job: _BatchCommand) -> CollectReport:
    checks = {name: step.check for name, step in job.steps()}
    rows: list[BatchRow] = []
    taken: dict[str, Intake] = {}
    refused: ModelError | None = None
    for batch in job.desk.book.open():
        status = job.desk.status(batch)
        row = _row(job.desk, batch, status)
        rows.append(row)
        ended = status is not None and status.ended
        readable = job.desk.book.steps_of(batch) <= checks.keys()
        if (row.state == "unknown" or (ended and not readable)) and batch.age > _KEPT_BY_PROVIDER:
            job.desk.book.close(batch, row.state)
        elif ended and not readable:
            row.messages.append(f"Its prompts are those of the run {batch.run}, as they were then: collect it from there.")
        elif status is not None and ended:
            try:
                taken[batch.id] = intake = job.desk.take(batch, status, checks, job.run.on_event)
            except ModelError as error:  # of a single file, perhaps: the other batches have their own
                refused = refused or error
            else:
                row.messages += [job.shown(intake)] if intake.complaint else []
    if refused:
        raise refused
    still_open = {batch.id for batch in job.desk.book.open()}
    for row in rows:
        row.collected = row.id not in still_open
    usage, failed, lost = Usage(), Counter[str](), Counter[str]()
    for name, intake in taken.items():
        usage = usage.plus(intake.usage)
        failed.update(intake.failed)
        lost.update(intake.lost if name not in still_open else {})
    return CollectReport(
        what="collect",
        batches=rows,
        ok=sum(intake.ok for intake in taken.values()),
        failed=dict(sorted(failed.items())),
        to_resubmit=dict(sorted(lost.items())),
        unknown=sum(intake.unknown for intake in taken.values()),
        unreadable=sum(intake.unreadable for intake in taken.values()),
        usage=TokenCounts(**usage.to_dict()),
        **_priced(job.generator, usage),
        **job.names(),
        **job.left(),
    )


def _generator(folder: RunFolder, config: Config | None = None) -> Generator:
    """What is asked, by `config` or by the settings that the run folder has. Raises ConfigError for a model without calls."""
    generator = make_generator(config) if config else stored_generator(folder.open()[0], folder)
    if not generator.makes_calls:
        raise ConfigError(
            f"{generator.config.model} makes no calls, so there is nothing to submit. Use --model {known_forms()[0]}."
        )
    return generator


def _check_unchanged(folder: RunFolder, generator: Generator) -> None:
    """Raises ConfigError when the settings ask for something else than the run does, or from somewhere else."""
    config, _ = folder.open()
    changed = folder.changed(generator.facts)
    changed += [name for name in _PLACES if getattr(generator.config.llm, name) != getattr(config.llm, name)]
    if changed:
        raise ConfigError(
            f"`batch submit {folder.path}` goes on with what the run asks, so it cannot change {', '.join(changed)}. "
            "Give the documents, too, and a run folder of its own."
        )


def _desk(run: RunContext, store: CallStore) -> BatchSubmitter:
    path, generator = run.folder.path, run.generator
    return BatchSubmitter(store, generator.endpoint, generator.model, workplace=path, run=path.resolve().name)


@contextmanager
def _alone(store: CallStore) -> Iterator[None]:
    """Other runs may share the store; but only one at a time may claim requests, or settle what was claimed."""
    with hold(store.path.with_name(f".{store.path.name}.batches")):
        yield


def _row(desk: BatchSubmitter, batch: Batch, status: BatchStatus | None = None) -> BatchRow:
    """One batch, for a report. `state` is the provider's word, or ours while it has none."""
    if batch.state == "closed":
        state = batch.ended
    elif not desk.is_here(batch):
        state = "elsewhere"
    else:
        state = (status.state if status else "unknown") if batch.state == "open" else "submitting"
    messages = list(status.messages) if status else []
    if state == "unknown":
        messages.append("The provider does not know it. Is the key of the same project in use that it was submitted with?")
    if state == "elsewhere":
        messages.append(f"It is at {batch.endpoint}: collect it from a run there, here {batch.run}.")
    return BatchRow(
        id=batch.id,
        batch=batch.batch_id,
        run=batch.run,
        endpoint=batch.endpoint,
        created=batch.created,
        state=state,
        requests=batch.requests,
        completed=status.answered if status else 0,
        failed=status.failed if status else 0,
        collected=batch.state == "closed",
        messages=messages,
    )


def _priced(generator: Generator, usage: Usage) -> dict[str, Any]:
    """Dollars of `usage` at the price of batches; None when it is unknown."""
    prices = load_prices(generator.config.llm.prices)
    price = prices.of(generator.model)
    return {"dollars": price.dollars(usage, batch=True) if price else None, "prices_dated": prices.dated.isoformat()}

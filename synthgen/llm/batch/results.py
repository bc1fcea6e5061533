"""Stores the answers of one batch in the call store.

A line gives what the same answer would have given live: a stored call, good or failed, with its usage. What the
provider did not process (expired, 429, 5xx) is counted but not stored, and can be submitted again. A call that is
already stored is not stored twice, so the same file may be read again after a kill.

When every line is a refusal, the settings or the endpoint are wrong, not the passages. Then nothing is stored, because
a stored refusal is never asked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from synthgen.llm import Check
from synthgen.llm.batch.ledger import Batch, BatchBook
from synthgen.llm.call_store import Call, CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.failure import SYSTEMATIC
from synthgen.llm.providers.base import BatchLine
from synthgen.records import Completion, Usage

__all__ = ["Intake"]

_GROUP = 500  # lines looked up and committed at once


class Intake:
    """Stores the lines of `batch`. `checks` has the check of each of its steps.

    - `ok`, `failed` (by reason): requests that are stored now.
    - `lost` (by reason): requests that came back without an answer.
    - `unknown`: lines for requests that were not asked.
    - `unreadable`: lines that are not answer lines.
    - `answered`: lines that hold an answer, to any request.
    - `complaint`: the first refusal that concerns the endpoint or the settings, and `complained`, the key of its request.
    """

    def __init__(
        self,
        batch: Batch,
        store: CallStore,
        book: BatchBook,
        checks: Mapping[str, Check],
        *,
        endpoint: Endpoint,
        all_refused: bool = False,
    ) -> None:
        self.ok = self.unknown = self.unreadable = self.answered = 0
        self.failed: Counter[str] = Counter()
        self.usage = Usage()
        self.complaint = self.complained = ""
        self._batch = batch
        self._store = store
        self._book = book
        self._checks = checks
        self._endpoint = endpoint
        self._all_refused = all_refused
        self._stored: set[str] = set()
        self._lost: dict[str, str] = {}

    @property
    def lost(self) -> dict[str, int]:
        """Requests of the batch that can be submitted again. "missing" are those without a line."""
        missing = self._batch.requests - len(self._stored) - len(self._lost)
        counts = Counter(self._lost.values()) + Counter(missing=missing)
        return dict(sorted(counts.items()))

    @property
    def taken(self) -> int:
        return len(self._stored) + len(self._lost)

    def take(self, lines: Iterable[BatchLine | None]) -> Iterator[int]:
        """Store `lines`, some hundreds at a time, and yield the number of requests accounted for so far."""
        stream = iter(lines)
        while group := list(islice(stream, _GROUP)):
            self._take([self._masked(line) for line in group if line is not None])
            self.answered += sum(line is not None and line.answered for line in group)
            self.unreadable += sum(line is None for line in group)
            yield self.taken

    def _masked(self, line: BatchLine) -> BatchLine:
        failure = line.failure
        failure = failure and replace(failure, reason=self._endpoint.redacted(failure.reason))
        return replace(line, completion=self._endpoint.masked(line.completion), failure=failure)

    def _take(self, lines: list[BatchLine]) -> None:
        keys = {line.key for line in lines}
        steps = self._book.steps(self._batch, sorted(keys))
        before = self._store.get_many(steps)
        calls: dict[str, Call] = {}
        for line in lines:
            if line.key not in steps:
                self.unknown += 1
            elif line.key not in self._stored:
                call = self._call(line, steps[line.key])
                if call is not None:
                    calls[line.key] = call
                    self._count(call)
        self._store.put_many(call for key, call in calls.items() if not _same(before.get(key), call))

    def _call(self, line: BatchLine, step: str) -> Call | None:
        """Return the call of a line; None when the request counts as never sent."""
        failure = line.failure
        if failure is None:
            without_usage = line.completion.usage == Usage()
            return self._finished(line.completion, *self._checks[step](line.completion), uncounted=without_usage)
        refused = failure.scope == "call" and not (self._all_refused and failure.reason in SYSTEMATIC)
        if line.answered or refused:
            return self._finished(line.completion, failure.reason, failure.detail, uncounted=line.answered)
        if failure.scope != "attempt":
            self.complained = self.complained or line.key
            self.complaint = self.complaint or self._endpoint.redacted(failure.detail)
        self._lost[line.key] = failure.reason
        return None

    def _finished(self, completion: Completion, reason: str, detail: str, *, uncounted: bool = False) -> Call:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        detail, unpriced = self._endpoint.redacted(detail), int(uncounted or completion.usage.estimated)
        return Call(completion, "failed" if reason else "ok", reason, detail, created=created, uncounted=unpriced, batch=True)

    def _count(self, call: Call) -> None:
        self._stored.add(call.key)
        self._lost.pop(call.key, None)
        self.usage = self.usage.plus(call.completion.usage)
        if call.status == "ok":
            self.ok += 1
        else:
            self.failed[call.reason] += 1


def _same(before: Call | None, call: Call) -> bool:
    """Whether an answer was stored before: to store a failed one again would count it twice."""
    return before is not None and (before.completion, before.reason) == (call.completion, call.reason)

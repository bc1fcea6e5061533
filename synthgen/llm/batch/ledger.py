"""Records which requests wait in a provider's batches, so that none is paid for twice.

Two tables stand beside the calls, in the same file: `batches` has one row for each batch that this store ever made,
`batched` one for each request that waits in one of them, with the step that can read its answer. A batch is recorded
before the provider hears of it. So a kill can leave a record without a batch (which is looked up at the provider and
settled), but never a batch without a record:

    submitting    its requests are claimed; the provider has its file when `file_id` is set, and may have the batch
    open          the provider has it, as `batch_id`
    closed        its answers are in the store, or it was never made; its requests are free again

A request waits in at most one batch, whichever runs share the store.

Not covered: the progress of a batch. It is asked of the provider (`llm.batch`), and not stored here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from synthgen.errors import RunFolderError
from synthgen.llm.call_store import CallStore
from synthgen.records import digest

__all__ = ["Batch", "BatchBook", "open_batches", "waiting_keys"]

_COLUMNS = "id, run, endpoint, requests, created, state, file_id, batch_id, ended"


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of `requests` requests. `id` is synthgen's id for it, `batch_id` the provider's.

    `run` is the folder of the run that made it, relative to the store's folder. `endpoint` is the endpoint's identifier
    in request keys. `ended` is the state in which the provider left it. `created` is ISO 8601, UTC.
    """

    id: str
    run: str
    endpoint: str
    requests: int
    created: str
    state: str = "submitting"
    file_id: str = ""
    batch_id: str = ""
    ended: str = ""

    @property
    def age(self) -> timedelta:
        return datetime.now(UTC) - datetime.fromisoformat(self.created)


class BatchBook:
    """The batches of one call store, which must be writable."""

    def __init__(self, store: CallStore) -> None:
        self._store = store

    def batches(self) -> list[Batch]:
        """Return every batch that was made or may have been, oldest first."""
        made = "state != 'closed' OR batch_id != ''"
        query = f"SELECT {_COLUMNS} FROM batches WHERE {made} ORDER BY created, id"  # noqa: S608 - constants
        return [Batch(*row) for row in self._store.execute(query)]

    def open(self) -> list[Batch]:
        """Return the batches that are not closed, oldest first."""
        return open_batches(self._store)

    def claim(self, steps: Mapping[str, str], *, run: str, endpoint: str) -> Batch:
        """Record that the requests of `steps` (key -> step) are about to be submitted as one batch.

        Raises RunFolderError when another command that shares the store has claimed one of them in the meantime.
        """
        created = datetime.now(UTC).isoformat()
        batch = Batch(digest([created, *steps])[:32], run, endpoint, len(steps), created)
        values = (batch.id, run, endpoint, batch.requests, created, batch.state, "", "", "")
        self._store.execute_all(
            [
                (f"INSERT INTO batches ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values),  # noqa: S608
                *(
                    ("INSERT INTO batched (key, batch, step) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (key, batch.id, step))
                    for key, step in steps.items()
                ),
            ]
        )
        if self._waiting_in(batch) < len(steps):
            self.close(batch, "claimed by another command")
            raise RunFolderError(
                f"Another command is submitting the same requests to {self._store.path}. Wait until it has ended, then repeat this one."
            )
        return batch

    def uploaded(self, batch: Batch, file_id: str) -> None:
        """Record that the provider has the file; from now on it may have the batch too."""
        self._store.execute("UPDATE batches SET file_id = ? WHERE id = ?", (file_id, batch.id))

    def opened(self, batch: Batch, batch_id: str) -> Batch:
        """Record that the provider has the batch."""
        self._store.execute("UPDATE batches SET state = 'open', batch_id = ? WHERE id = ?", (batch_id, batch.id))
        return replace(batch, state="open", batch_id=batch_id)

    def close(self, batch: Batch, ended: str) -> None:
        """Record that nothing more will come of the batch: its requests are free, answered or not."""
        self._store.execute_all(
            [
                ("UPDATE batches SET state = 'closed', ended = ? WHERE id = ?", (ended, batch.id)),
                ("DELETE FROM batched WHERE batch = ?", (batch.id,)),
            ]
        )

    def steps(self, batch: Batch, keys: Iterable[str]) -> dict[str, str]:
        """Return key -> step for those of `keys` that wait in `batch`; give at most a few hundred keys at once."""
        wanted = list(keys)
        marks = ", ".join("?" * len(wanted))
        query = f"SELECT key, step FROM batched WHERE batch = ? AND key IN ({marks})"  # noqa: S608 - only question marks
        return dict(self._store.execute(query, (batch.id, *wanted)))

    def steps_of(self, batch: Batch) -> set[str]:
        """Return the steps that can read the answers of `batch`."""
        return {step for (step,) in self._store.execute("SELECT DISTINCT step FROM batched WHERE batch = ?", (batch.id,))}

    def _waiting_in(self, batch: Batch) -> int:
        return int(self._store.execute("SELECT count(*) FROM batched WHERE batch = ?", (batch.id,))[0][0])


def open_batches(store: CallStore) -> list[Batch]:
    """Return the batches whose answers are still to be collected, or that a kill left half submitted. Reads only."""
    query = f"SELECT {_COLUMNS} FROM batches WHERE state != 'closed' ORDER BY created, id"  # noqa: S608 - constants
    return [Batch(*row) for row in store.execute(query)]


def waiting_keys(store: CallStore, keys: Iterable[str]) -> set[str]:
    """Return those of `keys` that wait in a batch, so that nothing else may ask them. Reads only."""
    found: set[str] = set()
    stream = iter(keys)
    while some := list(islice(stream, 500)):
        marks = ", ".join("?" * len(some))
        found.update(key for (key,) in store.execute(f"SELECT key FROM batched WHERE key IN ({marks})", some))  # noqa: S608
    return found

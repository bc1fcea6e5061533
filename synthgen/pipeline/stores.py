"""Where the answers of a run are kept: its call store, and the one that it used before.

config.yaml has under `paid` how many answers and batches the store had when the run last closed it, and a 1 as soon as the first
answers are stored. A store that has fewer is not that of the run, or has lost some: nothing is asked again before somebody says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synthgen import storage
from synthgen.config.settings import Config
from synthgen.errors import DamagedFileError, RunFolderError
from synthgen.llm.batch.ledger import open_batches
from synthgen.llm.call_store import Call, CallStore
from synthgen.pipeline.run_folder import RunFolder

__all__ = ["check_paid", "open_store", "store_path", "stored_answers", "stores_before"]


def open_store(config: Config, folder: RunFolder) -> CallStore:
    """The call store of a run, to write to. It takes over what the run has in its folder and in the store that it used last.

    Raises RunFolderError while batches are open there, since their answers would go where nobody looks for them, and what `check_paid`
    raises.
    """
    check_paid(folder, config)
    path = store_path(config, folder.calls)
    others = [other for other in stores_before(folder) if other != path.resolve()]
    for other in others:
        _check_left(other, path, folder)
    store = _RunStore(path, folder)
    for other in others:
        store.merge(other)
    if folder.config.exists() and path.resolve() != _last_store(folder):
        now, stored = folder.open()
        own = path.resolve() == folder.calls.resolve()  # which moves with the folder
        folder.settle(folder.docs(stored), now, store=None if own else str(path.resolve()))
    return store


def check_paid(folder: RunFolder, config: Config) -> None:
    """Raises DamagedFileError when answers that the run has paid for are in none of its stores."""
    paid = _paid(folder)
    paths = {store_path(config, folder.calls).resolve(), *stores_before(folder)} if paid else set()
    found = max((_stored(path) for path in paths if path.exists()), default=0)
    if found < paid:
        last = _last_store(folder)
        has = f"has {found:,} of them" if last.exists() else "is gone"
        raise DamagedFileError(
            f"This run has paid for {paid:,} answers or batches, and {last} {has}.",
            "Nothing was asked. Put the file back from a backup; or, to have the missing ones asked for and paid for again, write "
            f"`paid: 0` in {folder.config}.",
        )


def _paid(folder: RunFolder) -> int:
    """How many answers and batches the run has in its store; in a folder of an earlier version, the answers that its report counts."""
    stored = folder.stored()
    if stored is None:
        return 0
    if stored.get("paid") is not None:
        return int(stored["paid"])
    try:
        return int(storage.read_json(folder.report)["generation"]["calls_ok"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _stored(path: Path) -> int:
    with CallStore(path, read_only=True) as store:
        return store.paid()


class _RunStore(CallStore):
    """A call store whose run folder knows how much of it was paid for."""

    def __init__(self, path: Path, folder: RunFolder) -> None:
        super().__init__(path)
        self._folder = folder
        self._noted = _paid(folder) > 0

    def put_many(self, calls: Iterable[Call]) -> None:
        calls = list(calls)
        super().put_many(calls)
        if not self._noted and any(call.status == "ok" for call in calls):
            self._folder.note(paid=1)
            self._noted = True

    def close(self) -> None:
        with suppress(RunFolderError):  # the store or the disk: what was being done has said so
            if paid := self.paid():
                self._folder.note(paid=paid)
        super().close()


def stores_before(folder: RunFolder) -> list[Path]:
    """The call stores that a run has answers in: its own, and the one it used last."""
    return [path for path in sorted({folder.calls.resolve(), _last_store(folder)}) if path.exists()]


def _last_store(folder: RunFolder) -> Path:
    """Where the calls of a run went last. `llm.store` of config.yaml says where they are to go, and may be newer."""
    return Path((folder.stored() or {}).get("store") or folder.calls).resolve()


def _check_left(path: Path, target: Path, folder: RunFolder) -> None:
    """Raises RunFolderError while the store at `path` has open batches. config.yaml then names it again, for `batch collect`."""
    with CallStore(path, read_only=True) as store:
        if not open_batches(store):
            return
    if folder.config.exists():
        config, stored = folder.open()
        llm = config.llm.model_copy(update={"store": None if path == folder.calls.resolve() else str(path)})
        folder.settle(folder.docs(stored), config.model_copy(update={"llm": llm}))
    raise RunFolderError(
        f"{path} holds batches that are not collected, so this run cannot leave it for {target}. "
        f"`synthgen batch collect {folder.path}` takes in those that have ended."
    )


def store_path(config: Config, default: Path) -> Path:
    """Where answers are kept: `llm.store` if it is set, else `default`."""
    return Path(config.llm.store) if config.llm.store else default


@contextmanager
def stored_answers(path: Path, config: Config, folder: RunFolder) -> Iterator[CallStore | None]:
    """The call store at `path`, to read; None where there is none yet. Raises what `check_paid` raises."""
    check_paid(folder, config)
    if not path.exists():
        yield None
        return
    with CallStore(path, read_only=True) as store:
        yield store

"""Where the answers of a run are kept: its call store, and the one that it used before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.config.settings import Config
from synthgen.errors import RunFolderError
from synthgen.llm.batch.ledger import open_batches
from synthgen.llm.call_store import CallStore
from synthgen.pipeline.run_folder import RunFolder

__all__ = ["open_store", "store_path", "stored_answers", "stores_before"]


def open_store(config: Config, folder: RunFolder) -> CallStore:
    """The call store of a run, to write to. It takes over what the run has in its folder and in the store that it used last.

    Raises RunFolderError while batches are open there, since their answers would go where nobody looks for them.
    """
    path = store_path(config, folder.calls)
    others = [other for other in stores_before(folder) if other != path.resolve()]
    for other in others:
        _check_left(other, path, folder)
    store = CallStore(path)
    for other in others:
        store.merge(other)
    if folder.config.exists() and path.resolve() != _last_store(folder):
        now, stored = folder.open()
        own = path.resolve() == folder.calls.resolve()  # which moves with the folder
        folder.settle(folder.docs(stored), now, store=None if own else str(path.resolve()))
    return store


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
def stored_answers(path: Path) -> Iterator[CallStore | None]:
    if not path.exists():
        yield None
        return
    with CallStore(path, read_only=True) as store:
        yield store

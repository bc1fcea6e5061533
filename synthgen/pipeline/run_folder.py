"""A run folder: what stands where, and whether a run may use it.

    config.yaml       resolved settings, digests of corpus and prompts, versions; never a key
    calls.sqlite      every call: the only state that cost money
    documents.parquet chunks.parquet triples.parquet rejected.parquet skipped.parquet
    candidates.parquet  the rows of an imported run, as they came
    exports/<format>/ train, dev, test
    model/            the tuned bi-encoder
    replaced/N/       rows of before that cost money, as a run folder of their own
    hub/              the data set that `synthgen push` sends, with its card
    verdicts.memo     what filters said of rows, so that a second cut is quick; may be deleted
    report.json       written last; all times stand under `timing`
    run.log           timestamps and events, no document text
    .lock             held by the command at work, and says which that is

The folder is all the state there is. The documents' folder is remembered relative to it, so both may move together
(a shared `llm.store` stays where it is).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from synthgen import storage
from synthgen.config.settings import Config
from synthgen.errors import DISTRIBUTION, ConfigError, RunFolderError
from synthgen.pipeline.lock import hold
from synthgen.records import Chunk, Document, Rejection, Skipped, Triple

__all__ = ["NO_DOCS", "RunFolder"]

NO_DOCS = "-"
"""In place of a folder of documents, where the documents of an imported run are the contexts of its rows."""

_RECORDS: Mapping[str, Any] = {
    "documents": Document,
    "chunks": Chunk,
    "triples": Triple,
    "rejected": Rejection,
    "candidates": Triple,
    "skipped": Skipped,
}


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of a run, and its tables as records."""

    path: Path

    def __post_init__(self) -> None:
        """Raises RunFolderError for a path that is not UTF-8, which not every library can open."""
        try:
            str(self.path).encode("utf-8")
        except UnicodeEncodeError:
            raise RunFolderError(
                f"The name of the run folder {self.path} is not UTF-8 text, so not every library can open its files. Name another."
            ) from None

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def calls(self) -> Path:
        return self.path / "calls.sqlite"

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    @property
    def verdicts(self) -> Path:
        return self.path / "verdicts.memo"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def hub(self) -> Path:
        return self.path / "hub"

    @property
    def report(self) -> Path:
        return self.path / "report.json"

    @property
    def log(self) -> Path:
        return self.path / "run.log"

    def table(self, kind: str) -> Path:
        return self.path / f"{kind}.parquet"

    def write(self, kind: str, records: Iterable[Any]) -> int:
        """Write the table `kind`; returns its rows."""
        return storage.write_table(self.table(kind), kind, (record.to_dict() for record in records))

    def read(self, kind: str) -> Iterator[Any]:
        """The records of a table, streamed. Raises RunFolderError when the run has not got so far, or this is none."""
        if not self.table(kind).exists():
            raise self._without(kind)
        return (_RECORDS[kind].from_dict(row) for row in storage.read_table(self.table(kind)))

    def create(self) -> None:
        """Make the folder; raises RunFolderError where that is impossible or something else stands there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = "it is a file" if self.path.is_file() else error.strerror or str(error)
            raise RunFolderError(f"The run folder {self.path} cannot be made: {reason}. Name another folder.") from None
        foreign = [p.name for p in self.path.iterdir() if not p.name.startswith(".")]
        if foreign and not self.config.exists() and not self.log.exists() and not self.calls.exists():
            raise RunFolderError(
                f"{self.path} is not empty and is not a run folder (it holds {', '.join(sorted(foreign)[:3])}). "
                "Name a new or empty folder, so that nothing of yours is overwritten."
            )

    def _without(self, kind: str) -> RunFolderError:
        stored = self.stored()
        if stored is None:
            return self._no_run()
        docs = self.docs(stored)
        command = f"synthgen run {shlex.quote(os.path.relpath(docs))} {shlex.quote(str(self.path))}"
        again = "the same `synthgen import` command" if str(docs) == NO_DOCS else f"`{command}`"
        return RunFolderError(
            f"The run in {self.path} has no {kind} yet: {self.table(kind)} does not exist. Run {again}, which goes on."
        )

    def _no_run(self) -> RunFolderError:
        """The error of a folder that is none of a run; what to do depends on what stands there."""
        path = shlex.quote(str(self.path))
        if self.path.is_file():
            return RunFolderError(
                f"{self.path} is not a run folder, but a file. Name the folder that `synthgen run DOCS RUN` wrote."
            )
        if not self.path.is_dir():
            return RunFolderError(
                f"{self.path} is not a run folder: it does not exist. Make it with `synthgen run DOCS {path}`."
            )
        held = sorted(p.name for p in self.path.iterdir() if not p.name.startswith("."))
        if not held:
            return RunFolderError(
                f"{self.path} is not a run folder: it is empty. Make a run there with `synthgen run DOCS {path}`."
            )
        return RunFolderError(
            f"{self.path} is not a run folder: it has no config.yaml, but {', '.join(held[:3])}. If these are your documents, "
            f"`synthgen run {path} RUN` makes a run of them in a folder RUN, and RUN is what to name here."
        )

    def held(self) -> AbstractContextManager[None]:
        """Keep other commands out of the folder meanwhile. Raises RunFolderError when one is at work, and says which."""
        return hold(self.path / ".lock")

    def open(self) -> tuple[Config, dict[str, Any]]:
        """The settings of an earlier run, and the rest of its config.yaml. Raises RunFolderError when there is none."""
        stored = self.stored()
        if stored is None:
            raise self._no_run()
        return Config.build(stored["config"]), stored

    def stored(self) -> dict[str, Any] | None:
        """What config.yaml holds, None where there is none yet."""
        if not self.config.exists():
            return None
        try:
            stored = storage.read_yaml(self.config, "run's configuration")
        except ConfigError as error:
            raise RunFolderError(f"{error} Delete it and run again; paid answers are kept.") from None
        if not isinstance(stored, dict) or "config" not in stored:
            raise RunFolderError(f"{self.config} is not a run's configuration. Delete it and run again; paid answers are kept.")
        return stored

    def relative(self, folder: Path) -> str:
        """How this run remembers the folder of its documents, or that of its queries."""
        if str(folder) == NO_DOCS:
            return NO_DOCS
        return Path(os.path.relpath(folder.resolve(), self.path.resolve())).as_posix()

    def queries(self) -> Path | None:
        """The folder of human queries that config.yaml remembers, None for a run without."""
        given = (self.stored() or {}).get("queries")
        return self.path / str(given) if given else None

    def docs(self, stored: Mapping[str, Any]) -> Path:
        """The documents' folder that config.yaml remembers."""
        return Path(NO_DOCS) if stored["docs"] == NO_DOCS else self.path / str(stored["docs"])

    def documents(self, stored: Mapping[str, Any]) -> str:
        """The documents' folder for people: its path from the current folder if it lies below, else the whole path."""
        docs = self.docs(stored)
        if str(docs) == NO_DOCS:
            return NO_DOCS
        whole = Path(os.path.normpath(docs.absolute()))
        return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)

    def changed(self, generation: Mapping[str, Any]) -> list[str]:
        """What of `generation` is not as the run has it."""
        before = (self.stored() or {}).get("generation", {})
        return [name for name, value in generation.items() if before.get(name) != value]

    def settle(self, docs: Path, config: Config, **facts: Any) -> None:
        """Write config.yaml: the settings, and the facts that later commands compare with; those not given stay."""
        kept = {name: value for name, value in (self.stored() or {}).items() if name not in ("synthgen", "docs", "config")}
        content = {"synthgen": version(DISTRIBUTION), "docs": self.relative(docs), **kept, **facts, "config": config.dump()}
        with storage.writing(self.config) as file:
            file.write(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode("utf-8"))

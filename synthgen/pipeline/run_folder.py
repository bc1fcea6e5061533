"""A run folder: what stands where, and whether a run may use it.

    .synthgen.json    says that this is a run folder
    config.yaml       resolved settings, digests of corpus, prompts and tables, versions; never a key
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

config.yaml has the rows and the digest of each table under `tables`. A table that is not as it was written is not read. The folders of
earlier versions have none of them, and their tables are read as far as they can be.
"""

from __future__ import annotations

import os
import reprlib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from synthgen import storage
from synthgen.config.settings import Config
from synthgen.errors import DISTRIBUTION, ConfigError, DamagedFileError, RunFolderError
from synthgen.files import MANIFEST, sweep, sweep_files, writing
from synthgen.llm.call_store import is_call_store
from synthgen.pipeline.lock import hold
from synthgen.records import Chunk, Document, Rejection, Skipped, Triple
from synthgen.text.data import parse_json, parse_yaml

__all__ = ["NO_DOCS", "RunFolder"]

_REPLACED = "replaced"
_DERIVED = ("triples", "rejected")

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


_FACTS: Mapping[str, Any] = {
    "docs": str,
    "config": dict,
    "generation": dict | None,
    "imported": dict | None,
    "tables": dict | None,
    "queries": str | None,
    "store": str | None,
    "paid": int | None,
}
"""What config.yaml holds, as far as it is read again."""

_MARK = {"about": "A run folder of synthgen. Everything in it belongs to the run.", "run": True}


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
    def marker(self) -> Path:
        return self.path / MANIFEST

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
        return self.write_tables({kind: records})[kind]

    def write_tables(self, tables: Mapping[str, Iterable[Any]]) -> dict[str, int]:
        """Write tables, by kind; returns the rows of each. While they are written, config.yaml says nothing of them."""
        self._note_tables(dict.fromkeys(tables))
        written = {
            kind: storage.write_table(self.table(kind), kind, (record.to_dict() for record in records))
            for kind, records in tables.items()
        }
        self._note_tables({kind: storage.table_facts(self.table(kind)) for kind in tables})
        return written

    def remove(self, kind: str) -> None:
        """Delete a table, if there is one."""
        self._note_tables({kind: None})
        self.table(kind).unlink(missing_ok=True)

    def read(self, kind: str) -> Iterator[Any]:
        """The records of a table, streamed.

        Raises RunFolderError when the run has not got so far, or this is none, and DamagedFileError as `check` does.
        """
        self.check(kind)
        return self._read(kind)

    def columns(self, kind: str, *names: str) -> list[dict[str, Any]]:
        """Some columns of a table. Raises what `read` raises."""
        self.check(kind)
        try:
            return list(storage.read_table(self.table(kind), list(names)))
        except DamagedFileError as error:
            raise self._damaged(kind, error.what) from None

    def has(self, kind: str) -> bool:
        """Whether the run has written this table; that it is gone since does not count."""
        return kind in self._tables() or self.table(kind).exists()

    def check(self, kind: str) -> None:
        """Raises RunFolderError for a table that is not written yet, DamagedFileError for one that is not as it was written."""
        path, kept = self.table(kind), self._tables().get(kind)
        if not path.exists():
            raise self._damaged(kind, f"{path} is gone.") if kept else self._without(kind)
        if not path.is_file():
            raise self._damaged(kind, f"{path} is not a file.")
        try:
            found = storage.table_facts(path)
        except DamagedFileError as error:
            raise self._damaged(kind, error.what) from None
        if kept and found != kept:
            had = f"{path} has {found['rows']:,} rows, and {kept['rows']:,} were written."
            raise self._damaged(kind, had if found["rows"] != kept["rows"] else f"{path} is not what was written there.")

    def rows(self, kind: str, default: int) -> int:
        """How many rows were written of a table, `default` where that is not known."""
        return int(self._tables().get(kind, {}).get("rows", default))

    def damaged(self) -> list[DamagedFileError]:
        """What is wrong with tables of the run."""
        found = []
        for kind in _RECORDS:
            try:
                if self.has(kind):
                    self.check(kind)
            except DamagedFileError as error:
                found.append(error)
        return found

    def _read(self, kind: str) -> Iterator[Any]:
        try:
            for row in storage.read_table(self.table(kind)):
                yield _RECORDS[kind].from_dict(row)
        except DamagedFileError as error:
            raise self._damaged(kind, error.what) from None
        except Exception as error:  # noqa: BLE001  (rows of a table without a digest can be anything)
            why = f"{self.table(kind)} is damaged: a row cannot be read ({storage.first_line(error)})."
            raise self._damaged(kind, why) from None

    def _tables(self) -> dict[str, Any]:
        """Rows and digest of each table, as config.yaml has them."""
        return dict((self.stored() or {}).get("tables") or {})

    def _note_tables(self, facts: Mapping[str, Any]) -> None:
        known = {name: value for name, value in {**self._tables(), **facts}.items() if value is not None}
        self.note(tables=dict(sorted(known.items())))

    def create(self) -> None:
        """Make the folder; raises RunFolderError where that is impossible or something else stands there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = "it is a file" if self.path.is_file() else error.strerror or str(error)
            raise RunFolderError(f"The run folder {self.path} cannot be made: {reason}. Name another folder.") from None
        self._claim()

    def _claim(self) -> None:
        """Have the folder say that it is one of a run; raises RunFolderError where it is neither that nor empty."""
        if self._says_so():
            return
        if held := sorted(p.name for p in self.path.iterdir() if not p.name.startswith(".") or p.name == self.marker.name):
            raise RunFolderError(
                f"{self.path} is not empty and is not a run folder (it holds {', '.join(held[:3])}). "
                "Name a new or empty folder, so that nothing of yours is overwritten."
            )
        storage.write_json(self.marker, _MARK)

    def _says_so(self) -> bool:
        """Whether this is a run folder: by its mark or, from earlier versions, by its settings, report or paid calls."""
        if _mapping(self.marker, parse_json).get("run") is True:
            return True
        settings = _mapping(self.config, parse_yaml)
        if {"docs", "config"} <= settings.keys() and isinstance(settings["config"], dict):
            return True
        return {"schema_version", "funnel", "rows"} <= _mapping(self.report, parse_json).keys() or is_call_store(self.calls)

    def unlisted(self, names: str) -> str:
        """The pattern `names` in a run of an earlier version, whose folders have no manifest; "" in any other."""
        return "" if self.marker.exists() else names

    def _without(self, kind: str) -> RunFolderError:
        stored = self.stored()
        if stored is None:
            return self._no_run()
        return RunFolderError(
            f"The run in {self.path} has no {kind} yet: {self.table(kind)} does not exist. Run {self._again(stored)}, which goes on."
        )

    def _damaged(self, kind: str, why: str) -> DamagedFileError:
        if self.path.parent.name == _REPLACED:
            return DamagedFileError(why, "Put it back from a backup: the run has gone on, and has no other copy.")
        if kind in _DERIVED:
            return DamagedFileError(why, f"`synthgen filter {shlex.quote(str(self.path))}` makes it anew, without a call.")
        return DamagedFileError(why, f"Run {self._again(self.stored() or {})}, which makes it anew; paid answers are kept.")

    def _again(self, stored: Mapping[str, Any]) -> str:
        """The command that made the run, as far as it is known."""
        if "docs" not in stored or stored.get("imported"):
            return "the same command again"
        return f"`synthgen run {shlex.quote(os.path.relpath(self.docs(stored)))} {shlex.quote(str(self.path))}`"

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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other commands out of the folder meanwhile. Raises RunFolderError when one is at work, and says which.

        Raises RunFolderError for a folder that is not one of a run, too. What killed commands left there is cleared away.
        """
        if self.path.is_dir():
            self._claim()
        with hold(self.path / ".lock"):
            sweep_files(self.path)
            for folder in (self.path, self.exports):
                sweep(folder)
            yield

    def open(self) -> tuple[Config, dict[str, Any]]:
        """The settings of an earlier run, and the rest of its config.yaml. Raises RunFolderError when there is none."""
        stored = self.stored()
        if stored is None:
            raise self._no_run()
        try:
            return Config.build(stored["config"]), stored
        except ConfigError as error:
            raise self._unreadable(str(error)) from None

    def stored(self) -> dict[str, Any] | None:
        """What config.yaml holds, None where there is none yet."""
        if not self.config.exists():
            return None
        try:
            stored = storage.read_yaml(self.config, "run's configuration")
        except ConfigError as error:
            raise self._unreadable(str(error)) from None
        if not isinstance(stored, dict):
            raise self._unreadable("it holds no settings")
        for name, type_ in _FACTS.items():
            if not isinstance(stored.get(name), type_):
                raise self._unreadable(f"{name} is {reprlib.repr(stored.get(name))}" if name in stored else f"it has no {name}")
        for kind, facts in (stored.get("tables") or {}).items():
            if not (isinstance(facts, dict) and isinstance(facts.get("rows"), int) and isinstance(facts.get("sha256"), str)):
                raise self._unreadable(f"tables.{kind} is {reprlib.repr(facts)}")
        return stored

    def _unreadable(self, why: str) -> RunFolderError:
        return DamagedFileError(
            f"{self.config} is damaged, or not a run's configuration: {why.rstrip('.')}. Put it back from a backup, or move it away and run "
            "again with the settings that the run had; paid answers are kept."
        )

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
        self._settle({"synthgen": version(DISTRIBUTION), "docs": self.relative(docs)}, facts, config.dump())

    def note(self, **facts: Any) -> None:
        """Change facts of config.yaml, where there is one."""
        stored = self.stored()
        if stored is not None and any(stored.get(name) != value for name, value in facts.items()):
            self._settle({"synthgen": stored.get("synthgen"), "docs": stored["docs"]}, facts, stored["config"])

    def _settle(self, made: Mapping[str, Any], facts: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        kept = {name: value for name, value in (self.stored() or {}).items() if name not in ("synthgen", "docs", "config")}
        content = {**made, **kept, **facts, "config": settings}
        with writing(self.config) as file:
            file.write(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode("utf-8"))


def _mapping(path: Path, read: Callable[[str], Any]) -> dict[str, Any]:
    """What a file holds if it is a readable mapping, and else nothing."""
    try:
        found = read(path.read_text(encoding="utf-8")) if path.is_file() and not path.is_symlink() else None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""What a command would replace in a run folder: whether it may, what changes, and what is kept aside before it does.

Rows that cost money, or came from people, are never only overwritten. Before another generator or other answers take their place,
the tables, the report and the settings go to `replaced/1`, `replaced/2`, …, each a run folder that `show` and `export` read. Its
calls are those of the run, which keeps every answer anyway.

A run that made nothing yet, because its key was wrong or nobody answered, holds nothing back.
"""

from __future__ import annotations

import filecmp
import json
import logging
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen.config.settings import Config
from synthgen.errors import DamagedFileError, RunFolderError, SynthgenError
from synthgen.generators import IMPORT
from synthgen.llm.batch.ledger import open_batches
from synthgen.llm.call_store import CallStore
from synthgen.pipeline.corpus import Corpus
from synthgen.pipeline.generation import Generator, make_generator
from synthgen.pipeline.run_folder import NO_DOCS, RunFolder
from synthgen.pipeline.stores import store_path, stores_before

__all__ = ["changes", "check_change", "check_documents", "keep_aside"]

_KEPT = ("documents", "chunks", "triples", "rejected", "skipped", "candidates")
_OF_THE_SAME_FOLDER = 0.5  # share of the documents of before that a moved folder must still hold
_MOST_SHOWN_CHARS = 60

_DIGEST = re.compile(r"[0-9a-f]{16,}")

_log = logging.getLogger("synthgen")


def check_change(folder: RunFolder, generator: Generator, *, update: bool) -> None:
    """Raises RunFolderError for a changed generation without `update`, unless nothing was made yet; names what changes."""
    found = changes(folder, generator.facts)
    if found and not update and not _nothing_made(folder):
        kept = "the present rows are kept in its folder `replaced`, and " if _paid(folder) else ""
        raise RunFolderError(
            f"{folder.path} was generated with other settings ({'; '.join(found)}). "
            f"Add --update to generate again ({kept}answers already paid for stay reusable), or use another run folder."
        )


def check_documents(folder: RunFolder, docs: Path, corpus: Corpus) -> None:
    """Raises RunFolderError for documents that are not those of the run. A folder that was moved or renamed holds the same ones."""
    stored = folder.stored()
    if stored is None or stored["docs"] == folder.relative(docs) or _nothing_made(folder):
        return
    known = _known(folder) if NO_DOCS not in (stored["docs"], str(docs)) else set()
    here = {(document.id, document.sha256) for document in corpus.documents}
    if known and len(known & here) >= _OF_THE_SAME_FOLDER * len(known):
        _log.warning(
            "The documents of %s are read from %s now; before, they were in %s",
            folder.path,
            docs,
            folder.docs(stored).resolve(),
        )
        return
    before = folder.docs(stored)
    whose = "contexts of imported rows" if str(before) == NO_DOCS else f"documents in {before.resolve()}"
    found = f" ({len(known & here):,} of its {len(known):,} documents are there)" if known else ""
    raise RunFolderError(
        f"{folder.path} belongs to the {whose}, not to {docs}{found}. "
        "Use another run folder; `--store` shares paid answers between runs."
    )


def changes(folder: RunFolder, facts: Mapping[str, Any]) -> list[str]:
    """What of a generation is not as the run has it, each as "name changed: from → to"."""
    before = (folder.stored() or {}).get("generation", {})
    changed = sorted(folder.changed(facts))
    if "model" in changed:  # a rule has fewer facts than a model
        changed = ["model", *(name for name in changed if name != "model" and name in before)]
    return [f"{name} changed: {_from_to(before.get(name), facts[name])}" for name in changed] if before else []


def keep_aside(folder: RunFolder, generator: Generator) -> Path | None:
    """Copy the rows of a run before another generator, or other answers, take their place.

    Returns the folder that holds them; None where nothing is replaced, or only rows that rules made.
    """
    stored = folder.stored()
    if stored is None or not folder.table("triples").exists() or not _paid(folder):
        return None
    before, _ = folder.open()
    found = changes(folder, generator.facts)
    if before.answers.enabled and before.answers != generator.config.answers:
        found.append(
            f"answers changed: {_from_to(before.answers.model_dump(mode='json'), generator.config.answers.model_dump(mode='json'))}"
        )
    if not found:
        return None
    kept = _copied(folder, before, stored)
    _log.warning("The rows of before (%s) are kept in %s; `synthgen show %s` reads them", "; ".join(found), kept, kept)
    return kept


def _copied(folder: RunFolder, before: Config, stored: Mapping[str, Any]) -> Path:
    found = (path for path in (folder.path / "replaced").glob("[0-9]*") if path.name.isdecimal())
    earlier = sorted(found, key=lambda path: int(path.name))
    for place in earlier:
        if _same_rows(folder, RunFolder(place)):
            return place
    kept = RunFolder(folder.path / "replaced" / str(1 + (int(earlier[-1].name) if earlier else 0)))
    kept.path.mkdir(parents=True)
    files = [folder.table(kind) for kind in _KEPT] + [folder.report]
    for file in files:
        if file.exists():
            shutil.copy2(file, kept.path / file.name)
    llm = before.llm.model_copy(update={"store": str(store_path(before, folder.calls).resolve())})
    facts = {name: value for name, value in stored.items() if name not in ("synthgen", "docs", "config", "queries", "store")}
    queries = folder.queries()
    kept.settle(
        folder.docs(stored),
        before.model_copy(update={"llm": llm}),
        **facts,
        queries=kept.relative(queries) if queries else None,
        store=llm.store,
    )
    return kept.path


def _same_rows(folder: RunFolder, kept: RunFolder) -> bool:
    pairs = [(folder.table(kind), kept.table(kind)) for kind in ("triples", "rejected")]
    return all(one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False) for one, other in pairs)


def _paid(folder: RunFolder) -> bool:
    """Whether rows of the run cost money, or came from a file."""
    config, _ = folder.open()
    return config.model == IMPORT or "/" in config.model or config.answers.enabled


def _nothing_made(folder: RunFolder) -> bool:
    """Whether the run has neither rows nor an answer that could give one, nor a request in a batch."""
    if folder.table("triples").exists() or folder.table("candidates").exists():
        return False
    return not any(_answers(folder, path) for path in stores_before(folder))


def _answers(folder: RunFolder, path: Path) -> bool:
    with CallStore(path, read_only=True) as store:
        if open_batches(store):
            return True
        if path == folder.calls.resolve():
            return store.totals().ok > 0
        try:  # other runs may share it
            config, _ = folder.open()
            chunks = list(folder.read("chunks")) if folder.table("chunks").exists() else []
            generator = make_generator(config)
            return generator.makes_calls and generator.outcomes(generator.asked(chunks), store).ok > 0
        except SynthgenError:
            return True


def _known(folder: RunFolder) -> set[tuple[str, str]]:
    """Ids and digests of the documents that the run was made of."""
    try:
        rows = folder.columns("documents", "id", "sha256") if folder.has("documents") else []
    except DamagedFileError:
        return set()
    return {(row["id"], row["sha256"]) for row in rows}


def _from_to(before: Any, after: Any) -> str:
    """Two values of a setting, for people; of mappings only what differs."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        if all(_DIGEST.fullmatch(str(value)) for value in (*before.values(), *after.values())):
            return _prompts(before, after)
        names = [
            name for name in (*before, *(name for name in after if name not in before)) if before.get(name) != after.get(name)
        ]
        return ", ".join(f"{name} {_from_to(before.get(name), after.get(name))}" for name in names)
    return f"{_shown(before)} → {_shown(after)}"


def _prompts(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    same = before.keys() == after.keys()
    return (
        f"the text of {', '.join(name for name in after if before[name] != after[name])}"
        if same
        else f"{', '.join(before)} → {', '.join(after)}"
    )


def _shown(value: Any) -> str:
    if value is None or value == {} or value == []:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN_CHARS else f"{text[:_MOST_SHOWN_CHARS]}…"

"""One row with its passages, as each format writes it: the examples of the page on formats."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from synthgen.exporters.context import ExportContext
from synthgen.exporters.formats import FORMATS
from synthgen.records import CLASSIFICATION, Chunk, Distractor, Triple, digest, make_triple
from synthgen.registry import resolve

__all__ = ["example_files"]

_TEXTS = {
    "retention.md": "Snapshots are kept for 30 days. Older ones are removed at night.",
    "restore.md": "A restore writes into a new folder and overwrites nothing.",
    "schedules.md": "A schedule starts a backup every hour, day or week.",
    "network.md": "The agent talks to the server over port 7421.",
    "storage.md": "A repository may stand on a disk or in an object store.",
    "roles.md": "An auditor may read every log and change nothing.",
}


def _chunk(id: str, text: str) -> Chunk:
    return Chunk(f"{id}#0-{len(text)}", id, 0, len(text), text, digest(text), n_tokens=14, language="en", group=digest(id)[:8])


_CHUNKS = {chunk.id: chunk for chunk in (_chunk(id, text) for id, text in _TEXTS.items())}
_SOURCE, *_OTHERS = _CHUNKS.values()
_DISTRACTORS = tuple(Distractor(c.id, "bm25", n, round(4.2 - 0.4 * n, 1), 0.5) for n, c in enumerate(_OTHERS, 1))
_ROW = replace(
    make_triple(_SOURCE, "How long is a snapshot kept?", "30 days", generator="extractive:pattern", quotes=((0, 31),)),
    distractors=_DISTRACTORS,
    scores={"bm25": 5.1},
    reasoning="##begin_quote##Snapshots are kept for 30 days.##end_quote## So the answer is 30 days.",
    metadata={"wrong_answers": ["one year"]},
)
_LABELLED = replace(_ROW, query=_SOURCE.text, answer="storage", kind=CLASSIFICATION, distractors=())
_CONTEXT = ExportContext(_CHUNKS, {}, seed=0, split="train", labels=("network", "storage"))


def example_files(format: str) -> dict[str, dict[str, Any]]:
    """The first row of each file that the format writes of the sample."""
    entry = FORMATS[format]
    exporter = partial(resolve("format", entry.path, {}))
    row: Triple = _LABELLED if "label" in (entry.needs or ()) else _ROW
    files: dict[str, dict[str, Any]] = {}
    for made in exporter([row], _CONTEXT):
        name, columns = made if entry.whole else ("train.jsonl", made)
        files.setdefault(name, columns)
    return files

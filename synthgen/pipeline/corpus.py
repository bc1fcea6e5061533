"""The corpus of a run: which folders go together, and documents to chunks with their splits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthgen.chunking.chunker import chunk_documents, merge_identical
from synthgen.errors import DamagedFileError, EmptyResultError, InputError, RunFolderError
from synthgen.loaders.folder import read_folder
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Chunk, Document, Skipped, digest
from synthgen.splits import assign_splits, split_sections
from synthgen.text.humanize import short_repr

__all__ = ["Corpus", "keep_corpus", "make_corpus", "prepare", "read_corpus", "stored_corpus"]

_log = logging.getLogger("synthgen")

_LATER_STAGES = ("generate", "import")


@dataclass(frozen=True, slots=True, repr=False)
class Corpus:
    """Documents and chunks with their splits, and what was not used."""

    __repr__ = short_repr

    documents: list[Document]
    chunks: list[Chunk]
    skipped: list[Skipped]

    @property
    def by_id(self) -> dict[str, Chunk]:
        return {chunk.id: chunk for chunk in self.chunks}

    @property
    def document_disjoint(self) -> bool:
        """Whether no document gives chunks to two splits."""
        splits: dict[str, str] = {}
        return all(splits.setdefault(chunk.document_id, chunk.split) == chunk.split for chunk in self.chunks if chunk.split)


def prepare(docs: str | Path, run_folder: str | Path) -> RunFolder:
    """The run folder, made if need be. Raises InputError or RunFolderError when the two folders cannot work together."""
    docs, folder = Path(docs), RunFolder(Path(run_folder))
    if not docs.is_dir():
        what = "a file" if docs.is_file() else "not there"
        raise InputError(f"{docs} is {what}. The first argument is the folder that holds the documents.")
    if folder.path.resolve().is_relative_to(docs.resolve()):
        raise RunFolderError(
            f"The run folder {folder.path} lies inside the documents {docs}, so a later run would read its own output. "
            f"Put it beside them, for example {docs.resolve().parent / 'runs' / docs.resolve().name}."
        )
    folder.create()
    return folder


def read_corpus(docs: Path, run: RunContext) -> Corpus:
    """Read, split and chunk the documents of a folder."""
    return make_corpus(read_folder(docs, run.config.sources, exclude=run.folder.path, on_event=run.on_event), run)


def make_corpus(
    found: Iterable[Document | Skipped],
    run: RunContext,
    *,
    cut: Callable[[Sequence[Document]], list[Chunk]] | None = None,
) -> Corpus:
    """Split and chunk documents. Documents that hold a shot stay in train; stored assignments win.

    `cut` gives the chunks of documents in place of chunking: by document and in order, but they may overlap.
    """
    from synthgen.prompting.templates import shot_documents

    config, documents, skipped = run.config, list[Document](), list[Skipped]()
    for one in found:
        documents.append(one) if isinstance(one, Document) else skipped.append(one)

    shown = set(shot_documents((shot for prompt in run.generator.prompts for shot in prompt.shots), documents))
    stored = _stored_splits(run) | {d.id: (d.sha256, "train") for d in documents if d.id in shown}
    cut = cut or (lambda documents: list(chunk_documents(documents, config.chunking, on_event=run.on_event)))
    splits = assign_splits(documents, cut(documents), config.splits, seed=config.seed, stored=stored)
    chunks = splits.chunks
    with_text = {chunk.document_id for chunk in chunks}
    skipped += [Skipped(d.id, "chunking", "no_content") for d in splits.documents if d.id not in with_text]
    if not splits.document_disjoint:
        chunks = _together(split_sections(chunks, config.splits, seed=config.seed))
        chunks = [replace(chunk, split="train") if chunk.document_id in shown else chunk for chunk in chunks]
    chunks = merge_identical(chunks)
    skipped += splits.skipped
    skipped += [Skipped(c.document_id, "splits", "bridges_splits", c.id) for c in chunks if not c.split]
    if not chunks:
        raise EmptyResultError(f"There is no text to work on: {len(documents)} documents were read, and none holds a chunk.")
    return Corpus(splits.documents, chunks, skipped)


def keep_corpus(docs: Path, run: RunContext, corpus: Corpus, *, queries: str | Path | None = None) -> None:
    """Write settings and corpus into the run folder; the report on an earlier corpus is deleted."""
    folder, generator = run.folder, run.generator
    folder.settle(
        docs,
        generator.config,
        generation=generator.facts,
        corpus=_contents(corpus),
        queries=folder.relative(Path(queries)) if queries else None,
    )
    folder.report.unlink(missing_ok=True)
    folder.write_tables({"documents": corpus.documents, "chunks": corpus.chunks})


def stored_corpus(run: RunContext) -> Corpus:
    """The corpus of a run as its tables have it; what generation or an import skipped is no part of it.

    A damaged table is made anew from the others or from the documents, as long as they are those of the run. Raises DamagedFileError
    where it cannot be: the passages of imported rows are known to their file alone.
    """
    folder = run.folder
    try:
        documents, chunks, skipped = list(folder.read("documents")), list(folder.read("chunks")), _skips(folder)
    except DamagedFileError as error:
        return _made_anew(run, error)
    return Corpus(documents, chunks, [skip for skip in skipped if skip.stage not in _LATER_STAGES])


def _made_anew(run: RunContext, damage: DamagedFileError) -> Corpus:
    folder, (_, stored) = run.folder, run.folder.open()
    if run.generator.imported:
        raise damage
    try:
        found: list[Document | Skipped] = [*folder.read("documents")]
        found += [skip for skip in _skips(folder) if skip.stage == "sources"]
    except DamagedFileError:
        docs = folder.docs(stored)
        if not docs.is_dir():
            raise damage from None
        found = list(read_folder(docs, run.config.sources, exclude=folder.path, on_event=run.on_event))
    corpus = make_corpus(found, run)
    if _contents(corpus) != stored.get("corpus") or len(corpus.chunks) != folder.rows("chunks", len(corpus.chunks)):
        raise damage
    _log.warning("%s It is made anew.", damage.what)
    folder.write_tables({"documents": corpus.documents, "chunks": corpus.chunks})
    return corpus


def _skips(folder: RunFolder) -> list[Skipped]:
    return list(folder.read("skipped")) if folder.has("skipped") else []


def _contents(corpus: Corpus) -> str:
    """What tells this corpus from others."""
    return digest([document.sha256 for document in corpus.documents])


def _together(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The chunks; those that overlap have the split of the first of them."""
    found: list[Chunk] = []
    document, end, split = "", 0, ""
    for chunk in chunks:
        if chunk.document_id != document or chunk.start >= end:
            document, end, split = chunk.document_id, chunk.end, chunk.split
        end = max(end, chunk.end)
        found.append(replace(chunk, split=split))
    return found


def _stored_splits(run: RunContext) -> dict[str, tuple[str, str]]:
    """Document id -> (sha256, split) of the run before; nothing where there was none, or where it split otherwise."""
    config, folder = run.config, run.folder
    if not folder.config.exists() or not folder.has("documents"):
        return {}
    before, _ = folder.open()
    if (before.splits, before.seed) != (config.splits, config.seed):
        return {}
    try:
        rows = folder.columns("documents", "id", "sha256", "split")
    except DamagedFileError:
        return {}
    return {row["id"]: (row["sha256"], row["split"]) for row in rows}

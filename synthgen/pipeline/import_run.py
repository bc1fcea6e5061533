"""Existing rows into a run: the verb `import`.

The rows of a file become candidates that stand on chunks of the documents; from there on the run is like any other. Its
candidates are kept in the run folder (`candidates.parquet`), so that another cut of the funnel needs neither FILE nor DOCS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgen.chunking.chunker import chunk_documents
from synthgen.config.settings import AnswerSettings, Config, Distractors
from synthgen.errors import ConfigError, EmptyResultError, InputError, RunFolderError, nearest
from synthgen.generators import IMPORT, unique_ids
from synthgen.importers.classification import check_label_mapping, read_labelled
from synthgen.importers.columns import ImportRow, check_mapping, read_rows
from synthgen.importers.files import Passage, file_digest, passages_of
from synthgen.importers.place import ContextChunks, chunks_of_given_splits, context_documents, cut_contexts, place_rows
from synthgen.loaders.folder import read_folder
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.corpus import Corpus, keep_corpus, make_corpus, prepare
from synthgen.pipeline.export import check_exports
from synthgen.pipeline.imported import IMPORT_STAGE, ImportedRows
from synthgen.pipeline.paid_steps import session_of
from synthgen.pipeline.queries import check_queries
from synthgen.pipeline.replacement import check_change, check_documents, keep_aside
from synthgen.pipeline.run import Result, check_settings, check_state, conclude
from synthgen.pipeline.run_folder import NO_DOCS, RunFolder
from synthgen.records import CLASSIFICATION, Chunk, Document, OnEvent, Skipped, Triple
from synthgen.text.humanize import counts
from synthgen.text.printable import printable_line
from synthgen.text.tokenizer import get_tokenizer

__all__ = ["KINDS", "import_rows", "parse_mapping", "prepare_import"]

KINDS = ("question", CLASSIFICATION)
"""What rows can be: questions, or texts with labels."""

_MAX_PROBLEMS = 3
_FOR_LABELS = ("format", "leaks", "exact_duplicates")


def import_rows(
    file: str | Path,
    docs: str | Path,
    run_folder: str | Path,
    *,
    kind: str = "question",
    config: Config | None = None,
    mapping: Mapping[str, str] | None = None,
    queries: str | Path | None = None,
    update: bool = False,
    on_event: OnEvent | None = None,
) -> Result:
    """The rows of `file` on the documents of `docs` to checked training data, exports and a measured gain in `run_folder`.

    `docs` may be "-": each distinct context is a document of its own then. `mapping` is role -> column (`importers.columns.ROLES`), for
    columns of other names than the usual ones. Rows of the `kind` classification are texts with labels (`importers.classification`):
    distractors, written answers and training are off whatever the settings say, and in place of the default filters and formats stand
    those that labels can have; other filters and formats that the settings name are kept. The same call makes the same again; another
    file needs `update`. Raises what `run.run` raises, InputError for a file that cannot be read and ConfigError for columns that
    are not there.
    """
    check_kind(kind)
    config = (config or Config()).model_copy(update={"model": IMPORT})
    if kind == CLASSIFICATION:
        config = _for_labels(config)
    generator = ImportedRows(config, folder=RunFolder(Path(run_folder)))
    session = session_of(generator)
    check_settings(config)
    file, docs, folder = Path(file), Path(docs), prepare_import(docs, run_folder)
    run = RunContext(folder, generator, on_event, session)
    with run.clock("rows"):
        rows, skipped, taken = (read_labelled if kind == CLASSIFICATION else read_rows)(file, mapping)
    given = {"kind": kind, "map": dict(sorted((mapping or {}).items()))}
    imported = {"file": printable_line(file.name), "sha256": file_digest(file), **given, **taken.to_dict()}
    run.progress("import", len(rows), taken.rows, f"{taken.rows} rows of {file.name}")
    with folder.held():
        check_exports(folder, config.exports.formats)
        _check_file(folder, file, imported, update=update)
        check_change(folder, generator, update=update)
        check_state(run)
        if str(docs) == NO_DOCS and not rows and (bad := [skip for skip in skipped if skip.reason == "bad_row"]):
            raise InputError(f"{_unusable(file, skipped)} The first bad row is {bad[0].path}: {bad[0].detail}.")
        with run.clock("documents"):
            corpus, cut = _corpus(rows, file, docs, run)
            check_documents(folder, docs, corpus)
            check_queries(queries, corpus)
        with run.clock("placing"):
            found = list(place_rows(rows, cut, corpus.chunks, corpus.documents))
            chunks, given_splits = chunks_of_given_splits(rows, found, corpus.chunks)
            corpus = replace(corpus, chunks=chunks)
            placed = list(unique_ids([*skipped, *given_splits]))
        accepted = frozenset(
            triple.id
            for row, triple in zip(rows, found, strict=True)
            if row.own and row.own.accepted and isinstance(triple, Triple) and triple.chunk_sha256 == row.chunk_sha256
        )
        run = replace(run, generator=replace(generator, accepted=accepted))
        candidates = [row for row in placed if isinstance(row, Triple)]
        left = [row for row in placed if isinstance(row, Skipped)]
        if not candidates and folder.report.exists():
            raise EmptyResultError(f"{_unusable(file, left)} The result from before still stands.")
        keep_aside(folder, generator)
        folder.remove("candidates")  # those of another file are no candidates of this one
        keep_corpus(docs, run, corpus, queries=queries)
        folder.settle(
            docs,
            config,
            imported=imported
            | {
                "problems": _problems(left),
                "skipped": _count(left),
                "contexts": _contexts(cut),
                "answer_starts": _starts(candidates),
            },
        )
        folder.write("skipped", [*corpus.skipped, *left, *cut.replaced, *_without_row(corpus.chunks, candidates)])
        if not candidates:
            raise EmptyResultError(f"{_unusable(file, left)} {folder.table('skipped')} has each of them.")
        folder.write("candidates", candidates)
        return conclude(run, corpus, queries)


def check_kind(kind: str) -> None:
    """Raises ConfigError for a kind of rows that there is not."""
    if kind not in KINDS:
        raise ConfigError(f"Rows cannot be of the kind {kind!r}.{nearest(kind, KINDS)} Known: {', '.join(KINDS)}.")


def parse_mapping(given: Iterable[str], kind: str = "question") -> dict[str, str]:
    """`role=column,role=column` as a mapping, for rows of a kind. Raises ConfigError."""
    check_kind(kind)
    pairs = [pair for text in given for pair in text.split(",") if pair.strip()]
    mapping: dict[str, str] = {}
    for pair in pairs:
        role, separator, column = (part.strip() for part in pair.partition("="))
        if not (role and separator and column):
            raise ConfigError(
                f"--map takes role=column, for example query=question,answer=correct_answer; given: {pair.strip()!r}."
            )
        if mapping.get(role, column) != column:
            raise ConfigError(f"--map gives {role} twice: {mapping[role]} and {column}.")
        mapping[role] = column
    return check_label_mapping(mapping) if kind == CLASSIFICATION else check_mapping(mapping)


def prepare_import(docs: str | Path, run_folder: str | Path) -> RunFolder:
    """The run folder, made if need be; `docs` may be "-". Raises what `corpus.prepare` raises."""
    if str(docs) != NO_DOCS:
        return prepare(docs, run_folder)
    folder = RunFolder(Path(run_folder))
    folder.create()
    return folder


def _for_labels(config: Config) -> Config:
    """The settings for texts with labels. Filters and formats other than the defaults stay."""
    filters, exports, usual = config.filters, config.exports, Config()
    if filters.order == usual.filters.order:
        filters = filters.model_copy(update={"order": list(_FOR_LABELS)})
    if exports.formats == usual.exports.formats:
        exports = exports.model_copy(update={"formats": ["classification-chat"]})
    off = {
        "distractors": Distractors(num=0),
        "answers": AnswerSettings(),
        "training": config.training.model_copy(update={"enabled": False}),
    }
    return config.model_copy(update={"filters": filters, "exports": exports, **off})


def _check_file(folder: RunFolder, file: Path, imported: Mapping[str, Any], *, update: bool) -> None:
    """Raises RunFolderError when the run folder holds other rows and `update` does not say that they may go."""
    before = (folder.stored() or {}).get("imported")
    changed = {"sha256": "has other content", "map": "is mapped otherwise", "kind": "is taken for rows of another kind"}
    for name, how in changed.items():
        if before and not update and before.get(name, "question") != imported[name]:
            raise RunFolderError(
                f"{folder.path} holds rows imported from {before['file']}, and {file} {how}. "
                "Add --update to put its rows in their place, or use another run folder."
            )


def _corpus(rows: Sequence[ImportRow], file: Path, docs: Path, run: RunContext) -> tuple[Corpus, ContextChunks]:
    """The documents with the contexts of the rows among their chunks."""
    config, on_event = run.config, run.on_event
    tokenizer, cuts = get_tokenizer(config.chunking.tokenizer), list[ContextChunks]()
    found: Iterable[Document | Skipped]
    if str(docs) == NO_DOCS:
        others: Iterable[Passage] = passages_of(file)
        found, cut_own = context_documents(rows, others, tokenizer)
        if not found:
            raise InputError(f"{file} has no context, so there are no documents. Name their folder in place of {NO_DOCS}.")
    else:
        found = read_folder(docs, config.sources, exclude=run.folder.path, on_event=on_event)

        def cut_own(documents: Sequence[Document]) -> ContextChunks:
            own = list(chunk_documents(documents, config.chunking, on_event=on_event))
            return cut_contexts(rows, documents, own, tokenizer, min_tokens=config.chunking.min_tokens)

    def cut(documents: Sequence[Document]) -> list[Chunk]:
        cuts.append(cut_own(documents))
        return cuts[0].chunks

    corpus = make_corpus(found, run, cut=cut)
    return corpus, cuts[0]


def _without_row(chunks: Iterable[Chunk], candidates: Iterable[Triple]) -> list[Skipped]:
    named = {id for triple in candidates for id in triple.positives}
    return [
        Skipped(chunk.document_id, IMPORT_STAGE, "no_row", chunk.id)
        for chunk in chunks
        if chunk.split and chunk.id not in named
    ]


def _contexts(cut: ContextChunks) -> dict[str, int]:
    """How many spans of documents the contexts are, and how many of our chunks left the index for them."""
    spans = {place[:3]: place.exact for place in cut.places.values()}
    exact = sum(spans.values())
    return {"exact": exact, "normalised": len(spans) - exact, "replaced": len(cut.replaced)}


def _starts(candidates: Iterable[Triple]) -> dict[str, int]:
    """How many rows have an `answer_start` where their answer does not stand, by whether it stands elsewhere in the chunk."""
    wrong = [triple for triple in candidates if "answer_start" in triple.metadata]
    elsewhere = sum(bool(triple.quotes) for triple in wrong)
    return {"elsewhere": elsewhere, "nowhere": len(wrong) - elsewhere}


def _unusable(file: Path, skipped: Iterable[Skipped]) -> str:
    return f"No row of {file} could be used ({counts(_count(skipped))})."


def _problems(skipped: Iterable[Skipped]) -> dict[str, int]:
    """What is wrong with bad rows, the most frequent first."""
    return dict(Counter(skip.detail for skip in skipped if skip.reason == "bad_row").most_common(_MAX_PROBLEMS))


def _count(skipped: Iterable[Skipped]) -> dict[str, int]:
    return dict(sorted(Counter(skip.reason for skip in skipped).items()))

"""The Python door: the stages as functions over lists, for scripts, notebooks and pipelines.

    documents = load_documents("docs/")
    chunks    = chunk(documents, max_tokens=256)
    triples   = generate(chunks, model="extractive", per_chunk=3)
    filtered    = apply_filters(triples, ["format", "grounding", "round_trip"], chunks=chunks)
    triples   = add_distractors(filtered.kept, chunks, num_distractors=4, seed=0)
    dataset   = to_dataset(triples, format="raft")

Everything after the data is keyword-only. Nothing prints; what was left out goes to `on_skip`, progress to `on_event`, and
both to the logger `synthgen` when nobody asks for them.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from synthgen.config.settings import Config, load_config
from synthgen.errors import ConfigError, InputError, StoppedEarly
from synthgen.filters.chain import FilterResult
from synthgen.pipeline import run as pipeline
from synthgen.pipeline.record_lists import Records, Triples
from synthgen.records import Chunk, Document, OnEvent, Skipped, Triple
from synthgen.registry import name_of
from synthgen.splits import split_named
from synthgen.text.humanize import counts

if TYPE_CHECKING:
    import datasets

    from synthgen.filters.spec import Filter
    from synthgen.retrieval.bm25 import BM25

__all__ = [
    "add_distractors",
    "agenerate",
    "apply_filters",
    "chunk",
    "generate",
    "import_rows",
    "load_documents",
    "run",
    "split",
    "to_dataset",
]

_GONE = "That was a temporary store, which is gone with its answers: pass store=PATH to keep them."

OnSkip = Callable[[Skipped], None]


_Record = TypeVar("_Record", Document, Chunk, Triple)

_ORIGINS: Mapping[type, str] = {
    Document: "load_documents(FOLDER) reads them, and make_document(ID, TEXT) makes one of a text.",
    Chunk: "chunk(documents) makes them.",
    Triple: "generate(chunks) makes them; filters return them as `kept`.",
}


def run(
    docs: str | Path,
    run_folder: str | Path,
    *,
    model: str | Callable[..., Any] | None = None,
    queries: str | Path | None = None,
    config: str | Path | Config | None = None,
    settings: Mapping[str, Any] | None = None,
    update: bool = False,
    on_event: OnEvent | None = None,
) -> pipeline.Result:
    """The whole recipe into `run_folder`; the same call resumes. `settings` is a nested mapping of settings.

    What is not given is as the run has it, its model included; `config` stands for all settings but the model and its place.
    Raises the errors of `synthgen.errors`. Works inside a running event loop, too.
    """
    from synthgen.pipeline.run_settings import run_settings

    base, path = (config, None) if isinstance(config, Config) else (None, config)
    resolved = run_settings(run_folder, path, (), {**(settings or {}), **({"model": model} if model else {})}, base=base)
    return pipeline.run(docs, run_folder, queries=queries, config=resolved, update=update, on_event=on_event)


def import_rows(
    file: str | Path,
    docs: str | Path,
    run_folder: str | Path,
    *,
    kind: str = "question",
    mapping: Mapping[str, str] | None = None,
    queries: str | Path | None = None,
    config: str | Path | Config | None = None,
    settings: Mapping[str, Any] | None = None,
    update: bool = False,
    on_event: OnEvent | None = None,
) -> pipeline.Result:
    """Existing rows into `run_folder`, for the same filters, exports and measurements; `docs` may be "-".

    `mapping` is role -> column, for columns of other names than the usual ones: `{"query": "question"}`. Rows of the `kind`
    classification are texts with labels.
    """
    from synthgen.pipeline import import_run as importing
    from synthgen.pipeline.run_settings import import_settings

    base, path = (config, None) if isinstance(config, Config) else (None, config)
    resolved = import_settings(run_folder, kind, path, (), settings, base=base)
    return importing.import_rows(
        file, docs, run_folder, kind=kind, config=resolved, mapping=mapping, queries=queries, update=update, on_event=on_event
    )


def load_documents(
    folder: str | Path, *, encoding: str | None = None, on_skip: OnSkip | None = None, on_event: OnEvent | None = None
) -> list[Document]:
    """The readable documents of a folder, in the order of their ids. Raises InputError when there is none."""
    from synthgen.loaders.folder import read_folder

    settings, documents = Config.build({"sources": {"encoding": encoding}}).sources, Records[Document]()
    with _Skips(on_skip) as skips:
        for found in read_folder(Path(folder), settings, on_event=on_event):
            if isinstance(found, Document):
                documents.append(found)
            else:
                skips.add(found)
    return documents


def chunk(
    documents: Iterable[Document],
    *,
    max_tokens: int = 256,
    min_tokens: int = 32,
    tokenizer: str = "o200k_base",
    on_event: OnEvent | None = None,
) -> list[Chunk]:
    """Passages of at most `max_tokens`; identical ones are one chunk that knows its other places."""
    from synthgen.chunking.chunker import chunk_documents, merge_identical
    from synthgen.splits import split_sections

    settings = {"max_tokens": max_tokens, "min_tokens": min_tokens, "tokenizer": tokenizer}
    documents = list(_records(Document, documents))
    chunks: Iterable[Chunk] = chunk_documents(documents, Config.build({"chunking": settings}).chunking, on_event=on_event)
    sections = next((document.metadata[_SECTIONS] for document in documents if _SECTIONS in document.metadata), None)
    if sections is not None:
        shares = {name: sections[name] for name in ("train", "dev")}
        chunks = split_sections(list(chunks), Config.build({"splits": shares}).splits, seed=sections["seed"])
    return Records(merge_identical(chunks))


_SECTIONS = "split_sections"  # in the metadata of documents that are too few to be split as wholes


def split(documents: Sequence[Document], *, train: float = 0.8, dev: float = 0.1, seed: int = 0) -> list[Document]:
    """Documents with their near-duplicate group and split; call it before `chunk`. Without it everything is train.

    The shares are shares of the chunks of the default size. Fewer than 20 groups are not split as wholes: `chunk` splits them by sections then, as `run` does, and
    `metadata.split_sections` of the documents says so.
    """
    from synthgen.chunking.chunker import chunk_documents
    from synthgen.splits import assign_splits

    documents, config = _records(Document, documents), Config.build({"splits": {"train": train, "dev": dev}})
    found = assign_splits(documents, list(chunk_documents(documents, config.chunking)), config.splits, seed=seed)
    sections = {} if found.document_disjoint else {_SECTIONS: {"train": train, "dev": dev, "seed": seed}}
    return Records(replace(document, metadata={**document.metadata, **sections}) for document in found.documents)


def generate(
    chunks: Sequence[Chunk],
    *,
    model: str | Callable[..., Any] = "extractive",
    prompt: str | Path | Sequence[str | Path] = "question",
    per_chunk: int = 3,
    seed: int = 0,
    store: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    on_skip: OnSkip | None = None,
    on_event: OnEvent | None = None,
) -> Triples:
    """Candidate triples of `chunks`. Calls to a model (`PROVIDER/NAME`) are kept in `store` and never repeated.

    Without `store` or `llm.store` the answers live only as long as this call. `settings` is a nested mapping, for example
    `{"llm": {"base_url": …, "max_calls": 100}}`. Raises what `agenerate` raises; works inside a running event loop, too.
    """
    from synthgen.llm.event_loop import run_async

    coroutine = agenerate(
        chunks,
        model=model,
        prompt=prompt,
        per_chunk=per_chunk,
        seed=seed,
        store=store,
        settings=settings,
        on_skip=on_skip,
        on_event=on_event,
    )
    result: Triples = run_async(coroutine)
    return result


async def agenerate(
    chunks: Sequence[Chunk],
    *,
    model: str | Callable[..., Any] = "extractive",
    prompt: str | Path | Sequence[str | Path] = "question",
    per_chunk: int = 3,
    seed: int = 0,
    store: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    on_skip: OnSkip | None = None,
    on_event: OnEvent | None = None,
) -> Triples:
    """`generate` for asyncio programs. Raises ModelError, StoppedEarly, ConfigError or UnknownNameError."""
    from synthgen.llm.call_store import CallStore
    from synthgen.pipeline.generation import make_generator

    chunks = _records(Chunk, chunks)
    named = {"model": model, "seed": seed, "generation": {"prompt": prompt, "per_chunk": per_chunk}}
    generator = make_generator(load_config(overrides=settings, base=Config.build(named)))
    with TemporaryDirectory() as nowhere, _Skips(on_skip) as skips:
        kept = store or generator.config.llm.store
        with CallStore(kept or Path(nowhere) / "calls.sqlite") if generator.makes_calls else nullcontext() as calls:
            if calls is not None:
                try:
                    await generator.agenerate(chunks, calls, on_event)
                except StoppedEarly as error:
                    if kept:
                        raise
                    raise StoppedEarly(f"{error} {_GONE}") from None
            candidates = generator.rows(chunks, calls, on_event)
        for skipped in candidates.skipped:
            skips.add(skipped)
    return Triples(candidates.triples, {c.id: c for c in chunks})


def apply_filters(
    triples: Sequence[Triple],
    filters: Sequence[str | Filter] | None = None,
    *,
    chunks: Sequence[Chunk],
    options: Mapping[str, Mapping[str, Any]] | None = None,
    encoder: str = "static",
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> FilterResult:
    """Run filters, by name or as functions, over `triples`, in order; by default those of a run. `chunks` are all that a query could be answered from.

    `encoder` is the bi-encoder for options that want one: `static`, or a sentence-transformers model by name or path.
    """
    from synthgen.filters.chain import apply_filters as run_filters
    from synthgen.filters.context import FilterContext
    from synthgen.training.corpus_encoders import CorpusEncoders

    triples, chunks = _records(Triple, triples), _records(Chunk, chunks)
    chosen = {"order": filters, "options": options or {}}
    settings = Config.build({"filters": {name: value for name, value in chosen.items() if value is not None}}).filters
    by_id = {chunk.id: chunk for chunk in chunks}
    encoders = CorpusEncoders(Config.build({"training": {"base": encoder}}).training, chunks, seed=seed)
    context = FilterContext(by_id, _index(chunks), encoders=encoders)
    filtered = run_filters(triples, settings.order, context, options=settings.options, on_event=on_event)
    return replace(filtered, kept=Triples(filtered.kept, by_id), rejected=Records(filtered.rejected))


def add_distractors(
    triples: Sequence[Triple],
    chunks: Sequence[Chunk],
    *,
    num_distractors: int = 4,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    encoder: str = "static",
    on_event: OnEvent | None = None,
) -> Triples:
    """`triples` with up to `num_distractors` passages each that look relevant and do not answer.

    `settings` are those of the section `distractors`, for example `{"mined": 1.0, "judges": ["bm25", "dense"]}`; `encoder` is the
    bi-encoder for those that want one. Raises ConfigError for `check`, which only a run can make.
    """
    from synthgen.distractors.select import add_distractors as mine
    from synthgen.training.corpus_encoders import CorpusEncoders

    config = Config.build({"distractors": {"num": num_distractors, **(settings or {})}, "training": {"base": encoder}})
    triples, chunks = _records(Triple, triples), _records(Chunk, chunks)
    by_id = {chunk.id: chunk for chunk in chunks}
    encoders = CorpusEncoders(config.training, chunks, seed=seed)
    mined, _ = mine(triples, by_id, _index(chunks), config.distractors, encoders=encoders, seed=seed, on_event=on_event)
    return Triples(mined, by_id)


def to_dataset(
    triples: Sequence[Triple],
    *,
    format: str | Callable[..., Any],
    chunks: Iterable[Chunk] | Mapping[str, Chunk] | None = None,
    split: str = "train",
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> datasets.Dataset:
    """One split of `triples` in a format, as a `datasets.Dataset`.

    `chunks` is needed only when `triples` is a plain list. `split` is train, dev (or validation) or test. Rows that lack what
    the format needs are left out, as in `synthgen export`. Raises EmptyResultError, which says why, when no row is left.
    """
    import datasets

    from synthgen.exporters.context import ExportContext
    from synthgen.exporters.export import split_rows

    known = triples.chunks if chunks is None and isinstance(triples, Triples) else chunks
    triples = _records(Triple, triples)
    if known is None:
        raise ConfigError(
            "to_dataset needs chunks=… when the triples are a plain list: formats show the texts of the chunks. Lists from generate, "
            "apply_filters and add_distractors know theirs, as `triples.chunks`."
        )
    by_id = {chunk.id: chunk for chunk in _records(Chunk, known.values() if isinstance(known, Mapping) else known)}
    found, _, _ = split_rows(triples, ExportContext(by_id, {}, seed), name_of(format), split_named(split), options=options)
    return datasets.Dataset.from_list(list(found))


def _records(kind: type[_Record], given: Iterable[_Record]) -> list[_Record]:
    """Return the records as a list; one alone is a list of one. Raises InputError for anything else."""
    records: list[Any] = [given] if isinstance(given, kind) else list(given) if _is_list(given) else []
    wrong = next((record for record in records if not isinstance(record, kind)), None)
    if wrong is None and (records or _is_list(given)):
        return records
    found = f"{type(given).__name__}" if wrong is None else f"a list with {type(wrong).__name__}"
    raise InputError(f"A list of {kind.__name__} is expected here, and {found} was given. {_ORIGINS[kind]}")


def _is_list(given: Any) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)


def _index(chunks: Sequence[Chunk]) -> BM25:
    from synthgen.retrieval.bm25 import over_chunks

    return over_chunks(chunks)


class _Skips:
    """Hands each skip to the caller; where nobody listens, one warning counts them by reason."""

    def __init__(self, on_skip: OnSkip | None) -> None:
        self._on_skip = on_skip
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> _Skips:
        return self

    def __exit__(self, *error: object) -> None:
        if self._counts:
            told = counts(dict(sorted(self._counts.items())))
            logging.getLogger("synthgen").warning("left out: %s (pass on_skip= to see each)", told)

    def add(self, skipped: Skipped) -> None:
        from synthgen.loaders.folder import reason_text

        if self._on_skip is None:
            self._counts[reason_text(skipped)] += 1
        else:
            self._on_skip(skipped)

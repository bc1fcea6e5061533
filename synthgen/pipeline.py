"""The recipe: every stage once, in order.

`run` is the whole of it. All but the paid calls is derived anew each time, from documents, settings and stored answers, so a
run that was killed goes on when it is run again, and another threshold costs nothing. The verbs below it start further
down the same road, from the tables and the calls of a run folder.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen import storage
from synthgen.config import Config, load_config
from synthgen.corpus import Corpus, keep_corpus, prepare, read_corpus
from synthgen.distractors import add_distractors
from synthgen.errors import ConfigError, EmptyResultError, MissingExtraError, RunFolderError
from synthgen.exporters import FORMATS, check_format
from synthgen.exporters import Context as ExportContext
from synthgen.exporters import export as write_format
from synthgen.filters import Context as FilterContext
from synthgen.filters import Sifted, apply_filters, check_filters
from synthgen.generation import Candidates, Generator, make_generator, open_store, store_path
from synthgen.records import SPLITS, Chunk, Event, OnEvent, Rejection, Skipped, Triple
from synthgen.retrieval import index_text
from synthgen.retrieval.bm25 import BM25
from synthgen.runfolder import RunFolder

if TYPE_CHECKING:
    from synthgen.llm.client import Wanted

__all__ = ["Result", "evaluate", "refilter", "retry", "run", "train"]

_NOT_MEASURED = "The gain was not measured; `synthgen train RUN` measures it"
_STALE = "The model and its figures are of the rows before the last `filter`; `synthgen train RUN` makes them anew."


@dataclass(frozen=True, slots=True)
class Result:
    """What a run made. `kept` and `rejected` add up to the candidates of `report`; `chunks` maps ids to chunks."""

    path: Path
    kept: list[Triple]
    rejected: list[Rejection]
    chunks: Mapping[str, Chunk]
    report: dict[str, Any]


def run(
    docs: str | Path,
    run_folder: str | Path,
    *,
    queries: str | Path | None = None,
    config: Config | None = None,
    update: bool = False,
    on_event: OnEvent | None = None,
) -> Result:
    """Documents to checked training data, exports and a measured gain, all in `run_folder`. The same call resumes.

    `queries` is a BEIR folder of human queries to measure on. Works inside a running event loop, too. Raises the errors of
    `synthgen.errors`; StoppedEarly when a cap or systematic failures ended the calls.
    """
    generator, clock = make_generator(config or Config()), _Clock()
    docs, config = Path(docs), generator.config
    check_filters(config.filters.order, config.filters.options)
    for name in config.exports.formats:
        check_format(name, config.exports.options.get(name))
    folder = prepare(docs, run_folder)
    with folder.held():
        folder.check(docs, generator.facts, update=update)
        with clock("documents"):
            corpus = read_corpus(docs, folder, config, generator.prompts, on_event)
            _check_queries(queries, corpus)
            keep_corpus(docs, folder, generator, corpus)
        with clock("calls"):
            _call(generator, corpus, folder, on_event)
        report, sifted = _derive(corpus, generator, folder, clock, on_event)
        with clock("training"):
            _measure(report, corpus.chunks, sifted.kept, config, folder, queries, on_event)
        storage.write_json(folder.report, report | {"timing": clock.seconds})
    return Result(folder.path, sifted.kept, sifted.rejected, corpus.by_id, report)


def refilter(
    run_folder: str | Path,
    *,
    config: str | Path | None = None,
    settings: Sequence[str] = (),
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Cut the funnel of a run again with other settings of the later stages: no call is made.

    Distractors and exports are made anew, the model and its measurement are marked stale. Returns the new report.
    """
    folder, clock = RunFolder(Path(run_folder)), _Clock()
    before, stored = folder.open()
    after = load_config(config, settings, base=before)
    generator = make_generator(after)
    changed = [name for name, value in generator.facts.items() if stored["generation"].get(name) != value]
    if changed:
        raise ConfigError(f"`filter` makes no calls, so it cannot change {', '.join(changed)}. Use `synthgen run … --update`.")
    check_filters(after.filters.order, after.filters.options)
    with folder.held():
        report = _derived_again(_stored_corpus(folder), generator, folder, clock, on_event)
        folder.settle(folder.docs(stored), after, generation=generator.facts, corpus=stored["corpus"])
    return report


def retry(
    run_folder: str | Path,
    *,
    settings: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Repeat the calls of a run that failed, for whatever reason, and no others; then the funnel, as `refilter` does.

    `settings` and `overrides` may change how calls are made (caps, concurrency, patience, …) and nothing about what is asked.
    Returns the new report. Raises what `run` raises; ConfigError for a run without calls.
    """
    from synthgen.llm.followup import failed_again

    folder, clock = RunFolder(Path(run_folder)), _Clock()
    before, stored = folder.open()
    generator = make_generator(load_config(None, settings, overrides, base=before))
    if not generator.makes_calls:
        raise ConfigError(f"{folder.path} has no calls to repeat: {before.model} makes none.")
    changed = [name for name, value in generator.facts.items() if stored["generation"].get(name) != value]
    if changed:
        raise ConfigError(f"`retry` repeats calls as they were, so it cannot change {', '.join(changed)}. Use `synthgen run`.")
    with folder.held():
        corpus = _stored_corpus(folder)
        with clock("calls"):
            _call(generator, corpus, folder, on_event, wanted=failed_again)
        return _derived_again(corpus, generator, folder, clock, on_event)


def train(
    run_folder: str | Path,
    *,
    queries: str | Path | None = None,
    settings: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Fine-tune on the kept rows of a run and measure; the figures go into its report, too."""
    folder = RunFolder(Path(run_folder))
    with folder.held():
        stored_config, stored = folder.open()
        config = load_config(None, settings, overrides, base=stored_config)
        chunks, triples = list(folder.read("chunks")), list(folder.read("triples"))
        result = _trained(chunks, triples, config, folder, queries, on_event)
        if folder.report.exists():
            report = storage.read_json(folder.report)
            report["notes"] = [note for note in report["notes"] if not note.startswith((_STALE, _NOT_MEASURED))]
            storage.write_json(folder.report, report | {"training": result})
        folder.settle(folder.docs(stored), config, generation=stored["generation"], corpus=stored["corpus"])
    return result


def evaluate(
    run_folder: str | Path, queries: str | Path, *, base: str | None = None, on_event: OnEvent | None = None
) -> dict[str, Any]:
    """Measure the tuned encoder of a run on human queries, beside its base (or `base`), BM25 and the hybrid."""
    from synthgen.training import evaluate_model

    folder = RunFolder(Path(run_folder))
    config, _ = folder.open()
    if not folder.model.exists():
        raise RunFolderError(f"{folder.path} has no model yet. Make one with `synthgen train {folder.path}`.")
    chunks = list(folder.read("chunks"))
    return evaluate_model(chunks, model=folder.model, base=base, queries=Path(queries), seed=config.seed, on_event=on_event)


def _call(
    generator: Generator, corpus: Corpus, folder: RunFolder, on_event: OnEvent | None, *, wanted: Wanted | None = None
) -> None:
    if not generator.makes_calls:
        return
    from synthgen.llm.loops import run_async

    with open_store(generator.config, folder) as store:
        run_async(generator.agenerate(generator.asked(corpus.chunks), store, on_event, wanted=wanted))


def _stored_corpus(folder: RunFolder) -> Corpus:
    """The corpus of a run as its tables have it; chunks that generation left out are not among what was skipped."""
    skipped = folder.read("skipped") if folder.table("skipped").exists() else ()
    kept_skips = [skip for skip in skipped if skip.stage != "generate"]
    return Corpus(list(folder.read("documents")), list(folder.read("chunks")), kept_skips)


def _derived_again(
    corpus: Corpus, generator: Generator, folder: RunFolder, clock: _Clock, on_event: OnEvent | None
) -> dict[str, Any]:
    """Everything that follows from the calls, anew; what was measured on the rows before is stale."""
    report, _ = _derive(corpus, generator, folder, clock, on_event)
    measured = storage.read_json(folder.report)["training"] if folder.report.exists() else None
    report["training"] = measured and measured | {"stale": True}
    report["notes"].append(_STALE if measured else f"{_NOT_MEASURED}.")
    storage.write_json(folder.report, report | {"timing": clock.seconds})
    return report


def _derive(
    corpus: Corpus, generator: Generator, folder: RunFolder, clock: _Clock, on_event: OnEvent | None
) -> tuple[dict[str, Any], Sifted]:
    """Candidates, filters, distractors, tables and exports: everything that follows from what is stored."""
    config, chunks = generator.config, corpus.by_id
    with clock("candidates"):
        candidates = _candidates(generator, corpus, folder, on_event)
    with clock("index"):
        retriever = BM25([chunk.id for chunk in corpus.chunks], [index_text(chunk) for chunk in corpus.chunks])
    with clock("filters"):
        context = FilterContext(chunks, retriever, generator.shots)
        sifted = apply_filters(
            candidates.triples, config.filters.order, context, options=config.filters.options, on_event=on_event
        )
    with clock("distractors"):
        kept, distractors = add_distractors(
            sifted.kept, chunks, retriever, **config.distractors.model_dump(), seed=config.seed, on_event=on_event
        )
    sifted = Sifted(kept, sifted.rejected, sifted.funnel)
    if not kept and folder.report.exists():
        raise EmptyResultError(f"{_emptied(candidates, sifted)} The result from before still stands.")
    folder.write("triples", kept)
    folder.write("rejected", sifted.rejected)
    folder.write("skipped", [*corpus.skipped, *candidates.skipped])
    if not kept:
        raise EmptyResultError(f"{_emptied(candidates, sifted)} To read them: synthgen show {folder.path} --rejected")
    exports = {}
    with clock("exports"):
        export_context = ExportContext(chunks, {d.id: d.title for d in corpus.documents if d.title}, config.seed)
        # What was exported by hand since is written anew, too: no format may show other rows than the rest.
        by_hand = sorted(p.name for p in folder.exports.glob("*") if p.name in FORMATS and p.name not in config.exports.formats)
        formats = [*config.exports.formats, *by_hand]
        for number, name in enumerate(formats, 1):
            options = config.exports.options.get(name)
            exports[name] = write_format(kept, export_context, name, folder.exports / name, options=options).to_dict()
            if on_event:
                on_event(Event("exports", number, len(formats), name))
    return _report(corpus, candidates, sifted, generator) | {"distractors": distractors, "exports": exports}, sifted


def _candidates(generator: Generator, corpus: Corpus, folder: RunFolder, on_event: OnEvent | None) -> Candidates:
    from synthgen.llm.calls import CallStore

    asked, path = generator.asked(corpus.chunks), store_path(generator.config, folder.calls)
    with CallStore(path, read_only=True) if generator.makes_calls else nullcontext() as store:
        candidates = generator.rows(asked, store, on_event)
    drawn = {chunk.id for chunk in asked}
    left = [Skipped(c.document_id, "generate", "not_sampled", c.id) for c in corpus.chunks if c.split and c.id not in drawn]
    return replace(candidates, skipped=[*candidates.skipped, *left])


def _measure(
    report: dict[str, Any],
    chunks: Sequence[Chunk],
    kept: Sequence[Triple],
    config: Config,
    folder: RunFolder,
    queries: str | Path | None,
    on_event: OnEvent | None,
) -> None:
    """Train and measure into `report`; where that is not possible, one sentence says why and what to do."""
    report["training"] = None
    if not config.training.enabled:
        report["notes"].append(f"{_NOT_MEASURED}.")
        return
    try:
        report["training"] = _trained(chunks, kept, config, folder, queries, on_event)
    except (MissingExtraError, EmptyResultError) as error:
        report["notes"].append(f"{_NOT_MEASURED}. {error}")


def _trained(
    chunks: Sequence[Chunk],
    triples: Sequence[Triple],
    config: Config,
    folder: RunFolder,
    queries: str | Path | None,
    on_event: OnEvent | None,
) -> dict[str, Any]:
    from synthgen.training import train_and_measure

    human = Path(queries) if queries else None
    settings = config.training
    return train_and_measure(
        chunks, triples, settings=settings, seed=config.seed, output=folder.model, queries=human, on_event=on_event
    )


def _report(corpus: Corpus, candidates: Candidates, sifted: Sifted, generator: Generator) -> dict[str, Any]:
    """The facts of a run; without times, so that two runs with the same answers report the same."""
    kept = sifted.kept
    return {
        "documents": {
            "read": len(corpus.documents),
            "skipped": _count(skip.reason for skip in corpus.skipped if skip.stage == "sources"),
            "languages": _count(document.language or "unknown" for document in corpus.documents),
            "groups": len({document.group for document in corpus.documents}),
        },
        "chunks": {
            "distinct": len(corpus.chunks),
            "copies": sum(len(chunk.places) for chunk in corpus.chunks),
            "tokens": sum(chunk.n_tokens for chunk in corpus.chunks),
            "splits": _by_split(chunk.split for chunk in corpus.chunks),
            "skipped": _count(skip.reason for skip in corpus.skipped if skip.stage != "sources"),
            "document_disjoint": corpus.document_disjoint,
        },
        "generation": {
            "generator": generator.config.model,
            "prompts": {prompt.name: prompt.digest for prompt in generator.prompts},
            "candidates": len(candidates.triples),
            "skipped": _count(skip.reason for skip in candidates.skipped),
            "calls_ok": candidates.calls_ok,
            "calls_failed": sum(candidates.calls_failed.values()),
            "failures": candidates.calls_failed,
            "usage": candidates.usage.to_dict(),
        },
        "funnel": sifted.funnel,
        "rows": {
            "kept": len(kept),
            "answered": sum(row.answer is not None for row in kept),
            "splits": _by_split(row.split for row in kept),
            "generators": _count(row.generator for row in kept),
            "flags": _count(flag for row in kept for flag in row.flags),
        },
        "notes": _notes(corpus, generator),
    }


def _notes(corpus: Corpus, generator: Generator) -> list[str]:
    notes = []
    if not corpus.document_disjoint:
        notes.append("The splits are not document-disjoint: the folder is small, so sections of documents were split.")
    if not generator.makes_calls:
        notes.append(f"No LLM wrote these rows: the generator is {generator.config.model}.")
    return notes


def _emptied(candidates: Candidates, sifted: Sifted) -> str:
    if not candidates.triples:
        reasons = ", ".join(f"{reason} {n}" for reason, n in _count(skip.reason for skip in candidates.skipped).items())
        return f"Generation gave no row at all ({reasons or 'no chunk to ask about'})."
    reasons = ", ".join(f"{reason} {n}" for reason, n in sifted.reasons.items())
    return f"The filters turned away all {len(candidates.triples)} candidates ({reasons})."


def _check_queries(queries: str | Path | None, corpus: Corpus) -> None:
    """Raises InputError for human queries that cannot be used, before anything is paid for."""
    if queries is not None:
        from synthgen.training.queries import read_queries

        read_queries(Path(queries), corpus.chunks)


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _by_split(values: Iterable[str]) -> dict[str, int]:
    counts = Counter(values)
    return {name or "none": counts[name] for name in (*SPLITS, "") if counts[name] or name}


@dataclass
class _Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(time.monotonic() - started, 3)

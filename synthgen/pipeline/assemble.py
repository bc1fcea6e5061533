"""What follows from stored answers: candidates, filters, distractors, tables, exports, report.

All of it is derived anew each time, from the corpus, the settings and the answers in the call store. Only steps that ask a
model may add answers, through the `Paid` they are given.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from synthgen import storage
from synthgen.answers.write import write_answers
from synthgen.config.settings import Config
from synthgen.distractors.select import add_distractors
from synthgen.errors import ConfigError, EmptyResultError, InputError, RunFolderError, UnknownNameError
from synthgen.exporters.context import ExportContext
from synthgen.exporters.formats import FORMATS
from synthgen.filters.chain import FilterResult, apply_filters
from synthgen.filters.context import FilterContext
from synthgen.filters.grounding import grounding
from synthgen.filters.lexical_bias import lexical_bias
from synthgen.filters.verdict_cache import VerdictCache
from synthgen.generators import IMPORT
from synthgen.pipeline.corpus import Corpus
from synthgen.pipeline.export import broken, write_checked
from synthgen.pipeline.generation import Candidates, Generator
from synthgen.pipeline.paid_steps import Asking
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import store_path
from synthgen.records import SPLITS, Event, OnEvent, Rejection, Skipped, Triple, Verdict
from synthgen.retrieval.bm25 import over_chunks
from synthgen.retrieval.source_rank import TOO_EASY
from synthgen.text.humanize import counts
from synthgen.training.corpus_encoders import CorpusEncoders

__all__ = ["Clock", "derive", "human_queries"]

_EXAMPLES = 3


def derive(
    corpus: Corpus,
    generator: Generator,
    folder: RunFolder,
    clock: Clock,
    *,
    paid: Asking | None = None,
    on_event: OnEvent | None = None,
) -> tuple[dict[str, Any], FilterResult]:
    """Write the tables and exports of a run; returns its report, without the measurement, and its rows.

    Raises EmptyResultError when no row is left; the tables say why then, unless an earlier result would be lost for it. Raises
    RunFolderError when the human queries of the run are not where they were: no row may repeat one of them.
    """
    config, chunks = generator.config, corpus.by_id
    with clock("candidates"):
        candidates = _candidates(generator, corpus, folder, on_event)
    with clock("index"):
        retriever = over_chunks(corpus.chunks)
    with clock("filters"):
        queries = human_queries(folder)
        cache = VerdictCache(folder.verdicts, chunks, generator.shots, queries)
        encoders = CorpusEncoders(config.training, corpus.chunks, seed=config.seed)
        context = FilterContext(
            chunks,
            retriever,
            generator.shots,
            queries,
            encoders=encoders,
            paid=paid,
            lowers=config.model != IMPORT,
            known=_stored_scores(folder),
            cache=cache,
        )
        settings = config.filters
        filtered = apply_filters(candidates.triples, settings.order, context, options=settings.options, on_event=on_event)
        cache.save()
    with clock("distractors"):
        kept, distractors = add_distractors(
            filtered.kept,
            chunks,
            retriever,
            config.distractors,
            encoders=encoders,
            paid=paid,
            seed=config.seed,
            on_event=on_event,
        )
    answers: dict[str, Any] = {}
    if config.answers.enabled and paid is not None:
        with clock("answers"):
            judge = _grounding(config, context)
            kept, answers = write_answers(kept, chunks, config.answers, paid, grounding=judge, seed=config.seed)
    filtered = replace(filtered, kept=kept)
    if not kept and folder.report.exists():
        raise EmptyResultError(f"{_emptied(candidates, filtered)} The result from before still stands.")
    folder.write("triples", kept)
    folder.write("rejected", filtered.rejected)
    folder.write("skipped", [*corpus.skipped, *candidates.skipped])
    if not kept:
        raise EmptyResultError(f"{_emptied(candidates, filtered)} To read them: synthgen show {folder.path} --rejected")
    exports = {}
    with clock("exports"):
        export_context = ExportContext.of(chunks, corpus.documents, config.seed, filtered.rejected)
        # What was exported by hand since is written anew, too: no format may show other rows than the rest.
        there = sorted(p.name for p in folder.exports.glob("*") if p.name in FORMATS or ":" in p.name)
        formats = list(dict.fromkeys([*config.exports.formats, *there]))
        removed = {}
        for number, name in enumerate(formats, 1):
            try:
                exports[name] = write_checked(kept, export_context, name, folder.exports / name, config).to_dict()
            except (UnknownNameError, ConfigError, InputError, ImportError) as error:
                if name in config.exports.formats or name in FORMATS:
                    raise
                shutil.rmtree(folder.exports / name)
                removed[name] = error
            if on_event:
                on_event(Event("exports", number, len(formats), name))
    report = _report(corpus, candidates, filtered, generator) | {
        "distractors": distractors,
        "answers": answers,
        "exports": exports,
    }
    if config.model == IMPORT:
        report["import"] = (folder.stored() or {})["imported"]
    judgements = paid.report() if paid else {}
    report["notes"] += [
        *context.notes,
        *(
            f"exports/{name} showed rows of before and was removed: it could not be written anew. {e}"
            for name, e in removed.items()
        ),
        *(
            f"exports/{name} must not be used as it is: {wrong}"
            for name, export in exports.items()
            if (wrong := broken(export))
        ),
        *(_unasked(stage, told["missing"]) for stage, told in judgements.items() if told["missing"]),
    ]
    return report | {"judgements": judgements, "lexical_bias": lexical_bias(filtered, chunks)}, filtered


def _stored_scores(folder: RunFolder) -> dict[str, Any]:
    """The scores of rows as the run before has stored them, by id."""
    tables = [folder.table(kind) for kind in ("triples", "rejected") if folder.table(kind).exists()]
    return {row["id"]: json.loads(row["scores"]) for table in tables for row in storage.read_table(table, ["id", "scores"])}


def _grounding(config: Config, context: FilterContext) -> Callable[[Sequence[Triple]], Sequence[Verdict]] | None:
    """The filter grounding as the run has it, for answers that are written later; None in a run without."""
    if "grounding" not in config.filters.order:
        return None
    return partial(grounding, context=context, **config.filters.options.get("grounding", {}))


def _unasked(stage: str, missing: int) -> str:
    without = {
        "distractor_check": "a passage without one is no distractor",
        "raft_answer": "a row without one has no reasoning",
        "styled_answer": "a row without one keeps its plain answer",
    }.get(stage, "a row without one does not pass")
    return f"The step {stage} lacks {missing:,} answers, and {without}; `synthgen run` asks for them."


def human_queries(folder: RunFolder) -> list[str]:
    """The texts of the queries that the run is measured on."""
    path = folder.queries()
    if path is None:
        return []
    from synthgen.evaluation.queries import read_texts

    if not path.is_dir():
        raise RunFolderError(
            f"The queries {path.resolve()} of this run are not there, and its rows must not repeat one of them. "
            "Put them back, or name where they are: `synthgen run … --queries DIR`."
        )
    return list(read_texts(path).values())


def _candidates(generator: Generator, corpus: Corpus, folder: RunFolder, on_event: OnEvent | None) -> Candidates:
    from synthgen.llm.call_store import CallStore

    if generator.config.model == IMPORT:
        skipped = [skip for skip in folder.read("skipped") if skip.stage == IMPORT]
        return Candidates(list(folder.read("candidates")), skipped)
    asked, path = generator.asked(corpus.chunks), store_path(generator.config, folder.calls)
    with CallStore(path, read_only=True) if generator.makes_calls else nullcontext() as store:
        candidates = generator.rows(asked, store, on_event)
    drawn = {chunk.id for chunk in asked}
    left = [Skipped(c.document_id, "generate", "not_sampled", c.id) for c in corpus.chunks if c.split and c.id not in drawn]
    return replace(candidates, skipped=[*candidates.skipped, *left])


def _report(corpus: Corpus, candidates: Candidates, filtered: FilterResult, generator: Generator) -> dict[str, Any]:
    """The facts of a run; without times, so that two runs with the same answers report the same."""
    kept = filtered.kept
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
        "funnel": filtered.funnel,
        "examples": _examples(filtered.rejected),
        "rows": {
            "kept": len(kept),
            "answered": sum(row.answer is not None for row in kept),
            "splits": _by_split(row.split for row in kept),
            "generators": _count(row.generator for row in kept),
            "flags": _count(flag for row in kept for flag in row.flags),
            "too_easy": sum(float(row.scores.get("easy") or 0.0) >= TOO_EASY for row in kept),
        },
        "notes": _notes(corpus, generator),
    }


def _notes(corpus: Corpus, generator: Generator) -> list[str]:
    notes = []
    if not corpus.document_disjoint:
        notes.append("The splits are not document-disjoint: the folder is small, so sections of documents were split.")
    if generator.config.model == IMPORT:
        notes.append("The rows were imported; each names its generator where its file did.")
    elif not generator.makes_calls:
        notes.append(f"No LLM wrote these rows: the generator is {generator.config.model}.")
    return notes


def _examples(rejected: Iterable[Rejection]) -> dict[str, list[dict[str, Any]]]:
    """The first rejected rows of each stage and reason."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in rejected:
        listed = found.setdefault(f"{one.stage}:{one.reason}", [])
        if len(listed) < _EXAMPLES:
            row = one.triple
            listed.append(
                {"id": row.id, "query": row.query, "answer": row.answer, "chunk_id": row.chunk_id, "score": one.score}
            )
    return dict(sorted(found.items()))


def _emptied(candidates: Candidates, filtered: FilterResult) -> str:
    if not candidates.triples:
        reasons = counts(_count(skip.reason for skip in candidates.skipped))
        return f"Generation gave no row at all ({reasons or 'no chunk to ask about'})."
    return f"The filters turned away all {len(candidates.triples)} candidates ({counts(filtered.reasons)})."


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _by_split(values: Iterable[str]) -> dict[str, int]:
    found = Counter(values)
    return {name or "none": found[name] for name in (*SPLITS, "") if found[name] or name}


@dataclass
class Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(time.monotonic() - started, 3)

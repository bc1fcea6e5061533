"""From a corpus and its stored answers to tables and exports, stage by stage.

Everything is derived anew each time, from the corpus, the settings and the answers in the call store. Only the stages that ask a
model may add answers, through the paid steps that they are given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from synthgen.answers.write import write_answers
from synthgen.distractors.select import add_distractors
from synthgen.errors import ConfigError, DamagedFileError, EmptyResultError, InputError, UnknownNameError
from synthgen.exporters.context import ExportContext
from synthgen.exporters.formats import FORMATS
from synthgen.filters.chain import FilterResult, apply_filters
from synthgen.filters.context import FilterContext
from synthgen.filters.grounding import grounding
from synthgen.filters.verdict_cache import VerdictCache
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.corpus import Corpus
from synthgen.pipeline.export import broken, exported, remove_export, write_own
from synthgen.pipeline.generation import Candidates
from synthgen.pipeline.paid_steps import StepRunner
from synthgen.pipeline.queries import human_queries
from synthgen.pipeline.report_schema import ExportCounts
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import stored_answers
from synthgen.records import Chunk, Triple, Verdict
from synthgen.retrieval.bm25 import BM25, over_chunks
from synthgen.text.humanize import counts
from synthgen.training.corpus_encoders import CorpusEncoders

__all__ = ["STAGES", "Assembly", "assemble"]


@dataclass
class Assembly:
    """A corpus, and what the stages have made of it so far. `steps` asks the models of the paid steps, None where none asks."""

    run: RunContext
    corpus: Corpus
    steps: StepRunner | None = None
    candidates: Candidates = field(default_factory=lambda: Candidates([], []))
    retriever: BM25 = field(init=False)
    filtered: FilterResult = field(default_factory=lambda: FilterResult([], []))
    distractors: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    exports: dict[str, ExportCounts] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def chunks(self) -> dict[str, Chunk]:
        return self.corpus.by_id

    @cached_property
    def encoders(self) -> CorpusEncoders:
        return CorpusEncoders(self.run.config.training, self.corpus.chunks, seed=self.run.config.seed)

    @cached_property
    def filter_context(self) -> FilterContext:
        folder, generator = self.run.folder, self.run.generator
        queries = human_queries(folder)
        return FilterContext(
            self.chunks,
            self.retriever,
            generator.shots,
            queries,
            encoders=self.encoders,
            paid=self.steps,
            lowers=generator.lowers_thresholds,
            known=_stored_scores(folder),
            cache=VerdictCache(folder.verdicts, self.chunks, generator.shots, queries),
        )


def assemble(run: RunContext, corpus: Corpus, steps: StepRunner | None) -> Assembly:
    """Write the tables and exports of a run.

    Raises EmptyResultError when no row is left; the tables say why, unless that would replace an earlier result. Raises
    RunFolderError when the human queries of the run have been moved, since no row may repeat one of them.
    """
    made = Assembly(run, corpus, steps)
    for stage in STAGES:
        with run.clock(stage.__name__):
            stage(made)
    return made


def candidates(made: Assembly) -> None:
    """The rows that the generator makes, from stored answers where it asks a model."""
    run = made.run
    stored = stored_answers(run.store, run.config, run.folder) if run.generator.makes_calls else nullcontext()
    with stored as store:
        made.candidates = run.generator.candidates(made.corpus.chunks, store, run.on_event)


def index(made: Assembly) -> None:
    """The lexical search over all chunks."""
    made.retriever = over_chunks(made.corpus.chunks)


def filters(made: Assembly) -> None:
    """The rows that pass the chain of filters."""
    run, context, settings = made.run, made.filter_context, made.run.config.filters
    made.filtered = apply_filters(
        made.candidates.triples,
        settings.order,
        context,
        options=settings.options,
        accepted=made.candidates.accepted,
        on_event=run.on_event,
    )
    if rejected := made.candidates.rejected:
        kept = len(made.candidates.triples)
        review = {
            "stage": rejected[0].stage,
            "in": kept + len(rejected),
            "kept": kept,
            "rejected": {rejected[0].reason: len(rejected)},
        }
        made.filtered = replace(
            made.filtered,
            rejected=[*rejected, *made.filtered.rejected],
            funnel=[review, *made.filtered.funnel],
        )
    if context.cache:
        context.cache.save()
    made.notes += context.notes


def distractors(made: Assembly) -> None:
    """Passages that look like the answer, for each row that is kept."""
    run = made.run
    added, made.distractors = add_distractors(
        _incomplete(made),
        made.chunks,
        made.retriever,
        run.config.distractors,
        encoders=made.encoders,
        paid=made.steps,
        seed=run.config.seed,
        on_event=run.on_event,
    )
    made.filtered = _with(made, added)


def answers(made: Assembly) -> None:
    """Reasoning and styled answers, where the settings want some."""
    config = made.run.config
    if not config.answers.enabled or made.steps is None:
        return
    written, made.answers = write_answers(
        _incomplete(made), made.chunks, config.answers, made.steps, grounding=_grounding(made), seed=config.seed
    )
    made.filtered = _with(made, written)


def tables(made: Assembly) -> None:
    """Kept, rejected and skipped rows as tables. An empty result does not replace an earlier one."""
    folder = made.run.folder
    if not made.filtered.kept and folder.report.exists():
        raise EmptyResultError(f"{_why_empty(made)} The result from before still stands.")
    skipped = [*made.corpus.skipped, *made.candidates.skipped]
    folder.write_tables({"triples": made.filtered.kept, "rejected": made.filtered.rejected, "skipped": skipped})
    if not made.filtered.kept:
        raise EmptyResultError(f"{_why_empty(made)} To read them: synthgen show {folder.path} --rejected")


def exports(made: Assembly) -> None:
    """The formats of the settings, and those that were exported by hand since: no format may show other rows than the rest."""
    run, config = made.run, made.run.config
    context = ExportContext.of(made.chunks, made.corpus.documents, config.seed, made.filtered.rejected)
    formats = list(dict.fromkeys([*config.exports.formats, *exported(run.folder)]))
    removed: list[str] = []
    for number, name in enumerate(formats, 1):
        try:
            made.exports[name] = write_own(made.filtered.kept, context, name, run.folder, config)
        except (UnknownNameError, ConfigError, InputError, ImportError) as error:
            if name in config.exports.formats or name in FORMATS:
                raise
            remove_export(run.folder, name)
            removed.append(f"exports/{name} showed rows of before and was removed: it could not be written anew. {error}")
        run.progress("exports", number, len(formats), name)
    made.notes += removed
    made.notes += [
        f"exports/{name} must not be used as it is: {wrong}"
        for name, export in made.exports.items()
        if (wrong := broken(export))
    ]


def _incomplete(made: Assembly) -> list[Triple]:
    """Return the kept rows without those that an earlier run has completed."""
    return [row for row in made.filtered.kept if row.id not in made.candidates.accepted]


def _with(made: Assembly, rows: Sequence[Triple]) -> FilterResult:
    """Return the filtered rows with `rows` in the places of the incomplete ones."""
    new = iter(rows)
    kept = [row if row.id in made.candidates.accepted else next(new) for row in made.filtered.kept]
    return replace(made.filtered, kept=kept)


Stage = Callable[[Assembly], None]

STAGES: Sequence[Stage] = (candidates, index, filters, distractors, answers, tables, exports)
"""Each adds to the assembly what it makes, from what the stages before have made."""


def _stored_scores(folder: RunFolder) -> Mapping[str, Any]:
    """The scores of rows as the run before has stored them, by id; none of a table that is damaged."""
    found: dict[str, Any] = {}
    for kind in ("triples", "rejected"):
        with suppress(DamagedFileError, ValueError):
            rows = folder.columns(kind, "id", "scores") if folder.has(kind) else []
            found |= {row["id"]: json.loads(row["scores"]) for row in rows}
    return found


def _grounding(made: Assembly) -> Callable[[Sequence[Triple]], Sequence[Verdict]] | None:
    """The filter grounding as the run has it, for answers that are written later; None in a run without."""
    settings = made.run.config.filters
    if "grounding" not in settings.order:
        return None
    return partial(grounding, context=made.filter_context, **settings.options.get("grounding", {}))


def _why_empty(made: Assembly) -> str:
    if not made.candidates.triples:
        return f"Generation gave no row ({counts(made.candidates.reasons) or 'there is no chunk to ask about'})."
    rejected = counts(made.filtered.reasons)
    return f"The filters rejected all {len(made.candidates.triples)} candidates ({rejected})."

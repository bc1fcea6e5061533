"""The recipe: every stage once, in order.

`run` is the whole of it. All but the paid calls is derived anew each time, from documents, settings and stored answers, so a
run that was killed goes on when it is run again, and another threshold costs nothing. The verbs below it start further
down the same road, from the tables and the calls of a run folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen import storage
from synthgen.config.settings import Config, load_config
from synthgen.errors import ConfigError, EmptyResultError, MissingExtraError, RunFolderError
from synthgen.exporters.export import check_format
from synthgen.filters.chain import check_filters
from synthgen.filters.context import FilterContext
from synthgen.generators import IMPORT
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import Wanted
from synthgen.llm.reask import failed_again, to_ask
from synthgen.llm.session import Session
from synthgen.pipeline.assemble import Clock, derive
from synthgen.pipeline.corpus import Corpus, keep_corpus, prepare, read_corpus
from synthgen.pipeline.generation import Generator, make_generator
from synthgen.pipeline.paid_steps import Asking, asking, repeating, session_of
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import open_store
from synthgen.records import CLASSIFICATION, Chunk, OnEvent, Rejection, Triple

__all__ = ["Result", "check_queries", "conclude", "evaluate", "refilter", "retry", "run", "train"]

_NOT_MEASURED = "The gain was not measured; `synthgen train RUN` measures it"
_NO_QUESTIONS = "The rows are texts with labels and no questions, so there is no search to train or to measure."
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
    generator, clock = make_generator(config or Config()), Clock()
    if generator.config.model == IMPORT:
        raise ConfigError("`import` is no model. `synthgen import FILE DOCS RUN` brings rows in; `run` makes new ones.")
    docs, config = Path(docs), generator.config
    check_filters(config.filters.order, config.filters.options)
    for name in config.exports.formats:
        check_format(name, config.exports.options.get(name))
    folder, session = prepare(docs, run_folder), session_of(generator)
    with folder.held():
        folder.check(docs, generator.facts, update=update)
        with clock("documents"):
            corpus = read_corpus(docs, folder, config, generator.prompts, on_event)
            check_queries(queries, corpus)
            keep_corpus(docs, folder, generator, corpus, queries=queries)
        with clock("calls"):
            _call(generator, corpus, folder, session, on_event)
        return conclude(corpus, generator, folder, clock, session=session, queries=queries, on_event=on_event)


def conclude(
    corpus: Corpus,
    generator: Generator,
    folder: RunFolder,
    clock: Clock,
    *,
    session: Session | None,
    queries: str | Path | None = None,
    on_event: OnEvent | None = None,
) -> Result:
    """From a corpus and its stored candidates to the result of a run: funnel, distractors, exports, measurement, report."""
    with asking(generator, folder, session=session, on_event=on_event) as paid:
        report, filtered = derive(corpus, generator, folder, clock, paid=paid, on_event=on_event)
    with clock("training"):
        _measure(report, corpus.chunks, filtered.kept, generator.config, folder, queries, on_event)
    storage.write_json(folder.report, report | {"timing": clock.seconds})
    return Result(folder.path, filtered.kept, filtered.rejected, corpus.by_id, report)


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
    folder, clock = RunFolder(Path(run_folder)), Clock()
    before, stored = folder.open()
    after = load_config(config, settings, base=before)
    generator = make_generator(after)
    changed = [name for name, value in generator.facts.items() if stored["generation"].get(name) != value]
    if changed:
        raise ConfigError(f"`filter` makes no calls, so it cannot change {', '.join(changed)}. Use `synthgen run … --update`.")
    check_filters(after.filters.order, after.filters.options)
    with folder.held():
        with asking(generator, folder) as paid:
            report = _derived_again(_stored_corpus(folder), generator, folder, clock, paid, on_event)
        folder.settle(folder.docs(stored), after, generation=generator.facts)
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
    folder, clock = RunFolder(Path(run_folder)), Clock()
    before, stored = folder.open()
    generator = make_generator(load_config(None, settings, overrides, base=before))
    session = session_of(generator)
    if session is None:
        raise ConfigError(f"{folder.path} has no calls to repeat: {before.model} makes none.")
    changed = [name for name, value in generator.facts.items() if stored["generation"].get(name) != value]
    if changed:
        raise ConfigError(f"`retry` repeats calls as they were, so it cannot change {', '.join(changed)}. Use `synthgen run`.")
    with folder.held():
        corpus = _stored_corpus(folder)
        with clock("calls"):
            _call(generator, corpus, folder, session, on_event, wanted=failed_again)
        with asking(generator, folder, session=session, wanted=repeating, on_event=on_event) as paid:
            return _derived_again(corpus, generator, folder, clock, paid, on_event)


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
        folder.settle(folder.docs(stored), config)
    return result


def evaluate(
    run_folder: str | Path, queries: str | Path, *, base: str | None = None, on_event: OnEvent | None = None
) -> dict[str, Any]:
    """Measure the tuned encoder of a run on human queries, beside its base (or `base`), BM25 and the hybrid."""
    from synthgen.evaluation.before_and_after import evaluate_model

    folder = RunFolder(Path(run_folder))
    config, _ = folder.open()
    if not folder.model.exists():
        raise RunFolderError(f"{folder.path} has no model yet. Make one with `synthgen train {folder.path}`.")
    chunks = list(folder.read("chunks"))
    return evaluate_model(chunks, model=folder.model, base=base, queries=Path(queries), seed=config.seed, on_event=on_event)


def _call(
    generator: Generator,
    corpus: Corpus,
    folder: RunFolder,
    session: Session | None,
    on_event: OnEvent | None,
    *,
    wanted: Wanted = to_ask,
) -> None:
    if generator.makes_calls:
        asked = generator.asked(corpus.chunks)
        with open_store(generator.config, folder) as store:
            run_async(generator.agenerate(asked, store, on_event, wanted=wanted, session=session))


def _stored_corpus(folder: RunFolder) -> Corpus:
    """The corpus of a run as its tables have it; chunks that generation left out are not among what was skipped."""
    skipped = folder.read("skipped") if folder.table("skipped").exists() else ()
    kept_skips = [skip for skip in skipped if skip.stage not in ("generate", IMPORT)]
    return Corpus(list(folder.read("documents")), list(folder.read("chunks")), kept_skips)


def _derived_again(
    corpus: Corpus, generator: Generator, folder: RunFolder, clock: Clock, paid: Asking | None, on_event: OnEvent | None
) -> dict[str, Any]:
    """Everything that follows from the calls, anew; what was measured on the rows before is stale."""
    report, filtered = derive(corpus, generator, folder, clock, paid=paid, on_event=on_event)
    measured = storage.read_json(folder.report)["training"] if folder.report.exists() else None
    report["training"] = measured and measured | {"stale": True}
    report["notes"].append(_STALE if measured else _unmeasured(filtered.kept))
    storage.write_json(folder.report, report | {"timing": clock.seconds})
    return report


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
        report["notes"].append(_unmeasured(kept))
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
    """Train and measure. No row that repeats one of `queries` is trained on, whatever the filters were told: `leaks` counts them."""
    from synthgen.evaluation.before_and_after import train_and_measure
    from synthgen.evaluation.queries import read_texts
    from synthgen.filters.leaks import leaks

    if not (questions := _questions(triples)):
        raise EmptyResultError(_NO_QUESTIONS)
    human, settings = Path(queries) if queries else None, config.training
    context = FilterContext({chunk.id: chunk for chunk in chunks}, queries=list(read_texts(human).values()) if human else ())
    taught = [verdict.triple for verdict in leaks(questions, context) if not verdict.reason]
    result = train_and_measure(
        chunks, taught, settings=settings, seed=config.seed, output=folder.model, queries=human, on_event=on_event
    )
    return result | {"leaks": len(questions) - len(taught)}


def _questions(triples: Iterable[Triple]) -> list[Triple]:
    return [triple for triple in triples if triple.kind != CLASSIFICATION]


def _unmeasured(triples: Sequence[Triple]) -> str:
    return f"{_NOT_MEASURED}." if _questions(triples) else _NO_QUESTIONS


def check_queries(queries: str | Path | None, corpus: Corpus) -> None:
    """Raises InputError for human queries that cannot be used, before anything is paid for."""
    if queries is not None:
        from synthgen.evaluation.queries import read_queries

        read_queries(Path(queries), corpus.chunks)

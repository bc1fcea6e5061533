"""The recipe: every stage once, in order. The verb `run`.

Everything but the paid calls is derived anew each time, from documents, settings and stored answers. So a run that was killed
goes on when it is run again, and another threshold costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthgen.config.settings import Config
from synthgen.evaluation.before_and_after import check_model_folder
from synthgen.exporters.export import check_format
from synthgen.filters.chain import check_filters
from synthgen.pipeline.assemble import assemble
from synthgen.pipeline.calls import make_calls
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.corpus import Corpus, keep_corpus, prepare, read_corpus
from synthgen.pipeline.export import check_exports
from synthgen.pipeline.generation import make_generator
from synthgen.pipeline.measure import measure
from synthgen.pipeline.paid_steps import paid_steps, session_of
from synthgen.pipeline.queries import check_queries
from synthgen.pipeline.record_lists import Records, RecordsById, Triples
from synthgen.pipeline.replacement import check_change, check_documents, keep_aside
from synthgen.pipeline.report import make_report, write_report
from synthgen.pipeline.report_schema import RunReport
from synthgen.pipeline.stores import check_paid
from synthgen.records import Chunk, OnEvent, Rejection, Triple
from synthgen.text.humanize import short_repr

__all__ = ["Result", "check_settings", "check_state", "conclude", "run"]

_log = logging.getLogger("synthgen")


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """What a run made. `kept` and `rejected` add up to the candidates of `report`; `chunks` maps ids to chunks.

    `report` has the content of `report.json` but for its times: `report.rows.kept`, or `report["rows"]["kept"]` by the keys of the file.
    """

    __repr__ = short_repr

    path: Path
    kept: list[Triple]
    rejected: list[Rejection]
    chunks: Mapping[str, Chunk]
    report: RunReport


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
    generator, docs = make_generator(config or Config()), Path(docs)
    check_settings(generator.config)
    run = RunContext(prepare(docs, run_folder), generator, on_event, session_of(generator))
    with run.folder.held():
        check_exports(run.folder, generator.config.exports.formats)
        if generator.config.training.enabled:
            check_model_folder(run.folder.model)
        check_change(run.folder, generator, update=update)
        check_state(run)
        with run.clock("documents"):
            corpus = read_corpus(docs, run)
            check_documents(run.folder, docs, corpus)
            check_queries(queries, corpus)
            keep_aside(run.folder, generator)
            keep_corpus(docs, run, corpus, queries=queries)
        with run.clock("calls"):
            make_calls(run, corpus.chunks)
        return conclude(run, corpus, queries)


def check_state(run: RunContext) -> None:
    """Report each table that is damaged, since it is about to be made anew. Raises what `check_paid` raises."""
    for damage in run.folder.damaged():
        _log.warning("%s It is made anew.", damage.what)
    if run.session is not None:
        check_paid(run.folder, run.config)


def check_settings(config: Config) -> None:
    """Raises UnknownNameError or ConfigError for filters and formats that a run cannot use, before anything is paid for."""
    check_filters(config.filters.order, config.filters.options)
    for name in config.exports.formats:
        check_format(name, config.exports.options.get(name))


def conclude(run: RunContext, corpus: Corpus, queries: str | Path | None) -> Result:
    """From a corpus and its stored candidates to the result of a run: funnel, distractors, exports, measurement, report."""
    with paid_steps(run) as steps:
        made = assemble(run, corpus, steps)
    report, filtered = make_report(made), made.filtered
    with run.clock("training"):
        measure(run, report, corpus.chunks, filtered.kept, queries)
    write_report(run.folder, report, run.clock.seconds)
    kept, rejected = Triples(filtered.kept, made.chunks), Records(filtered.rejected)
    return Result(run.folder.path, kept, rejected, RecordsById(made.chunks), report)

"""The funnel of a run, cut again: the verb `filter`. What it needs are the tables and the calls of the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthgen.config.settings import load_config
from synthgen.errors import ConfigError
from synthgen.filters.chain import check_filters
from synthgen.pipeline.assemble import assemble
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.corpus import Corpus, stored_corpus
from synthgen.pipeline.export import check_exports
from synthgen.pipeline.imported import stored_generator
from synthgen.pipeline.measure import mark_stale
from synthgen.pipeline.paid_steps import paid_steps
from synthgen.pipeline.replacement import keep_aside
from synthgen.pipeline.report import earlier_report, make_report, write_report
from synthgen.pipeline.report_schema import RunReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import OnEvent

__all__ = ["reassemble", "refilter"]


def refilter(
    run_folder: str | Path,
    *,
    config: str | Path | None = None,
    settings: Sequence[str] = (),
    on_event: OnEvent | None = None,
) -> RunReport:
    """Cut the funnel of a run again with other settings of the later stages: no call is made.

    Distractors and exports are made anew, the model and its measurement are marked stale. Returns the new report.
    """
    folder = RunFolder(Path(run_folder))
    before, stored = folder.open()
    generator = stored_generator(load_config(config, settings, base=before), folder)
    if changed := folder.changed(generator.facts):
        raise ConfigError(f"`filter` makes no calls, so it cannot change {', '.join(changed)}. Use `synthgen run … --update`.")
    after = generator.config
    check_filters(after.filters.order, after.filters.options)
    with folder.held():
        check_exports(folder, generator.config.exports.formats)
        keep_aside(folder, generator)
        run = RunContext(folder, generator, on_event)
        report = reassemble(run, stored_corpus(run))
        folder.settle(folder.docs(stored), after, generation=generator.facts)
    return report


def reassemble(run: RunContext, corpus: Corpus) -> RunReport:
    """Everything that follows from the calls, anew; what was measured on the rows before is stale."""
    with paid_steps(run) as steps:
        made = assemble(run, corpus, steps)
    report = make_report(made)
    mark_stale(report, earlier_report(run.folder), made.filtered.kept)
    write_report(run.folder, report, run.clock.seconds)
    return report

"""The calls of a run that failed, once more: the verb `retry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgen.config.settings import load_config
from synthgen.errors import ConfigError
from synthgen.llm import Answers
from synthgen.llm.reask import failed_again, to_ask
from synthgen.pipeline.calls import make_calls
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.corpus import stored_corpus
from synthgen.pipeline.export import check_exports
from synthgen.pipeline.imported import stored_generator
from synthgen.pipeline.paid_steps import session_of
from synthgen.pipeline.refilter import reassemble
from synthgen.pipeline.replacement import keep_aside
from synthgen.pipeline.report_schema import RunReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import OnEvent, Request

__all__ = ["retry"]


def retry(
    run_folder: str | Path,
    *,
    settings: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    on_event: OnEvent | None = None,
) -> RunReport:
    """Repeat the calls of a run that failed, for whatever reason, and no others; then the funnel, as `refilter` does.

    `settings` and `overrides` may change how calls are made (caps, concurrency, patience, …) and nothing about what is asked.
    Returns the new report. Raises what `run` raises; ConfigError for a run without calls.
    """
    folder = RunFolder(Path(run_folder))
    before, _ = folder.open()
    generator = stored_generator(load_config(None, settings, overrides, base=before), folder)
    session = session_of(generator)
    if session is None:
        raise ConfigError(f"{folder.path} has no calls to repeat: {before.model} makes none.")
    if changed := folder.changed(generator.facts):
        raise ConfigError(f"`retry` repeats calls as they were, so it cannot change {', '.join(changed)}. Use `synthgen run`.")
    run = RunContext(folder, generator, on_event, session, wanted=failed_again)
    with folder.held():
        check_exports(folder, generator.config.exports.formats)
        keep_aside(folder, generator)
        corpus = stored_corpus(run)
        with run.clock("calls"):
            make_calls(run, corpus.chunks)
        return reassemble(replace(run, wanted=_failed_or_never_sent), corpus)


def _failed_or_never_sent(request: Request, answers: Answers) -> Request | None:
    """In later steps: what failed, and what was never asked because an earlier call failed."""
    return failed_again(request, answers) or to_ask(request, answers)

"""Training a bi-encoder on the rows of a run, and measuring what it brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthgen.errors import EmptyResultError, MissingExtraError
from synthgen.filters.context import FilterContext
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.report_schema import RunReport, TrainingReport
from synthgen.records import CLASSIFICATION, Chunk, Triple

__all__ = ["mark_stale", "measure", "train_and_measure"]

_NOT_MEASURED = "The gain was not measured; `synthgen train RUN` measures it"
_NO_QUESTIONS = "The rows are texts with labels and no questions, so there is no search to train or to measure."
_STALE = "The model and its figures are of the rows before the last `filter`; `synthgen train RUN` makes them anew."


def measure(
    run: RunContext, report: RunReport, chunks: Sequence[Chunk], kept: Sequence[Triple], queries: str | Path | None
) -> None:
    """Train and measure into `report`; where that is not possible, one sentence there says why and what to do."""
    if not run.config.training.enabled:
        report.unmeasured = _unmeasured(kept)
        return
    try:
        report.training = train_and_measure(run, chunks, kept, queries)
    except (MissingExtraError, EmptyResultError) as error:
        report.unmeasured = f"{_NOT_MEASURED}. {error}"


def mark_stale(report: RunReport, before: RunReport | None, kept: Sequence[Triple]) -> None:
    """Take the figures of the report before into one on other rows, as stale ones."""
    report.training = before.training if before else None
    if report.training is not None:
        report.training.stale = True
    report.unmeasured = _STALE if report.training else _unmeasured(kept)


def train_and_measure(
    run: RunContext, chunks: Sequence[Chunk], triples: Sequence[Triple], queries: str | Path | None
) -> TrainingReport:
    """Tune an encoder on the rows and measure it. A row that repeats one of `queries` is counted in `leaks` and not trained on.

    That does not depend on the filters of the run. Raises MissingExtraError, and EmptyResultError for rows that cannot be trained on.
    """
    from synthgen.evaluation import before_and_after
    from synthgen.evaluation.queries import read_texts
    from synthgen.filters.leaks import leaks

    if not (questions := _questions(triples)):
        raise EmptyResultError(_NO_QUESTIONS)
    human, config = Path(queries) if queries else None, run.config
    context = FilterContext({chunk.id: chunk for chunk in chunks}, queries=list(read_texts(human).values()) if human else ())
    taught = [verdict.triple for verdict in leaks(questions, context) if not verdict.reason]
    figures = before_and_after.train_and_measure(
        chunks,
        taught,
        settings=config.training,
        seed=config.seed,
        output=run.folder.model,
        queries=human,
        on_event=run.on_event,
    )
    return TrainingReport.model_validate(figures | {"leaks": len(questions) - len(taught)})


def _questions(triples: Sequence[Triple]) -> list[Triple]:
    return [triple for triple in triples if triple.kind != CLASSIFICATION]


def _unmeasured(triples: Sequence[Triple]) -> str:
    return f"{_NOT_MEASURED}." if _questions(triples) else _NO_QUESTIONS

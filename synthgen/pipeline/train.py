"""The bi-encoder of a run, tuned and measured anew: the verb `train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.config.settings import load_config
from synthgen.evaluation.before_and_after import check_model_folder
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.imported import stored_generator
from synthgen.pipeline.measure import train_and_measure
from synthgen.pipeline.report import read_report, write_report
from synthgen.pipeline.report_schema import TrainingReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import OnEvent

__all__ = ["train"]


def train(
    run_folder: str | Path,
    *,
    queries: str | Path | None = None,
    settings: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    on_event: OnEvent | None = None,
) -> TrainingReport:
    """Fine-tune on the kept rows of a run and measure; the figures also go into its report."""
    folder = RunFolder(Path(run_folder))
    with folder.held():
        before, stored = folder.open()
        check_model_folder(folder.model)
        report = read_report(folder)  # before the work: one that cannot be read is reported at once
        config = load_config(None, settings, overrides, base=before)
        run = RunContext(folder, stored_generator(config, folder), on_event)
        measured = train_and_measure(run, list(folder.read("chunks")), list(folder.read("triples")), queries)
        if report is not None:
            report.training, report.unmeasured = measured, None
            write_report(folder, report)
        folder.settle(folder.docs(stored), config)
    return measured

"""The tuned bi-encoder of a run, measured on human queries: the verb `evaluate`."""

from __future__ import annotations

from pathlib import Path

from synthgen.errors import RunFolderError
from synthgen.pipeline.report_schema import EvaluationReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import OnEvent

__all__ = ["evaluate"]


def evaluate(
    run_folder: str | Path, queries: str | Path, *, base: str | None = None, on_event: OnEvent | None = None
) -> EvaluationReport:
    """Measure the tuned encoder of a run on human queries, beside its base (or `base`), BM25 and the hybrid."""
    from synthgen.evaluation.before_and_after import evaluate_model

    folder = RunFolder(Path(run_folder))
    config, _ = folder.open()
    if not folder.model.exists():
        raise RunFolderError(f"{folder.path} has no model yet. Make one with `synthgen train {folder.path}`.")
    chunks = list(folder.read("chunks"))
    figures = evaluate_model(chunks, model=folder.model, base=base, queries=Path(queries), seed=config.seed, on_event=on_event)
    return EvaluationReport.model_validate(figures)

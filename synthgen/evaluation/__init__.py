"""Fine-tuning a retriever on the rows of a run, and measuring what that brought (extra: train)."""

from __future__ import annotations

from synthgen.evaluation.before_and_after import evaluate_model, train_and_measure
from synthgen.evaluation.table import format_table

__all__ = ["evaluate_model", "format_table", "train_and_measure"]

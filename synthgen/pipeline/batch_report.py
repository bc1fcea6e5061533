"""The reports of `synthgen batch submit`, `status` and `collect`, as `--json` prints them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from synthgen.pipeline.report_schema import Report, TokenCounts

__all__ = ["BatchOverview", "BatchRow", "CollectReport", "SubmitReport"]


class BatchRow(Report):
    """One batch. `state` is the provider's word, or ours while it has none."""

    id: str
    batch: str = Field(description="the provider's own id")
    run: str
    endpoint: str
    created: str
    state: str
    requests: int
    completed: int
    failed: int
    collected: bool
    messages: list[str]


class SubmitReport(Report):
    """What was submitted. `asked_live` were sent before, to find the form of request that the endpoint accepts."""

    what: Literal["submit"]
    run: str
    model: str
    batches: list[BatchRow]
    submitted: int
    asked_live: int
    waiting_before: int


class BatchOverview(Report):
    """Every batch of the store. `answers` counts what the store has, `waiting` what this run has in batches."""

    what: Literal["status"]
    run: str
    model: str
    batches: list[BatchRow]
    answers: int
    waiting: int
    to_submit: int


class CollectReport(Report):
    """What was collected: `ok` and `failed` are stored now, `to_resubmit` came back without an answer."""

    what: Literal["collect"]
    run: str
    model: str
    batches: list[BatchRow]
    ok: int
    failed: dict[str, int]
    to_resubmit: dict[str, int]
    unknown: int = Field(description="lines for requests that are not known")
    unreadable: int
    usage: TokenCounts
    dollars: float | None
    prices_dated: str
    waiting: int
    to_submit: int

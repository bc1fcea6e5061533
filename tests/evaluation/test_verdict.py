"""A gain is a gain only where interval and p value agree, and the same words say so everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from synthgen.evaluation.table import format_table

CASES: dict[str, tuple[float | None, float | None, float | None, int, str]] = {
    "clear gain": (0.02, 0.08, 0.001, 40, "gain"),
    "clear loss": (-0.08, -0.02, 0.001, 40, "LOSS"),
    "interval above zero, p of 0.06": (0.001, 0.08, 0.06, 40, "no clear difference"),
    "interval below zero, p of 0.06": (-0.08, -0.001, 0.06, 40, "no clear difference"),
    "p just at the level": (0.001, 0.08, 0.05, 40, "no clear difference"),
    "p just below the level": (0.001, 0.08, 0.0499, 40, "gain"),
    "interval across zero, small p": (-0.001, 0.08, 0.04, 40, "no clear difference"),
    "interval that touches zero": (0.0, 0.08, 0.03, 40, "no clear difference"),
    "no difference at all": (0.0, 0.0, 1.0, 40, "no clear difference"),
    "few groups, large gain": (0.1, 0.5, 0.001, 9, "too few groups to tell"),
    "just enough groups": (0.1, 0.5, 0.001, 10, "gain"),
}


@pytest.mark.parametrize(("low", "high", "p", "groups", "words"), CASES.values(), ids=CASES)
def test_the_table_says_gain_or_loss_only_of_a_significant_difference(
    low: float | None, high: float | None, p: float | None, groups: int, words: str
) -> None:
    line = next(line for line in shown(low, high, p, groups).splitlines() if line.startswith("tuned - base"))
    said = [
        verdict for verdict in ("gain", "LOSS", "no clear difference", "too few groups to tell") if f", {verdict} (" in line
    ]
    assert said == [words]


def shown(low: float | None, high: float | None, p: float | None, groups: int) -> str:
    delta = {"ndcg@10": 0.04, "low": low, "high": high, "p": p, "minimum_detectable": 0.03}
    measured: dict[str, Any] = {
        "setting": "deployment", "queries_are": "given", "relevance": "document", "queries": 100, "without_relevant": 0,
        "unknown_ids": 0, "groups": groups, "index": 9, "systems": {}, "deltas": {"tuned-base": delta},
    }  # fmt: skip
    chosen = {"system": "bm25", "rule": "a rule", "reason": "a reason"}
    return format_table({"deployment": measured, "unseen documents": None, "recommendation": chosen})


SPLITS: dict[str, tuple[dict[str, str], bool]] = {
    "documents of their own": ({"a#1": "train", "a#2": "train", "b#1": "test"}, True),
    "sections of one document": ({"a#1": "train", "a#2": "test"}, False),
    "one of two documents was split": ({"a#1": "train", "a#2": "test", "b#1": "test"}, False),
    "dev beside test": ({"a#1": "train", "b#1": "dev", "b#2": "test"}, True),
    "no train at all": ({"a#1": "test", "b#1": "test"}, True),
    "a chunk without a split": ({"a#1": "", "a#2": "test", "b#1": "train"}, True),
}


@pytest.mark.parametrize(("splits", "unseen"), SPLITS.values(), ids=SPLITS)
def test_documents_are_unseen_only_where_none_of_them_gave_training_rows(
    splits: dict[str, str], unseen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthgen.evaluation import retrieval
    from synthgen.records import Chunk, make_triple

    chunks = [Chunk(id, id[0], 0, 4, "text", id, split=split) for id, split in splits.items()]
    rows = [make_triple(chunk, "What is it?", "text") for chunk in chunks if chunk.split == "test"]
    monkeypatch.setattr(retrieval, "_measure", lambda *_, **__: {})
    found = retrieval.measure_synthetic(chunks, rows, None, None)  # type: ignore[arg-type]
    assert found is not None
    assert (found.setting == "unseen documents") == unseen
    assert ("documents that gave training rows" in found.setting) != unseen

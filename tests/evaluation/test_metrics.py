"""Metrics against values worked out by hand, and statistics against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthgen.evaluation.metrics import METRICS, measures
from synthgen.evaluation.significance import compare

RANKED = ["d3", "d1", "d7", "d2", "d9", "d4"]


def figures(ranking: list[str], relevant: dict[str, float]) -> dict[str, float]:
    found = measures([ranking], [relevant])
    assert tuple(found) == METRICS
    return {name: float(values[0]) for name, values in found.items()}


def test_one_relevant_document_at_rank_two() -> None:
    found = figures(RANKED, {"d1": 1})
    assert found["ndcg@10"] == pytest.approx(1 / math.log2(3))
    assert found["mrr@10"] == 0.5
    assert [found[f"recall@{k}"] for k in (1, 5, 10, 100)] == [0, 1, 1, 1]


def test_graded_gains_are_held_against_the_ideal_order() -> None:
    found = figures(RANKED, {"d1": 1, "d2": 3})
    assert found["ndcg@10"] == pytest.approx((1 / math.log2(3) + 3 / math.log2(5)) / (3 + 1 / math.log2(3)))
    assert found["recall@1"] == 0
    assert found["recall@5"] == 1


def test_a_relevant_document_that_was_not_found_counts_against_recall() -> None:
    found = figures(RANKED, {"d3": 1, "missing": 1})
    assert found["recall@100"] == 0.5
    assert found["mrr@10"] == 1
    assert found["ndcg@10"] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_a_hit_below_rank_ten_helps_recall_only() -> None:
    found = figures([f"x{i}" for i in range(10)] + ["d1"], {"d1": 1})
    assert (found["ndcg@10"], found["mrr@10"], found["recall@10"], found["recall@100"]) == (0, 0, 0, 1)


def test_more_than_ten_relevant_documents_can_still_be_ranked_ideally() -> None:
    relevant = {f"d{i}": 1.0 for i in range(20)}
    assert figures(list(relevant), relevant)["ndcg@10"] == pytest.approx(1)


def test_nothing_found_is_zero_everywhere() -> None:
    assert set(figures([], {"d1": 1}).values()) == {0.0}


def test_equal_systems_differ_by_nothing() -> None:
    scores = np.array([0.2, 0.9, 0.4])
    found = compare(scores, scores, ["a", "b", "c"], seed=0)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_the_interval_is_the_same_for_the_same_seed_and_holds_the_mean() -> None:
    draw = np.random.default_rng(1)
    old, new, groups = draw.random(60), draw.random(60), [f"g{i // 3}" for i in range(60)]
    first, again = compare(new, old, groups, seed=5), compare(new, old, groups, seed=5)
    assert first == again
    assert first.low is not None
    assert first.high is not None
    assert first.low < first.mean < first.high


def test_one_group_of_documents_gives_no_interval() -> None:
    found = compare(np.array([0.5, 0.7]), np.array([0.4, 0.6]), ["only", "only"], seed=0)
    assert found.mean == pytest.approx(0.1)
    assert (found.low, found.high, found.p, found.minimum_detectable) == (None, None, None, None)


def test_no_query_is_an_error() -> None:
    with pytest.raises(ValueError, match="no queries"):
        compare(np.array([]), np.array([]), [], seed=0)


def test_the_smallest_detectable_difference_is_2_8_standard_errors() -> None:
    differences = np.random.default_rng(2).normal(0, 1, 400)
    found = compare(differences, np.zeros(400), [str(i) for i in range(400)], seed=0)
    assert found.minimum_detectable == pytest.approx(2.8016 * differences.std(ddof=1) / 20, rel=1e-3)


def test_queries_of_one_document_count_as_one_where_they_agree() -> None:
    draw = np.random.default_rng(3)
    by_group = draw.normal(0.02, 0.2, 40)
    differences = np.repeat(by_group, 10)
    clustered = compare(differences, np.zeros(400), [str(i // 10) for i in range(400)], seed=0)
    naive = compare(differences, np.zeros(400), [str(i) for i in range(400)], seed=0)
    assert clustered.high - clustered.low > 2.5 * (naive.high - naive.low)  # type: ignore[operator]


@pytest.mark.slow
def test_the_interval_misses_no_difference_where_there_is_none_about_95_times_of_100() -> None:
    """A/A: 100 worlds without a true difference, 40 groups of 5 queries that go together."""
    draw = np.random.default_rng(4)
    groups = [str(i // 5) for i in range(200)]
    covered = small = 0
    for world in range(100):
        differences = np.repeat(draw.normal(0, 0.1, 40), 5) + draw.normal(0, 0.1, 200)
        found = compare(differences, np.zeros(200), groups, seed=world)
        covered += found.low <= 0 <= found.high  # type: ignore[operator]
        small += found.p <= 0.05  # type: ignore[operator]
    assert 0.88 <= covered / 100 <= 0.99
    assert 0.01 <= small / 100 <= 0.12

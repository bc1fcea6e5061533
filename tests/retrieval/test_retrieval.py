"""The retrievers: what they find, what they do with nothing to find, and that equal scores keep the order of the index."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.records import Chunk, digest
from synthgen.retrieval import index_text, range_normalised
from synthgen.retrieval.bm25 import BM25
from synthgen.retrieval.dense import Dense
from synthgen.retrieval.hybrid import Hybrid

KETTLE = "Descale the kettle with vinegar once a month."
TOASTER = "Empty the crumb tray of the toaster before you move it."
CHINESE = "每月用醋清洗一次水壶。"
THAI = "ล้างกาต้มน้ำด้วยน้ำส้มสายชูเดือนละครั้ง"
TEXTS = [KETTLE, TOASTER, CHINESE, THAI]
IDS = ["kettle.md#0-45", "toaster.md#0-55", "zh.md#0-12", "th.md#0-40"]


@pytest.fixture(scope="module")
def lexical() -> BM25:
    return BM25(IDS, TEXTS)


def letters(texts: list[str]) -> np.ndarray:
    """A toy encoder: how often a, e, i and o stand in a text, length 1."""
    counts = np.array([[text.count(letter) for letter in "aeio"] for text in texts], dtype=np.float32)
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


@pytest.mark.parametrize(
    ("query", "found"),
    [("how do I descale a kettle", IDS[0]), ("crumb tray", IDS[1]), ("清洗水壶", IDS[2]), ("กาต้มน้ำ", IDS[3])],
)
def test_bm25_finds_the_text_that_shares_words_in_any_script(lexical: BM25, query: str, found: str) -> None:
    assert lexical.search([query], 1)[0][0].id == found


def test_bm25_scores_are_lucenes() -> None:
    index = BM25(["a", "b"], ["apple apple pear", "pear"], k1=1.2, b=0.75)
    idf = np.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / 2))
    assert index.score(["apple"], [["a", "b"]])[0] == pytest.approx([expected, 0.0], rel=1e-5)


@pytest.mark.parametrize("query", ["", "zebra", "!?"])
def test_a_query_without_a_known_word_scores_nothing_and_keeps_the_order_of_the_index(lexical: BM25, query: str) -> None:
    assert lexical.search([query], 10)[0] == [(id, 0.0) for id in IDS]


def test_equal_texts_come_in_the_order_of_the_index_also_where_the_list_is_cut() -> None:
    index = BM25(["one", "two", "three", "four"], ["same words", "same words", "other", "same words"])
    assert [hit.id for hit in index.search(["same words"], 2)[0]] == ["one", "two"]


@pytest.mark.parametrize(("ids", "texts"), [([], []), (["only"], [""]), (["only"], ["one chunk"])])
def test_an_index_of_nothing_or_one_chunk_answers(ids: list[str], texts: list[str]) -> None:
    assert [hit.id for hit in BM25(ids, texts).search(["chunk"], 5)[0]] == ids


def test_score_agrees_with_search_for_every_retriever(lexical: BM25) -> None:
    dense = Dense(IDS, letters(TEXTS), letters)
    for retriever in (lexical, dense, Hybrid([lexical, dense])):
        hits = retriever.search(["vinegar in the kettle"], 4)[0]
        assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
        scores = retriever.score(["vinegar in the kettle"], [[h.id for h in hits]])[0]
        assert scores == pytest.approx([h.score for h in hits], abs=1e-6)


def test_dense_ranks_by_inner_product_and_breaks_ties_by_position() -> None:
    vectors = np.array([[0, 1], [1, 0], [0, 1]], dtype=np.float32)
    dense = Dense(["a", "b", "c"], vectors, lambda texts: np.array([[0.0, 1.0]] * len(texts), dtype=np.float32))
    assert [hit.id for hit in dense.search(["anything"], 5)[0]] == ["a", "c", "b"]
    assert dense.search([], 5) == []


def test_hybrid_adds_reciprocal_ranks() -> None:
    ids = ["a", "b", "c"]
    first = BM25(ids, ["x", "x x y z", "y"])
    second = Dense(ids, np.eye(3, dtype=np.float32), lambda texts: np.array([[0.1, 0.2, 0.9]] * len(texts), dtype=np.float32))
    lexical_order = [hit.id for hit in first.search(["x"], 3)[0]]
    expected = {id: 1 / (61 + lexical_order.index(id)) + 1 / (61 + ["c", "b", "a"].index(id)) for id in ids}
    assert dict(Hybrid([first, second]).search(["x"], 3)[0]) == pytest.approx(expected)


def test_hybrid_refuses_retrievers_over_different_chunks(lexical: BM25) -> None:
    with pytest.raises(ValueError, match="same ids"):
        Hybrid([lexical, BM25(["other"], ["text"])])


def test_a_lost_text_is_noticed() -> None:
    with pytest.raises(ValueError, match="2 ids"):
        BM25(["a", "b"], ["one text"])


@pytest.mark.parametrize(
    ("source", "best", "floor", "share"),
    [(4.0, 4.0, 1.0, 1.0), (2.5, 4.0, 1.0, 0.5), (1.0, 4.0, 1.0, 0.0), (2.0, 2.0, 2.0, None)],
)
def test_range_normalised_puts_the_source_between_floor_and_best(
    source: float, best: float, floor: float, share: float | None
) -> None:
    assert range_normalised(source, best, floor) == share


def test_the_breadcrumb_is_searched_with_the_text() -> None:
    chunk = Chunk("a.md#0-4", "a.md", 0, 4, "Text", digest("Text"), headings=("Guide", "Setup"))
    assert index_text(chunk) == "Guide\nSetup\nText"

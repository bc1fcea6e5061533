"""Reading human queries, and what a measurement makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from synthgen.errors import InputError
from synthgen.evaluation.queries import JudgedQueries, read_queries
from synthgen.evaluation.retrieval import measure_human, measure_synthetic
from synthgen.records import Chunk, digest, make_triple


def make_chunk(document: str, start: int, text: str, places: tuple[str, ...] = ()) -> Chunk:
    return Chunk(f"{document}#{start}-{start + len(text)}", document, start, start + len(text), text, digest(text), group=document, places=places)  # fmt: skip


BOIL = make_chunk("tea.md", 0, "Boil fresh water for tea.")
STEEP = make_chunk("tea.md", 30, "Green leaves steep two minutes.")
GRIND = make_chunk("coffee.md", 0, "Grind the beans coarse for a press.", places=("press.md#0-35",))
CHUNKS = [BOIL, STEEP, GRIND]


class WordsOf:
    """An encoder by hand: one dimension for each of its words."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def queries(self, texts: list[str]) -> np.ndarray:
        return np.array([[float(word in text.lower()) for word in self.known] for text in texts], dtype=np.float32)

    passages = queries


BLIND, SHARP = WordsOf("nothing"), WordsOf("boil", "steep", "grind")


def folder(path: Path, queries: list[dict[str, object]], qrels: list[tuple[str, str, object]]) -> Path:
    (path / "qrels").mkdir(parents=True)
    (path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries), encoding="utf-8")
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in qrels)]
    (path / "qrels" / "test.tsv").write_text("\n".join(lines), encoding="utf-8")
    return path


def test_documents_and_all_their_places_are_known(tmp_path: Path) -> None:
    queries = [{"_id": "a", "text": "boil"}, {"_id": "b", "text": "grind"}]
    judged = read_queries(folder(tmp_path / "q", queries, [("a", "tea.md", 1), ("b", "press.md", 2)]), CHUNKS)
    assert judged == JudgedQueries(["boil", "grind"], [{"tea.md": 1.0}, {"press.md": 2.0}], "document", 0, 0)


def test_chunk_ids_are_known_also_those_of_a_second_place(tmp_path: Path) -> None:
    queries = [{"_id": "a", "text": "boil"}, {"_id": "b", "text": "grind"}]
    judged = read_queries(folder(tmp_path / "q", queries, [("a", BOIL.id, 1), ("b", "press.md#0-35", 1)]), CHUNKS)
    assert judged.by == "chunk"
    assert judged.relevant == [{BOIL.id: 1.0}, {GRIND.id: 1.0}]


def test_queries_without_a_relevant_document_are_counted(tmp_path: Path) -> None:
    queries = [{"_id": name, "text": "boil"} for name in ("good", "unjudged", "judged zero", "gone")]
    qrels = [("good", "tea.md", 1), ("judged zero", "tea.md", 0), ("gone", "deleted.md", 1), ("good", "deleted.md", 1)]
    judged = read_queries(folder(tmp_path / "q", queries, qrels), CHUNKS)
    assert (len(judged.texts), judged.without_relevant, judged.unknown_ids) == (1, 3, 2)
    assert judged.relevant == [{"tea.md": 1.0}]


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        ([{"_id": "a", "text": "boil"}], [("a", "elsewhere.md", 1)], "names no document and no chunk.*elsewhere.md.*coffee.md"),
        ([{"_id": "a", "text": "boil"}], [("a", "tea.md", 0)], "no judgment with a score above 0"),
        ([{"_id": "a", "text": "boil"}], [("b", "tea.md", 1)], "No query .* both a text"),
        ([{"id": "a", "text": "boil"}], [("a", "tea.md", 1)], "row 1 has the keys id, text"),
        ([{"_id": "a", "text": "boil"}], [("a", "tea.md", "high")], "line 2"),
    ],
)
def test_unusable_queries_say_what_is_wrong(
    tmp_path: Path, queries: list[dict[str, object]], qrels: list[tuple[str, str, object]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_queries(folder(tmp_path / "q", queries, qrels), CHUNKS)


@pytest.mark.parametrize("missing", ["queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    path = folder(tmp_path / "q", [{"_id": "a", "text": "boil"}], [("a", "tea.md", 1)])
    (path / missing).unlink()
    with pytest.raises(InputError, match=missing):
        read_queries(path, CHUNKS)


def test_a_document_ranks_by_its_best_chunk() -> None:
    judged = JudgedQueries(["steep"], [{"tea.md": 1.0}], "document", 0, 0)
    measured = measure_human(CHUNKS, judged, BLIND, SHARP).to_dict(seed=0)  # type: ignore[arg-type]
    assert measured["systems"]["tuned"]["recall@1"] == 1
    assert measured["relevance"] == "document"
    assert measured["groups"] == 1


def test_a_text_in_two_places_counts_for_both_documents() -> None:
    judged = JudgedQueries(["grind"], [{"press.md": 1.0}], "document", 0, 0)
    measured = measure_human(CHUNKS, judged, BLIND, SHARP).to_dict(seed=0)  # type: ignore[arg-type]
    assert measured["systems"]["bm25"]["recall@5"] == 1
    assert measured["systems"]["bm25"]["mrr@10"] == 0.5, "after coffee.md, where the text stands first"


def test_differences_are_of_the_same_queries() -> None:
    judged = JudgedQueries(["steep", "grind"], [{STEEP.id: 1.0}, {GRIND.id: 1.0}], "chunk", 3, 1)
    measured = measure_human(CHUNKS, judged, BLIND, SHARP).to_dict(seed=0)  # type: ignore[arg-type]
    systems = measured["systems"]
    assert measured["deltas"]["tuned-base"]["ndcg@10"] == pytest.approx(
        systems["tuned"]["ndcg@10"] - systems["base"]["ndcg@10"], abs=1e-5
    )
    assert (measured["without_relevant"], measured["unknown_ids"], measured["groups"]) == (3, 1, 2)


def test_a_masked_sentence_is_not_found_by_itself() -> None:
    """The chunk's own text would be a perfect lexical match; without the sentence nothing of it is left to find."""
    masked = make_triple(BOIL, "Boil fresh water", masks=((0, 16),), generator="extractive:sentence")
    open_row = make_triple(BOIL, "Boil fresh water", generator="extractive:sentence")
    hidden, shown = (measure_synthetic(CHUNKS, [row], BLIND, SHARP) for row in (masked, open_row))  # type: ignore[arg-type]
    assert hidden is not None
    assert shown is not None
    assert shown.to_dict(seed=0)["systems"]["bm25"]["recall@1"] == 1
    assert hidden.to_dict(seed=0)["systems"]["bm25"]["recall@1"] == 0
    assert hidden.index == 3


def test_another_rows_passage_without_its_sentence_is_not_in_the_index() -> None:
    rows = [
        make_triple(GRIND, "beans for a press", masks=((0, 5),)),
        make_triple(GRIND, "Grind coarse", masks=((10, 15),)),
        make_triple(STEEP, "Green leaves"),
    ]
    measured = measure_synthetic(CHUNKS, rows, BLIND, SHARP)  # type: ignore[arg-type]
    assert measured is not None
    assert measured.per_query["bm25"]["recall@1"].tolist() == [1, 1, 1]


def test_no_synthetic_rows_no_measurement() -> None:
    assert measure_synthetic(CHUNKS, [], BLIND, SHARP) is None  # type: ignore[arg-type]

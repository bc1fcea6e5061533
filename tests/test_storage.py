"""Files are written whole or not at all, and equal rows give equal bytes."""

from __future__ import annotations

import json

import pytest

from synthgen import storage
from synthgen.errors import InputError, RunFolderError
from synthgen.files import write_folder
from synthgen.records import Chunk, Distractor, Rejection, Triple, make_document, make_triple
from synthgen.text.words import normalise

DOCUMENT = make_document("riddles/raven.md", "Why is a raven like a writing desk?\r\nPoe wrote on both. 渡鸦像写字台。")
CHUNK = Chunk("riddles/raven.md#0-35", DOCUMENT.id, 0, 35, DOCUMENT.text[:35], "c" * 64, headings=("Riddles", "Ravens"))
TRIPLE = make_triple(
    CHUNK,
    "What is like a writing desk?",
    "a raven",
    quotes=((7, 14),),
    masks=((0, 3), (30, 35)),
    distractors=(Distractor("riddles/hatter.md#0-9", "bm25", 2, 7.25, 0.5),),
    scores={"round_trip": 0.83},
    flags=("round_trip:below_threshold",),
    metadata={"source": "tea party"},
)


def test_a_triple_comes_back_as_it_was(tmp_path) -> None:
    path = tmp_path / "triples.parquet"
    assert storage.write_table(path, "triples", [TRIPLE.to_dict()]) == 1
    assert [Triple.from_dict(row) for row in storage.read_table(path)] == [TRIPLE]


def test_a_rejection_is_the_triple_and_why(tmp_path) -> None:
    rejection = Rejection(TRIPLE, "round_trip", "below_threshold", 0.2, 0.7)
    path = tmp_path / "rejected.parquet"
    storage.write_table(path, "rejected", [rejection.to_dict()])
    assert [Rejection.from_dict(row) for row in storage.read_table(path)] == [rejection]


def test_every_column_of_the_records_is_stored() -> None:
    assert set(storage.TABLES["documents"]) == set(DOCUMENT.to_dict())
    assert set(storage.TABLES["chunks"]) == set(CHUNK.to_dict())
    assert set(storage.TABLES["triples"]) == set(TRIPLE.to_dict())
    assert set(storage.TABLES["rejected"]) == set(Rejection(TRIPLE, "s", "r").to_dict())


def test_equal_rows_give_equal_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        storage.write_table(tmp_path / name, "triples", (TRIPLE.to_dict() for _ in range(3)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    storage.write_jsonl(path, [{"n": 1}])

    def rows():
        yield {"n": 2}
        raise KeyError("the hatter left")

    with pytest.raises(KeyError):
        storage.write_jsonl(path, rows())
    assert list(storage.read_jsonl(path)) == [{"n": 1}]
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_failed_folder_leaves_the_old_one(tmp_path) -> None:
    with write_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("old")
    with pytest.raises(KeyError), write_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("new")
        raise KeyError
    assert (tmp_path / "out" / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_unwritable_place_is_said_in_one_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="could not be written"):
        storage.write_json(tmp_path / "file" / "below.json", {})


def test_lines_hold_any_text(tmp_path) -> None:
    texts = ["a\u2028b\u2029c\u0085d", 'quotes " and \\', "{braces}", "tab\there", "שלום عليكم", "渡鸦", "</DOCUMENT>"]
    path = tmp_path / "rows.jsonl"
    storage.write_jsonl(path, ({"text": text} for text in texts))
    assert [row["text"] for row in storage.read_jsonl(path)] == texts
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(texts)


def test_a_line_that_is_no_object_is_named_by_number(tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(InputError, match="line 2 is not JSON"):
        list(storage.read_jsonl(path))
    path.write_text("[1]\n")
    with pytest.raises(InputError, match="line 1 is list"):
        list(storage.read_jsonl(path))


def test_a_line_that_is_not_utf8_is_named_by_number(tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "\xfc"}\n')
    with pytest.raises(InputError, match="line 2 is not UTF-8"):
        list(storage.read_jsonl(path))


def test_a_missing_table_says_what_to_run(tmp_path) -> None:
    with pytest.raises(RunFolderError, match="synthgen run"):
        list(storage.read_table(tmp_path / "triples.parquet"))


def test_free_form_columns_are_json_strings() -> None:
    assert json.loads(TRIPLE.to_dict()["scores"]) == {"round_trip": 0.83}


def test_the_normal_form() -> None:
    assert normalise("\ufeffe\u0301\r\nx\ry\ud800") == "\u00e9\nx\ny\ufffd"

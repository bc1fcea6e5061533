"""Rows in the forms that people have: chats, tables, judgments and verdicts, one case a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.cases import Case, cases

from synthgen.errors import InputError
from synthgen.evaluation.queries import read_queries
from synthgen.importers.columns import read_rows
from synthgen.records import Chunk, digest


@cases("chat_import")
def test_a_conversation_gives_its_question_and_answer(case: Case, tmp_path: Path) -> None:
    """`given` is a row; `expected` has the query, the answer and the context that are read, and the reasons in `skipped`."""
    (tmp_path / "chat.jsonl").write_text(
        json.dumps(case.given) + "\n" + json.dumps({"query": "last?"}) + "\n", encoding="utf-8"
    )
    rows, skipped, _ = read_rows(tmp_path / "chat.jsonl")
    wanted = dict(case.expected)
    assert [skip.reason for skip in skipped] == wanted.pop("skipped", [])
    found = [{"query": row.query, "answer": row.answer} | ({"context": row.context} if row.context else {}) for row in rows]
    assert found == [*([wanted] if wanted else []), {"query": "last?", "answer": None}]


@cases("verdict")
def test_a_verdict_is_accepted_rejected_or_edited(case: Case, tmp_path: Path) -> None:
    """`given` has the columns of rows beside the query; `expected` has the verdict on each, or what is wrong with it."""
    given = [{"query": f"What is {n}?", "context": "x"} | row for n, row in enumerate(case.given)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    rows, skipped, taken = read_rows(tmp_path / "rows.jsonl")
    found = {row.where: row.verdict for row in rows} | {skip.path: skip.detail for skip in skipped}
    assert [found[f"rows.jsonl:{n}"] for n in range(1, len(given) + 1)] == case.expected
    assert sum(taken.to_dict().get("verdicts", {}).values()) == sum(bool(row.verdict) for row in rows)


@cases("qrels")
def test_import_and_queries_read_judgments_alike(case: Case, tmp_path: Path) -> None:
    """`given` is a file of judgments; `expected` has its judgments, and the numbers of lines that are none."""
    judgments = [found for found in case.expected if isinstance(found, list)]
    bad = [found for found in case.expected if isinstance(found, int)]
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_bytes(case.given.encode())
    documents = sorted({passage for _, passage, _ in judgments})
    write(tmp_path / "corpus.jsonl", [{"_id": name, "text": f"The text of {name}."} for name in documents])
    write(
        tmp_path / "queries.jsonl", [{"_id": name, "text": f"What is {name}?"} for name in {query for query, _, _ in judgments}]
    )
    rows, skipped, _ = read_rows(tmp_path)
    relevant = [tuple(found) for found in judgments if found[2] > 0]
    assert [tuple(row.metadata[name] for name in ("query_id", "corpus_id", "relevance")) for row in rows] == relevant
    assert [skip.path for skip in skipped] == [f"test.tsv:{line}" for line in bad]
    assert {row.split for row in rows} == {"test"}
    chunks = [cut_document(name) for name in documents]
    if bad:
        with pytest.raises(InputError, match=f"line {bad[0]} is"):
            read_queries(tmp_path, chunks)
    else:
        judged = read_queries(tmp_path, chunks)
        assert sorted(gain for gains in judged.relevant for gain in gains.items()) == sorted(found[1:] for found in relevant)


@pytest.mark.parametrize(
    ("given", "split"),
    [("train", "train"), ("validation", "dev"), (" Valid ", "dev"), ("eval", "dev"), ("TEST", "test"), ("", ""), (None, "")],
)
def test_a_row_has_the_split_that_its_file_gives(given: str | None, split: str, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [{"query": "What?", "context": "x", "split": given}])
    [row], _, _ = read_rows(tmp_path / "rows.jsonl")
    assert row.split == split


def test_a_split_that_there_is_not_is_named(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [{"query": "What?", "context": "x", "split": "fold 1"}, {"query": "Who?", "context": "x"}])
    _, [skip], _ = read_rows(tmp_path / "rows.jsonl")
    assert skip.detail == "split is 'fold 1'. There is no split 'fold 1'. Known: train, dev, test; validation is dev."


def test_files_of_a_folder_that_are_named_for_splits_give_them(tmp_path: Path) -> None:
    for name in ("train", "train-2", "validation", "test", "more"):
        write(tmp_path / f"{name}.jsonl", [{"query": f"{name}?", "context": "x"}])
    rows, _, taken = read_rows(tmp_path)
    assert {row.query: row.split for row in rows} == {
        "train?": "train",
        "train-2?": "train",
        "validation?": "dev",
        "test?": "test",
        "more?": "",
    }
    assert taken.to_dict()["splits"] == {"dev": 1, "test": 1, "train": 2}


@cases("csv_import")
def test_a_table_is_read_as_people_write_it(case: Case, tmp_path: Path) -> None:
    """`given` is a CSV file; `expected` has its rows, a row's line and problem, or what is wrong with the file."""
    path = tmp_path / "rows.csv"
    path.write_bytes(case.given.encode())
    if isinstance(case.expected, str):
        with pytest.raises(InputError) as caught:
            read_rows(path)
        assert case.expected in str(caught.value)
        return
    rows, skipped, _ = read_rows(path) if any(isinstance(e, dict) for e in case.expected) else no_rows(path)
    found = [{"query": row.query, "context": row.context, "answer": row.answer} | dict(row.metadata) for row in rows]
    assert [*found, *(f"{skip.path.partition(':')[2]}: {skip.detail}" for skip in skipped)] == case.expected


def no_rows(path: Path) -> Any:
    """What is read of a file whose only row is bad."""
    with path.open("ab") as file:
        file.write(b"Last?;The bat.;A bat\n" if b";" in path.read_bytes() else b"Last?,The bat.,A bat\n")
    rows, skipped, taken = read_rows(path)
    return rows[:-1], skipped, taken


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (3.5, "3.5"),
        (1999, "1999"),
        (None, None),
        (["A heron"], "A heron"),
        ([True], "yes"),
    ],
)
def test_an_answer_that_is_no_text_becomes_one(given: Any, answer: str | None, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [{"query": "Does it fish?", "context": "x", "answer": given}])
    [row], skipped, _ = read_rows(tmp_path / "rows.jsonl")
    assert (row.answer, skipped) == (answer, [])


def test_a_value_that_can_be_no_text_is_named(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [{"query": True, "context": "x"}, {"query": "Who?", "context": {"a": 1}}])
    _, skipped, _ = read_rows(tmp_path / "rows.jsonl")
    assert [skip.detail for skip in skipped] == ["query is 'True' (bool), not text", "context is \"{'a': 1}\" (dict), not text"]


def write(path: Path, rows: Iterable[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def cut_document(name: str) -> Chunk:
    text = f"The text of {name}."
    return Chunk(f"{name}#0-{len(text)}", name, 0, len(text), text, digest(text), (), 5, "en")

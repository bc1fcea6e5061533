"""RAFT rows: exact quotas, positions that are where they say, and documents that nothing in a text can break."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from export_rows import CONTEXT, ROWS, STRANGE, read, triple

from synthgen.exporters import export, rows


def raft_rows(size: int, p: float, documents: int, others: int = 5) -> list[dict[str, Any]]:
    triples = [triple(i, i, others=others) for i in range(size)]
    return list(rows(triples, CONTEXT, "raft", "train", options={"p": p, "documents": documents}))


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("documents", range(2, 7))
def test_raft_quotas_and_positions_are_exact(p: float, documents: int) -> None:
    for size in range(1, 51):
        made = raft_rows(size, p, documents, others=6)
        with_oracle = [row for row in made if row["oracle_mode"] == "oracle"]
        assert len(with_oracle) == int(Fraction(str(p)) * size + Fraction(1, 2))
        used = Counter(row["oracle_position"] for row in with_oracle)
        assert max(used.values(), default=0) - min((used[i] for i in range(documents)), default=0) <= 1
        for row in made:
            [shown] = row["context"]["sentences"]
            assert len(set(shown)) == len(shown) == documents
            if row["oracle_mode"] == "oracle":
                assert shown[row["oracle_position"]] == row["oracle_context"]
            else:
                assert row["oracle_position"] is None
                assert row["oracle_mode"] == "memorise"
                assert row["oracle_context"] not in shown


def test_raft_has_the_reference_fields_and_nesting() -> None:
    [row] = rows([triple(5)], CONTEXT, "raft", "train", options={"p": 1})
    assert list(row) == [
        "id", "type", "question", "context", "oracle_context", "cot_answer", "instruction", "oracle_position", "oracle_mode",
    ]  # fmt: skip
    assert all(isinstance(row[name], str) for name in ("id", "type", "question", "oracle_context", "cot_answer", "instruction"))
    assert row["type"] == "general"
    assert set(row["context"]) == {"title", "sentences"}
    for nested in row["context"].values():
        assert [type(inner) for inner in nested] == [list]
        assert len(nested[0]) == 5
    assert row["context"]["title"][0][row["oracle_position"]] == "The pump"
    assert "docs/6.md" in row["context"]["title"][0]


def test_the_reference_converters_find_question_and_answer_again() -> None:
    import re

    for row in raft_rows(24, 0.8, 5):
        documents = re.findall(r"<DOCUMENT>(.*?)</DOCUMENT>\n", row["instruction"], re.DOTALL)
        assert documents == row["context"]["sentences"][0]
        assert row["instruction"].split("\n")[-1] == row["question"]
        assert row["cot_answer"].split("<ANSWER>: ")[-1].startswith("answer ")
        for quote in re.findall(r"##begin_quote##(.*?)##end_quote##", row["cot_answer"], re.DOTALL):
            assert any(quote in document for document in documents)


def test_the_quote_is_the_sentence_of_the_evidence_and_only_where_it_is_shown() -> None:
    start = STRANGE[5].index("400 hours")
    row = triple(5, answer="400 hours", quotes=((start, start + 9),))
    [shown] = rows([row], CONTEXT, "raft", "train", options={"p": 1})
    assert shown["cot_answer"] == "##begin_quote##It needs oil every 400 hours.##end_quote##\n<ANSWER>: 400 hours"
    [hidden] = rows([row], CONTEXT, "raft", "train", options={"p": 0})
    assert hidden["cot_answer"] == "<ANSWER>: 400 hours"


def test_a_quote_with_marks_of_the_layout_stays_one_quote() -> None:
    row = triple(4, answer="<ANSWER>: ends", quotes=((0, len(STRANGE[4])),))
    [made] = rows([row], CONTEXT, "raft", "train", options={"p": 1})
    assert made["cot_answer"].count("##begin_quote##") == made["cot_answer"].count("##end_quote##") == 1
    assert made["cot_answer"].split("<ANSWER>: ")[-1] == "&lt;ANSWER>: ends"


def test_too_few_distractors_give_fewer_documents_and_a_note(tmp_path: Path) -> None:
    triples = [triple(i, i, others=4) for i in range(10)]
    report = export(triples, CONTEXT, "raft", tmp_path / "raft")
    sizes = Counter((r["oracle_mode"], len(r["context"]["sentences"][0])) for r in read(tmp_path / "raft" / "train.jsonl"))
    assert sizes == {("oracle", 5): 8, ("memorise", 4): 2}
    assert report.notes == {"fewer_documents": 2}
    assert export(ROWS, CONTEXT, "raft", tmp_path / "raft").notes == {}


def test_the_order_of_rows_changes_no_row() -> None:
    triples = [triple(i, i) for i in range(20)]
    made = {row["id"]: row for row in rows(triples, CONTEXT, "raft", "train")}
    again = {row["id"]: row for row in rows(triples[::-1], CONTEXT, "raft", "train")}
    assert made == again
    other = rows(triples, replace(CONTEXT, seed=8), "raft", "train")
    assert [row["oracle_position"] for row in other] != [row["oracle_position"] for row in made.values()]


def test_a_question_is_one_line() -> None:
    [row] = rows([replace(triple(0), query="How\u2028many\nlines?")], CONTEXT, "raft", "train")
    assert row["question"] == "How many lines?"

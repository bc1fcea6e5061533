"""Rows in the forms that people have: chats, tables, judgments and verdicts, one case a file."""

from __future__ import annotations

import json
from pathlib import Path

from support.cases import Case, cases

from synthgen.importers.columns import read_rows


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

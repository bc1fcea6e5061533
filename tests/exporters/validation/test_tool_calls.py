"""Calls of tools and their results, as the check of a chat file finds them."""

from __future__ import annotations

import json
from pathlib import Path

from support.cases import Case, cases

from synthgen.exporters.validation.check import check


@cases("tool_calls")
def test_calls_and_results_fit_each_other(case: Case, tmp_path: Path) -> None:
    """`given` are the messages of a row; `expected` has what is wrong with its calls."""
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"messages": case.given}) + "\n", encoding="utf-8")
    found = check("openai-chat", {"train.jsonl": path})
    assert [finding.message for finding in found.problems if finding.rule == "tool_calls"] == case.expected

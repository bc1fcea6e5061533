"""Written answers: what a model writes of finished rows, for exports to show.

Two things, each a paid step of its own:

- `raft_answer` (`reasoning`): a chain of thought whose quotes stand in the row's passage, which leads to the answer that the row has;
- `styled_answer` (`styled`): the answer anew, as an instruction on style, length and form says. The instruction is part of the
  exported question, its parts stand in `scores` as `answers`, and their shares of the rows are exact (`shares`).

The row's own answer is the measure of both. It is shown to the model, which copies it, or writes "##disagree##" where it finds that the
passage says otherwise (no answer is that word, as one may be "none"); a text beside another answer is not used, so nothing drifts from
what was grounded and checked. What fails a check is counted with its reason and stays in the call store; its row stays as it is.

Reasons: `not_asked` (no call was allowed, and no answer is stored), `disagrees` (the model does not stand by the row's answer); of
reasoning `broken_marks`, `no_quote`, `quote_not_found`; of answers `not_json`, `wrong_schema`, `wrong_length`, `number_not_found`,
`name_not_found` (the filter grounding does not pass them); else why the call failed (`refusal`, `malformed`, …).

Not covered: whether a chain of thought is sound, and whether a paraphrase means the same, beyond its names and numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from synthgen.answers.assignment import Task, deal
from synthgen.answers.reasoning import reasoned
from synthgen.answers.styled import styled
from synthgen.config.settings import AnswerSettings
from synthgen.prompting.row_questions import Paid
from synthgen.records import Chunk, Triple, Verdict, passage

__all__ = ["write_answers"]

Result = tuple[Triple, str]
"""A row as it goes on, and why nothing was written for it, "" where something was."""


def write_answers(
    triples: Sequence[Triple],
    chunks: Mapping[str, Chunk],
    settings: AnswerSettings,
    paid: Paid,
    *,
    grounding: Callable[[Sequence[Triple]], Sequence[Verdict]] | None = None,
    seed: int = 0,
) -> tuple[list[Triple], dict[str, Any]]:
    """The triples, in their order, with what was written of those that have an answer and a passage; and the counts.

    `grounding` judges written answers as it judges the rows' own. Counts: `asked`, `written` and `failed` by reason, for each of the two;
    of `styled_answer` also `asked` and `written` by style, length and form. Reasoning that a row has already stays.
    """
    rows, report = {triple.id: triple for triple in triples}, dict[str, Any]()
    answered = [row for row in triples if (row.answer or "").strip() and passage(row, chunks[row.chunk_id]).strip()]
    if settings.reasoning:
        results = reasoned([row for row in answered if not row.reasoning], chunks, settings, paid)
        report["raft_answer"] = _counts(results)
        rows |= {row.id: row for row, _ in results}
    tasks = {id: task for id, task in deal(answered, settings, seed=seed).items() if task.instruction}
    if tasks:
        results = styled([rows[id] for id in tasks], tasks, chunks, settings, paid, grounding)
        report["styled_answer"] = _counts(results) | _shares(results, tasks, settings)
        rows |= {row.id: row for row, _ in results}
    return [rows[triple.id] for triple in triples], report


def _counts(results: Sequence[Result]) -> dict[str, Any]:
    failed = Counter(reason for _, reason in results if reason)
    return {"asked": len(results), "written": len(results) - failed.total(), "failed": dict(sorted(failed.items()))}


def _shares(results: Iterable[Result], tasks: Mapping[str, Task], settings: AnswerSettings) -> dict[str, Any]:
    """How many were asked for and written, for each way that the settings name."""
    counts = {kind: {way.name: {"asked": 0, "written": 0} for way in getattr(settings, kind)} for kind in _KINDS.values()}
    for row, reason in results:
        for kind, name in tasks[row.id].names.items():
            counts[_KINDS[kind]][name]["asked"] += 1
            counts[_KINDS[kind]][name]["written"] += not reason
    return counts


_KINDS = {"style": "styles", "length": "lengths", "form": "forms"}

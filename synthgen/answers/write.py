"""Write answers of finished rows with a model, for exports.

There are two paid steps:

- `raft_answer` (`reasoning`): a chain of thought that quotes the row's passage and leads to the row's answer.
- `styled_answer` (`styled`): the answer again, following an instruction on style, length and form. The instruction is
  part of the exported question, its parts are in `scores` as `answers`, and their shares of the rows are exact
  (`assignment`).

The row's own answer checks both. The model sees it and copies it, or writes "##disagree##" when the passage contradicts
it (that word is never an answer, while "none" may be one). A text with another answer is not used, so no written answer
drifts from what was grounded and checked. A failed check is counted with its reason, the reply stays in the call store,
and the row stays unchanged.

Reasons: `not_asked` (no call was allowed, and no reply is stored) and `disagrees` (the model does not repeat the row's
answer). For reasoning: `broken_marks`, `no_quote`, `quote_not_found`. For answers: `not_json`, `wrong_schema`,
`wrong_length`, and `number_not_found` or `name_not_found` of the filter `grounding`. Otherwise the reason of the failed
call (`refusal`, `malformed`, …).

Whether a chain of thought is sound is not checked, nor whether a paraphrase keeps the meaning beyond names and numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from synthgen.answers.assignment import AnswerTask, assign_tasks
from synthgen.answers.reasoning import write_reasoning
from synthgen.answers.styled import write_styled_answers
from synthgen.config.settings import AnswerSettings
from synthgen.prompting.row_questions import Paid
from synthgen.records import Chunk, Triple, Verdict, passage

__all__ = ["write_answers"]

Result = tuple[Triple, str]
"""A row, and the reason why nothing was written for it; "" when something was."""


def write_answers(
    triples: Sequence[Triple],
    chunks: Mapping[str, Chunk],
    settings: AnswerSettings,
    paid: Paid,
    *,
    grounding: Callable[[Sequence[Triple]], Sequence[Verdict]] | None = None,
    seed: int = 0,
) -> tuple[list[Triple], dict[str, Any]]:
    """Return the triples in order, with written answers for those with an answer and a passage, and the counts.

    `grounding` checks written answers like the rows' own. Counts: `asked`, `written` and `failed` by reason for each
    step; for `styled_answer` also `asked` and `written` by style, length and form. Existing reasoning of a row is kept.
    """
    rows, report = {triple.id: triple for triple in triples}, dict[str, Any]()
    answered = [row for row in triples if (row.answer or "").strip() and passage(row, chunks[row.chunk_id]).strip()]
    if settings.reasoning:
        results = write_reasoning([row for row in answered if not row.reasoning], chunks, settings, paid)
        report["raft_answer"] = _counts(results)
        rows |= {row.id: row for row, _ in results}
    tasks = {id: task for id, task in assign_tasks(answered, settings, seed=seed).items() if task.instruction}
    if tasks:
        results = write_styled_answers([rows[id] for id in tasks], tasks, chunks, settings, paid, grounding)
        report["styled_answer"] = _counts(results) | _shares(results, tasks, settings)
        rows |= {row.id: row for row, _ in results}
    return [rows[triple.id] for triple in triples], report


def _counts(results: Sequence[Result]) -> dict[str, Any]:
    failed = Counter(reason for _, reason in results if reason)
    return {"asked": len(results), "written": len(results) - failed.total(), "failed": dict(sorted(failed.items()))}


def _shares(results: Iterable[Result], tasks: Mapping[str, AnswerTask], settings: AnswerSettings) -> dict[str, Any]:
    """Return how many answers were asked for and written, for each option in the settings."""
    counts = {kind: {option.name: {"asked": 0, "written": 0} for option in getattr(settings, kind)} for kind in _KINDS.values()}
    for row, reason in results:
        for kind, name in tasks[row.id].names.items():
            counts[_KINDS[kind]][name]["asked"] += 1
            counts[_KINDS[kind]][name]["written"] += not reason
    return counts


_KINDS = {"style": "styles", "length": "lengths", "form": "forms"}

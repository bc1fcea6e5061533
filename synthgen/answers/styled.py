"""Answers that follow an instruction: how the model is asked for them, and what makes one fit to be used.

The instruction stands among the rules, in the system message, because what stands beside a passage is data that must not be followed. It
is checked by counting and parsing: a length with the words and sentences of `synthgen.text`, JSON against its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthgen.answers.assignment import Task
from synthgen.answers.reasoning import shown_to_writer, stands_by
from synthgen.config.answer_styles import Length
from synthgen.config.json_schema import matches_schema, read_strict
from synthgen.config.settings import AnswerSettings
from synthgen.prompting.row_questions import Paid, RowAnswer, RowStep, source_passage
from synthgen.records import Chunk, Triple, Verdict
from synthgen.text.sentences import sentences
from synthgen.text.words import units

__all__ = ["fits", "measured", "styled"]

_OUTPUT_TOKENS = 120
Grounding = Callable[[Sequence[Triple]], Sequence[Verdict]]


def styled(
    rows: Sequence[Triple],
    tasks: Mapping[str, Task],
    chunks: Mapping[str, Chunk],
    settings: AnswerSettings,
    paid: Paid,
    grounding: Grounding | None,
) -> list[tuple[Triple, str]]:
    """Each row with its response and the instruction, or as it was with the reason why it has none."""
    name, llm = paid.model("answers", settings.model)
    step = RowStep[Triple](
        "styled_answer",
        "styled_answer",
        name,
        llm,
        source_passage(chunks),
        shown_to_writer,
        rules=lambda row: (tasks[row.id].instruction,),
        needs=("checked_answer", "answer"),
        output_tokens=_OUTPUT_TOKENS,
    )
    replies = step.apply(rows, paid.answers(step, rows))
    return [_read(row, reply, tasks[row.id], grounding) for row, reply in zip(rows, replies, strict=True)]


def fits(text: str, task: Task) -> str:
    """Why `text` is not what was asked for: not_json, wrong_schema or wrong_length; "" when it is."""
    if task.json_schema is not None:
        try:
            value = read_strict(text)
        except ValueError:
            return "not_json"
        return "" if matches_schema(value, task.json_schema) else "wrong_schema"
    if task.length is None:
        return ""
    count = measured(text, task.length)
    return "wrong_length" if count < task.length.least or (task.length.most or count) < count else ""


def measured(text: str, length: Length) -> float:
    """How long `text` is, in the unit of `length`."""
    match length.unit:
        case "sentences":
            return len(sentences(text))
        case "words":
            return sum(weight for _, weight in units(text))
    return len(text.strip())


def _read(row: Triple, reply: RowAnswer, task: Task, grounding: Grounding | None) -> tuple[Triple, str]:
    if not reply.fields:
        return row, reply.reason
    if not stands_by(row, reply):
        return row, "disagrees"
    text = reply.fields["answer"]
    if reason := fits(text, task) or _ungrounded(row, text, task, grounding):
        return row, reason
    scores = {**row.scores, "answers": task.names}
    return replace(row, response=text, instruction=task.instruction, scores=scores), ""


def _ungrounded(row: Triple, text: str, task: Task, grounding: Grounding | None) -> str:
    """What grounding says of the text: of JSON, of the texts and numbers in it."""
    if grounding is None:
        return ""
    if task.json_schema is not None:
        text = "\n".join(_leaves(read_strict(text)))
    # Nothing else of the row is to be judged: neither the quotes that it came with nor how a rule found them.
    [verdict] = grounding([replace(row, answer=text, quotes=(), metadata={}, generator="")])
    return verdict.reason


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)

"""Answers that follow an instruction: the request to the model, and the checks of its answer.

The instruction is one of the rules in the system message, because text beside a passage is data that must not be
followed. It is checked by counting and parsing: a length with the words and sentences of `synthgen.text`, JSON against
its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthgen.answers.assignment import AnswerTask
from synthgen.answers.reasoning import confirms_answer, prompt_fields
from synthgen.config.answer_styles import Length
from synthgen.config.json_schema import matches_schema, read_strict
from synthgen.config.settings import AnswerSettings
from synthgen.prompting.row_questions import Paid, RowAnswer, RowStep, source_passage
from synthgen.records import Chunk, Triple, Verdict
from synthgen.text.sentences import sentences
from synthgen.text.words import units

__all__ = ["length_of", "violation", "write_styled_answers"]

_OUTPUT_TOKENS = 120
Grounding = Callable[[Sequence[Triple]], Sequence[Verdict]]


def write_styled_answers(
    rows: Sequence[Triple],
    tasks: Mapping[str, AnswerTask],
    chunks: Mapping[str, Chunk],
    settings: AnswerSettings,
    paid: Paid,
    grounding: Grounding | None,
) -> list[tuple[Triple, str]]:
    """Return each row with its response and the instruction, or unchanged with the reason why it has none."""
    name, endpoint = paid.model("answers", settings.model)
    step = RowStep[Triple](
        "styled_answer",
        "styled_answer",
        name,
        endpoint,
        source_passage(chunks),
        prompt_fields,
        rules=lambda row: (tasks[row.id].instruction,),
        needs=("checked_answer", "answer"),
        output_tokens=_OUTPUT_TOKENS,
    )
    replies = step.apply(rows, paid.answers(step, rows))
    languages = [chunks[row.chunk_id].language for row in rows]
    return [
        _read(row, reply, tasks[row.id], language, grounding)
        for row, reply, language in zip(rows, replies, languages, strict=True)
    ]


def violation(text: str, task: AnswerTask, language: str = "") -> str:
    """Return why `text` violates the task: not_json, wrong_schema or wrong_length; "" when it does not."""
    if task.json_schema is not None:
        try:
            value = read_strict(text)
        except ValueError:
            return "not_json"
        return "" if matches_schema(value, task.json_schema) else "wrong_schema"
    if task.length is None:
        return ""
    count = length_of(text, task.length, language)
    return "wrong_length" if count < task.length.least or (task.length.most or count) < count else ""


def length_of(text: str, length: Length, language: str = "") -> float:
    """Return the length of `text` in the unit of `length`."""
    match length.unit:
        case "sentences":
            return len(sentences(text, language))
        case "words":
            return sum(weight for _, weight in units(text))
    return len(text.strip())


def _read(row: Triple, reply: RowAnswer, task: AnswerTask, language: str, grounding: Grounding | None) -> tuple[Triple, str]:
    if not reply.fields:
        return row, reply.reason
    if not confirms_answer(row, reply):
        return row, "disagrees"
    text = reply.fields["answer"]
    if reason := violation(text, task, language) or _ungrounded(row, text, task, grounding):
        return row, reason
    scores = {**row.scores, "answers": task.names}
    return replace(row, response=text, instruction=task.instruction, scores=scores), ""


def _ungrounded(row: Triple, text: str, task: AnswerTask, grounding: Grounding | None) -> str:
    """Return the reason of the grounding filter, or "". In JSON, it checks texts and numbers."""
    if grounding is None:
        return ""
    if task.json_schema is not None:
        text = "\n".join(_leaves(read_strict(text)))
    # Only the text is checked: neither the row's quotes nor the rule that found them.
    [verdict] = grounding([replace(row, answer=text, quotes=(), metadata={}, generator="")])
    return verdict.reason


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)

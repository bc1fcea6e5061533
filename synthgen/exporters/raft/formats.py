"""RAFT rows: a question among documents, of which one, or none, holds the answer (Zhang et al. 2024, arXiv 2403.10131).

The seven fields of `raft`, their types and their nesting are those of the reference script (ShishirPatil/gorilla, `raft/`): `id`,
`type`, `question`, `context` (titles and sentences, each a list of one list), `oracle_context`, `cot_answer`,
`instruction`. Two are added: `oracle_position` (index among the documents, null without oracle) and `oracle_mode`:

- `oracle`: the passage that gives the answer is among the documents;
- `memorise`: it is not, and the answer is there to be learnt;
- `abstain`: it is not, and the answer says so, in the language of the passage. `oracle_context` still is the passage, as in the
  reference, so that what a row does not show can be known.

The other three forms are what the reference's converters make of such a row, but made from the layout itself and not by cutting
its text: `raft-chat` and `raft-completion` have the instruction and the chain of thought, and no more, since their readers
refuse unknown keys; the reader of `raft-eval` ignores them, so mode and position stand there, too.

Unlike the reference, shares are met exactly (`raft_quotas`); ids come from content, choices from the seed and the row's id; no
document stands in a row twice, and a dropped oracle is replaced by one more distractor, or by none when the row has no more;
nothing in a text can break the layout (`raft_layout`). Rows with fewer documents than asked are counted as `fewer_documents`,
abstentions in a language without a template as `abstention_in_english`, rows of each mode by its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.raft.layout import Layout, layouts
from synthgen.exporters.raft.quotas import numbers
from synthgen.records import Triple

__all__ = ["raft", "raft_chat", "raft_completion", "raft_eval"]


def _are_numbers(documents: Any) -> Any:
    numbers(documents)
    return documents


_P = Annotated[float, Field(ge=0, le=1, description="share of rows whose documents include the oracle")]
_Documents = Annotated[
    int | str,
    BeforeValidator(_are_numbers),
    Field(
        description="documents of a row, the oracle included: a number, or a range such as 3..8, spread evenly over the rows"
    ),
]
_Memorise = Annotated[
    float,
    Field(ge=0, le=1, description="share of the rows without oracle that give the answer all the same; the others abstain"),
]
_Abstention = Annotated[
    str, Field(description="the answer of rows that abstain; empty means one in the language of the passage")
]


def raft(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    p: _P = 0.8,
    documents: _Documents = 5,
    memorise: _Memorise = 0.5,
    abstention: _Abstention = "",
) -> Rows:
    """The seven fields of the reference, `oracle_position` and `oracle_mode`, for each answered triple in the given order."""
    laid = layouts(triples, context, p=p, documents=documents, memorise=memorise, abstention=abstention)
    return (yield from _counted(laid, _reference))


def raft_chat(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    p: _P = 0.8,
    documents: _Documents = 5,
    memorise: _Memorise = 0.5,
    abstention: _Abstention = "",
    system: Annotated[str, Field(description="system message; empty leaves it out")] = "",
) -> Rows:
    """`messages`: the instruction and the chain of thought, for each row of `raft` and in its order."""
    laid = layouts(triples, context, p=p, documents=documents, memorise=memorise, abstention=abstention)
    first = [{"role": "system", "content": system}] if system.strip() else []
    return (yield from _counted(laid, lambda row: {"messages": [*first, *_turns(row)]}))


def raft_completion(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    p: _P = 0.8,
    documents: _Documents = 5,
    memorise: _Memorise = 0.5,
    abstention: _Abstention = "",
    stop: Annotated[str, Field(description="ends the completion, as the reference has it")] = "<STOP>",
) -> Rows:
    """`prompt` and `completion`, for each row of `raft` and in its order, but for those whose answer holds `stop` (`has_stop`)."""
    notes: Counter[str] = Counter()
    for row in layouts(triples, context, p=p, documents=documents, memorise=memorise, abstention=abstention):
        if stop and stop in row.cot_answer:
            notes["has_stop"] += 1
        else:
            notes.update(row.notes)
            yield {"prompt": row.instruction, "completion": row.cot_answer + stop}
    return dict(sorted(notes.items()))


def raft_eval(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    p: _P = 0.8,
    documents: _Documents = 5,
    memorise: _Memorise = 0.5,
    abstention: _Abstention = "",
) -> Rows:
    """`question`, `gold_final_answer`, `context`, position and mode, for each row of `raft` and in its order."""
    laid = layouts(triples, context, p=p, documents=documents, memorise=memorise, abstention=abstention)
    return (yield from _counted(laid, _evaluated))


def _counted(laid: Iterable[Layout], form: Callable[[Layout], dict[str, Any]]) -> Rows:
    notes: Counter[str] = Counter()
    for row in laid:
        notes.update(row.notes)
        yield form(row)
    return dict(sorted(notes.items()))


def _reference(row: Layout) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": "general",
        "question": row.question,
        "context": {"title": [row.titles], "sentences": [row.texts]},
        "oracle_context": row.oracle,
        "cot_answer": row.cot_answer,
        "instruction": row.instruction,
        "oracle_position": row.position,
        "oracle_mode": row.mode,
    }


def _turns(row: Layout) -> list[dict[str, str]]:
    return [{"role": "user", "content": row.instruction}, {"role": "assistant", "content": row.cot_answer}]


def _evaluated(row: Layout) -> dict[str, Any]:
    return {
        "question": row.question,
        "gold_final_answer": row.answer,
        "context": row.documents,
        "oracle_position": row.position,
        "oracle_mode": row.mode,
    }

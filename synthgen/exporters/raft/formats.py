"""RAFT rows: a question among documents, one or none of which holds the answer (Zhang et al. 2024, arXiv 2403.10131).

The seven fields of `raft`, their types and their nesting are those of the reference script (ShishirPatil/gorilla,
`raft/`): `id`, `type`, `question`, `context` (titles and sentences, each a list of one list), `oracle_context`,
`cot_answer`, `instruction`. Two are added: `oracle_position` (index among the documents, null without oracle) and
`oracle_mode`:

- `oracle`: the passage with the answer is among the documents.
- `memorise`: it is not, and the row gives the answer for the model to learn.
- `abstain`: it is not, and the answer says so, in the language of the passage. As in the reference, `oracle_context` is
  still the passage, so the row documents what it does not show.

The other three formats are what the reference's converters make of such a row. They are built from the layout, not by
cutting text. `raft-chat` and `raft-completion` have only the instruction and the chain of thought, because their
readers reject unknown keys. The reader of `raft-eval` ignores them, so mode and position are included.

Differences from the reference: shares are exact (`raft.row_plan`). Ids come from content, and choices from the seed and
the row's id. No document occurs twice in a row. A dropped oracle is replaced by one more distractor, or by none when
the row has no more. No text can break the layout (`raft.layout`).

Notes count rows with fewer documents than asked for (`fewer_documents`), abstentions in a language without a template
(`abstention_in_english`), and the rows of each mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.raft.layout import Layout, layouts
from synthgen.exporters.raft.row_plan import document_counts
from synthgen.records import Triple

__all__ = ["raft", "raft_chat", "raft_completion", "raft_eval"]


def _valid_counts(documents: Any) -> Any:
    document_counts(documents)
    return documents


_P = Annotated[float, Field(ge=0, le=1, description="share of rows whose documents include the oracle")]
_Documents = Annotated[
    int | str,
    BeforeValidator(_valid_counts),
    Field(
        description="documents of a row, the oracle included: a number, or a range such as 3..8, spread evenly over the rows"
    ),
]
_Memorise = Annotated[
    float,
    Field(ge=0, le=1, description="share of the rows without oracle that still give the answer; the others abstain"),
]
_Abstention = Annotated[str, Field(description="answer of rows that abstain; empty: one in the language of the passage")]


def raft(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    p: _P = 0.8,
    documents: _Documents = 5,
    memorise: _Memorise = 0.5,
    abstention: _Abstention = "",
) -> Rows:
    """Yield the seven fields of the reference, `oracle_position` and `oracle_mode` for each answered triple, in order."""
    rows = layouts(triples, context, p=p, documents=documents, memorise=memorise, abstention=abstention)
    return (yield from _counted(rows, _reference))


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
    """Yield `messages`, the instruction and the chain of thought, for each row of `raft`, in order."""
    rows = layouts(triples, context, p=p, documents=documents, memorise=memorise, abstention=abstention)
    first = [{"role": "system", "content": system}] if system.strip() else []
    return (yield from _counted(rows, lambda row: {"messages": [*first, *_turns(row)]}))


def raft_completion(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    p: _P = 0.8,
    documents: _Documents = 5,
    memorise: _Memorise = 0.5,
    abstention: _Abstention = "",
    stop: Annotated[str, Field(description="ends the completion, as in the reference")] = "<STOP>",
) -> Rows:
    """Yield `prompt` and `completion` for each row of `raft`, in order. Rows whose answer contains `stop` are counted
    as `has_stop`.
    """
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
    """Yield `question`, `gold_final_answer`, `context`, position and mode for each row of `raft`, in order."""
    rows = layouts(triples, context, p=p, documents=documents, memorise=memorise, abstention=abstention)
    return (yield from _counted(rows, _evaluated))


def _counted(rows: Iterable[Layout], form: Callable[[Layout], dict[str, Any]]) -> Rows:
    notes: Counter[str] = Counter()
    for row in rows:
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

"""OpenAI supervised chat rows: `{"messages": [system, user, assistant]}`.

Nothing but `messages` stands in a row: the checker of the fine-tuning service refuses unknown keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Template
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from synthgen.exporters import Context
from synthgen.exporters.shown import answer, question
from synthgen.records import Triple, passage

__all__ = ["openai_chat"]


def _has_both(template: str) -> str:
    if not {"context", "question"} <= set(Template(template).get_identifiers()):
        raise ValueError("it must contain $context and $question")
    return template


def openai_chat(
    triples: Sequence[Triple],
    context: Context,
    *,
    system: Annotated[str, Field(description="system message; empty leaves it out")] = (
        "Answer the question from the context. If the context does not answer it, say so."
    ),
    user: Annotated[str, AfterValidator(_has_both), Field(description="user message, with $context and $question")] = (
        "Context:\n$context\n\nQuestion: $question"
    ),
) -> Iterator[dict[str, Any]]:
    """One conversation for each answered triple; the context is the passage as the row shows it."""
    template = Template(user)
    for triple in triples:
        shown = passage(triple, context.chunks[triple.chunk_id]).strip()
        messages = [
            {"role": "user", "content": template.safe_substitute(context=shown, question=question(triple))},
            {"role": "assistant", "content": answer(triple)},
        ]
        yield {"messages": [{"role": "system", "content": system}, *messages] if system.strip() else messages}

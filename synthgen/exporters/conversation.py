"""A row as a conversation: the system's, the user's and the assistant's message.

All conversational formats are built from it, so no two of them can have different prompts or answers. The context is
the passage without the row's masked spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Template
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.row_view import answer, question
from synthgen.records import Triple, passage

__all__ = ["SYSTEM", "USER", "Conversation", "Message", "System", "User", "conversations"]

Message = dict[str, str]


def _has_both(template: str) -> str:
    if not {"context", "question"} <= set(Template(template).get_identifiers()):
        raise ValueError("it must contain $context and $question")
    return template


System = Annotated[str, Field(description="system message; empty leaves it out")]
User = Annotated[str, AfterValidator(_has_both), Field(description="user message, with $context and $question")]

SYSTEM = "Answer the question from the context. If the context does not answer it, say so."
USER = "Context:\n$context\n\nQuestion: $question"


class Conversation(NamedTuple):
    """The messages of a row, and the parts of its user message. `system` is "" when there is no system message."""

    system: str
    user: str
    assistant: str
    context: str
    question: str

    @property
    def prompt(self) -> list[Message]:
        """The messages before the answer."""
        user = {"role": "user", "content": self.user}
        return [{"role": "system", "content": self.system}, user] if self.system else [user]

    @property
    def completion(self) -> list[Message]:
        """The answer, as a list of one message."""
        return [{"role": "assistant", "content": self.assistant}]


def conversations(
    triples: Sequence[Triple], context: ExportContext, *, system: str = SYSTEM, user: str = USER
) -> Iterator[Conversation]:
    """Yield a conversation for each triple, in order."""
    template, system = Template(user), system if system.strip() else ""
    for triple in triples:
        parts = {"context": passage(triple, context.chunks[triple.chunk_id]).strip(), "question": question(triple)}
        yield Conversation(system, template.safe_substitute(parts), answer(triple), **parts)

"""A row as a conversation: the system's, the user's and the assistant's message.

All conversational formats are built from it, so no two of them can have different prompts or answers. The context is
the passage without the row's masked spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Template
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.row_view import answer, question
from synthgen.records import Triple, passage

__all__ = ["ASSISTANT", "SYSTEM", "USER", "Assistant", "Conversation", "Message", "System", "User", "conversations"]

Message = dict[str, str]


def _has_both(template: str) -> str:
    if not {"context", "question"} <= set(Template(template).get_identifiers()):
        raise ValueError("it must contain $context and $question")
    return template


_PARTS = ("answer", "quote", "reasoning", "context", "question")


def _known(template: str) -> str:
    if not Template(template).is_valid():
        raise ValueError("a dollar sign that begins no placeholder is written $$")
    names = Template(template).get_identifiers()
    if unknown := [name for name in names if name not in _PARTS]:
        raise ValueError(f"there is no placeholder ${unknown[0]}; known: {', '.join(f'${name}' for name in _PARTS)}")
    if "answer" not in names:
        raise ValueError("it must contain $answer")
    return template


System = Annotated[str, Field(description="system message; empty leaves it out")]
User = Annotated[str, AfterValidator(_has_both), Field(description="user message, with $context and $question")]
Assistant = Annotated[
    str,
    AfterValidator(_known),
    Field(
        description="assistant's message, with $answer and, where wanted, $quote, $reasoning, $context and $question; a line whose "
        "placeholders are all empty is left out"
    ),
]

SYSTEM = "Answer the question from the context. If the context does not answer it, say so."
ASSISTANT = "$answer"
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
    triples: Sequence[Triple], context: ExportContext, *, system: str = SYSTEM, user: str = USER, assistant: str = ASSISTANT
) -> Iterator[Conversation]:
    """Yield a conversation for each triple, in order."""
    template, system = Template(user), system if system.strip() else ""
    for triple in triples:
        parts = {"context": passage(triple, context.chunks[triple.chunk_id]).strip(), "question": question(triple)}
        said = _filled(assistant, triple, context, parts) if assistant != ASSISTANT else answer(triple)
        yield Conversation(system, template.safe_substitute(parts), said, **parts)


def _filled(template: str, triple: Triple, context: ExportContext, parts: Mapping[str, str]) -> str:
    """Return the template with the parts of a row. Lines whose placeholders are all empty are left out."""
    source = context.chunks[triple.chunk_id]
    quotes = (source.text[max(0, start - source.start) : end - source.start].strip() for start, end in triple.quotes)
    values = {
        **parts,
        "answer": answer(triple),
        "quote": "\n".join(dict.fromkeys(filter(None, quotes))),
        "reasoning": (triple.reasoning or "").strip(),
    }
    lines = [Template(line) for line in template.split("\n")]
    shown = (line for line in lines if not line.get_identifiers() or any(values[name] for name in line.get_identifiers()))
    return "\n".join(line.substitute(values) for line in shown).strip()

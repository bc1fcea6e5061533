"""The files of OpenAI's fine-tuning services, which Azure and Together accept, too.

A row of `openai-chat` holds `messages` and nothing else: the validator of the service rejects unknown keys, and in a message every
key but role, content and weight. A `weight` of 0 keeps the service from training on an answer. TRL and LLaMA-Factory do not read
weights and train on such an answer like on any other, so weights are off by default.

`openai-dpo` has three keys and no other; its notes count the sources of the rejected answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.conversation import ASSISTANT, SYSTEM, USER, Assistant, System, User, conversations
from synthgen.exporters.dpo_rejected import SOURCES, Sources
from synthgen.exporters.preference import preference_pairs
from synthgen.records import Triple

__all__ = ["openai_chat", "openai_dpo"]


def openai_chat(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    assistant: Assistant = ASSISTANT,
    weights: Annotated[
        bool, Field(description="write the answer's weight: 0 or 1 as in the imported column `weight`, else 1")
    ] = False,
) -> Iterator[dict[str, Any]]:
    """Yield `messages`: system, user, assistant."""
    for triple, conversation in zip(
        triples, conversations(triples, context, system=system, user=user, assistant=assistant), strict=True
    ):
        [answer] = conversation.completion
        yield {"messages": [*conversation.prompt, answer | {"weight": _weight(triple)} if weights else answer]}


def openai_dpo(
    triples: Sequence[Triple], context: ExportContext, *, system: System = SYSTEM, user: User = USER, sources: Sources = SOURCES
) -> Rows:
    """Yield `input` with its `messages`, `preferred_output` and `non_preferred_output`, each with one assistant message."""
    counts: Counter[str] = Counter()
    for conversation, worse, _ in preference_pairs(triples, context, system, user, sources, counts):
        yield {
            "input": {"messages": conversation.prompt},
            "preferred_output": conversation.completion,
            "non_preferred_output": worse,
        }
    return dict(sorted(counts.items()))


def _weight(triple: Triple) -> int:
    weight = triple.metadata.get("weight", 1)
    return 0 if str(weight) in ("0", "0.0") else 1

"""Conversations for supervised fine-tuning, whole or split before the answer.

TRL computes the loss of `trl-prompt-completion` rows on the answer alone. With `trl-messages` it does so only with
`assistant_only_loss` and a chat template that marks the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.conversation import ASSISTANT, SYSTEM, USER, Assistant, System, User, conversations
from synthgen.records import Triple
from synthgen.registry import Distinct

__all__ = ["prompt_completion", "trl_messages", "trl_prompt_completion"]

Name = Annotated[str, Distinct("field"), Field(min_length=1)]


def trl_messages(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    assistant: Assistant = ASSISTANT,
) -> Iterator[dict[str, Any]]:
    """Yield `messages`: system, user, assistant."""
    for conversation in conversations(triples, context, system=system, user=user, assistant=assistant):
        yield {"messages": [*conversation.prompt, *conversation.completion]}


def trl_prompt_completion(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    assistant: Assistant = ASSISTANT,
) -> Iterator[dict[str, Any]]:
    """Yield `prompt`, the messages up to the question, and `completion`, the message of the answer."""
    for conversation in conversations(triples, context, system=system, user=user, assistant=assistant):
        yield {"prompt": conversation.prompt, "completion": conversation.completion}


def prompt_completion(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    assistant: Assistant = ASSISTANT,
    separator: Annotated[
        str, Field(description="ends the prompt and shows the model where its completion begins")
    ] = "\n\nAnswer:",
    begin: Annotated[str, Field(description="begins the completion; tokenizers join a space to the word after it")] = " ",
    stop: Annotated[str, Field(description="ends the completion; most trainers add their own end token")] = "",
    prompt_field: Annotated[Name, Field(description="name of the prompt's field")] = "prompt",
    completion_field: Annotated[Name, Field(description="name of the completion's field")] = "completion",
) -> Rows:
    """Yield two texts. An answer that contains `stop` would be cut there, so its row is left out and counted as `has_stop`."""
    with_stop = 0
    for conversation in conversations(triples, context, system=system, user=user, assistant=assistant):
        if stop and stop in conversation.assistant:
            with_stop += 1
            continue
        prompt = "\n\n".join(filter(None, [conversation.system, conversation.user]))
        yield {prompt_field: prompt + separator, completion_field: f"{begin}{conversation.assistant}{stop}"}
    return {"has_stop": with_stop} if with_stop else {}

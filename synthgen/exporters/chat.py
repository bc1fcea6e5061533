"""Conversations for fine-tuning with supervision, whole or cut before the answer.

`openai-chat` has nothing but `messages` in a row: the checker of the fine-tuning service refuses unknown keys, and in a message
all but role, content and weight. A `weight` of 0 keeps the service from training on an answer. TRL and LLaMA-Factory never read
it: they train on an answer of weight 0 as on any other, so it is off unless asked for.

`trl-prompt-completion` is what TRL computes the loss on the answer alone for; with `trl-messages` it does so only when asked
(`assistant_only_loss`) and when the chat template marks the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.conversation import SYSTEM, USER, System, User, conversations
from synthgen.records import Triple
from synthgen.registry import Apart

__all__ = ["openai_chat", "prompt_completion", "trl_messages", "trl_prompt_completion"]

Name = Annotated[str, Apart("field"), Field(min_length=1)]


def openai_chat(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    weights: Annotated[
        bool, Field(description="write the answer's weight: 0 or 1 as the imported column `weight` says, else 1")
    ] = False,
) -> Iterator[dict[str, Any]]:
    """`messages`: system, user, assistant."""
    for triple, shown in zip(triples, conversations(triples, context, system=system, user=user), strict=True):
        [answer] = shown.completion
        yield {"messages": [*shown.prompt, answer | {"weight": _weight(triple)} if weights else answer]}


def trl_messages(
    triples: Sequence[Triple], context: ExportContext, *, system: System = SYSTEM, user: User = USER
) -> Iterator[dict[str, Any]]:
    """`messages`: the same conversations, without weights."""
    return openai_chat(triples, context, system=system, user=user)


def trl_prompt_completion(
    triples: Sequence[Triple], context: ExportContext, *, system: System = SYSTEM, user: User = USER
) -> Iterator[dict[str, Any]]:
    """`prompt`: messages up to the question; `completion`: the answer's message."""
    for shown in conversations(triples, context, system=system, user=user):
        yield {"prompt": shown.prompt, "completion": shown.completion}


def prompt_completion(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    separator: Annotated[str, Field(description="ends the prompt, so that the model sees where to begin")] = "\n\nAnswer:",
    begin: Annotated[str, Field(description="begins the completion; tokenizers join a space to the word after it")] = " ",
    stop: Annotated[str, Field(description="ends the completion; most trainers add their own end token")] = "",
    prompt_field: Annotated[Name, Field(description="name of the prompt's field")] = "prompt",
    completion_field: Annotated[Name, Field(description="name of the completion's field")] = "completion",
) -> Rows:
    """Two texts. An answer that holds `stop` itself would be cut there, so it is left out; returns how many were."""
    held = 0
    for shown in conversations(triples, context, system=system, user=user):
        if stop and stop in shown.assistant:
            held += 1
            continue
        prompt = "\n\n".join(filter(None, [shown.system, shown.user]))
        yield {prompt_field: prompt + separator, completion_field: f"{begin}{shown.assistant}{stop}"}
    return {"has_stop": held} if held else {}


def _weight(triple: Triple) -> int:
    said = triple.metadata.get("weight", 1)
    return 0 if str(said) in ("0", "0.0") else 1

"""Preference pairs for DPO: a question with the row's answer and a worse one (see `dpo_rejected`).

`trl-preference` adds `rejected_source` to each row, because TRL ignores unknown columns; the notes of other formats count the
sources.

A row without a worse answer is left out and counted as `no_rejected`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.conversation import SYSTEM, USER, Conversation, Message, System, User, conversations
from synthgen.exporters.dpo_rejected import SOURCES, Sources, rejected_answers
from synthgen.records import Triple

__all__ = ["preference_pairs", "trl_preference"]


def trl_preference(
    triples: Sequence[Triple], context: ExportContext, *, system: System = SYSTEM, user: User = USER, sources: Sources = SOURCES
) -> Rows:
    """Yield `prompt`, `chosen` and `rejected` as messages, and `rejected_source`."""
    counts: Counter[str] = Counter()
    for conversation, worse, source in preference_pairs(triples, context, system, user, sources, counts):
        yield {"prompt": conversation.prompt, "chosen": conversation.completion, "rejected": worse, "rejected_source": source}
    return dict(sorted(counts.items()))


def preference_pairs(
    triples: Sequence[Triple], context: ExportContext, system: str, user: str, sources: Sources, counts: Counter[str]
) -> Iterator[tuple[Conversation, list[Message], str]]:
    """Yield each conversation that has a rejected side, with that side and its source. Adds to `counts` for every triple."""
    found = rejected_answers(triples, context, sources)
    for conversation, rejected in zip(conversations(triples, context, system=system, user=user), found, strict=True):
        counts[rejected[1] if rejected else "no_rejected"] += 1
        if rejected:
            text, source = rejected
            yield conversation, [{"role": "assistant", "content": text}], source

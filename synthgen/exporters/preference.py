"""Preference pairs for DPO: a question with the answer of the row and one that is worse (`rejected` says which).

`openai-dpo` has the three keys that OpenAI, Azure and Together take, and no other; where its rejected answers come from is counted in
the notes. `trl-preference` says it in each row, as `rejected_source`: TRL leaves columns alone that it does not know.

A row without a worse answer is left out, and counted as `no_rejected`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.conversation import SYSTEM, USER, Conversation, Message, System, User, conversations
from synthgen.exporters.dpo_rejected import SOURCES, Sources, rejected_answers
from synthgen.records import Triple

__all__ = ["openai_dpo", "trl_preference"]


def openai_dpo(
    triples: Sequence[Triple], context: ExportContext, *, system: System = SYSTEM, user: User = USER, sources: Sources = SOURCES
) -> Rows:
    """`input` (its `messages`), `preferred_output` and `non_preferred_output`, each one assistant message."""
    counts: Counter[str] = Counter()
    for shown, worse, _ in _pairs(triples, context, system, user, sources, counts):
        yield {"input": {"messages": shown.prompt}, "preferred_output": shown.completion, "non_preferred_output": worse}
    return dict(sorted(counts.items()))


def trl_preference(
    triples: Sequence[Triple], context: ExportContext, *, system: System = SYSTEM, user: User = USER, sources: Sources = SOURCES
) -> Rows:
    """`prompt`, `chosen` and `rejected` as messages, and `rejected_source`."""
    counts: Counter[str] = Counter()
    for shown, worse, source in _pairs(triples, context, system, user, sources, counts):
        yield {"prompt": shown.prompt, "chosen": shown.completion, "rejected": worse, "rejected_source": source}
    return dict(sorted(counts.items()))


def _pairs(
    triples: Sequence[Triple], context: ExportContext, system: str, user: str, sources: Sources, counts: Counter[str]
) -> Iterator[tuple[Conversation, list[Message], str]]:
    """Each conversation that has a rejected side, with it and its source; `counts` takes in what was found, and what was not."""
    found = rejected_answers(triples, context, sources)
    for shown, rejected in zip(conversations(triples, context, system=system, user=user), found, strict=True):
        counts[rejected[1] if rejected else "no_rejected"] += 1
        if rejected:
            text, source = rejected
            yield shown, [{"role": "assistant", "content": text}], source

"""The template of the assistant's message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.export_rows import CHUNKS, CONTEXT, ROWS

from synthgen.errors import ConfigError
from synthgen.exporters.conversation import conversations
from synthgen.exporters.export import format_options

CHUNK = CHUNKS[ROWS[0].chunk_id] if isinstance(CHUNKS, dict) else next(c for c in CHUNKS if c.id == ROWS[0].chunk_id)
ROW = replace(ROWS[0], answer="Yes.", response=None, reasoning=None, quotes=((CHUNK.start, CHUNK.start + 6),))
QUOTE = CHUNK.text[:6].strip()


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("$answer", "Yes."),
        ("$answer\n\nSupport: $quote", f"Yes.\n\nSupport: {QUOTE}"),
        ("$answer\n##begin_quote## ${quote} ##end_quote##", f"Yes.\n##begin_quote## {QUOTE} ##end_quote##"),
        ("Reason: $reasoning\n$answer", "Yes."),
        ("Costs $$5.\n$answer", "Costs $5.\nYes."),
    ],
)
def test_a_template_is_filled(template: str, said: str) -> None:
    [conversation] = conversations([ROW], CONTEXT, assistant=template)
    assert conversation.assistant == said


@pytest.mark.parametrize("format", ["openai-chat", "trl-messages", "trl-prompt-completion", "prompt-completion", "sharegpt"])
@pytest.mark.parametrize(
    ("template", "message"),
    [("$answer $qoute", "no placeholder \\$qoute; known"), ("$quote", "must contain"), ("$answer $5", "\\$\\$")],
)
def test_a_template_that_cannot_be_filled_is_named(format: str, template: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        format_options(format, {"assistant": template})

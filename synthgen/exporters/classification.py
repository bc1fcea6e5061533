"""Labelled texts as conversations, for rows from `import --kind classification`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Template
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.row_view import answer
from synthgen.records import Triple

__all__ = ["classification_chat"]


def _has_labels(template: str) -> str:
    if "labels" not in Template(template).get_identifiers():
        raise ValueError("it must contain $labels")
    return template


def classification_chat(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: Annotated[
        str,
        AfterValidator(_has_labels),
        Field(description="system message; $labels becomes a list with one label on each line"),
    ] = ("Classify the text. Answer with one of these labels and nothing else:\n$labels"),
) -> Iterator[dict[str, Any]]:
    """Yield `messages`: the sorted labels of the whole run, the text, its label."""
    system_message = Template(system).safe_substitute(labels="\n".join(f"- {label}" for label in context.labels))
    for triple in triples:
        yield {
            "messages": [
                {"role": "system", "content": system_message},
                {"role": "user", "content": triple.query.strip()},
                {"role": "assistant", "content": answer(triple)},
            ]
        }

"""Rows of the config `triples`: a triple with the texts of all that it names, so that nobody needs the corpus to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.records import Chunk, Triple, passage

__all__ = ["triple_row"]


def triple_row(triple: Triple, chunks: Mapping[str, Chunk], titles: Mapping[str, str], *, origin: str) -> dict[str, Any]:
    """One row, with the columns of `CONFIGS["triples"]`. A title is that of the document, or its path where it has none."""
    source = chunks[triple.chunk_id]

    def shown(chunk_id: str) -> dict[str, Any]:
        chunk = chunks[chunk_id]
        return {"chunk_id": chunk_id, "title": titles.get(chunk.document_id) or chunk.document_id, "text": chunk.text}

    row = triple.to_dict()
    return row | {
        "context": passage(triple, source),
        "title": shown(source.id)["title"],
        "headings": list(source.headings),
        "quotes": [{"start": s, "end": e, "text": source.text[s - source.start : e - source.start]} for s, e in triple.quotes],
        "other_positives": [shown(positive) for positive in triple.positives[1:]],
        "distractors": [shown(d["chunk_id"]) | d for d in row["distractors"]],
        "origin": origin,
    }

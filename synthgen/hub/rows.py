"""Rows of the config `triples`: triples with the texts of their chunks, readable without the corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synthgen.records import Chunk, Triple, passage

__all__ = ["triple_row"]


def triple_row(triple: Triple, chunks: Mapping[str, Chunk], title: Callable[[str], str], *, origin: str) -> dict[str, Any]:
    """Return a row with the columns of `CONFIGS["triples"]`. `title` returns the title of a document by its id."""
    source = chunks[triple.chunk_id]

    def passage_of(chunk_id: str) -> dict[str, Any]:
        chunk = chunks[chunk_id]
        return {"chunk_id": chunk_id, "title": title(chunk.document_id), "text": chunk.text}

    row = triple.to_dict()
    return row | {
        "context": passage(triple, source),
        "title": title(source.document_id),
        "headings": list(source.headings),
        "quotes": [{"start": s, "end": e, "text": source.text[s - source.start : e - source.start]} for s, e in triple.quotes],
        "other_positives": [passage_of(positive) for positive in triple.positives[1:]],
        "distractors": [passage_of(d["chunk_id"]) | d for d in row["distractors"]],
        "origin": origin,
    }

"""A BEIR folder: `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.tsv`.

The corpus is every chunk, not only those with queries, which would make retrieval too easy. A chunk is relevant when it
is one of the row's positives or holds the same text in another place. Rows with masks are left out: their query stands
word for word in the corpus, and any search would find it.

Identifiers are those of chunks and triples; `%`, quotes, tabs and line ends in them are percent-encoded, because readers
of qrels split lines at tabs and take a quotation mark as the start of a quoted field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import regex

from synthgen.exporters import Context
from synthgen.records import SPLITS, Chunk, Triple

__all__ = ["beir", "breadcrumb", "safe_id"]

_UNSAFE = regex.compile(r"[%\"\p{Cc}\u2028\u2029]")


def beir(triples: Sequence[Triple], context: Context) -> Iterator[tuple[str, dict[str, Any]]]:
    """Corpus and queries first, then one file of judgments for each split that has rows."""
    for chunk in context.chunks.values():
        yield "corpus.jsonl", _passage(chunk, context)
    for triple in triples:
        metadata = {"split": triple.split, "kind": triple.kind, "generator": triple.generator}
        yield "queries.jsonl", {"_id": safe_id(triple.id), "text": triple.query, "metadata": metadata}
    for split in SPLITS:
        for triple in triples:
            for chunk_id in _relevant(triple, context) if triple.split == split else ():
                yield f"qrels/{split}.tsv", {"query-id": safe_id(triple.id), "corpus-id": safe_id(chunk_id), "score": 1}


def breadcrumb(chunk: Chunk, context: Context) -> str:
    """What stands above a passage: the title of its document and the headings, outermost first."""
    return " > ".join(filter(None, dict.fromkeys([context.titles.get(chunk.document_id, ""), *chunk.headings])))


def safe_id(name: str) -> str:
    return _UNSAFE.sub(lambda match: quote(match.group()), name)


def _passage(chunk: Chunk, context: Context) -> dict[str, Any]:
    metadata = {"document": chunk.document_id, "start": chunk.start, "end": chunk.end}
    return {"_id": safe_id(chunk.id), "title": breadcrumb(chunk, context), "text": chunk.text, "metadata": metadata}


def _relevant(triple: Triple, context: Context) -> list[str]:
    """The positives and the places of their texts that are in the corpus, each once."""
    found = [place for positive in triple.positives for place in (positive, *context.chunks[positive].places)]
    return [place for place in dict.fromkeys(found) if place in context.chunks]

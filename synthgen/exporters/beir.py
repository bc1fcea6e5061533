"""A BEIR folder: `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`.

The corpus holds every chunk. A corpus of the chunks with queries alone would make retrieval too easy. A chunk is
relevant when it is one of the row's positives, or when it holds the same text in another place. Rows with masks are
left out: their query occurs word for word in the corpus, and any search would find it.

Identifiers are those of chunks and triples. `%`, quotation marks, tabs and line ends in them are percent-encoded,
because readers of qrels split lines at tabs and take a quotation mark as the start of a quoted field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import regex

from synthgen.exporters.context import ExportContext
from synthgen.records import SPLITS, Chunk, Triple

__all__ = ["beir", "breadcrumb", "corpus", "qrels", "queries", "safe_id"]

_UNSAFE = regex.compile(r"[%\"\p{Cc}\u2028\u2029]")


def beir(triples: Sequence[Triple], context: ExportContext) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the corpus, the queries, and a file of judgments for each split that has rows."""
    yield from (("corpus.jsonl", row) for row in corpus(context))
    yield from (("queries.jsonl", row) for row in queries(triples))
    for split in SPLITS:
        yield from ((f"qrels/{split}.tsv", row) for row in qrels((t for t in triples if t.split == split), context))


def corpus(context: ExportContext) -> Iterator[dict[str, Any]]:
    """Yield a row for every chunk."""
    for chunk in context.chunks.values():
        metadata = {"document": chunk.document_id, "start": chunk.start, "end": chunk.end}
        yield {"_id": safe_id(chunk.id), "title": breadcrumb(chunk, context), "text": chunk.text, "metadata": metadata}


def queries(triples: Iterable[Triple]) -> Iterator[dict[str, Any]]:
    """Yield a row for every triple."""
    for triple in triples:
        metadata = {"split": triple.split, "kind": triple.kind, "generator": triple.generator}
        yield {"_id": safe_id(triple.id), "text": triple.query, "metadata": metadata}


def qrels(triples: Iterable[Triple], context: ExportContext) -> Iterator[dict[str, Any]]:
    """Yield a judgment for each triple and each of its relevant chunks."""
    for triple in triples:
        for chunk_id in _relevant(triple, context):
            yield {"query-id": safe_id(triple.id), "corpus-id": safe_id(chunk_id), "score": 1}


def breadcrumb(chunk: Chunk, context: ExportContext) -> str:
    """Return the title of the chunk's document and the headings above the chunk, outermost first."""
    return " > ".join(filter(None, dict.fromkeys([context.titles.get(chunk.document_id, ""), *chunk.headings])))


def safe_id(name: str) -> str:
    """Return an identifier with its unsafe characters percent-encoded."""
    return _UNSAFE.sub(lambda match: quote(match.group()), name)


def _relevant(triple: Triple, context: ExportContext) -> list[str]:
    """Return the positives and the other places of their texts, as far as they are in the corpus, each once."""
    places = [place for positive in triple.positives for place in (positive, *context.chunks[positive].places)]
    return [place for place in dict.fromkeys(places) if place in context.chunks]

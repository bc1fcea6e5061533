"""Human queries: a BEIR folder (`queries.jsonl`, `qrels/test.tsv`) matched with the chunks of a run.

The qrels may name chunks or documents (by relative path); a document then ranks by its best chunk. Judgments of unknown
ids and queries without a relevant id are counted, never silently dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import InputError
from synthgen.importers.qrels import BadLine, read_qrels
from synthgen.records import Chunk
from synthgen.storage import read_jsonl

__all__ = ["JudgedQueries", "places_of", "read_queries", "read_texts"]

_LAYOUT = "A folder of queries has queries.jsonl (rows {_id, text}) and qrels/test.tsv (query-id, corpus-id, score; with or without a header line)."


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """Queries with their relevant ids and gains. `by` is the kind of id: "document" or "chunk"."""

    texts: list[str]
    relevant: list[dict[str, float]]
    by: str
    without_relevant: int
    unknown_ids: int


def places_of(chunk: Chunk) -> list[str]:
    """Return the documents that contain this text: the chunk's own, then those of its other places."""
    return list(dict.fromkeys([chunk.document_id, *(place.rpartition("#")[0] for place in chunk.places)]))


def read_queries(folder: Path, chunks: Sequence[Chunk]) -> JudgedQueries:
    """Read judged queries. Raises InputError for missing files, malformed rows, and qrels that name nothing in the run."""
    texts = read_texts(folder)
    judged = _judgments(folder / "qrels" / "test.tsv")
    documents = {document for chunk in chunks for document in places_of(chunk)}
    own_chunk = {place: chunk.id for chunk in chunks for place in (chunk.id, *chunk.places)}

    named = [id for wanted in judged.values() for id in wanted]
    as_documents, as_chunks = sum(id in documents for id in named), sum(id in own_chunk for id in named)
    if not as_documents and not as_chunks:
        raise InputError(
            f"{folder / 'qrels' / 'test.tsv'} names no document and no chunk of this run ({len(named)} judgments; the first is "
            f"of {named[0]!r}, but documents of the run have ids like {min(documents)!r}). Ids are paths relative to the documents' folder."
            if named
            else f"{folder / 'qrels' / 'test.tsv'} has no judgment with a score above 0. {_LAYOUT}"
        )
    by = "document" if as_documents >= as_chunks else "chunk"
    id_of = {id: id for id in documents} if by == "document" else own_chunk

    kept: dict[str, dict[str, float]] = {}
    for query, wanted in judged.items():
        found = {id_of[id]: gain for id, gain in wanted.items() if id in id_of}
        if query in texts and found:
            kept[query] = found
    if not kept:
        raise InputError(f"No query of {folder} has both a text in queries.jsonl and a relevant {by} in the run. {_LAYOUT}")
    return JudgedQueries(
        texts=[texts[query] for query in texts if query in kept],
        relevant=[kept[query] for query in texts if query in kept],
        by=by,
        without_relevant=len(texts) - len(kept),
        unknown_ids=len(named) - max(as_documents, as_chunks),
    )


def read_texts(folder: Path) -> dict[str, str]:
    """Return the queries of a BEIR folder by id. Raises InputError for missing files and malformed rows."""
    path = folder / "queries.jsonl"
    if not path.is_file():
        raise InputError(f"{path} does not exist. {_LAYOUT}")
    texts: dict[str, str] = {}
    for number, row in enumerate(read_jsonl(path), 1):
        if not isinstance(row.get("text"), str) or "_id" not in row:
            raise InputError(f"{path}, row {number} has the keys {', '.join(row) or 'none'}. {_LAYOUT}")
        if texts.setdefault(str(row["_id"]), row["text"]) != row["text"]:
            raise InputError(f"{path}, row {number} has the _id {row['_id']!r}, which an earlier row has with another text.")
    return texts


def _judgments(path: Path) -> Mapping[str, dict[str, float]]:
    if not path.is_file():
        raise InputError(f"{path} does not exist. {_LAYOUT}")
    judged: dict[str, dict[str, float]] = {}
    for found in read_qrels(path):
        if isinstance(found, BadLine):
            raise InputError(f"{path}, line {found.line} is {found.text[:80]!r}. {_LAYOUT}")
        if found.score > 0:
            judged.setdefault(found.query, {})[found.passage] = found.score
    return judged

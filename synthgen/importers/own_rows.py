"""Rows of our own tables, read back as the rows that they are: `show --json`, the table of triples, the config `triples` of the Hub.

A row of a run is known by its columns. It keeps every field, its id and its order, and what a run has accepted is not judged
again. An edited field changes that field. The id follows the query, as it always does. Quotes that no longer support an edited
answer are moved to where the answer stands, or dropped; `metadata.quotes_were` has the spans of before.

Rows that a run rejected stay rejected unless a person marked them as reviewed. Tables that hold no rows are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synthgen.errors import InputError
from synthgen.importers.values import BadValue, jsonable, parse_cell, parse_split, whole_number
from synthgen.importers.verdicts import EDITED, REJECTED
from synthgen.llm.model_name import parse_model
from synthgen.records import Chunk, Distractor, Span, Triple, digest
from synthgen.storage import TABLES
from synthgen.text.data import parse_json
from synthgen.text.model_text import mended_answer, mended_query, mended_text
from synthgen.text.words import contents, find, normalise, words

__all__ = ["OwnRow", "check_is_rows", "is_own", "read_own", "rejection_of", "standing_on"]

_ROW = frozenset({"id", "query", "answer", "document_id", "start", "end", "chunk_sha256", "quotes", "masks", "generator"})
_TABLE, _HUB = _ROW | {"positives"}, _ROW | {"chunk_id", "other_positives", "origin"}
_SHOWN = frozenset({"context", "title", "headings", "other_positives", "origin", "chunk_id"})  # on the Hub, from other columns
_VERDICT = ("stage", "reason", "score", "threshold")
_NO_ROWS = {
    **{kind: frozenset(TABLES[kind]) for kind in ("documents", "chunks", "skipped")},
    "corpus": frozenset({"_id", "title", "text", "metadata"}),
    "queries": frozenset({"_id", "text", "metadata"}),
    "qrels": frozenset({"query-id", "corpus-id", "score"}),
}
_MOST_REPEATS = 20  # rows of one query and passage whose ids are known


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A row of a run as its table has it. An accepted one has passed the filters of its run."""

    triple: Triple
    accepted: bool = True
    quoted: tuple[str, ...] = ()
    context: str = ""
    title: str = ""


def is_own(columns: Mapping[str, Any]) -> bool:
    """Return whether a row has the columns of our tables."""
    return columns.keys() >= _TABLE or columns.keys() >= _HUB


def check_is_rows(path: Path, columns: Mapping[str, Any]) -> None:
    """Raises InputError for a row of one of our tables that hold no rows."""
    name = next((name for name, known in _NO_ROWS.items() if columns.keys() == known), None)
    if name is not None:
        help = (
            "Give the folder that has corpus.jsonl, queries.jsonl and qrels."
            if name in ("corpus", "queries", "qrels")
            else "The rows of a run are in triples.parquet; `synthgen show RUN -n 999 --json` prints them."
        )
        raise InputError(f"{path} is the table `{name}`, which holds no rows with a query and its passage. {help}")


def rejection_of(columns: Mapping[str, Any]) -> str:
    """Return what a row of the table `rejected` was rejected for, "" for a row that was kept."""
    return f"{columns['stage']}: {columns['reason']}" if all(name in columns for name in _VERDICT) else ""


def read_own(columns: Mapping[str, Any], verdict: str, *, accepted: bool = True) -> OwnRow:
    """Return a row of one of our tables. Raises BadValue for a value that its column cannot have."""
    given = {name: _cell(value) for name, value in columns.items()}
    chunk_id = _text(given, "chunk_id") if "positives" not in given else ""
    positives = (
        [chunk_id, *(_part(p, "chunk_id") for p in _list(given, "other_positives"))] if chunk_id else _list(given, "positives")
    )
    if not positives or not all(isinstance(id, str) and id for id in positives):
        raise BadValue("positives is not a list of chunk ids")
    if not (query := normalise(_text(given, "query")).strip()):
        raise BadValue("query is empty")
    metadata, known = jsonable(_mapping(given, "metadata")), {*TABLES["rejected"], *_SHOWN}
    metadata |= {jsonable(name): jsonable(value) for name, value in given.items() if name not in known and value is not None}
    if verdict in (REJECTED, EDITED):
        metadata["verdict"] = verdict
    quotes = _list(given, "quotes")
    answer = _text(given, "answer", None)
    triple = Triple(
        id=_text(given, "id"),
        query=query,
        answer=None if answer is None else normalise(answer).strip() or None,
        positives=tuple(positives),
        start=_number(given, "start"),
        end=_number(given, "end"),
        quotes=tuple(map(_span, quotes)),
        masks=tuple(map(_span, _list(given, "masks"))),
        distractors=tuple(map(_distractor, _list(given, "distractors"))),
        scores=jsonable(_mapping(given, "scores")),
        flags=tuple(jsonable(str(flag)) for flag in _list(given, "flags")),
        reviewed=verdict not in ("", REJECTED),
        metadata=metadata,
        document_id=_text(given, "document_id"),
        chunk_sha256=_text(given, "chunk_sha256"),
        kind=_text(given, "kind", ""),
        generator=_text(given, "generator", ""),
        split=parse_split(_text(given, "split", "")),
        reasoning=_text(given, "reasoning", None) or None,
        instruction=_text(given, "instruction", None) or None,
        response=_text(given, "response", None) or None,
        request_key=_text(given, "request_key", None) or None,
        prompt_digest=_text(given, "prompt_digest", None) or None,
    )
    texts = tuple(str(quote["text"]) for quote in quotes if isinstance(quote, Mapping) and quote.get("text"))
    return OwnRow(triple, accepted, texts, normalise(_text(given, "context", "")).strip(), _text(given, "title", ""))


def standing_on(row: OwnRow, chunk: Chunk, owners: Mapping[str, Chunk]) -> Triple:
    """Return the row on its chunk, which has the text of its digest. `owners` are all chunks by their ids and places.

    Passages that are no chunks any more cannot be distractors or positives; `metadata.lost_passages` counts them.
    """
    given = row.triple
    shift = chunk.start - given.start
    positives = [owners[id].id for id in given.positives if id in owners]
    distractors = [replace(d, chunk_id=owners[d.chunk_id].id) for d in given.distractors if d.chunk_id in owners]
    lost = len(given.positives) - len(positives) + len(given.distractors) - len(distractors)
    triple = replace(
        given,
        positives=tuple(dict.fromkeys([chunk.id, *positives])),
        document_id=chunk.document_id,
        start=chunk.start,
        end=chunk.end,
        quotes=tuple((start + shift, end + shift) for start, end in given.quotes),
        masks=tuple((start + shift, end + shift) for start, end in given.masks),
        distractors=tuple(distractors),
        split=given.split or chunk.split,
        metadata=dict(given.metadata) | ({"lost_passages": lost} if lost else {}),
    )
    return _identified(_requoted(_mended(triple, chunk), chunk), chunk)


def _mended(triple: Triple, chunk: Chunk) -> Triple:
    """Return the row without what must stand in no text. Rows that were made by a run have nothing of it."""
    query = mended_query(triple.query, chunk.text, chunk.language)
    answer = None if triple.answer is None else mended_answer(triple.answer, chunk.text, chunk.language)
    reasoning = mended_text(triple.reasoning, chunk.text) if triple.reasoning else None
    response = mended_text(triple.response, chunk.text) if triple.response else None
    mended = [name for text in (query, answer, reasoning, response) if text for name in text.mended]
    if not mended:
        return triple
    before = triple.metadata.get("mended")
    metadata = {**triple.metadata, "mended": list(dict.fromkeys([*(before if isinstance(before, list) else ()), *mended]))}
    return replace(
        triple,
        query=query.text,
        answer=answer.text if answer else None,
        reasoning=reasoning.text if reasoning else triple.reasoning,
        response=response.text if response else triple.response,
        metadata=metadata,
    )


def _requoted(triple: Triple, chunk: Chunk) -> Triple:
    """Return the row with quotes that support its answer."""
    texts = [chunk.text[start - chunk.start : end - chunk.start] for start, end in triple.quotes]
    if not texts or _supported(triple, texts, chunk):
        return triple
    at = find(triple.answer, chunk.text) if triple.answer else -1
    quotes: tuple[Span, ...] = ()
    if triple.answer and at >= 0:
        quotes = ((chunk.start + at, chunk.start + at + len(triple.answer)),)
    return replace(triple, quotes=quotes, metadata={**triple.metadata, "quotes_were": [list(span) for span in triple.quotes]})


def _supported(triple: Triple, quotes: list[str], chunk: Chunk) -> bool:
    """Return whether the quotes can be those of the answer.

    A rule quotes the answer itself. A model or a person may quote what the answer follows from, so their quotes are
    wrong only when the answer has no word of them and stands elsewhere in the passage.
    """
    answer = triple.answer or triple.response or ""
    if any(find(answer, quote) >= 0 or find(quote, answer) >= 0 for quote in quotes):
        return True
    if triple.generator.startswith("extractive:"):
        return False
    content = set(contents(words(answer)))
    quoted = {word for quote in quotes for word in words(quote)}
    return not content or not content.isdisjoint(quoted) or find(answer, chunk.text) < 0 or not parse_model(triple.generator)


def _identified(triple: Triple, chunk: Chunk) -> Triple:
    """Return the row with its id, or with that of its query if the id is of another one."""
    own = digest([chunk.sha256, triple.query])[:24]
    ids = {own, *(digest([own, occurrence])[:24] for occurrence in range(2, _MOST_REPEATS))}
    return triple if triple.id in ids else replace(triple, id=own)


def _cell(value: Any) -> Any:
    """Return the list of a CSV cell, other values unchanged."""
    if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]":
        with suppress(BadValue):
            return found if isinstance(found := parse_cell(value), list) else value
    return value


def _text(row: Mapping[str, Any], name: str, default: Any = ...) -> Any:
    value = row.get(name)
    if value is None and default is not ...:
        return default
    if not isinstance(value, str):
        raise BadValue(f"{name} is {type(value).__name__}, not text")
    return jsonable(value)


def _number(row: Mapping[str, Any], name: str) -> int:
    return whole_number(row[name], name)


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if value is not None and not isinstance(value, list | tuple):
        raise BadValue(f"{name} is {type(value).__name__}, not a list")
    return list(value or ())


def _mapping(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = row.get(name)
    try:
        value = parse_json(value) if isinstance(value, str) and value else value or {}
    except ValueError:
        value = None
    if not isinstance(value, Mapping):
        raise BadValue(f"{name} is not a JSON object")
    return dict(value)


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else value


def _span(value: Any) -> Span:
    try:
        start, end = (value["start"], value["end"]) if isinstance(value, Mapping) else value
        return whole_number(start, "start"), whole_number(end, "end")
    except (TypeError, ValueError, KeyError):
        raise BadValue(f"a span is {str(value)[:40]!r}, not a start and an end") from None


def _distractor(value: Any) -> Distractor:
    try:
        found = Distractor.from_dict(value)
        if {type(found.chunk_id), type(found.found_by)} != {str}:
            raise TypeError
        rank, score, relative = whole_number(found.rank, "rank"), float(found.score), float(found.relative)
        return replace(found, found_by=jsonable(found.found_by), rank=rank, score=score, relative=relative)
    except (TypeError, AttributeError, ValueError, OverflowError):
        raise BadValue(
            f"a distractor is {str(value)[:40]!r}, not an object with chunk_id, found_by, rank, score, relative"
        ) from None

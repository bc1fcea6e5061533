"""Assign a chunk to each imported row.

1. `chunk_id` names a chunk of the run. It may name a chunk of another run whose text is still in the documents, as its
  `chunk_sha256` proves; that text becomes a chunk like a context.
2. Otherwise, `context` becomes the chunk: the span of the document where it is found, in place of the run's own chunks
  that it overlaps. Of several places in `document`, the one that contains `start` is taken.
3. Otherwise, `document`, `start` and `end` select the chunk with the most overlap, the first of equals.

`answer_start` is the offset of the answer in the context. If the answer is not there, its nearest occurrence is taken.
`answer_start` then stays in `metadata`, as it does when the answer does not occur at all.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from synthgen.chunking.chunker import document_format
from synthgen.chunking.markup.block import trimmed
from synthgen.importers.columns import ImportRow
from synthgen.importers.files import Passage
from synthgen.importers.locate import Location, WantedContext, find_contexts
from synthgen.importers.masked_contexts import hides, masked_contexts
from synthgen.importers.own_rows import standing_on
from synthgen.importers.verdicts import EDITED, REJECTED
from synthgen.records import (
    IMPORTED,
    Chunk,
    Distractor,
    Document,
    Skipped,
    Span,
    Triple,
    chunk_id,
    digest,
    make_document,
    make_triple,
)
from synthgen.text.language import guess_language
from synthgen.text.quotes import locate
from synthgen.text.tokenizer import Tokenizer
from synthgen.text.words import find, normalise

__all__ = ["ContextChunks", "chunks_of_given_splits", "context_documents", "cut_contexts", "place_rows"]


_EXACT_ONLY = 2.0  # a similarity that no near match reaches


@dataclass(frozen=True, slots=True)
class ContextChunks:
    """The chunks of a corpus, contexts included, and the location of each context."""

    chunks: list[Chunk]
    places: Mapping[WantedContext, Location]
    own: Mapping[str, Chunk] = field(default_factory=dict)  # the run's own chunks, before contexts replaced some
    replaced: Sequence[Skipped] = ()
    masks: Mapping[WantedContext, Span] = field(default_factory=dict)  # what a context leaves out of its chunk


def context_documents(
    rows: Iterable[ImportRow], others: Iterable[Passage], tokenizer: Tokenizer
) -> tuple[list[Document], Callable[[Sequence[Document]], ContextChunks]]:
    """Return a document for each distinct context and other passage, and a function that chunks them: one chunk each,
    under its title.
    """
    titles: dict[str, str] = {}
    contexts: list[WantedContext] = []
    for row in rows:
        if row.context:
            titles[row.context] = titles.get(row.context) or row.title
            contexts.append(_wanted(row))
    for passage in others:
        if text := normalise(passage.text).strip():
            titles[text] = titles.get(text) or passage.title.strip()
    documents = [
        make_document(_context_id(text), text, title=title, language=guess_language(text)) for text, title in titles.items()
    ]

    def cut(documents: Sequence[Document]) -> ContextChunks:
        chunks = [
            Chunk(
                id=chunk_id(document.id, 0, len(document.text)),
                document_id=document.id,
                start=0,
                end=len(document.text),
                text=document.text,
                sha256=document.sha256,
                headings=(document.title,) if document.title else (),
                n_tokens=tokenizer.count(document.text),
                language=document.language,
                group=document.group,
                split=document.split,
                format=document_format(document),
            )
            for document in documents
        ]
        places = {context: Location(_context_id(context.text), 0, len(context.text), True) for context in contexts}
        return ContextChunks(chunks, places)

    return sorted(documents, key=lambda document: document.id), cut


def _context_id(text: str) -> str:
    return f"context/{digest(text)[:16]}"


def _wanted(row: ImportRow) -> WantedContext:
    return WantedContext(row.context, row.document, row.start if row.document else None)


def cut_contexts(
    rows: Sequence[ImportRow], documents: Sequence[Document], own: Sequence[Chunk], tokenizer: Tokenizer, *, min_tokens: int
) -> ContextChunks:
    """Return the `own` chunks with contexts in place of the chunks that they overlap, by document, in order.

    What remains of an overlapped chunk beside the contexts is also a chunk if it has `min_tokens`, so it can still be
    found.
    """
    spans: defaultdict[str, set[Span]] = defaultdict(set)
    verified: set[str] = set()
    ids = {chunk.id for chunk in own}
    for document_id, (start, end) in _verified(rows, documents):
        verified.add(id := chunk_id(document_id, start, end))
        if id not in ids:
            spans[document_id].add((start, end))
    contexts = list(dict.fromkeys(_wanted(row) for row in rows if row.context and not (row.own and row.chunk_id in verified)))
    found = zip(contexts, find_contexts(contexts, documents), strict=True)
    places = {wanted: place for wanted, place in found if place is not None}
    queries = {_wanted(row): row.query for row in rows if row.context}
    masked = {
        wanted: (chunk, span)
        for wanted, (chunk, span) in masked_contexts(contexts, own)
        if wanted not in places or not places[wanted].exact or hides(chunk, span, queries[wanted])
    }
    places |= {wanted: Location(chunk.document_id, chunk.start, chunk.end, True) for wanted, (chunk, _) in masked.items()}
    for place in places.values():
        spans[place.document_id].add((place.start, place.end))
    for chunk in own:  # a named chunk stays where others replace its neighbours
        if chunk.id in verified and spans[chunk.document_id]:
            spans[chunk.document_id].add((chunk.start, chunk.end))

    own_chunks: defaultdict[str, list[Chunk]] = defaultdict(list)
    for chunk in own:
        own_chunks[chunk.document_id].append(chunk)
    chunks: list[Chunk] = []
    replaced: list[Skipped] = []
    for document in documents:
        recut = _recut(document, own_chunks[document.id], sorted(spans[document.id]), tokenizer, min_tokens)
        chunks += recut
        removed = {chunk.id for chunk in own_chunks[document.id]} - {chunk.id for chunk in recut}
        replaced += [
            Skipped(document.id, "import", "replaced", chunk.id, "an imported context replaces it")
            for chunk in own_chunks[document.id]
            if chunk.id in removed
        ]
    masks = {wanted: span for wanted, (_, span) in masked.items()}
    return ContextChunks(chunks, places, {chunk.id: chunk for chunk in own}, replaced, masks)


def _recut(
    document: Document, own: Sequence[Chunk], contexts: Sequence[Span], tokenizer: Tokenizer, min_tokens: int
) -> list[Chunk]:
    """Return the chunks of one document. `contexts` are sorted."""
    if not contexts:
        return list(own)
    index = _Spans((chunk.start, chunk.end, chunk) for chunk in own)
    touched = {chunk.id for start, end in contexts for chunk, _ in index.overlapping(start, end)}
    documents = [_chunk(document, span, index, tokenizer) for span in contexts]
    remainders = [
        piece
        for span in _between(contexts, len(document.text))
        for chunk, _ in index.overlapping(*span)
        if chunk.id in touched
        for start, end in [trimmed(document.text, max(span[0], chunk.start), min(span[1], chunk.end))]
        if start < end and (piece := _chunk(document, (start, end), index, tokenizer)).n_tokens >= min_tokens
    ]
    untouched = [chunk for chunk in own if chunk.id not in touched]
    return sorted([*untouched, *documents, *remainders], key=lambda chunk: (chunk.start, chunk.end))


def _between(spans: Sequence[Span], length: int) -> Iterator[Span]:
    """Yield the spans that no span of `spans` covers. `spans` are sorted by start."""
    free = 0
    for start, end in [*spans, (length, length)]:
        if free < start:
            yield free, start
        free = max(free, end)


def _verified(rows: Iterable[ImportRow], documents: Iterable[Document]) -> Iterator[tuple[str, Span]]:
    """Yield the spans of chunk ids whose text has the row's digest."""
    texts = {document.id: document.text for document in documents}
    for id, sha256 in dict.fromkeys((row.chunk_id, row.chunk_sha256) for row in rows if row.chunk_id and row.chunk_sha256):
        document_id, _, span = id.rpartition("#")
        start, _, end = span.partition("-")
        if document_id not in texts or not (start.isdecimal() and end.isdecimal()):
            continue
        if digest(texts[document_id][int(start) : int(end)]) == sha256:
            yield document_id, (int(start), int(end))


def _chunk(document: Document, span: Span, index: _Spans, tokenizer: Tokenizer) -> Chunk:
    """Return a chunk of `span` under the headings that all overlapped own chunks share."""
    start, end = span
    text = document.text[start:end]
    overlapped = [chunk for chunk, _ in index.overlapping(start, end)]
    languages = {chunk.language for chunk in overlapped}
    return Chunk(
        id=chunk_id(document.id, start, end),
        document_id=document.id,
        start=start,
        end=end,
        text=text,
        sha256=digest(text),
        headings=_common_headings([chunk.headings for chunk in overlapped]),
        n_tokens=tokenizer.count(text),
        language=languages.pop() if len(languages) == 1 else guess_language(text, document=document.language),
        group=document.group,
        split=document.split,
        format=document_format(document),
    )


def _common_headings(breadcrumbs: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the common start of all breadcrumbs."""
    levels = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*breadcrumbs, strict=False))
    return tuple(level[0] for level in levels)


def place_rows(
    rows: Iterable[ImportRow], cut: ContextChunks, chunks: Sequence[Chunk], documents: Sequence[Document]
) -> Iterator[Triple | Skipped]:
    """Yield a candidate for each row, in order, or a `Skipped`. `chunks` are those of `cut` after merging equal ones."""
    placer = _Placer(cut, chunks, documents)
    for row in rows:
        yield placer.placed(row)


class _Placer:
    def __init__(self, cut: ContextChunks, chunks: Sequence[Chunk], documents: Sequence[Document]) -> None:
        self._cut = cut
        self._texts = {document.id: document.text for document in documents}
        self._owner = {place: chunk for chunk in chunks for place in (chunk.id, *chunk.places)}
        spans: defaultdict[str, list[tuple[int, int, Chunk]]] = defaultdict(list)
        for place, chunk in self._owner.items():
            document, _, span = place.rpartition("#")
            start, _, end = span.partition("-")
            spans[document].append((int(start), int(end), chunk))
        self._spans = {document: _Spans(found) for document, found in spans.items()}
        self._starts: defaultdict[tuple[str, str], list[int]] = defaultdict(list)  # of each chunk in each of its documents
        for document, found in spans.items():
            for first, _, chunk in sorted(found, key=lambda span: span[:2]):
                self._starts[chunk.id, document].append(first)

    def placed(self, row: ImportRow) -> Triple | Skipped:
        if (own := self._own(row)) is not None:
            return own
        found = self._found(row)
        if isinstance(found, Skipped):
            return found
        chunk, quote = found
        if not chunk.split and not row.split:
            return Skipped(row.where, "import", "bridges_splits", chunk.id, "its text stands in documents of different splits")
        triple = make_triple(
            chunk,
            row.query,
            row.answer,
            quotes=(quote,) if quote else (),
            masks=self._masks(row),
            distractors=self._distractors(row, chunk),
            reasoning=row.reasoning,
            kind=row.kind,
            generator=row.generator or "import",
            reviewed=row.reviewed,
            metadata=_metadata(row, chunk, quote),
        )
        return replace(triple, split=row.split) if row.split else triple

    def _own(self, row: ImportRow) -> Triple | Skipped | None:
        """Return a row of our tables as it is, where its chunk is one of this run."""
        chunk = self._owner.get(row.chunk_id) if row.own else None
        if row.own is None or chunk is None or chunk.sha256 != row.chunk_sha256:
            return None
        if not chunk.split and not row.split:
            return Skipped(row.where, "import", "bridges_splits", chunk.id, "its text stands in documents of different splits")
        return standing_on(row.own, chunk, self._owner)

    def _distractors(self, row: ImportRow, chunk: Chunk) -> tuple[Distractor, ...]:
        """Return the chunks that a row gives as wrong ones; mining adds to those of the row's split."""
        found = dict.fromkeys(self._by_text[text] for text in row.negatives if text in self._by_text)
        return tuple(Distractor(one.id, IMPORTED, 0, 0.0, 0.0) for one in found if one.id != chunk.id)

    @functools.cached_property
    def _by_text(self) -> dict[str, Chunk]:
        return {chunk.text.strip(): chunk for chunk in self._owner.values()}

    def _masks(self, row: ImportRow) -> tuple[Span, ...]:
        span = self._cut.masks.get(_wanted(row)) if row.context else None
        return (span,) if span else ()

    def _found(self, row: ImportRow) -> tuple[Chunk, Span | None] | Skipped:
        """Return the chunk of a row, and the span of the answer in its document where the row gives one."""
        owner = self._owner.get(row.chunk_id)
        if owner is not None and _has_text_of(row, owner):
            return owner, self._quote(row, owner)
        named = self._cut.own.get(row.chunk_id)
        if named is not None and _has_text_of(row, named):
            chunk = self._most_overlapping(named.document_id, named.start, named.end)
            if chunk is not None:
                return chunk, self._quote(row, chunk)
        if row.context:
            place = self._cut.places.get(_wanted(row))
            if place is None:
                return Skipped(row.where, "import", "not_found", detail=f"in no document: {row.context[:80]}")
            chunk = self._owner[chunk_id(*place[:3])]
            return chunk, self._quote(row, chunk)
        if row.chunk_id:
            detail = f"no chunk has the id {row.chunk_id}" if owner is None else f"the text of {row.chunk_id} has changed"
            return Skipped(row.where, "import", "unknown_chunk", detail=detail)
        if not row.document:
            return Skipped(row.where, "import", "no_place", detail="no context, chunk_id or document")
        return self._spanned(row)

    def _spanned(self, row: ImportRow) -> tuple[Chunk, Span | None] | Skipped:
        document, start, end = row.document, row.start, row.end
        if document not in self._texts:
            return Skipped(row.where, "import", "unknown_document", detail=f"no document has the path {document}")
        if start is None or end is None:
            return Skipped(row.where, "import", "no_place", detail=f"no start and end in {document}")
        length = len(self._texts[document])
        if not 0 <= start < end <= length:
            return Skipped(row.where, "import", "bad_span", detail=f"{start}-{end} in {document} of {length} characters")
        chunk = self._most_overlapping(document, start, end)
        if chunk is None:
            return Skipped(row.where, "import", "no_place", detail=f"{start}-{end} in {document} is in no chunk")
        return chunk, self._quote(row, chunk)

    def _most_overlapping(self, document: str, start: int, end: int) -> Chunk | None:
        spans = self._spans.get(document)
        found = list(spans.overlapping(start, end)) if spans else []
        return max(found, key=lambda pair: pair[1])[0] if found else None

    def _quote(self, row: ImportRow, chunk: Chunk) -> Span | None:
        """Return the span that supports the answer, when the row gives one inside its chunk or inside another place of
        its text.
        """
        if (found := _nearest(row.answer, chunk.text, row.answer_start)) is not None:
            return chunk.start + found[0], chunk.start + found[1]
        if row.start is None or row.end is None or row.start >= row.end:
            return None
        starts = self._starts.get((chunk.id, row.document), [])
        before = bisect.bisect_right(starts, row.start)
        if not before or row.end > starts[before - 1] + len(chunk.text):
            return None
        shift = chunk.start - starts[before - 1]
        quote = row.start + shift, row.end + shift
        return quote if quote != (chunk.start, chunk.end) else None


def _nearest(answer: str | None, text: str, start: int | None) -> Span | None:
    """Return the span of the answer in the text: at `start`, else the nearest occurrence (line ends or spaces may have
    moved it).
    """
    if not answer or start is None or start < 0:
        return None
    if text.startswith(answer, start):
        return start, start + len(answer)
    places: list[int] = []
    at = find(answer, text)
    while at >= 0:
        places.append(at)
        at = find(answer, text, at + 1)
    if places:
        nearest = min(places, key=lambda place: abs(place - start))
        return nearest, nearest + len(answer)
    found = locate(answer, text, min_similarity=_EXACT_ONLY)
    return (found.start, found.end) if found else None


class _Spans:
    """The spans of one document with their chunks, for overlap queries."""

    def __init__(self, spans: Iterable[tuple[int, int, Chunk]]) -> None:
        self._spans = sorted(spans, key=lambda span: span[:2])
        self._starts = [start for start, _, _ in self._spans]
        self._furthest = list(itertools.accumulate((end for _, end, _ in self._spans), max))

    def overlapping(self, start: int, end: int) -> Iterator[tuple[Chunk, int]]:
        """Yield each overlapping chunk with the number of shared characters, in order."""
        last = bisect.bisect_left(self._starts, end)
        first = last
        while first > 0 and self._furthest[first - 1] > start:
            first -= 1
        for low, high, chunk in self._spans[first:last]:
            if (shared := min(high, end) - max(low, start)) > 0:
                yield chunk, shared


def _metadata(row: ImportRow, chunk: Chunk, quote: Span | None) -> Mapping[str, Any]:
    """Return the other columns of the row, and of its own columns those that its place does not express."""
    span = (None, None) if (row.start, row.end) in (quote, (chunk.start, chunk.end)) else (row.start, row.end)
    fits = row.answer and quote and row.answer_start == quote[0] - chunk.start
    unexpressed = {
        "title": row.title,
        "document": "" if row.document == chunk.document_id else row.document,
        "chunk_id": "" if row.chunk_id == chunk.id else row.chunk_id,
        "start": span[0],
        "end": span[1],
        "answer_start": None if fits else row.answer_start,
    }
    verdict = {"verdict": row.verdict} if row.verdict in (REJECTED, EDITED) else {}
    return {**row.metadata, **verdict, **{name: value for name, value in unexpressed.items() if value not in ("", None)}}


def chunks_of_given_splits(
    rows: Iterable[ImportRow], placed: Iterable[Triple | Skipped], chunks: Sequence[Chunk]
) -> tuple[list[Chunk], list[Triple | Skipped]]:
    """Return the chunks in the splits that the file gives their rows, and the rows without a split in those of their chunks.

    A chunk with rows of several splits is in the one that is furthest from training, and each row in its own.
    """
    given: defaultdict[str, set[str]] = defaultdict(set)
    found = list(zip(rows, placed, strict=True))
    for row, triple in found:
        if row.split and isinstance(triple, Triple):
            given[triple.chunk_id].add(row.split)
    if not given:
        return list(chunks), [triple for _, triple in found]
    split_of = {id: next(split for split in ("test", "dev", "train") if split in splits) for id, splits in given.items()}
    follows = (
        replace(triple, split=split_of[triple.chunk_id])
        if isinstance(triple, Triple) and not row.split and triple.chunk_id in split_of
        else triple
        for row, triple in found
    )
    return [replace(chunk, split=split_of.get(chunk.id, chunk.split)) for chunk in chunks], list(follows)


def _has_text_of(row: ImportRow, chunk: Chunk) -> bool:
    """Return whether a chunk has the text that the row gives, by digest or word for word."""
    if row.chunk_sha256 and row.chunk_sha256 != chunk.sha256:
        return False
    return not row.context or normalise(row.context).strip() == chunk.text.strip()

"""Rows to their chunks.

A row's `chunk_id` names a chunk of the run, or of another run whose text, by its `chunk_sha256`, still stands there: it is made a
chunk here, as a context is. Else its `context` is the chunk: the span of the document where it is found, in place of
our own chunks that it overlaps; of several places in `document` the one that has `start`. Else `document`, `start` and `end` name
the chunk with the most overlap, of equal ones the first.

`answer_start` is where the answer stands in the context. Where it does not, its nearest place there is taken; `answer_start` stays in
`metadata` then, and so does that of an answer that stands nowhere.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthgen.chunking.markup.block import trimmed
from synthgen.importers.columns import ImportRow
from synthgen.importers.files import Passage
from synthgen.importers.locate import Location, Wanted, find_contexts
from synthgen.records import Chunk, Document, Skipped, Span, Triple, chunk_id, digest, make_document, make_triple
from synthgen.text.language import guess_language
from synthgen.text.quotes import locate
from synthgen.text.tokenizer import Tokenizer
from synthgen.text.words import find, normalise

__all__ = ["Cut", "context_documents", "cut_contexts", "place_rows"]


_NEVER = 2.0  # a similarity that no near match reaches


@dataclass(frozen=True, slots=True)
class Cut:
    """The chunks of a corpus with those of the contexts among them, and where each context is."""

    chunks: list[Chunk]
    places: Mapping[Wanted, Location]
    own: Mapping[str, Chunk] = field(default_factory=dict)  # our chunks, before contexts took the place of some
    replaced: Sequence[Skipped] = ()


def context_documents(
    rows: Iterable[ImportRow], others: Iterable[Passage], tokenizer: Tokenizer
) -> tuple[list[Document], Callable[[Sequence[Document]], Cut]]:
    """Each distinct context, and each other passage, as a document; and how to cut these: one chunk each, under its title."""
    titles: dict[str, str] = {}
    wanted: list[Wanted] = []
    for row in rows:
        if row.context:
            titles[row.context] = titles.get(row.context) or row.title
            wanted.append(_wanted(row))
    for passage in others:
        if text := normalise(passage.text).strip():
            titles[text] = titles.get(text) or passage.title.strip()
    made = [
        make_document(_context_id(text), text, title=title, language=guess_language(text)) for text, title in titles.items()
    ]

    def cut(documents: Sequence[Document]) -> Cut:
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
            )
            for document in documents
        ]
        places = {context: Location(_context_id(context.text), 0, len(context.text), True) for context in wanted}
        return Cut(chunks, places)

    return sorted(made, key=lambda document: document.id), cut


def _context_id(text: str) -> str:
    return f"context/{digest(text)[:16]}"


def _wanted(row: ImportRow) -> Wanted:
    return Wanted(row.context, row.document, row.start if row.document else None)


def cut_contexts(
    rows: Sequence[ImportRow], documents: Sequence[Document], own: Sequence[Chunk], tokenizer: Tokenizer, *, min_tokens: int
) -> Cut:
    """`own` chunks, and in place of those that a context overlaps, the contexts as chunks; by document, in order.

    What is left over of a chunk beside contexts is a chunk, too, if it has `min_tokens`: it can still be found.
    """
    contexts = list(dict.fromkeys(_wanted(row) for row in rows if row.context))
    found = zip(contexts, find_contexts(contexts, documents), strict=True)
    places = {wanted: place for wanted, place in found if place is not None}
    spans: defaultdict[str, set[Span]] = defaultdict(set)
    for place in places.values():
        spans[place.document_id].add((place.start, place.end))
    for document_id, span in _verified(rows, documents):
        spans[document_id].add(span)

    mine: defaultdict[str, list[Chunk]] = defaultdict(list)
    for chunk in own:
        mine[chunk.document_id].append(chunk)
    chunks: list[Chunk] = []
    replaced: list[Skipped] = []
    for document in documents:
        recut = _recut(document, mine[document.id], sorted(spans[document.id]), tokenizer, min_tokens)
        chunks += recut
        gone = {chunk.id for chunk in mine[document.id]} - {chunk.id for chunk in recut}
        replaced += [
            Skipped(document.id, "import", "replaced", chunk.id, "an imported context stands in its place")
            for chunk in mine[document.id]
            if chunk.id in gone
        ]
    return Cut(chunks, places, {chunk.id: chunk for chunk in own}, replaced)


def _recut(
    document: Document, own: Sequence[Chunk], contexts: Sequence[Span], tokenizer: Tokenizer, min_tokens: int
) -> list[Chunk]:
    """The chunks of one document; `contexts` are sorted."""
    if not contexts:
        return list(own)
    index = _Spans((chunk.start, chunk.end, chunk) for chunk in own)
    touched = {chunk.id for start, end in contexts for chunk, _ in index.overlapping(start, end)}
    made = [_chunk(document, span, index, tokenizer) for span in contexts]
    rest = [
        piece
        for span in _between(contexts, len(document.text))
        for chunk, _ in index.overlapping(*span)
        if chunk.id in touched
        for start, end in [trimmed(document.text, max(span[0], chunk.start), min(span[1], chunk.end))]
        if start < end and (piece := _chunk(document, (start, end), index, tokenizer)).n_tokens >= min_tokens
    ]
    stay = [chunk for chunk in own if chunk.id not in touched]
    return sorted([*stay, *made, *rest], key=lambda chunk: (chunk.start, chunk.end))


def _between(spans: Sequence[Span], length: int) -> Iterator[Span]:
    """What no span covers. `spans` are sorted by their starts."""
    free = 0
    for start, end in [*spans, (length, length)]:
        if free < start:
            yield free, start
        free = max(free, end)


def _verified(rows: Iterable[ImportRow], documents: Iterable[Document]) -> Iterator[tuple[str, Span]]:
    """The spans that chunk ids name and whose text has the digest that the row says."""
    texts = {document.id: document.text for document in documents}
    for id, sha256 in dict.fromkeys((row.chunk_id, row.chunk_sha256) for row in rows if row.chunk_id and row.chunk_sha256):
        document_id, _, span = id.rpartition("#")
        start, _, end = span.partition("-")
        if document_id not in texts or not (start.isdecimal() and end.isdecimal()):
            continue
        if digest(texts[document_id][int(start) : int(end)]) == sha256:
            yield document_id, (int(start), int(end))


def _chunk(document: Document, span: Span, index: _Spans, tokenizer: Tokenizer) -> Chunk:
    """A chunk of `span` under the headings that hold for all of our chunks which it overlaps."""
    start, end = span
    text = document.text[start:end]
    below = [chunk for chunk, _ in index.overlapping(start, end)]
    languages = {chunk.language for chunk in below}
    return Chunk(
        id=chunk_id(document.id, start, end),
        document_id=document.id,
        start=start,
        end=end,
        text=text,
        sha256=digest(text),
        headings=_shared([chunk.headings for chunk in below]),
        n_tokens=tokenizer.count(text),
        language=languages.pop() if len(languages) == 1 else guess_language(text) or document.language,
        group=document.group,
        split=document.split,
    )


def _shared(breadcrumbs: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What they all begin with."""
    levels = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*breadcrumbs, strict=False))
    return tuple(level[0] for level in levels)


def place_rows(
    rows: Iterable[ImportRow], cut: Cut, chunks: Sequence[Chunk], documents: Sequence[Document]
) -> Iterator[Triple | Skipped]:
    """A candidate of each row, in order, or why it has no place. `chunks` are those of `cut` after equal ones became one."""
    placing = _Placing(cut, chunks, documents)
    for row in rows:
        yield placing.placed(row)


class _Placing:
    def __init__(self, cut: Cut, chunks: Sequence[Chunk], documents: Sequence[Document]) -> None:
        self._cut = cut
        self._texts = {document.id: document.text for document in documents}
        self._owner = {place: chunk for chunk in chunks for place in (chunk.id, *chunk.places)}
        spans: defaultdict[str, list[tuple[int, int, Chunk]]] = defaultdict(list)
        for place, chunk in self._owner.items():
            document, _, span = place.rpartition("#")
            start, _, end = span.partition("-")
            spans[document].append((int(start), int(end), chunk))
        self._spans = {document: _Spans(found) for document, found in spans.items()}
        self._starts: defaultdict[tuple[str, str], list[int]] = defaultdict(list)  # of each chunk in each document that has it
        for document, found in spans.items():
            for first, _, chunk in sorted(found, key=lambda span: span[:2]):
                self._starts[chunk.id, document].append(first)

    def placed(self, row: ImportRow) -> Triple | Skipped:
        found = self._found(row)
        if isinstance(found, Skipped):
            return found
        chunk, quote = found
        if not chunk.split:
            return Skipped(row.where, "import", "bridges_splits", chunk.id, "its text stands in documents of different splits")
        return make_triple(
            chunk,
            row.query,
            row.answer,
            quotes=(quote,) if quote else (),
            reasoning=row.reasoning,
            kind=row.kind,
            generator=row.generator or "import",
            reviewed=row.reviewed,
            metadata=_metadata(row, chunk, quote),
        )

    def _found(self, row: ImportRow) -> tuple[Chunk, Span | None] | Skipped:
        """The chunk of a row, and the span of its document that is the answer, where the row says so."""
        owner = self._owner.get(row.chunk_id)
        if owner is not None and _shows(row, owner):
            return owner, self._quote(row, owner)
        named = self._cut.own.get(row.chunk_id)
        if named is not None and _shows(row, named):
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
            told = f"no chunk is called {row.chunk_id}" if owner is None else f"{row.chunk_id} has another text by now"
            return Skipped(row.where, "import", "unknown_chunk", detail=told)
        if not row.document:
            return Skipped(row.where, "import", "no_place", detail="no context, chunk_id or document")
        return self._spanned(row)

    def _spanned(self, row: ImportRow) -> tuple[Chunk, Span | None] | Skipped:
        document, start, end = row.document, row.start, row.end
        if document not in self._texts:
            return Skipped(row.where, "import", "unknown_document", detail=f"no document is called {document}")
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
        """The span that supports the answer, where the row names one inside its chunk, or inside another place of its text."""
        if (found := _nearest(row.answer, chunk.text, row.answer_start)) is not None:
            return chunk.start + found[0], chunk.start + found[1]
        if row.start is None or row.end is None or row.start >= row.end:
            return None
        starts = self._starts.get((chunk.id, row.document), [])
        before = bisect.bisect_right(starts, row.start)
        if not before or row.end > starts[before - 1] + len(chunk.text):
            return None
        moved = chunk.start - starts[before - 1]
        quote = row.start + moved, row.end + moved
        return quote if quote != (chunk.start, chunk.end) else None


def _nearest(answer: str | None, text: str, start: int | None) -> Span | None:
    """Where the answer stands in the text: at `start`, else at the nearest place, which is where other line ends or spaces put it."""
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
    found = locate(answer, text, min_similarity=_NEVER)
    return (found.start, found.end) if found else None


class _Spans:
    """Spans of one document with what they are, to be asked for overlaps."""

    def __init__(self, spans: Iterable[tuple[int, int, Chunk]]) -> None:
        self._spans = sorted(spans, key=lambda span: span[:2])
        self._starts = [start for start, _, _ in self._spans]
        self._furthest = list(itertools.accumulate((end for _, end, _ in self._spans), max))

    def overlapping(self, start: int, end: int) -> Iterator[tuple[Chunk, int]]:
        """Each overlapping chunk with the characters shared, from the first."""
        last = bisect.bisect_left(self._starts, end)
        first = last
        while first > 0 and self._furthest[first - 1] > start:
            first -= 1
        for low, high, chunk in self._spans[first:last]:
            if (shared := min(high, end) - max(low, start)) > 0:
                yield chunk, shared


def _metadata(row: ImportRow, chunk: Chunk, quote: Span | None) -> Mapping[str, Any]:
    """The columns beside those that became the row's own, and of these what the row does not say otherwise."""
    span = (None, None) if (row.start, row.end) in (quote, (chunk.start, chunk.end)) else (row.start, row.end)
    fits = row.answer and quote and row.answer_start == quote[0] - chunk.start
    told = {
        "title": row.title,
        "document": "" if row.document == chunk.document_id else row.document,
        "chunk_id": "" if row.chunk_id == chunk.id else row.chunk_id,
        "start": span[0],
        "end": span[1],
        "answer_start": None if fits else row.answer_start,
    }
    return {**row.metadata, **{name: value for name, value in told.items() if value not in ("", None)}}


def _shows(row: ImportRow, chunk: Chunk) -> bool:
    """Whether a chunk has the text that the row says it has, by its digest or word for word."""
    if row.chunk_sha256 and row.chunk_sha256 != chunk.sha256:
        return False
    return not row.context or normalise(row.context).strip() == chunk.text.strip()

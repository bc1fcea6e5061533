"""Splits documents into chunks: passages that respect the document's structure and never exceed the token limit.

The blocks of a document (`chunking.markup.parse_blocks`) become units: a block that fits, or the parts of one that does
not (list items, then sentences, lines and, last, tokens; tables and code by lines). The cuts between units are solved
exactly, over the whole document, as the cheapest path (`chunking.segmentation`). Every chunk costs something, so chunks
are full. A cut costs more the more it separates: nothing before a heading, little between paragraphs, much inside a
paragraph, and most after a heading. A chunk under the minimum, and one that crosses the border of a top-level section,
cost more than another chunk does.

`headings` are those that hold for the whole chunk, outermost first. Their own lines, where the chunk begins with them,
are not part of its text. A heading that holds for only a part stays in the text. So every character of content is in
exactly one chunk, or in a heading of that chunk's breadcrumb. Front matter, comments and rules are not content: no
chunk begins or ends with them.

Not covered: overlap between chunks, on purpose. Overlapping neighbours are false negatives of each other.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import regex

from synthgen.chunking.markup import parse_blocks
from synthgen.chunking.markup.block import Block, trimmed
from synthgen.chunking.segmentation import CUT_AFTER_HEADING, Unit, pack
from synthgen.config.settings import Chunking
from synthgen.records import Chunk, Document, Event, OnEvent, chunk_id, digest
from synthgen.text.fold import key
from synthgen.text.language import guess_language
from synthgen.text.sentences import sentences
from synthgen.text.tokenizer import Tokenizer, get_tokenizer

__all__ = ["chunk_document", "chunk_documents", "document_format", "merge_identical"]

# The cost of a cut, where one more chunk costs 100 (see `segmentation`).
_CUT_BLOCK, _CUT_ITEM, _CUT_BLANK, _CUT_SENTENCE, _CUT_LINE, _CUT_TOKENS = 30, 60, 100, 150, 160, 200
_CUT_AFTER_COLON = 120  # "as follows:" stays with what follows

_LINE = regex.compile(r"[^\n]*\S")


def chunk_document(document: Document, settings: Chunking) -> list[Chunk]:
    """Return the chunks of one document, in order; none when it has no content (only front matter, comments, rules)."""
    tokenizer = get_tokenizer(settings.tokenizer)
    text = document.text
    blocks = [b for b in parse_blocks(text, document_format(document)) if b.kind != "aside"]
    units = _units(text, blocks, tokenizer, settings.max_tokens, document.language)
    limit = settings.max_tokens
    gaps = _gaps(text, units, tokenizer)
    while True:
        packs = pack(units, gaps, limit, settings.min_tokens)
        spans = [(units[p.first].start, units[p.last].end) for p in packs]
        counts = [
            units[p.first].size if p.first == p.last else tokenizer.count(text[start:end])
            for p, (start, end) in zip(packs, spans, strict=True)
        ]
        # Joined units are, rarely, more tokens than their sum. Each unit alone is within the limit.
        excess = max(counts, default=0) - settings.max_tokens
        if excess <= 0:
            break
        limit = max(1, limit - excess)
    titles = [[blocks[i].title for i in p.path] for p in packs]
    return [
        _chunk(document, start, end, tuple(headings), n)
        for (start, end), headings, n in zip(spans, titles, counts, strict=True)
    ]


def chunk_documents(documents: Iterable[Document], settings: Chunking, *, on_event: OnEvent | None = None) -> Iterator[Chunk]:
    """Yield the chunks of all documents, in their order."""
    for done, document in enumerate(documents, 1):
        yield from chunk_document(document, settings)
        if on_event:
            on_event(Event("chunking", done))


def merge_identical(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Merge chunks of the same text into the first one, with the ids of the others in `places`.

    Where these lie in different splits, the chunk's split becomes "": it stays in the index and gives no rows.
    """
    by_text: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_text.setdefault(chunk.sha256, []).append(chunk)
    return [_merged(same) for same in by_text.values()]


def _merged(same: Sequence[Chunk]) -> Chunk:
    if len(same) == 1:
        return same[0]
    splits = {chunk.split for chunk in same}
    places = dict.fromkeys(place for chunk in same for place in (chunk.id, *chunk.places) if place != same[0].id)
    return dataclasses.replace(same[0], places=tuple(places), split=same[0].split if len(splits) == 1 else "")


def _chunk(document: Document, start: int, end: int, headings: tuple[str, ...], n_tokens: int) -> Chunk:
    text = document.text[start:end]
    return Chunk(
        id=chunk_id(document.id, start, end),
        document_id=document.id,
        start=start,
        end=end,
        text=text,
        sha256=digest(text),
        headings=_breadcrumb(document, headings),
        n_tokens=n_tokens,
        language=document.language if text == document.text else guess_language(text, document=document.language),
        group=document.group,
        split=document.split,
        format=document_format(document),
    )


def document_format(document: Document) -> str:
    """Return the markup that a loader found: a name of `markup.PARSERS`, "text" when the document names none."""
    return str(document.metadata.get("format", "text"))


def _breadcrumb(document: Document, headings: tuple[str, ...]) -> tuple[str, ...]:
    """Return the headings below the title and description of the front matter, which often replace a first heading."""
    header = document.metadata.get("front_matter")
    values = [header.get(name) for name in ("title", "description")] if isinstance(header, Mapping) else []
    parts = [" ".join(value.split()) for value in values if isinstance(value, str) and value.strip()]
    if not parts:
        return headings
    below = headings[1:] if headings and key(headings[0]) == key(parts[0]) else headings
    return (": ".join(parts), *below)


# --- blocks to units --------------------------------------------------------------------------------------------------


def _units(text: str, blocks: Sequence[Block], tokenizer: Tokenizer, max_tokens: int, language: str) -> list[Unit]:
    units: list[Unit] = []
    path: tuple[int, ...] = ()
    section_level = _section_level(blocks)
    sizes = tokenizer.counts([text[b.start : b.end] for b in blocks])
    for index, (block, size) in enumerate(zip(blocks, sizes, strict=True)):
        cut = _CUT_BLOCK
        if units and units[-1].is_heading:
            cut = CUT_AFTER_HEADING
        elif units and text[units[-1].end - 1] in ":：":
            cut = _CUT_AFTER_COLON
        if block.kind == "heading" and size <= max_tokens:
            path = (*(i for i in path if blocks[i].level < block.level), index)
            cut = 0 if cut == _CUT_BLOCK else cut
            units.append(Unit(block.start, block.end, size, cut, path, True, block.level <= section_level))
        elif size <= (max_tokens // 2 if block.parts else max_tokens):
            units.append(Unit(block.start, block.end, size, cut, path))
        else:
            pieces = _pieces(text, block, cut, tokenizer, max_tokens, language)
            units.extend(Unit(*piece, path) for piece in pieces)
    return units


def _gaps(text: str, units: Sequence[Unit], tokenizer: Tokenizer) -> list[int]:
    """Return the tokens between each unit and the next: an estimate, except for comments and rules between them."""
    gaps = []
    for unit, following in itertools.pairwise(units):
        gap = text[unit.end : following.start]
        if not gap.isspace():
            gaps.append(tokenizer.count(gap))
        else:  # line ends belong to the token of a preceding punctuation mark
            gaps.append(int(text[unit.end - 1].isalnum()) + int(gap[-1] != "\n"))
    return [*gaps, 0] if units else []


def _section_level(blocks: Sequence[Block]) -> int:
    """Return the level of top-level sections: the outermost that occurs more than once (a single title is not a section)."""
    levels = [block.level for block in blocks if block.kind == "heading"]
    return min((level for level in levels if levels.count(level) > 1), default=0)


_Piece = tuple[int, int, int, int]  # start, end, tokens, cost of a cut before it


def _pieces(text: str, block: Block, cut: int, tokenizer: Tokenizer, max_tokens: int, language: str) -> Iterator[_Piece]:
    """Yield the parts of a block that is too large, down to those that fit."""
    # Text between two parts (an empty line of a quotation) goes with the one before it.
    borders = [block.start, *(part.start for part in block.parts[1:]), block.end]
    for part, (start, end) in zip(block.parts, itertools.pairwise(borders), strict=False):
        start, end = trimmed(text, start, end, keep_indent=part.kind == "code")
        if (size := tokenizer.count(text[start:end])) <= max_tokens:
            yield start, end, size, cut
        else:
            yield from _pieces(text, dataclasses.replace(part, start=start, end=end), cut, tokenizer, max_tokens, language)
        cut = _CUT_ITEM
    if not block.parts:
        in_sentences = functools.partial(_sentences, language=language)
        rungs = (_lines,) if block.kind in ("code", "table") else (in_sentences, _lines)
        yield from _descend(text, block.start, block.end, cut, rungs, tokenizer, max_tokens)


_Rung = Callable[[str, int, int], Iterator[tuple[int, int, int]]]  # start, end, cost of a cut before it


def _descend(
    text: str, start: int, end: int, cut: int, rungs: Sequence[_Rung], tokenizer: Tokenizer, max_tokens: int
) -> Iterator[_Piece]:
    """Cut by the first rung, parts that are still too large by the next, and finally by tokens."""
    if not rungs:
        for a, b in tokenizer.cut(text, start, end, max_tokens):
            yield a, b, tokenizer.count(text[a:b]), cut
            cut = _CUT_TOKENS
        return
    for a, b, cost in rungs[0](text, start, end):
        cost = cut if a == start else cost
        if (size := tokenizer.count(text[a:b])) <= max_tokens:
            yield a, b, size, cost
        else:
            yield from _descend(text, a, b, cost, rungs[1:], tokenizer, max_tokens)


def _sentences(text: str, start: int, end: int, language: str) -> Iterator[tuple[int, int, int]]:
    for a, b in sentences(text[start:end], language):
        yield start + a, start + b, _CUT_SENTENCE


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield lines, indentation kept. A cut at a blank line is cheaper: it separates the steps of a program."""
    last = start
    for line in _LINE.finditer(text, start, end):
        yield line.start(), line.end(), _CUT_BLANK if text.count("\n", last, line.start()) > 1 else _CUT_LINE
        last = line.end()

"""Does the answer, or the quote that supports it, stand in the passage?

Reasons: `answer_not_found` (an extractive answer that is not in the passage), `quote_not_found` (a quote is not, even
nearly), `number_not_found` (the answer has a number that stands neither in the passage nor in its headings).

What is found is stored in `quotes` as spans of the document; the least similarity is stored as score `grounding`.
Masked text does not count: it is not in what the row shows. A row without a quote passes on its numbers alone: whether
its passage really answers the question takes a reader, not a string match.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import regex
from pydantic import Field

from synthgen.filters import Context
from synthgen.quotes import Found, locate
from synthgen.records import Chunk, Span, Triple, Verdict
from synthgen.text import key

__all__ = ["grounding"]

_NEVER = 2.0  # a similarity that no near match reaches
_NUMBER = regex.compile(r"\p{Nd}+(?:[.,]\p{Nd}+)*")
_GROUPED = regex.compile(r"\d{1,3}(?:[.,]\d{3})+")
_LIST_MARK = regex.compile(r"^\s*\(?\d{1,2}[.)](?=\s)", regex.MULTILINE)


def grounding(
    triples: Sequence[Triple],
    context: Context,
    *,
    min_similarity: Annotated[float, Field(ge=0, le=1, description="a quote at least this similar is found")] = 0.9,
    check_numbers: Annotated[bool, Field(description="numbers of an answer must occur in chunk or headings")] = True,
) -> list[Verdict]:
    """Locate answers and quotes in what the row shows, and store where they stand."""
    verdicts = []
    for triple in triples:
        chunk = context.chunks[triple.chunk_id]
        if triple.generator.startswith("extractive"):
            verdict = _extractive(triple, chunk)
        else:
            verdict = _quoted(triple, chunk, min_similarity)
            if not verdict.reason and check_numbers and _missing_numbers(triple, chunk):
                verdict = Verdict(triple, "number_not_found")
        verdicts.append(verdict)
    return verdicts


def _extractive(triple: Triple, chunk: Chunk) -> Verdict:
    if triple.answer is None:
        return Verdict(triple)
    shown = _shown(triple, chunk)
    given = [shown[start - chunk.start : end - chunk.start] for start, end in triple.quotes]
    if given and key(" ".join(given)) == key(triple.answer):
        return _found(triple, triple.quotes, 1.0)  # the generator knows which of several places it meant
    found = locate(triple.answer, shown, min_similarity=_NEVER)
    if found is None:
        return Verdict(triple, "answer_not_found")
    return _found(triple, (_in_document(found, chunk),), 1.0)


def _quoted(triple: Triple, chunk: Chunk, min_similarity: float) -> Verdict:
    shown = _shown(triple, chunk)
    quotes = _quotes(triple)
    if any("\0" in shown[start - chunk.start : end - chunk.start] for start, end in triple.quotes):
        return Verdict(triple, "quote_not_found", 0.0, min_similarity)
    if not quotes:
        return Verdict(triple)
    places = [locate(quote, shown, min_similarity=min_similarity) for quote in quotes]
    found = [place for place in places if place]
    if len(found) < len(places):
        return Verdict(triple, "quote_not_found", 0.0, min_similarity)
    spans = {*triple.quotes, *(_in_document(place, chunk) for place in found)}
    return _found(triple, tuple(sorted(spans)), min(place.similarity for place in found))


def _found(triple: Triple, quotes: tuple[Span, ...], similarity: float) -> Verdict:
    return Verdict(replace(triple, quotes=quotes, scores={**triple.scores, "grounding": round(similarity, 6)}))


def _quotes(triple: Triple) -> list[str]:
    """The quotes a model gave as evidence: `metadata["quote"]`, one string or several."""
    given = triple.metadata.get("quote")
    found = [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    return [quote for quote in map(str, found) if quote.strip()]


def _shown(triple: Triple, chunk: Chunk) -> str:
    """The chunk's text with NUL for masked characters, so that offsets stay."""
    text = chunk.text
    for start, end in triple.masks:
        first, last = max(0, start - chunk.start), max(0, end - chunk.start)
        text = text[:first] + "\0" * (min(last, len(text)) - first) + text[last:]
    return text


def _in_document(found: Found, chunk: Chunk) -> Span:
    return (chunk.start + found.start, chunk.start + found.end)


def _missing_numbers(triple: Triple, chunk: Chunk) -> bool:
    if triple.answer is None:
        return False
    wanted = _numbers(_LIST_MARK.sub("", triple.answer))
    return bool(wanted) and not wanted <= _numbers("\n".join([*chunk.headings, _shown(triple, chunk)]))


def _numbers(text: str) -> set[str]:
    """Numbers in ASCII digits; 10,000 and 10.000 are 10000."""
    found = set()
    for number in _NUMBER.findall(unicodedata.normalize("NFKC", text)):
        if not number.isascii():
            number = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in number)
        found.add(regex.sub("[.,]", "", number) if _GROUPED.fullmatch(number) else number)
    return found

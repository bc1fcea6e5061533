"""Rejects rows that lack what every row must have before any other filter sees it.

Reasons: `unknown_chunk`, `wrong_span` (start, end, document or digest are not the chunk's; a quote or mask outside it),
`not_encodable` (a lone surrogate), `control_character`, `empty_query`, `multiline_query`, `query_too_short`,
`query_too_long`, `empty_answer`, `answer_too_long`, `answer_is_query`.

A text with its label is not a query: it may have several lines and any length, and be its own label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import regex
from pydantic import Field

from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import CLASSIFICATION, Chunk, Triple, Verdict
from synthgen.text.fold import key

__all__ = ["SPEC", "format_check"]

Chars = Annotated[int, Field(ge=1)]

_CONTROL = regex.compile(r"[\p{Cc}--[\t\n]]", regex.V1)
_LINE_END = regex.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")


def format_check(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    min_query_chars: Annotated[Chars, Field(description="shortest query, in characters")] = 2,
    max_query_chars: Annotated[Chars, Field(description="longest query, in characters")] = 1_000,
    max_answer_chars: Annotated[Chars, Field(description="longest answer, in characters")] = 8_000,
) -> list[Verdict]:
    """Query and answer exist and are text of a reasonable length, and the row points at its chunk."""
    verdicts = []
    for triple in triples:
        query, answer, asks = triple.query, triple.answer, triple.kind != CLASSIFICATION
        length, longest = len(query.strip()), len(answer or "")
        if reason := _misplaced(triple, context.chunks) or _unusable(query) or _unusable(answer or ""):
            verdicts.append(Verdict(triple, reason))
        elif not length:
            verdicts.append(Verdict(triple, "empty_query"))
        elif asks and _LINE_END.search(query.strip()):
            verdicts.append(Verdict(triple, "multiline_query"))
        elif asks and length < min_query_chars:
            verdicts.append(Verdict(triple, "query_too_short", length, min_query_chars))
        elif asks and length > max_query_chars:
            verdicts.append(Verdict(triple, "query_too_long", length, max_query_chars))
        elif answer is not None and not answer.strip():
            verdicts.append(Verdict(triple, "empty_answer"))
        elif longest > max_answer_chars:
            verdicts.append(Verdict(triple, "answer_too_long", longest, max_answer_chars))
        elif asks and answer is not None and key(answer) == key(query):
            verdicts.append(Verdict(triple, "answer_is_query"))
        else:
            verdicts.append(Verdict(triple))
    return verdicts


def _misplaced(triple: Triple, chunks: Mapping[str, Chunk]) -> str:
    if not triple.positives or not chunks.keys() >= set(triple.positives):
        return "unknown_chunk"
    chunk = chunks[triple.chunk_id]
    own = (triple.document_id, triple.start, triple.end, triple.chunk_sha256)
    inside = all(chunk.start <= start < end <= chunk.end for start, end in (*triple.quotes, *triple.masks))
    return "" if inside and own == (chunk.document_id, chunk.start, chunk.end, chunk.sha256) else "wrong_span"


def _unusable(text: str) -> str:
    if _SURROGATE.search(text):
        return "not_encodable"
    return "control_character" if _CONTROL.search(_LINE_END.sub("", text)) else ""


SPEC = FilterSpec(
    format_check,
    scope="row",
    reasons={
        "unknown_chunk": "a positive is not a chunk of the run",
        "wrong_span": "start, end, document or digest are not the chunk's, or a quote lies outside it",
        "not_encodable": "query or answer has half a character (a lone surrogate)",
        "control_character": "query or answer has a control character",
        "empty_query": "the query is empty",
        "multiline_query": "the query has several lines",
        "query_too_short": "the query has too few characters",
        "query_too_long": "the query has too many characters",
        "empty_answer": "the answer is empty",
        "answer_too_long": "the answer has too many characters",
        "answer_is_query": "the answer repeats the query",
    },
)

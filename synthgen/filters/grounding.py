"""Rejects rows whose answer, or the quote that supports it, is not in the passage.

Reasons: `answer_not_found` (an extractive answer is not in the passage), `quote_not_found` (a quote is not in the
passage, not even approximately), `number_not_found` and `name_not_found` (the answer has a number or a name that is
neither in the passage nor in its headings; dates consist of both).

The spans found are stored in `quotes`, as offsets into the document. The least similarity is stored as score
`grounding`. Masked text does not count, because the row does not show it. A row without a quote passes on its numbers
and names alone: whether its passage answers the question takes a reader, not a string match. `common.mentions` defines
numbers, names and when a text shows them. Names of the query may occur in the answer.

Not covered: names in German, which capitalises all nouns; the first word of an answer that continues in lower case.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import regex
from pydantic import Field

from synthgen.filters.common.mentions import Mention, Shown, capitalises_nouns, is_function_word, mentions
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Chunk, Span, Triple, Verdict, passage
from synthgen.text.fold import key
from synthgen.text.quotes import Found, locate

__all__ = ["SPEC", "grounding"]

_NEVER = 2.0  # a similarity that no near match reaches
_WORD = regex.compile(r"\p{L}+")
_LIST_MARK = regex.compile(r"^\s*\(?\d{1,2}[.)](?=\s)", regex.MULTILINE)


def grounding(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    min_similarity: Annotated[float, Field(ge=0, le=1, description="a quote at least this similar is found")] = 0.9,
    check_numbers: Annotated[bool, Field(description="numbers of an answer must occur in chunk or headings")] = True,
    check_names: Annotated[bool, Field(description="names of an answer must occur in chunk, headings or query")] = True,
) -> list[Verdict]:
    """Answers and quotes are in what the row shows. Their spans are stored."""
    show = functools.lru_cache(maxsize=256)(Shown)
    verdicts = []
    for triple in triples:
        chunk = context.chunks[triple.chunk_id]
        if triple.generator.startswith("extractive"):
            verdict = _extractive(triple, chunk)
        else:
            verdict = _quoted(triple, chunk, min_similarity)
            if not verdict.reason and triple.answer and (check_numbers or check_names):
                missing = _missing(triple, chunk, show)
                if check_numbers and any(mention.is_number for mention in missing):
                    verdict = Verdict(triple, "number_not_found")
                elif check_names and any(not mention.is_number for mention in missing):
                    verdict = Verdict(triple, "name_not_found")
        verdicts.append(verdict)
    return verdicts


def _extractive(triple: Triple, chunk: Chunk) -> Verdict:
    if triple.answer is None:
        return Verdict(triple)
    shown = _shown(triple, chunk)
    given = [shown[start - chunk.start : end - chunk.start] for start, end in triple.quotes]
    if given and key(" ".join(given)) == key(triple.answer):
        return _found(triple, triple.quotes, 1.0)  # the generator says which of several places it means
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
    """Return the quotes that a model gave as evidence: `metadata["quote"]`, one string or several."""
    given = triple.metadata.get("quote")
    found = [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    return [quote for quote in map(str, found) if quote.strip()]


def _shown(triple: Triple, chunk: Chunk) -> str:
    """Return the chunk's text with NUL for masked characters, so that offsets stay the same."""
    text = chunk.text
    for start, end in triple.masks:
        first, last = max(0, start - chunk.start), max(0, end - chunk.start)
        text = text[:first] + "\0" * (min(last, len(text)) - first) + text[last:]
    return text


def _in_document(found: Found, chunk: Chunk) -> Span:
    return (chunk.start + found.start, chunk.start + found.end)


def _missing(triple: Triple, chunk: Chunk, show: Callable[[str, str], Shown]) -> list[Mention]:
    """Return the numbers and names of an answer that are not shown."""
    answer = _LIST_MARK.sub("", triple.answer or "")
    found = mentions(answer)
    if not found:
        return []
    shown = show("\n".join([*chunk.headings, passage(triple, chunk)]), chunk.language)
    missing = [mention for mention in found if not shown.has(mention)]
    names = [mention for mention in missing if not mention.is_number and not is_function_word(mention.text)]
    if names and not capitalises_nouns(chunk):
        asked = Shown(triple.query)
        in_a_sentence = any(word[0].islower() for word in _WORD.findall(answer))
        names = [name for name in names if not (name.initial and in_a_sentence) and not asked.has(name)]
    else:
        names = []
    return [mention for mention in missing if mention.is_number] + names


SPEC = FilterSpec(
    grounding,
    scope="row",
    reasons={
        "answer_not_found": "an extractive answer is not in the passage",
        "quote_not_found": "the quote is not in the passage, not even approximately",
        "number_not_found": "a number of the answer is not in the passage",
        "name_not_found": "a name of the answer is not in the passage",
    },
)

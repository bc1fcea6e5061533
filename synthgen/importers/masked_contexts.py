"""Find contexts that are a chunk without one of its spans, as exports show a row whose query was a sentence of its passage.

A chunk is found by its first or last characters, one of which is there whatever is left out. Not covered: rows with
several masks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from synthgen.importers.locate import WantedContext
from synthgen.records import Chunk, Span
from synthgen.text.words import words

__all__ = ["hides", "masked_contexts"]

_MOST_LEFT_OUT = 6  # times as long as the context a chunk may be
_EDGE = 12  # characters at the beginning or end of a chunk, of which one is there whatever is left out


def masked_contexts(
    contexts: Iterable[WantedContext], own: Sequence[Chunk]
) -> Iterator[tuple[WantedContext, tuple[Chunk, Span]]]:
    """Yield the chunk of each context that is the chunk without one span, as exports show a row with a mask, and the span."""
    by_edge: defaultdict[str, list[Chunk]] = defaultdict(list)
    for chunk in own:
        for edge in {chunk.text[:_EDGE], chunk.text[-_EDGE:]}:
            by_edge[edge].append(chunk)
    for wanted in contexts:
        text = wanted.text
        for chunk in dict.fromkeys([*by_edge[text[:_EDGE]], *by_edge[text[-_EDGE:]]]):
            if (gap := _gap(text, chunk.text)) is not None:
                yield wanted, (chunk, (chunk.start + gap[0], chunk.start + gap[1]))
                break


def hides(chunk: Chunk, span: Span, query: str) -> bool:
    """Whether a span of a chunk is what became the query: it has the query's words, or no others."""
    start, end = span[0] - chunk.start, span[1] - chunk.start
    asked, left_out = set(words(query)), set(words(chunk.text[start:end]))
    # What is equal on both sides of a gap may count to either.
    around = set(words(chunk.text[max(0, start - 2 * _EDGE) : end + 2 * _EDGE]))
    return (bool(left_out) and left_out <= asked) or (end - start >= len(query) / 2 and len(asked & around) >= 0.9 * len(asked))


def _gap(part: str, whole: str) -> Span | None:
    """Return the span without which `whole` is `part`, up to white space at the edges; None when there is none."""
    if len(part) * _MOST_LEFT_OUT < len(whole):
        return None
    same = next(
        (i for i, (one, other) in enumerate(zip(part, whole, strict=False)) if one != other), min(len(part), len(whole))
    )
    rest = part[same:]
    if not rest.strip():  # the end is left out
        return (same, len(whole)) if same else None
    start = same or len(whole) - len(whole.lstrip())
    end = len(whole) - len(rest)
    return (start, end) if same < end and whole.endswith(rest) else None

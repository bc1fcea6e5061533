"""Parses quotation marks, and locates quotes in a text: exactly, then normalised, then approximately.

Models copy text with other quotation marks, line breaks and capitals, and sometimes with a slip. The returned span
always refers to the text as given, so `text[start:end]` is what the text contains.

Not covered: quotes with an ellipsis in the middle, and quotes assembled from several places.
"""

from __future__ import annotations

import functools
import re
from difflib import SequenceMatcher
from typing import NamedTuple

import regex

from synthgen.text.fold import QUOTED, fold, fold_with_offsets
from synthgen.text.words import find, normalise

__all__ = ["BEGIN", "END", "MARK", "Found", "locate", "marked"]

BEGIN, END = "##begin_quote##", "##end_quote##"
MARK = regex.compile(r"##\s*(begin|end)_quote\s*##", regex.IGNORECASE)
"""Either mark as models write it; ours are `BEGIN` and `END`."""

_DIGITS = re.compile(r"[0-9]+")
_MIN_FUZZY_CHARS = 20
_GRAM = 5


class Found(NamedTuple):
    """A span of the text and its similarity to the quote: 1 when they are equal after normalisation."""

    start: int
    end: int
    similarity: float


def marked(text: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Return the words before the first marked quote, then each quote with the words after it; None for unpaired marks."""
    words, *rest = MARK.split(text)
    marks = [mark.casefold() for mark in rest[0::2]]
    if marks != ["begin", "end"] * (len(marks) // 2):
        return None
    return words, list(zip(rest[1::4], rest[3::4], strict=True))


def locate(quote: str, text: str, *, min_similarity: float = 0.9) -> Found | None:
    """Return the first exact place of `quote`, else the first normalised one, else the best one that is similar enough.

    Normalised means folded (`text.fold.QUOTED`): case, white space, quotation marks, dashes, scripts of digits,
    invisible characters and the emphasis marks of Markdown are ignored. Similarity is `difflib`'s ratio (twice the
    shared characters over the sum of lengths). An approximate match needs 20 characters and must have every number of
    the quote: "25 minutes" never matches "35 minutes". `min_similarity` above 1 turns approximate matches off.
    """
    quote = normalise(quote).strip()
    if not quote:
        return None
    at = find(quote, text)
    if at >= 0:
        return Found(at, at + len(quote), 1.0)
    folded, _ = _folded(quote)
    target, offsets = _folded(text)
    at = target.find(folded) if folded else -1
    while at >= 0:
        start, end = offsets[at], offsets[at + len(folded) - 1] + 1
        if find(text[start:end], text, start) == start:
            return Found(start, end, 1.0)
        at = target.find(folded, at + 1)
    if min_similarity > 1 or len(folded) < _MIN_FUZZY_CHARS:
        return None
    near = _nearest(folded, target)
    if near is None or near.similarity < min_similarity:
        return None
    start, end = offsets[near.start], offsets[near.end - 1] + 1
    has_numbers = set(_DIGITS.findall(fold(quote))) <= set(_DIGITS.findall(fold(text[start:end])))
    return Found(start, end, near.similarity) if has_numbers else None


@functools.lru_cache(maxsize=512)
def _folded(text: str) -> tuple[str, list[int]]:
    return fold_with_offsets(text, QUOTED)


def _nearest(quote: str, text: str) -> Found | None:
    """Return the window of `text` most similar to `quote`.

    The two are aligned at their longest common run, and the window is cut to what they share.
    """
    grams = [quote[i : i + _GRAM] for i in range(0, len(quote) - _GRAM + 1, _GRAM)]
    if sum(gram in text for gram in grams) < 0.3 * len(grams):  # difflib is slow; most texts end here
        return None
    run = SequenceMatcher(None, text, quote, autojunk=False).find_longest_match()
    slack = len(quote) // 10
    start = max(0, run.a - run.b - slack)
    window = text[start : run.a - run.b + len(quote) + slack]
    blocks = [b for b in SequenceMatcher(None, window, quote, autojunk=False).get_matching_blocks() if b.size >= 3]
    first, last = blocks[0], blocks[-1]
    length = last.a + last.size - first.a
    similarity = 2 * sum(b.size for b in blocks) / (length + len(quote))
    return Found(start + first.a, start + first.a + length, similarity)

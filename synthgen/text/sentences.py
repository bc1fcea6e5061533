"""Sentences in every script."""

from __future__ import annotations

from collections.abc import Iterator

import regex

__all__ = ["sentences"]

# A sentence ends at a full stop of a spaced script followed by space, or at one of a script that needs none,
# with the closing quotes and brackets that belong to it; a blank line always ends one. Dotted letters (p.m., U.S.) end one
# only where no small letter follows.
_END = regex.compile(
    r"""
    [.!?…]+ [\p{Pe}\p{Pf}"']* (?=\s) (?! (?<= \b\p{L}\.\p{L}\. [\p{Pe}\p{Pf}"']*) \s+ \p{Ll})
    | [。！？｡؟।۔։፧፨]+ [\p{Pe}\p{Pf}"']*
    | \n[^\S\n]*\n
    """,
    regex.VERBOSE,
)
_ABBREVIATION = regex.compile(
    r"(?:^|[\s(\[])(?:\p{Lu}|e\.g|i\.e|etc|vs|cf|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|Eq|approx|incl|z\.\s?B|d\.\s?h|bzw|Nr|Abs|usw|ca)\.$"
)
_THAI_PAUSE = regex.compile(r"(?<=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])[ \n]+(?=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])")
_MIN_PAUSE_CHARS = 60


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, in order, without the white space around them.

    Scripts that use neither full stops nor spaces between words (Thai) are cut at their pauses, once a
    sentence has 60 characters.
    """
    cuts = [m.end() for m in _END.finditer(text) if not _ABBREVIATION.search(text, max(0, m.start() - 12), m.start() + 1)]
    spans = []
    for start, end in _between(cuts, len(text)):
        last = start
        for pause in () if text.isascii() else _THAI_PAUSE.finditer(text, start, end):
            if pause.start() - last >= _MIN_PAUSE_CHARS:
                spans.append((last, pause.start()))
                last = pause.end()
        spans.append((last, end))
    return [span for start, end in spans if (span := _stripped(text, start, end))]


def _between(cuts: list[int], length: int) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in [*cuts, length]:
        if cut > start:
            yield start, cut
            start = cut


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    rest = text[start:end].lstrip()
    return (end - len(rest), end - len(rest) + len(rest.rstrip())) if rest else None

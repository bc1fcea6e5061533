"""The language of a chunk, cached for filters that look at a chunk once for each of its rows."""

from __future__ import annotations

import functools

from synthgen.records import Chunk
from synthgen.text.language import guess_language

__all__ = ["passage_language"]


def passage_language(chunk: Chunk) -> str:
    """Return the language recorded for the chunk, or a guess; "" when the guess is not sure."""
    return chunk.language or _guessed(chunk.text)


@functools.lru_cache(maxsize=16_384)
def _guessed(text: str) -> str:
    return guess_language(text)

"""The language of a chunk, for filters that read each chunk once for every one of its rows."""

from __future__ import annotations

import functools

from synthgen.records import Chunk
from synthgen.text.language import guess_language

__all__ = ["passage_language"]


def passage_language(chunk: Chunk) -> str:
    """What the chunk says it is in, else a guess; "" when that is not sure."""
    return chunk.language or _guessed(chunk.text)


@functools.lru_cache(maxsize=16_384)
def _guessed(text: str) -> str:
    return guess_language(text)

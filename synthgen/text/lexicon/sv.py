"""Swedish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="sv",
    name="Swedish",
    scripts=("Latin",),
    tag="swe-Latn",
    common_words=listed("och att det som en ett på av för med är den till inte om från hade har blev"),
    question_words=listed("vem vad var när varför hur vilken vilket vilka"),
)

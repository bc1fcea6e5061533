"""Romanian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="ro",
    name="Romanian",
    scripts=("Latin",),
    tag="ron-Latn",
    common_words=listed("și este sunt a fost pentru cu din la în de pe care nu"),
    question_words=listed("cine ce unde când cum câte câți"),
)

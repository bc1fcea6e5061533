"""Indonesian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="id",
    name="Indonesian",
    scripts=("Latin",),
    tag="ind-Latn",
    common_words=listed("yang dan di dari untuk dengan adalah ini itu pada tidak"),
    question_words=listed("siapa apa mana kapan mengapa bagaimana berapa"),
)

"""Danish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="da",
    name="Danish",
    scripts=("Latin",),
    tag="dan-Latn",
    common_words=listed("og at det som en et på af for med er den til ikke fra havde har blev"),
    question_words=listed("hvem hvad hvor hvornår hvorfor hvordan hvilken hvilket hvilke"),
)

"""Norwegian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="no",
    name="Norwegian",
    scripts=("Latin",),
    tag="nor-Latn",
    common_words=listed("og at det som en et på av for med er den til ikke fra hadde har ble"),
    question_words=listed("hvem hva hvor når hvorfor hvordan hvilken hvilket hvilke"),
)

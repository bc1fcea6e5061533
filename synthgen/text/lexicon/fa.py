"""Persian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="fa",
    name="Persian",
    scripts=("Arabic",),
    tag="fas-Arab",
    common_words=listed("در به از که را این آن است بود برای با"),
    question_words=listed("چه چیست کیست کی کجا چرا چگونه چند کدام"),
)

"""Czech."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="cs",
    name="Czech",
    scripts=("Latin",),
    tag="ces-Latn",
    common_words=listed("a v na se je jsou byl byla bylo byly že s z do pro o od"),
    question_words=listed("kdo co kde kdy proč jak jaký jaká jaké který která které kolik"),
)

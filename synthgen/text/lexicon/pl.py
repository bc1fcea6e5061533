"""Polish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="pl",
    name="Polish",
    scripts=("Latin",),
    tag="pol-Latn",
    common_words=listed("i w na z do się jest są był była było były nie to o dla od przez ze"),
    question_words=listed("kto co gdzie kiedy dlaczego jak jaki jaka jakie który która które ile czy"),
    references=(
        r"\b(?:według|zgodnie z|na podstawie) (?:tego |powyższego |tym |powyższym )?(?:tekst|fragment|dokument|artykuł|akapit)\w*\b",
        r"\bw (?:tym|powyższym) (?:tekście|fragmencie|akapicie)\b",
    ),
)

"""Vietnamese."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="vi",
    name="Vietnamese",
    scripts=("Latin",),
    tag="vie-Latn",
    common_words=listed("là của và có được các những trong cho không"),
    question_words=listed("ai gì đâu nào sao"),
    negations=listed("không chưa chẳng"),
    abbreviations=listed("ThS PGS"),
    local_abbreviations=listed("TS GS TP"),
    last_abbreviations=listed("v.v"),
)

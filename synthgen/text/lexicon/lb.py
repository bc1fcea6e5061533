"""Luxembourgish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="lb",
    name="Luxembourgish",
    scripts=("Latin",),
    tag="ltz-Latn",
    capitalises_nouns=True,
    abbreviations=listed("ca vs z.B d.h Dr Prof"),
    last_abbreviations=listed("asw"),
)

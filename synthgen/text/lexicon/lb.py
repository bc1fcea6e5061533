"""Luxembourgish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="lb",
    name="Luxembourgish",
    scripts=("Latin",),
    tag="ltz-Latn",
    capitalises_nouns=True,
)

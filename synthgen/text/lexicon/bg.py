"""Bulgarian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="bg",
    name="Bulgarian",
    scripts=("Cyrillic",),
    tag="bul-Cyrl",
)

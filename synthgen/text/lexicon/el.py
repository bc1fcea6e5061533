"""Greek."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="el",
    name="Greek",
    scripts=("Greek",),
    tag="ell-Grek",
    abstention="Τα έγγραφα δεν απαντούν σε αυτή την ερώτηση.",
)

"""Greek."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="el",
    name="Greek",
    scripts=("Greek",),
    tag="ell-Grek",
    abbreviations=listed("κ κα κκ Δρ π.χ δηλ βλ πρβλ λ.χ"),
    number_abbreviations=listed("αρ σελ άρθρ εικ κεφ"),
    last_abbreviations=listed("κ.λπ κλπ κ.ά π.Χ μ.Χ π.μ μ.μ"),
    abstention="Τα έγγραφα δεν απαντούν σε αυτή την ερώτηση.",
)

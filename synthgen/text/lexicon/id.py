"""Indonesian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="id",
    name="Indonesian",
    scripts=("Latin",),
    tag="ind-Latn",
    common_words=listed("yang dan di dari untuk dengan adalah ini itu pada tidak"),
    question_words=listed("siapa apa mana kapan mengapa bagaimana berapa"),
    abbreviations=listed("dr drs Ir Prof yth a.n"),
    number_abbreviations=listed("No hlm"),
    last_abbreviations=listed("dll dsb dst Tbk"),
    sentence_openers=listed(
        "ini itu dia mereka kami kita saya di ke dari pada dengan untuk dalam setelah sebelum ketika jika tetapi dan atau",
        "karena yang tidak",
    ),
)

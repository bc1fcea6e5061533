"""Hungarian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="hu",
    name="Hungarian",
    scripts=("Latin",),
    tag="hun-Latn",
    common_words=listed("a az és egy volt van nem hogy"),
    question_words=listed("ki mi mit hol mikor miért hogyan melyik mennyi hány"),
    abbreviations=listed("dr ifj prof kb ún"),
    local_abbreviations=listed("pl ill id"),
    number_abbreviations=listed("sz"),
    last_abbreviations=listed("stb kr.e kr.u"),
    ordinal_nouns=listed(
        "január február március április május június július augusztus szeptember október november december század"
    ),
)

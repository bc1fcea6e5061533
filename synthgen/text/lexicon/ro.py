"""Romanian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="ro",
    name="Romanian",
    scripts=("Latin",),
    tag="ron-Latn",
    common_words=listed("și este sunt a fost pentru cu din la în de pe care nu"),
    question_words=listed("cine ce unde când cum câte câți"),
    abbreviations=listed("dr prof ing jud"),
    local_abbreviations=listed("dl dna str bd ex"),
    number_abbreviations=listed("nr art alin lit pag pct cap fig"),
    last_abbreviations=listed("etc ș.a î.Hr d.Hr"),
    sentence_openers=listed(
        "un acest această aceste acești el ea ei ele noi voi în din la pe cu fără pentru după înainte între când unde",
        "dacă dar și sau apoi astfel nu este",
    ),
)

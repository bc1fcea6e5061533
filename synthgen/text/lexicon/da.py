"""Danish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="da",
    name="Danish",
    scripts=("Latin",),
    tag="dan-Latn",
    common_words=listed("og at det som en et på af for med er den til ikke fra havde har blev"),
    question_words=listed("hvem hvad hvor hvornår hvorfor hvordan hvilken hvilket hvilke"),
    abbreviations=listed("bl.a f.eks dvs ca iflg jf pga mht vedr inkl ekskl evt hr fr dr prof cand mio mia"),
    number_abbreviations=listed("nr kl kap fig s stk art tlf"),
    name_abbreviations=listed("Aps"),
    last_abbreviations=listed("osv mv m.m m.fl o.l etc f.Kr e.Kr"),
    sentence_openers=listed(
        "den det de en et han hun vi jeg du i på til fra med uden for af ved om efter før under mellem når da hvis men og",
        "eller så også hvad hvem hvor hvorfor hvordan ikke denne dette disse",
    ),
    ordinal_nouns=listed(
        "januar februar marts april maj juni juli august september oktober november december århundrede verdenskrig"
    ),
)

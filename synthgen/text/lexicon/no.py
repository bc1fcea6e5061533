"""Norwegian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="no",
    name="Norwegian",
    scripts=("Latin",),
    tag="nor-Latn",
    common_words=listed("og at det som en et på av for med er den til ikke fra hadde har ble"),
    question_words=listed("hvem hva hvor når hvorfor hvordan hvilken hvilket hvilke"),
    abbreviations=listed("bl.a f.eks dvs ca iflg jf pga mht vedr inkl ekskl evt hr fr dr prof mill mrd"),
    number_abbreviations=listed("nr kl kap fig s art tlf"),
    last_abbreviations=listed("osv mv m.m m.fl o.l etc f.Kr e.Kr"),
    sentence_openers=listed(
        "den det de en et han hun vi jeg du i på til fra med uten for av ved om etter før under mellom når da hvis men og",
        "eller så også hva hvem hvor hvorfor hvordan ikke denne dette disse",
    ),
    ordinal_nouns=listed(
        "januar februar mars april mai juni juli august september oktober november desember århundre århundret", "verdenskrig"
    ),
)

"""Bulgarian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="bg",
    name="Bulgarian",
    scripts=("Cyrillic",),
    tag="bul-Cyrl",
    abbreviations=listed("т.е т.нар ул бул пл гр обл проф доц акад инж вж напр св хил млн млрд"),
    number_abbreviations=listed("чл ал т фиг табл стр с"),
    last_abbreviations=listed("т.н др г в лв"),
    sentence_openers=listed(
        "в във на с със от до по при за след преди между той тя то те ние вие аз това този тази тези и но а или ако",
        "когато където как какво кой че също не",
    ),
)

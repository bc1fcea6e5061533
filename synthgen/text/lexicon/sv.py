"""Swedish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="sv",
    name="Swedish",
    scripts=("Latin",),
    tag="swe-Latn",
    common_words=listed("och att det som en ett på av för med är den till inte om från hade har blev"),
    question_words=listed("vem vad var när varför hur vilken vilket vilka"),
    abbreviations=listed("bl.a t.ex d.v.s dvs s.k f.d p.g.a fr.o.m t.o.m m.a.o ca jfr inkl exkl ev resp dr prof hr"),
    number_abbreviations=listed("nr kl kap fig s sid art tel"),
    last_abbreviations=listed("osv o.s.v m.m m.fl o.d etc f.Kr e.Kr"),
    sentence_openers=listed(
        "den det de en ett han hon vi jag du i på till från med utan för av vid om efter före under mellan när då men och",
        "eller så också vad vem var varför hur inte denna detta dessa",
    ),
)

"""Polish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="pl",
    name="Polish",
    scripts=("Latin",),
    tag="pol-Latn",
    common_words=listed("i w na z do się jest są był była było były nie to o dla od przez ze"),
    question_words=listed("kto co gdzie kiedy dlaczego jak jaki jaka jakie który która które ile czy"),
    abbreviations=listed("np tzn tzw m.in ul pw dr hab prof mgr inż ks św gen płk kpt mjr wyd zob woj gm pow tys mln mld p.o"),
    local_abbreviations=listed("al im pl por ok ur zm wg os red"),
    number_abbreviations=listed("nr art ust pkt poz rys tab s str tel rozdz t"),
    last_abbreviations=listed("itd itp r w zł gr p.n.e n.e"),
    sentence_openers=listed(
        "w we na z ze do od po przy dla za przez o u nad pod przed między on ona ono oni my wy ja to ten ta te jego jej",
        "ich i a ale lub oraz jeśli gdy gdzie jak co kto czy że więc dlatego także potem nie jest był była",
    ),
    references=(
        r"\b(?:według|zgodnie z|na podstawie) (?:tego |powyższego |tym |powyższym )?(?:tekst|fragment|dokument|artykuł|akapit)\w*\b",
        r"\bw (?:tym|powyższym) (?:tekście|fragmencie|akapicie)\b",
    ),
)

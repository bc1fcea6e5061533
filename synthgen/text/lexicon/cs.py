"""Czech."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="cs",
    name="Czech",
    scripts=("Latin",),
    tag="ces-Latn",
    common_words=listed("a v na se je jsou byl byla bylo byly že s z do pro o od"),
    question_words=listed("kdo co kde kdy proč jak jaký jaká jaké který která které kolik"),
    abbreviations=listed("např tj tzv tzn mj popř příp resp cca Ing Mgr Bc MUDr JUDr PhDr RNDr prof gen plk mjr sv ul nám tř"),
    local_abbreviations=listed("doc"),
    number_abbreviations=listed("č čl odst obr tab str s písm kap"),
    last_abbreviations=listed("atd apod aj př.n.l n.l hod"),
    sentence_openers=listed(
        "v ve na z ze do od po při pro za přes o u nad pod před mezi on ona ono oni my vy já to ten ta ti jeho její",
        "jejich a i ale nebo jestliže když kde jak co kdo že proto také potom není je byl byla",
    ),
    ordinal_nouns=listed(
        "ledna února března dubna května června července srpna září října listopadu prosince století světová světové"
    ),
)

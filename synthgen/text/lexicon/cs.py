"""Czech."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="cs",
    name="Czech",
    scripts=("Latin",),
    tag="ces-Latn",
    stop_words=listed("na se je jsou byl byla bylo byly že od který která které nebo jako také při jeho její co kdo kde kdy"),
    common_words=listed("a v na se je jsou byl byla bylo byly že s z do pro o od"),
    question_words=listed("kdo co kde kdy proč jak jaký jaká jaké který která které kolik"),
    free_words=listed("prosím přesně vlastně"),
    alike=(
        "jaký jaká jaké",
        "který která které",
        "bylo byl byla byly",
        "jsou je",
    ),
    negations=listed("není nejsou nikdy bez žádný žádná žádné kromě"),
    number_words=counted(
        "0 nula jeden|jedna|jedno dva|dvě tři čtyři pět šest sedm osm devět deset jedenáct dvanáct třináct čtrnáct patnáct",
        "16 šestnáct sedmnáct osmnáct devatenáct dvacet",
        "1 první druhý|druhá|druhé třetí čtvrtý|čtvrtá pátý|pátá šestý sedmý osmý devátý desátý",
    ),
    scales={
        **dict.fromkeys(listed("tisíc tisíce"), 10**3),
        **dict.fromkeys(listed("milion miliony milionů"), 10**6),
        **dict.fromkeys(listed("miliarda miliardy miliard"), 10**9),
    },
    abbreviations=listed(
        "dr ing mgr vs např tj tzv tzn mj popř příp resp cca Ing Mgr Bc MUDr JUDr PhDr RNDr prof gen plk mjr sv ul nám tř"
    ),
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
    references=(
        r"\b(?:podle|na základě|dle) (?:tohoto |uvedeného |výše uvedeného )?(?:textu|úryvku|odstavce|kontextu)\b",
        r"\b(?:podle|dle) tohoto (?:dokumentu|článku)\b",
        r"\bv (?:tomto|uvedeném|výše uvedeném) (?:textu|úryvku|odstavci)\b",
        r"\b(?:uveden|zmíněn|popsán)\w* (?:výše|v textu)\b",
    ),
    chatter=(
        r"^(?:zde|tady) (?:je|jsou) .{0,40}\b(?:otáz|dotaz|příklad)\w*",
        r"^(?:samozřejmě|jistě)\s*[,!:]",
        r"^(?:otázka|odpověď)\s*(?:\d+\s*)?:",
    ),
    double_questions=(r"^(?:\S+ ){3}.* a (?:kdo|kdy|kde|proč) (?:je|byl|byla|bylo|má|může)\b",),
    generic_questions=(
        r"^(?:jaké|jaká|co) je (?:hlavním? )?(?:téma|tématem|myšlenka|myšlenkou)\W*$",
        r"^o čem (?:to je|je text|se mluví)\W*$",
    ),
    generic_headings=listed(
        "úvod|příklady|příklad|popis|instalace|nastavení|konfigurace|použití|možnosti|parametry|poznámky|viz též|reference|historie|příloha|shrnutí|přehled|závěr|požadavky",
        between="|",
    ),
    ask_labels=listed("Otázka"),
    reply_labels=listed("Odpověď"),
    yes_no_words=listed("ano ne"),
    abstention="Dokumenty na tuto otázku neodpovídají.",
)

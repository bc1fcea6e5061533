"""Finnish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="fi",
    name="Finnish",
    scripts=("Latin",),
    tag="fin-Latn",
    stop_words=listed("ja oli ovat että ei joka myös kun"),
    common_words=listed("ja on oli ovat että ei se joka"),
    question_words=listed("kuka mikä mitä missä milloin miksi miten mihin kuinka"),
    negations=listed("ei eivät koskaan ilman"),
    number_words=counted(
        "0 nolla yksi kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän kymmenen",
        "1 ensimmäinen toinen kolmas neljäs viides",
    ),
    scales={
        **dict.fromkeys(listed("tuhat tuhatta"), 10**3),
        **dict.fromkeys(listed("miljoona miljoonaa"), 10**6),
        **dict.fromkeys(listed("miljardi miljardia"), 10**9),
    },
    abbreviations=listed("vs esim prof"),
    local_abbreviations=listed("ts ns tri"),
    number_abbreviations=listed("s nro"),
    last_abbreviations=listed("jne yms eKr jKr"),
    ordinal_nouns=listed(
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta",
        "marraskuuta joulukuuta maailmansota maailmansodan vuosisadan",
    ),
    references=(
        r"\b(?:tekstin|kappaleen|katkelman|asiakirjan) (?:mukaan|perusteella)\b",
        r"\btässä (?:tekstissä|kappaleessa|katkelmassa)\b",
    ),
    chatter=(r"^(?:kysymys|vastaus)\s*(?:\d+\s*)?:",),
    yes_no_words=listed("kyllä ei"),
    abstention="Asiakirjat eivät vastaa tähän kysymykseen.",
)

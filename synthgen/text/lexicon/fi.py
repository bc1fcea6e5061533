"""Finnish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="fi",
    name="Finnish",
    scripts=("Latin",),
    tag="fin-Latn",
    common_words=listed("ja on oli ovat että ei se joka"),
    question_words=listed("kuka mikä mitä missä milloin miksi miten mihin kuinka"),
    abbreviations=listed("esim prof"),
    local_abbreviations=listed("ts ns tri"),
    number_abbreviations=listed("s nro"),
    last_abbreviations=listed("jne yms eKr jKr"),
    ordinal_nouns=listed(
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta",
        "marraskuuta joulukuuta maailmansota maailmansodan vuosisadan",
    ),
)

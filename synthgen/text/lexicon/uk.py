"""Ukrainian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="uk",
    name="Ukrainian",
    scripts=("Cyrillic",),
    tag="ukr-Cyrl",
    stop_words=listed(
        "і в не на що з по як це із він вона вони ми ви за від до у про для але так був була були бути або його її їх"
    ),
    common_words=listed("і в у на з із за від до по для при не це був була було були його її їх або після є"),
    question_words=listed("хто кого кому що чого де куди коли чому як який яка яке які скільки"),
    free_words=listed("будь ласка саме точно"),
    negations=listed("не немає ні ніколи без крім"),
    number_words=counted("1 один|перший два|другий три|третій чотири", "6 шість сім вісім", "10 десять"),
    quantity_words=listed("сто"),
    scales={**dict.fromkeys(listed("тисяча"), 10**3)},
    abbreviations=listed("т.зв вул просп пров пл обл оз св див напр проф акад доц м тис млн млрд р рр"),
    number_abbreviations=listed("буд с ст рис табл гл п"),
    name_abbreviations=listed("ім"),
    last_abbreviations=listed("т.д т.п ін р рр ст грн коп м км кг"),
    sentence_openers=listed(
        "у в на з із зі до за від по про для після перед між він вона воно вони ми ви я це цей ця ці той та його її їх і",
        "й але а або якщо коли де як що хто щоб тому також однак потім ще не",
    ),
    references=(r"\b(?:згідно з|відповідно до) (?:цим |цього )?(?:текст|документ|стат|уривк|уривок)\w*\b",),
    abstention="У документах немає відповіді на це запитання.",
)

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
    references=(r"\b(?:згідно з|відповідно до) (?:цим |цього )?(?:текст|документ|стат|уривк|уривок)\w*\b",),
    abstention="У документах немає відповіді на це запитання.",
)

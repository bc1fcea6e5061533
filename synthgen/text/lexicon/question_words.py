"""Words that carry no content, or a whole question's, by language: what `questions` lets differ and what it never does.

`FREE` may be there or not. `ALIKE` are classes that mean the same in a question, the longest word first because misspelt words
are compared with it. A difference in `NEGATIONS`, `ASKING` (question words) or `NUMBERS` makes another question. In scripts
without spaces the same is said by patterns: `UNSPACED_FREE` and `UNSPACED_TELLING`.
"""

from __future__ import annotations

from collections.abc import Mapping

import regex

__all__ = ["ALIKE", "ASKING", "CONTRACTED", "CONTRACTIONS", "FREE", "NEGATIONS", "NUMBERS", "UNSPACED_FREE", "UNSPACED_TELLING"]


def _sets(table: Mapping[str, str]) -> dict[str, frozenset[str]]:
    return {code: frozenset(found.split()) for code, found in table.items()}


def _classes(table: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Each word with the first one of its class."""
    return {
        code: {word: same.split()[0] for same in classes.split(",") for word in same.split()} for code, classes in table.items()
    }


FREE = _sets(
    {
        "en": "the a an s please kindly exactly precisely actually really just",
        "de": "der die das den dem des ein eine einen einem einer eines bitte genau eigentlich",
        "fr": "le la les l un une des exactement précisément",
        "es": "el la los las un una unos unas exactamente precisamente",
        "it": "il lo la i gli le l un uno una esattamente precisamente",
        "pt": "o a os as um uma uns umas exatamente precisamente",
        "nl": "de het een precies alstublieft",
        "ru": "пожалуйста именно точно",
        "uk": "будь ласка саме точно",
    }
)
ALIKE = _classes(
    {
        "en": "which what,whom who,until till,are is,were was,have has,does do,upon on,amongst among,whilst while,"
        "towards toward,through via,amidst amid,although though,concerning regarding,approximately roughly",
        "de": "welcher welche welches welchen welchem,wieviele wieviel,sind ist,waren war,haben hat",
        "fr": "quelles quel quelle quels,sont est,étaient était",
        "es": "cuáles cuál,quiénes quién,son es,fueron fue,cuántos cuánto cuánta cuántas",
        "it": "quali quale,sono è,quanto quanta quanti quante",
        "pt": "quais qual,são é,foram foi,quantos quanto quanta quantas",
        "nl": "welke welk,zijn is,waren was",
        "ru": "какой какая какое какие,были был была было",
    }
)
ASKING = _sets(
    {
        "en": "which who whom when where why how whose",
        "de": "wer wen wem was wann wo wohin woher warum wie welcher",
        "fr": "qui que quoi quand où pourquoi comment combien quelles",
        "es": "quiénes qué cuándo dónde cómo cuáles cuántos",
        "it": "chi che cosa quando dove perché come quali quanto",
        "pt": "quem que quando onde porque como quais quantos",
        "nl": "wie wat wanneer waar waarom hoe hoeveel welke",
        "ru": "кто что когда где куда почему как какой сколько",
        "uk": "хто що коли де куди чому як який скільки",
    }
)
NEGATIONS = _sets(
    {
        "en": "not no never none neither nor without t cannot except unless",
        "de": "nicht kein keine keinen keinem keiner nie niemals ohne außer",
        "fr": "ne n pas jamais sans aucun aucune sauf",
        "es": "no nunca sin ningún ninguna ninguno excepto",
        "it": "non mai senza nessun nessuno nessuna tranne",
        "pt": "não nunca sem nenhum nenhuma exceto",
        "nl": "niet geen nooit zonder behalve",
        "ru": "не нет ни никогда без кроме",
        "uk": "не немає ні ніколи без крім",
        "ar": "لا لم لن ليس ليست غير بدون ما",
        "hi": "नहीं न मत बिना",
        "vi": "không chưa chẳng",
        "tr": "değil yok hiç",
    }
)
NUMBERS = _sets(
    {
        "en": "one two three four five six seven eight nine ten eleven twelve first second third fourth fifth sixth seventh "
        "eighth ninth tenth hundred thousand million billion half twice once double",
        "de": "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf hundert tausend erste zweite dritte ersten zweiten",
        "fr": "deux trois quatre cinq six sept huit neuf dix cent mille premier première deuxième second",
        "es": "dos tres cuatro cinco seis siete ocho nueve diez cien mil primer primero primera segundo segunda tercer",
        "it": "due tre quattro cinque sei sette otto nove dieci cento mille primo prima secondo seconda terzo",
        "pt": "dois duas três quatro cinco seis sete oito nove dez cem mil primeiro primeira segundo segunda",
        "nl": "twee drie vier vijf zes zeven acht negen tien honderd duizend eerste tweede derde",
        "ru": "один два три четыре пять шесть семь восемь девять десять сто тысяча первый второй третий",
        "uk": "один два три чотири шість сім вісім десять сто тисяча перший другий третій",
    }
)

UNSPACED_FREE = regex.compile(
    r"请问|請問|请|請|的|了|呢|吗|嗎|啊|究竟|到底|教えてください|ですか|でしょうか|ครับ|ค่ะ|คะ|โปรด|กรุณา"
)
UNSPACED_TELLING = regex.compile(
    r"[不没沒非无無未否勿]|ない|ません|ไม่|않|없|아니|아닌|[一二三四五六七八九十百千万萬亿億两兩半]"
    r"|[谁誰哪何几幾]|什么|什麼|怎[么麼样樣]|如何|多少|为什么|為什麼|いつ|どこ|なぜ|どう|いくら|いくつ|ใคร|อะไร|เมื่อ(?:ใด|ไร)|ที่ไหน|ทำไม|อย่างไร|กี่"
)
"""Negations, numbers and question words where there are no spaces (and in Korean, where they are parts of words)."""

CONTRACTED = regex.compile(r" (?:s|t|re|ve)\b|\bcannot\b")
CONTRACTIONS = {
    "en": [
        (regex.compile(pattern), plain)
        for pattern, plain in (
            (r"\b(what|who|where|when|how|why|which|that|it|there) s\b", r"\1 is"),
            (r"\bcan t\b|\bcannot\b", "can not"),
            (r"\bwon t\b", "will not"),
            (r"\b(\w+)n t\b", r"\1 not"),
            (r"\b(they|we|you|who|what|where) re\b", r"\1 are"),
            (r"\b(\w+) ve\b", r"\1 have"),
        )
    ]
}
"""In comparison keys, where an apostrophe is a space; only those that `CONTRACTED` finds have any."""

"""Romanian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="ro",
    name="Romanian",
    scripts=("Latin",),
    tag="ron-Latn",
    stop_words=listed("și este sunt fost pentru cu din în de pe că sau lui această acest prin după când unde"),
    common_words=listed("și este sunt a fost pentru cu din la în de pe care nu"),
    question_words=listed("cine ce unde când cum câte câți"),
    free_words=listed("un o exact"),
    alike=("este sunt",),
    negations=listed("nu niciodată fără niciun nicio"),
    number_words=counted(
        "0 zero unu|una doi|două trei patru cinci șase șapte opt nouă zece unsprezece doisprezece treisprezece paisprezece",
        "15 cincisprezece șaisprezece șaptesprezece optsprezece nouăsprezece douăzeci",
        "1 primul|prima",
    ),
    scales={
        **dict.fromkeys(listed("mie mii"), 10**3),
        **dict.fromkeys(listed("milion milioane"), 10**6),
        **dict.fromkeys(listed("miliard miliarde"), 10**9),
    },
    abbreviations=listed("vs dr prof ing jud"),
    local_abbreviations=listed("dl dna str bd ex"),
    number_abbreviations=listed("nr art alin lit pag pct cap fig"),
    last_abbreviations=listed("etc ș.a î.Hr d.Hr"),
    sentence_openers=listed(
        "un acest această aceste acești el ea ei ele noi voi în din la pe cu fără pentru după înainte între când unde",
        "dacă dar și sau apoi astfel nu este",
    ),
    references=(
        r"\b(?:conform|potrivit|pe baza) (?:textului|pasajului|fragmentului|contextului|(?:acestui|prezentului) (?:text|pasaj|fragment|document|articol|paragraf))\b",
        r"\bîn (?:acest|prezentul) (?:text|pasaj|fragment|paragraf)\b",
        r"\b(?:menționat|descris|citat)[ăei]? (?:mai sus|în text)\b",
    ),
    chatter=(
        r"^iată .{0,40}\b(?:întreb|exempl)\w*",
        r"^(?:desigur|sigur|bineînțeles)\s*[,!:]",
        r"^(?:întrebare|răspuns)\s*(?:\d+\s*)?:",
    ),
    generic_questions=(
        r"^care (?:este|sunt) (?:tema|ideea|subiectul|mesajul|temele|ideile)(?: (?:principal|central)\w*)?\W*$",
        r"^despre ce (?:este|e) vorba\W*$",
    ),
    ask_labels=listed("Întrebare"),
    reply_labels=listed("Răspuns"),
    yes_no_words=listed("da nu"),
    abstention="Documentele nu răspund la această întrebare.",
)

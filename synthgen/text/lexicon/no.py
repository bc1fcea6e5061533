"""Norwegian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="no",
    name="Norwegian",
    scripts=("Latin",),
    tag="nor-Latn",
    stop_words=listed(
        "og at det som et på av for med er den ikke fra hadde har ble når eller også etter hva hvem hvor hvordan hvorfor",
        "denne dette disse en de",
    ),
    common_words=listed("og at det som en et på av for med er den til ikke fra hadde har ble"),
    question_words=listed("hvem hva hvor når hvorfor hvordan hvilken hvilket hvilke"),
    free_words=listed("en ei et den det de vennligst nøyaktig egentlig"),
    alike=("hvilken hvilket hvilke",),
    negations=listed("ikke ingen intet aldri uten verken"),
    number_words=counted(
        "0 null en|ett|et|én to tre fire fem seks sju|syv åtte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten tjue",
        "1 første andre tredje fjerde femte sjette sjuende|syvende åttende niende tiende",
    ),
    scales={
        **dict.fromkeys(listed("tusen"), 10**3),
        **dict.fromkeys(listed("million millioner mill"), 10**6),
        **dict.fromkeys(listed("milliard milliarder mrd"), 10**9),
    },
    abbreviations=listed("vs bl.a f.eks dvs ca iflg jf pga mht vedr inkl ekskl evt hr fr dr prof mill mrd"),
    number_abbreviations=listed("nr kl kap fig s art tlf"),
    last_abbreviations=listed("osv mv m.m m.fl o.l etc f.Kr e.Kr"),
    sentence_openers=listed(
        "den det de en et han hun vi jeg du i på til fra med uten for av ved om etter før under mellom når da hvis men og",
        "eller så også hva hvem hvor hvorfor hvordan ikke denne dette disse",
    ),
    ordinal_nouns=listed(
        "januar februar mars april mai juni juli august september oktober november desember århundre århundret", "verdenskrig"
    ),
    references=(
        r"\b(?:ifølge|basert på|ut fra|i henhold til) (?:teksten|avsnittet|artikkelen|dokumentet|utdraget|konteksten|(?:denne|dette) (?:teksten|avsnittet|artikkelen|dokumentet|utdraget))\b",
        r"\bi (?:denne teksten|dette (?:avsnittet|utdraget)|teksten ovenfor)\b",
        r"\b(?:nevnt|beskrevet|omtalt) (?:ovenfor|i (?:teksten|avsnittet|utdraget))\b",
    ),
    chatter=(
        r"^her er .{0,40}\b(?:spørsmål|eksemp)\w*",
        r"^(?:selvfølgelig|naturligvis)\s*[,!:]",
        r"^(?:spørsmål|svar)\s*(?:\d+\s*)?:",
    ),
    double_questions=(
        r"^(?:hva|hvem|når|hvor|hvorfor|hvordan)\b(?: [\w-]+){3}.* og (?:hva|hvem|når|hvor|hvorfor|hvordan) (?:er|var|ble|har|kan)\b",
    ),
    generic_questions=(
        r"^hva er (?:hovedtemaet|hovedpoenget|temaet|emnet|budskapet)(?: i teksten)?\W*$",
        r"^hva handler (?:det|dette|teksten) om\W*$",
    ),
    dangling=(
        r"^(?:hva|når|hvor|hvorfor|hvordan)\b (?-i:[a-zæøå]+) (?-i:han|hun)\b",
        r"\b(?:etter|før|på grunn av|til tross for) (?:dette|det)\W*$",
    ),
    generic_headings=listed(
        "innledning|introduksjon|eksempler|eksempel|beskrivelse|installasjon|oppsett|konfigurasjon|bruk|innstillinger|merknader|se også|referanser|historie|vedlegg|sammendrag|oversikt|konklusjon|krav",
        between="|",
    ),
    history_headings=r"endringslogg|nyheter",
    ask_labels=listed("Spørsmål"),
    reply_labels=listed("Svar"),
    yes_no_words=listed("ja nei ingen"),
    abstention="Dokumentene besvarer ikke dette spørsmålet.",
)

"""Danish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="da",
    name="Danish",
    scripts=("Latin",),
    tag="dan-Latn",
    stop_words=listed(
        "og at det som et på af for med er den til ikke om fra havde har blev der en de ved også efter eller når kan vil",
        "være bliver denne dette disse hvad hvem hvor hvornår hvordan hvorfor",
    ),
    common_words=listed("og at det som en et på af for med er den til ikke fra havde har blev"),
    question_words=listed("hvem hvad hvor hvornår hvorfor hvordan hvilken hvilket hvilke"),
    free_words=listed("en et den det de venligst præcis egentlig"),
    alike=("hvilken hvilket hvilke",),
    negations=listed("ikke ingen intet aldrig uden hverken undtagen"),
    number_words=counted(
        "0 nul en|et to tre fire fem seks syv otte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten tyve",
        "1 første anden|andet tredje fjerde femte sjette syvende ottende niende tiende",
    ),
    scales={
        **dict.fromkeys(listed("tusind"), 10**3),
        **dict.fromkeys(listed("million millioner mio"), 10**6),
        **dict.fromkeys(listed("milliard milliarder mia"), 10**9),
    },
    abbreviations=listed("vs bl.a f.eks dvs ca iflg jf pga mht vedr inkl ekskl evt hr fr dr prof cand mio mia"),
    number_abbreviations=listed("nr kl kap fig s stk art tlf"),
    name_abbreviations=listed("Aps"),
    last_abbreviations=listed("osv mv m.m m.fl o.l etc f.Kr e.Kr"),
    sentence_openers=listed(
        "den det de en et han hun vi jeg du i på til fra med uden for af ved om efter før under mellem når da hvis men og",
        "eller så også hvad hvem hvor hvorfor hvordan ikke denne dette disse",
    ),
    ordinal_nouns=listed(
        "januar februar marts april maj juni juli august september oktober november december århundrede verdenskrig"
    ),
    references=(
        r"\b(?:ifølge|baseret på|ud fra|i henhold til) (?:teksten|afsnittet|artiklen|dokumentet|uddraget|passagen|konteksten|(?:den|denne|det|dette) (?:\w+ )?(?:tekst|afsnit|artikel|dokument|uddrag|passage|kontekst))\b",
        r"\bi (?:denne tekst|dette (?:afsnit|uddrag)|teksten ovenfor)\b",
        r"\b(?:nævnt|beskrevet|omtalt|anført) (?:ovenfor|i (?:teksten|afsnittet|uddraget))\b",
    ),
    chatter=(
        r"^her er .{0,40}\b(?:spørgsmål|eksemp)\w*",
        r"^(?:selvfølgelig|naturligvis)\s*[,!:]",
        r"^(?:spørgsmål|svar)\s*(?:\d+\s*)?:",
    ),
    double_questions=(
        r"^(?:hvad|hvem|hvornår|hvor|hvorfor|hvordan)\b(?: [\w-]+){3}.* og (?:hvad|hvem|hvornår|hvor|hvorfor|hvordan) (?:er|var|blev|har|kan)\b",
    ),
    generic_questions=(
        r"^hvad er (?:hovedemnet|hovedpointen|hovedidéen|temaet|emnet|budskabet)(?: i (?:teksten|artiklen))?\W*$",
        r"^hvad handler (?:det|dette|teksten) om\W*$",
    ),
    dangling=(
        r"^(?:hvad|hvornår|hvor|hvorfor|hvordan)\b (?-i:[a-zæøå]+) (?-i:han|hun)\b",
        r"\b(?:efter|før|på grund af|trods) (?:dette|det)\W*$",
    ),
    generic_headings=listed(
        "indledning|introduktion|eksempler|eksempel|beskrivelse|installation|opsætning|konfiguration|brug|indstillinger|noter|se også|referencer|historie|bilag|resumé|oversigt|konklusion|krav",
        between="|",
    ),
    history_headings=r"ændringslog|nyheder",
    greetings=r"hej",
    ask_labels=listed("Spørgsmål"),
    reply_labels=listed("Svar"),
    yes_no_words=listed("ja nej ingen"),
    abstention="Dokumenterne besvarer ikke dette spørgsmål.",
)

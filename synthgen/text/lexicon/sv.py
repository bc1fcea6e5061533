"""Swedish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="sv",
    name="Swedish",
    scripts=("Latin",),
    tag="swe-Latn",
    stop_words=listed(
        "och att det ett på för med är den inte från hade har blev när eller också efter där hur vad vem varför vilken",
        "vilket denna detta dessa som av en de",
    ),
    common_words=listed("och att det som en ett på av för med är den till inte om från hade har blev"),
    question_words=listed("vem vad var när varför hur vilken vilket vilka"),
    free_words=listed("en ett den det de vänligen exakt egentligen"),
    alike=("vilken vilket vilka",),
    negations=listed("inte ingen inget inga aldrig utan varken"),
    number_words=counted(
        "0 noll en|ett två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton nitton tjugo",
        "1 första|förste andra|andre tredje fjärde femte sjätte sjunde åttonde nionde tionde",
    ),
    scales={
        **dict.fromkeys(listed("tusen"), 10**3),
        **dict.fromkeys(listed("miljon miljoner mn"), 10**6),
        **dict.fromkeys(listed("miljard miljarder mdr"), 10**9),
    },
    decade_endings=(r"-?tal\p{L}*",),
    abbreviations=listed("vs bl.a t.ex d.v.s dvs s.k f.d p.g.a fr.o.m t.o.m m.a.o ca jfr inkl exkl ev resp dr prof hr"),
    number_abbreviations=listed("nr kl kap fig s sid art tel"),
    last_abbreviations=listed("osv o.s.v m.m m.fl o.d etc f.Kr e.Kr"),
    sentence_openers=listed(
        "den det de en ett han hon vi jag du i på till från med utan för av vid om efter före under mellan när då men och",
        "eller så också vad vem var varför hur inte denna detta dessa",
    ),
    references=(
        r"\b(?:enligt|baserat på|utifrån) (?:texten|avsnittet|artikeln|dokumentet|utdraget|stycket|(?:den här|denna|det här|detta) (?:text|texten|avsnitt|avsnittet|artikel|artikeln|dokument|dokumentet|utdrag|stycke))\b",
        r"\bi (?:denna text|detta (?:avsnitt|utdrag|stycke)|den här texten|texten ovan)\b",
        r"\b(?:nämns|nämnt|beskrivs|omnämns) (?:ovan|i (?:texten|avsnittet|stycket))\b",
    ),
    chatter=(
        r"^här (?:är|kommer) .{0,40}\b(?:fråg|exempel)\w*",
        r"^(?:självklart|absolut|visst)\s*[,!:]",
        r"^(?:fråga|svar)\s*(?:\d+\s*)?:",
    ),
    double_questions=(
        r"^(?:vad|vem|när|var|varför|hur)\b(?: [\w-]+){3}.* och (?:vad|vem|när|varför|hur) (?:är|var|blev|har|kan)\b",
    ),
    generic_questions=(
        r"^vad är (?:huvudämnet|huvudpoängen|temat|ämnet|budskapet)(?: i texten)?\W*$",
        r"^vad handlar (?:det|detta|texten) om\W*$",
    ),
    dangling=(
        r"^(?:vad|när|var|varför|hur)\b (?-i:[a-zåäö]+) (?-i:han|hon)\b",
        r"\b(?:efter|före|på grund av|trots) (?:detta|det)\W*$",
    ),
    generic_headings=listed(
        "inledning|introduktion|exempel|beskrivning|installation|inställningar|konfiguration|användning|alternativ|anmärkningar|se även|referenser|historia|bilaga|sammanfattning|översikt|slutsats|krav",
        between="|",
    ),
    history_headings=r"ändringslogg|nyheter",
    greetings=r"hej",
    ask_labels=listed("Fråga"),
    reply_labels=listed("Svar"),
    yes_no_words=listed("ja nej ingen"),
    abstention="Dokumenten besvarar inte den här frågan.",
)

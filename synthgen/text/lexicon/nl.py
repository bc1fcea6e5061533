"""Dutch."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="nl",
    name="Dutch",
    scripts=("Latin",),
    tag="nld-Latn",
    stop_words=listed(
        "de het een en is in van op te dat die voor met niet aan er om als maar ook bij of zijn was door over wie wat",
        "waar wanneer hoe waarom welke naar uit worden wordt",
    ),
    common_words=listed(
        "de het een van en is zijn was waren werd werden wordt worden voor met op te aan uit bij niet er dat die heeft",
        "hebben",
    ),
    question_words=listed("wie wat waar wanneer waarom hoe hoeveel welke welk waarvoor"),
    free_words=listed("de het een precies alstublieft"),
    alike=(
        "welke welk",
        "zijn is",
        "waren was",
    ),
    negations=listed("niet geen nooit zonder behalve"),
    number_words=counted(
        "0 nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien",
        "19 negentien twintig",
        "1 eerste tweede derde",
    ),
    quantity_words=listed("honderd"),
    scales={
        **dict.fromkeys(listed("duizend"), 10**3),
        **dict.fromkeys(listed("miljoen"), 10**6),
        **dict.fromkeys(listed("miljard"), 10**9),
    },
    name_joins=listed("van"),
    abbreviations=listed(
        "vs dhr mevr mw drs dr prof ir ing mr ds bijv d.w.z d.m.v m.b.t t.o.v i.p.v o.a m.a.w m.n a.u.b z.g zgn resp evt incl excl",
        "ca vgl jhr St",
    ),
    local_abbreviations=listed("bv"),
    number_abbreviations=listed("nr blz art afb fig hfst p pp"),
    name_abbreviations=listed("B.V N.V"),
    last_abbreviations=listed("enz etc e.d e.a v.Chr n.Chr"),
    sentence_openers=listed(
        "de het een dit dat deze die er hij zij ze wij we ik in op aan bij met zonder voor na naar van uit over onder",
        "tussen tijdens als wanneer terwijl omdat maar en of dus toen daarna ook wie wat waar waarom hoe niet geen",
    ),
    references=(
        r"\b(?:volgens|op basis van) (?:de|deze|dit|het) (?:tekst|passage|document|artikel|alinea|fragment|context)\b",
        r"\bin (?:deze|bovenstaande) (?:tekst|passage|alinea)\b",
        r"\b(?:hierboven|bovenstaand) (?:genoemd|vermeld|beschreven)\w*\b",
    ),
    chatter=(
        r"^hier (?:is|zijn|volgen) .{0,40}\b(?:vra(?:ag|gen)|voorbeeld)\w*",
        r"^(?:natuurlijk|zeker|graag)\s*[,!:]",
        r"^(?:vraag|antwoord)\s*(?:\d+\s*)?:",
    ),
    double_questions=(
        r"^(?:wat|wie|wanneer|waar|waarom|hoe)\b(?: [\w-]+){3}.* en (?:wat|wie|wanneer|waar|waarom|hoe) (?:is|zijn|was|waren|werd|wordt|heeft|kan)\b",
    ),
    generic_questions=(
        r"^wat (?:is|zijn) (?:het|de) (?:hoofd|belangrijkste |centrale )?(?:onderwerp|idee|thema|boodschap|punten)(?: (?:van|in) (?:de|het|deze|dit) (?:tekst|document|passage|artikel|alinea))?\W*$",
        r"^(?:waar gaat (?:het|dit) over|wat wordt (?:hier )?(?:beschreven|besproken))\W*$",
    ),
    dangling=(r"^(?:wat|wanneer|waar|waarom|hoe)\b (?-i:[a-z]+) (?-i:hij|zij|ze|dit|deze)\b",),
    generic_headings=listed(
        "inleiding|voorbeelden|voorbeeld|beschrijving|installatie|configuratie|gebruik|opties|parameters|opmerkingen|zie ook|referenties|geschiedenis|bijlage|samenvatting|overzicht|conclusie|vereisten",
        between="|",
    ),
    history_headings=r"wat is er nieuw|wijzigingen",
    lead_ins=(
        r"^(?:(?:natuurlijk|zeker|uiteraard|graag)\s*[,!.:]+\s*)+",
        r"^(?:hier is (?:het|een|mijn) (?:\w+ )?antwoord\b[^:\n]{0,40}:\s*|(?:het )?antwoord\s*(?:is\s*)?:\s*)",
        r"^(?:(?:volgens|op basis van) (?:de|het|deze|dit) (?:tekst|passage|document|artikel|fragment|alinea|context)\s*[,:]\s*)",
    ),
    non_answers=(
        r"\bals (?:een )?(?:AI|taalmodel|AI-model|AI-assistent)\b",
        r"^(?:het spijt me\b|sorry,|helaas (?:kan|staat|wordt)\b|(?:dat )?weet ik niet\b|ik weet het niet\b|ik kan (?:deze vraag |dat |dit )?niet\b|geen (?:idee|antwoord|informatie)\b|onbekend\W*$|niet (?:vermeld|genoemd|bekend|gespecificeerd|beschikbaar|van toepassing)\b(?: in\b.{0,60})?\W*$)",
        r"^(?:de|het|deze|dit) (?:tekst|passage|document|artikel|fragment|alinea|context) (?:vermeldt|noemt|zegt|bevat|geeft|beantwoordt)\b.{0,60}\b(?:niet|geen|niets)\b",
        r"^zie (?:boven|hierboven|onder|de tekst)\W*$",
    ),
    greetings=r"hoi|dag|goedendag",
    ask_labels=listed("Vraag"),
    reply_labels=listed("Antwoord A"),
    yes_no_words=listed("ja nee geen"),
    abstention="Het antwoord op deze vraag staat niet in de documenten.",
)

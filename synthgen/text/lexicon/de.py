"""German patterns. A main clause that begins with its subject becomes a question by putting the question word first and
the verb second, so most templates need no inflection."""

from __future__ import annotations

import regex

from synthgen.text.lexicon.base import ExtractiveRules, LazyPattern, Lexicon, counted, listed, pattern

__all__ = ["LEXICON"]

S = r"(?P<s>[^,;:()\"„“”?!]{2,70}?)"
NUMBER = r"(?:\d[\d.,]*|ein(?:e|en|er|em)?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|dreißig)"
ABOUT = (
    r"(?:(?:bis zu|etwa|rund|ungefähr|höchstens|mindestens|maximal|mehr als|weniger als|nur|genau|fast|circa|ca\.|zwischen) )*"
)
UNIT = r"(?:Millisekunden?|Sekunden?|Minuten?|Stunden?|Tag(?:en?)?|Wochen?|Monat(?:en?)?|Jahr(?:en?)?|Werktagen?|Werktage|ms|s|min|h)"
SPAN = rf"{ABOUT}{NUMBER}(?:(?: bis | und |–|-){NUMBER})? {UNIT}\b"
VERB = r"(?P<v>ist|sind|war|waren|wird|werden|wurde|wurden|kann|können|darf|dürfen|muss|müssen|soll|sollte|sollten|hat|haben)"
IMPERATIVE = r"(?P<a>(?:\w+(?:en|eln|ern) Sie|[a-zäöü]\w+ man|genügt|reicht)\b.+)"

PATTERNS = (
    pattern("default", rf"(?:Der Standardwert|Die Voreinstellung|Der Vorgabewert) (?:von|für) {S} (?:ist|beträgt|lautet) (?P<a>.+)", "Was ist der Standardwert von {s}?"),
    pattern("default", r"(?P<s>(?:Der|Die|Das) (?:voreingestellte|vorgegebene|standardmäßige) [\w -]{3,40}?|Standard(?!wert|mäßig)[\w-]+) (?:ist|lautet|beträgt) (?P<a>.+)", "Was ist {s}?"),
    pattern("duration", rf"{S} (?P<v>dauert|dauern) (?P<a>{SPAN})(?P<rest>.*)", "Wie lange {v} {s}?"),
    pattern(
        "duration",
        rf"{S} (?P<v>ist|sind|wird|werden|bleibt|bleiben) (?P<a>{SPAN})(?: lang)? (?P<r>gültig|aufbewahrt|gespeichert|gehalten|verfügbar|behalten|erhalten|gesperrt|aufgehoben)",
        "Wie lange {v} {s} {r}?",
    ),
    pattern("duration", rf"{S} (?P<v>läuft|laufen) (?P<a>(?:nach|in) {SPAN}) ab", "Wann {v} {s} ab?"),
    pattern(
        "frequency",
        rf"{S} (?P<v>wird|werden|läuft|laufen) (?P<a>(?:jede[nrs]? (?:{NUMBER} )?(?:{UNIT}|Nacht|Morgen|Abend)|alle {NUMBER} {UNIT}|täglich|stündlich|wöchentlich|monatlich|"
        r"(?:einmal|zweimal|dreimal) (?:pro|am|im|in der) \w+))(?P<rest>(?: \w+)?)",
        "Wie oft {v} {s}{rest}?",
    ),
    pattern(
        "limit",
        rf"{S} (?P<v>kann|können|darf|dürfen) (?P<a>(?:bis zu|höchstens|maximal) {NUMBER}) (?P<o>\w+) (?P<r>haben|enthalten|speichern|aufnehmen|verwalten|halten|umfassen|sichern)",
        "Wie viele {o} {v} {s} {r}?",
    ),
    pattern("count", rf"{S} (?P<v>hat|haben|umfasst|umfassen) (?P<a>{NUMBER}) (?P<o>[A-ZÄÖÜ]\w+[en])(?P<rest>(?:[:,].*)?)", "Wie viele {o} {v} {s}?"),
    pattern(
        "duration",
        rf"{S} (?P<v>wird|werden) (?P<a>(?:innerhalb von|binnen) {SPAN}) (?P<r>\w+t|\w+en)", "Wie schnell {v} {s} {r}?"
    ),
    pattern("amount", rf"{S} (?P<v>beträgt|betragen) (?P<a>(?:[\w.]+ )?\d.*)", "Wie viel {v} {s}?"),
    pattern("price", rf"{S} (?P<v>kostet|kosten) (?P<a>(?:\w+ )?\d[\d.,]* (?:Euro|€|EUR)\b.*)", "Wie viel {v} {s}?"),
    pattern("why", rf"{S} {VERB} (?P<r>[^,;:()]{{3,70}}), (?:weil|da) (?P<a>.+)", "Warum {v} {s} {r}?"),
    pattern("howto", rf"Um (?P<y>[^,;:]{{4,90}} (?:zu \w+en|\w*zu\w+en)), {IMPERATIVE}", "Was muss ich tun, um {y}?", kind="howto"),
    pattern("howto", rf"(?:Wenn|Falls) Sie (?P<y>[^,;:]{{4,80}}) (?:wollen|möchten), {IMPERATIVE}", "Was muss ich tun, wenn ich {y} will?", kind="howto"),
    pattern("trouble", rf"(?:Wenn|Falls) (?P<c>(?!Sie\b)[^,;:]{{8,90}}), {IMPERATIVE}", "Was soll ich tun, wenn {c}?", kind="howto"),
    pattern(
        "howto",
        r"Mit (?P<a>[a-z][\w-]* [\w <>./=-]{2,60}?) (?P<v>lässt sich|lassen sich|kann man|können Sie|prüfen Sie|sehen Sie|starten Sie|löschen Sie|beenden Sie|legen Sie|erzeugen Sie|ändern Sie) "
        r"(?P<r>[^,;:]{4,90})",
        "Womit {v} {r}?",
        kind="howto",
    ),
    pattern("means", rf"{S} (?P<v>bedeutet|bedeuten)(?P<c>,)? (?P<a>.+)", "Was {v} {s}?"),
    pattern("means", rf"{S} (?P<v>steht|stehen) für (?P<a>.+)", "Wofür {v} {s}?"),
    pattern(
        "definition",
        rf"{S} ist (?P<a>eine?(?! (?:gute|schlechte|neue|wenig|bisschen|Fall|Grund|Ergebnis|Problem|Fehler|Zeichen|Folge|Ursache|Muss|\w+ste[nrs]?)\b) \p{{L}}.+"
        r"|(?:der|die|das) (?!\w+ste\w?\b)(?:\w+ ){0,2}[A-ZÄÖÜ]\w+, (?:der|die|das|in|mit|auf|von)\b.+)",
        "Was ist {s}?",
    ),
    *(
        pattern("act", rf"{S} (?P<v>{verb}) (?P<a>(?!(?:und|oder|aber|sich|es|sie|ihn|ihm|nicht|an|auf|aus|mit|in|im|zu|zum|zur|von|vom|bei|nach|für|über|unter|dann|nur|auch|der|dem|den|dies|das Recht)\b).+)", "Was {v} {s}?")
        for verb in ("enthält", "enthalten", "benötigt", "benötigen", "braucht", "brauchen", "unterstützt", "unterstützen", "umfasst", "umfassen")
    ),
)  # fmt: skip

_MINE = {"ihr": "mein", "ihre": "meine", "ihren": "meinen", "ihrem": "meinem", "ihrer": "meiner", "ihres": "meines"}


def _mine(text: str) -> str:
    return regex.sub(r"\bIhr(?:e[nmrs]?)?\b", lambda m: _MINE[m.group().lower()], text)


_RULES = ExtractiveRules(
    patterns=PATTERNS,
    dependent=LazyPattern(
        r"(?i)^(?:ich|du|er|sie|es|wir|ihr|man|dies|diese[rmns]?|dieses|das(?= \w*$)(?! \p{Lu})|jene[rmns]?|hier|dort|da|dann|so|auch|aber|und|oder|denn|wenn|falls|als|"
        r"in|im|an|am|auf|aus|bei|beim|mit|nach|seit|von|vom|vor|zu|zum|zur|für|durch|gegen|ohne|um|über|unter|zwischen|während|wegen|trotz|danach|dabei|dazu|"
        r"damit|dadurch|deshalb|daher|darum|außerdem|jedoch|allerdings|zusätzlich|anschließend|zuerst|zunächst|schließlich|nur|alle[rns]?|beide[ns]?|einige|"
        r"viele|manche|andere[rns]?|kein[ers]?|nichts|niemand|jemand|wer|was|wo|wie|warum|wann|seine?|ihre?|unsere?|ein|eine|einer|beispiel|schritt|wichtig|nicht)\b(?! \p{Lu})"
        r"|^(?:in|im|an|am|auf|aus|bei|beim|mit|nach|seit|von|vom|vor|zu|zum|zur|für|durch|ohne|um|über|unter|zwischen|während|wegen|dies|diese[rmns]?|dieses|jene[rmns]?|heute|gestern|(?:morgen|mittag|abend|nacht|werktag|sonntag|samstag|tag)s|"
        r"eine[rmns]|derartige\w*|solche\w*|\w+(?:genommen|weise|gesehen|falls|dings|mals|halber)$|seine?|ihre?|unsere?|keine?|auch|nur|hier|dort|dann|beide|andere|einige|viele)\b"
        r"|\b(?:ist|sind|war|waren|wird|werden|hat|haben|kann|können|muss|müssen|soll|darf|nicht|also|(?:derartig|solch)\w*|sich|es|er|man|dies|diese[rmns]?|dieses|"
        r"folgende[rmns]?|obige[rmns]?|vorige[rmns]?|letztere[rmns]?|erstere[rmns]?|gleiche[rmns]?|selbe|andere[rmns]?|seite|abschnitt|kapitel|tabelle|abbildung|beispiel|"
        r"handbuch|ergebnis|grund|nachteil|vorteil|unterschied|dabei|damit|dann|hier|dort|neue[rmns]?|alte[rmns]?|erste[rmns]?|zweite[rmns]?|dritte[rmns]?|nächste[rmns]?|letzte[rmns]?)\b"
        r"|[`*|<>={}\\]"
    ),
    vague=LazyPattern(r"(?i)\b(?:es|dies|diese[rmns]?|dieses|sie|ihn|ihm|ihnen|er|dabei|damit|davon|möglich|nötig|notwendig)\b"),
    unclear=LazyPattern(
        r"(?i)\b(?:folgende[rmns]?|siehe|oben|unten|wie folgt|hier|diese[rmns]? (?:seite|abschnitt|kapitel|tabelle|handbuch|dokument|liste)|"
        r"(?:der|die|das|dem|im) (?:abschnitt|kapitel|tabelle|abbildung|handbuch))\b"
    ),
    definite=LazyPattern(r"(?:Der|Die|Das) (?P<n>[\w-]{1,9})"),
    articles=frozenset(["Der", "Die", "Das", "Ein", "Eine", "Jeder", "Jede", "Jedes", "Alle", "Den", "Dem", "Ihr", "Ihre"]),
    mine=_mine,
    columns={
        "standard": "Was ist der Standardwert von {x}?", "standardwert": "Was ist der Standardwert von {x}?", "vorgabe": "Was ist der Standardwert von {x}?",
        "voreinstellung": "Was ist die Voreinstellung von {x}?", "bedeutung": "Was bedeutet {x}?", "beschreibung": "Was bedeutet {x}?",
        "erklärung": "Was bedeutet {x}?", "zweck": "Wozu dient {x}?", "ursache": "Was ist die Ursache von {x}?", "abhilfe": "Was hilft bei {x}?",
        "lösung": "Was ist die Lösung für {x}?", "was tun": "Was kann ich tun bei {x}?", "maßnahme": "Was ist zu tun bei {x}?", "größe": "Welche Größe hat {x}?",
        "dauer": "Wie lange dauert {x}?", "frist": "Welche Frist gilt für {x}?", "preis": "Welchen Preis hat {x}?", "kosten": "Was kostet {x}?",
        "beispiel": "Was ist ein Beispiel für {x}?", "preis etwa": "Was kostet {x} etwa?", "empfehlung": "Was ist die Empfehlung für {x}?", "umsetzung": "Wie ist {x} umgesetzt?", "einheit": "Welche Einheit hat {x}?", "port": "Welchen Port hat {x}?", "höchstwert": "Was ist der Höchstwert von {x}?",
        "grenze": "Welche Grenze gilt für {x}?", "aufbewahrung": "Welche Aufbewahrung gilt für {x}?", "aufbewahrungsfrist": "Welche Aufbewahrungsfrist gilt für {x}?",
        "zuständig": "Wer ist zuständig für {x}?", "verantwortlich": "Wer ist verantwortlich für {x}?", "format": "Welches Format hat {x}?", "pfad": "Welchen Pfad hat {x}?",
        "befehl": "Welcher Befehl gehört zu {x}?", "antwortzeit": "Welche Antwortzeit gilt für {x}?", "reaktionszeit": "Welche Reaktionszeit gilt für {x}?",
    },
    row="{x} ({Noun})",
    quoted="„{x}“ ({Noun})",
    term="Was bedeutet „{x}“?",
    option="Was bewirkt die Option {x} in „{top}“?",
    option_row="Option {x} in „{top}“",
    common=LazyPattern(r"[A-ZÄÖÜ]\w+(?:er|es|e|en) (?:\w+(?:er|es|e|en) )?[A-ZÄÖÜ]"),
    cut=LazyPattern(r"\b(?:\d{1,2}|Mio|Mrd|Nr|vgl|bzw|ca|Jh|Chr|Abb|inkl|zzgl|evtl|ggf)\.$"),
    glossary=LazyPattern(r"(?i)\b(?:glossar|begriffe|definitionen)\b"),
    asks=LazyPattern(
        r"(?i)^(?:was|wie|warum|wieso|weshalb|wann|wo|woher|wohin|wer|wen|wem|welche[rmns]?|wozu|womit|wofür|kann|können|muss|müssen|darf|soll|ist|sind|gibt|hat|haben)\b.*\?$"
        r"|^(?:was|wie|warum|wann|wo|wer|welche[rmns]?) (?:ist|sind|kann|muss|darf|soll|tun|wird|werden|viele?|lange|oft)\b.+$"
    ),
)  # fmt: skip


LEXICON = Lexicon(
    code="de",
    name="German",
    scripts=("Latin",),
    tag="deu-Latn",
    stop_words=listed(
        "der die das und ist in zu den dem des ein eine einer eines einem einen nicht mit auf für von im an als auch es",
        "sich wird werden sind war bei aus nach wie oder aber wenn kann nur noch man so dass durch über um zum zur ich",
        "sie er wir ihr was wer wo wann warum welche welcher welches",
    ),
    weak_words=listed(
        "bereits beim damit dann dazu deren diese dieser dieses jede jeder jedes jedoch kein keine müssen muss sehr",
        "sollte sowie unter viele wenige werden wurde zwei drei",
    ),
    common_words=listed(
        "der die das den dem des und ist sind war waren wurde wurden wird werden ein eine einen einem einer eines nicht",
        "mit auf für von vom zu zum zur im beim aus nach bei sich auch es er hat haben hatte hatten durch über unter als",
        "nennen sie man am ins zwischen gegen während einige viele jede jeder jedes diese dieser dieses ihr ihre ihren",
        "ihrer sein seine seinen seinem seiner kann können machte macht gehört gehörte fand gibt gab ob oder",
    ),
    question_words=listed(
        "wer wen wem wessen was wann wo woher wohin warum weshalb wieso wofür wodurch womit worauf worüber woran worin",
        "wozu wovon wie wieviele welche welcher welches welchen welchem",
    ),
    free_words=listed("der die das den dem des ein eine einen einem einer eines bitte genau eigentlich"),
    alike=(
        "welcher welche welches welchen welchem",
        "wieviele wieviel",
        "sind ist",
        "waren war",
        "haben hat",
        "weshalb warum wieso",
    ),
    negations=listed("nicht kein keine keinen keinem keiner nie niemals ohne außer"),
    number_words=counted(
        "0 null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn",
        "19 neunzehn zwanzig",
        "1 erste|ersten|erster|erstes|erstem zweite|zweiten|zweiter|zweites dritte|dritten|dritter|drittes vierte|vierten fünfte|fünften",
        "30 dreißig",
        "40 vierzig",
        "50 fünfzig",
        "100 hundert",
        "12 dutzend",
    ),
    quantity_words=listed("halb halbe doppelt einmal zweimal dreimal"),
    scales={
        **dict.fromkeys(listed("tausend"), 10**3),
        **dict.fromkeys(listed("millionen mio"), 10**6),
        **dict.fromkeys(listed("milliarden milliarde mrd"), 10**9),
    },
    decade_endings=(r"er\p{L}*",),
    name_joins=listed("der die das und von"),
    polite_words=listed("sie ihnen ihr ihre ihren ihrem ihrer"),
    capitalises_nouns=True,
    abbreviations=listed(
        "vs z.B d.h u.a i.d.R u.U v.a m.E z.T z.Zt i.S o.g s.o s.u bzw ca vgl inkl exkl zzgl ggf evtl bspw insb sog gem lt",
        "einschl ausschl Dr Prof Dipl Ing Hr Fr Hrsg hl geb gest St Mio Mrd Tsd Bd",
    ),
    number_abbreviations=listed("Nr Abs Art Abb Tab Kap Ziff Rn Anm Fn Buchst max min"),
    last_abbreviations=listed("usw etc u.v.m u.Ä u.ä usf Jh Chr v.Chr n.Chr Std Min Sek Str"),
    sentence_openers=listed(
        "der die das den dem des ein eine einen einem einer er sie es wir ihr ich man dies diese dieser dieses jene in im",
        "an am auf aus bei beim mit nach seit von vom vor zu zum zur für durch über unter zwischen wegen während als wenn",
        "falls weil da damit dann danach daher deshalb dort hier aber doch und oder auch nur noch so wer was wo wie warum",
        "wann nicht kein keine alle viele",
    ),
    ordinal_nouns=listed(
        "januar jänner februar märz april mai juni juli august september oktober november dezember jahrhundert",
        "jahrhunderts jahrhunderte jh weltkrieg weltkriegs weltkrieges auflage kapitel stock platz",
    ),
    references=(
        r"\b(?:laut|gemäß) (?:Text|Abschnitt|Dokument|Artikel|Auszug|Kontext)\b",
        r"\b(?:laut|gemäß|entsprechend|nach) (?:dem|des|diesem) (?:\w+en )?(?:Text|Textes|Abschnitt|Absatz|Dokument|Artikel|Auszug|Kontext)s?\b",
        r"\b(?:in|aus) (?:diesem|dem (?:obigen|vorliegenden|gegebenen|folgenden)) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Kontext)\b",
        r"\bim (?:obigen|vorliegenden|gegebenen|genannten) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Dokument|Kontext)\b",
        r"\bim Text (?:erwähnt|genannt|beschrieben|steht|angegeben)\w*\b",
        r"\b(?:oben|weiter unten) (?:genannt|erwähnt|beschrieben|aufgeführt)\w*\b",
        r"\b(?:dem|diesem) (?:\w+en )?(?:Text|Abschnitt|Absatz|Auszug|Dokument|Artikel) zufolge\b",
        r"\b(?:ausgehend von|auf (?:der )?Grundlage|anhand) (?:dem|des|dieses|diesem) (?:\w+en )?(?:Text|Abschnitt|Absatz|Auszug|Artikel)(?:e?s)?\b",
        r"\bausgehend vom (?:\w+en )?(?:Text|Abschnitt|Absatz|Auszug|Artikel)\b",
        r"\bAngaben (?:im|in diesem|dieses) (?:Text|Abschnitt|Absatz|Auszug|Artikel|Dokument)(?:e?s)?\b",
    ),
    chatter=(
        r"^hier (?:sind|ist) .{0,40}\b(?:fragen?|anfragen?|beispiele?)\b",
        r"^(?:gerne|natürlich|selbstverständlich)\s*[,!:]",
        r"^(?:frage|antwort)\s*(?:\d+\s*)?:",
    ),
    double_questions=(
        r"^(?:was|wer|wann|wo|warum|wie)\b(?: [\w-]+){3}.* und (?:was|wer|wann|wo|warum|wie) (?:ist|sind|war|waren|wurde|wird|hat|kann)\b",
    ),
    generic_questions=(
        r"^(?:was|wie) (?:ist|sind|lautet|lauten) (?:das|die|der) (?:haupt|zentrale? |wichtigste )?(?:thema|themen|idee|aussage|punkte?|hauptthema|hauptidee|kernaussage|botschaft)(?: (?:des|dieses|der|dieser|im|in diesem) (?:textes|text|dokuments|dokument|abschnitts?|artikels?))?\W*$",
        r"^(?:was wird (?:hier )?(?:beschrieben|besprochen|diskutiert|behandelt|erklärt)|worum geht es(?: hier)?|fasse (?:es |das )?zusammen)\W*$",
    ),
    dangling=(
        r"^(?:was|wann|wo|warum|wie|wer|weshalb|womit)\b (?-i:[a-zäöüß]+) (?-i:er|dies|dieser|dieses)\b(?! (?-i:[A-ZÄÖÜ]))",
        r"^(?:was|wer|wie|wo)\b (?:[\w-]+ ){1,4}(?:danach|daraufhin)\W*$",
    ),
    generic_headings=listed(
        "allgemeines|anhang|befehle|beispiel|beispiele|beschreibung|einführung|einleitung|einrichtung|einstellungen",
        "hinweis|hinweise|installation|konfiguration|optionen|referenz|siehe auch|überblick|übersicht",
        "voraussetzungen|zusammenfassung",
        between="|",
    ),
    history_headings=r"änderungen|neuerungen",
    lead_ins=(
        r"^(?:(?:gerne?|natürlich|selbstverständlich|klar|sicher)\s*[,!.:]+\s*)+",
        r"^(?:hier ist (?:die|eine|meine) (?:\w+ )?antwort\b[^:\n]{0,40}:\s*|(?:die )?antwort\s*(?:lautet\s*)?:\s*)",
        r"^(?:(?:laut|gemäß|entsprechend|nach) (?:dem|des|diesem )?\s*(?:\w+en )?(?:Text|Textes|Abschnitt|Absatz|Dokument|Artikel|Auszug|Kontext)s?\s*[,:]\s*)",
    ),
    non_answers=(
        r"\bals (?:KI|Sprachmodell|KI-Modell|KI-Sprachmodell|künstliche Intelligenz)\b",
        r"^(?:(?:es )?tut mir leid\b|leider (?:kann|habe|wird|enthält|geht|ist|steht)\b|ich (?:kann|weiß) (?:das|es|diese Frage|die Frage)?\s*(?:leider )?nicht\b|weiß (?:ich )?nicht|keine (?:ahnung|angabe|antwort|informationen?)\b|unbekannt|nicht (?:angegeben|erwähnt|genannt|bekannt|verfügbar|zutreffend))(?: (?:im|in|aus|beantworten)\b.{0,60})?\W*$",
        r"^(?:der|dieser|das|dieses|die) (?:Text|Abschnitt|Absatz|Dokument|Artikel|Auszug|Kontext|Passage) (?:erwähnt|enthält|sagt|nennt|gibt|beantwortet|macht|liefert)\b.{0,60}\b(?:nicht|nichts|keine\w*)\b",
        r"^(?:das|dies|es|die Antwort) (?:wird|ist|steht|geht)\b.{0,30}\b(?:nicht|nirgends)\b.{0,40}(?:erwähnt|angegeben|genannt|hervor|Text|bekannt|enthalten)\W*",
        r"^siehe (?:oben|unten|Text)\W*$",
    ),
    greetings=r"hallo|guten (?:tag|morgen|abend)|moin|servus",
    ask_labels=listed("F Frage"),
    reply_labels=listed("A Antwort"),
    yes_no_words=listed("ja nein kein keine keiner keines"),
    abstention="Die Dokumente beantworten diese Frage nicht.",
    rules=_RULES,
)

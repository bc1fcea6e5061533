"""Italian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="it",
    name="Italian",
    scripts=("Latin",),
    tag="ita-Latn",
    stop_words=listed(
        "il lo la i gli le un uno una e è di del della dei delle in che per non con si su come più ma o sono questo",
        "questa nel nella al alla da dal anche chi cosa quando dove perché quale",
    ),
    common_words=listed(
        "il lo gli una di del della dei delle degli e è sono era erano ha hanno per con nel nella sul da dal alla che si",
        "non stato stata",
    ),
    question_words=listed("chi quale quali quando dove perché quanto quanta quanti quante cos cosa che come"),
    joining_question_words=listed("che come"),
    free_words=listed("il lo la i gli le l un uno una esattamente precisamente"),
    alike=(
        "quali quale",
        "sono è",
        "quanto quanta quanti quante",
    ),
    negations=listed("non mai senza nessun nessuno nessuna tranne"),
    number_words=counted(
        "0 zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette",
        "18 diciotto diciannove venti",
        "1 primo|prima secondo|seconda terzo",
    ),
    quantity_words=listed("cento"),
    scales={
        **dict.fromkeys(listed("mille mila"), 10**3),
        **dict.fromkeys(listed("milioni milione"), 10**6),
        **dict.fromkeys(listed("miliardi"), 10**9),
    },
    name_joins=listed("di da"),
    abbreviations=listed(
        "sig dott dr prof ing avv vs Sig Sigg Dott Prof Ing Avv Geom Gen Col Cap Mons Egr Spett p.es ad.es ca"
    ),
    local_abbreviations=listed("es On Arch Rag"),
    number_abbreviations=listed("n nn art artt cap fig pag pagg p pp vol par"),
    name_abbreviations=listed("S.p.A S.r.l"),
    last_abbreviations=listed("ecc etc a.C d.C"),
    sentence_openers=listed(
        "il lo la i gli le l un uno una questo questa questi queste egli ella essi noi si in con su per tra fra da dal",
        "dalla nel nella dopo prima durante quando dove se ma e anche poi quindi però infatti inoltre secondo",
    ),
    references=(
        r"\b(?:secondo|in base al?|stando al) (?:il |questo |l['’] ?)?(?:testo|passaggio|documento|articolo|brano|paragrafo|contesto)\b",
        r"\bin questo (?:testo|brano|passaggio|paragrafo)\b",
        r"\b(?:menzionat|descritt|citat)[oaie] (?:sopra|in precedenza|nel testo)\b",
    ),
    chatter=(
        r"^ecco .{0,40}\b(?:domand[ae]|esempi[o]?)\b",
        r"^(?:certo|certamente)\s*[,!:]",
        r"^(?:domanda|risposta)\s*(?:\d+\s*)?:",
    ),
    double_questions=(r"^(?:\S+ ){3}.* e (?:chi|quando|dove|perché|quanto) (?:è|sono|ha|hanno|era|può|fu)\b",),
    generic_questions=(
        r"^(?:qual è|quali sono) (?:il|lo|la|l['’]|i|le|gli) ?(?:tema|temi|idea|idee|argomento|argomenti|messaggio|punti?)(?: (?:principal[ei]|central[ei]|chiave))?(?: (?:di questo|del|in questo|nel|dell['’]) ?(?:testo|documento|brano|articolo|paragrafo))?\W*$",
        r"^(?:di cosa (?:si parla|si tratta|tratta)|che cosa viene descritto)\W*$",
    ),
    dangling=(r"\b(?:dopo(?: di)?|prima di|durante|a causa di|nonostante) (?:questo|ciò|quello)\W*$",),
    generic_headings=listed(
        "introduzione|esempi|esempio|descrizione|installazione|configurazione|uso|utilizzo|opzioni|parametri|note|vedi anche|riferimenti|storia|appendice|riepilogo|panoramica|conclusione|requisiti",
        between="|",
    ),
    history_headings=r"note di rilascio|novità",
    lead_ins=(
        r"^(?:(?:certo|certamente|naturalmente|volentieri|ovviamente)\s*[,!.:]+\s*)+",
        r"^(?:ecco la (?:\w+ )?risposta\b[^:\n]{0,40}:\s*|(?:la )?risposta\s*(?:è\s*)?:\s*)",
        r"^(?:(?:secondo|in base a|stando a) (?:il|al|questo|l['’]) ?(?:testo|brano|documento|articolo|paragrafo|contesto)\s*[,:]\s*)",
    ),
    non_answers=(
        r"\bcome (?:una? )?(?:IA|intelligenza artificiale|modello linguistico|assistente)\b",
        r"^(?:mi dispiace\b|non (?:lo )?so\W*$|non posso (?:rispondere|aiutare|determinare)\b|nessuna (?:informazione|risposta)\b|sconosciut[oa]\W*$|non (?:è )?(?:menzionat[oa]|specificat[oa]|indicat[oa]|disponibile|applicabile)\b(?: (?:nel|in)\b.{0,60})?\W*$)",
        r"^(?:il|questo|l['’]) ?(?:testo|brano|documento|articolo|paragrafo|contesto) non (?:lo )?(?:menziona|specifica|dice|contiene|risponde|indica|fornisce)\b",
        r"^(?:vedi|vedere) (?:sopra|sotto|il testo)\W*$",
    ),
    greetings=r"ciao|buongiorno|buonasera",
    ask_labels=listed("Domanda"),
    reply_labels=listed("Risposta R"),
    yes_no_words=listed("sì no nessuno nessuna"),
    abstention="I documenti non rispondono a questa domanda.",
)

"""English."""

from __future__ import annotations

import regex

from synthgen.text.lexicon.base import ExtractiveRules, LazyPattern, Lexicon, SentencePattern, counted, listed, pattern

__all__ = ["LEXICON"]

S = r"(?P<s>[^,;:()\"“”?!]{2,70}?)"
NUMBER = r"(?:\d[\d.,]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|sixty)"
ABOUT = (
    r"(?:(?:up to|about|around|at most|at least|no more than|less than|fewer than|more than|roughly|approximately|between"
    r"|only|exactly|nearly|almost) )*"
)
UNIT = r"(?:milliseconds?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|business days|ms|s|min|h)"
SPAN = rf"{ABOUT}{NUMBER}(?:(?: to | and |–|-){NUMBER})?[ -]{UNIT}\b"
OFTEN = rf"(?:every (?:{NUMBER} )?{UNIT}|(?:once|twice|{NUMBER} times) (?:a|an|per|every) {UNIT}|hourly|daily|weekly|monthly)"
BE = r"(?P<be>is|are)"

# Verbs that begin an instruction, or follow "to" in a purpose.
VERBS = (
    "access|activate|add|adjust|allow|answer|apply|assign|attach|authenticate|avoid|back up|block|boot|build|bring|browse|bypass|"
    "call|cancel|change|check|choose|clean|clear|click|clone|close|collect|combine|compare|compile|compress|configure|"
    "confirm|connect|control|convert|copy|create|customize|customise|cut|deactivate|debug|declare|decrease|define|delete|deny|deploy|"
    "describe|detach|detect|determine|disable|discard|disconnect|display|download|drop|edit|enable|encrypt|enforce|enter|enrol|"
    "enroll|estimate|examine|exclude|execute|exit|expand|export|extend|extract|fetch|filter|find|finish|fix|force|format|forward|free|"
    "generate|get|give|go|grant|group|handle|hide|identify|ignore|implement|import|improve|include|increase|inform|initialize|"
    "inspect|install|invite|join|keep|kill|launch|leave|let|limit|link|list|load|lock|log in|log out|look up|lower|mark|measure|"
    "merge|migrate|minimize|modify|monitor|mount|move|obtain|omit|open|opt|override|overwrite|pass|pause|perform|pin|place|"
    "prepare|press|prevent|preview|print|produce|protect|prove|provide|prune|publish|pull|push|put|query|raise|read|rebuild|"
    "receive|recover|redirect|reduce|reference|refer to|refresh|register|release|reload|remove|rename|renew|reopen|repair|repeat|replace|"
    "report|request|require|reset|resolve|restart|restore|restrict|resume|retrieve|return|reuse|revert|review|revoke|"
    "roll back|rotate|run|save|scan|schedule|search|see|select|send|serve|set|set up|share|show|shrink|shut down|sign in|sign up|silence|skip|"
    "solve|sort|specify|speed up|split|start|stop|store|submit|subscribe|suppress|switch|sync|tag|take|target|tell|terminate|test|"
    "throttle|trace|track|transfer|trigger|troubleshoot|try|tune|turn|type|undo|uninstall|unlock|unpin|unset|update|upgrade|upload|"
    "use|validate|verify|view|wait|watch|wipe|work|wrap|write|yank"
)
DO = rf"(?:{VERBS})\b"
INSTRUCTION = rf"(?:(?:you|we) (?:can|must|should|have to|need to|may)(?: also)? |simply |just |first )?(?P<a>(?!(?:see|refer to|reference|tag|limit|target)\b){DO}(?! (?:for|the following)\b).+)"
WANT = r"(?:you|we)(?: (?:do|would|may|might))? (?:want|need|wish|like|have) to"
Y = rf"(?P<y>{DO} .{{3,90}}?)"

AUX = r"(?P<aux>is|are|was|were|can|must|should|will|may|has|have|does|do)"

# What a thing does, said as "X requires Y": asked as "What does X require?".
_ACTS = {
    "consists of": "consist of", "controls": "control", "decides": "decide", "defines": "define", "depends on": "depend on",
    "describes": "describe", "determines": "determine", "indicates": "indicate", "prevents": "prevent",
    "protects": "protect", "refers to": "refer to", "represents": "represent", "specifies": "specify", "affects": "affect",
}  # fmt: skip
# These say little about a thing that does many: "What does Cargo support?" has no one answer, "What does the label filter
# support?" has.
_BROAD_ACTS = {
    "accepts": "accept", "checks": "check", "collects": "collect", "contains": "contain", "covers": "cover", "creates": "create",
    "deletes": "delete", "excludes": "exclude", "holds": "hold", "includes": "include", "lists": "list", "needs": "need",
    "prints": "print", "produces": "produce", "provides": "provide", "reads": "read", "records": "record", "removes": "remove",
    "replaces": "replace", "requires": "require", "returns": "return", "rewrites": "rewrite", "sends": "send", "shows": "show",
    "stores": "store", "supports": "support", "writes": "write",
}  # fmt: skip
_ACT_TOGETHER = ("require", "need", "contain", "consist of", "support", "depend on", "provide", "include")

# An object, not a clause or an adverbial: "writes to the disk" and "lists are kept" are no acts.
_OBJECT = (
    r"(?P<a>(?!(?:to|in|from|it|its|them|this|that|these|those|for|on|at|by|with|about|as|of|and|or|is|are|was|were|be|can|will|has|have|"
    rf"had|must|should|may|not|only if|everything|itself|through|into|out|up|back|down|off|when|if|because|while|without|after|before|during|used|using|{VERBS})\b).+)"
)


def _verb(name: str, verb: str, rest: str, question: str) -> tuple[SentencePattern, SentencePattern]:
    """The pattern for "the move takes …" and for "moves take …"; `{does}` in the question agrees."""
    stem = verb[:-1] + "ies" if verb.endswith("ry") else verb + "s"
    many = r"(?P<s>[^,;:()\"“”?!]{1,60}[a-rt-z]s)"
    return (
        pattern(name, rf"{S} {stem} {rest}", question.replace("{does}", "does")),
        pattern(name, rf"{many} {verb} {rest}", question.replace("{does}", "do")),
    )


_PEOPLE = (
    "actor|actress|artist|architect|author|businessman|businesswoman|chemist|comedian|composer|director|economist|engineer|"
    "footballer|guitarist|historian|journalist|king|lawyer|mathematician|model|musician|novelist|painter|philosopher|"
    "physician|physicist|player|poet|politician|president|producer|professor|queen|rapper|scientist|singer|songwriter|"
    "wrestler|writer"
)

PATTERNS = (
    pattern("default", r"[Tt]he default (?P<s>(?!is\b)[^,;:()\"]{3,50}?) (?:is|are) (?P<a>.+)", "What is the default {s}?"),
    pattern("limit", r"[Tt]he (?P<m>maximum|minimum|recommended) (?P<s>[^,;:()\"]{3,50}?) (?:is|are) (?P<a>.*\d.*)", "What is the {m} {s}?"),
    pattern("default", rf"{S} defaults to (?P<a>.+)", "What does {s} default to?"),
    pattern("default", rf"{S}(?:'s default value|'s default) is (?P<a>.+)", "What is the default value of {s}?"),
    *_verb("duration", "take", rf"(?P<a>{SPAN})(?P<rest>.*)", "How long {does} {s} take?"),
    *_verb("duration", "last", rf"(?P<a>{SPAN})(?P<rest>.*)", "How long {does} {s} last?"),
    pattern(
        "duration",
        rf"{S} {BE} (?P<v>valid|kept|stored|retained|available|cached|active|blocked|locked|supported|preserved|saved) for "
        rf"(?P<a>{SPAN})(?P<rest>.*)",
        "How long {be} {s} {v}?",
    ),
    *_verb("duration", "expire", rf"(?P<a>(?:after|in|within) {SPAN})(?P<rest>.*)", "When {does} {s} expire?"),
    pattern("duration", rf"{S} {BE} (?P<v>\w+(?:ed|en|nt)) (?P<a>within {SPAN})(?P<rest>.*)", "How quickly {be} {s} {v}?"),
    pattern("duration", rf"{S} {BE} (?P<v>\w+(?:ed|en|nt))(?: automatically)? (?P<a>after {SPAN})(?P<rest>.*)", "When {be} {s} {v}?"),
    pattern("frequency", rf"{S} {BE} (?P<v>\w+(?:ed|en|un|nt|ad)(?: again)?) (?P<a>{OFTEN})(?P<rest>.*)", "How often {be} {s} {v}?"),
    pattern("frequency", rf"{S} runs (?P<a>{OFTEN})(?P<rest>.*)", "How often does {s} run?"),
    pattern(
        "limit",
        rf"{S} can (?P<v>have|hold|contain|store|handle|use|keep|include|serve|manage) "
        rf"(?P<a>(?:up to|at most|no more than) {NUMBER}) (?P<o>[a-z]+s(?: of [a-z]+)?)(?P<rest>.*)",
        "How many {o} can {s} {v}?",
    ),
    pattern("limit", rf"{S} supports (?P<a>(?:up to|at most) {NUMBER}) (?P<o>[a-z]+s)(?P<rest>.*)", "How many {o} does {s} support?"),
    pattern("count", rf"{S} has (?P<a>(?:exactly )?{NUMBER}) (?P<o>[a-z]+s)(?P<rest>(?:[:,].*)?)", "How many {o} does {s} have?"),
    pattern("port", rf"{S} (?:listens|is reachable|is available|answers) on (?:TCP |UDP )?port (?P<a>\d+)(?P<rest>.*)", "Which port does {s} use?"),
    *_verb("price", "cost", r"(?P<a>(?:about |up to )?(?:[$€£]\s?\d|\d[\d.,]* (?:euros?|dollars|EUR|USD)).*)", "How much {does} {s} cost?"),
    pattern(
        "date",
        rf"{S} was (?P<v>introduced|released|founded|born|published|built|opened|established|launched|discovered) "
        r"(?P<a>(?:in|on) [^,;]*\b\d{4}\b)(?P<rest>.*)",
        "When was {s} {v}?",
    ),
    pattern(
        "version",
        rf"{S} (?P<be>was|were) (?P<v>introduced|added|removed|deprecated|stabilized|released) "
        r"(?P<a>in (?:the |version |release )?v?\d+\.\d[\w.]*(?: release)?)(?P<rest>.*)",
        "In which version {be} {s} {v}?",
    ),
    pattern(
        "why",
        rf"{S} {AUX}(?P<no>n't|not|n’t)? (?P<no2>not )?(?P<r>[^,;:()]{{3,60}}?),? because (?P<a>(?!of\b).+)",
        "Why {aux} {s} {no}{no2}{r}?",
    ),
    pattern("howto", rf"To {Y}, {INSTRUCTION}", "How do I {y}?", kind="howto"),
    pattern("howto", rf"To {Y}, (?:use|run|execute|enter|type|call|issue)\b[^:]{{0,60}}:", "How do I {y}?", kind="howto", code=True),
    pattern("howto", rf"If {WANT} {Y}, {INSTRUCTION}", "How do I {y}?", kind="howto"),
    pattern(
        "howto",
        rf"(?:You can |You must |You should )?(?P<a>(?:[Uu]se|[Rr]un|[Cc]all|[Pp]ress|[Ss]et|[Pp]ass|[Ss]pecify|[Ee]nable|[Aa]dd|[Ee]dit|[Ee]xecute) "
        rf"(?! ?(?:this|these|it|that|one)\b)[^,;:]{{2,80}}?)(?<!\b(?:how|ways?|able|ability|want|need|used|whether|what|where|when))(?: in order)? to {Y}",
        "How do I {y}?",
        kind="howto",
    ),
    pattern("trouble", rf"If (?P<c>(?!{WANT}\b)[^,;:]{{8,80}}), {INSTRUCTION}", "What should I do if {c}?", kind="howto"),
    pattern("means", rf"{S} means (?:that )?{_OBJECT}", "What does {s} mean?"),
    pattern("means", rf"{S} stands for {_OBJECT}", "What does {s} stand for?"),
    pattern("definition", rf"{S} is (?P<a>an? (?:[\p{{L}}-]+ ){{0,4}}(?:{_PEOPLE})\b.*)", "Who is {s}?"),
    pattern(
        "definition",
        rf"(?!Each|Every|All|Any){S} {BE} (?P<a>(?:an?|the|one of the)(?! (?:only|most|least|same|first|second|last|best|worst|following|case|reason|default|"
        r"good|bad|great|big|bit|little|lot|must|new|sign|problem|mistake|bug|issue|result|way|few|number|pain|key|"
        r"recommended|preferred|main|usual|right|wrong|common|\w+est|important|no-op|exception|private|matter|different|better|simple|more|less|"
        r"responsibility|responsible)\b) \S+ .+)",
        "What {be} {s}?",
    ),
    *(pattern("act", rf"{S} {verb} {_OBJECT}", f"What does {{s}} {base}?") for verb, base in _ACTS.items()),
    *(pattern("act", rf"(?!-)(?=(?>(?:The |An? |Each |Every )?)\S+(?: |\S*[._/-]\S+ )(?!{verb}\b)|\S*[._/-]){S} {verb} {_OBJECT}", f"What does {{s}} {base}?") for verb, base in _BROAD_ACTS.items()),
    *(
        pattern("act", rf"(?P<s>(?:[A-Z][\w-]*[^\W\d_] )?[A-Za-z-]*[a-rt-z]s) {verb} {_OBJECT}", f"What do {{s}} {verb}?")
        for verb in _ACT_TOGETHER
    ),
)  # fmt: skip

_MINE = {"your": "my", "yours": "mine", "yourself": "myself", "you": "I", "you're": "I'm", "you’re": "I'm", "you've": "I have"}


def _mine(text: str) -> str:
    text = regex.sub(r"\b[Yy]ou are\b", "I am", text)
    return regex.sub(
        r"\b(?:you(?:r|rs|rself|['’]re|'ve)?)\b", lambda m: _MINE.get(m.group().lower(), m.group()), text, flags=regex.I
    )


_RULES = ExtractiveRules(
    patterns=PATTERNS,
    dependent=LazyPattern(
        r"(?i)^(?:i|it|its|this|that|these|those|they|he|she|we|you|there|here|what|which|who|whose|if|when|while|as|in|on|at|for|with|"
        r"by|from|to|of|but|and|or|so|then|thus|hence|therefore|also|however|since|because|although|though|unless|until|after|before|during|once|"
        r"some|many|several|most|both|none|one|two|three|another|other|others|such|under|over|without|within|like|unlike|see|note|"
        r"not|no|nothing|everything|anything|only|even|still|again|now|first|second|third|finally|next|where|how|why|instead|"
        r"otherwise|usually|currently|note that|any|either|neither|my|our|your|his|her|their|\d.*|example|step)\b"
        r"|\b(?:is|are|was|were|be|been|being|am|can|cannot|could|will|would|has|have|had|does|do|did|must|should|may|might|that|"
        r"which|who|whom|because|if|when|while|not|it|its|this|these|those|they|them|their|he|she|his|her|we|our|you|i|"
        r"above|below|following|previous|preceding|latter|former|same|other|others|such|example|examples|page|section|"
        r"chapter|figure|paragraph|document|result|reason|downside|upside|advantage|disadvantage|difference|there|here|so|then|thus|"
        r"until|without|whoever|whatever|everybody|everyone|somebody|someone|nobody|people|handbook|book|manual|guide|documentation|tutorial|article|usually|always|often|never|sometimes|just|currently|already|simply|only|also|therefore|thus|hence|e\.g|i\.e|respectively|new|old|resulting|"
        r"whole|entire|second|third|next|last|first|remaining|rest|given|corresponding|current|today|yesterday)\b"
        r"|^(?!Italy|Assembly|Family|Reply|Supply|Anomaly)[A-Z]\w+ly\b|\bnow\b"
        r"|^the (?:[a-z]+ )+(?:value|string|text|output|result|name|number|type|list|line|argument|field|key|file|setting|option|content|contents|version|path|directory)s?$"
        r"|^the (?:default|value|answer|problem|goal|purpose|idea|number|size|list|name|type|format|output|order|point|thing|solution|"
        r"command|option|flag|file|program|process|method|system|text|word|line|way|term|intent|intention|aim)s?$"
        r"|^(?:all|each|every) (?:of|one|second|minute|hour|day|night|week|month|year|time|morning|evening|few)\b|\b(?:and|or|of|the|a|an|to|for|in|on|with|by|at|from)$| -{1,3} |[—–\p{So}`*|<>={}\\]"
    ),
    vague=LazyPattern(r"(?i)\b(?:it|this|that|these|those|them|they|he|she|so|possible|necessary|needed|applicable|required|any|not|another|others?|ones?|different|non-default|same|such|corresponding|everything)\b"),
    unclear=LazyPattern(
        r"(?i)\b(?:the following|as follows|see (?:the|also|below|above)|(?:described|listed|shown|mentioned|explained|discussed|documented) (?:above|below|here|in)|"
        r"(?:this|the) (?:page|section|chapter|document|article|table|figure|example|book|manual|guide|list)|above|below|here|latter|former|"
        r"(?:this|these|those) [a-z]+)\b"
        r"|^(?:[Uu]se|[Rr]un|[Ss]et|[Pp]ass|[Aa]dd|[Cc]all|[Ee]nable) (?:this|these|that|it|them)\b|^(?:it|this|that|they|them)\b"
    ),
    definite=LazyPattern(r"(?i)^(?:the) (?P<n>[a-z-]+)$"),
    articles=frozenset(["The", "A", "An", "Each", "Every", "All", "Any", "Your", "My", "Our"]),
    mine=_mine,
    columns={
        "default": "What is the default value of {x}?", "default value": "What is the default value of {x}?",
        "defaults": "What is the default value of {x}?",
        "description": "What does {x} mean?", "effect": "What is the effect of {x}?", "function": "What is the function of {x}?",
        "meaning": "What does {x} mean?", "explanation": "What does {x} mean?", "definition": "What does {x} mean?",
        "purpose": "What is the purpose of {x}?", "what it does": "What does {x} do?", "use": "What is {x} used for?",
        "used for": "What is {x} used for?", "keeps": "What does {x} keep?", "contains": "What does {x} contain?", "contents": "What does {x} contain?",
        "cause": "What is the cause of {x}?", "likely cause": "What is the likely cause of {x}?", "reason": "What is the reason for {x}?",
        "what to do": "What should I do about {x}?", "remedy": "What should I do about {x}?", "solution": "What is the solution for {x}?",
        "fix": "How do I fix {x}?", "action": "What should I do about {x}?",
        "example": "What is an example of {x}?", "runs on": "What does {x} run on?", "next step": "What is the next step after {x}?",
        "required": "Is {x} required?", "replacement": "What is the replacement for {x}?", "alternative": "What is the alternative to {x}?",
        **{
            f"{noun}/description": "What does {x} do?"
            for noun in (
                "command", "subcommand", "option", "flag", "switch", "setting", "function", "method", "tool", "action", "key", "hook", "endpoint",
            )
        },
        **{
            f"{noun}/description": "What is {x} for?"
            for noun in ("directory", "file", "folder", "path", "part", "component", "package", "program", "service", "port", "role")
        },
        **{
            noun: f"What is the {noun} of {{x}}?"
            for noun in (
                "unit", "size", "price", "cost", "limit", "maximum", "minimum", "max", "min", "range", "port", "protocol", "path", "location",
                "directory", "format", "license", "owner", "method", "command", "result", "period", "interval", "frequency",
                "duration", "retention", "deadline", "population", "capital", "status code", "exit code", "name", "program",
                "equivalent", "environment variable", "short form", "latency", "throughput", "version", "role", "scope",
            )
        },
    },
    row="the {noun} {x}",
    quoted="the {noun} “{x}”",
    term="What does the term “{x}” mean?",
    option="What does the option {x} do in “{top}”?",
    option_row="the option {x} in “{top}”",
    common=LazyPattern(
        r"(?:[A-Z][a-z]+(?:tion|sion|ment|ness|ity|ing|age|ance|ence|ship)s?|[A-Z][a-z]+[a-rt-z]s)\b|[A-Z][a-z]+ (?:for|of|to|with|in|between|from|by) (?![A-Z])"
        r"|[A-Z][a-z]+ (?:[a-z-]+ )*[a-z-]*[a-rt-z]s$"
    ),
    cut=LazyPattern(r"\b(?:Inc|Ltd|Co|Corp|Jr|Sr|U\.S|vs|No|Vol|pp|al|fig|eq)\.$"),
    glossary=LazyPattern(r"(?i)\b(?:glossary|terms|terminology|definitions|vocabulary)\b"),
    asks=LazyPattern(
        r"(?i)^(?:what|how|why|when|where|who|whom|whose|which|can|could|do|does|did|is|are|was|were|should|will|would|may|must|has|have)\b.*\?$"
        r"|^(?:how|why|when|where) (?:do|does|did|can|could|is|are|was|were|should|will|would|must|much|many|long|often|may)\b.+$"
    ),
)  # fmt: skip


_EN = r"(?:passage|text|excerpt|paragraph|document|article|section|chapter|context|snippet|table|figure)"
_EN_SAYS = r"(?:say|state|mention|describe|discuss|explain|claim|argue|suggest|list|provide|present|refer|imply|note)"
_EN_TOPIC = r"(?:topic|idea|theme|subject|point|purpose|message|focus|takeaway|argument|gist|concept)s?"
_EN_HERE = rf"(?:here|(?:in|by|from) (?:the|this|that) (?:given |provided |above )*{_EN}s?(?: provided| given| above)?)"

LEXICON = Lexicon(
    code="en",
    name="English",
    scripts=("Latin",),
    tag="eng-Latn",
    stop_words=listed(
        "the a an of and to in is are was were be been it its that this these those for on with as by at from or not no",
        "can will if then than which who what when where how why do does did has have had you your we our they their i my",
        "he she his her them into about over under all any each more most other some such only own same so too very",
    ),
    weak_words=listed(
        "also although always another because before between could during either every first following given however",
        "instead last least less made make makes many may might much must need needed needs never next nothing often one",
        "otherwise please rather second several should since someone something still therefore three through two unless",
        "until use used uses using usually via want well whether while within without would yes yet get gets got give",
        "gives let put see set already available based called cannot currently different even example later new old",
        "possible",
    ),
    common_words=listed(
        "the of and to is are was were be been did does do has have had for with from by at that this these its their it",
        "not can will would should than then there other many much",
    ),
    question_words=listed("what which who whom whose when where why how"),
    free_words=listed("the a an s please kindly exactly precisely actually really just"),
    alike=(
        "which what",
        "whom who",
        "until till",
        "are is",
        "were was",
        "have has",
        "does do",
        "upon on",
        "amongst among",
        "whilst while",
        "towards toward",
        "through via",
        "amidst amid",
        "although though",
        "concerning regarding",
        "approximately roughly",
    ),
    negations=listed("not no never none neither nor without t cannot except unless"),
    contracted=r" (?:s|t|re|ve)\b|\bcannot\b",
    contractions=(
        (r"\b(what|who|where|when|how|why|which|that|it|there) s\b", r"\1 is"),
        (r"\bcan t\b|\bcannot\b", "can not"),
        (r"\bwon t\b", "will not"),
        (r"\b(\w+)n t\b", r"\1 not"),
        (r"\b(they|we|you|who|what|where) re\b", r"\1 are"),
        (r"\b(\w+) ve\b", r"\1 have"),
    ),
    number_words=counted(
        "0 zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen",
        "19 nineteen twenty",
        "1 first|once second|twice|both|double third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth|dozen thirteenth",
        "14 fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth",
        "30 thirty",
        "40 forty",
        "50 fifty",
    ),
    quantity_words=listed("hundred half"),
    scales={
        **dict.fromkeys(listed("thousand thousands"), 10**3),
        **dict.fromkeys(listed("million millions m mn"), 10**6),
        **dict.fromkeys(listed("billion billions bn b"), 10**9),
    },
    decade_endings=(r"['’]?s",),
    name_joins=listed("of the and for in"),
    abbreviations=listed(
        "dr e.g i.e viz vs cf approx incl excl ca Dr Drs Mr Mrs Ms Mx Messrs Prof Rev Hon Gen Col Lt Maj Capt Cmdr Adm Sgt",
        "Cpl Pvt Gov Sen Rep Pres Supt Insp Msgr Mt Ft Dept Univ Assoc Asst",
    ),
    number_abbreviations=listed(
        "No Nos nr Fig Figs Eq Eqs p pp Vol vol Ch ch Sec sec Art art Ex para ver Jan Feb Mar Apr Jun Jul Aug Sep Sept",
        "Oct Nov Dec",
    ),
    name_abbreviations=listed("St Ave Blvd Rd Inc Ltd Co Corp Bros Jr Sr Esq Ph.D"),
    last_abbreviations=listed("etc al a.m p.m lb lbs oz ft yd mi hr hrs min mins sec secs"),
    sentence_openers=listed(
        "the this that these those it its he she they we you his her their our there here in on at by for from with",
        "without to of as after before when while during since until if although though because however but and or so",
        "then thus therefore what who where why how which some many most several all both each every no not yet also",
        "today once such one two",
    ),
    references=(
        rf"\b(?:according to|based on|as per|judging by) (?:the|this) (?:\w+ )?{_EN}s?\b",
        rf"\b(?:in|from|by|of) (?:the|this) (?:given|provided|above|following|preceding|present) {_EN}\b",
        rf"\b(?:the|this) (?:given|provided|above|preceding) {_EN}\b",
        r"\bin this (?:passage|text|excerpt|paragraph|section|chapter|article|context)\b",
        rf"\b(?:the|this) {_EN} (?:{_EN_SAYS}s?|is (?:mainly )?about|(?:does|do) not {_EN_SAYS})\b",
        rf"\b(?:does|did|do) (?:the|this) {_EN} {_EN_SAYS}\b",
        r"\b(?:mentioned|described|stated|discussed|listed|shown|given|provided|explained) (?:above|below|earlier|in the (?:passage|text|excerpt|context))\b",
        r"\bthe authors? (?:of (?:the|this) (?:passage|text|excerpt) )?(?:argue|claim|mention|suggest|state|describe|say|conclude|believe)s?\b",
        rf"\b(?:does|did|do) the authors? {_EN_SAYS}\b",
        r"\bas (?:mentioned|described|stated|discussed|shown|explained|noted) in (?:the|this) (?:\w+ )?(?:passage|text|excerpt|paragraph|document|article|section|context)\b",
    ),
    chatter=(
        r"^(?:here (?:are|is|'s)|below (?:are|is)|these are|the following are) .{0,60}\b(?:quer(?:y|ies)|questions?|examples?|triples?|answers?|keywords?|claims?)\b",
        r"^(?:sure|certainly|of course|absolutely|okay|great)\b\s*[,!.:]",
        r"\bas an? (?:AI|large language|language) (?:model|assistant)\b",
        r"^(?:i(?:['’]m| am) sorry|i (?:cannot|can['’]t|am unable to) (?:help|assist|answer|generate|provide|fulfil))",
        r"\b(?:let me know if|i hope this helps)\b",
        r"^(?:query|question|search query|keywords?|answer)\s*(?:\d+\s*)?:",
    ),
    double_questions=(
        r"^(?:what|who|when|where|why|how|which)\b(?: [\w'’-]+){3}.* and (?:what|who|when|where|why|how) (?:is|are|was|were|do|does|did|has|have|can)\b",
    ),
    generic_questions=(
        rf"^what(?:['’]s| is| are| was| were) (?:the |some )?(?:main |central |key |primary |overall |major |general |most important )*{_EN_TOPIC}"
        rf"(?: (?:here|being )?(?:discussed|covered|addressed|described|presented|mentioned))?(?: {_EN_HERE}| of (?:the|this) {_EN})?\W*$",
        r"^what (?:is|are|was|were) (?:being |mainly )?(?:discussed|described|covered|explained|mentioned|talked about|this about|it about)\W*$",
        rf"^(?:(?:please |can you |could you )?(?:summari[sz]e|explain|describe|discuss)(?: (?:this|that|it)(?: {_EN})?| the {_EN})?|(?:give|write|provide)(?: me)? a (?:brief |short )?summary|tell me more(?: about (?:this|it))?)\W*$",
    ),
    dangling=(
        r"^(?:(?:in|at|on|by|for|to|with|from) )?(?:what|when|where|why|how|who|whom|which)(?: [a-z]+){0,2} "
        r"(?:did|does|do|was|were|is|are|has|had|have|will|would|can|could) (?-i:he|she|they|him|her)\b",
        r"^(?:what|when|where|why|how|who) (?:did|does|do|was|were|is|are|has|had) (?:this|these|those)(?: [a-z]+){0,3}\W*$",
        r"\b(?:after|before|during|because of|as a result of|due to|despite|following) (?:this|that|these|those)\W*$",
        r"\b(?:at|during|in) (?:this|that) (?:time|period|moment)\W*$",
    ),
    generic_headings=listed(
        "about|additional information|advanced|aliases|appendix|arguments|background|basics|before you begin",
        "changelog|commands|conclusion|configuration|contents|default|defaults|definition|definitions|description",
        "details|discussion|environment|example|examples|extended description|faq|features|files|format",
        "further reading|general|getting started|glossary|history|index|install|installation|introduction",
        "limitations|limits|methods|name|next steps|note|notes|options|output|overview|parameters|prerequisites",
        "purpose|reference|references|related commands|remarks|requirements|results|return value|scope|security",
        "see also|settings|setup|status|steps|summary|support|synopsis|syntax|table of contents|troubleshooting",
        "types|usage|use|values|warning|what next",
        between="|",
    ),
    history_headings=r"\bchange ?log|release notes|what['’]s new",
    lead_ins=(
        r"^(?:(?:sure|certainly|of course|absolutely|okay|great question|great)\b\s*[,!.:]+\s*)+(?:(?:here(?:['’]s| is| are)|i(?:['’]d| would) be happy to|the answer is)\b[^:.!?\n]{0,60}:\s*)?",
        r"^(?:here(?:['’]s| is) (?:the|an?|your|my) (?:\w+ )?(?:answer|response|reply)\b[^:\n]{0,60}:\s*)",
        r"^(?:(?:the |my |final |short |correct )*(?:answer|response|reply)\s*(?:is\s*)?(?:\d+\s*)?:\s*)",
        r"^(?:(?:according to|based on|as per|as stated in|as mentioned in|as described in|from) (?:the|this) (?:given |provided |above |following )*(?:passage|text|context|document|excerpt|article|paragraph|section|information)s?(?: provided| given| above)?\s*[,:]\s*)",
        r"^(?:the (?:passage|text|context|document|excerpt) (?:states|says|mentions|notes|explains|indicates) that\s+)",
    ),
    non_answers=(
        r"\bas an? (?:(?:AI|artificial intelligence|large|helpful)[ -]?)*(?:language )?(?:model|assistant|chatbot)\b,?|\bas an AI,? I\b",
        r"^(?:i(?:['’]m| am) sorry\b|(?:sorry|unfortunately|apologies),?\s+(?:but )?(?:i|the|this|there)\b)",
        r"^i (?:cannot|can['’]t|am unable to|am not able to|don['’]t have|do not have) (?:help|assist|answer|provide|determine|find|enough|sufficient|any|access|information|the)\b",
        rf"^(?:i (?:don['’]?t|do not) know|i(?:['’]m| am) not sure|no idea|unknown|unanswerable|not (?:available|applicable|specified|mentioned|stated|given|provided|found|known|enough information|sufficient information)|no (?:answer|information|relevant information)(?: (?:available|found|given|provided|is (?:available|given|provided)))?)(?: {_EN_HERE})?\W*$",
        rf"^(?:the|this) (?:given |provided |above )*(?:{_EN}|information|document)s? (?:provided )?(?:does|do|did|doesn['’]t|don['’]t|didn['’]t)(?: not)? (?:explicitly |directly |specifically )?(?:mention|say|state|specify|provide|answer|indicate|describe|discuss|address|explain|(?:contain|include|give|have) (?:any |enough |sufficient |an? |the )*(?:\w+ )?(?:information|answer|details?|mention))\b",
        rf"^(?:it|that|this|the (?:answer|information)) (?:(?:is|was) not|isn['’]t|wasn['’]t|cannot be|can['’]t be|could not be) (?:explicitly |directly |specifically )?(?:mentioned|stated|specified|provided|given|available|determined|answered|found|known|clear|described)\b(?: {_EN_HERE})?\W*$",
        r"^there (?:is|was) (?:no|not enough|insufficient) (?:information|mention|answer|context)\b",
        rf"^(?:see|refer to|as (?:stated|mentioned|described)|same as|ditto)(?: (?:the )?(?:above|below|previous|earlier|{_EN}))?(?: (?:{_EN}|answer))?\W*$",
    ),
    sign_offs=(
        r"(?:let me know if|(?:i )?hope (?:this|that) helps|feel free to (?:ask|reach)|is there anything else|if you have any (?:other|more|further) questions)\b[^\n]*$",
    ),
    greetings=r"hello|hi|hey|good (?:morning|afternoon|evening|day)|(?:hello|hi|hey) (?:there|all)",
    ask_labels=listed("Q Question"),
    reply_labels=listed("A Answer"),
    yes_no_words=listed("n/a na none yes no true false"),
    abstention="The documents do not answer this question.",
    rules=_RULES,
)

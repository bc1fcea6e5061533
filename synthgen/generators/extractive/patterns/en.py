"""English patterns."""

from __future__ import annotations

import regex

from synthgen.generators.extractive.patterns import Language, Pattern, pattern

__all__ = ["LANGUAGE"]

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


def _verb(name: str, verb: str, rest: str, question: str) -> tuple[Pattern, Pattern]:
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


LANGUAGE = Language(
    patterns=PATTERNS,
    dependent=regex.compile(
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
    vague=regex.compile(r"(?i)\b(?:it|this|that|these|those|them|they|he|she|so|possible|necessary|needed|applicable|required|any|not|another|others?|ones?|different|non-default|same|such|corresponding|everything)\b"),
    unclear=regex.compile(
        r"(?i)\b(?:the following|as follows|see (?:the|also|below|above)|(?:described|listed|shown|mentioned|explained|discussed|documented) (?:above|below|here|in)|"
        r"(?:this|the) (?:page|section|chapter|document|article|table|figure|example|book|manual|guide|list)|above|below|here|latter|former|"
        r"(?:this|these|those) [a-z]+)\b"
        r"|^(?:[Uu]se|[Rr]un|[Ss]et|[Pp]ass|[Aa]dd|[Cc]all|[Ee]nable) (?:this|these|that|it|them)\b|^(?:it|this|that|they|them)\b"
    ),
    definite=regex.compile(r"(?i)^(?:the) (?P<n>[a-z-]+)$"),
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
    common=regex.compile(
        r"(?:[A-Z][a-z]+(?:tion|sion|ment|ness|ity|ing|age|ance|ence|ship)s?|[A-Z][a-z]+[a-rt-z]s)\b|[A-Z][a-z]+ (?:for|of|to|with|in|between|from|by) (?![A-Z])"
        r"|[A-Z][a-z]+ (?:[a-z-]+ )*[a-z-]*[a-rt-z]s$"
    ),
    cut=regex.compile(r"\b(?:Inc|Ltd|Co|Corp|Jr|Sr|U\.S|vs|No|Vol|pp|al|fig|eq)\.$"),
    glossary=regex.compile(r"(?i)\b(?:glossary|terms|terminology|definitions|vocabulary)\b"),
    asks=regex.compile(
        r"(?i)^(?:what|how|why|when|where|who|whom|whose|which|can|could|do|does|did|is|are|was|were|should|will|would|may|must|has|have)\b.*\?$"
        r"|^(?:how|why|when|where) (?:do|does|did|can|could|is|are|was|were|should|will|would|must|much|many|long|often|may)\b.+$"
    ),
)  # fmt: skip

"""Defects and look-alikes to measure filters with: pure functions of a text and a random generator.

`defect_mix.py`-like mixes swap passages and names; here are the kinds that it does not make. A function returns None where the
text gives no occasion. `near_duplicate_edit` makes what a person would call the same question, `minimal_pair` what looks
like it and is another one: a filter of duplicates should drop the first and never the second.

The word lists, here and in `defect_phrases`, are written for these generators and not taken from the filters. References, topics,
chatter, answers that stand nowhere, fillers and other question words are in the language of the passage; edits of single English words
(articles, plurals, synonyms, clauses, slips, opposites, negations) need an English query, negations also go in Chinese.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from defect_phrases import PHRASES, Phrases

from synthgen.text.words import contents

__all__ = [
    "document_words",
    "generic_topic",
    "malformed",
    "minimal_pair",
    "minimal_pairs",
    "near_duplicate_edit",
    "near_duplicate_edits",
    "number_swap",
    "passage_reference",
    "ungrounded_answer",
    "wrong_language",
]

_HAN = re.compile(r"[\u4e00-\u9fff]")
_THAI = re.compile(r"[\u0e00-\u0e7f]")
_MARK = " ?？؟.!"
_MAX_THAI_WORD = 20  # letters between two spaces: a name or a phrase, no sentence
_WORD = re.compile(r"[\u0e00-\u0e7f]+|[^\W\d_]+(?:['’-][^\W\d_]+)*|\d[\d.,]*\d|\d")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d.,]*(?![\w])|(?<=[\u4e00-\u9fff])\d+|\d+(?=[\u4e00-\u9fff])")
_COMMON_WORDS = (
    "a an the of in on at to for from by with and or but as is are was were be been being do does did has have had can could will "
    "would should may might must not no what which who whom whose when where why how many much it its this that these those he she "
    "they his her their than then there into over under about after before during between through up out so such if also most more "
    "first last other some any all each own same only very just one two three"
)
_COMMON = frozenset(_COMMON_WORDS.split())


def _is_english(query: str) -> bool:
    """Whether the English lists here fit: most sets are in one language, and a query has a few function words."""
    return query.isascii() and len({*query.lower().split()} & _COMMON - {"in", "was", "an", "a", "no", "all", "also", "so"}) > 1


def _phrases(language: str) -> Phrases:
    return PHRASES.get(language, PHRASES["en"])


def _said(template: str, query: str) -> str:
    """A template around a query, which goes on with a small letter after an opening."""
    ended = query.rstrip(_MARK)
    first = 1 if ended.startswith("¿") else 0
    bare = ended[:first] + ended[first : first + 1].lower() + ended[first + 1 :]
    return template.format(query=query, ended=ended, bare=bare)


# --- the same question


def near_duplicate_edit(query: str, rng: random.Random, language: str = "en") -> str | None:
    """The query as somebody else would type it; one kind of edit, all that fit with equal chance."""
    found = near_duplicate_edits(query, rng, language)
    return found[rng.choice(sorted(found))] if found else None


def near_duplicate_edits(query: str, rng: random.Random, language: str = "en") -> dict[str, str]:
    """One edit of each kind that fits the query."""
    edits: dict[str, Callable[[str, random.Random], str | None]] = {
        "case": _case,
        "punctuation": _punctuation,
        "filler": lambda query, rng: _filler(query, rng, language),
        "article": _article,
        "synonym": _synonym,
        "clause": _clause,
        "plural": _plural,
        "typo": _typo,
    }
    made = {kind: edit(query, rng) for kind, edit in edits.items()}
    return {kind: text for kind, text in made.items() if text is not None and text != query}


def _case(query: str, rng: random.Random) -> str | None:
    made = [text for text in (query.lower(), query.upper(), query[:1].lower() + query[1:]) if text != query]
    return rng.choice(made) if made else None


def _punctuation(query: str, rng: random.Random) -> str | None:
    bare = query.rstrip(_MARK)
    mark = "？" if _HAN.search(query) else "؟" if query.endswith("؟") else "?"
    return rng.choice([text for text in (bare, f"{bare}{mark}{mark}", f"{bare} {mark}", f'"{query}"') if text != query])


def _filler(query: str, rng: random.Random, language: str) -> str | None:
    bare = query.rstrip(_MARK)
    if fillers := _phrases(language).fillers:
        return _said(rng.choice(fillers), query)
    start = re.match(r"(What|Who|When|Where|Why|How|Which)\b", query)
    if not start or not _is_english(query):
        return None
    lowered = bare[0].lower() + bare[1:]
    made = [f"{bare}, please?", f"{bare} exactly?", f"Please, {lowered}?", f"Exactly {lowered}?", f"{bare} actually?"]
    if match := re.match(r"(What|Who|When|Where|Why|How) (is|are|was|were|did|does|do)\b", query):
        made.append(f"{match[1]} exactly {query[match.start(2) :]}")
        made.append(
            f"{match[0]} actually{query[match.end() :]}" if match[2] not in ("did", "does", "do") else f"{bare} exactly?"
        )
    return rng.choice(made)


def _article(query: str, rng: random.Random) -> str | None:
    """One article less, or one before a lower-case word after a preposition."""
    if not _is_english(query):
        return None
    articles = list(re.finditer(r"(?<= )(?:the|an?) ", query))
    bare = list(
        re.finditer(r"(?<= )(?:of|in|for|by|with) (?=[a-z]{4})(?!the |an? |which|what|whom|their|these|those|this|that)", query)
    )
    if articles and (not bare or rng.random() < 0.7):
        at = rng.choice(articles)
        return query[: at.start()] + query[at.end() :]
    if not bare:
        return None
    at = rng.choice(bare)
    return f"{query[: at.end()]}the {query[at.end() :]}"


_SYNONYMS = [
    (
        r"\bWhat (?=(?:year|team|country|city|company|type|kind|part|group|person|event|name|color|percentage|language)\b)",
        "Which ",
    ),
    (
        r"\bwhat (?=(?:year|team|country|city|company|type|kind|part|group|person|event|name|color|percentage|language)\b)",
        "which ",
    ),
    (r"\bWhich (?=[a-z])", "What "),
    (r"\bwhich (?=[a-z]+ (?:did|was|is|were|does|do|has)\b)", "what "),
    (r"\b(What|Who|Where|When|How) is\b", r"\1's"),
    (r"\bdid not\b", "didn't"),
    (r"\bdoes not\b", "doesn't"),
    (r"\bis not\b", "isn't"),
    (r"\bwas not\b", "wasn't"),
    (r"\bdidn't\b", "did not"),
    (r"\bdoesn't\b", "does not"),
    (r"\bwhom\b", "who"),
    (r"\buntil\b", "till"),
    (r"\bupon\b", "on"),
    (r"\bamong\b", "amongst"),
    (r"\bwhile\b", "whilst"),
    (r"\btoward\b", "towards"),
    (r"\btowards\b", "toward"),
    (r"\bthrough\b", "via"),
    (r"\balthough\b", "though"),
    (r"\bregarding\b", "concerning"),
    (r"\bapproximately\b", "roughly"),
    (r"\bcannot\b", "can't"),
]


def _synonym(query: str, rng: random.Random) -> str | None:
    """A function word for another that means the same, or a contraction."""
    fitting = [(pattern, plain) for pattern, plain in _SYNONYMS if re.search(pattern, query)]
    if not fitting:
        return None
    pattern, plain = rng.choice(fitting)
    return re.sub(pattern, plain, query, count=1)


_TAIL = re.compile(
    r"^(?P<head>(?:What|Who|When|Where|Why|How|Which)\b.*\w) (?P<tail>(?:in|on|at|during|after|before|by|since|until|under|within) "
    r"(?:\w[^\s?,]*)(?: [^\s?,]+){0,5})\s*\?$"
)
_FRONT = re.compile(
    r"^(?P<tail>(?:In|On|At|During|After|Before|By|Since|Under|Within) [^,?]+), (?P<head>(?:what|who|when|where|why|how|which)\b[^?]+)\?$"
)


def _clause(query: str, rng: random.Random) -> str | None:
    """ "Who won in 1998?" and "In 1998, who won?"."""
    if match := _FRONT.match(query):
        head, tail = match["head"], match["tail"]
        return f"{head[0].upper()}{head[1:]} {tail[0].lower()}{tail[1:]}?"
    match = _TAIL.match(query)
    if not match or len(match["head"].split()) < 3:
        return None
    head, tail = match["head"], match["tail"]
    comma = rng.choice([",", ""])
    return f"{tail[0].upper()}{tail[1:]}{comma} {head[0].lower()}{head[1:]}?"


def _plural(query: str, rng: random.Random) -> str | None:
    """An s more or less at a lower-case noun: a word after an article or "of" and before a function word or the end."""
    if not _is_english(query):
        return None
    found = re.finditer(r"(?:\b(?:the|an?|of|which|what|many)) (?:[a-z]+ )?([a-z]{4,})(?= ([a-z]+)|\s*\?)", query)
    nouns = [m for m in found if m[1] not in _COMMON and (m[2] is None or m[2] in _COMMON)]
    nouns = [m for m in nouns if not m[1].endswith(("ss", "us", "is", "y", "ch", "sh", "x", "ed", "ing", "ly", "men", "ople"))]
    if not nouns:
        return None
    noun = rng.choice(nouns)
    plural = noun[1][:-1] if noun[1].endswith("s") else f"{noun[1]}s"
    return query[: noun.start(1)] + plural + query[noun.end(1) :]


def _typo(query: str, rng: random.Random) -> str | None:
    """A slip inside a lower-case word of five letters or more: left out, doubled, swapped or replaced by a neighbour."""
    long = list(re.finditer(r"\b[a-z]{5,}\b", query))
    if not long or not _is_english(query):
        return None
    word = rng.choice(long)
    letters, at = word.group(), rng.randrange(1, len(word.group()) - 1)
    slips = [
        letters[:at] + letters[at + 1 :],
        letters[:at] + letters[at] + letters[at:],
        letters[:at] + letters[at + 1] + letters[at] + letters[at + 2 :],
        letters[:at] + rng.choice(_BESIDE.get(letters[at], "e")) + letters[at + 1 :],
    ]
    slips = [slip for slip in slips if slip != letters]
    return query[: word.start()] + rng.choice(slips) + query[word.end() :]


_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {key: "".join(row[max(0, i - 1) : i] + row[i + 1 : i + 2]) for row in _ROWS for i, key in enumerate(row)}


# --- another question


def minimal_pair(query: str, words: Sequence[str], rng: random.Random, language: str = "en") -> str | None:
    """Another question that differs in the one thing that matters; all kinds that fit with equal chance.

    `words` are words of the query's document (`document_words`), which other questions on it would use.
    """
    found = minimal_pairs(query, words, rng, language)
    return found[rng.choice(sorted(found))] if found else None


def minimal_pairs(query: str, words: Sequence[str], rng: random.Random, language: str = "en") -> dict[str, str]:
    """One minimal pair of each kind that fits the query."""
    made = {
        "number": number_swap(query, "", rng),
        "negation": _negated(query, rng) if language in ("en", "zh") else None,
        "opposite": _opposite(query, rng),
        "question_word": _other_question(query, rng, language),
        "name": _other_word(query, words, rng, name=True),
        "word": _other_word(query, words, rng, name=False),
        "lookalike": _lookalike(query, words, rng),
        "roles": _exchanged(query, rng),
    }
    return {kind: text for kind, text in made.items() if text is not None and text != query}


def document_words(text: str) -> list[str]:
    """What a question on the text could name instead: its words of four letters and more; pairs of letters in Chinese."""
    if _HAN.search(text):
        runs = re.findall(r"[\u4e00-\u9fff]{2,}", text)
        return sorted({run[i : i + 2] for run in runs for i in range(0, len(run) - 1, 2)})
    found = {word for word in _WORD.findall(text) if len(word) > 3 and word.lower() not in _COMMON and word[0].isalpha()}
    return sorted(word for word in found if not _THAI.match(word) or len(word) <= _MAX_THAI_WORD)


def number_swap(query: str, passage: str, rng: random.Random) -> str | None:
    """One number of the query replaced by another of its kind that the passage does not have."""
    found = list(_NUMBER.finditer(query))
    if not found:
        return None
    at = rng.choice(found)
    old = at.group()
    digits = [i for i, letter in enumerate(old) if letter.isdigit()]
    for _ in range(20):
        place = rng.choice(digits[1:] or digits)
        zero = ord(old[place]) - unicodedata.digit(old[place])  # of the script's own digits
        digit = rng.choice([d for d in (chr(zero + n) for n in range(1, 10)) if d != old[place]])
        new = old[:place] + digit + old[place + 1 :]
        if new not in passage and new not in query:
            return query[: at.start()] + new + query[at.end() :]
    return None


def _negated(query: str, rng: random.Random) -> str | None:
    if _HAN.search(query):
        verbs = list(re.finditer(r"[是有会能可在属]", query))
        if not verbs:
            return None
        place = rng.choice(verbs).start()
        return query[:place] + ("没" if query[place] == "有" else "不") + query[place:]
    if match := re.search(r"\b(is|are|was|were|did|does|do|can|could|would|should|has|have|had)\b", query):
        return (
            f"{query[: match.end()]} not{query[match.end() :]}"
            if match[1] not in ("did", "does", "do")
            else _after_subject(query)
        )
    return None


def _after_subject(query: str) -> str | None:
    """ "Who did the king marry" has its "not" before the verb; where that is cannot be told, so it is contracted."""
    return re.sub(r"\b(did|does|do)\b", lambda m: {"did": "didn't", "does": "doesn't", "do": "don't"}[m[1]], query, count=1)


_OPPOSITES = (
    "before/after first/last more/less largest/smallest highest/lowest oldest/youngest north/south "
    "east/west main/secondary northern/southern eastern/western increase/decrease most/least above/below "
    "early/late earliest/latest maximum/minimum major/minor public/private internal/external upper/lower "
    "positive/negative male/female old/new start/end began/ended under/over inside/outside "
    "advantage/disadvantage legal/illegal import/export former/latter always/never all/some from/to "
    "can/must winner/loser short/long won/lost many/few men/women is/was are/were large/small"
)
_OTHER = {
    word: other
    for one, _, two in (pair.partition("/") for pair in _OPPOSITES.split())
    for word, other in ((one, two), (two, one))
}


def _opposite(query: str, rng: random.Random) -> str | None:
    found = [m for m in re.finditer(r"\b[a-z]+\b", query) if m.group() in _OTHER]
    if not found or not _is_english(query):
        return None
    at = rng.choice(found)
    return query[: at.start()] + _OTHER[at.group()] + query[at.end() :]


def _other_question(query: str, rng: random.Random, language: str) -> str | None:
    """Another question word: at the beginning of the query, in Chinese and Thai wherever it stands."""
    asking = _phrases(language).asking
    if language in ("zh", "th"):
        found = next((word for word in asking if word in query), None)
        return query.replace(found, rng.choice([w for w in asking if w != found]), 1) if found else None
    quantity = r"(?! (?:many|much|long|old|far|often|is|are|viele?|lange|oft)\b)"
    match = re.match(rf"({'|'.join(map(re.escape, asking))})\b{quantity}", query)
    if not match:
        return None
    pool = set(asking) - {match[1], "Who"}  # "Who" in place of another is no question of English
    return rng.choice(sorted(pool)) + query[match.end() :]


def _other_word(query: str, words: Sequence[str], rng: random.Random, *, name: bool) -> str | None:
    """A name by another name, or another word by another word: never by a form of itself."""
    if _HAN.search(query):
        if name:
            return None
        spots = [m for m in re.finditer(r"(?=([\u4e00-\u9fff]{2}))", query) if m[1] in words]
        pool = [word for word in words if word not in query and not set(word) & set("的了是在有和与一不这")]
        if not spots or not pool:
            return None
        place = rng.choice(spots).start()
        return query[:place] + rng.choice(pool) + query[place + 2 :]
    spots = [m for m in _WORD.finditer(query) if m.start() and len(m.group()) > 3 and m.group()[0].isupper() == name]
    spots = [m for m in spots if m.group().lower() not in _COMMON and m.group()[0].isalpha()]
    spots = [m for m in spots if not _THAI.match(m.group()) or len(m.group()) <= _MAX_THAI_WORD]
    if not spots:
        return None
    at = rng.choice(spots)
    pool = [
        w
        for w in words
        if w[0].isupper() == name and w.lower() not in query.lower() and w[:4].lower() != at.group()[:4].lower()
    ]
    if not pool:
        return None
    return query[: at.start()] + rng.choice(pool) + query[at.end() :]


def _lookalike(query: str, words: Sequence[str], rng: random.Random) -> str | None:
    """Two words of the document that are one letter apart, and no plurals: "affect" and "effect"."""
    if not _is_english(query):
        return None
    spots = [m for m in re.finditer(r"\b[a-z]{4,}\b", query) if m.group() in words]
    pairs = [
        (m, word)
        for m in spots
        for word in words
        if word.islower()
        and word.isalpha()
        and abs(len(word) - len(m.group())) <= 1
        and word not in query
        and _one_letter(m.group(), word)
    ]
    if not pairs:
        return None
    at, word = rng.choice(pairs)
    return query[: at.start()] + word + query[at.end() :]


def _one_letter(left: str, right: str) -> bool:
    if left == right or left.rstrip("s") == right.rstrip("s"):
        return False
    if len(left) == len(right):
        return sum(a != b for a, b in zip(left, right, strict=True)) == 1
    short, long = sorted((left, right), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def _exchanged(query: str, rng: random.Random) -> str | None:
    """Two names that change places: "Did France defeat Prussia?", "Did Prussia defeat France?"."""
    names = [m for m in re.finditer(r"\b[A-Z][\w-]{2,}(?: [A-Z][\w-]+)*", query) if m.start()]
    if len(names) < 2:
        return None
    at = rng.randrange(len(names) - 1)
    one, two = names[at], names[at + 1]
    if one.group() == two.group() or len(query[one.end() : two.start()].split()) < 1 or "and" in query[one.end() : two.start()]:
        return None
    return query[: one.start()] + two.group() + query[one.end() : two.start()] + one.group() + query[two.end() :]


# --- defects


def generic_topic(passage: str, rng: random.Random, language: str = "en") -> str | None:
    """A question that any passage on the topic would answer, made of one of its frequent words."""
    if _HAN.search(passage):
        counted = Counter(re.findall(r"[\u4e00-\u9fff]{2}", passage))
    else:
        counted = Counter(word for word in _WORD.findall(passage) if len(word) > 4 and word.lower() not in _COMMON)
    topics = [word for word in counted if contents([word.lower()])]
    topics = [word for word in topics if not _THAI.match(word) or len(word) <= _MAX_THAI_WORD]
    common = sorted(topics, key=lambda word: (-counted[word], word))[:3]
    return rng.choice(_phrases(language).topics).format(topic=rng.choice(common)) if common else None


def passage_reference(query: str, rng: random.Random, language: str = "en") -> str:
    """The query with a hint at a passage that its asker could not see."""
    return _said(rng.choice(_phrases(language).references), query)


def malformed(query: str, rng: random.Random, language: str = "en") -> str:
    """What goes wrong between a model and a row: chatter, list marks, cut or doubled text, JSON, control characters."""
    cut = query[: max(1, len(query) // 8)].rstrip()
    said = _phrases(language)
    return rng.choice(
        [
            "",
            "?",
            f"{rng.randrange(1, 9)}. {query}",
            *(chatter.format(query=query) for chatter in said.chatter),
            f'{{"query": "{query}"',
            f"{query}\n{query}",
            f"{query[: len(query) // 2]}\x00{query[len(query) // 2 :]}",
            f"{query} " * 40,
            cut if len(cut) < 3 else cut[:2],
            said.refusal,
        ]
    )


def ungrounded_answer(answer: str, document: str, rng: random.Random, language: str = "en") -> str | None:
    """An answer of the same kind that the document does not have: another number, other names, or a made-up word."""
    if _NUMBER.search(answer):
        return number_swap(answer, document, rng)
    invented = [name for name in _phrases(language).invented if name not in document]
    return rng.choice(invented) if invented else None


def wrong_language(others: Iterable[str], rng: random.Random) -> str | None:
    """A query of another set, in another language: `others` are its queries."""
    pool = sorted(others)
    return rng.choice(pool) if pool else None

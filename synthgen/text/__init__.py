"""Text in every script: the normal form, comparison keys, words, sentences, shingles, a language guess.

Nothing here assumes spaces between words, capitals or full stops. Scripts written without spaces (Han, kana,
Thai, Lao, Khmer, Burmese) give overlapping character bigrams as words, which is what lexical retrieval uses
for them. NFKC and case folding are for comparison keys only; offsets always refer to `normalise(text)`.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence, Set

import regex

__all__ = [
    "UNSPACED",
    "contents",
    "copies",
    "find",
    "guess_language",
    "jaccard",
    "key",
    "normalise",
    "sentences",
    "shingles",
    "spelled_out",
    "units",
    "words",
]

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUN = regex.compile(rf"[{UNSPACED}]+|[\p{{L}}\p{{N}}\p{{M}}--[{UNSPACED}]]+", regex.V1)
_IS_UNSPACED = regex.compile(rf"[{UNSPACED}]")
_SPACED = regex.compile(rf"[\p{{L}}\p{{N}}\p{{M}}--[{UNSPACED}]]", regex.V1)
_ASCII_RUN = re.compile(r"[a-z0-9]+")
_HYPHEN = regex.compile(r"(?<=[\p{L}\p{N}])-|-(?!\p{N})")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")

# A sentence ends at a full stop of a spaced script followed by space, or at one of a script that needs none,
# with the closing quotes and brackets that belong to it; a blank line always ends one. Dotted letters (p.m., U.S.) end one
# only where no small letter follows.
_END = regex.compile(
    r"""
    [.!?…]+ [\p{Pe}\p{Pf}"']* (?=\s) (?! (?<= \b\p{L}\.\p{L}\. [\p{Pe}\p{Pf}"']*) \s+ \p{Ll})
    | [。！？｡؟।۔։፧፨]+ [\p{Pe}\p{Pf}"']*
    | \n[^\S\n]*\n
    """,
    regex.VERBOSE,
)
_ABBREVIATION = regex.compile(
    r"(?:^|[\s(\[])(?:\p{Lu}|e\.g|i\.e|etc|vs|cf|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|Eq|approx|incl|z\.\s?B|d\.\s?h|bzw|Nr|Abs|usw|ca)\.$"
)
_THAI_PAUSE = regex.compile(r"(?<=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])[ \n]+(?=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])")
_MIN_PAUSE_CHARS = 60


def normalise(text: str) -> str:
    """The one normal form: NFC, LF line ends, U+FEFF removed, lone surrogates replaced by U+FFFD."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    return unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))


def key(text: str) -> str:
    """A comparison key: NFKC, case-folded, punctuation and space collapsed. Digits, signs, negations stay."""
    folded = _HYPHEN.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.translate(_NOISE).split())


def words(text: str) -> list[str]:
    """Words for matching: case-folded runs of letters and digits; character bigrams where there are no spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return _ASCII_RUN.findall(folded)
    runs: list[str] = _RUN.findall(folded)
    if not _IS_UNSPACED.search(folded):
        return runs
    found: list[str] = []
    for run in runs:
        if not _IS_UNSPACED.match(run) or len(run) == 1:
            found.append(run)
        else:
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
    return found


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, in order, without the white space around them.

    Scripts that use neither full stops nor spaces between words (Thai) are cut at their pauses, once a
    sentence has 60 characters.
    """
    cuts = [m.end() for m in _END.finditer(text) if not _ABBREVIATION.search(text, max(0, m.start() - 12), m.start() + 1)]
    spans = []
    for start, end in _between(cuts, len(text)):
        last = start
        for pause in () if text.isascii() else _THAI_PAUSE.finditer(text, start, end):
            if pause.start() - last >= _MIN_PAUSE_CHARS:
                spans.append((last, pause.start()))
                last = pause.end()
        spans.append((last, end))
    return [span for start, end in spans if (span := _stripped(text, start, end))]


def shingles(text: str, size: int = 4) -> set[str]:
    """Character n-grams of the comparison key; the whole key when it is shorter."""
    folded = key(text)
    return {folded[i : i + size] for i in range(max(1, len(folded) - size + 1))} if folded else set()


def jaccard(left: Set[str], right: Set[str]) -> float:
    """Shared share of two sets of shingles; 0 when both are empty."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if shared else 0.0


def find(needle: str, text: str, start: int = 0) -> int:
    """Where `needle` first stands in `text` as whole words and whole numbers, or -1: 5 is not in 15 nor in 1.5.

    Scripts without spaces have no word borders, so there any place counts.
    """
    at = text.find(needle, start)
    while at >= 0 and (_inside_word(text, at) or _inside_word(text, at + len(needle))):
        at = text.find(needle, at + 1)
    return at


def units(text: str) -> list[tuple[str, float]]:
    """Case-folded words with weight 1, and the letters of scripts without spaces, with the weight of half a word."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if not _IS_UNSPACED.search(folded):
        return [(run, 1.0) for run in _RUN.findall(folded)]
    found: list[tuple[str, float]] = []
    for run in _RUN.findall(folded):
        found.extend([(letter, 0.5) for letter in run] if _IS_UNSPACED.match(run) else [(run, 1.0)])
    return found


def spelled_out(text: str) -> str:
    """The units of a text between spaces, for `copies` to look in."""
    return f" {' '.join(unit for unit, _ in units(text))} "


def copies(parts: Sequence[tuple[str, float]], shown: str, limit: float) -> bool:
    """Whether some run of `limit` words of these units stands in `shown`; every shortest run that long is looked up."""
    length, start = 0.0, 0
    for end, (_, weight) in enumerate(parts, 1):
        length += weight
        while length - parts[start][1] >= limit:
            length -= parts[start][1]
            start += 1
        if length >= limit and f" {' '.join(unit for unit, _ in parts[start:end])} " in shown:
            return True
    return False


def contents(found: list[str]) -> list[str]:
    """The words that carry content: no stop words of the languages known here, no single Latin letters."""
    return [w for w in found if w not in _ALL_STOPS and (len(w) > 1 or not w.isascii())]


def guess_language(text: str) -> str:
    """A two-letter code from the script, then from stop words; "" when unsure. A hint, not an identification."""
    sample = text[:20_000]
    letters = _script_letters(sample)
    total = sum(letters.values())
    if not total:
        return ""
    if letters["ja"] > 0.05 * total and letters["ja"] + letters["zh"] > 0.5 * total:
        return "ja"
    script, _ = letters.most_common(1)[0]
    # A Han or kana letter says as much as a short Latin word, so a fifth of the letters is enough.
    if script == "latin" and letters["zh"] > 0.2 * total:
        return "zh"
    if script not in ("latin", "cyrillic"):
        return script
    seen = Counter(words(sample))
    votes: Counter[str] = Counter()
    # A word of several languages ("a", "no", "as") is shared between them, in twelfths.
    for word in seen.keys() & _LANGUAGES_OF.keys():
        for code in _LANGUAGES_OF[word]:
            votes[code] += 12 * seen[word] // len(_LANGUAGES_OF[word])
    best = max(votes.values(), default=0)
    return min(code for code in votes if votes[code] == best) if best >= max(18, 0.36 * sum(seen.values())) else ""


def _script_letters(sample: str) -> Counter[str]:
    """How many letters of each script. Latin ones of ASCII are most of most texts, so they are counted apart."""
    rest = "" if sample.isascii() else _ASCII.sub("", sample)
    found = Counter({code: len(pattern.findall(rest)) for code, pattern in _SCRIPTS.items()} if rest else {})
    found["latin"] += len(sample.encode("ascii", "ignore").translate(None, delete=_ASCII_OTHERS))
    return found


def _inside_word(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if _SPACED.match(before) and _SPACED.match(after):
        return True
    if before in ".," and after.isdigit():
        return at > 1 and text[at - 2].isdigit()
    return after in ".," and before.isdigit() and text[at + 1 : at + 2].isdigit()


def _between(cuts: list[int], length: int) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in [*cuts, length]:
        if cut > start:
            yield start, cut
            start = cut


def _stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    rest = text[start:end].lstrip()
    return (end - len(rest), end - len(rest) + len(rest.rstrip())) if rest else None


class _Noise(dict[int, str]):
    """For `str.translate`: punctuation, space and control characters to spaces; each character is looked at once."""

    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if _MEANS.match(chr(code)) else " "
        return self[code]


_MEANS = regex.compile(r"[\p{L}\p{N}\p{M}\p{S}#%@&\-]")
_NOISE = _Noise()
_ASCII = regex.compile(r"[\x00-\x7f]+")
_ASCII_OTHERS = bytes(code for code in range(128) if chr(code) not in string.ascii_letters)

_SCRIPTS = {
    "latin": regex.compile(r"\p{Latin}"),
    "cyrillic": regex.compile(r"\p{Cyrillic}"),
    "zh": regex.compile(r"\p{Han}"),
    "ja": regex.compile(r"[\p{Hiragana}\p{Katakana}]"),
    "ko": regex.compile(r"\p{Hangul}"),
    "th": regex.compile(r"\p{Thai}"),
    "ar": regex.compile(r"\p{Arabic}"),
    "he": regex.compile(r"\p{Hebrew}"),
    "el": regex.compile(r"\p{Greek}"),
    "hi": regex.compile(r"\p{Devanagari}"),
    "my": regex.compile(r"\p{Myanmar}"),
    "km": regex.compile(r"\p{Khmer}"),
    "lo": regex.compile(r"\p{Lao}"),
}

_STOPS = {
    code: frozenset(stops.split())
    for code, stops in {
        "en": "the a an of and to in is are was were be been it its that this these those for on with as by at from or not "
        "no can will if then than which who what when where how why do does did has have had you your we our they their "
        "i my he she his her them into about over under all any each more most other some such only own same so too very",
        "de": "der die das und ist in zu den dem des ein eine einer eines einem einen nicht mit auf für von im an als auch "
        "es sich wird werden sind war bei aus nach wie oder aber wenn kann nur noch man so dass durch über um zum zur "
        "ich sie er wir ihr was wer wo wann warum welche welcher welches",
        "fr": "le la les un une des et est en de du dans que qui pour pas sur avec ce cette ces il elle nous vous ils elles "
        "ne se au aux par plus ou où mais sont être comme son sa ses leur quel quelle quand comment pourquoi",
        "es": "el la los las un una unos unas y es en de del que por con para no se su sus al lo como más pero o este esta "
        "estos estas fue son ser qué quién cuándo dónde cómo cuál cuántos sobre entre hasta desde",
        "it": "il lo la i gli le un uno una e è di del della dei delle in che per non con si su come più ma o sono questo "
        "questa nel nella al alla da dal anche chi cosa quando dove perché quale",
        "pt": "o a os as um uma e é em de do da dos das que por com para não se no na nos nas ao como mais mas ou este esta "
        "foi são ser seu sua quem quando onde porque qual",
        "nl": "de het een en is in van op te dat die voor met niet aan er om als maar ook bij of zijn was door over wie wat "
        "waar wanneer hoe waarom welke naar uit worden wordt",
        "ru": "и в не на что с по как это из он она они мы вы за от к у о для до но так же был была были быть или его ее их "
        "при чем кто где когда почему какой какая какие после",
        "uk": "і в не на що з по як це із він вона вони ми ви за від до у про для але так був була були бути або його її їх",
    }.items()
}
_ALL_STOPS = frozenset().union(*_STOPS.values())
_LANGUAGES_OF = {word: tuple(code for code, stops in _STOPS.items() if word in stops) for word in _ALL_STOPS}

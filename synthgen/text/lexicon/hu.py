"""Hungarian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="hu",
    name="Hungarian",
    scripts=("Latin",),
    tag="hun-Latn",
    stop_words=listed("az és egy nem hogy ez azt csak már"),
    common_words=listed("a az és egy volt van nem hogy"),
    question_words=listed("ki mi mit hol mikor miért hogyan melyik mennyi hány"),
    negations=listed("nem nincs soha nélkül sem"),
    number_words=counted(
        "0 nulla egy kettő|két három négy öt hat hét nyolc kilenc tíz", "20 húsz", "1 első második harmadik negyedik ötödik"
    ),
    scales={
        **dict.fromkeys(listed("ezer"), 10**3),
        **dict.fromkeys(listed("millió"), 10**6),
        **dict.fromkeys(listed("milliárd"), 10**9),
    },
    abbreviations=listed("vs dr ifj prof kb ún"),
    local_abbreviations=listed("pl ill id"),
    number_abbreviations=listed("sz"),
    last_abbreviations=listed("stb kr.e kr.u"),
    ordinal_nouns=listed(
        "január február március április május június július augusztus szeptember október november december század"
    ),
    references=(
        r"\b(?:a|az) (?:szöveg|szövegrészlet|bekezdés|dokumentum) (?:szerint|alapján)\b",
        r"\bebben a (?:szövegben|bekezdésben|részletben)\b",
    ),
    chatter=(r"^(?:kérdés|válasz)\s*(?:\d+\s*)?:",),
    yes_no_words=listed("igen nem"),
    abstention="A dokumentumok nem válaszolnak erre a kérdésre.",
)

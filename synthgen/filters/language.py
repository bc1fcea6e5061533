"""Rejects rows whose query or answer is not in the language of the passage.

Reasons: `query_language`, `answer_language`. A short text cannot be identified with certainty, so a row is rejected
only on firm evidence, of which there are two kinds. Words that the passage shows (names, code, terms) are never
evidence.

- *Another script*: the remaining words are in a script that the passage does not use. Latin words in a text of another
  script must be at least three, or look like a sentence, because names and terms are often left in Latin.
- *Another language of the same script*: question words (2 points each) and common words (1 point each) of one other
  language add up to 2 points, none of them is a word of the passage's language, and the text has no words of the
  passage's language.

A prompt may ask for another language than the passage's. Such languages go into `allow`. A row whose metadata has
`language` may also be in that language.

Not covered: languages of one script without words in their lexicon (Hindi and Marathi, for example); keyword queries
without any common word.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import regex
from pydantic import Field

from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Chunk, Triple, Verdict
from synthgen.text.language import guess_language
from synthgen.text.lexicon import lexicon, lexicons
from synthgen.text.scripts import scripts
from synthgen.text.words import UNSPACED

__all__ = ["SPEC", "language"]

_POINTS = 2
_LEAST_LATIN_WORDS = 3
_LEAST_LETTERS = 2
_LEAST_OWN_WORDS = 5  # of an identified language, in the passage
_OWN_SHARE = 0.15
_FOREIGN_SHARE, _LATIN_SHARE = 0.5, 0.8


def language(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    allow: Annotated[
        list[str], Field(description="languages (en, de, …) that may differ from the passage's; any: all of them")
    ] = [],  # noqa: B006
    check_answers: Annotated[bool, Field(description="judge answers too, not only queries")] = True,
) -> list[Verdict]:
    """Query and answer are in the chunk's language, or there is no firm evidence against it."""
    passage = functools.lru_cache(maxsize=4_096)(_Passage)
    verdicts = []
    for triple in triples:
        allowed = {*allow, str(triple.metadata.get("language") or "")}
        own = passage(context.chunks[triple.chunk_id])
        if "any" in allowed:
            verdicts.append(Verdict(triple))
        elif own.is_foreign(triple.query, allowed):
            verdicts.append(Verdict(triple, "query_language"))
        elif check_answers and triple.answer and own.is_foreign(triple.answer, allowed):
            verdicts.append(Verdict(triple, "answer_language"))
        else:
            verdicts.append(Verdict(triple))
    return verdicts


class _Passage:
    """The scripts, words and language of a passage, each computed on first use."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.text = "\n".join([*chunk.headings, chunk.text])

    def is_foreign(self, text: str, allowed: set[str]) -> bool:
        """Whether there is firm evidence that `text` is neither in an allowed language nor in the passage's."""
        other = self._other_script(text) or self._other_language(text)
        return bool(other) and other not in allowed

    def _other_script(self, text: str) -> str:
        """Return the language, or at least the script, of a text in another script than the passage's; otherwise ""."""
        if text.isascii() and "LATIN" in self.scripts:
            return ""
        rest = [token for token in _TOKEN.findall(text) if token.casefold() not in self.folded]
        letters = scripts("".join(rest))
        foreign = {script: n for script, n in letters.items() if script not in self.scripts}
        script = max(sorted(foreign), key=lambda script: foreign[script], default="")
        share = _FOREIGN_SHARE if script != "LATIN" else _LATIN_SHARE
        if script == "LATIN":  # a letter of an unspaced script counts as three Latin ones, shown or not
            letters = Counter(
                {"LATIN": letters["LATIN"], "": 3 * sum(n for own, n in scripts(text).items() if own in self.scripts)}
            )
        if sum(foreign.values()) < max(_LEAST_LETTERS, share * letters.total()):
            return "zh" if "KANA" in self.scripts and "KANA" not in letters and _chinese().search(text) else ""
        named = guess_language(" ".join(rest)) or script
        if script != "LATIN":
            return named
        points = _points(rest)
        sentence = len(rest) >= _LEAST_LATIN_WORDS or max(points.values(), default=0) >= _POINTS
        return max(sorted(points), key=lambda code: points[code]) if sentence and points else named if sentence else ""

    def _other_language(self, text: str) -> str:
        """Return another language of the passage's script whose words the text has; "" without firm evidence."""
        found = _ordinary_words(text)
        points = _points(found)
        if max((n for code, n in points.items() if code != self.chunk.language), default=0) < _POINTS:
            return ""
        if not (own := self.own):
            return ""
        asked, words_of = "?" in text, _telling_words()
        unknown = [word for word in found if word not in words_of.get(own, ()) and word not in self.words]
        points = _points(unknown)
        for code in sorted(points, key=lambda code: (-points[code], code)):
            if points[code] < _POINTS or code in (own, self.guessed):
                continue
            evidence = {word for word in unknown if word in words_of[code]}
            firm = len(evidence) > 1 or (asked and found[0] in evidence)
            if firm and not any(word in words_of.get(own, ()) and word not in words_of[code] for word in found):
                return code
        return ""

    @functools.cached_property
    def folded(self) -> str:
        return self.text.casefold()

    @functools.cached_property
    def words(self) -> frozenset[str]:
        return frozenset(_words(self.text))

    @functools.cached_property
    def own(self) -> str:
        """The language of the passage; "" where its words do not bear out what was recorded or identified.

        An identified language is no evidence by itself: names, codes and made-up words are identified as something, too.
        """
        recorded, shown = self.chunk.language, self._own_words
        if recorded:
            return recorded if shown.get(recorded) else ""
        borne_out = [code for code, n in shown.items() if n >= _LEAST_OWN_WORDS]
        return self.guessed if borne_out and self.guessed in borne_out else ""

    @functools.cached_property
    def _own_words(self) -> dict[str, int]:
        """How many telling words of each language the passage shows."""
        return {code: len(self.words & own) for code, own in _telling_words().items()}

    @functools.cached_property
    def guessed(self) -> str:
        """The language identified from the text alone."""
        return guess_language(self.text)

    @functools.cached_property
    def scripts(self) -> frozenset[str]:
        """The scripts that have a substantial share of the letters. Japanese is written in two."""
        if self.text.isascii():
            return frozenset(["LATIN"])
        letters = scripts(self.text[:2_000])
        own = {script for script, n in letters.items() if n >= _OWN_SHARE * letters.total()}
        if letters["KANA"] > 0.1 * letters["CJK"]:
            own |= {"KANA", "CJK"}
        return frozenset(own)


def _points(found: Sequence[str]) -> Counter[str]:
    points: Counter[str] = Counter()
    weights = _weights()
    for word in set(found):
        for code, weight in weights.get(word, ()):
            points[code] += weight
    return points


@functools.cache
def _telling_words() -> dict[str, frozenset[str]]:
    """Return the words of each language that distinguish it from others."""
    found = {one.code: one.common_words | one.question_words - one.joining_question_words for one in lexicons()}
    return {code: own for code, own in found.items() if own}


@functools.cache
def _weights() -> dict[str, list[tuple[str, int]]]:
    """Return the languages that a word is evidence of, with its points: 2 for a question word, 1 for any other."""
    weights: dict[str, list[tuple[str, int]]] = {}
    for code, own in _telling_words().items():
        for word in own:
            weights.setdefault(word, []).append((code, 2 if word in lexicon(code).question_words else 1))
    return weights


@functools.cache
def _chinese() -> regex.Pattern[str]:
    """Match what Japanese text does not have, although it shares the characters."""
    return regex.compile(lexicon("zh").alone)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


def _ordinary_words(text: str) -> list[str]:
    """Return the words of a text without those that have a capital inside it: The Who and Die Hard are names."""
    tokens = _WORD.findall(unicodedata.normalize("NFC", text))
    return [token.casefold() for i, token in enumerate(tokens) if not i or token[0].islower() or not token[0].isupper()]


_TOKEN = regex.compile(rf"[{UNSPACED}]+|[\p{{L}}\p{{M}}--[{UNSPACED}]]+", regex.V1)
_WORD = re.compile(r"[^\W\d_]+")


SPEC = FilterSpec(
    language,
    scope="row",
    reasons={
        "query_language": "the query is in another language than the passage",
        "answer_language": "the answer is in another language than the passage",
    },
)

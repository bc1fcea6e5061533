"""Rejects queries that nobody would type, and answers that are none.

Reasons of a query:

- `passage_reference`: "according to the text".
- `chatter`: "Here are two questions".
- `numbering`: "2) How …".
- `malformed`: left-over markup, JSON or entities, a repeated word or letter, or mostly punctuation. What the chunk
  shows too is allowed.
- `generic`: "What is the main topic?", which fits every passage.
- `double_question`: two questions in one.
- `needs_passage`: "What did he do after this?", where nothing in the query can be "he".
- `too_short`, `too_long`: the number of words.
- `copied_run`: a run of words copied from what the row shows.
- `shot_copied`: the text of a shot, exactly or nearly.

Reasons of an answer, and of a query that only holds a place (`text.model_text`, which mends what can be):

- `placeholder`: `{answer}`, `string`, N/A, or signs alone.
- `no_answer`: "I don't know", "The passage does not mention it".
- `answer_malformed`: JSON, markup or a control token that the passage does not have.
- `run_on`: turns of a chat after the answer.

What the passage has literally is never one of them, nor is the label of a text.

Words are counted in every script: a letter of Han or kana counts as half a word, a letter of an alphabet without spaces
(Thai, Lao, Khmer, Burmese) as a fifth. So 8 words are 16 or 40 such letters.

The limits on length are fixed and wide. Limits of half the shortest and twice the longest query of the packaged shots
(9 and 21 words) would reject 18 of 100 human queries on a software manual, 8 in Chinese and 5 of medical experts, all
of them for being short. The upper limit would reject none, and neither does the fixed one.

Whether an answer is true is the subject of `grounding` and of judges. Not covered: queries whose antecedent
is a noun ("this study", "the city"); two questions joined in languages without `double_questions` in their lexicon.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated

import regex
from pydantic import Field

from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import CLASSIFICATION, Chunk, Triple, Verdict, passage
from synthgen.text.left_over import LEFT_OVER
from synthgen.text.lexicon import lexicon, lexicons
from synthgen.text.lexicon.base import Lexicon
from synthgen.text.model_text import fault, is_placeholder
from synthgen.text.words import copies, jaccard, shingles, spelled_out, units, words

__all__ = ["SPEC", "lint"]

Length = Annotated[float, Field(ge=0)]

# "2) …", "(3) …", "Q4. …", "- …": a mark, then space. Not "2023 budget", "3.5 GHz" or "-v prints nothing".
_NUMBERING = regex.compile(
    r"^\s*(?:[-*•–]\s+|\(?\d{1,2}[.)]\s+|\d{1,2}[、．）]\s*|[（(]\d{1,2}[）)]\s*|Q\s?\d*\s*[.:)]\s+|#{1,6}\s+)",
    regex.IGNORECASE,
)


_PHRASES: Mapping[str, Callable[[Lexicon], Sequence[str]]] = {
    "references": lambda language: language.references,
    "chatter": lambda language: language.chatter,
    "generic": lambda language: language.generic_questions,
    "double": lambda language: language.double_questions,
    "dangling": lambda language: language.dangling,
}
_SHARED = frozenset(["Latin", "Cyrillic"])
# Two questions in any language. A question mark inside quotation marks belongs to a title.
_TWO_MARKS = regex.compile(r"[?？؟](?![\"'”’»」』])[\p{P}\s]*[\p{L}\p{N}].{4,}[?？؟]")
_ALPHABETS = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_NO_WORD = regex.compile(r"[^\p{L}\p{M}\p{N}]")


def lint(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    min_words: Annotated[Length, Field(description="shortest query, in words")] = 1,
    max_words: Annotated[Length, Field(description="longest query, in words")] = 120,
    max_copied_words: Annotated[Length, Field(description="a copied run of this many words is too long")] = 12,
    max_shot_similarity: Annotated[float, Field(gt=0, le=1, description="as similar to a shot, by shingles, is a copy")] = 0.8,
) -> list[Verdict]:
    """Queries do not point at their passage, copy it, copy a shot or contain the model's chatter; answers answer."""
    similarity_to_shots = _shot_matcher(context.shots, max_shot_similarity)
    shown = functools.lru_cache(maxsize=4_096)(_spelled_out)
    verdicts = []
    for triple in triples:
        query = triple.query.strip()
        parts = _units(query)
        length = sum(weight for _, weight in parts)
        languages = _languages(query, parts)
        chunk = context.chunks[triple.chunk_id]
        asks = triple.kind != CLASSIFICATION
        if _matches("references", query, languages):
            verdicts.append(Verdict(triple, "passage_reference"))
        elif _matches("chatter", query, languages):
            verdicts.append(Verdict(triple, "chatter"))
        elif _NUMBERING.match(query):
            verdicts.append(Verdict(triple, "numbering"))
        elif length < min_words:
            verdicts.append(Verdict(triple, "too_short", length, min_words))
        elif length > max_words:
            verdicts.append(Verdict(triple, "too_long", length, max_words))
        elif asks and is_placeholder(query, chunk.text):
            verdicts.append(Verdict(triple, "placeholder"))
        elif _is_malformed(query, chunk):
            verdicts.append(Verdict(triple, "malformed"))
        elif _matches("generic", query, languages):
            verdicts.append(Verdict(triple, "generic"))
        elif _matches("double", query, languages) or _TWO_MARKS.search(query):
            verdicts.append(Verdict(triple, "double_question"))
        elif _matches("dangling", query, languages):
            verdicts.append(Verdict(triple, "needs_passage"))
        elif length >= max_copied_words and copies(parts, shown(passage(triple, chunk)), max_copied_words):
            verdicts.append(Verdict(triple, "copied_run", None, max_copied_words))
        elif (similarity := similarity_to_shots(query)) >= max_shot_similarity:
            verdicts.append(Verdict(triple, "shot_copied", round(similarity, 6), max_shot_similarity))
        else:
            verdicts.append(Verdict(triple, fault(triple.answer or "", chunk.text, chunk.language) if asks else ""))
    return verdicts


def _units(query: str) -> list[tuple[str, float]]:
    """Return `text.words.units`, with a lower weight for letters of an alphabet than for those of a syllabary."""
    if query.isascii():
        return [(word, 1.0) for word in words(query)]
    parts = units(query)
    if not _ALPHABETS.search(query):
        return parts
    return [(unit, 0.2 if _ALPHABETS.match(unit) else weight) for unit, weight in parts]


def _spelled_out(text: str) -> str:
    """Return `text.words.spelled_out`, computed in a third of the time for ASCII texts."""
    return f" {' '.join(words(text))} " if text.isascii() else spelled_out(text)


def _languages(query: str, parts: Iterable[tuple[str, float]]) -> tuple[str, ...]:
    """Return the languages whose phrases to try: English, those with a word of the query, those of its script."""
    by_word = _languages_by_word()
    found = {code for word, _ in parts for code in by_word.get(word, ())}
    if not query.isascii():
        found.update(code for letter, codes in _languages_by_script() if letter.search(query) for code in codes)
    return ("en", *sorted(found))


@functools.cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    """Map words to the languages they are frequent in, for scripts shared by many languages. English words are left out."""
    english = _frequent(lexicon("en"))
    found: dict[str, tuple[str, ...]] = {}
    for one in lexicons():
        for word in _frequent(one) - english if one.code != "en" and not _SHARED.isdisjoint(one.scripts) else ():
            found[word] = (*found.get(word, ()), one.code)
    return found


def _frequent(language: Lexicon) -> frozenset[str]:
    labels = frozenset(label.casefold() for label in language.ask_labels | language.reply_labels if len(label) > 1)
    return language.common_words | language.question_words | language.stop_words | language.negations | labels


@functools.cache
def _languages_by_script() -> tuple[tuple[regex.Pattern[str], tuple[str, ...]], ...]:
    """Return a pattern for a letter of each other script, with the languages of that script."""
    named = {script for one in lexicons() for script in one.scripts} - _SHARED
    return tuple(
        (regex.compile(rf"\p{{{script}}}"), tuple(one.code for one in lexicons() if script in one.scripts))
        for script in sorted(named)
    )


def _matches(which: str, query: str, languages: Iterable[str]) -> bool:
    return any(matcher.search(query) for code in languages for matcher in _matchers(which, code))


@functools.cache
def _matchers(which: str, language: str) -> tuple[regex.Pattern[str], ...]:
    """Return the phrase patterns of a language. Those anchored at the start form one pattern, which only tries the start."""
    phrases = _PHRASES[which](lexicon(language))
    first = [phrase for phrase in phrases if phrase.startswith("^")]
    anywhere = [phrase for phrase in phrases if not phrase.startswith("^")]
    return tuple(regex.compile("|".join(f"(?:{one})" for one in some), regex.IGNORECASE) for some in (first, anywhere) if some)


def _is_malformed(query: str, chunk: Chunk) -> bool:
    """Whether the query has remains of another format that its chunk does not have."""
    solid = "".join(query.split())
    if 3 * len(_NO_WORD.findall(solid)) > 2 * len(solid) and query not in chunk.text:
        return True
    characters = frozenset(query)
    possible = [pattern for pattern, needed in _left_over() if not needed or not needed.isdisjoint(characters)]
    found = [match.group().strip() for pattern in possible if (match := pattern.search(query))]
    return any(left.casefold() not in chunk.text.casefold() for left in found)


@functools.cache
def _left_over() -> list[tuple[regex.Pattern[str], frozenset[str]]]:
    return [(regex.compile(pattern, regex.IGNORECASE), frozenset(needed)) for pattern, needed in LEFT_OVER]


def _shot_matcher(shots: Sequence[str], threshold: float) -> Callable[[str], float]:
    """Return a function from a query to its similarity with the nearest shot."""
    shot_shingles = [shingles(shot) for shot in shots]
    if not shot_shingles:
        return lambda query: 0.0

    def similarity(query: str) -> float:
        own = shingles(query)
        near = (shot for shot in shot_shingles if len(own) >= threshold * len(shot) and len(shot) >= threshold * len(own))
        return max((jaccard(own, shot) for shot in near), default=0.0)

    return similarity


SPEC = FilterSpec(
    lint,
    scope="row",
    needs=frozenset({"shots"}),
    reasons={
        "passage_reference": "the query refers to a passage or text",
        "chatter": "the query is the model's talk about its task",
        "numbering": "the query begins with a list mark",
        "malformed": "markup, JSON, repeated words or mostly punctuation",
        "generic": "the query fits every passage",
        "double_question": "two questions in one",
        "needs_passage": "a pronoun of the query refers to something that only the passage names",
        "too_short": "the query has too few words",
        "too_long": "the query has too many words",
        "copied_run": "a run of words is copied from the passage",
        "shot_copied": "the query is the text of a shot, exactly or nearly",
        "placeholder": "query or answer only holds a place: {answer}, N/A, signs alone",
        "no_answer": "the answer says that there is none",
        "answer_malformed": "the answer is JSON, or has markup or control tokens",
        "run_on": "turns of a chat follow the answer",
    },
)

"""What no distractor may be, whatever found it.

The guard rejects a chunk with one of these reasons:

- `split`: it belongs to another split than the row, so no dev or test text reaches a training file.
- `positive`: it is a positive, or has the same text elsewhere.
- `overlap`: its span overlaps a positive or another place of the same text, or it repeats a positive in part. In the
  same document or group of near-duplicates, repeating means a third of the runs of four words in the smaller text, or,
  for a copy, one sentence, because copies are often cut in other places. Elsewhere it means nearly half of the runs, so
  that pages of one template stay distractors of each other: of 330,000 pairs of a human question's passage and its best
  hits, those with half of the letters in common share at least .46 of the runs, and all others at most .38.
- `adjacent`: it is the chunk before or after a positive, or after its copy in the same group, and often continues it.
- `answer`: it contains the row's answer, or another that the metadata lists as `answers`.
- `near_duplicate`: its text is nearly equal to a positive (Jaccard of 4-character shingles at least .8).

Answers are compared folded (`folded`). Case, punctuation, symbols, accents, articles, hyphens, the separators in 1,000,
the dots in U.S., the script of digits, and the points of Arabic and Hebrew make no difference. Answers of six
characters or more that are not numbers are found wherever their letters follow each other: inside words (for
inflections and prefixes), across hyphens and line ends. Shorter answers are found at word boundaries, but those of
three letters in Arabic and Hebrew also inside words, because these languages attach "in" and "and" to the next word. An
answer that nearly every text contains is not searched: a word of one or two letters ("is", 是) that occurs in a quarter
of the chunks or more. `unchecked_answers` counts the rows of such answers.

Paraphrased answers and numbers in words are not found. A cross-encoder or a model can check for these (`checks`).
"""

from __future__ import annotations

import bisect
import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

import regex

from synthgen.records import Chunk, Triple
from synthgen.retrieval.passages import Passages
from synthgen.text.fold import bare, key
from synthgen.text.sentences import sentences
from synthgen.text.words import UNSPACED, find, units, words

__all__ = ["OWN", "AnswerForms", "Guard", "folded"]

OWN = frozenset({"positive", "overlap", "near_duplicate"})
"""Reasons that make a chunk the row's own passage, which does not count in the window of candidates."""

_LONG_CHARS = 6  # an answer of this length is found inside words
_SHORT_CHARS, _COMMON, _SAMPLED = 2, 0.25, 400
_SENTENCE_WORDS = 5.0
_REPEATED, _REPEATED_ELSEWHERE = 1 / 3, 0.45
_KEYS_KEPT, _RUNS_KEPT = 20_000, 4_096

_GROUPED = re.compile(r"(?<=\d)[,，٬'’\u00a0\u2007\u2009\u202f](?=(?:\d\d[,，٬]){0,20}+\d{3}(?!\d))")  # 1,000 and 1,00,000
_DOTTED = re.compile(r"(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
_BROKEN = re.compile(r"(?<=[^\W\d_])[-‐][^\S\n]*\n\s*(?=[^\W\d_])")  # a word at the end of a line
_ASCII_WORD = re.compile(r"[a-z]+|[0-9]+")
_WORD = regex.compile(r"\p{Nd}+|[\p{L}\p{N}\p{M}--\p{Nd}]+", regex.V1)
_LOOSE = regex.compile(rf"(?<=[{UNSPACED}]) (?=[{UNSPACED}])")
_ARTICLES = re.compile(r"\b(?:an?|the) (?=.)")
_SPACED_NUMBER = re.compile(r"\b\d{1,3}(?: \d\d\d?){0,12} \d{3}\b")
_PREFIXED = regex.compile(r"[\p{Arabic}\p{Hebrew}]{3}")


class AnswerForms(NamedTuple):
    """The forms of the answers that no distractor of a row may contain."""

    forms: tuple[str, ...]

    @classmethod
    def of(cls, answers: Iterable[str]) -> AnswerForms:
        """Return the forms of folded answers."""
        return cls(tuple(sorted({form for answer in answers for form in answer.splitlines()})))

    def occurs_in(self, text: str) -> bool:
        """Return whether a folded text contains one of them."""
        return _any_in(text, self.forms)


def folded(text: str) -> str:
    """The text as words and numbers between spaces, for comparing answers; letters and digits are parted, so COVID19 is COVID-19.

    Where it differs, a second line has the text without articles and without words broken at the end of a line, and joins numbers at
    what may be a separator (10 000, 10.000). Both are compared, because each of these may also be something else: the A of vitamin A,
    two numbers side by side in a table.
    """
    exact, whole = _spaced(text), _BROKEN.sub("", text)
    plain = exact if whole == text else _spaced(whole)
    plain = _SPACED_NUMBER.sub(lambda found: found[0].replace(" ", ""), _ARTICLES.sub("", plain))
    return exact if plain == exact else f"{exact}\n{plain}"


def _spaced(text: str) -> str:
    text = _DOTTED.sub("", _GROUPED.sub("", text))
    if text.isascii():
        return " ".join(_ASCII_WORD.findall(text.lower()))
    return _LOOSE.sub("", " ".join(_WORD.findall(bare(text))))


class Guard:
    """Decides whether a chunk may be a distractor of a row, and counts the rejected chunks."""

    def __init__(self, chunks: Mapping[str, Chunk], *, adjacent: bool = False) -> None:
        self.passages = Passages(chunks)
        self.rejected: Counter[str] = Counter()
        self.unchecked_answers = 0
        self._spans = {chunk.id: _spans(chunk) for chunk in chunks.values()}
        self._adjacent = {} if adjacent else _neighbours(self._spans)
        self._folded = functools.lru_cache(maxsize=_KEYS_KEPT)(folded)
        self._sentences = functools.lru_cache(maxsize=_RUNS_KEPT)(_sentence_keys)
        self._runs = functools.lru_cache(maxsize=_RUNS_KEPT)(_runs_of_words)
        self._common = functools.lru_cache(maxsize=None)(self._is_common)

    def answer_forms(self, triple: Triple) -> AnswerForms:
        """Return the forms of the row's answers that its distractors must not contain."""
        others = triple.metadata.get("answers")
        listed = [triple.answer, *(others if isinstance(others, Sequence) and not isinstance(others, str) else [others])]
        texts = [text for text in listed if isinstance(text, str) and text.strip()]
        answers = {found for text in texts if (found := folded(text))}
        searched = {answer for answer in answers if not (_is_short(answer) and self._common(answer))}
        self.unchecked_answers += bool(texts) and len(searched) < max(1, len(answers))
        return AnswerForms.of(searched)

    def rejection_reason(self, chunk: Chunk, split: str, positives: Sequence[Chunk], forms: AnswerForms) -> str:
        """Return the reason for rejecting a chunk, or "". Expensive tests come last."""
        if chunk.split != split:
            return "split"
        own = next((reason for positive in positives if (reason := self.sameness(chunk, positive))), "")
        if own:
            return own
        if any(self._is_adjacent(chunk, positive) for positive in positives):
            return "adjacent"
        if forms.forms and forms.occurs_in(self._folded(chunk.text)):
            return "answer"
        return "overlap" if any(self._repeats(chunk, positive) for positive in positives) else ""

    def sameness(self, chunk: Chunk, positive: Chunk) -> str:
        """Return one of `OWN` when both are the same passage, else ""."""
        if chunk.id == positive.id or self.passages.identical(chunk, positive):
            return "positive"
        if self._overlapping(chunk, positive):
            return "overlap"
        if self.passages.near_duplicates(chunk, positive):
            return "near_duplicate"
        return ""

    def _overlapping(self, left: Chunk, right: Chunk) -> bool:
        one, other = self._spans[left.id], self._spans[right.id]
        return any(_any_overlap(*sorted((one[name], other[name]), key=len)) for name in one if name in other)

    def _is_adjacent(self, chunk: Chunk, positive: Chunk) -> bool:
        neighbours = self._adjacent.get(chunk.id, frozenset())
        if positive.id in neighbours:
            return True
        chunks, group = self.passages.chunks, positive.group
        same_group = (chunks[id] for id in neighbours if chunks[id].group == group) if group else ()
        return any(self.passages.near_duplicates(near, positive) for near in same_group)

    def _repeats(self, left: Chunk, right: Chunk) -> bool:
        one, other = self._runs(left.text), self._runs(right.text)
        related = left.document_id == right.document_id or bool(left.group and left.group == right.group)
        if len(one & other) >= max(1, (_REPEATED if related else _REPEATED_ELSEWHERE) * min(len(one), len(other))):
            return True
        copies = related and left.document_id != right.document_id
        return copies and not self._sentences(left.text).isdisjoint(self._sentences(right.text))

    def _is_common(self, answer: str) -> bool:
        """Return whether an answer occurs in too many chunks to be specific. A large corpus is sampled."""
        sample = sorted(self.passages.chunks.values(), key=lambda chunk: chunk.sha256)[:_SAMPLED]
        return sum(_any_in(self._folded(chunk.text), [answer]) for chunk in sample) >= _COMMON * len(sample)


def _any_in(text: str, answers: Sequence[str]) -> bool:
    letters = ""
    for answer in answers:
        if find(answer, text) >= 0 or (_PREFIXED.match(answer) and answer in text):
            return True
        answer_letters = answer.replace(" ", "")
        if len(answer_letters) >= _LONG_CHARS and not answer_letters.isdecimal():
            letters = letters or text.replace(" ", "")
            if _in_letters(answer_letters, letters):
                return True
    return False


def _in_letters(wanted: str, letters: str) -> bool:
    """Return whether `wanted` occurs in `letters`, and no number at either end of it continues there."""
    at = letters.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        goes_on = wanted[0].isdecimal() and letters[max(0, at - 1) : at].isdecimal()
        if not goes_on and not (wanted[-1].isdecimal() and letters[end : end + 1].isdecimal()):
            return True
        at = letters.find(wanted, at + 1)
    return False


def _is_short(answer: str) -> bool:
    return len(answer) <= _SHORT_CHARS and len(units(answer)) < 2 and not any(map(str.isdigit, answer))


def _runs_of_words(text: str) -> Set[int]:
    """Return the digests of all runs of four words."""
    found = words(text)
    return frozenset(map(hash, zip(found, found[1:], found[2:], found[3:], strict=False)))


def _sentence_keys(text: str) -> Set[str]:
    """Return the comparison keys of the sentences that are long enough to be specific."""
    spans = (text[start:end] for start, end in sentences(text))
    return frozenset(key(one) for one in spans if sum(weight for _, weight in units(one)) >= _SENTENCE_WORDS)


def _spans(chunk: Chunk) -> dict[str, list[tuple[int, int]]]:
    """Return the spans of a text by document, in order: the chunk's own span and those of its other places."""
    found = {chunk.document_id: [(chunk.start, chunk.end)]}
    for place in chunk.places:
        document, _, span = place.rpartition("#")
        start, _, end = span.partition("-")
        if start.isdigit() and end.isdigit():
            found.setdefault(document, []).append((int(start), int(end)))
    return {document: sorted(places) for document, places in found.items()}


def _any_overlap(few: Sequence[tuple[int, int]], many: Sequence[tuple[int, int]]) -> bool:
    """Return whether two sorted lists of spans overlap.

    Spans of one text have one length, so the last to begin before an end is also the last to end.
    """
    before = ((start, bisect.bisect_left(many, (end, 0)) - 1) for start, end in few)
    return any(at >= 0 and many[at][1] > start for start, at in before)


def _neighbours(spans: Mapping[str, Mapping[str, Iterable[tuple[int, int]]]]) -> dict[str, Set[str]]:
    """Return the chunks before and after each chunk, in all its places. Chunks with a common start or end count as one place."""
    documents: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for id, places in spans.items():
        for document, found in places.items():
            documents[document] += [(start, end, id) for start, end in found]
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for places_here in documents.values():
        for one, other in _side_by_side(places_here):
            neighbours[one].add(other)
            neighbours[other].add(one)
    return dict(neighbours)


def _side_by_side(places: Sequence[tuple[int, int, str]]) -> Iterator[tuple[str, str]]:
    """Yield pairs of ids: the first chunk to begin after another's end, and the last to end before its start."""
    by_start = sorted(places)
    by_end = sorted(places, key=lambda place: place[1])
    starts, ends = [place[0] for place in by_start], [place[1] for place in by_end]
    for start, end, id in places:
        after = bisect.bisect_left(starts, end)
        while after < len(starts) and starts[after] == starts[bisect.bisect_left(starts, end)]:
            yield id, by_start[after][2]
            after += 1
        before = bisect.bisect_right(ends, start) - 1
        last = ends[before] if before >= 0 else None
        while before >= 0 and ends[before] == last:
            yield id, by_end[before][2]
            before -= 1

"""What no distractor may be, whatever found it.

The guard refuses, with these reasons:

- `split`: text of another split than the row's, so that no dev or test text reaches a training file;
- `positive`: a positive, or the same text elsewhere;
- `overlap`: an overlapping span, also of a place where the same text stands; and in the same document, or another one of its group of
  near-duplicates, a text that repeats a positive in part: a third of the runs of four words in the smaller of them, or in another
  document a sentence, because copies are often cut in other places;
- `adjacent`: the chunk before or after a positive or its copy in the same group, which often says the rest of it;
- `answer`: a chunk that contains the answer of the row, or another that its metadata lists as `answers`;
- `near_duplicate`: a text nearly equal to a positive (Jaccard of 4-character shingles at least .8).

Answers are compared folded: case, punctuation, symbols, articles, the separators in 1,000 and the dots in U.S. make no difference, nor
do the points of Arabic and Hebrew. Answers of six characters or more that are no numbers are found wherever their letters follow each
other, so inside words (where inflections and prefixes are), across hyphens and line ends; shorter ones at word borders. Only what
nearly every text contains is not looked for: words of one or two letters ("is", 是) that stand in a quarter of the chunks or more.
`unchecked_answers` counts their rows.

Not covered: answers in other words, and numbers spelled out. A cross-encoder or a model may be asked for these (`checking`).
"""

from __future__ import annotations

import bisect
import functools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

import regex

from synthgen.records import Chunk, Triple
from synthgen.retrieval.passages import Passages
from synthgen.text import UNSPACED, find, key, sentences, units, words

__all__ = ["OWN", "Guard", "Sought", "folded"]

OWN = frozenset({"positive", "overlap", "near_duplicate"})
"""Reasons that a chunk is the row's own passage, which takes no place in the window of candidates."""

_TELLING_CHARS = 6  # an answer this long is found inside words
_SHORT_CHARS, _COMMON, _SAMPLED = 2, 0.25, 400
_SENTENCE_WORDS = 5.0
_REPEATED = 1 / 3
_KEYS_KEPT, _RUNS_KEPT = 20_000, 4_096

_GROUPED = re.compile(r"(?<=\d)[,，٬'’\u00a0\u202f](?=\d{3}(?!\d))")
_DOTTED = re.compile(r"(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
_POINTS = re.compile(r"[\u0591-\u05c7\u0640\u064b-\u065f\u0670]")
_BETWEEN_ASCII = re.compile(r"[^a-z0-9]+")
_BETWEEN = regex.compile(r"[^\p{L}\p{N}\p{M}]+")
_LOOSE = regex.compile(rf"(?<=[{UNSPACED}]) (?=[{UNSPACED}])")
_ARTICLES = re.compile(r"\b(?:an?|the) ")


class Sought(NamedTuple):
    """The answers that no distractor of a row may contain, folded: as they are, and without articles where they have any."""

    answers: tuple[str, ...]
    bare: tuple[str, ...] = ()

    @classmethod
    def of(cls, answers: Iterable[str]) -> Sought:
        """`answers` are folded."""
        found = sorted({*answers})
        return cls(tuple(found), tuple(bare for answer in found if (bare := _bare(answer)) != answer))

    def stands_in(self, text: str) -> bool:
        """Whether one of them stands in this folded text."""
        return _any_in(text, self.answers) or (bool(self.bare) and _any_in(_bare(text), self.bare))


def folded(text: str) -> str:
    """Words between spaces, for comparing answers."""
    text = _DOTTED.sub("", _GROUPED.sub("", text))
    if text.isascii():
        return _BETWEEN_ASCII.sub(" ", text.lower()).strip()
    text = unicodedata.normalize("NFKC", _POINTS.sub("", text)).casefold()
    return _LOOSE.sub("", _BETWEEN.sub(" ", text).strip())


class Guard:
    """Decides whether a chunk may be a row's distractor, and counts what it refuses."""

    def __init__(self, chunks: Mapping[str, Chunk], *, adjacent: bool = False) -> None:
        self.passages = Passages(chunks)
        self.refused: Counter[str] = Counter()
        self.unchecked_answers = 0
        self._spans = {chunk.id: _spans(chunk) for chunk in chunks.values()}
        self._adjacent = {} if adjacent else _neighbours(self._spans)
        self._folded = functools.lru_cache(maxsize=_KEYS_KEPT)(folded)
        self._sentences = functools.lru_cache(maxsize=_RUNS_KEPT)(_sentence_keys)
        self._runs = functools.lru_cache(maxsize=_RUNS_KEPT)(_runs_of_words)
        self._common = functools.lru_cache(maxsize=None)(self._is_common)

    def sought(self, triple: Triple) -> Sought:
        """What is looked for in the distractors of this row."""
        others = triple.metadata.get("answers")
        listed = [triple.answer, *(others if isinstance(others, Sequence) and not isinstance(others, str) else [others])]
        texts = [text for text in listed if isinstance(text, str) and text.strip()]
        answers = {found for text in texts if (found := folded(text))}
        looked_for = {answer for answer in answers if not (_is_short(answer) and self._common(answer))}
        self.unchecked_answers += bool(texts) and len(looked_for) < max(1, len(answers))
        return Sought.of(looked_for)

    def refusal(self, chunk: Chunk, split: str, positives: Sequence[Chunk], sought: Sought) -> str:
        """The reason, "" for none. The dear tests are the last."""
        if chunk.split != split:
            return "split"
        own = next((reason for positive in positives if (reason := self.sameness(chunk, positive))), "")
        if own:
            return own
        if any(self._is_adjacent(chunk, positive) for positive in positives):
            return "adjacent"
        if sought.answers and sought.stands_in(self._folded(chunk.text)):
            return "answer"
        return "overlap" if any(self._repeats(chunk, positive) for positive in positives) else ""

    def sameness(self, chunk: Chunk, positive: Chunk) -> str:
        """One of `OWN` when both are the same passage, else ""."""
        if chunk.id == positive.id or self.passages.identical(chunk, positive):
            return "positive"
        if self._overlapping(chunk, positive):
            return "overlap"
        if self.passages.near_duplicates(chunk, positive):
            return "near_duplicate"
        return ""

    def _overlapping(self, left: Chunk, right: Chunk) -> bool:
        one, other = self._spans[left.id], self._spans[right.id]
        return any(start < end_ and start_ < end for name in one if name in other
                   for start, end in one[name] for start_, end_ in other[name])  # fmt: skip

    def _is_adjacent(self, chunk: Chunk, positive: Chunk) -> bool:
        around = self._adjacent.get(chunk.id, frozenset())
        if positive.id in around:
            return True
        chunks, group = self.passages.chunks, positive.group
        same_group = (chunks[id] for id in around if chunks[id].group == group) if group else ()
        return any(self.passages.near_duplicates(near, positive) for near in same_group)

    def _repeats(self, left: Chunk, right: Chunk) -> bool:
        """Only where it is known to be about the same: pages of one template are good distractors of each other."""
        if left.document_id != right.document_id and (not left.group or left.group != right.group):
            return False
        one, other = self._runs(left.text), self._runs(right.text)
        if len(one & other) >= max(1, _REPEATED * min(len(one), len(other))):
            return True
        copies = left.document_id != right.document_id
        return copies and not self._sentences(left.text).isdisjoint(self._sentences(right.text))

    def _is_common(self, answer: str) -> bool:
        """Whether it stands in so many chunks that it tells nothing; of a large corpus, in a sample of them."""
        sample = sorted(self.passages.chunks.values(), key=lambda chunk: chunk.sha256)[:_SAMPLED]
        return sum(_any_in(self._folded(chunk.text), [answer]) for chunk in sample) >= _COMMON * len(sample)


def _any_in(text: str, answers: Sequence[str]) -> bool:
    letters = ""
    for answer in answers:
        wanted = answer.replace(" ", "")
        if len(wanted) >= _TELLING_CHARS and not answer[0].isdigit() and not answer[-1].isdigit():
            letters = letters or text.replace(" ", "")
            if wanted in letters:
                return True
        elif find(answer, text) >= 0:
            return True
    return False


def _bare(text: str) -> str:
    """Without the articles that something follows."""
    return _ARTICLES.sub("", text)


def _is_short(answer: str) -> bool:
    return len(answer) <= _SHORT_CHARS and len(units(answer)) < 2 and not any(map(str.isdigit, answer))


def _runs_of_words(text: str) -> Set[int]:
    """Digests of every four words that follow each other."""
    found = words(text)
    return frozenset(map(hash, zip(found, found[1:], found[2:], found[3:], strict=False)))


def _sentence_keys(text: str) -> Set[str]:
    """The sentences that are long enough to say something."""
    spans = (text[start:end] for start, end in sentences(text))
    return frozenset(key(one) for one in spans if sum(weight for _, weight in units(one)) >= _SENTENCE_WORDS)


def _spans(chunk: Chunk) -> dict[str, list[tuple[int, int]]]:
    """Where the text stands, by document: the chunk's own span, and those of its other places."""
    found = {chunk.document_id: [(chunk.start, chunk.end)]}
    for place in chunk.places:
        document, _, span = place.rpartition("#")
        start, _, end = span.partition("-")
        if start.isdigit() and end.isdigit():
            found.setdefault(document, []).append((int(start), int(end)))
    return found


def _neighbours(spans: Mapping[str, Mapping[str, Iterable[tuple[int, int]]]]) -> dict[str, Set[str]]:
    """The chunks before and after each chunk, wherever it stands; chunks that begin or end together count as one place."""
    documents: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for id, places in spans.items():
        for document, found in places.items():
            documents[document] += [(start, end, id) for start, end in found]
    around: defaultdict[str, set[str]] = defaultdict(set)
    for places_here in documents.values():
        for one, other in _side_by_side(places_here):
            around[one].add(other)
            around[other].add(one)
    return dict(around)


def _side_by_side(places: Sequence[tuple[int, int, str]]) -> Iterator[tuple[str, str]]:
    """Pairs of which the second is the first to begin after the first one's end, and the other way round."""
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

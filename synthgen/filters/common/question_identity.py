"""Decides whether two queries ask the same thing in nearly the same words.

String similarity cannot decide this: "Who won in 1998?" and "Who won in 1997?" are nearly equal, and so are most pairs
of human questions that differ in the one word that matters. Two queries are the same question only when every
difference between them leaves the meaning unchanged:

- case and punctuation; contractions ("what's", "didn't");
- words without content: articles, "please", "exactly";
- function words with the same meaning: which and what, until and till, is and are;
- the plural of a word that is not a name;
- one word of five letters or more with one slip after its first letter, where one of the two spellings does not occur
  in the corpus;
- one clause that has moved: "In 1998, who won the cup?", "Who won the cup in 1998?".

A difference in a number, a negation, a name (a capital in the middle of a query), a question word or any other word
makes two questions. The word lists come from the lexicon. In languages without `free_words`, only case, punctuation and
a moved clause are ignored. In scripts without spaces, the listed words are removed and the remaining letters compared.

Not covered: paraphrases. They need vectors, and then only `never_same` applies.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import regex

from synthgen.filters.common.passage_language import passage_language
from synthgen.filters.context import FilterContext
from synthgen.records import Chunk, Triple
from synthgen.text.fold import key
from synthgen.text.lexicon import lexicon, lexicons, of_all
from synthgen.text.slips import one_slip
from synthgen.text.words import UNSPACED, contents, jaccard, words

__all__ = ["Question", "Questions", "answers_agree", "comparable", "languages", "never_same", "read"]

_COMPARED = 50  # misspelt queries compared with one query, among those with the same other words and letters
_MIN_ANSWER_F1 = 0.8
_MIN_TYPO_LETTERS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """A query prepared for comparison.

    `said` has the words of its comparison key. `asked` has those of them that matter, in their plain form and in order.
    `names` has the words with a capital, except one that is only the first word of the query.
    """

    said: tuple[str, ...]
    asked: tuple[str, ...]
    names: frozenset[str]
    language: str

    @property
    def bag(self) -> tuple[str, ...]:
        return tuple(sorted(self.asked))


class Questions:
    """The queries of rows, and which of them can be the same question.

    `crowd[i]` is the number of the set of rows that ask the same words as row i in some order. `linked` maps a set to
    the sets that are one misspelt word away, with their similarity: the Jaccard coefficient of the 4-character shingles
    of their words. Most rows resemble no other row: they have no crowd, and those that `comparable` leaves out are
    never read.
    """

    def __init__(self, triples: Sequence[Triple], context: FilterContext) -> None:
        self._triples, self._context = triples, context
        self._read: dict[int, Question] = {}
        self._suspect = functools.cache(self._is_suspect)
        bags = {row: self[row].bag for row in sorted(comparable(triples, context))}
        by_bag: dict[tuple[str, ...], Question] = {}
        for row, bag in bags.items():
            by_bag[bag] = min(by_bag.get(bag, self[row]), self[row], key=lambda q: q.said)
        sets = sorted(by_bag)
        numbers = {bag: number for number, bag in enumerate(sets)}
        self.linked = self._linked([by_bag[bag] for bag in sets])
        size = Counter(bags.values())
        self.crowd = {row: numbers[bag] for row, bag in bags.items() if size[bag] > 1 or numbers[bag] in self.linked}

    def __getitem__(self, row: int) -> Question:
        """Return the question of a row."""
        if row not in self._read:
            triple = self._triples[row]
            self._read[row] = read(triple.query, passage_language(self._context.chunks[triple.chunk_id]))
        return self._read[row]

    def similarity(self, left: int, right: int) -> float | None:
        """Return the similarity of two rows that are the same question: 1 unless a word is misspelt.

        None if they are not the same.
        """
        mine, yours = self.crowd[left], self.crowd[right]
        if mine != yours and yours not in self.linked.get(mine, {}):
            return None
        if not self._same(self[left], self[right]):
            return None
        return 1.0 if mine == yours else self.linked[mine][yours]

    def crowds(self, row: int) -> Iterator[int]:
        """Yield the sets of rows that may hold the same question: the row's own first, then by similarity."""
        yield self.crowd[row]
        linked = self.linked.get(self.crowd[row], {})
        yield from sorted(linked, key=lambda number: (-linked[number], number))

    def _linked(self, crowds: Sequence[Question]) -> dict[int, dict[int, float]]:
        """Return the sets that differ in one misspelt word. `crowds` has one question of each set.

        Both have the same other words and the same letters but one, so they share a key without them (Garbe's symmetric
        deletes). No comparison of all pairs is needed.
        """
        suspects: defaultdict[tuple[str, ...], defaultdict[str, list[tuple[int, str]]]] = defaultdict(lambda: defaultdict(list))
        for number, question in enumerate(crowds):
            for word, rest in _but_one(question.bag) if lexicon(question.language).free_words else ():
                for letters in _but_one_letter(word) if self._suspect(word) else ():
                    suspects[rest][letters].append((number, word))
        found: defaultdict[int, dict[int, float]] = defaultdict(dict)
        for number, question in enumerate(crowds) if suspects else ():
            for word, rest in _but_one(question.bag):
                for letters in _but_one_letter(word) if rest in suspects else ():
                    for other, slip in suspects[rest].get(letters, ())[:_COMPARED]:
                        if other == number or other in found[number]:
                            continue
                        if self._misspelt(word, slip) or self._misspelt(*_only_unshared(question.said, crowds[other].said)):
                            similarity = jaccard(_shingles(question.asked), _shingles(crowds[other].asked))
                            found[number][other] = found[other][number] = similarity
        return {number: links for number, links in found.items() if links}

    def _same(self, left: Question, right: Question) -> bool:
        """Whether two questions are the same whose bags of words are equal or one misspelt word apart."""
        mine, yours = _unshared(left.said, right.said)
        for different, question in ((mine, left), (yours, right)):
            if any(word in question.names or _has_number(word) for word in different):
                return False
        ours = list(left.asked)
        wrong, correct = _unshared(left.asked, right.asked)
        if wrong:
            ours[ours.index(wrong[0])] = correct[0]
        return tuple(ours) == right.asked or _moved(ours, list(right.asked))

    def _misspelt(self, one: str = "", other: str = "") -> bool:
        """Whether one of two words is a misspelling of the other. They may be in their plain form or as written."""
        if max(len(one), len(other)) < _MIN_TYPO_LETTERS:
            return False
        return (self._suspect(one) or self._suspect(other)) and one_slip(one, other)

    def _is_suspect(self, word: str) -> bool:
        """Whether a word is long enough for a plain form, only letters, not a function word, and not in the corpus."""
        if len(word) < _MIN_TYPO_LETTERS - 2 or not word.isalpha() or not contents([word]):
            return False
        return _plain(word) not in _vocabulary(_CorpusKey(self._context.chunks))


def comparable(triples: Sequence[Triple], context: FilterContext) -> set[int]:
    """Return the positions of all rows that can be the same question as another row, and of some more.

    Rows with the comparison key of another row are among them. The words of two such rows are equal except for at most
    one. So the sums of their word hashes are equal, with or without one word of each. This needs neither their
    languages nor a comparison of all pairs.
    """
    marked = [_marks(t.query) or _marks_read(t.query, passage_language(context.chunks[t.chunk_id])) for t in triples]
    count = Counter(itertools.chain.from_iterable(marked))
    return {row for row, marks in enumerate(marked) if any(count[mark] > 1 for mark in marks)}


def languages(triples: Iterable[Triple], context: FilterContext) -> Iterator[str]:
    """Yield the language of each row's chunk, guessed where the chunk has none."""
    return (passage_language(context.chunks[triple.chunk_id]) for triple in triples)


@functools.lru_cache(maxsize=16_384)
def read(query: str, language: str) -> Question:
    """Return the question of a query in `language`, a two-letter code.

    Only languages with `free_words` have words that may differ.
    """
    folded = key(query)
    own = _telling_words(language)
    if _contracted().search(folded):
        for pattern, plain in own.contractions:
            folded = pattern.sub(plain, folded)
    said = matter = _spelt(folded)
    if not folded.isascii() and _IS_UNSPACED.search(folded):
        matter = _spelt(_free_letters().sub("", folded))
    matter = [word for word in matter if word not in own.free]
    asked = [own.alike.get(word) or _plain(word) for word in matter] if own.free else matter
    return Question(tuple(said), tuple(asked or said), _names(query), language)


@functools.lru_cache(maxsize=131_072)
def _marks(query: str) -> tuple[int, ...]:
    """Return numbers of which two queries that are the same question share one; none for a query that must be read first."""
    folded = key(query)
    if _contracted().search(folded) or (not folded.isascii() and _IS_UNSPACED.search(folded)):
        return ()
    return _sums(folded.split())


def _marks_read(query: str, language: str) -> tuple[int, ...]:
    """Return these numbers for any query, with one that queries of the same key share whatever their languages."""
    return (*_sums(read(query, language).asked), hash(key(query)))


def _sums(found: Iterable[str]) -> tuple[int, ...]:
    """Return the sum of the words' numbers, and that sum without each of them."""
    numbers = [_number(word) for word in found]
    whole = sum(numbers)
    return tuple({whole, *(whole - number for number in numbers)})


@functools.lru_cache(maxsize=65_536)
def _number(word: str) -> int:
    """Return a number that is the same before and after `read`; 0 for a word that `read` may change in some language."""
    stem = _stem(word)
    return 0 if stem in _changing() else hash(stem)


def _stem(word: str) -> str:
    """Return the plain form of a word, applied until it is stable: the same before and after `read`, in every language."""
    while (plain := _plain(word)) != word:
        word = plain
    return word


@functools.lru_cache(maxsize=1)
def _vocabulary(corpus: _CorpusKey) -> frozenset[str]:
    """Return the plain forms of all words of the chunks."""
    found: set[str] = set()
    for chunk in corpus.chunks.values():
        found.update(words(chunk.text))
    return frozenset(map(_plain, found))


class _CorpusKey:
    """Chunks compared by object identity: comparing their contents would take longer than reading them."""

    def __init__(self, chunks: Mapping[str, Chunk]) -> None:
        self.chunks = chunks

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _CorpusKey) and self.chunks is other.chunks

    def __hash__(self) -> int:
        return id(self.chunks)


def never_same(left: Question, right: Question) -> bool:
    """Whether the questions differ in a number, a negation, a name or the question word.

    Then no similarity makes them the same.
    """
    mine, yours = _unshared(left.said, right.said)
    if any(_tells(word, left) for word in mine) or any(_tells(word, right) for word in yours):
        return True
    return _telling(left) != _telling(right)


def _tells(word: str, question: Question) -> bool:
    own = _telling_words(question.language)
    return word in question.names or _has_number(word) or word in own.negations or word in own.numbers


def _telling(question: Question) -> tuple[set[str], Counter[str]]:
    """Return question words by class, and in scripts without spaces everything that makes a question a different one."""
    own = _telling_words(question.language)
    asked = {own.alike.get(word, word) for word in question.said if word in own.asking}
    return asked, Counter(_telling_letters().findall("".join(question.said)))


def answers_agree(left: str | None, right: str | None) -> bool:
    """Whether two answers are equal, or have a token F1 of at least 0.8 and the same numbers and negations.

    Two missing answers agree.
    """
    if left is None or right is None:
        return left is right
    mine, yours = _counted(left), _counted(right)
    if mine == yours:
        return True
    shared = sum(min(n, yours[word]) for word, n in mine.items() if word in yours)
    if 2 * shared < _MIN_ANSWER_F1 * (sum(mine.values()) + sum(yours.values())):
        return False
    different = (word for word in {*mine, *yours} if mine.get(word) != yours.get(word))
    negations = of_all("negations")
    return not any(_has_number(word) or word in negations for word in different)


@functools.lru_cache(maxsize=16_384)
def _counted(answer: str) -> Mapping[str, int]:
    """Return how often an answer has each of its words."""
    return dict(Counter(_spelt(key(answer))))


def _spelt(folded: str) -> list[str]:
    """Return the words of a comparison key; single letters in scripts without spaces."""
    if folded.isascii() or not _IS_UNSPACED.search(folded):
        return folded.split()
    found: list[str] = _TOKEN.findall(folded)
    return found


def _names(query: str) -> frozenset[str]:
    """Return the words with a capital except the first; none where most words have one, as in a title."""
    if query == query.lower():
        return frozenset()
    runs = query.translate(_TO_SPACES).split() if query.isascii() else _LETTERS.findall(unicodedata.normalize("NFKC", query))
    capital = [run for run in runs[1:] if run != run.lower()]
    if len(runs) > 3 and len(capital) > 0.8 * (len(runs) - 1):
        return frozenset()
    return frozenset(word for run in capital for word in key(run).split())


def _shingles(bag: Iterable[str]) -> set[str]:
    """Return the character 4-grams of each word with its borders, so that the order of words does not matter."""
    return {padded[i : i + 4] for word in bag for padded in [f" {word} "] for i in range(max(1, len(padded) - 3))}


def _but_one(bag: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each word with the rest of the bag."""
    for i, word in enumerate(bag):
        yield word, (*bag[:i], *bag[i + 1 :])


def _but_one_letter(word: str) -> Iterator[str]:
    """Yield the word, and the word without each letter except the first; nothing for a short word."""
    if len(word) >= _MIN_TYPO_LETTERS - 2:
        yield from {word, *(word[:i] + word[i + 1 :] for i in range(1, len(word)))}


def _unshared(left: Sequence[str], right: Sequence[str]) -> tuple[list[str], list[str]]:
    more = Counter(left)
    more.subtract(right)
    found = [(word, n) for word, n in more.items() if n]
    return [word for word, n in found for _ in range(n)], [word for word, n in found for _ in range(-n)]


def _only_unshared(left: Sequence[str], right: Sequence[str]) -> tuple[str, str] | tuple[()]:
    """Return the one word of each side that the other lacks; nothing when there are more."""
    mine, yours = _unshared(left, right)
    return (mine[0], yours[0]) if len(mine) == len(yours) == 1 else ()


def _moved(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether one run of words has moved past another, each of two words or more, from or to an end of the query.

    Two names that change places do not count as moved: the words between them stay.
    """
    start, end = 0, len(left)
    while start < end and left[start] == right[start]:
        start += 1
    while end > start and left[end - 1] == right[end - 1]:
        end -= 1
    mine, yours = list(left[start:end]), list(right[start:end])
    return (start == 0 or end == len(left)) and any(mine[cut:] + mine[:cut] == yours for cut in range(2, len(mine) - 1))


def _plain(word: str) -> str:
    """Return the singular, where an s makes the plural; Russian and Ukrainian words without their last vowels."""
    if not word.isascii() and (ending := _inflection().search(word)):
        return word[: ending.start()]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("xes", "ches", "shes", "sses")) else word[:-1]


@dataclass(frozen=True, slots=True)
class _TellingWords:
    """The lexicon's lists about the words of a question. `alike` maps each word to the first of its class."""

    free: frozenset[str]
    alike: Mapping[str, str]
    asking: frozenset[str]
    negations: frozenset[str]
    numbers: frozenset[str]
    contractions: Sequence[tuple[regex.Pattern[str], str]]


@functools.cache
def _telling_words(language: str) -> _TellingWords:
    own = lexicon(language)
    return _TellingWords(
        free=own.free_words,
        alike={word: same.split()[0] for same in own.alike for word in same.split()},
        asking=own.question_words,
        negations=own.negations,
        numbers=frozenset([*own.number_words, *own.scales, *own.quantity_words]) - own.free_words,
        contractions=[(regex.compile(pattern), plain) for pattern, plain in own.contractions],
    )


@functools.cache
def _changing() -> frozenset[str]:
    """Return the plain forms of the words that `read` removes or replaces in some language."""
    changing = of_all("free_words").union(*(same.split() for one in lexicons() for same in one.alike))
    return frozenset(map(_stem, changing))


@functools.cache
def _contracted() -> regex.Pattern[str]:
    return _any_of(one.contracted for one in lexicons())


@functools.cache
def _free_letters() -> regex.Pattern[str]:
    return _any_of(one.free_letters for one in lexicons())


@functools.cache
def _telling_letters() -> regex.Pattern[str]:
    """Match negations, numbers and question words where there are no spaces (and in Korean, where they are parts of words)."""
    return _any_of(one.telling_letters for one in lexicons())


@functools.cache
def _inflection() -> regex.Pattern[str]:
    return _any_of(one.inflection for one in lexicons())


def _any_of(patterns: Iterable[str]) -> regex.Pattern[str]:
    return regex.compile("|".join(filter(None, patterns)))


def _has_number(word: str) -> bool:
    return any(letter.isnumeric() for letter in word)


_IS_UNSPACED = regex.compile(rf"[{UNSPACED}]")
_TOKEN = regex.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
_LETTERS = regex.compile(rf"[\p{{L}}\p{{N}}\p{{M}}--[{UNSPACED}]]+", regex.V1)
_TO_SPACES = {code: " " for code in range(128) if not chr(code).isalnum()}

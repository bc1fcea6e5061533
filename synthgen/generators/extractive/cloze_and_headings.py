"""Queries without an answer: the heading above a text, a sentence taken out of it, its key phrases.

They train a retriever; they are not questions. Heading and masked sentence (inverse cloze task; Lee et al. 2019,
"Latent Retrieval for Weakly Supervised Open Domain Question Answering") are the strongest of the unsupervised
generators. The key phrases follow RAKE (Rose et al. 2010) in cutting at stop words, and tf-idf in ranking. Not covered:
phrases that contain a stop word ("end of life"), and inflection.
"""

from __future__ import annotations

import functools
import math
import random
from collections import Counter
from collections.abc import Iterator

import regex

from synthgen.generators.extractive.corpus_statistics import HAN, UNSPACED_RUN, Counts
from synthgen.generators.extractive.passage import MAX_QUERY_CHARS, Candidate, ParsedPassage, Sentence, lone, tidy
from synthgen.text.fold import key
from synthgen.text.lexicon import of_all
from synthgen.text.words import contents, words

__all__ = ["headings", "keyphrases", "masked_sentences", "titled"]

_MIN_CONTENT_WORDS = 5
_SHORT_WORDS = 2  # a heading of at most so many words gets its parent
_MIN_REST_WORDS = 8

_PROSE = regex.compile(r"[\p{L}\p{M}\s,.'’、，。]")
_CLAUSE = regex.compile(r"[;:,，；：、—–](?=\s|\p{Han})")


def titled(breadcrumb: tuple[str, ...]) -> str:
    """Return the last heading, joined with those above it until it is meaningful alone; "" if none is.

    For example "Tarn agent: Configuration".
    """
    parts = [title for heading in breadcrumb if (title := lone(heading))]
    if not parts:
        return ""
    title, above = parts[-1], parts[:-1]
    while above and _needs_parent(title):
        parent = above.pop()
        if key(parent) not in key(title) and key(title) not in key(parent):
            title = f"{parent}{'：' if UNSPACED_RUN.search(parent) else ': '}{title}"
    return "" if key(title) in _generic() or len(title) > MAX_QUERY_CHARS else title


def headings(reading: ParsedPassage) -> Iterator[Candidate]:
    """Yield the breadcrumb, if the chunk is the first below it; then every heading inside the chunk, masked."""
    above = reading.chunk.headings
    if reading.opens and _usable(title := titled(above)):
        yield Candidate(title, "heading", score=1.0)
    for leaf, content in reading.leaves:
        if leaf.kind == "heading" and _usable(title := titled((*above, content.text))):
            yield Candidate(title, "heading", masks=((leaf.start, leaf.end),))


def masked_sentences(reading: ParsedPassage, counts: Counts) -> Iterator[Candidate]:
    """Yield sentences by falling idf mass, each removed from its own context. Enough of the chunk must remain."""
    total = len(words(reading.chunk.text))
    for sentence in reading.prose():
        query = _shortened(sentence.text)
        found = words(query)
        enough = len(set(contents(found))) >= _MIN_CONTENT_WORDS and total - len(words(sentence.text)) >= _MIN_REST_WORDS
        if enough and _is_prose(sentence) and _usable(query):
            yield Candidate(query, "sentence", masks=(sentence.span,), score=counts.mass(query))


def keyphrases(reading: ParsedPassage, counts: Counts, rng: random.Random) -> Iterator[Candidate]:
    """Yield one keyword query: the 2 to 5 best phrases of the chunk, best first, as long as it stays a short query."""
    scored = _phrases(reading, counts)
    best = sorted(scored, key=lambda phrase: (-scored[phrase], phrase))
    chosen: list[str] = []
    used: set[str] = set()
    wanted = rng.choice((2, 2, 3, 3, 4, 5))
    for phrase in best:
        parts = set(words(phrase))
        if parts & used:
            continue
        used |= parts
        chosen.append(phrase)
        if len(chosen) == wanted or len(" ".join(chosen)) > 60:
            break
    query = " ".join(chosen)
    if len(chosen) >= 2 and _usable(query):
        yield Candidate(query, "keyword", score=sum(scored[phrase] for phrase in chosen))


def _needs_parent(title: str) -> bool:
    generic = key(title) in _generic()
    if UNSPACED_RUN.search(title):
        return generic or len(title) <= 4
    return generic or len(words(title)) <= _SHORT_WORDS


def _usable(query: str) -> bool:
    return bool(regex.search(r"\p{L}", query)) and len(words(query)) >= 2


def _is_prose(sentence: Sentence) -> bool:
    """Whether the sentence is letters and spaces, not a line of code, a list of paths or an unparsed table row."""
    letters = len(_PROSE.findall(sentence.text))
    return letters >= 0.8 * len(sentence.text)


def _shortened(sentence: str) -> str:
    """Return the sentence, or its first clauses when it is too long for a query."""
    if len(sentence) > MAX_QUERY_CHARS:
        cuts = [m.start() for m in _CLAUSE.finditer(sentence, 60, MAX_QUERY_CHARS)]
        cut = cuts[-1] if cuts else sentence.rfind(" ", 0, MAX_QUERY_CHARS)
        sentence = sentence[: cut if cut > 0 else MAX_QUERY_CHARS]
    return tidy(sentence)


def _phrases(reading: ParsedPassage, counts: Counts) -> dict[str, float]:
    """Return candidate phrases, each with its frequency in the chunk times its mean idf, slightly favouring long ones."""
    found: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for sentence in reading.prose():
        for phrase in (*_spaced(sentence.text, counts), *_unspaced(sentence.text, counts)):
            found[key(phrase)] += 1
            shown.setdefault(key(phrase), phrase)
    scores = {}
    for folded, times in found.items():
        parts = words(folded)
        if parts:
            mean = sum(counts.idf(word) for word in parts) / len(parts)
            scores[shown[folded]] = mean * math.sqrt(times) * min(1.5, 1 + 0.25 * (len(parts) - 1))
    return scores


_PIECE = regex.compile(r"[^\s,.;:!?()\[\]{}<>\"“”„«»|/\\=*、，。；：？！（）「」《》]+(?:[.:_/-][\p{L}\p{N}]+)*")
_WORDLIKE = regex.compile(r"(?=.*\p{L})[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}_.:+#'’/-]*")


def _spaced(text: str, counts: Counts) -> Iterator[str]:
    """Yield runs of one to three content words with only spaces between them."""
    run: list[str] = []
    last = 0
    for match in _PIECE.finditer(text):
        piece = match.group()
        parts = words(piece)
        good = (
            _WORDLIKE.fullmatch(piece) is not None
            and not UNSPACED_RUN.search(piece)
            and bool(contents(parts))
            and not _weak().issuperset(parts)
            and sum(c.isdigit() for c in piece) * 2 <= len(piece)
            and not counts.common(parts)
        )
        if run and (not good or text[last : match.start()].strip() or len(run) == 3):
            yield " ".join(run)
            run = []
        if good:
            run.append(piece)
        last = match.end()
    if run:
        yield " ".join(run)


def _unspaced(text: str, counts: Counts) -> Iterator[str]:
    """Yield words of scripts without spaces, without pieces too long for a word, which the statistics could not cut."""
    for run in UNSPACED_RUN.findall(text):
        for segment in counts.segments(run):
            if 2 <= len(segment) <= (8 if HAN.match(segment) else 16):
                yield segment


@functools.cache
def _generic() -> frozenset[str]:
    """Return the headings that have no meaning without the one above them."""
    return frozenset(map(key, of_all("generic_headings")))


@functools.cache
def _weak() -> frozenset[str]:
    return of_all("weak_words")

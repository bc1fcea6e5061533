"""Training rows without an LLM: headings, masked sentences, key phrases, pattern-made questions, questions in the text.

Deterministic, offline and fast; every row says `generator="extractive:<rule>"`. Kinds of query: `heading`, `sentence`
and `keyword` have no answer and train a retriever only; `question` and `howto` have one, an exact span of the document.

Choices depend on the seed and the chunk's own text. The one thing that looks further is `Counts`, the corpus's document
frequencies: they rank sentences and phrases and cut unspaced scripts into words, so an edited file can change which sentence
of another file is chosen when two are nearly as good, and nothing else. A chunk's neighbour is looked at for one thing
only: whether the chunk starts right below its heading.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

from synthgen.generators import answered
from synthgen.generators.counts import Counts
from synthgen.generators.patterns import language
from synthgen.generators.reading import Candidate, Reading
from synthgen.generators.unanswered import headings, keyphrases, masked_sentences
from synthgen.records import Chunk, Skipped, Span, Triple, make_triple, random_for
from synthgen.text import key, words

__all__ = ["generate"]

_MAX_COPIED_WORDS = 8


def generate(
    chunks: Iterable[Chunk], *, per_chunk: int, seed: int, counts: Counts | None = None
) -> Iterator[Triple | Skipped]:
    """Rows of every chunk that has a split, in the order of the chunks; a chunk that gives none is a `Skipped`.

    Each chunk gives up to `per_chunk` rows without an answer (headings, sentences and key phrases by turns) and up to
    `per_chunk` rows with one, where a rule fires. `counts` are the corpus statistics; without them `chunks` is read
    twice, so a one-shot iterator is held in memory.
    """
    if counts is None:
        chunks = chunks if isinstance(chunks, Sequence) else list(chunks)
        counts = Counts(chunks)
    before: Chunk | None = None
    for chunk in chunks:
        if chunk.split:
            reading = Reading.of(chunk, opens=_opens_section(chunk, before))
            rows = _rows(reading, counts, per_chunk, seed)
            if rows:
                yield from rows
            else:
                yield Skipped(path=chunk.document_id, stage="generate", reason="no_rule_applies", chunk_id=chunk.id)
        before = chunk


def _rows(reading: Reading, counts: Counts, per_chunk: int, seed: int) -> list[Triple]:
    chunk = reading.chunk
    rng = random_for(seed, chunk.sha256, "extractive")
    proposals = {
        "heading": list(headings(reading)),
        "sentence": list(masked_sentences(reading, counts)),
        "keyphrase": list(keyphrases(reading, counts, rng)),
    }
    chosen = _by_turns(_answered(reading), per_chunk, rng) + _by_turns(proposals, per_chunk, rng)
    rows: dict[str, Triple] = {}
    for rule, candidate in chosen:
        rows.setdefault(key(candidate.query), _triple(chunk, rule, candidate))
    return list(rows.values())


def _answered(reading: Reading) -> dict[str, list[Candidate]]:
    spoken = language(reading.language)
    found = {"qa": list(answered.questions(reading, spoken)), "pattern": []}
    if spoken is not None:
        for rule in (answered.patterns, answered.terms, answered.tables):
            found["pattern"].extend(rule(reading, spoken))
    return {rule: [c for c in proposed if not _copies(reading, c)] for rule, proposed in found.items()}


def _by_turns(proposals: dict[str, list[Candidate]], wanted: int, rng: random.Random) -> list[tuple[str, Candidate]]:
    """The best of each rule, then the second best, until there are `wanted`; which rule begins is drawn."""
    queues = {rule: sorted(found, key=lambda c: (-c.score, c.query)) for rule, found in proposals.items()}
    rules = list(proposals)
    first = rng.randrange(len(rules))
    chosen: list[tuple[str, Candidate]] = []
    for rule in cycle(rules[first:] + rules[:first]):
        if len(chosen) == wanted or not any(queues.values()):
            return chosen
        if queues[rule]:
            chosen.append((rule, queues[rule].pop(0)))
    return chosen


def _copies(reading: Reading, candidate: Candidate) -> bool:
    """Whether the query repeats so long a run of its masked passage that it only has to be looked up."""
    text = reading.chunk.text
    for start, end in sorted(candidate.masks, reverse=True):
        text = text[:start] + text[end:]
    asked, there = words(candidate.query), " ".join(words(text))
    runs = (" ".join(asked[i : i + _MAX_COPIED_WORDS]) for i in range(len(asked) - _MAX_COPIED_WORDS + 1))
    return any(f" {run} " in f" {there} " for run in runs)


def _triple(chunk: Chunk, rule: str, candidate: Candidate) -> Triple:
    def in_document(span: Span) -> Span:
        return chunk.start + span[0], chunk.start + span[1]

    answer = candidate.answer
    return make_triple(
        chunk,
        candidate.query,
        chunk.text[answer[0] : answer[1]] if answer else None,
        kind=candidate.kind,
        generator=f"extractive:{rule}",
        quotes=(in_document(answer),) if answer else (),
        masks=tuple(in_document(span) for span in candidate.masks),
        metadata=dict(candidate.metadata),
    )


def _opens_section(chunk: Chunk, before: Chunk | None) -> bool:
    """Whether the heading line stands right above the chunk: the gap to its neighbour holds the heading, and little more.

    A chunk whose neighbour was left out (a sample, a duplicate) counts as a continuation.
    """
    if not chunk.headings:
        return False
    end = before.end if before is not None and before.document_id == chunk.document_id else 0
    gap = chunk.start - end
    return len(chunk.headings[-1]) <= gap <= 3 * sum(map(len, chunk.headings)) + 200

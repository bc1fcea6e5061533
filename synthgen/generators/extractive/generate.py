"""Training rows without an LLM: headings, masked sentences, key phrases, pattern questions, and questions of the text.

Deterministic, offline and fast. Every row has `generator="extractive:<rule>"`. Queries of kind `heading`, `sentence`
and `keyword` have no answer and train only a retriever. Queries of kind `question` and `howto` have one, an exact span
of the document.

Choices depend on the seed and the chunk's own text, with one exception: `Counts`, the corpus's document frequencies.
They rank sentences and key phrases and cut unspaced scripts into words. So an edited file can change which sentence or
phrase of another file comes first when two are nearly as good, but never a row with an answer. A chunk's neighbour is
used only to find out whether the chunk starts right below its heading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle

import regex

from synthgen.generators.extractive.cloze_and_headings import headings, keyphrases, masked_sentences
from synthgen.generators.extractive.corpus_statistics import Counts
from synthgen.generators.extractive.faq import questions
from synthgen.generators.extractive.passage import MAX_QUERY_CHARS, Candidate, ParsedPassage
from synthgen.generators.extractive.pattern_questions import patterns
from synthgen.generators.extractive.tables_and_lists import tables, terms
from synthgen.records import Chunk, Skipped, Span, Triple, make_triple, random_for
from synthgen.text.fold import key
from synthgen.text.lexicon import lexicon
from synthgen.text.words import copies, spelled_out, units

__all__ = ["generate"]

_MAX_COPIED_WORDS = 8
_ANSWERS = 2
_LETTER = regex.compile(r"\p{L}")
_LEFTOVER = regex.compile(r"&#?\w+;|\n|\]\(")
# Masked sentences contribute most of what an encoder learns from these rows; key phrases fill the rest.
_TURNS = ("sentence", "heading", "sentence", "keyphrase")


def generate(chunks: Iterable[Chunk], *, per_chunk: int, seed: int, counts: Counts | None = None) -> Iterator[Triple | Skipped]:
    """Yield rows of every chunk that has a split, in the order of the chunks; a chunk without rows gives a `Skipped`.

    Each chunk gives up to `per_chunk` rows without an answer (headings, sentences and key phrases by turns) and, where
    a rule applies, up to twice as many with one. `counts` are the corpus statistics; without them `chunks` is read
    twice, so a one-shot iterator is held in memory.
    """
    if counts is None:
        chunks = chunks if isinstance(chunks, Sequence) else list(chunks)
        counts = Counts(chunks)
    before: Chunk | None = None
    for chunk in chunks:
        if chunk.split:
            reading = ParsedPassage.of(chunk, opens=_opens_section(chunk, before))
            rows = _rows(reading, counts, per_chunk, seed)
            if rows:
                yield from rows
            else:
                yield Skipped(path=chunk.document_id, stage="generate", reason="no_rule_applies", chunk_id=chunk.id)
        before = chunk


def _rows(reading: ParsedPassage, counts: Counts, per_chunk: int, seed: int) -> list[Triple]:
    chunk = reading.chunk
    rng = random_for(seed, chunk.sha256, "extractive")
    answering = _answering(reading)
    asking = {
        "heading": list(headings(reading)),
        "sentence": sorted(masked_sentences(reading, counts), key=lambda candidate: -candidate.score),
        "keyphrase": list(keyphrases(reading, counts, rng)),
    }
    for candidates in answering.values():
        rng.shuffle(candidates)
    chosen = [
        *_by_turns(reading, answering, ("qa", "pattern"), _ANSWERS * per_chunk),
        *_by_turns(reading, asking, _TURNS, per_chunk),
    ]
    rows: dict[str, Triple] = {}
    for rule, candidate in chosen:
        rows.setdefault(key(candidate.query), _triple(chunk, rule, candidate))
    return list(rows.values())


def _answering(reading: ParsedPassage) -> dict[str, list[Candidate]]:
    """Return the proposals of the rules with an answer, by rule. Only `qa` works in a language without a table."""
    spoken = lexicon(reading.language).rules
    found = {"qa": list(questions(reading, spoken)), "pattern": []}
    if spoken is not None:
        for rule in (patterns, terms, tables):
            found["pattern"].extend(rule(reading, spoken))
    return found


def _by_turns(
    reading: ParsedPassage, proposed: Mapping[str, Sequence[Candidate]], turns: Sequence[str], wanted: int
) -> Iterator[tuple[str, Candidate]]:
    """Return the first of each rule in the order of `turns`, repeatedly, until there are `wanted` or none is left."""
    queues = {rule: iter(candidates) for rule, candidates in proposed.items()}
    order = cycle(turns)
    while wanted and queues:
        rule = next(order)
        candidate = next((c for c in queues.get(rule, ()) if _reads_well(c.query) and not _copies(reading, c)), None)
        if candidate is None:
            queues.pop(rule, None)
        else:
            wanted -= 1
            yield rule, candidate


def _reads_well(query: str) -> bool:
    """Whether a query is one line with letters, of a query's length, without leftovers of markup."""
    return 2 <= len(query) <= MAX_QUERY_CHARS and _LETTER.search(query) is not None and _LEFTOVER.search(query) is None


def _copies(reading: ParsedPassage, candidate: Candidate) -> bool:
    """Whether the query repeats so long a run of its masked passage that a search only has to look it up."""
    text = reading.chunk.text
    for start, end in sorted(candidate.masks, reverse=True):
        text = text[:start] + text[end:]
    return copies(units(candidate.query), spelled_out(text), _MAX_COPIED_WORDS)


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
    """Whether the heading line is right above the chunk: the gap to its neighbour holds the heading, and little more.

    A chunk whose neighbour was left out (a sample, a duplicate) counts as a continuation.
    """
    if not chunk.headings:
        return False
    end = before.end if before is not None and before.document_id == chunk.document_id else 0
    gap = chunk.start - end
    return len(chunk.headings[-1]) <= gap <= 3 * sum(map(len, chunk.headings)) + 200

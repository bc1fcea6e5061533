"""RAFT rows: a question among documents, of which one, or none, holds the answer (Zhang et al. 2024, arXiv 2403.10131).

The seven fields, their types and their nesting are those of the reference script (ShishirPatil/gorilla, `raft/`): `id`,
`type`, `question`, `context` (titles and sentences, each a list of one list), `oracle_context`, `cot_answer`,
`instruction`. Two are added: `oracle_position` (index among the documents, null without oracle) and `oracle_mode`
(`oracle`, or `memorise`: the answer is there to be learnt, though no document shows it).

Unlike the reference

- the share `p` of rows with oracle is met exactly, `floor(n·p + ½)` of the n rows of a split, and so are its positions:
  within the rows of equal document count no position is used more than once more often than another;
- ids come from content, choices from the seed and the row's id, and a position is read off the final list;
- a document never stands in a row twice. A dropped oracle is replaced by one more distractor, or by none when the row has
  no more: such rows, and all with fewer documents than asked, are counted as `fewer_documents`;
- text that would break the layout (`<DOCUMENT>` tags, quote and answer marks) is escaped as HTML would, in every field;
- a quote is shown only where its document is, so that rows without oracle do not teach quoting what is not there. The
  quote is the sentence around the span that grounding found. No reasoning is invented: without an LLM's, the answer's
  evidence and the answer are all there is.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any

import regex
from pydantic import Field

from synthgen.exporters import Context
from synthgen.records import Chunk, Triple, digest, passage, random_for
from synthgen.text import sentences

__all__ = ["raft"]

_LAYOUT = regex.compile(r"<(?=\s*/?\s*DOCUMENT\s*>|\s*ANSWER\s*>)|##(?=(?:begin|end)_quote##)", regex.IGNORECASE)
_ESCAPES = {"<": "&lt;", "##": "&#35;&#35;"}


def raft(
    triples: Sequence[Triple],
    context: Context,
    *,
    p: Annotated[float, Field(ge=0, le=1, description="share of rows whose documents include the oracle")] = 0.8,
    documents: Annotated[int, Field(ge=2, description="documents of a row, the oracle included")] = 5,
) -> Generator[dict[str, Any], None, Mapping[str, int]]:
    """One row for each answered triple, in the given order. Returns how many have fewer documents than asked."""
    fewer = 0
    for triple, place in zip(triples, _places(triples, context.seed, p, documents), strict=True):
        row = _row(triple, context, place, documents)
        fewer += len(row["context"]["sentences"][0]) < documents
        yield row
    return {"fewer_documents": fewer} if fewer else {}


def _places(triples: Sequence[Triple], seed: int, p: float, documents: int) -> list[int | None]:
    """The oracle's position in each row, None in those without: by rank of a digest of the row's content."""
    ranked = sorted(range(len(triples)), key=lambda i: digest([seed, "raft", triples[i].id]))
    quota = int(len(ranked) * Fraction(str(p)) + Fraction(1, 2))
    places: list[int | None] = [None] * len(ranked)
    orders: dict[int, Iterator[int]] = {}
    for i in ranked[:quota]:
        size = min(documents, 1 + len(triples[i].distractors))
        if size not in orders:
            orders[size] = itertools.cycle(random_for(seed, "raft", str(size)).sample(range(size), size))
        places[i] = next(orders[size])
    return places


def _row(triple: Triple, context: Context, place: int | None, documents: int) -> dict[str, Any]:
    source = context.chunks[triple.chunk_id]
    oracle = (context.title(source.document_id), _escape(passage(triple, source)))
    others = [context.chunks[d.chunk_id] for d in triple.distractors[: documents - (place is not None)]]
    random_for(context.seed, "raft", triple.id).shuffle(others)
    shown = [(context.title(chunk.document_id), _escape(chunk.text)) for chunk in others]
    if place is not None:
        shown.insert(place, oracle)
    question = _escape(" ".join(triple.query.split()))
    return {
        "id": triple.id,
        "type": "general",
        "question": question,
        "context": {"title": [[title for title, _ in shown]], "sentences": [[text for _, text in shown]]},
        "oracle_context": oracle[1],
        "cot_answer": _answer(triple, source, oracle[1] if place is not None else ""),
        "instruction": "".join(f"<DOCUMENT>{text}</DOCUMENT>\n" for _, text in shown) + question,
        "oracle_position": shown.index(oracle) if place is not None else None,
        "oracle_mode": "memorise" if place is None else "oracle",
    }


def _answer(triple: Triple, source: Chunk, shown: str) -> str:
    quotes = dict.fromkeys(quote for span in triple.quotes if (quote := _evidence(span, source, shown)))
    lines = [f"##begin_quote##{quote}##end_quote##" for quote in quotes]
    if triple.reasoning:
        lines.insert(0, triple.reasoning.strip())
    return "\n".join([*lines, f"<ANSWER>: {_escape((triple.answer or '').strip())}"])


def _evidence(span: tuple[int, int], source: Chunk, shown: str) -> str:
    """The sentences that the span touches, or the span alone, whichever the shown oracle has; else nothing."""
    start, end = span[0] - source.start, span[1] - source.start
    touched = [s for s in sentences(source.text) if s[0] < end and start < s[1]]
    if touched:
        sentence = _escape(source.text[touched[0][0] : touched[-1][1]])
        if sentence in shown:
            return sentence
    quote = _escape(source.text[start:end])
    return quote if quote in shown else ""


def _escape(text: str) -> str:
    if "<" not in text and "##" not in text:
        return text
    return _LAYOUT.sub(lambda match: _ESCAPES[match.group()], text)

"""Rows for bi-encoders and cross-encoders, as sentence-transformers reads them.

Its losses take columns by position: the query, then the passages. Only `label` and `scores` are known by name, and any other
column would be read as one more text, so no row has an id or metadata.

The positive is the passage as the row shows it, so a sentence that became the query is not in it. Where a row has one
positive it is the source: a further positive in a row of its own would be a negative of the same query in the same batch.
`st-labeled-pair`, which no loss with in-batch negatives reads, has them all. Rows often share a passage, so such losses want
`BatchSamplers.NO_DUPLICATES`.

Negatives are the mined distractors, in their stored order. With `fill`, those of the same document and random ones follow
where the mined ones are too few; they are easier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from synthgen.exporters.context import ExportContext, Rows
from synthgen.records import Distractor, Triple, passage
from synthgen.retrieval.passages import is_hidden

__all__ = [
    "Fill",
    "distillable",
    "negatives_of",
    "positives_of",
    "st_kd",
    "st_labeled_pair",
    "st_ntuple",
    "st_pair",
    "st_triplet",
]

Exactly = Annotated[int, Field(ge=1, description="negatives of every row; rows with fewer are left out and counted")]
Fill = Annotated[bool, Field(description="whether distractors that no search found may fill up: same document, random")]


def st_pair(triples: Sequence[Triple], context: ExportContext) -> Iterator[dict[str, str]]:
    """`anchor`, `positive`."""
    for triple in triples:
        yield {"anchor": triple.query, "positive": _source(triple, context)}


def st_triplet(triples: Sequence[Triple], context: ExportContext) -> Iterator[dict[str, str]]:
    """`anchor`, `positive`, `negative`: the first mined distractor. Random ones are no hard negatives."""
    for triple, row in zip(triples, st_pair(triples, context), strict=True):
        yield {**row, "negative": context.chunks[negatives_of(triple)[0].chunk_id].text}


def st_ntuple(triples: Sequence[Triple], context: ExportContext, *, negatives: Exactly = 2, fill: Fill = False) -> Rows:
    """`anchor`, `positive`, `negative_1` … `negative_n`, with the same n in every row. Notes `too_few_negatives`."""
    left_out: Counter[str] = Counter()
    for triple, row in zip(triples, st_pair(triples, context), strict=True):
        found = negatives_of(triple, fill=fill)
        if len(found) < negatives:
            left_out["too_few_negatives"] += 1
        else:
            yield {**row, **_numbered(found[:negatives], context)}
    return left_out


def st_labeled_pair(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    negatives: Annotated[int, Field(ge=1, description="negatives for each query, at most")] = 5,
    fill: Fill = False,
) -> Rows:
    """`anchor`, `document`, `label`: 1 for each positive of the query, then 0 for each negative. Notes how many of each.

    A pair is there once, also where several rows ask the same.
    """
    balance: Counter[str] = Counter()
    seen: set[int] = set()
    for triple in triples:
        right = positives_of(triple, context).values()
        wrong = (context.chunks[d.chunk_id].text for d in negatives_of(triple, fill=fill)[:negatives])
        for label, documents in ((1, right), (0, wrong)):
            for document in documents:
                pair = hash((triple.query, document))
                if pair not in seen:
                    seen.add(pair)
                    balance[f"label_{label}"] += 1
                    yield {"anchor": triple.query, "document": document, "label": label}
    return balance


def st_kd(triples: Sequence[Triple], context: ExportContext, *, negatives: Exactly = 2) -> Rows:
    """`query`, `positive`, `negative_1` … `negative_n`, `scores`: what the search that mined the negatives says of each passage.

    The scores are range-normalised, since raw ones of the source are not stored: 1 is the source's own score, 0 the 51st best
    of the query. All of a row are by one judge, the one that found most of its negatives. Margins are therefore at most 1, which
    suits MarginMSE over cosines; DistillKLDiv wants a `teacher_temperature` well below 1.

    Notes the rows left out: `too_few_negatives` (mined ones by one judge that stand above 0) and `hidden_query` (the query was
    made from text that the judge read and the row does not show, so the score of its passage is of another text).
    """
    left_out: Counter[str] = Counter()
    for triple in triples:
        found = distillable(triple)[:negatives]
        if is_hidden(triple, context.chunks[triple.chunk_id]):
            left_out["hidden_query"] += 1
        elif len(found) < negatives:
            left_out["too_few_negatives"] += 1
        else:
            row = {"query": triple.query, "positive": _source(triple, context), **_numbered(found, context)}
            yield {**row, "scores": [1.0, *(d.relative for d in found)]}
    return left_out


def positives_of(triple: Triple, context: ExportContext) -> dict[str, str]:
    """The texts of the positives as the row shows them, by chunk id, the source first; equal texts are there once."""
    shown: dict[str, str] = {}
    for chunk in (context.chunks[positive] for positive in triple.positives):
        # Masks are spans of the row's document and mean nothing in another.
        text = passage(triple, chunk) if chunk.document_id == triple.document_id else chunk.text
        if text.strip() and text not in shown.values():
            shown[chunk.id] = text
    return shown


def negatives_of(triple: Triple, *, fill: bool = False) -> list[Distractor]:
    """The mined distractors; then, with `fill`, the others."""
    mined = [d for d in triple.distractors if d.mined]
    return mined + [d for d in triple.distractors if fill and not d.mined]


def distillable(triple: Triple) -> list[Distractor]:
    """The mined distractors whose scores are on one scale with the source's.

    They are by the judge that found most of them (of equals, the first by name). One at 0 does not stand above the floor, or the
    source itself does not, so its share of the source's score says nothing.
    """
    scored = [d for d in triple.distractors if d.mined and d.relative > 0]
    counts = Counter(d.found_by for d in scored)
    judge = min(counts, key=lambda name: (-counts[name], name), default="")
    return [d for d in scored if d.found_by == judge]


def _source(triple: Triple, context: ExportContext) -> str:
    return passage(triple, context.chunks[triple.chunk_id])


def _numbered(negatives: Sequence[Distractor], context: ExportContext) -> dict[str, str]:
    return {f"negative_{n}": context.chunks[d.chunk_id].text for n, d in enumerate(negatives, 1)}

"""Training rows for bi-encoders and cross-encoders in the layout of sentence-transformers.

Its losses take columns by position: the query, then the passages. They know `label` and `scores` by name and read any
other column as one more text, so no row has an id or metadata.

The positive is the passage without the row's masked spans, so a sentence that became the query is not in it. In formats
with one positive it is the source: a further positive in a row of its own would be a negative of the same query in the
same batch. `st-labeled-pair` has all positives, because no loss with in-batch negatives reads it. Rows often share a
passage, so losses with in-batch negatives need `BatchSamplers.NO_DUPLICATES`.

Negatives are the mined distractors, in their stored order. With `fill`, rows with too few of them also get distractors
of the same document and random ones, which are easier.
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
Fill = Annotated[bool, Field(description="fill up with distractors that no search found: same document, random")]


def st_pair(triples: Sequence[Triple], context: ExportContext) -> Iterator[dict[str, str]]:
    """Yield `anchor`, `positive`."""
    for triple in triples:
        yield {"anchor": triple.query, "positive": _source(triple, context)}


def st_triplet(triples: Sequence[Triple], context: ExportContext) -> Iterator[dict[str, str]]:
    """Yield `anchor`, `positive`, `negative`. The negative is the first mined distractor; a random one is not a hard negative."""
    for triple, row in zip(triples, st_pair(triples, context), strict=True):
        yield {**row, "negative": context.chunks[negatives_of(triple)[0].chunk_id].text}


def st_ntuple(triples: Sequence[Triple], context: ExportContext, *, negatives: Exactly = 2, fill: Fill = False) -> Rows:
    """Yield `anchor`, `positive`, `negative_1` … `negative_n`, with the same n in every row. Counts `too_few_negatives`."""
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
    """Yield `anchor`, `document`, `label`: 1 for each positive of the query, 0 for each negative. Counts the rows of
    each label.

    Equal pairs are written once, also when several rows ask the same question.
    """
    balance: Counter[str] = Counter()
    seen: set[int] = set()
    for triple in triples:
        positives = positives_of(triple, context).values()
        negative_texts = (context.chunks[d.chunk_id].text for d in negatives_of(triple, fill=fill)[:negatives])
        for label, documents in ((1, positives), (0, negative_texts)):
            for document in documents:
                pair = hash((triple.query, document))
                if pair not in seen:
                    seen.add(pair)
                    balance[f"label_{label}"] += 1
                    yield {"anchor": triple.query, "document": document, "label": label}
    return balance


def st_kd(triples: Sequence[Triple], context: ExportContext, *, negatives: Exactly = 2) -> Rows:
    """Yield `query`, `positive`, `negative_1` … `negative_n` and `scores`: the search's score of each passage.

    The scores are range-normalised, because the raw score of the source is not stored: 1 is the score of the source, 0
    the 51st best of the query. All scores of a row come from one retriever, the one that found most of its negatives.
    Margins are therefore at most 1, which suits MarginMSE over cosines; DistillKLDiv needs a `teacher_temperature` well
    below 1.

    Counts the rows left out: `too_few_negatives` (too few mined ones of one retriever with a score above 0) and
    `hidden_query` (the query was made from text that the retriever read and the row hides, so the score belongs to
    another text).
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
    """Return the texts of the positives without masked spans, by chunk id, the source first. Equal texts are kept once."""
    texts: dict[str, str] = {}
    for chunk in (context.chunks[positive] for positive in triple.positives):
        # Masks are spans of the row's document and mean nothing in another.
        text = passage(triple, chunk) if chunk.document_id == triple.document_id else chunk.text
        if text.strip() and text not in texts.values():
            texts[chunk.id] = text
    return texts


def negatives_of(triple: Triple, *, fill: bool = False) -> list[Distractor]:
    """Return the mined distractors; with `fill`, the others after them."""
    mined = [d for d in triple.distractors if d.mined]
    return mined + [d for d in triple.distractors if fill and not d.mined]


def distillable(triple: Triple) -> list[Distractor]:
    """Return the mined distractors whose scores are on one scale with the source's.

    They come from the retriever that found most of them (the first by name in a tie). A distractor with a score of 0 is
    left out: either it or the source is not above the floor, so its share of the source's score carries no information.
    """
    scored = [d for d in triple.distractors if d.mined and d.relative > 0]
    counts = Counter(d.found_by for d in scored)
    retriever = min(counts, key=lambda name: (-counts[name], name), default="")
    return [d for d in scored if d.found_by == retriever]


def _source(triple: Triple, context: ExportContext) -> str:
    return passage(triple, context.chunks[triple.chunk_id]).strip()


def _numbered(negatives: Sequence[Distractor], context: ExportContext) -> dict[str, str]:
    return {f"negative_{n}": context.chunks[d.chunk_id].text for n, d in enumerate(negatives, 1)}

"""Rows for FlagEmbedding (BGE), as its fine-tuning of embedders and rerankers reads them.

One file is one data set: name it, not the folder, in `train_data`, or the trainer takes dev and test rows as well. It draws
one positive and `train_group_size - 1` negatives of each row, and divides by the number of negatives when these are too
few: a row without any is left out. Scores are read with `knowledge_distillation` only, one for each passage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.contrastive import Fill, distillable, negatives_of, positives_of
from synthgen.records import Triple
from synthgen.retrieval.passages import is_hidden

__all__ = ["flagembedding"]


def flagembedding(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    negatives: Annotated[int, Field(ge=1, description="negatives of a row, at most")] = 15,
    fill: Fill = False,
    scores: Annotated[bool, Field(description="teacher scores, for knowledge distillation; `fill` adds nothing then")] = False,
    prompt: Annotated[
        str, Field(description="in place of the instruction that the trainer is given for queries; empty: none")
    ] = "",
    type: Annotated[
        Literal["", "retrieval", "only_1neg"],
        Field(description="retrieval or only_1neg: how the trainer groups the file; empty: not said"),
    ] = "",
) -> Rows:
    """`query`, `pos` (every positive), `neg`; also `pos_scores`, `neg_scores`, `prompt`, `type` where the options say so.

    The scores are those of `st-kd`, and leave out the same rows; the source is the only positive then, because nothing has
    scored the others by the same judge.
    """
    left_out: Counter[str] = Counter()
    constant = {name: value for name, value in (("prompt", prompt), ("type", type)) if value}
    for triple in triples:
        found = (distillable(triple) if scores else negatives_of(triple, fill=fill))[:negatives]
        if scores and is_hidden(triple, context.chunks[triple.chunk_id]):
            left_out["hidden_query"] += 1
            continue
        if not found:
            left_out["too_few_negatives"] += 1
            continue
        right = list(positives_of(triple, context).values())
        wrong = [context.chunks[d.chunk_id].text for d in found]
        row: dict[str, Any] = {"query": triple.query, "pos": right[:1] if scores else right, "neg": wrong}
        if scores:
            row |= {"pos_scores": [1.0], "neg_scores": [d.relative for d in found]}
        yield row | constant
    return left_out

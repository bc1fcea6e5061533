"""Rows for FlagEmbedding (BGE), for fine-tuning of embedders and rerankers.

One file is one data set: `train_data` must name the file, not the folder, or the trainer also takes dev and test rows.
The trainer draws one positive and `train_group_size - 1` negatives from each row. When there are fewer, it divides by
their number, so rows without negatives are left out. It reads scores, one for each passage, only with
`knowledge_distillation`.
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
    negatives: Annotated[int, Field(ge=1, description="maximum number of negatives of a row")] = 15,
    fill: Fill = False,
    scores: Annotated[
        bool, Field(description="write teacher scores for knowledge distillation; `fill` has no effect then")
    ] = False,
    prompt: Annotated[str, Field(description="replaces the trainer's instruction for queries; empty: no such field")] = "",
    type: Annotated[
        Literal["", "retrieval", "only_1neg"],
        Field(description="retrieval or only_1neg: how the trainer groups the file; empty: no such field"),
    ] = "",
) -> Rows:
    """Yield `query`, `pos` (every positive) and `neg`; `pos_scores`, `neg_scores`, `prompt` and `type` when the options
    ask for them.

    The scores are those of `st-kd`, and the same rows are left out. With scores the source is the only positive,
    because the other positives have no score from the same retriever.
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
        positives = list(positives_of(triple, context).values())
        negative_texts = [context.chunks[d.chunk_id].text for d in found]
        row: dict[str, Any] = {"query": triple.query, "pos": positives[:1] if scores else positives, "neg": negative_texts}
        if scores:
            row |= {"pos_scores": [1.0], "neg_scores": [d.relative for d in found]}
        yield row | constant
    return left_out

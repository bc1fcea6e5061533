"""Fine-tuning a bi-encoder on rows: each query must find its passage among those of its batch.

The loss is MultipleNegativesRankingLoss (InfoNCE with in-batch negatives); a batch never holds the same passage twice,
nor two of one near-duplicate group, for such a row would be a negative of its twin. A plain loop instead of the library's
trainer: it starts at once, keeps no checkpoint, writes to no terminal and can leave words of a query out.

Leaving out half of each query's tokens (built-in encoder only) turns sentences into something nearer to the few words
that people type; larger batches and a soft temperature keep a small corpus from being learnt by heart.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthgen.config import Training
from synthgen.records import Chunk, Event, OnEvent, Triple, random_for
from synthgen.retrieval.passages import shown_text
from synthgen.training.encoder import Encoder, one_thread

if TYPE_CHECKING:
    import torch

__all__ = ["Row", "batches", "finetune", "training_rows"]

_SMALLEST_BATCH = 2
_WARM_UP = 0.1  # share of the steps in which the learning rate rises


@dataclass(frozen=True, slots=True)
class Row:
    """A query and its passage. Rows of equal `twins` are never negatives of each other."""

    query: str
    passage: str
    twins: str


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What fits a kind of encoder; `Training` overrides the first three."""

    epochs: int
    batch_size: int
    learning_rate: float
    scale: float  # inverse temperature of the softmax over cosines
    query_dropout: float


_STATIC = _Recipe(epochs=6, batch_size=256, learning_rate=0.01, scale=10.0, query_dropout=0.5)
_OTHERS = _Recipe(epochs=1, batch_size=32, learning_rate=2e-5, scale=20.0, query_dropout=0.0)


def training_rows(triples: Sequence[Triple], chunks: Sequence[Chunk]) -> list[Row]:
    """The rows of split train. The passage is what the row shows: without the sentence or heading its query was made from."""
    by_id = {chunk.id: chunk for chunk in chunks}
    documents: dict[str, set[str]] = {}
    for chunk in chunks:
        documents.setdefault(chunk.group, set()).add(chunk.document_id)
    rows = []
    for triple in triples:
        if triple.split == "train":
            chunk = by_id[triple.chunk_id]
            shared = chunk.group and len(documents[chunk.group]) > 1
            rows.append(Row(triple.query, shown_text(triple, chunk), chunk.group if shared else chunk.sha256))
    return rows


def finetune(
    encoder: Encoder, rows: Sequence[Row], *, settings: Training, seed: int, on_event: OnEvent | None = None
) -> dict[str, Any]:
    """Tune `encoder` in place; returns the settings used. Equal encoder, rows and seed give equal weights on one machine."""
    import torch
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    recipe = _STATIC if encoder.is_static else _OTHERS
    epochs, size = settings.epochs or recipe.epochs, settings.batch_size or recipe.batch_size
    rate = settings.learning_rate or recipe.learning_rate
    draw = random_for(seed, "finetune")
    plan = [batches([row.twins for row in rows], size, draw) for _ in range(epochs)]
    steps = [batch for epoch in plan for batch in epoch]

    with one_thread(encoder.is_static), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loss = MultipleNegativesRankingLoss(encoder.model, scale=recipe.scale)
        optimizer = _optimizer(encoder, rate)
        encoder.model.train()
        for step, batch in enumerate(steps):
            for group in optimizer.param_groups:
                group["lr"] = rate * _pace(step, len(steps))
            queries = _features(encoder, [rows[i].query for i in batch], encoder.query_prompt, recipe.query_dropout)
            passages = _features(encoder, [rows[i].passage for i in batch], encoder.passage_prompt)
            optimizer.zero_grad()
            loss([queries, passages], None).backward()
            optimizer.step()
            if on_event:
                on_event(Event("training", step + 1, len(steps)))
        encoder.model.eval()
    return {"epochs": epochs, "batch_size": size, "learning_rate": rate, "scale": recipe.scale, "steps": len(steps)}


def batches(twins: Sequence[str], size: int, draw: random.Random) -> list[list[int]]:
    """All row numbers in random order, cut so that no batch holds two rows of equal twins.

    A row that clashes waits for the next batch. What is left at the end may fill smaller batches; a row left alone has no
    negative and is left out.
    """
    waiting = list(range(len(twins)))
    draw.shuffle(waiting)
    found = []
    while waiting:
        batch: list[int] = []
        seen: set[str] = set()
        later = []
        for at, row in enumerate(waiting):
            if len(batch) == size:
                later.extend(waiting[at:])
                break
            if twins[row] in seen:
                later.append(row)
            else:
                seen.add(twins[row])
                batch.append(row)
        found.append(batch)
        waiting = later
    return [batch for batch in found if len(batch) >= _SMALLEST_BATCH]


def _optimizer(encoder: Encoder, rate: float) -> torch.optim.Optimizer:
    """Lazy Adam for token vectors: a batch touches few of them, and one that is not touched must not move."""
    import torch

    if not encoder.is_static:
        return torch.optim.AdamW(encoder.model.parameters(), lr=rate)
    encoder.model[0].embedding.sparse = True
    return torch.optim.SparseAdam(list(encoder.model.parameters()), lr=rate)


def _pace(step: int, steps: int) -> float:
    """Share of the learning rate: up in the first tenth, then down to nearly nothing."""
    rising = max(1, round(_WARM_UP * steps))
    return min((step + 1) / rising, (steps - step) / max(1, steps - rising + 1), 1.0)


def _features(encoder: Encoder, texts: list[str], prompt: str | None, dropout: float = 0.0) -> dict[str, Any]:
    features: dict[str, Any] = encoder.model.preprocess(texts, prompt=prompt)
    if dropout:
        return _thinned(features, dropout)
    return {name: value.to(encoder.model.device) if hasattr(value, "to") else value for name, value in features.items()}


def _thinned(features: dict[str, Any], dropout: float) -> dict[str, Any]:
    """The same bags of tokens, each token left out with this probability; a bag that would be empty stays whole."""
    import torch

    ids, offsets = features["input_ids"], features["offsets"]
    bag = torch.bucketize(torch.arange(len(ids)), offsets, right=True) - 1
    keep = torch.rand(len(ids)) >= dropout
    kept = torch.zeros(len(offsets), dtype=torch.long).index_add_(0, bag, keep.long())
    keep |= kept[bag] == 0
    counts = torch.zeros(len(offsets), dtype=torch.long).index_add_(0, bag, keep.long())
    return {**features, "input_ids": ids[keep], "offsets": torch.cumsum(counts, 0) - counts}

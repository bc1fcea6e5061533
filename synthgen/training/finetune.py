"""Fine-tune a bi-encoder on rows: each query must find its passage among those of its batch.

The loss is MultipleNegativesRankingLoss (InfoNCE with in-batch negatives). A batch never contains the same passage
twice, nor two passages of one near-duplicate group, because each would be a negative of its twin. A plain loop replaces
the library's trainer: it starts at once, keeps no checkpoints, writes nothing to the terminal, and can drop words of a
query.

Dropping half of each query's tokens (built-in encoder only) makes sentences more like the few words that people type.
Larger batches, a high temperature, and weights drawn back towards the base (Wortsman et al. 2022, "Robust fine-tuning
of zero-shot models") reduce overfitting to a small corpus.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.config.settings import Training
from synthgen.records import Chunk, Event, OnEvent, Triple, random_for
from synthgen.retrieval.passages import shown_text
from synthgen.training.encoder import Encoder, one_thread

__all__ = ["TrainingPair", "batches", "finetune", "training_rows"]

_SMALLEST_BATCH = 2
_WARM_UP = 0.1  # share of the steps in which the learning rate rises


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A query and its passage. Pairs with equal `twins` are never negatives of each other."""

    query: str
    passage: str
    twins: str


@dataclass(frozen=True, slots=True)
class _Recipe:
    """The defaults of a kind of encoder; `Training` overrides the first three."""

    epochs: int
    batch_size: int
    learning_rate: float
    scale: float  # inverse temperature of the softmax over cosines
    query_dropout: float
    kept_change: float  # 1 keeps the tuned weights, 0 would give the base back


_STATIC = _Recipe(epochs=10, batch_size=256, learning_rate=0.005, scale=12.0, query_dropout=0.5, kept_change=0.7)
_OTHERS = _Recipe(epochs=1, batch_size=32, learning_rate=2e-5, scale=20.0, query_dropout=0.0, kept_change=1.0)


def training_rows(triples: Sequence[Triple], chunks: Sequence[Chunk]) -> list[TrainingPair]:
    """Return the train rows as pairs. The passage has no text that the row hides.

    Unlike in the contrastive exports, rows flagged as ambiguous are included: most are headings and sentences that
    several pages share, and what they teach about these pages outweighs the few contradictions in a batch
    (`benchmarks/README.md`).
    """
    by_id = {chunk.id: chunk for chunk in chunks}
    documents: dict[str, set[str]] = {}
    for chunk in chunks:
        documents.setdefault(chunk.group, set()).add(chunk.document_id)
    rows = []
    for triple in triples:
        if triple.split == "train":
            chunk = by_id[triple.chunk_id]
            shared = chunk.group and len(documents[chunk.group]) > 1
            rows.append(TrainingPair(triple.query, shown_text(triple, chunk), chunk.group if shared else chunk.sha256))
    return rows


def finetune(
    encoder: Encoder, rows: Sequence[TrainingPair], *, settings: Training, seed: int, on_event: OnEvent | None = None
) -> dict[str, Any]:
    """Tune `encoder` in place and return the settings used. Equal encoder, rows and seed give equal weights on one machine."""
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
        update = (_TokenAdam if encoder.is_static else _AdamW)(encoder, loss)
        start = [weight.detach().clone() for weight in encoder.model.parameters()]
        encoder.model.train()
        for step, batch in enumerate(steps):
            queries = _features(encoder, [rows[i].query for i in batch], encoder.query_prompt, recipe.query_dropout)
            passages = _features(encoder, [rows[i].passage for i in batch], encoder.passage_prompt)
            update(queries, passages, rate * _rate_factor(step, len(steps)))
            if on_event:
                on_event(Event("training", step + 1, len(steps)))
        for weight, before in zip(encoder.model.parameters(), start, strict=True):
            weight.data.lerp_(before, 1 - recipe.kept_change)
        encoder.model.eval()
    used = {"epochs": epochs, "batch_size": size, "learning_rate": rate, "steps": len(steps)}
    return used | {"scale": recipe.scale, "query_dropout": recipe.query_dropout, "kept_change": recipe.kept_change}


def batches(twins: Sequence[str], size: int, draw: random.Random) -> list[list[int]]:
    """Return all row numbers in random order, cut so that no batch has two rows of equal twins.

    A row that clashes waits for the next batch. When many rows are twins of each other, the last batches are small, as
    with the library's own sampler, and their rows weigh more than others (see benchmarks/README.md). A single remaining
    row has no negative and is left out.
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


class _AdamW:
    """An optimiser step of the whole model."""

    def __init__(self, encoder: Encoder, loss: Any) -> None:
        import torch

        self._loss, self._optimizer = loss, torch.optim.AdamW(encoder.model.parameters())

    def __call__(self, queries: dict[str, Any], passages: dict[str, Any], rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad()
        self._loss([queries, passages], None).backward()
        self._optimizer.step()


class _TokenAdam:
    """An optimiser step of the token vectors in a batch; the others do not move, as with torch's SparseAdam.

    SparseAdam itself sums gradients token by token, which takes four times as long.
    """

    def __init__(self, encoder: Encoder, loss: Any) -> None:
        import torch

        self._loss, self._weight, self._steps = loss, encoder.model[0].embedding.weight.data, 0
        self._first, self._second = torch.zeros_like(self._weight), torch.zeros_like(self._weight)

    def __call__(self, queries: dict[str, Any], passages: dict[str, Any], rate: float) -> None:
        import torch
        from torch.nn.functional import embedding_bag

        ids = torch.cat([queries["input_ids"], passages["input_ids"]])
        tokens, places = torch.unique(ids, return_inverse=True)
        vectors = self._weight[tokens].requires_grad_()
        at = places.split([len(queries["input_ids"]), len(passages["input_ids"])])
        texts = [
            embedding_bag(own, vectors, part["offsets"], mode="mean") for own, part in zip(at, (queries, passages), strict=True)
        ]
        (gradient,) = torch.autograd.grad(self._loss.compute_loss_from_embeddings(texts, None), vectors)

        self._steps += 1
        first = self._first[tokens].mul_(0.9).add_(gradient, alpha=0.1)
        second = self._second[tokens].mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        self._first[tokens], self._second[tokens] = first, second
        spread = (second / (1 - 0.999**self._steps)).sqrt_().add_(1e-8)
        self._weight[tokens] -= rate / (1 - 0.9**self._steps) * first / spread


def _rate_factor(step: int, steps: int) -> float:
    """Return the factor of the learning rate: rising in the first tenth of the steps, then falling to nearly nothing."""
    rising = max(1, round(_WARM_UP * steps))
    return min((step + 1) / rising, (steps - step) / max(1, steps - rising + 1), 1.0)


def _features(encoder: Encoder, texts: list[str], prompt: str | None, dropout: float = 0.0) -> dict[str, Any]:
    features: dict[str, Any] = encoder.model.preprocess(texts, prompt=prompt)
    if dropout:
        return _dropped_out(features, dropout)
    return {name: value.to(encoder.model.device) if hasattr(value, "to") else value for name, value in features.items()}


def _dropped_out(features: dict[str, Any], dropout: float) -> dict[str, Any]:
    """Drop each token of the bags with this probability. A bag that would become empty stays whole."""
    import torch

    ids, offsets = features["input_ids"], features["offsets"]
    bag = torch.bucketize(torch.arange(len(ids)), offsets, right=True) - 1
    keep = torch.rand(len(ids)) >= dropout
    kept = torch.zeros(len(offsets), dtype=torch.long).index_add_(0, bag, keep.long())
    keep |= kept[bag] == 0
    counts = torch.zeros(len(offsets), dtype=torch.long).index_add_(0, bag, keep.long())
    return {**features, "input_ids": ids[keep], "offsets": torch.cumsum(counts, 0) - counts}

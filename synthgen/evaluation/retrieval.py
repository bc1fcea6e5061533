"""Measure retrieval with BM25, the base encoder, the tuned one, and BM25 with the tuned one, on the same queries.

There are two settings, which are never mixed. *deployment*: human queries over the whole index of the run; the training
rows came from its train documents, never from these queries. *unseen documents*: the run's own synthetic rows of
documents without training rows, over the same index. These queries measure self-consistency, not what people will ask:
they were made by the same rules as the training rows, and the built-in base has read every document.

A synthetic query may be a sentence or heading of its own passage, which would be found trivially. Its passage is then
replaced by a variant without that text, which only this query sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthgen.evaluation.metrics import DEPTH, measures
from synthgen.evaluation.queries import JudgedQueries, places_of
from synthgen.evaluation.significance import compare
from synthgen.llm.model_name import parse_model
from synthgen.records import Chunk, Event, OnEvent, Triple
from synthgen.retrieval import index_text
from synthgen.retrieval.bm25 import BM25
from synthgen.retrieval.dense import Dense
from synthgen.retrieval.hybrid import Hybrid
from synthgen.retrieval.passages import is_hidden, shown_text
from synthgen.training.encoder import Encoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from synthgen.retrieval.base import Ranking

__all__ = ["DEPLOYMENT", "UNSEEN", "Measurement", "measure_human", "measure_synthetic"]

DEPLOYMENT, UNSEEN = "deployment", "unseen documents"
_UNSEEN_SECTIONS = "unseen sections of documents that gave training rows, too"
_PAIRS = (("tuned", "base"), ("tuned", "bm25"), ("hybrid", "bm25"))
_QUERIES_PER_SEARCH = 512
_CHUNK_DEPTH = 1_000  # hits read for a ranking of documents; a document may have many chunks
_MAX_SYNTHETIC = 2_000  # queries; more would not make the figure more precise, and their variants fill the index


@dataclass(frozen=True, slots=True)
class Measurement:
    """The figures of each system per query, and what they were measured on.

    `groups` holds the group of each query, `hidden` whether it was made from hidden text. `queries_are` is the origin
    of the queries: given, imported or synthetic.
    """

    setting: str
    queries_are: str
    relevance: str
    per_query: Mapping[str, Mapping[str, NDArray[np.float64]]]
    groups: Sequence[str]
    hidden: Sequence[bool]
    index: int
    without_relevant: int
    unknown_ids: int

    def to_dict(self, *, seed: int) -> dict[str, Any]:
        """Return plain JSON types. Differences are of nDCG@10."""
        return {
            "setting": self.setting,
            "queries_are": self.queries_are,
            "relevance": self.relevance,
            "queries": len(self.groups),
            "without_relevant": self.without_relevant,
            "unknown_ids": self.unknown_ids,
            "groups": len(set(self.groups)),
            "index": self.index,
            "systems": {
                system: {metric: round(float(values.mean()), 6) for metric, values in figures.items()}
                for system, figures in self.per_query.items()
            },
            "deltas": {f"{new}-{old}": self.difference(new, old, self.groups, seed=seed) for new, old in _PAIRS},
        }

    def difference(self, new: str, old: str, groups: Sequence[str], *, seed: int) -> dict[str, Any]:
        """Return the difference in nDCG@10 of two systems, over queries that belong to `groups`."""
        found = compare(self.per_query[new]["ndcg@10"], self.per_query[old]["ndcg@10"], groups, seed=seed)
        figures = {
            "ndcg@10": found.mean,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "minimum_detectable": found.minimum_detectable,
        }
        return {name: None if value is None else round(value, 6) for name, value in figures.items()}


def measure_human(
    chunks: Sequence[Chunk], judged: JudgedQueries, base: Encoder, tuned: Encoder, *, on_event: OnEvent | None = None
) -> Measurement:
    """Measure in the deployment setting. When qrels name documents, a document ranks by its best chunk, in all its places."""
    ids = [chunk.id for chunk in chunks]
    names = [places_of(chunk) if judged.by == "document" else [chunk.id] for chunk in chunks]
    group_of = {name: chunk.group or chunk.document_id for chunk, own in zip(chunks, names, strict=True) for name in own}

    def ranked(row: int, positions: Sequence[int]) -> list[str]:
        return _first_names(positions, names)

    per_query = _measure(ids, [index_text(c) for c in chunks], judged.texts, judged.relevant, ranked, base, tuned, on_event)
    groups = [group_of[min(wanted)] for wanted in judged.relevant]
    hidden = [False] * len(groups)
    return Measurement(
        DEPLOYMENT, "given", judged.by, per_query, groups, hidden, len(ids), judged.without_relevant, judged.unknown_ids
    )


def measure_synthetic(
    chunks: Sequence[Chunk], triples: Sequence[Triple], base: Encoder, tuned: Encoder, *, on_event: OnEvent | None = None
) -> Measurement | None:
    """Measure these rows in the unseen-documents setting; None without rows.

    Where documents were split inside, only sections are unseen, and `setting` says so.
    """
    at = {chunk.id: position for position, chunk in enumerate(chunks)}
    rows = sorted((t for t in triples if t.chunk_id in at), key=lambda t: t.id)[:_MAX_SYNTHETIC]
    if not rows:
        return None
    ids, texts = [chunk.id for chunk in chunks], [index_text(chunk) for chunk in chunks]
    own: dict[int, int] = {}
    for number, triple in enumerate(rows):
        chunk = chunks[at[triple.chunk_id]]
        if is_hidden(triple, chunk):
            own[number] = len(ids)
            ids.append(f"{chunk.id} for {triple.id}")
            texts.append(shown_text(triple, chunk))

    def ranked(row: int, positions: Sequence[int]) -> list[str]:
        source, variant = at[rows[row].chunk_id], own.get(row)
        seen = (p for p in positions if (p < len(chunks) and (p != source or variant is None)) or p == variant)
        return [chunks[source if p == variant else p].id for p in seen]

    queries, relevant = [t.query for t in rows], [dict.fromkeys(t.positives, 1.0) for t in rows]
    per_query = _measure(ids, texts, queries, relevant, ranked, base, tuned, on_event, depth=len(ids))
    groups = [chunks[at[t.chunk_id]].group or t.document_id for t in rows]
    hidden = [number in own for number in range(len(rows))]
    synthetic = any(t.generator.startswith("extractive") or parse_model(t.generator) for t in rows)
    queries_are = "synthetic (self-consistency)" if synthetic else "imported"
    trained = {chunk.document_id for chunk in chunks if chunk.split == "train"}
    setting = UNSEEN if trained.isdisjoint(triple.document_id for triple in rows) else _UNSEEN_SECTIONS
    return Measurement(setting, queries_are, "chunk", per_query, groups, hidden, len(chunks), 0, 0)


def _measure(
    ids: Sequence[str],
    texts: Sequence[str],
    queries: Sequence[str],
    relevant: Sequence[Mapping[str, float]],
    ranked: Callable[[int, Sequence[int]], list[str]],
    base: Encoder,
    tuned: Encoder,
    on_event: OnEvent | None,
    depth: int = _CHUNK_DEPTH,
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the figures by system and query. `ranked` turns a query's number and its positions in the index into ids."""
    lexical = BM25(ids, texts)
    dense = Dense(ids, tuned.passages(texts), tuned.queries)
    systems: dict[str, Ranking] = {
        "bm25": lexical,
        "base": Dense(ids, base.passages(texts), base.queries),
        "tuned": dense,
        "hybrid": Hybrid([lexical, dense]),
    }
    found = {}
    for number, (name, system) in enumerate(systems.items(), 1):
        rankings = []
        for start in range(0, len(queries), _QUERIES_PER_SEARCH):
            positions = system.rank(queries[start : start + _QUERIES_PER_SEARCH], depth)[0].tolist()
            rankings += [ranked(start + row, at) for row, at in enumerate(positions)]
        found[name] = measures(rankings, relevant)
        if on_event:
            on_event(Event("evaluation", number, len(systems), name, uneven=True))
    return found


def _first_names(positions: Sequence[int], names: Sequence[Sequence[str]]) -> list[str]:
    """Return the names at these positions, each once, as many as metrics read."""
    found: dict[str, None] = {}
    for position in positions:
        found.update(dict.fromkeys(names[position]))
        if len(found) >= DEPTH:
            break
    return list(found)

"""Measures what the filters prefer: lexical overlap and query length of the kept and of the rejected rows.

A filter that searches by words keeps the queries that share words with their passage, and training on these alone
teaches little. Overlap is the share of a query's content words that occur in its passage or the headings above it, as
the row shows them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from synthgen.filters.chain import FilterResult
from synthgen.records import CLASSIFICATION, Chunk, Triple
from synthgen.retrieval.passages import shown_text
from synthgen.text.words import contents, words

__all__ = ["lexical_bias", "overlap"]


def lexical_bias(filtered: FilterResult, chunks: Mapping[str, Chunk]) -> dict[str, dict[str, Any]]:
    """Return rows, mean overlap and mean words of the queries, for the `kept` rows and for those each filter rejected.

    Texts with labels are left out, because they are not queries.
    """
    kept = [row for row in filtered.kept if row.kind != CLASSIFICATION]
    dropped: dict[str, list[Triple]] = {}
    for rejection in filtered.rejected:
        if rejection.triple.chunk_id in chunks and rejection.triple.kind != CLASSIFICATION:
            dropped.setdefault(rejection.stage, []).append(rejection.triple)
    stages = [stage["stage"] for stage in filtered.funnel if stage["stage"] in dropped]
    vocabulary = functools.lru_cache(maxsize=50_000)(lambda text: frozenset(words(text)))
    groups: Iterable[tuple[str, Sequence[Triple]]] = [("kept", kept), *((stage, dropped[stage]) for stage in stages)]
    return {name: _means([_measures(row, chunks[row.chunk_id], vocabulary) for row in rows]) for name, rows in groups if rows}


def overlap(query: Sequence[str], seen: frozenset[str]) -> float:
    """Return the share of the query's content words that are in `seen`; of all its words where none carries content."""
    telling = contents(list(query)) or list(query)
    return sum(word in seen for word in telling) / len(telling) if telling else 0.0


def _measures(row: Triple, chunk: Chunk, vocabulary: Any) -> tuple[float, int]:
    query = words(row.query)
    return overlap(query, vocabulary(shown_text(row, chunk))), len(query)


def _means(measures: Sequence[tuple[float, int]]) -> dict[str, Any]:
    shares, lengths = zip(*measures, strict=True)
    return {
        "rows": len(measures),
        "overlap": round(sum(shares) / len(shares), 4),
        "words": round(sum(lengths) / len(lengths), 2),
    }

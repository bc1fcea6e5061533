"""Rows for bi-encoders, as sentence-transformers reads them: the order of columns matters, their names do not.

The positive is the passage as the row shows it, so a sentence that became the query is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthgen.exporters import Context
from synthgen.records import Triple, passage

__all__ = ["st_pair", "st_triplet"]


def st_pair(triples: Sequence[Triple], context: Context) -> Iterator[dict[str, str]]:
    """`anchor`, `positive`."""
    for triple in triples:
        yield {"anchor": triple.query, "positive": passage(triple, context.chunks[triple.chunk_id])}


def st_triplet(triples: Sequence[Triple], context: Context) -> Iterator[dict[str, str]]:
    """`anchor`, `positive`, `negative`: the best mined distractor. Random ones are no hard negatives."""
    for triple, row in zip(triples, st_pair(triples, context), strict=True):
        mined = next(d.chunk_id for d in triple.distractors if d.mined)
        yield {**row, "negative": context.chunks[mined].text}

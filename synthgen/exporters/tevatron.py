"""Tevatron's files: training rows with their passages, and the corpus to encode and search.

The layout is that of Tevatron's first version, in which a row holds its passages: `train.jsonl`, `dev.jsonl`,
`test.jsonl` and `corpus.jsonl`. The trainer draws from the negatives of a row and fails on a row without any, so such
rows are left out. It reads title and text as one text. When the query was made from the heading above its passage, the
passages of the row have no titles.

Dev and test rows are searched in the corpus, where a masked sentence occurs word for word. Rows with masks are
therefore written for training only; `masked` counts the others. Identifiers have no white space, because Tevatron's
rankings are split at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import regex

from synthgen.exporters.beir import breadcrumb, safe_id
from synthgen.exporters.context import ExportContext, Rows
from synthgen.exporters.contrastive import Fill, negatives_of, positives_of
from synthgen.records import SPLITS, Chunk, Triple
from synthgen.retrieval.passages import is_hidden

__all__ = ["tevatron"]

Passage = dict[str, str]

_SPACE = regex.compile(r"\s")


def tevatron(triples: Sequence[Triple], context: ExportContext, *, fill: Fill = False) -> Rows:
    """Yield `query_id`, `query`, `positive_passages`, `negative_passages`; passages and corpus have `docid`, `title`, `text`."""
    left_out: Counter[str] = Counter()
    corpus = {chunk.id: _passage(chunk, context) for chunk in context.chunks.values()}
    for split in SPLITS:
        for triple in triples:
            if triple.split != split:
                continue
            if triple.masks and split != "train":
                left_out["masked"] += 1
                continue
            yield f"{split}.jsonl", _row(triple, context, corpus, fill)
    yield from (("corpus.jsonl", passage) for passage in corpus.values())
    return left_out


def _row(triple: Triple, context: ExportContext, corpus: Mapping[str, Passage], fill: bool) -> dict[str, Any]:
    untitled = {"title": ""} if is_hidden(triple, context.chunks[triple.chunk_id]) else {}
    positives = [corpus[id] | untitled | {"text": text} for id, text in positives_of(triple, context).items()]
    negatives = [corpus[d.chunk_id] | untitled for d in negatives_of(triple, fill=fill)]
    return {"query_id": triple.id, "query": triple.query, "positive_passages": positives, "negative_passages": negatives}


def _passage(chunk: Chunk, context: ExportContext) -> Passage:
    docid = _SPACE.sub(lambda match: quote(match.group()), safe_id(chunk.id))
    return {"docid": docid, "title": breadcrumb(chunk, context), "text": chunk.text}

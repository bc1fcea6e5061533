"""Tevatron's files: training rows with their passages, and the corpus that is encoded and searched.

This is the layout of its first version, in which a row holds its passages: `train.jsonl`, `dev.jsonl`, `test.jsonl` and
`corpus.jsonl`. The trainer draws from the negatives of a row and fails on one without any, so that is left out. It reads title
and text as one; where the query was made from the heading above its passage, no passage of the row has a title.

Dev and test rows are searched for in the corpus, where a masked sentence stands word for word: such rows are for training
only, and `masked` counts those left out. Identifiers have no white space, because the rankings that the tools exchange are split at it.
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
    """`query_id`, `query`, `positive_passages`, `negative_passages`; passages and corpus have `docid`, `title`, `text`."""
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
    right = [corpus[id] | untitled | {"text": text} for id, text in positives_of(triple, context).items()]
    wrong = [corpus[d.chunk_id] | untitled for d in negatives_of(triple, fill=fill)]
    return {"query_id": triple.id, "query": triple.query, "positive_passages": right, "negative_passages": wrong}


def _passage(chunk: Chunk, context: ExportContext) -> Passage:
    docid = _SPACE.sub(lambda match: quote(match.group()), safe_id(chunk.id))
    return {"docid": docid, "title": breadcrumb(chunk, context), "text": chunk.text}

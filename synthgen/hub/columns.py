"""The columns of each config of a data set, with types in the notation of `storage.TABLES` and their meanings.

No config is called `default`: MTEB would read it as the judgments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["CONFIGS", "DEFAULT", "DatasetConfig"]

DEFAULT = "triples"
"""The config that `load_dataset` and the viewer use by default."""


class DatasetConfig(NamedTuple):
    """A line about a config, and its columns: name -> (type, meaning).

    `format` is the exporter of the rows, "" for synthgen's own rows. Its options may add columns, which have no meaning
    here.
    """

    meaning: str
    columns: Mapping[str, tuple[Any, str]]
    format: str = ""


_PASSAGE = {"chunk_id": "string", "title": "string", "text": "string"}
_FOUND = {"found_by": "string", "rank": "int64", "score": "double", "relative": "double"}
_MESSAGES = [{"role": "string", "content": "string"}]

CONFIGS: Mapping[str, DatasetConfig] = {
    DEFAULT: DatasetConfig(
        "one row for each query, with the texts of its passage and of its distractors",
        {
            "id": ("string", "digest of the passage and the query"),
            "query": ("string", "the question or search"),
            "answer": ("string", "the answer that the passage gives; null where the row is for retrieval only"),
            "context": ("string", "the passage that answers; a sentence that became the query is left out of it"),
            "title": ("string", "title of the document, or its path"),
            "headings": (["string"], "headings above the passage, outermost first"),
            "document_id": ("string", "path of the document in the folder it came from"),
            "chunk_id": ("string", "the passage, as `_id` of `corpus`"),
            "start": ("int64", "where the passage begins in the document's text, in characters"),
            "end": ("int64", "where it ends"),
            "chunk_sha256": ("string", "digest of the passage's text"),
            "masks": ([["int64"]], "spans of the document (start, end) that `context` leaves out"),
            "quotes": (
                [{"start": "int64", "end": "int64", "text": "string"}],
                "spans of the document that support the answer",
            ),
            "other_positives": ([_PASSAGE], "further passages that answer the query"),
            "distractors": (
                [_PASSAGE | _FOUND],
                "passages that look like the answer and are not: how each was found, its rank and score in that search (rank 0: "
                "by no search), and its share of the positive's range-normalised score",
            ),
            "reasoning": ("string", "how the answer follows from the passage, if a model wrote it"),
            "instruction": ("string", "the instruction that `response` follows"),
            "response": ("string", "the answer written to `instruction`; formats show it in place of `answer`"),
            "kind": ("string", "kind of query"),
            "generator": ("string", "the model or the rule that wrote the query"),
            "origin": ("string", "`llm`, `rule` (no LLM wrote it) or `imported` (its file did not say who wrote it)"),
            "prompt_digest": ("string", "digest of the prompt; null without one"),
            "scores": ("string", "what filters measured, as JSON"),
            "flags": (["string"], "filters that would have rejected this row if it were a train row, as stage:reason"),
            "reviewed": ("bool", "whether a person has checked the row"),
            "metadata": ("string", "other columns of the row, as JSON"),
        },
    ),
    "corpus": DatasetConfig(
        "every passage of the documents, also those without a query: the index to search",
        {
            "_id": ("string", "the passage"),
            "title": ("string", "title of the document and headings above the passage"),
            "text": ("string", "the passage"),
            "metadata": ({"document": "string", "start": "int64", "end": "int64"}, "document and span, in characters"),
        },
        "beir",
    ),
    "queries": DatasetConfig(
        "the queries that retrieval may be measured with; those that occur word for word in the corpus are left out",
        {
            "_id": ("string", "the row, as `id` of `triples`"),
            "text": ("string", "the query"),
            "metadata": ({"split": "string", "kind": "string", "generator": "string"}, "its split, kind and generator"),
        },
        "beir",
    ),
    "qrels": DatasetConfig(
        "which passage answers which query",
        {
            "query-id": ("string", "`_id` of `queries`"),
            "corpus-id": ("string", "`_id` of `corpus`"),
            "score": ("int64", "1: relevant"),
        },
        "beir",
    ),
    "raft": DatasetConfig(
        "a question among documents, of which one, or none, holds the answer (RAFT, arXiv 2403.10131)",
        {
            "id": ("string", "the row, as `id` of `triples`"),
            "type": ("string", "always `general`"),
            "question": ("string", "the question, on one line"),
            "context": (
                {"title": [["string"]], "sentences": [["string"]]},
                "titles and texts of the documents shown, each a list of one list",
            ),
            "oracle_context": ("string", "the passage that answers, also when it is not shown"),
            "cot_answer": ("string", "quotes that support the answer, then `<ANSWER>:` and the answer"),
            "instruction": ("string", "the documents between `<DOCUMENT>` tags, then the question"),
            "oracle_position": ("int64", "index of the answering document among those shown; null if it is not shown"),
            "oracle_mode": (
                "string",
                "`oracle` if the answering document is shown; otherwise `memorise` (the row still gives the answer) or `abstain`",
            ),
        },
        "raft",
    ),
    "openai-chat": DatasetConfig(
        "conversations for supervised fine-tuning: context and question, then the answer",
        {"messages": (_MESSAGES, "roles system, user, assistant, in this order")},
        "openai-chat",
    ),
    "st-triplet": DatasetConfig(
        "rows for bi-encoders in the layout of sentence-transformers",
        {
            "anchor": ("string", "the query"),
            "positive": ("string", "the passage that answers"),
            "negative": ("string", "the best mined distractor"),
        },
        "st-triplet",
    ),
}

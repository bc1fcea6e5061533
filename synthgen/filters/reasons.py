"""Every reason for which a filter turns a row away, and what it means to a reader of rejected rows."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["REASONS"]

_THIRD_STATE = {
    "undecided": "the model is unsure, refused, wrote nonsense or did not answer in time",
    "not_asked": "no answer is stored, and this command makes no calls",
}

REASONS: Mapping[str, Mapping[str, str]] = {
    "format": {
        "unknown_chunk": "a positive is no chunk of the run",
        "wrong_span": "start, end, document or digest are not the chunk's, or a quote lies outside it",
        "not_encodable": "query or answer has half a character (a lone surrogate)",
        "control_character": "query or answer has a control character",
        "empty_query": "the query is empty",
        "multiline_query": "the query has several lines",
        "query_too_short": "the query has too few characters",
        "query_too_long": "the query has too many characters",
        "empty_answer": "the answer is empty",
        "answer_too_long": "the answer has too many characters",
        "answer_is_query": "the answer repeats the query",
    },
    "lint": {
        "passage_reference": "the query speaks of a passage or text",
        "chatter": "the query is the model talking about its task",
        "numbering": "the query begins with a list mark",
        "malformed": "markup, JSON, repeated words or mostly punctuation",
        "generic": "the query fits every passage",
        "double_question": "two questions in one",
        "needs_passage": "a pronoun of the query refers to something only the passage says",
        "too_short": "the query has too few words",
        "too_long": "the query has too many words",
        "copied_run": "a run of words is copied from the passage",
        "shot_copied": "the query is a shot's text, or nearly so",
    },
    "leaks": {"eval_query": "the query is, nearly, one of those that the result is measured on"},
    "exact_duplicates": {
        "same_answer": "the same question with the same answer stands elsewhere",
        "same_passage": "the same question is asked of the same text",
        "conflicting_labels": "the same text has another label elsewhere",
    },
    "language": {
        "query_language": "the query is in another language than the passage",
        "answer_language": "the answer is in another language than the passage",
    },
    "entities": {
        "number_not_found": "a number of the query stands nowhere in the passage",
        "name_not_found": "a name of the query stands nowhere in the passage",
    },
    "grounding": {
        "answer_not_found": "an extractive answer does not stand in the passage",
        "quote_not_found": "the quote does not stand in the passage, even nearly",
        "number_not_found": "a number of the answer stands nowhere in the passage",
        "name_not_found": "a name of the answer stands nowhere in the passage",
    },
    "round_trip": {"not_found": "a search for the query does not find the passage"},
    "duplicates": {
        "near_duplicate": "another row asks the same in nearly the same words, with the same answer",
        "semantic_duplicate": "another row's vector is nearly the same, and its answer is",
    },
    "answer_check": {
        "no_answer": "a second reader finds no answer in the passage",
        "disagrees": "a second reader answers otherwise",
        **_THIRD_STATE,
    },
    "judge": {
        "not_self_contained": "the query cannot be understood without the passage",
        "unclear": "the query has no clear meaning",
        "not_answerable": "the passage does not answer the query",
        "unsupported": "the passage does not say what the answer says",
        **_THIRD_STATE,
    },
    "ambiguous": {"merged": "another row with a copy of the passage asks the same; it has both as positives"},
    "balance": {
        "chunk_full": "its chunk has better rows enough",
        "kind_full": "there are enough rows of its kind",
        "lead_full": "there are enough rows about the beginning of their chunk",
    },
}
"""Filter -> reason -> meaning, in the order in which the filters are meant to run."""

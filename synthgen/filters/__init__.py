"""Filters: what of the candidates is kept, and why the rest is not.

A filter is a function `name(triples, context, *, <options with types and defaults>) -> list[Verdict]`, one verdict for
each triple, in order. It holds no state; its options are its signature. One filter is one file and one line of `FILTERS`;
any `module:function` works in place of a name. Batch functions all: filters that compare rows get every row that
reached them.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["COMPARING", "FILTERS", "FLAGGING", "PAID", "SINGLE"]

FILTERS: Mapping[str, str] = {
    "format": "synthgen.filters.format:format_check",
    "lint": "synthgen.filters.lint:lint",
    "leaks": "synthgen.filters.leaks:leaks",
    "exact_duplicates": "synthgen.filters.exact_duplicates:exact_duplicates",
    "language": "synthgen.filters.language:language",
    "entities": "synthgen.filters.entities:entities",
    "grounding": "synthgen.filters.grounding:grounding",
    "round_trip": "synthgen.filters.round_trip:round_trip",
    "duplicates": "synthgen.filters.duplicates:duplicates",
    "answer_check": "synthgen.filters.answer_check:answer_check",
    "judge": "synthgen.filters.judge:judge",
    "ambiguous": "synthgen.filters.ambiguous:ambiguous",
    "balance": "synthgen.filters.balance:balance",
}
"""In the order in which they are meant to run: cheap before dear."""

FLAGGING = frozenset({"round_trip", "balance"})
"""Filters that favour easy queries: on dev and test rows they only flag, so that the test set does not become easy."""

COMPARING = frozenset({"exact_duplicates", "duplicates", "ambiguous"})
"""Filters that keep one row of several, and say which. If that row falls at a later filter, the next one is promoted."""

PAID = frozenset({"answer_check", "judge"})
"""Filters that ask a model: a command that makes no calls uses stored answers, and a row without one does not pass."""

SINGLE = frozenset(FILTERS) - COMPARING - {"balance"}  # they judge each row by itself; of a filter of one's own nobody knows

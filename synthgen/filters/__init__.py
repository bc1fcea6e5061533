"""Filters: which candidates are kept, and why the others are rejected.

A filter is a function `name(triples, context, *, <options with types and defaults>) -> list[Verdict]`, one verdict for
each triple, in order. It holds no state; its options are its signature. It is called with every row that reached it.

A filter of this package is one file, which ends with its `FilterSpec`, and one line of `FILTERS`. A filter of your own is
`module:attribute`, where the attribute is a `FilterSpec` or a plain function. A plain function is taken for a filter of corpus
scope that rejects in every split, asks no model and gives any reason; its verdicts are not cached.
"""

from __future__ import annotations

from collections.abc import Mapping

from synthgen.errors import UnknownNameError
from synthgen.filters.spec import FilterSpec
from synthgen.registry import resolve

__all__ = ["FILTERS", "filter_spec", "is_paid"]

FILTERS: Mapping[str, str] = {
    "format": "synthgen.filters.format:SPEC",
    "lint": "synthgen.filters.lint:SPEC",
    "leaks": "synthgen.filters.leaks:SPEC",
    "exact_duplicates": "synthgen.filters.exact_duplicates:SPEC",
    "language": "synthgen.filters.language:SPEC",
    "entities": "synthgen.filters.entities:SPEC",
    "grounding": "synthgen.filters.grounding:SPEC",
    "round_trip": "synthgen.filters.round_trip:SPEC",
    "duplicates": "synthgen.filters.duplicates:SPEC",
    "answer_check": "synthgen.filters.answer_check:SPEC",
    "judge": "synthgen.filters.judge:SPEC",
    "ambiguous": "synthgen.filters.ambiguous:SPEC",
    "balance": "synthgen.filters.balance:SPEC",
}
"""In the order in which they run: cheap before dear. The setting `filters.order` has those that ask no model."""


def filter_spec(name: str) -> FilterSpec:
    """The spec of a filter, by its name or as `module:attribute`. Raises UnknownNameError."""
    found = resolve("filter", name, FILTERS)
    return found if isinstance(found, FilterSpec) else FilterSpec(found)


def is_paid(name: str) -> bool:
    """Whether a filter asks a model. One that is not found asks none: an error is for the command that would use it."""
    try:
        return filter_spec(name).paid
    except UnknownNameError:
        return False

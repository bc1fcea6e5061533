"""The facts about a filter in one place, its `FilterSpec`, for the chain, the cache, the plan and the docs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from synthgen.records import Verdict

__all__ = ["NO_VERDICT", "Filter", "FilterSpec", "Need"]

Filter = Callable[..., Sequence[Verdict]]
Need = Literal["shots", "queries", "retriever", "encoders", "paid"]

_STAMPED = frozenset({"shots", "queries"})  # part of a cached verdict's key, beside the row and the chunks

NO_VERDICT: Mapping[str, str] = {
    "undecided": "the model is unsure, refused, wrote nonsense or did not answer in time",
    "not_asked": "no answer is stored, and this command makes no calls",
}
"""Reasons of the filters that ask a model: neither is a pass."""


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """A filter and the facts about it.

    A `function` alone works as a filter, too, with the defaults: they assume the least about it.

    - `scope`: a `row` filter judges each row by itself. The verdicts of a `corpus` filter may depend on the other rows.
    - `compares`: it keeps one row of several that are alike, and its verdicts name that `survivor`. If the survivor is rejected
      later, the next row is promoted.
    - `vector_option`: the option that makes it compare vectors. Without it only rows with words in common are alike.
    - `flags_held_out`: it favours easy queries, so it only flags rows of dev and test. A flagged row counts as kept.
    - `needs`: the fields of the `FilterContext` that it reads beside `chunks`, at least with some of its options.
    - `reasons`: its vocabulary, reason -> meaning. Empty means that nothing is known of it.

    The place of a filter in the default order is its place in `FILTERS`.
    """

    function: Filter
    scope: Literal["row", "corpus"] = "corpus"
    compares: bool = False
    vector_option: str = ""
    flags_held_out: bool = False
    needs: frozenset[Need] = frozenset()
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def paid(self) -> bool:
        """Whether it asks a model. A command that makes no calls uses stored answers, and a row without one does not pass."""
        return "paid" in self.needs

    @property
    def cacheable(self) -> bool:
        """Whether a verdict depends on nothing but what the cache compares; of code outside of this package it knows nothing."""
        ours = self.function.__module__.startswith("synthgen.")
        return ours and self.scope == "row" and self.needs <= _STAMPED

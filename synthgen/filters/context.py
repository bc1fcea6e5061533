"""The data that filters may use, and helpers that several filters share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from synthgen.errors import ConfigError
from synthgen.filters.verdict_cache import VerdictCache
from synthgen.records import Chunk, Triple
from synthgen.retrieval import Retriever

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from synthgen.prompting.row_questions import Paid

__all__ = ["Encoders", "FilterContext", "flagged", "paid_of"]


class Encoders(Protocol):
    """What filters need of an encoder, each created on first use. Raises MissingExtraError without the train extra."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 for each query or answer: texts x dimensions."""
        ...

    def dense(self) -> Retriever:
        """Return a search over the chunks by the untuned encoder."""
        ...

    def cross_fitted(self, triples: Sequence[Triple], *, folds: int = 5) -> Iterator[tuple[Sequence[int], Retriever]]:
        """Yield positions in `triples`, each once, with a search tuned on the rest that never saw these rows or their
        passages.

        The searches learn from the rows of the first call, also for rows that come later. With one fold, all rows are
        judged by one search that saw them.
        """
        ...

    def rerank(self, pairs: Sequence[tuple[str, str]], *, model: str) -> list[float]:
        """Return how well each (query, text) fits, by the cross-encoder of that name or path; larger is better."""
        ...

    def digest(self, *, triples: Sequence[Triple] = (), folds: int = 0, model: str = "") -> str:
        """Return a digest of everything that scores depend on beside the chunks.

        It covers the scores of `dense`, of `cross_fitted` with `folds`, and of `rerank` with `model`.
        """
        ...


@dataclass(frozen=True, slots=True)
class FilterContext:
    """The data that filters may use. Costly objects are given, never built.

    - `shots`: texts that the generator was shown.
    - `queries`: the queries that the result will be measured on.
    - `lowers`: whether a filter may lower its threshold when too little is left. The new threshold is stored in
      `lowered`, by filter, with a sentence in `notes`.
    - `known`: scores of rows by id, as stored by an earlier run. A filter uses its own where their stamp shows that
      nothing has changed.
    - `cache`: the verdicts of earlier runs.
    """

    chunks: Mapping[str, Chunk]
    retriever: Retriever | None = None
    shots: Sequence[str] = ()
    queries: Sequence[str] = ()
    encoders: Encoders | None = None
    paid: Paid | None = None
    lowers: bool = False
    lowered: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cache: VerdictCache | None = None


def paid_of(context: FilterContext, name: str) -> Paid:
    """Return the access to a model for the filter `name`. Raises ConfigError where there is none."""
    if context.paid is None:
        raise ConfigError(
            f"The filter {name!r} asks a model, but the context has no access to one. Use it in a run, or leave it out."
        )
    return context.paid


def flagged(triple: Triple, flag: str) -> Triple:
    """Return the triple with the flag added, unless it has it."""
    return triple if flag in triple.flags else replace(triple, flags=(*triple.flags, flag))

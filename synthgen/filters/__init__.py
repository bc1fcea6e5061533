"""Filters: what of the candidates is kept, and why the rest is not.

A filter is a function `name(triples, context, *, <options with types and defaults>) -> list[Verdict]`, one verdict for
each triple, in order. It holds no state; its options are its signature. One filter is one file and one line of `FILTERS`;
any `module:function` works in place of a name. Batch functions all: filters that compare rows get every row that
reached them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from synthgen.errors import ConfigError, nearest
from synthgen.records import Chunk, Event, OnEvent, Rejection, Triple, Verdict
from synthgen.registry import resolve, validate_options
from synthgen.retrieval import Retriever

__all__ = ["COMPARING", "FILTERS", "FLAGGING", "Context", "Sifted", "apply_filters", "check_filters", "flagged"]

FILTERS: Mapping[str, str] = {
    "format": "synthgen.filters.format:format_check",
    "lint": "synthgen.filters.lint:lint",
    "duplicates": "synthgen.filters.duplicates:duplicates",
    "grounding": "synthgen.filters.grounding:grounding",
    "round_trip": "synthgen.filters.round_trip:round_trip",
}

FLAGGING = frozenset({"round_trip"})
"""Filters that favour easy queries: on dev and test rows they only flag, so that the test set does not become easy."""

COMPARING = frozenset({"duplicates"})
"""Filters that keep one row of several. If that row falls at a later filter, the next one of them is promoted."""

Filter = Callable[..., Sequence[Verdict]]


@dataclass(frozen=True, slots=True)
class Context:
    """What filters may look at. The retriever is given, never built; `shots` are texts shown to the generator."""

    chunks: Mapping[str, Chunk]
    retriever: Retriever | None = None
    shots: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sifted:
    """Both sides of the sieve, each in the order of the input, and the counts of every filter.

    `funnel` has `{"stage", "in", "kept", "rejected": {reason: n}}` for each filter; a flagged row counts as kept.
    """

    kept: list[Triple]
    rejected: list[Rejection]
    funnel: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kept_ratio(self) -> float:
        """Kept of all; 1 when there was nothing to filter."""
        total = len(self.kept) + len(self.rejected)
        return len(self.kept) / total if total else 1.0

    @property
    def reasons(self) -> dict[str, int]:
        """`stage:reason` with its count, the most frequent first."""
        counts = Counter(f"{r.stage}:{r.reason}" for r in self.rejected)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def check_filters(order: Sequence[str], options: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Raises UnknownNameError or ConfigError for what `apply_filters` would refuse, before anything is paid for."""
    _stages(order, options or {})


def apply_filters(
    triples: Iterable[Triple],
    order: Sequence[str],
    context: Context,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    on_event: OnEvent | None = None,
) -> Sifted:
    """Run the filters of `order` one after the other; each sees what the ones before kept.

    Raises ConfigError for options that do not fit and for a filter that returns another number of verdicts than it got
    triples.
    """
    sieve = _Sieve(list(triples), _stages(order, options or {}), context)
    sieve.run(on_event)
    return sieve.result()


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    function: Filter
    options: Mapping[str, Any]

    def __call__(self, triples: Sequence[Triple], context: Context) -> Sequence[Verdict]:
        verdicts = self.function(triples, context, **self.options)
        if len(verdicts) != len(triples):
            raise ConfigError(
                f"The filter {self.name!r} returned {len(verdicts)} verdicts for {len(triples)} triples. "
                "It must return one for each, in order: Verdict(triple) keeps, Verdict(triple, 'reason') rejects."
            )
        return verdicts


class _Sieve:
    """Rows by position: `rows` as they are now, `fallen` with the rejection of those that fell."""

    def __init__(self, rows: list[Triple], stages: Sequence[_Stage], context: Context) -> None:
        self.rows, self.stages, self.context = rows, stages, context
        self.fallen: dict[int, Rejection] = {}

    def run(self, on_event: OnEvent | None) -> None:
        alive: Iterable[int] = range(len(self.rows))
        for number, stage in enumerate(self.stages, 1):
            before, alive = len(self._kept()), self._sift(stage, alive)
            if on_event:
                message = f"{stage.name}: {before} in, {len(alive)} kept"
                on_event(Event("filters", number, len(self.stages), message))
        for _ in self.rows:  # each round loses a row for good or is the last
            if not self._promote():
                break

    def result(self) -> Sifted:
        kept = [row for i, row in enumerate(self.rows) if i not in self.fallen]
        rejected = [self.fallen[i] for i in sorted(self.fallen)]
        by_stage = {stage.name: Counter[str]() for stage in self.stages}
        for rejection in rejected:
            by_stage[rejection.stage][rejection.reason] += 1
        funnel, waiting = [], len(self.rows)
        for name, reasons in by_stage.items():
            left = waiting - reasons.total()
            funnel.append({"stage": name, "in": waiting, "kept": left, "rejected": dict(sorted(reasons.items()))})
            waiting = left
        return Sifted(kept, rejected, funnel)

    def _sift(self, stage: _Stage, candidates: Iterable[int]) -> list[int]:
        """Judge the candidates; returns those that `stage` keeps or only flags."""
        positions, passed = sorted(candidates), []
        for i, verdict in zip(positions, stage([self.rows[i] for i in positions], self.context), strict=True):
            self.rows[i] = verdict.triple
            self.fallen.pop(i, None)
            if not verdict.reason:
                passed.append(i)
            elif stage.name in FLAGGING and verdict.triple.split in ("dev", "test"):
                self.rows[i] = flagged(verdict.triple, f"{stage.name}:{verdict.reason}")
                passed.append(i)
            else:
                self.fallen[i] = Rejection(verdict.triple, stage.name, verdict.reason, verdict.score, verdict.threshold)
        return passed

    def _promote(self) -> bool:
        """Let comparing filters judge again what they dropped, beside what is still kept; the later filters follow."""
        for number, stage in enumerate(self.stages):
            dropped = {i for i, rejection in self.fallen.items() if rejection.stage == stage.name}
            later = self.stages[number + 1 :]
            if stage.name not in COMPARING or not any(self._fell_at(s.name) for s in later):
                continue
            alive = dropped.intersection(self._sift(stage, dropped.union(self._kept())))
            promoted = bool(alive)
            for next_stage in later:
                beside = self._kept() if next_stage.name in COMPARING else ()
                alive &= set(self._sift(next_stage, alive.union(beside)))
            if promoted:
                return True
        return False

    def _fell_at(self, name: str) -> bool:
        return any(rejection.stage == name for rejection in self.fallen.values())

    def _kept(self) -> list[int]:
        return [i for i in range(len(self.rows)) if i not in self.fallen]


def flagged(triple: Triple, flag: str) -> Triple:
    """The triple with one more flag, once."""
    return triple if flag in triple.flags else replace(triple, flags=(*triple.flags, flag))


def _stages(order: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> list[_Stage]:
    known = {*FILTERS, *order}
    for name in options:
        if name not in known:
            raise ConfigError(f"There are options for {name!r}, but no such filter.{nearest(name, known)}")
    if len(set(order)) < len(order):
        twice = next(name for name in order if order.count(name) > 1)
        raise ConfigError(f"The filter {twice!r} stands twice in the order. Each can run once.")
    stages = []
    for name in order:
        function = resolve("filter", name, FILTERS)
        stages.append(_Stage(name, function, validate_options(function, options.get(name, {}), owner=f"filter {name!r}")))
    return stages

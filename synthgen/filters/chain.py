"""The chain of filters: rows go through one after the other, and a row whose kept twin falls later gets another chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from synthgen.errors import ConfigError, nearest
from synthgen.filters import COMPARING, FILTERS, FLAGGING, SINGLE
from synthgen.filters.context import FilterContext, flagged
from synthgen.filters.verdict_cache import ROW_FILTERS
from synthgen.records import Event, OnEvent, Rejection, Triple, Verdict
from synthgen.registry import resolve, validate_options

__all__ = ["FilterResult", "apply_filters", "check_filters"]

Filter = Callable[..., Sequence[Verdict]]


@dataclass(frozen=True, slots=True)
class FilterResult:
    """Both sides of the chain, each in the order of the input, and the counts of every filter.

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
    context: FilterContext,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    on_event: OnEvent | None = None,
) -> FilterResult:
    """Run the filters of `order` one after the other; each sees what the ones before kept.

    Raises ConfigError for options that do not fit and for a filter that returns another number of verdicts than it got
    triples.
    """
    chain = _Chain(list(triples), _stages(order, options or {}), context)
    chain.run(on_event)
    return chain.result()


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    function: Filter
    options: Mapping[str, Any]

    def __call__(self, triples: Sequence[Triple], context: FilterContext) -> Sequence[Verdict]:
        if context.memory is not None and self.name in ROW_FILTERS:
            return context.memory.judged(self.name, self.options, triples, lambda fresh: self._judged(fresh, context))
        return self._judged(triples, context)

    def _judged(self, triples: Sequence[Triple], context: FilterContext) -> Sequence[Verdict]:
        verdicts = self.function(triples, context, **self.options)
        if len(verdicts) != len(triples):
            raise ConfigError(
                f"The filter {self.name!r} returned {len(verdicts)} verdicts for {len(triples)} triples. "
                "It must return one for each, in order: Verdict(triple) keeps, Verdict(triple, 'reason') rejects."
            )
        for given, verdict in zip(triples, verdicts, strict=True):
            if verdict.triple is not given and _checked(verdict.triple) != _checked(given):
                raise ConfigError(
                    f"The filter {self.name!r} changed the row {given.id!r}, which earlier filters have checked. A filter may change "
                    "scores, flags, quotes and positives; what it does not like it rejects."
                )
        return verdicts


class _Chain:
    """Rows by position: `rows` as they are now, `fallen` with the rejection of those that fell, `instead` with who stays."""

    def __init__(self, rows: list[Triple], stages: Sequence[_Stage], context: FilterContext) -> None:
        self.rows, self.stages, self.context = rows, stages, context
        self.fallen: dict[int, Rejection] = {}
        self.instead: dict[int, str] = {}

    def run(self, on_event: OnEvent | None) -> None:
        alive: Iterable[int] = range(len(self.rows))
        for number, stage in enumerate(self.stages, 1):
            before, alive = len(self._kept()), self._judge_rows(stage, alive)
            if on_event:
                message = f"{stage.name}: {before} in, {len(alive)} kept"
                on_event(Event("filters", number, len(self.stages), message))
        self.context = replace(self.context, lowers=False)  # a handful of rows does not lower a threshold for itself
        for _ in self.rows:  # each round keeps or loses a row for good, or is the last
            if not self._promote():
                break

    def result(self) -> FilterResult:
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
        return FilterResult(kept, rejected, funnel)

    def _judge_rows(self, stage: _Stage, candidates: Iterable[int]) -> list[int]:
        """Judge the candidates; returns those that `stage` keeps or only flags."""
        positions, passed = sorted(candidates), []
        for i, verdict in zip(positions, stage([self.rows[i] for i in positions], self.context), strict=True):
            self.rows[i] = verdict.triple
            self.fallen.pop(i, None)
            self.instead.pop(i, None)
            if not verdict.reason:
                passed.append(i)
            elif verdict.triple.reviewed or (stage.name in FLAGGING and verdict.triple.split in ("dev", "test")):
                self.rows[i] = flagged(verdict.triple, f"{stage.name}:{verdict.reason}")
                passed.append(i)
            else:
                self.fallen[i] = Rejection(verdict.triple, stage.name, verdict.reason, verdict.score, verdict.threshold)
                if verdict.instead:
                    self.instead[i] = verdict.instead
        return passed

    def _promote(self) -> bool:
        """Give rows another chance that fell to one which fell itself later, unless that one fell to a row that stays.

        The filters that look at single rows judge them first, so that the others then choose among those that can stay.
        """
        staying = {self.rows[i].id for i in self._kept()}
        stands_in = {self.rows[i].id: id for i, id in self.instead.items()}
        orphans = {i: self.fallen[i].stage for i, id in self.instead.items() if _last(id, staying, stands_in) not in staying}
        for number, stage in enumerate(self.stages):
            waiting = [i for i, fell_at in orphans.items() if fell_at == stage.name]
            for later in self.stages[number + 1 :]:
                if waiting and later.name in SINGLE:
                    waiting = self._judge_rows(later, waiting)
            for whole in self.stages:
                if waiting and whole.name not in SINGLE and (whole.name in COMPARING or whole in self.stages[number + 1 :]):
                    # Vectors may be alike where no word is, and what counts rows counts all of them.
                    everything = whole.name not in COMPARING or whole.options.get("semantic") is not None
                    beside = (i for i in self._kept() if everything or i in self._comparable)
                    waiting = list(set(waiting) & set(self._judge_rows(whole, {*waiting, *beside})))
        return bool(orphans)

    @cached_property
    def _comparable(self) -> set[int]:
        """Rows that may have a twin by their words: for the others nothing changes when a row comes back."""
        from synthgen.filters.common.question_identity import comparable

        return comparable(self.rows, self.context)

    def _kept(self) -> list[int]:
        return [i for i in range(len(self.rows)) if i not in self.fallen]


def _last(id: str, staying: Set[str], stands_in: Mapping[str, str]) -> str:
    """The row at the end of a chain of rows that each fell to the next."""
    seen: set[str] = set()
    while id not in staying and id in stands_in and id not in seen:
        seen.add(id)
        id = stands_in[id]
    return id


def _checked(triple: Triple) -> tuple[Any, ...]:
    """What no filter may change."""
    text = triple.query, triple.answer, triple.reasoning, triple.masks
    return text, triple.id, triple.chunk_id, triple.start, triple.end, triple.split, triple.metadata


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

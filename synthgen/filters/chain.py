"""The chain of filters: rows pass one filter after the other.

A filter that compares rows keeps one of several, the survivor. If the survivor is rejected by a later filter, the rows
that were rejected in its favour are judged again, and one of them may be promoted in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from synthgen.errors import ConfigError, nearest
from synthgen.filters import FILTERS, filter_spec
from synthgen.filters.context import FilterContext, flagged
from synthgen.filters.spec import FilterSpec
from synthgen.records import Event, OnEvent, Rejection, Triple, Verdict
from synthgen.registry import Contract, resolved_options, validate_options
from synthgen.text.humanize import short_repr

__all__ = ["FilterResult", "apply_filters", "check_filters"]

_LEAKS = "leaks"  # judges every row: what the result is measured on may be new

_CONTRACT = Contract(
    "filter",
    "take (triples, context), with options as keyword-only parameters, and return a list with one verdict for each triple, in "
    "order: Verdict(triple) keeps, Verdict(triple, 'reason') rejects",
)


@dataclass(frozen=True, slots=True, repr=False)
class FilterResult:
    """The kept and the rejected rows, each in the order of the input, and the counts of every filter.

    `funnel` has `{"stage", "in", "kept", "rejected": {reason: n}}` for each filter; a flagged row counts as kept.
    """

    __repr__ = short_repr

    kept: list[Triple]
    rejected: list[Rejection]
    funnel: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kept_ratio(self) -> float:
        """The share of rows that were kept; 1 when there were no rows."""
        total = len(self.kept) + len(self.rejected)
        return len(self.kept) / total if total else 1.0

    @property
    def reasons(self) -> dict[str, int]:
        """`stage:reason` with its count, the most frequent first."""
        counts = Counter(f"{r.stage}:{r.reason}" for r in self.rejected)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def check_filters(order: Sequence[str], options: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Raise UnknownNameError or ConfigError for what `apply_filters` would reject, before anything is paid for."""
    _stages(order, options or {})


def apply_filters(
    triples: Iterable[Triple],
    order: Sequence[str],
    context: FilterContext,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    accepted: Set[str] = frozenset(),
    on_event: OnEvent | None = None,
) -> FilterResult:
    """Run the filters of `order` one after the other; each sees the rows that the ones before kept.

    Rows whose ids are `accepted` are kept as they are, unless they repeat a query that the result is measured on; other rows
    are compared with them.

    Raises ConfigError for invalid options, for a filter that returns another number of verdicts than it got triples,
    and for one that changes a row that earlier filters have checked.
    """
    chain = _Chain(list(triples), _stages(order, options or {}), context, accepted)
    chain.run(on_event)
    return chain.result()


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    spec: FilterSpec
    options: Mapping[str, Any]

    @property
    def needs_all_rows(self) -> bool:
        """Whether every kept row may change its verdicts.

        Vectors may be similar without a shared word, and shares count all rows.
        """
        return not self.spec.compares or self.options.get(self.spec.vector_option) is not None

    def verdicts(self, triples: Sequence[Triple], context: FilterContext) -> Sequence[Verdict]:
        if context.cache is not None and self.spec.cacheable:
            return context.cache.verdicts(
                self.name, self.spec, self.options, triples, lambda fresh: self._fresh_verdicts(fresh, context)
            )
        return self._fresh_verdicts(triples, context)

    def _fresh_verdicts(self, triples: Sequence[Triple], context: FilterContext) -> Sequence[Verdict]:
        verdicts = self._returned(triples, context)
        if not isinstance(verdicts, Sequence) or isinstance(verdicts, str):
            raise _CONTRACT.broken(self.name, f"returned {type(verdicts).__name__}")
        for given, verdict in zip(triples, verdicts, strict=False):
            if not isinstance(verdict, Verdict) or not isinstance(verdict.triple, Triple):
                wrong = f"Verdict({type(verdict.triple).__name__})" if isinstance(verdict, Verdict) else type(verdict).__name__
                raise _CONTRACT.broken(self.name, f"returned {wrong} for the row {given.id!r}")
        if len(verdicts) != len(triples):
            raise _CONTRACT.broken(self.name, f"returned {len(verdicts)} verdicts for {len(triples)} triples")
        for given, verdict in zip(triples, verdicts, strict=True):
            if verdict.triple is not given and _fixed_parts(verdict.triple) != _fixed_parts(given):
                raise ConfigError(
                    f"The filter {self.name!r} changed the row {given.id!r}, which earlier filters have checked. A filter may change "
                    "scores, flags, quotes and positives, and rejects any other row."
                )
        return verdicts

    def _returned(self, triples: Sequence[Triple], context: FilterContext) -> Any:
        if self.name in FILTERS:
            return self.spec.function(triples, context, **self.options)
        with _CONTRACT.explained(self.name):
            return self.spec.function(triples, context, **self.options)


class _Chain:
    """The present rows by position, and by the same position the rejections and the survivors they were rejected for."""

    def __init__(self, rows: list[Triple], stages: Sequence[_Stage], context: FilterContext, accepted: Set[str]) -> None:
        self.rows, self.stages, self.context = rows, stages, context
        self.accepted = {i for i, row in enumerate(rows) if row.id in accepted}
        self.rejections: dict[int, Rejection] = {}
        self.survivors: dict[int, str] = {}  # ids, which identify a survivor even after its rejection

    def run(self, on_event: OnEvent | None) -> None:
        remaining = list(range(len(self.rows)))
        for number, stage in enumerate(self.stages, 1):
            before, remaining = len(remaining), self._judge(stage, remaining)
            if on_event:
                message = f"{stage.name}: {before} in, {len(remaining)} kept"
                on_event(Event("filters", number, len(self.stages), message, uneven=True))
        self.context = replace(self.context, lowers=False)  # a few rows must not lower a threshold for themselves
        for _ in self.rows:  # each round decides a row for good, or is the last
            orphans = self._orphans()
            if not orphans:
                break
            for number, stage in enumerate(self.stages):
                self._judge_again([i for i, rejected_by in orphans.items() if rejected_by == stage.name], number)

    def result(self) -> FilterResult:
        kept = [self.rows[i] for i in self._kept()]
        rejected = [self.rejections[i] for i in sorted(self.rejections)]
        by_stage = {stage.name: Counter[str]() for stage in self.stages}
        for rejection in rejected:
            by_stage[rejection.stage][rejection.reason] += 1
        funnel, remaining = [], len(self.rows)
        for name, reasons in by_stage.items():
            passed = remaining - reasons.total()
            funnel.append({"stage": name, "in": remaining, "kept": passed, "rejected": dict(sorted(reasons.items()))})
            remaining = passed
        return FilterResult(kept, rejected, funnel)

    def _judge(self, stage: _Stage, candidates: Iterable[int]) -> list[int]:
        """Judge rows by one filter, and return those that it keeps or only flags."""
        positions, passed = sorted(candidates), list[int]()
        accepted = self.accepted if stage.name != _LEAKS else set()
        if stage.spec.scope == "row" or accepted.issuperset(positions):
            passed += [i for i in positions if i in accepted]
            positions = [i for i in positions if i not in accepted]
        for i, verdict in zip(positions, stage.verdicts([self.rows[i] for i in positions], self.context), strict=True):
            if i in accepted:
                passed.append(i)
                continue
            row = self.rows[i] = verdict.triple
            self.rejections.pop(i, None)
            self.survivors.pop(i, None)
            if not verdict.reason:
                passed.append(i)
            elif row.reviewed or (stage.spec.flags_held_out and row.split in ("dev", "test")):
                self.rows[i] = flagged(row, f"{stage.name}:{verdict.reason}")
                passed.append(i)
            else:
                self.rejections[i] = Rejection(row, stage.name, verdict.reason, verdict.score, verdict.threshold)
                if verdict.survivor:
                    self.survivors[i] = verdict.survivor
        return passed

    def _orphans(self) -> dict[int, str]:
        """Return the rows whose survivor was rejected without a kept successor, each with the filter that rejected the row."""
        kept = {self.rows[i].id for i in self._kept()}
        survivor_of = {self.rows[i].id: id for i, id in self.survivors.items()}
        return {
            i: self.rejections[i].stage for i, id in self.survivors.items() if _last_survivor(id, kept, survivor_of) not in kept
        }

    def _judge_again(self, candidates: Sequence[int], number: int) -> None:
        """Judge again the rows that the filter `number` rejected.

        They pass all the filters that it kept them from, and all that compare rows. The filters of row scope go first, so
        that the others choose among rows that can be kept.
        """
        later = range(number + 1, len(self.stages))
        alone = [self.stages[n] for n in later if self.stages[n].spec.scope == "row"]
        together = [
            stage for n, stage in enumerate(self.stages) if stage.spec.scope == "corpus" and (stage.spec.compares or n in later)
        ]
        for stage in alone:
            if candidates:
                candidates = self._judge(stage, candidates)
        for stage in together:
            if candidates:
                others = (i for i in self._kept() if stage.needs_all_rows or i in self._comparable)
                passed = set(self._judge(stage, {*candidates, *others}))
                candidates = [i for i in candidates if i in passed]

    @cached_property
    def _comparable(self) -> set[int]:
        """Return the rows that may have a twin by their words. For the others nothing changes when a row comes back."""
        from synthgen.filters.common.question_identity import comparable

        return comparable(self.rows, self.context)

    def _kept(self) -> list[int]:
        return [i for i in range(len(self.rows)) if i not in self.rejections]


def _last_survivor(id: str, kept: Set[str], survivor_of: Mapping[str, str]) -> str:
    """Return the end of a series of rows, each rejected in favour of the next: the first that is kept, or the last."""
    seen: set[str] = set()
    while id not in kept and id in survivor_of and id not in seen:
        seen.add(id)
        id = survivor_of[id]
    return id


def _fixed_parts(triple: Triple) -> tuple[Any, ...]:
    """Return the parts of a row that no filter may change."""
    text = triple.query, triple.answer, triple.reasoning, triple.masks
    return text, triple.id, triple.chunk_id, triple.start, triple.end, triple.split, triple.metadata


def _stages(order: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> list[_Stage]:
    known = {*FILTERS, *order}
    for name in options:
        if name not in known:
            raise ConfigError(f"There are options for {name!r}, but no such filter.{nearest(name, known)}")
    if len(set(order)) < len(order):
        twice = next(name for name in order if order.count(name) > 1)
        raise ConfigError(f"The filter {twice!r} is in the order twice. Each filter can run once.")
    return [_stage(name, options.get(name, {})) for name in order]


def _stage(name: str, options: Mapping[str, Any]) -> _Stage:
    spec = filter_spec(name)
    _CONTRACT.check_signature(name, spec.function)
    stage = _Stage(name, spec, validate_options(spec.function, options, owner=f"filter {name!r}"))
    _CONTRACT.check_call(name, spec.function, (), FilterContext({}), **resolved_options(spec.function, options))
    return stage

"""Rejects rows whose query does not find its own passage in a search.

Reason: `not_found`, with the compared value and its threshold. Flag: `round_trip:undecided` where the value is
undefined because all scores are equal. Such a row is kept. A round trip does not test answerability: unanswerable
questions written by people pass it as often as answerable ones. Copies of the source (equal, overlapping or nearly
equal chunks) count as the source.

The option `judge` selects the search. `bm25` searches words. `dense` searches the vectors of the encoder. `both` takes
whichever of these two ranks the source higher. `self` follows Promptagator (Dai et al. 2022): an encoder tuned on the
rows under judgement. A model favours what it was tuned on, noise included, so no row is judged by a model that saw the
row, its passage or a near-duplicate document (k-fold cross-fitting). `folds: 1` is the method of the paper.

The option `rule` selects the comparison. `ratio` compares `(s_source - s_51st) / (s_best - s_51st)` with `min_ratio`,
which has the same meaning for every kind of score. `raw_ratio` compares `s_source / s_best`, for scores that start at
zero. `top_k` requires the source among the best k hits. `reranker` requires it first after a cross-encoder has read the
best `depth` hits (CADET; Tamber et al. 2025).

The default threshold is loose because `entities` and `grounding` run first: beside them, a threshold of 0.7 costs six
more good rows of a hundred and finds hardly any more bad ones (`benchmarks/filter_quality.py`). Without them, 0.7 is
the better choice.

A query made from text that the row hides (a masked sentence, the heading above) would find its chunk trivially, because
the index holds that text. Such a query is scored on what the row still shows (`retrieval.passages`), against rivals at
their full score. It is kept by default: its passage is right by construction, and a lexical score of the rest only
measures how much the passage repeats itself. On a software manual, rejecting by that score lost three of four masked
sentences, and first those that share no words with their context, which are the ones worth training on. `hidden: judge`
rejects by it all the same.

When less than 30 % of the rows that can be rejected reach `min_ratio`, and the context allows it, the threshold is
lowered once, to `fallback`. On corpora where questions share few words with their passage, a strict filter leaves too
little to train on.

Stored scores:

- `round_trip`: the normalised score.
- `round_trip_rank`: the rank of the source; ties count as equal. Absent when the source is not among the best hits, and
  for queries made from hidden text unless the rule compares ranks.
- `round_trip_rival`: the best chunk that is not the source.
- `round_trip_hidden`: set for a query made from hidden text.
- `round_trip_raw`, `round_trip_reranked`: the raw ratio and the rank by the cross-encoder, under their rules.
- `easy`: the share of lexical copy (`retrieval.source_rank`).
- `round_trip_by`: a digest of everything these scores depend on, the code of the search included. Scores of an earlier
  run with an equal digest are used again.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import Field

from synthgen.errors import ConfigError
from synthgen.filters.code_digest import code_digest
from synthgen.filters.context import Encoders, FilterContext, flagged
from synthgen.filters.spec import FilterSpec
from synthgen.records import Triple, Verdict, digest
from synthgen.retrieval import Retriever, index_text
from synthgen.retrieval.passages import Passages, is_hidden, shown_text, source_ranks
from synthgen.retrieval.source_rank import Copying, SourceJudgement, contenders, judge_source

__all__ = ["SPEC", "round_trip"]

_TOO_FEW = 0.3
_ROWS_RERANKED = 500
_STORED = (
    "round_trip",
    "round_trip_rank",
    "round_trip_rival",
    "round_trip_hidden",
    "round_trip_raw",
    "round_trip_reranked",
    "easy",
    "round_trip_by",
)


def round_trip(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    judge: Annotated[Literal["bm25", "dense", "both", "self"], Field(description="what searches")] = "bm25",
    rule: Annotated[Literal["ratio", "top_k", "raw_ratio", "reranker"], Field(description="what decides")] = "ratio",
    min_ratio: Annotated[float, Field(ge=0, le=1, description="ratio, raw_ratio: least score of the source")] = 0.4,
    fallback: Annotated[
        float, Field(ge=0, le=1, description="ratio, raw_ratio: min_ratio where under 30 % of a run's rows would be kept")
    ] = 0.2,
    k: Annotated[int, Field(ge=1, le=50, description="top_k: lowest rank of the source")] = 3,
    reranker: Annotated[str, Field(description="reranker: a sentence-transformers CrossEncoder, by name or path")] = "",
    depth: Annotated[int, Field(ge=1, le=50, description="reranker: best hits that it reads")] = 20,
    folds: Annotated[
        int, Field(ge=1, le=20, description="self: judges, none of which saw the rows it judges; 1 saw them all")
    ] = 5,
    hidden: Annotated[
        Literal["keep", "judge"], Field(description="queries made from hidden text: only score them, or judge by what is shown")
    ] = "keep",
) -> list[Verdict]:
    """The source, or a copy of it, scores close enough to the best hit."""
    if rule == "reranker" and not reranker:
        raise ConfigError("The rule 'reranker' of the filter 'round_trip' needs a cross-encoder: set its option `reranker`.")
    bench = _Bench(context, judge, rule, folds, reranker, depth)
    scored = bench.scored(triples)
    name = {
        "ratio": "round_trip",
        "raw_ratio": "round_trip_raw",
        "top_k": "round_trip_rank",
        "reranker": "round_trip_reranked",
    }[rule]
    if rule in ("top_k", "reranker"):
        most = k if rule == "top_k" else 1
        passes, threshold = [rank is not None and rank <= most for rank in (t.scores.get(name) for t in scored)], float(most)
    else:
        threshold = _threshold(scored, name, context, min_ratio, fallback, hidden)
        passes = [score is not None and score >= threshold for score in (t.scores[name] for t in scored)]
    return [
        _verdict(triple, passed, name, threshold, spared=hidden == "keep" and "round_trip_hidden" in triple.scores)
        for triple, passed in zip(scored, passes, strict=True)
    ]


def _verdict(triple: Triple, passed: bool, name: str, threshold: float, *, spared: bool) -> Verdict:
    if triple.scores["round_trip"] is None or triple.scores.get("round_trip_raw", 0.0) is None:
        return Verdict(flagged(triple, "round_trip:undecided"))
    if passed or spared:
        return Verdict(triple)
    return Verdict(triple, "not_found", triple.scores.get(name), threshold)


def _threshold(
    scored: Sequence[Triple], name: str, context: FilterContext, min_ratio: float, fallback: float, hidden: str
) -> float:
    """Return `min_ratio`, or `fallback` where too few of the rows that can be rejected reach it.

    A note reports the change.
    """
    if (lowered := context.lowered.get("round_trip")) is not None:  # later rows get the same threshold
        return lowered
    if not context.lowers or fallback >= min_ratio:
        return min_ratio
    falling = [
        t.scores[name]
        for t in scored
        if t.split == "train" and not t.reviewed and t.scores[name] is not None
        if hidden == "judge" or "round_trip_hidden" not in t.scores
    ]
    reach, lower = (sum(score >= least for score in falling) for least in (min_ratio, fallback))
    if reach >= _TOO_FEW * len(falling):
        return min_ratio
    context.lowered["round_trip"] = fallback
    context.notes.append(
        f"The round trip lowered its threshold from {min_ratio:g} to {fallback:g}: {reach:,} of {len(falling):,} rows reached the "
        f"first, which is less than {_TOO_FEW:.0%}, and {lower:,} reach the second."
    )
    return fallback


class _Bench:
    """Scores rows with a judge. Only rows without an equal score from an earlier run are scored."""

    def __init__(self, context: FilterContext, judge: str, rule: str, folds: int, reranker: str, depth: int) -> None:
        self.context, self.judge, self.folds, self.depth = context, judge, folds, depth
        self.ranks, self.raw, self.reranker = (
            rule in ("top_k", "reranker"),
            rule == "raw_ratio",
            reranker * (rule == "reranker"),
        )
        self.passages = Passages(context.chunks)

    def scored(self, triples: Sequence[Triple]) -> list[Triple]:
        basis = self._basis(triples)
        stamps = [digest([basis, t.query, t.positives, t.masks])[:16] for t in triples]
        earlier = [self.context.known.get(t.id, {}) for t in triples]
        found = {i: earlier[i] for i, stamp in enumerate(stamps) if earlier[i].get("round_trip_by") == stamp}
        found |= self._fresh(triples, [i for i in range(len(triples)) if i not in found], stamps)
        return [_with(triple, found[i]) for i, triple in enumerate(triples)]

    def _fresh(self, triples: Sequence[Triple], fresh: Sequence[int], stamps: Sequence[str]) -> dict[int, dict[str, Any]]:
        readings: dict[int, _Reading] = {}
        for retriever, positions in self._searches(triples, fresh) if fresh else ():
            rows = [triples[i] for i in positions]
            for i, (triple, ranked) in zip(positions, source_ranks(rows, self.context.chunks, retriever), strict=True):
                others = contenders(triple, ranked, self.passages, self.depth) if self.reranker else []
                reading = _Reading(judge_source(triple, ranked, self.passages, rank_hidden=self.ranks), tuple(others))
                readings[i] = readings[i].or_better(reading) if i in readings else reading
        reranked = self._reranked(triples, readings) if self.reranker else {}
        copying = Copying(self.context.chunks)
        return {
            i: {
                **self._scores(triples[i], readings[i].seen),
                **({"round_trip_reranked": reranked[i]} if i in reranked else {}),
                "easy": copying.share(triples[i]),
                "round_trip_by": stamps[i],
            }
            for i in fresh
        }

    def _scores(self, triple: Triple, seen: SourceJudgement) -> dict[str, Any]:
        scores: dict[str, Any] = {"round_trip": seen.ratio, "round_trip_rival": seen.rival}
        if seen.rank is not None:
            scores["round_trip_rank"] = seen.rank
        if self.raw:
            scores["round_trip_raw"] = seen.raw
        if is_hidden(triple, self.context.chunks[triple.chunk_id]):
            scores["round_trip_hidden"] = True
        return scores

    def _searches(self, triples: Sequence[Triple], fresh: Sequence[int]) -> Iterator[tuple[Retriever, Sequence[int]]]:
        if self.judge in ("bm25", "both"):
            if self.context.retriever is None:
                raise ConfigError(
                    "The filter 'round_trip' searches the chunks, but the context has no retriever. Pass `retriever` in it."
                )
            yield self.context.retriever, fresh
        if self.judge in ("dense", "both"):
            yield self._encoders.dense(), fresh
        if self.judge == "self":
            wanted = frozenset(fresh)
            for positions, retriever in self._encoders.cross_fitted(triples, folds=self.folds):
                if mine := [i for i in positions if i in wanted]:
                    yield retriever, mine

    def _reranked(self, triples: Sequence[Triple], readings: Mapping[int, _Reading]) -> dict[int, int]:
        """Return the cross-encoder's rank of the source among the best hits.

        Rows whose source is not among these have none.
        """
        chunks, ranks = self.context.chunks, {}
        inside = [i for i, reading in readings.items() if reading.seen.rank is not None and reading.seen.rank <= self.depth]
        for batch in (inside[at : at + _ROWS_RERANKED] for at in range(0, len(inside), _ROWS_RERANKED)):
            pairs = []
            for i in batch:
                pairs.append((triples[i].query, shown_text(triples[i], chunks[triples[i].chunk_id])))
                pairs.extend((triples[i].query, index_text(chunks[other])) for other in readings[i].others)
            scores = iter(self._encoders.rerank(pairs, model=self.reranker))
            for i in batch:
                source, *others = itertools.islice(scores, 1 + len(readings[i].others))
                ranks[i] = 1 + sum(other > source for other in others)
        return ranks

    @property
    def _encoders(self) -> Encoders:
        if self.context.encoders is None:
            raise ConfigError(
                "The filter 'round_trip' needs an encoder for its judge or reranker, but the context has none. Pass `encoders` "
                "in the context, or use judge 'bm25' and another rule."
            )
        return self.context.encoders

    def _basis(self, triples: Sequence[Triple]) -> str:
        """Return a digest of everything that the scores depend on beside the row itself."""
        index = hashlib.sha256()
        for chunk in self.context.chunks.values():
            index.update(repr((chunk.id, chunk.sha256, chunk.headings, chunk.places)).encode("utf-8", "surrogatepass"))
        scorers: list[object] = [self.context.retriever] if self.judge in ("bm25", "both") else []
        if self.judge != "bm25" or self.reranker:
            scorers.append(self._encoders)
        code = code_digest(__name__, *(type(scorer).__module__ for scorer in scorers))
        parts = [code, version("bm25s"), self.judge, self.ranks, self.raw, index.hexdigest()]
        if self.judge in ("dense", "both"):
            parts.append(self._encoders.digest())
        if self.judge == "self":
            parts.append(self._encoders.digest(triples=triples, folds=self.folds))
        if self.reranker:
            parts += [self.depth, self._encoders.digest(model=self.reranker)]
        return digest(parts)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The judgement of a row, and the passages that a reranker compares with its source."""

    seen: SourceJudgement
    others: tuple[str, ...]

    def or_better(self, other: _Reading) -> _Reading:
        """Return the judgement that ranks the source higher, with the passages of both."""
        best = max(self.seen, other.seen, key=lambda seen: (-1.0 if seen.ratio is None else seen.ratio, -(seen.rank or 1_000)))
        return _Reading(best, tuple(dict.fromkeys([*self.others, *other.others])))


def _with(triple: Triple, found: Mapping[str, Any]) -> Triple:
    """Return the triple with these scores in place of those of an earlier round trip."""
    others = {name: score for name, score in triple.scores.items() if name not in _STORED}
    return replace(triple, scores=others | {name: found[name] for name in _STORED if name in found})


SPEC = FilterSpec(
    round_trip,
    scope="row",
    flags_held_out=True,
    needs=frozenset({"retriever", "encoders"}),
    reasons={
        "not_found": "a search for the query does not find the passage",
    },
)

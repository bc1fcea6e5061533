"""Does the query find its own passage again?

Reason: `not_found`, with the range-normalised score of the source, `(s_source - s_51st) / (s_best - s_51st)`, and the
threshold. Flag: `round_trip:undecided` when that score is not defined (all scores are equal); the row is kept.

A round trip is no test of answerability: human unanswerable questions pass it as often as answerable ones. Copies of the
source (equal, overlapping or nearly equal chunks) count as the source.

A query made from text that the row hides (a masked sentence, the heading above) would find its chunk trivially, because
the index holds that text. It is scored on what the row still shows (`retrieval.passages`), against rivals at their full
score, and by default kept: its passage is right by construction, and a lexical score of the rest only says how much the
passage repeats itself. On a software manual, rejecting by it cost three masked sentences of four, first those that
share no words with their context, which are the ones worth training on. `hidden: judge` rejects them all the same.

Stored: `round_trip` (the normalised score), `round_trip_rival` (the best chunk that is not the source), and either
`round_trip_rank` (ties count as equal; absent below the best hits) or, for such a query, `round_trip_hidden`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from synthgen.errors import ConfigError
from synthgen.filters import Context, flagged
from synthgen.records import Triple, Verdict
from synthgen.retrieval import Hit, range_normalised
from synthgen.retrieval.passages import Passages, Standing, standings

__all__ = ["round_trip"]


def round_trip(
    triples: Sequence[Triple],
    context: Context,
    *,
    min_ratio: Annotated[float, Field(ge=0, le=1, description="least range-normalised score of the source")] = 0.7,
    hidden: Annotated[
        Literal["keep", "judge"], Field(description="queries made from hidden text: only score them, or judge by what is shown")
    ] = "keep",
) -> list[Verdict]:
    """The source, or a copy of it, scores close enough to the best hit."""
    if context.retriever is None:
        raise ConfigError("The filter 'round_trip' searches the chunks, but was given no retriever. Pass one in the context.")
    passages = Passages(context.chunks)
    verdicts = []
    for triple, standing in standings(triples, context.chunks, context.retriever):
        scored, ratio = _judge(triple, standing, passages)
        if ratio is None:
            verdicts.append(Verdict(flagged(scored, "round_trip:undecided")))
        elif ratio < min_ratio and (standing.shown is None or hidden == "judge"):
            verdicts.append(Verdict(scored, "not_found", ratio, min_ratio))
        else:
            verdicts.append(Verdict(scored))
    return verdicts


def _judge(triple: Triple, standing: Standing, passages: Passages) -> tuple[Triple, float | None]:
    hidden = standing.shown is not None
    source = standing.source if standing.shown is None else standing.shown
    own = [passages.chunks[positive] for positive in triple.positives]
    rivals: list[Hit] = []
    for hit in standing.hits:
        if rivals and (hidden or hit.score <= source):
            break
        chunk = passages.chunks[hit.id]
        if not any(passages.same(chunk, positive) for positive in own):
            rivals.append(hit)
        elif not hidden:  # a copy of a hidden sentence's chunk shows the sentence
            source = max(source, hit.score)
    best = max([source, *(hit.score for hit in rivals)])
    ratio = range_normalised(source, best, standing.floor)
    scores: dict[str, Any] = {
        "round_trip": None if ratio is None else round(ratio, 6),
        "round_trip_rival": rivals[0].id if rivals else None,
    }
    if hidden:
        scores["round_trip_hidden"] = True
    elif source >= standing.floor:
        scores["round_trip_rank"] = 1 + sum(hit.score > source for hit in rivals)
    return replace(triple, scores={**triple.scores, **scores}), scores["round_trip"]

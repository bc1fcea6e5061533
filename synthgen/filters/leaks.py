"""Queries that the result will be measured on must not be trained on.

Reason: `eval_query` (nearly one of the evaluation queries), with the Jaccard similarity of the 4-character shingles of their
comparison keys and the threshold. The similarity is 1 where only words differ that change nothing (`question_identity`): in a short query one
"please" counts for much. Answers and passages are not asked, and numbers and names may differ: a row too few costs little, a
measurement on known questions is worth nothing.

Shots that are copied are the business of `lint`. Not covered: paraphrases of an evaluation query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from synthgen.filters.common.question_identity import languages, read
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Triple, Verdict
from synthgen.text.fold import key
from synthgen.text.minhash import candidates, signatures
from synthgen.text.words import jaccard, shingles

__all__ = ["SPEC", "leaks"]


def leaks(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    max_similarity: Annotated[
        float, Field(ge=0.3, le=1, description="as similar to an evaluation query, by shingles, is a leak")
    ] = 0.7,
) -> list[Verdict]:
    """No query is like one of `context.queries`, whatever its split."""
    known = tuple(sorted({key(query) for query in context.queries} - {""}))
    if not known:
        return [Verdict(triple) for triple in triples]
    asked = sorted({key(triple.query) for triple in triples})
    sets = [shingles(query) for query in (*known, *asked)]
    highest: dict[str, float] = {}
    for reference, row in candidates(signatures(sets), max_similarity, references=len(known)):
        query = asked[row - len(known)]
        highest[query] = max(highest.get(query, 0.0), jaccard(sets[reference], sets[row]))
    verdicts = []
    bags: dict[str, set[tuple[str, ...]]] = {}  # the words that matter of the queries, which may be in any language
    for triple, language in zip(triples, languages(triples, context), strict=True):
        if language not in bags:
            bags[language] = {read(query, language).bag for query in known}
        same = read(triple.query, language).bag in bags[language]
        similarity = 1.0 if same else highest.get(key(triple.query), 0.0)
        leak = similarity >= max_similarity
        verdicts.append(Verdict(triple, "eval_query", round(similarity, 6), max_similarity) if leak else Verdict(triple))
    return verdicts


SPEC = FilterSpec(
    leaks,
    scope="row",
    needs=frozenset({"queries"}),
    reasons={
        "eval_query": "the query is, nearly, one of those that the result is measured on",
    },
)

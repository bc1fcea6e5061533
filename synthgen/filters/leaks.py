"""Rejects rows whose query is one of the evaluation queries, exactly or nearly: the result must not be trained on them.

Reason: `eval_query`, with the threshold and the Jaccard similarity of the 4-character shingles of the comparison keys.
The similarity is 1 where only words differ that do not change the question (`question_identity`): in a short query one
"please" counts for much. Answers and passages are not compared, and numbers and names may differ: one row too few costs
little, but a measurement on known questions is worthless.

Copied shots are the subject of `lint`. Not covered: paraphrases of an evaluation query.
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
    """No query is similar to one of `context.queries`, whatever its split."""
    evaluation_queries = tuple(sorted({key(query) for query in context.queries} - {""}))
    if not evaluation_queries:
        return [Verdict(triple) for triple in triples]
    asked = sorted({key(triple.query) for triple in triples})
    sets = [shingles(query) for query in (*evaluation_queries, *asked)]
    highest: dict[str, float] = {}
    for reference, row in candidates(signatures(sets), max_similarity, references=len(evaluation_queries)):
        query = asked[row - len(evaluation_queries)]
        highest[query] = max(highest.get(query, 0.0), jaccard(sets[reference], sets[row]))
    verdicts = []
    bags: dict[str, set[tuple[str, ...]]] = {}  # the words that matter of the queries, which may be in any language
    for triple, language in zip(triples, languages(triples, context), strict=True):
        if language not in bags:
            bags[language] = {read(query, language).bag for query in evaluation_queries}
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

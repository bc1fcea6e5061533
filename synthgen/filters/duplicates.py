"""Rows that ask the same thing in nearly the same words, with the same answer.

Reasons: `near_duplicate` (the same words up to what changes nothing; score: the Jaccard similarity of the 4-character
shingles of their words), `semantic_duplicate` (nearly the same vector; score: the cosine).

Of 32 pairs of nearly equal human questions in a sample of SQuAD 25 had different answers, so letters never decide alone.
What must be the same in the words is said in `question_identity`; the answers must agree, too: equal, or with a token F1 of .8 and
no other number. Rows without answers must also stand on the same passage, or on copies of it: the same
question on two passages is an ambiguity, which is for another filter. Where the query was made from text that its row hides (a
masked sentence, a heading), a copy will not do: each such row teaches its own passage, and no reader is asked twice.

The row that stays is the reviewed or best-scored one; the others are compared with rows that stay, so no chain of small
differences makes one of all. It takes over the positives of the rejected rows whose passages are copies of its own.

`semantic` needs vectors, and a cosine means something else for every encoder: there is no default to recommend.

Not covered: paraphrases without `semantic`; crowds of more than fifty rows that ask the same with different answers, where
answers that only nearly agree are looked for among the best fifty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from synthgen.errors import ConfigError
from synthgen.filters.common.question_identity import Questions, answers_agree, never_same
from synthgen.filters.common.survivor import rank, with_positives
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Triple, Verdict
from synthgen.retrieval.passages import Passages, is_hidden
from synthgen.text.fold import key

__all__ = ["SPEC", "duplicates"]

_COMPARED = 50  # rows that one row is compared with, beyond those with its very answer
_ACROSS = 0.02  # by how much more the cosine of rows on different passages must be
_BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class _Twin:
    """The row (its position) that stays in another's place."""

    stays: int
    reason: str
    score: float
    threshold: float


def duplicates(
    triples: Sequence[Triple],
    context: FilterContext,
    *,
    min_similarity: Annotated[
        float, Field(ge=0, le=1, description="least similarity of the words of two rows whose answers agree")
    ] = 0.5,
    min_similarity_unanswered: Annotated[
        float, Field(ge=0, le=1, description="the same for rows without answers; a misspelt word is below .95")
    ] = 0.95,
    semantic: Annotated[
        float | None,
        Field(gt=0, le=1, description="least cosine of a semantic duplicate on the same passage; .02 more across passages"),
    ] = None,
    prefer: Annotated[str, Field(description="score whose best holder is kept; without it, the first by id")] = "round_trip",
) -> list[Verdict]:
    """One row of each question and answer; a row is rejected only in favour of one that is kept."""
    if semantic is not None and context.encoders is None:
        raise ConfigError(
            f"duplicates.semantic = {semantic} compares vectors, but the filter was given no encoder. "
            "Install the train extra, or leave semantic out: then only words are compared."
        )
    passages, questions = Passages(context.chunks), Questions(triples, context)
    order = sorted(questions.crowd if semantic is None else range(len(triples)), key=lambda i: rank(triples[i], prefer))
    minimum = {True: min_similarity, False: min_similarity_unanswered}

    def near(row: int, other: int) -> float | None:
        similarity = questions.similarity(row, other)
        answered = triples[row].answer is not None
        if similarity is None or similarity < minimum[answered]:
            return None
        if not answers_agree(triples[row].answer, triples[other].answer):
            return None
        same = answered or _one_passage(triples[row], triples[other], passages)
        return similarity if same else None

    twins = _near(triples, order, questions, near, minimum)
    if semantic is not None:
        twins |= _semantic(triples, [i for i in order if i not in twins], context, questions, passages, semantic)
    return _verdicts(triples, twins, passages)


def _one_passage(row: Triple, other: Triple, passages: Passages) -> bool:
    """Whether both stand on one passage. A query made from text that its row hides goes with its own chunk and with no copy of it."""
    here, there = passages.chunks[row.chunk_id], passages.chunks[other.chunk_id]
    return here.id == there.id or (passages.same(here, there) and not is_hidden(row, here))


def _near(
    triples: Sequence[Triple],
    order: Sequence[int],
    questions: Questions,
    near: Callable[[int, int], float | None],
    minimum: dict[bool, float],
) -> dict[int, _Twin]:
    """Rows that fall, each with the row that stays: the most similar, then the best."""
    staying: defaultdict[int, list[int]] = defaultdict(list)
    by_answer: defaultdict[tuple[int, str | None], list[int]] = defaultdict(list)
    twins: dict[int, _Twin] = {}
    for row in (row for row in order if row in questions.crowd):
        answer = triples[row].answer
        folded = None if answer is None else key(answer)
        for crowd in questions.crowds(row):
            known = dict.fromkeys([*by_answer[crowd, folded][:_COMPARED], *staying[crowd][:_COMPARED]])
            found = next(((other, score) for other in known if (score := near(row, other)) is not None), None)
            if found:
                twins[row] = _Twin(found[0], "near_duplicate", round(found[1], 6), minimum[answer is not None])
                break
        else:
            staying[questions.crowd[row]].append(row)
            by_answer[questions.crowd[row], folded].append(row)
    return twins


def _semantic(
    triples: Sequence[Triple],
    order: Sequence[int],
    context: FilterContext,
    questions: Questions,
    passages: Passages,
    threshold: float,
) -> dict[int, _Twin]:
    """The same by cosine. A row is compared with its fifty nearest of those that stay so far."""
    twins: dict[int, _Twin] = {}
    for row, nearest in _nearest([triples[i].query for i in order], context):
        mine = order[row]
        for position, cosine in nearest:
            other = order[position]
            if position >= row or other in twins:
                continue
            here = _one_passage(triples[mine], triples[other], passages)
            least = threshold if here else threshold + _ACROSS
            answered = triples[mine].answer is not None
            if cosine < least or not (answered or here) or not answers_agree(triples[mine].answer, triples[other].answer):
                continue
            if never_same(questions[mine], questions[other]):
                continue
            twins[mine] = _Twin(other, "semantic_duplicate", round(cosine, 6), round(least, 6))
            break
    return twins


def _nearest(queries: Sequence[str], context: FilterContext) -> Iterator[tuple[int, list[tuple[int, float]]]]:
    """For each query its nearest ones and their cosines, the best first; itself may be among them."""
    import faiss
    import numpy as np

    if context.encoders is None or not queries:
        return
    vectors = np.ascontiguousarray(context.encoders.vectors(queries), dtype=np.float32)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    for start in range(0, len(vectors), _BLOCK):
        scores, positions = index.search(vectors[start : start + _BLOCK], min(_COMPARED + 1, len(vectors)))
        for row, (cosines, found) in enumerate(zip(scores.tolist(), positions.tolist(), strict=True), start):
            yield row, sorted(zip(found, cosines, strict=True), key=lambda hit: (-hit[1], hit[0]))


def _verdicts(triples: Sequence[Triple], twins: dict[int, _Twin], passages: Passages) -> list[Verdict]:
    duplicates_of: defaultdict[int, list[Triple]] = defaultdict(list)
    for row, twin in twins.items():
        duplicates_of[twin.stays].append(triples[row])
    verdicts = []
    for row, triple in enumerate(triples):
        if row in twins:
            twin = twins[row]
            verdicts.append(Verdict(triple, twin.reason, twin.score, twin.threshold, survivor=triples[twin.stays].id))
        else:
            verdicts.append(Verdict(with_positives(triple, duplicates_of[row], passages) if row in duplicates_of else triple))
    return verdicts


SPEC = FilterSpec(
    duplicates,
    scope="corpus",
    compares=True,
    vector_option="semantic",
    needs=frozenset({"encoders"}),
    reasons={
        "near_duplicate": "another row asks the same in nearly the same words, with the same answer",
        "semantic_duplicate": "another row's vector is nearly the same, and its answer is",
    },
)

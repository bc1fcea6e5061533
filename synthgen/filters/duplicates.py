"""Rejects rows that ask the same thing as another row in nearly the same words, with the same answer.

Reasons: `near_duplicate` (the same words, except for differences that do not change the question; score: the Jaccard
similarity of the 4-character shingles of their words), `semantic_duplicate` (nearly the same vector; score: the
cosine).

String similarity never decides alone: of 32 pairs of nearly equal human questions in a sample of SQuAD, 25 had
different answers. `common.question_identity` defines which words must be the same. The answers must agree too: they are
equal, or have a token F1 of 0.8 and the same numbers. Rows without answers must also have the same passage, or copies
of it: the same question on two passages is an ambiguity, which is the subject of another filter. Where the query was
made from text that its row hides (a masked sentence, a heading), a copy of the passage is not enough: each such row
teaches its own passage, and no reader is asked twice.

The survivor is the reviewed or best-scored row. Other rows are compared with survivors only, so a chain of small
differences does not merge all its rows. The survivor takes over the positives of the rejected rows whose passages are
copies of its own.

`semantic` needs vectors. A cosine has a different meaning for every encoder, so there is no default to recommend.

Not covered: paraphrases without `semantic`; groups of more than fifty rows that ask the same with different answers,
where answers that agree only approximately are searched among the best fifty.
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

_COMPARED = 50  # rows that one row is compared with, beside those with an equal answer
_ACROSS = 0.02  # added to the least cosine of rows on different passages
_BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class _Twin:
    """The survivor (its position) in whose favour a row is rejected."""

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
    """One row of each question and answer. A row is rejected only in favour of one that is kept."""
    if semantic is not None and context.encoders is None:
        raise ConfigError(
            f"duplicates.semantic = {semantic} compares vectors, but the filter has no encoder. "
            "Install the train extra, or leave semantic out to compare words only."
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
    """Whether both rows have the same passage.

    A query made from hidden text belongs to its own chunk, not to a copy of it.
    """
    own, others = passages.chunks[row.chunk_id], passages.chunks[other.chunk_id]
    return own.id == others.id or (passages.same(own, others) and not is_hidden(row, own))


def _near(
    triples: Sequence[Triple],
    order: Sequence[int],
    questions: Questions,
    near: Callable[[int, int], float | None],
    minimum: dict[bool, float],
) -> dict[int, _Twin]:
    """Return rows to reject, each with its survivor: the most similar one, then the best one."""
    staying: defaultdict[int, list[int]] = defaultdict(list)
    by_answer: defaultdict[tuple[int, str | None], list[int]] = defaultdict(list)
    twins: dict[int, _Twin] = {}
    for row in (row for row in order if row in questions.crowd):
        answer = triples[row].answer
        folded = None if answer is None else key(answer)
        for crowd in questions.crowds(row):
            compared = dict.fromkeys([*by_answer[crowd, folded][:_COMPARED], *staying[crowd][:_COMPARED]])
            found = next(((other, score) for other in compared if (score := near(row, other)) is not None), None)
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
    """Return rows to reject by cosine. A row is compared with its fifty nearest survivors so far."""
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
    """Yield the nearest queries of each query with their cosines, best first. The query itself may be among them."""
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
        "semantic_duplicate": "another row has nearly the same vector and the same answer",
    },
)

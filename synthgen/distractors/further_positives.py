"""Find other chunks that clearly answer a query better than the row's own passage.

Such a chunk is not a distractor, and in a benchmark a search that finds it is right. The rule prefers precision to
recall. All of these must hold:

- The chunk scores above the passage under every judge.
- One of its sentences contains the row's answer and three quarters of the query's content words. The answer has at
  least two content words (a year or a single name occurs in many unrelated sentences), the query at least three.
- That share of the query is not smaller than in the best sentence of the passage that contains the answer.

About nine in ten of the chunks found for the human questions of SQuAD and COVID-QA do answer the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from synthgen.distractors.guard import AnswerForms, folded
from synthgen.records import Chunk, Triple, passage
from synthgen.text.sentences import sentences
from synthgen.text.words import contents, words

__all__ = ["better_answers"]

_ANSWER_WORDS, _QUERY_WORDS, _COVERED = 2, 3, 0.75


def better_answers(triple: Triple, source: Chunk, above: Iterable[Chunk]) -> Sequence[Chunk]:
    """Return the chunks that answer the query better, among those that every search ranks `above` the source."""
    answer, query_words = triple.answer or "", set(contents(words(triple.query)))
    if len(contents(words(answer))) < _ANSWER_WORDS or len(query_words) < _QUERY_WORDS:
        return []
    forms = AnswerForms.of([folded(answer)])
    minimum = _COVERED * len(query_words)
    candidates = [
        (chunk, covered)
        for chunk in above
        if (covered := _best_coverage(chunk.text, chunk.language, forms, query_words)) >= minimum
    ]
    own_covered = _best_coverage(passage(triple, source), source.language, forms, query_words) if candidates else 0
    return [chunk for chunk, covered in candidates if covered >= own_covered]


def _best_coverage(text: str, language: str, forms: AnswerForms, query_words: set[str]) -> int:
    """Return the largest number of query words in a sentence that contains the answer."""
    if not forms.occurs_in(folded(text)):
        return 0
    spans = (text[start:end] for start, end in sentences(text, language))
    return max((len(query_words & set(words(sentence))) for sentence in spans if forms.occurs_in(folded(sentence))), default=0)

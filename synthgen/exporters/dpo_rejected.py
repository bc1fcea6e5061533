"""The rejected side of a preference pair: a real answer that is not the row's, and where it comes from.

    wrong_answer        the imported file lists it as a wrong answer
    filtered_out        a filter rejected it: an answer to the same question about the same passage
    distractor_context  the answer of a row whose passage is a distractor of this row: right there, wrong here

No answer is invented. An answer is not used when it may be the right one in other words, as far as words can tell:

- Its comparison key differs from that of the row's answer and of every other right answer that was imported with the
  row, and neither contains the other. A wrong answer of the imported file only has to differ.
- An answer that was rejected for a reason other than its content (as a duplicate, for example) shares no word with the
  right one. What the filter `format` rejected is never used.
- A distractor in another language gives no answer: the pair would teach the language.
- Rows with the same question never give each other's rejected side, and neither does a row whose question other
  passages answer too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.row_view import answer
from synthgen.records import Rejection, Triple
from synthgen.text.fold import key
from synthgen.text.words import contents, find, words

__all__ = ["SOURCES", "Source", "Sources", "rejected_answers"]

Source = Literal["wrong_answer", "filtered_out", "distractor_context"]
Sources = Annotated[
    tuple[Source, ...], Field(min_length=1, description="sources of rejected answers, in order; the first that has one is used")
]
SOURCES: tuple[Source, ...] = ("wrong_answer", "filtered_out", "distractor_context")

_CONTENT_REASONS = {
    "grounding:answer_not_found",
    "grounding:number_not_found",
    "grounding:name_not_found",
    "answer_check:disagrees",
    "judge:unsupported",
}
_AMBIGUOUS = "ambiguous:other_passages"


def rejected_answers(
    triples: Sequence[Triple], context: ExportContext, sources: Sequence[Source] = SOURCES
) -> Iterator[tuple[str, Source] | None]:
    """Yield the rejected answer and its source for each triple; None when there is none."""
    index = _AnswerIndex(triples, context, sources)
    find_in = {"wrong_answer": _wrong_answers, "filtered_out": index.filtered_out, "distractor_context": index.from_distractors}
    for triple in triples:
        correct = _CorrectAnswers(triple)
        candidates = ((text, source) for source in sources for text in find_in[source](triple, correct))
        yield next(candidates, None)


class _CorrectAnswers:
    """The correct answers of a row, for comparison with the comparison keys of other answers."""

    def __init__(self, triple: Triple) -> None:
        others = triple.metadata.get("answers")
        texts = [triple.answer, triple.response, *(others if isinstance(others, list) else ())]
        self._keys = {key(text) for text in texts if isinstance(text, str)} - {""}
        self._compact = {_compact(one) for one in self._keys}

    def equals(self, other: str) -> bool:
        """Whether `other` is empty or has an equal key. Spaces do not count: 2,900 equals 2900."""
        return not other or _compact(other) in self._compact

    def overlaps(self, other: str) -> bool:
        """Whether they are equal or one contains the other."""
        return self.equals(other) or any(find(one, other) >= 0 or find(other, one) >= 0 for one in self._keys)

    def shares(self, other: str) -> bool:
        """Whether they have a content word in common."""
        content = _content_words(other)
        return self.overlaps(other) or any(not content.isdisjoint(_content_words(one)) for one in self._keys)


class _OtherAnswer(NamedTuple):
    """The answer of another row, with the comparison keys of the answer and of the question."""

    text: str
    key: str
    question_key: str


class _AnswerIndex:
    """The answers of other rows, by passage and question."""

    def __init__(self, triples: Sequence[Triple], context: ExportContext, sources: Sequence[Source]) -> None:
        self._languages = (
            {id: chunk.language for id, chunk in context.chunks.items()} if "distractor_context" in sources else {}
        )
        self._rejected: defaultdict[tuple[str, str], list[Rejection]] = defaultdict(list)
        self._of_chunk: defaultdict[str, list[_OtherAnswer]] = defaultdict(list)
        if "filtered_out" in sources:
            chunks = {triple.chunk_id for triple in triples}
            for one in context.rejected:
                row = one.triple
                if one.stage != "format" and row.positives and row.chunk_id in chunks and answer(row):
                    self._rejected[row.chunk_id, key(row.query)].append(one)
        if "distractor_context" in sources:
            for triple in triples:
                if _AMBIGUOUS not in triple.flags:
                    text = answer(triple)
                    self._of_chunk[triple.chunk_id].append(_OtherAnswer(text, key(text), key(triple.query)))

    def filtered_out(self, triple: Triple, correct: _CorrectAnswers) -> Iterator[str]:
        """Yield the answers that filters rejected, those that were rejected for their content first."""
        twins = self._rejected.get((triple.chunk_id, key(triple.query)), ()) if self._rejected else ()
        for_content = {id(one): f"{one.stage}:{one.reason}" in _CONTENT_REASONS for one in twins}
        for one in sorted(twins, key=lambda one: (not for_content[id(one)], one.triple.id)):
            text = answer(one.triple)
            if not (correct.overlaps if for_content[id(one)] else correct.shares)(key(text)):
                yield text

    def from_distractors(self, triple: Triple, correct: _CorrectAnswers) -> Iterator[str]:
        """Yield the answers of rows whose passages are distractors of this one."""
        if _AMBIGUOUS in triple.flags:
            return
        language, question_key = self._languages[triple.chunk_id], key(triple.query)
        neighbours = (d.chunk_id for d in triple.distractors if self._languages[d.chunk_id] == language)
        for other in (other for chunk_id in neighbours for other in self._of_chunk.get(chunk_id, ())):
            if other.question_key != question_key and not correct.overlaps(other.key):
                yield other.text


def _wrong_answers(triple: Triple, correct: _CorrectAnswers) -> Iterator[str]:
    answers = triple.metadata.get("wrong_answers")
    for text in answers if isinstance(answers, list) else ():
        if isinstance(text, str) and not correct.equals(key(text)):
            yield text.strip()


def _compact(folded: str) -> str:
    return folded.replace(" ", "")


def _content_words(text: str) -> set[str]:
    found = words(text)
    return set(contents(found) or found)

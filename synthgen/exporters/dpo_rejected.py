"""The rejected side of a preference pair: a real answer that is not the row's, and where it comes from.

    wrong_answer        the file that the row was imported from has it as a wrong answer
    filtered_out        a filter turned it away: an answer to the same question of the same passage
    distractor_context  the answer of another row, whose passage is a distractor of this one: right there, wrong here

None is invented. None may be the right answer in other words, as far as words can tell:

- its comparison key is not that of the row's answer, nor of another right answer that the row was imported with, and neither stands in the
  other (what a file calls wrong only has to differ);
- an answer that was turned away for another reason than what it says (a duplicate, say) shares no word with the right one, and
  what the filter `format` turned away is no answer at all;
- a distractor in another language gives none: what such a pair teaches is the language;
- rows that ask the same are never each other's rejected side, nor is any row of a question that other passages answer too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.row_view import answer
from synthgen.records import Rejection, Triple
from synthgen.text.words import contents, find, key, words

__all__ = ["SOURCES", "Source", "Sources", "rejected_answers"]

Source = Literal["wrong_answer", "filtered_out", "distractor_context"]
Sources = Annotated[
    tuple[Source, ...], Field(min_length=1, description="where a rejected answer may come from, the first that has one")
]
SOURCES: tuple[Source, ...] = ("wrong_answer", "filtered_out", "distractor_context")

_FOR_ITS_ANSWER = {
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
    """For each triple the rejected answer and its source; None where there is none."""
    found = _Answers(triples, context, sources)
    ways = {"wrong_answer": _wrong, "filtered_out": found.filtered_out, "distractor_context": found.from_distractors}
    for triple in triples:
        right = _Right(triple)
        answers = ((text, source) for source in sources for text in ways[source](triple, right))
        yield next(answers, None)


class _Right:
    """The right answers of a row, to be compared with the comparison keys of others."""

    def __init__(self, triple: Triple) -> None:
        others = triple.metadata.get("answers")
        texts = [triple.answer, triple.response, *(others if isinstance(others, list) else ())]
        self._keys = {key(text) for text in texts if isinstance(text, str)} - {""}
        self._solid = {_solid(one) for one in self._keys}

    def equals(self, other: str) -> bool:
        """Nothing, or an equal key, also where only spaces tell them apart: 2,900 is 2900."""
        return not other or _solid(other) in self._solid

    def overlaps(self, other: str) -> bool:
        """Equal, or one stands in the other."""
        return self.equals(other) or any(find(one, other) >= 0 or find(other, one) >= 0 for one in self._keys)

    def shares(self, other: str) -> bool:
        """Some word that carries content is in both."""
        telling = _telling(other)
        return self.overlaps(other) or any(not telling.isdisjoint(_telling(one)) for one in self._keys)


class _Other(NamedTuple):
    """The answer of another row, with the comparison keys of both its sides."""

    text: str
    key: str
    asked: str


class _Answers:
    """The answers of other rows, by what they answer."""

    def __init__(self, triples: Sequence[Triple], context: ExportContext, sources: Sequence[Source]) -> None:
        self._languages = (
            {id: chunk.language for id, chunk in context.chunks.items()} if "distractor_context" in sources else {}
        )
        self._turned_away: defaultdict[tuple[str, str], list[Rejection]] = defaultdict(list)
        self._of_chunk: defaultdict[str, list[_Other]] = defaultdict(list)
        if "filtered_out" in sources:
            chunks = {triple.chunk_id for triple in triples}
            for one in context.rejected:
                row = one.triple
                if one.stage != "format" and row.positives and row.chunk_id in chunks and answer(row):
                    self._turned_away[row.chunk_id, key(row.query)].append(one)
        if "distractor_context" in sources:
            for triple in triples:
                if _AMBIGUOUS not in triple.flags:
                    text = answer(triple)
                    self._of_chunk[triple.chunk_id].append(_Other(text, key(text), key(triple.query)))

    def filtered_out(self, triple: Triple, right: _Right) -> Iterator[str]:
        """First what was turned away for what it says."""
        twins = self._turned_away.get((triple.chunk_id, key(triple.query)), ()) if self._turned_away else ()
        said = {id(one): f"{one.stage}:{one.reason}" in _FOR_ITS_ANSWER for one in twins}
        for one in sorted(twins, key=lambda one: (not said[id(one)], one.triple.id)):
            text = answer(one.triple)
            if not (right.overlaps if said[id(one)] else right.shares)(key(text)):
                yield text

    def from_distractors(self, triple: Triple, right: _Right) -> Iterator[str]:
        if _AMBIGUOUS in triple.flags:
            return
        spoken, asked = self._languages[triple.chunk_id], key(triple.query)
        beside = (d.chunk_id for d in triple.distractors if self._languages[d.chunk_id] == spoken)
        for other in (other for chunk_id in beside for other in self._of_chunk.get(chunk_id, ())):
            if other.asked != asked and not right.overlaps(other.key):
                yield other.text


def _wrong(triple: Triple, right: _Right) -> Iterator[str]:
    wrong = triple.metadata.get("wrong_answers")
    for text in wrong if isinstance(wrong, list) else ():
        if isinstance(text, str) and not right.equals(key(text)):
            yield text.strip()


def _solid(folded: str) -> str:
    return folded.replace(" ", "")


def _telling(text: str) -> set[str]:
    found = words(text)
    return set(contents(found) or found)

"""How a row is laid out among its documents: worked out once, so that no RAFT form can say other things than the next.

Text that would break the layout (`<DOCUMENT>` tags, quote and answer marks) is escaped as HTML would, in every field, and a
question is one line: it stands below the documents, on the last line of the instruction.

Before the answer stands, of these, the first that there is:

- the row's reasoning, where each of its quotes stands in a document that this row shows; with the evidence below it when it
  quotes nothing. Reasoning with another quote is left out and counted (`reasoning_left_out`);
- the evidence, each piece on a line of its own as `##begin_quote##…##end_quote##`: the sentences around the spans that
  grounding found, where the row shows them. No model reasons there, which is counted (`answers_by_rule`).

So a row without oracle quotes nothing that is not there, and one that abstains is not argued at all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from synthgen.exporters.context import ExportContext
from synthgen.exporters.raft.quotas import ABSTAIN, RowPlan, deal, numbers
from synthgen.exporters.row_view import answer, question
from synthgen.records import Chunk, Triple, passage, random_for
from synthgen.text.language import guess_language
from synthgen.text.lexicon.abstentions import ABSTENTIONS, DEFAULT
from synthgen.text.quotes import BEGIN, END, marked
from synthgen.text.sentences import sentences

__all__ = ["Layout", "layouts"]

_ANSWER = "<ANSWER>: "
# Two patterns that begin with what they look for: one of both would be ten times as slow, and every text passes here.
_BEFORE_TAG = regex.compile(r"<(?=\s*(?:/?\s*(?i:document)|(?i:answer))\s*>)")
_BEFORE_QUOTE_MARK = regex.compile(r"##(?=\s*(?i:begin|end)_(?i:quote)\s*##)")

_sentences = functools.lru_cache(maxsize=1_024)(sentences)  # the rows of a chunk come one after the other


@dataclass(frozen=True, slots=True)
class Layout:
    """One row. `oracle` is its passage, shown or not; `notes` are names of what is to be counted of it."""

    id: str
    question: str
    titles: list[str]
    texts: list[str]
    oracle: str
    position: int | None
    mode: str
    argument: str
    answer: str
    notes: tuple[str, ...]

    @property
    def documents(self) -> str:
        """All documents, one below the other."""
        return "\n".join(f"<DOCUMENT>{text}</DOCUMENT>" for text in self.texts)

    @property
    def instruction(self) -> str:
        return f"{self.documents}\n{self.question}"

    @property
    def cot_answer(self) -> str:
        return f"{self.argument}\n{_ANSWER}{self.answer}" if self.argument else f"{_ANSWER}{self.answer}"


def layouts(
    triples: Sequence[Triple], context: ExportContext, *, p: float, documents: int | str, memorise: float, abstention: str
) -> Iterator[Layout]:
    """One layout for each answered triple, in the given order. An empty `abstention` means the table's."""
    rows = [(triple.id, len(triple.distractors)) for triple in triples]
    places = deal(rows, context.seed, p=p, documents=numbers(documents), memorise=memorise)
    for triple, place in zip(triples, places, strict=True):
        yield _layout(triple, place, context, abstention)


def _layout(triple: Triple, place: RowPlan, context: ExportContext, abstention: str) -> Layout:
    source = context.chunks[triple.chunk_id]
    oracle = _escaped(passage(triple, source))
    number = place.documents - (place.position is not None)
    others = [context.chunks[distractor.chunk_id] for distractor in triple.distractors[:number]]
    random_for(context.seed, "raft", triple.id).shuffle(others)
    shown = [(context.title(chunk.document_id), _escaped(chunk.text)) for chunk in others]
    if place.position is not None:
        shown.insert(place.position, (context.title(source.document_id), oracle))
    titles, texts = [title for title, _ in shown], [text for _, text in shown]
    notes = [place.mode, *(["fewer_documents"] if place.missing else [])]
    if place.mode == ABSTAIN:
        argument, final, told = "", *_abstention(triple, source, abstention)
    else:
        argument, told = _argument(triple, source, texts, oracle if place.position is not None else "")
        final = answer(triple)
    return Layout(
        id=triple.id,
        question=_escaped(" ".join(question(triple).split())),
        titles=titles,
        texts=texts,
        oracle=oracle,
        position=place.position,
        mode=place.mode,
        argument=argument,
        answer=_escaped(final),
        notes=(*notes, *told),
    )


def _abstention(triple: Triple, source: Chunk, given: str) -> tuple[str, list[str]]:
    """The abstention and what is to be counted of it; in the language of the question where that is not the passage's."""
    if given.strip():
        return given.strip(), []
    asked_in = guess_language(triple.query) if triple.metadata.get("language") else ""
    language = asked_in or source.language or guess_language(source.text)
    return ABSTENTIONS.get(language, ABSTENTIONS[DEFAULT]), [] if language in ABSTENTIONS else ["abstention_in_english"]


def _argument(triple: Triple, source: Chunk, texts: Sequence[str], shown: str) -> tuple[str, list[str]]:
    """What stands before the answer, and what is to be counted of it. `shown` is the oracle, "" where it is not shown."""
    reasoning, notes = "", []
    if triple.reasoning and triple.reasoning.strip():
        reasoning = _checked(triple.reasoning, texts)
        notes = [] if reasoning else ["reasoning_left_out"]
    if BEGIN in reasoning:
        return reasoning, notes
    evidence = dict.fromkeys(_evidence(span, source, shown) for span in triple.quotes) if shown else {}
    quotes = [f"{BEGIN}{quote}{END}" for quote in evidence if quote]
    return "\n".join(filter(None, [reasoning, *quotes])), notes if reasoning else [*notes, "answers_by_rule"]


def _checked(reasoning: str, texts: Sequence[str]) -> str:
    """The reasoning, escaped but for its quotes' marks; "" when a quote stands in none of `texts`, or its marks do not pair."""
    found = marked(reasoning.strip())
    if found is None:
        return ""
    before, quotes = found
    pieces = [_escaped(before)]
    for quoted, words in quotes:
        quote = _escaped(quoted.strip())
        if not quote or not any(quote in text for text in texts):
            return ""
        pieces += [f"{BEGIN}{quote}{END}", _escaped(words)]
    return "".join(pieces)


def _evidence(span: tuple[int, int], source: Chunk, shown: str) -> str:
    """The sentences that the span touches, or the span alone, whichever the shown oracle has; else nothing."""
    start, end = max(0, span[0] - source.start), max(0, span[1] - source.start)
    touched = [s for s in _sentences(source.text) if s[0] < end and start < s[1]]
    if touched:
        sentence = _escaped(source.text[touched[0][0] : touched[-1][1]])
        if sentence in shown:
            return sentence
    quote = _escaped(source.text[start:end])
    return quote if quote in shown else ""


def _escaped(text: str) -> str:
    return _BEFORE_QUOTE_MARK.sub("&#35;&#35;", _BEFORE_TAG.sub("&lt;", text))

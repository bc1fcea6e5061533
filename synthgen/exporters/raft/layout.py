"""The layout of a row among its documents. All RAFT formats are built from it, so they cannot contradict each other.

Text that would break the layout (`<DOCUMENT>` tags, quote marks and answer marks) is escaped like HTML in every field.
A question is one line below the documents, the last line of the instruction.

The answer follows the first of these that exists:

- The row's reasoning, when each of its quotes occurs in a document of the row. The evidence follows it when it quotes
  nothing. Reasoning with another quote is left out and counted (`reasoning_left_out`).
- The evidence, each piece on its own line as `##begin_quote##…##end_quote##`: the sentences around the spans that
  grounding found, as far as the row shows them. No model has reasoned there, which is counted (`answers_by_rule`).

A row without oracle therefore never quotes a missing passage, and an abstaining row gives no argument.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from synthgen.exporters.context import ExportContext
from synthgen.exporters.raft.row_plan import ABSTAIN, RowPlan, document_counts, plan_rows
from synthgen.exporters.row_view import answer, question
from synthgen.records import Chunk, Triple, passage, random_for
from synthgen.text.language import guess_language
from synthgen.text.lexicon import lexicon
from synthgen.text.quotes import BEGIN, END, marked
from synthgen.text.sentences import sentences

__all__ = ["Layout", "layouts"]

_ANSWER = "<ANSWER>: "
# Two patterns with a literal start. One pattern for both is ten times slower, and every text passes here.
_BEFORE_TAG = regex.compile(r"<(?=\s*+(?:/?\s*+(?i:document)|(?i:answer))\s*+>)")
_BEFORE_QUOTE_MARK = regex.compile(r"##(?=\s*(?i:begin|end)_(?i:quote)\s*##)")

_sentences = functools.lru_cache(maxsize=1_024)(sentences)  # the rows of a chunk come one after the other


@dataclass(frozen=True, slots=True)
class Layout:
    """One row. `oracle` is its passage, shown or not; `notes` are the names under which the row is counted."""

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
    """Yield a layout for each answered triple, in order. With an empty `abstention` the text comes from the language table."""
    rows = [(triple.id, len(triple.distractors)) for triple in triples]
    plans = plan_rows(rows, context.seed, p=p, documents=document_counts(documents), memorise=memorise)
    for triple, plan in zip(triples, plans, strict=True):
        yield _layout(triple, plan, context, abstention)


def _layout(triple: Triple, plan: RowPlan, context: ExportContext, abstention: str) -> Layout:
    source = context.chunks[triple.chunk_id]
    oracle = _escaped(passage(triple, source))
    number = plan.documents - (plan.position is not None)
    others = [context.chunks[distractor.chunk_id] for distractor in triple.distractors[:number]]
    random_for(context.seed, "raft", triple.id).shuffle(others)
    shown = [(context.title(chunk.document_id), _escaped(chunk.text)) for chunk in others]
    if plan.position is not None:
        shown.insert(plan.position, (context.title(source.document_id), oracle))
    titles, texts = [title for title, _ in shown], [text for _, text in shown]
    notes = [plan.mode, *(["fewer_documents"] if plan.missing else [])]
    if plan.mode == ABSTAIN:
        argument, final, extra_notes = "", *_abstention(triple, source, abstention)
    else:
        argument, extra_notes = _argument(triple, source, texts, oracle if plan.position is not None else "")
        final = answer(triple)
    return Layout(
        id=triple.id,
        question=_escaped(" ".join(question(triple).split())),
        titles=titles,
        texts=texts,
        oracle=oracle,
        position=plan.position,
        mode=plan.mode,
        argument=argument,
        answer=_escaped(final),
        notes=(*notes, *extra_notes),
    )


def _abstention(triple: Triple, source: Chunk, given: str) -> tuple[str, list[str]]:
    """Return the abstention and its notes. It is in the language of the question if that differs from the passage's."""
    if given.strip():
        return given.strip(), []
    question_language = guess_language(triple.query) if triple.metadata.get("language") else ""
    language = question_language or source.language or guess_language(source.text)
    if own := lexicon(language).abstention:
        return own, []
    return lexicon("en").abstention, ["abstention_in_english"]


def _argument(triple: Triple, source: Chunk, texts: Sequence[str], oracle: str) -> tuple[str, list[str]]:
    """Return the reasoning and evidence before the answer, and its notes. `oracle` is "" when the row does not show it."""
    reasoning, notes = "", []
    if triple.reasoning and triple.reasoning.strip():
        reasoning = _checked(triple.reasoning, texts)
        notes = [] if reasoning else ["reasoning_left_out"]
    if BEGIN in reasoning:
        return reasoning, notes
    evidence = dict.fromkeys(_evidence(span, source, oracle) for span in triple.quotes) if oracle else {}
    quotes = [f"{BEGIN}{quote}{END}" for quote in evidence if quote]
    return "\n".join(filter(None, [reasoning, *quotes])), notes if reasoning else [*notes, "answers_by_rule"]


def _checked(reasoning: str, texts: Sequence[str]) -> str:
    """Return the reasoning, escaped but for its quote marks; "" when a quote occurs in none of `texts` or the marks do
    not pair.
    """
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


def _evidence(span: tuple[int, int], source: Chunk, oracle: str) -> str:
    """Return the sentences that the span touches, or the span alone, whichever occurs in `oracle`; else ""."""
    start, end = max(0, span[0] - source.start), max(0, span[1] - source.start)
    touched = [s for s in _sentences(source.text, source.language) if s[0] < end and start < s[1]]
    if touched:
        sentence = _escaped(source.text[touched[0][0] : touched[-1][1]])
        if sentence in oracle:
            return sentence
    quote = _escaped(source.text[start:end])
    return quote if quote in oracle else ""


def _escaped(text: str) -> str:
    return _BEFORE_QUOTE_MARK.sub("&#35;&#35;", _BEFORE_TAG.sub("&lt;", text))

"""Questions of the text with their answers: FAQ headings, and lines marked `Q:` and `A:`.

They were asked by people, so they are the best rows. The answer is the first paragraph below, in complete sentences. A
question without meaning on its own ("Why is this bad?") is skipped. Not covered: answers that are lists or several
paragraphs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Literal

import regex

from synthgen.generators.extractive.passage import MAX_ANSWER_CHARS, Candidate, ParsedPassage
from synthgen.generators.extractive.unmarked_text import Plain, plain
from synthgen.records import Span
from synthgen.text.lexicon import of_all
from synthgen.text.lexicon.base import ExtractiveRules
from synthgen.text.sentences import sentences
from synthgen.text.words import contents, words

__all__ = ["questions"]


def questions(reading: ParsedPassage, rules: ExtractiveRules | None) -> Iterator[Candidate]:
    """Yield the questions of the text: headings with the first paragraph below them, and `Q: … A: …` lines."""
    parsed = reading.leaves
    above = reading.chunk.headings
    if reading.opens and above and _is_question(_lone(above[-1]), rules):
        yield from _harvested(_lone(above[-1]), reading, 0, ())
    for i, (leaf, content) in enumerate(parsed):
        if leaf.kind == "heading" and _is_question(_lone(content.text), rules):
            yield from _harvested(_lone(content.text), reading, i + 1, ((leaf.start, leaf.end),))
        else:
            yield from _marked_pair(reading, i)


def _lone(heading: str) -> str:
    """Return a heading's text with its question mark but without numbering or `Q:`."""
    return _numbering().sub("", plain(heading).text).strip()


def _is_question(heading: str, rules: ExtractiveRules | None) -> bool:
    found = words(heading)
    said = contents(found)
    pointing = rules is not None and rules.vague.search(heading) is not None
    if len(found) < 3 or len(said) < (2 if pointing else 1):
        return False
    return heading.endswith(("?", "？", "؟")) or (rules is not None and rules.asks.match(heading) is not None)


def _harvested(question: str, reading: ParsedPassage, i: int, masks: tuple[Span, ...]) -> Iterator[Candidate]:
    """Yield the question with the paragraph that follows it, cut after a sentence when it is long."""
    parsed = reading.leaves
    if i >= len(parsed) or parsed[i][0].kind != "paragraph":
        return
    content = parsed[i][1]
    if content.text.endswith((":", "：")):
        return
    if answer := _whole_answer(content, 0, reading.language):
        yield Candidate(question, "question", answer, masks, metadata={"pattern": "heading"})


def _whole_answer(content: Plain, start: int, language: str) -> Span | None:
    end = len(content.text)
    if end - start > MAX_ANSWER_CHARS:
        ends = [e for _, e in sentences(content.text, language) if start < e <= start + MAX_ANSWER_CHARS]
        if not ends:
            return None
        end = ends[-1]
    return content.exact(start, end) if end > start else None


def _marked_pair(reading: ParsedPassage, i: int) -> Iterator[Candidate]:
    """Yield `Q: … A: …` of one block, or of two consecutive ones."""
    parsed = reading.leaves
    leaf, content = parsed[i]
    if leaf.kind not in ("paragraph", "item", "definition"):
        return
    asked = _pair().fullmatch(content.text)
    if not asked:
        return
    replied, start = content, asked.start("a")
    if asked["a"] is None:
        if i + 1 == len(parsed) or not (reply := _reply().fullmatch(parsed[i + 1][1].text)):
            return
        replied, start = parsed[i + 1][1], reply.start("a")
    answer = _whole_answer(replied, start, reading.language)
    if answer:
        mask = content.span(0, asked.end("q"))
        yield Candidate(asked["q"], "question", answer, (mask,), metadata={"pattern": "marked"})


@functools.cache
def _numbering() -> regex.Pattern[str]:
    return regex.compile(rf"^(?:\d{{1,3}}[.)]\s+|{_label('ask_labels')}\s*+\d*+\s*+[:：.]\s*)")


@functools.cache
def _pair() -> regex.Pattern[str]:
    """Match a question with its mark, and its answer where that is in the same block."""
    ask = rf"{_label('ask_labels')}\s*+\d*+\s*+[:：.]\s*(?P<q>.{{4,190}}?[?？؟])"
    return regex.compile(rf"{ask}\s*(?:{_reply().pattern})?")


@functools.cache
def _reply() -> regex.Pattern[str]:
    return regex.compile(rf"{_label('reply_labels')}\s*[:：.]\s*(?P<a>.+)")


def _label(which: Literal["ask_labels", "reply_labels"]) -> str:
    return f"(?:{'|'.join(sorted(of_all(which)))})"

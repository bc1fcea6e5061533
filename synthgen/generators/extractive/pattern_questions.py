"""Questions made from sentences of a known form, each with its answer: "The default port is 8620."

The forms are data of the lexicon. In doubt, a question is not made: it must read as a question, be meaningful alone,
and have the span as its true answer. Not covered: answers spread over several sentences, and reasoning.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from synthgen.generators.extractive.passage import MAX_ANSWER_CHARS, Candidate, ParsedPassage, Sentence, exact_answer
from synthgen.records import Span
from synthgen.text.lexicon.base import ExtractiveRules, SentencePattern
from synthgen.text.words import contents, words

__all__ = ["patterns"]

_MAX_CODE_LINES = 8

_COMMAND = regex.compile(r"[$>#] (?P<command>(?:[^\n]*\\\n)*[^\n]*)")
_END = regex.compile(r"(?<![\s.!。！;；])[\s.!。！;；]++$")


def patterns(reading: ParsedPassage, rules: ExtractiveRules) -> Iterator[Candidate]:
    """Yield questions on what the sentences of the chunk define, limit, require, explain or instruct."""
    for sentence in reading.prose():
        if rules.cut.search(sentence.text):
            continue
        text = _END.sub("", sentence.text)
        fired: set[str] = set()
        for form in rules.patterns:
            match = form.form.fullmatch(text) if form.name not in fired else None
            if match and (candidate := _asked(reading, rules, sentence, form, match)):
                fired.add(form.name)
                yield candidate


def _asked(
    reading: ParsedPassage, rules: ExtractiveRules, sentence: Sentence, form: SentencePattern, match: regex.Match[str]
) -> Candidate | None:
    groups = match.groupdict(default="")
    if "s" in groups:
        subject = _subject(reading, rules, groups["s"])
        if subject is None:
            return None
        groups["s"] = subject
    wish = groups.get("y", "") or groups.get("c", "")
    if rules.vague.search(wish) or len(words(wish)) == 1 or (form.kind == "howto" and reading.is_history):
        return None
    asked = form.question.format(
        **{name: rules.mine(value) if name in ("s", "c", "y") else value for name, value in groups.items()}
    )
    if rules.unclear.search(asked):
        return None
    if form.code:
        answer = _code_below(reading, sentence)
    else:
        start, end = match.span("a")
        answer = exact_answer(sentence.plain, sentence.start + start, sentence.start + end)
        if answer and _circular(groups.get("s", ""), groups["a"]):
            return None
        if answer and (rules.unclear.search(groups["a"]) or match.string.endswith((":", "："))):
            return None
    if answer is None:
        return None
    return Candidate(" ".join(asked.split()), form.kind, answer, metadata={"pattern": form.name})


def _circular(subject: str, answer: str) -> bool:
    """Whether the answer begins with the noun that was asked about: "A list of twenty is a list of none"."""
    asked, said = contents(words(subject)), contents(words(answer))
    return bool(asked and said) and asked[0] == said[0]


def _subject(reading: ParsedPassage, rules: ExtractiveRules, subject: str) -> str | None:
    """Return the subject as it reads inside a question; None when it has no meaning alone."""
    subject = subject.strip()
    if rules.dependent.search(subject) or len(subject.split()) > rules.max_subject_words or not regex.search(r"\p{L}", subject):
        return None
    if (definite := rules.definite.fullmatch(subject)) and definite["n"].casefold() not in words(
        " ".join(reading.chunk.headings[-2:])
    ):
        return None
    first = subject.split()[0]
    if first in rules.articles or rules.common.match(subject) or _seen_small(reading, first):
        return subject[0].lower() + subject[1:]
    return subject


def _seen_small(reading: ParsedPassage, word: str) -> bool:
    """Whether the chunk also has a capitalised word without its capital, so that it is not a name."""
    return (
        word.istitle() and regex.search(rf"(?<![\w./-]){regex.escape(word.lower())}(?![\w/-])", reading.chunk.text) is not None
    )


def _code_below(reading: ParsedPassage, sentence: Sentence) -> Span | None:
    """Return the code right below a sentence that ends its paragraph with a colon; of a console session the first command."""
    following = next((leaf for leaf, _ in reading.leaves if leaf.start >= sentence.leaf.end), None)
    if sentence.end != len(sentence.plain.text) or following is None or following.kind != "code":
        return None
    text = reading.chunk.text
    span = following.inner, following.inner_end
    if command := _COMMAND.match(text, *span):
        span = command.span("command")
    fits = span[1] - span[0] <= MAX_ANSWER_CHARS and text.count("\n", *span) < _MAX_CODE_LINES
    return span if fits and span[0] < span[1] else None

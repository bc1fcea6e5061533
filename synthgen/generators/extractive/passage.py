"""A chunk as the extractive rules see it, and the candidates that they propose.

A chunk is parsed once: its leaves, their plain text and their sentences. Offsets in a `Candidate` refer to the chunk's
text; `extractive.generate` turns them into the document's.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import regex

from synthgen.chunking.markup.leaves import Leaf, leaves
from synthgen.generators.extractive.unmarked_text import Plain, plain
from synthgen.records import Chunk, Span
from synthgen.text.language import guess_language
from synthgen.text.lexicon import lexicons
from synthgen.text.sentences import sentences
from synthgen.text.words import words

__all__ = ["MAX_ANSWER_CHARS", "MAX_QUERY_CHARS", "Candidate", "ParsedPassage", "Sentence", "exact_answer", "lone", "tidy"]

MAX_QUERY_CHARS = 200
MAX_ANSWER_CHARS = 400

_FORMAT = "markdown"  # of a chunk without a format: most text can be read as Markdown

_TRAILING = regex.compile(r"(?<![\s:;,\-–—·、，：；.。…])[\s:;,\-–—·、，：；.。…]++$")
_LEADING = regex.compile(r"^(?:[\s:;,·•*#>|–—、，：；.。]++|\(?\d{1,3}[.)](?:\d{1,3}\.)*+\s++|-\s++)++")
_ANSWER = regex.compile(r"(?![\p{Pe}\p{Pf}、，,;；…])(?=.*[\p{L}\p{N}])", regex.DOTALL)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of `leaf`: `plain.text[start:end]`. `index` counts from the leaf's first sentence."""

    leaf: Leaf
    plain: Plain
    start: int
    end: int
    index: int

    @property
    def text(self) -> str:
        return self.plain.text[self.start : self.end]

    @property
    def span(self) -> Span:
        """The span to leave out of the chunk to hide it: its source, and the list mark when nothing else is left."""
        left, right = self.plain.span(self.start, self.end)
        whole = self.start == 0 and self.end == len(self.plain.text) and self.leaf.kind == "item"
        return (self.leaf.start, self.leaf.end) if whole else (left, right)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that a rule proposes. `answer` and `masks` are spans of the chunk's text; a larger `score` goes first."""

    query: str
    kind: str
    answer: Span | None = None
    masks: tuple[Span, ...] = ()
    score: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParsedPassage:
    """A chunk, its leaves with their plain content, its language, and whether it starts right below its heading."""

    chunk: Chunk
    leaves: tuple[tuple[Leaf, Plain], ...]
    language: str
    opens: bool

    @classmethod
    def of(cls, chunk: Chunk, *, opens: bool) -> ParsedPassage:
        found = leaves(chunk.text, chunk.format or _FORMAT)
        parsed = tuple((leaf, plain(chunk.text, leaf.inner, leaf.inner_end)) for leaf in found)
        return cls(chunk, parsed, chunk.language or guess_language(chunk.text), opens)

    @property
    def is_history(self) -> bool:
        """Whether this is a list of changes. Its imperatives describe past actions, and its "now" soon ends to be true."""
        return any(_history().search(heading) for heading in self.chunk.headings)

    @property
    def top(self) -> str:
        """The document's own title, for options that have another meaning in another document; "" when it is long."""
        title = lone(self.chunk.headings[0]) if self.chunk.headings else ""
        return regex.sub(r"\(\d\)$", "", title).strip() if len(words(title)) <= 6 else ""

    def prose(self) -> Iterator[Sentence]:
        """Yield the sentences of paragraphs, list items and definitions."""
        for leaf, content in self.leaves:
            if leaf.kind in ("paragraph", "item", "definition"):
                for index, (start, end) in enumerate(sentences(content.text, self.language)):
                    yield Sentence(leaf, content, start, end, index)


def tidy(query: str) -> str:
    """Return a query on one line without list marks, numbering (`3.`, `2)`; never a bare number) or dangling punctuation."""
    return _TRAILING.sub("", _LEADING.sub("", " ".join(query.split())))


def lone(heading: str) -> str:
    """Return a heading's plain, tidy text."""
    return tidy(plain(heading).text)


def exact_answer(content: Plain, start: int, end: int) -> Span | None:
    """Return the exact source span of an answer, trimmed; None when it is too long, empty or has markup that cannot be cut."""
    while end > start and content.text[end - 1] in " .;,:。；，：":
        end -= 1
    while start < end and content.text[start] == " ":
        start += 1
    said = content.text[start:end]
    balanced = all(said.count(left) == said.count(right) for left, right in ("()", "（）", "「」", "“”", "《》"))
    if not balanced or len(said) > MAX_ANSWER_CHARS or not _ANSWER.match(said):
        return None
    return content.exact(start, end)


@functools.cache
def _history() -> regex.Pattern[str]:
    """Match a heading above a list of changes, or of one version."""
    return regex.compile(
        "(?i)" + "|".join([*(one.history_headings for one in lexicons() if one.history_headings), r"^\W*v?\d+\.\d+"])
    )

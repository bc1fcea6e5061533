"""Answers from lists and tables: glossary entries, command-line options, table cells.

A question is asked about a term or a row only where its name shows what it is: in a glossary, or as code, or as a row
of a table whose first column has a title. Columns are those of the language's table of questions. Not covered:
matrices, tables without a header, cells that continue on the next line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import regex

from synthgen.chunking.markup.leaves import Leaf, cells
from synthgen.generators.extractive.passage import Candidate, ParsedPassage, exact_answer
from synthgen.generators.extractive.unmarked_text import Plain, plain
from synthgen.records import Span
from synthgen.text.fold import key
from synthgen.text.lexicon import of_all
from synthgen.text.lexicon.base import ExtractiveRules
from synthgen.text.words import words

__all__ = ["tables", "terms"]

_CODELIKE = regex.compile(r"-{1,2}\w[\w-]*(?:[ =].{1,30})?|(?=\S*[\p{L}])(?=\S*[\p{Lu}\d_./<>:@-])[^\s,;，；]{2,60}")
_FOOTNOTE = regex.compile(r"(?<![\s*†‡])[\s*†‡]++$")
_NO_WORD = regex.compile(r"[-–—/\s]*|[xX✓✗]")


def terms(reading: ParsedPassage, rules: ExtractiveRules) -> Iterator[Candidate]:
    """Yield glossary entries and command-line options: a marked term, then a dash or colon (or a definition list)."""
    if reading.is_history:
        return
    in_glossary = any(rules.glossary.search(heading) for heading in reading.chunk.headings)
    for leaf, content in reading.leaves:
        found = _term(reading, leaf, content)
        if found is None:
            continue
        term, start = found
        answer = exact_answer(content, start, _first_end(content, start))
        option = regex.match(r"-{1,2}[a-zA-Z]", term)
        if answer is None or len(words(term)) > 6 or not words(term):
            continue
        if option and (top := reading.top):
            yield _candidate(rules.option.format(x=term, top=top), answer, "option")
        elif in_glossary and not option:
            yield _candidate(rules.term.format(x=term), answer, "term")


def tables(reading: ParsedPassage, rules: ExtractiveRules) -> Iterator[Candidate]:
    """Yield cells as answers to their row and column."""
    for leaf, _ in reading.leaves:
        if leaf.kind != "table":
            continue
        rows = cells(reading.chunk.text, leaf)
        if len(rows) < 2 or len(rows[0]) < 2:
            continue
        header = [plain(reading.chunk.text, *span) for span in rows[0]]
        labels = Counter(key(plain(reading.chunk.text, *row[0]).text) for row in rows[1:])
        for row in rows[1:]:
            label = _FOOTNOTE.sub("", plain(reading.chunk.text, *row[0]).text)
            subject = _row_subject(reading, rules, header[0].text, label)
            if subject is None or labels[key(label)] > 1:
                continue
            for title, span in zip(header[1:], row[1:], strict=True):
                column = title.text.casefold()
                noun = "option" if label.startswith("-") else header[0].text.casefold()
                template = rules.columns.get(f"{noun}/{column}") or rules.columns.get(column)
                content = plain(reading.chunk.text, *span)
                if not template or _is_bare(content.text):
                    continue
                answer = exact_answer(content, 0, len(content.text))
                if answer:
                    yield _candidate(template.format(x=subject), answer, "table")


def _row_subject(reading: ParsedPassage, rules: ExtractiveRules, noun: str, label: str) -> str | None:
    """Return a row's label as a noun phrase ("the setting `agent_port`"), for labels that name something on their own."""
    codelike = _CODELIKE.fullmatch(label)
    if not label or len(label) > 60 or not regex.search(r"\p{L}", label) or _is_bare(label):
        return None
    top = reading.top
    if label.startswith("-"):
        return rules.option_row.format(x=label, top=top) if top else None
    plain_noun = regex.fullmatch(r"\p{L}[\p{L} -]{1,24}", noun) and key(noun) not in ("name", "key", "term")
    if not codelike and (len(words(label)) > 6 or not plain_noun):
        return None
    if label.startswith("."):
        label = f"{label} ({top})"
    template = rules.row if codelike else rules.quoted
    return template.format(noun=noun.lower(), Noun=noun, x=label) if plain_noun else label


def _term(reading: ParsedPassage, leaf: Leaf, content: Plain) -> tuple[str, int] | None:
    """Return the term that a block explains, and where its explanation starts in the block's plain text."""
    if leaf.kind == "definition" and leaf.term:
        return plain(reading.chunk.text, *leaf.term).text.rstrip(":： "), 0
    if leaf.kind not in ("item", "paragraph") or reading.chunk.text[leaf.inner : leaf.inner + 1] not in ("*", "`", "_"):
        return None
    match = regex.match(r"(?P<term>[^:：]{1,60}?)(?: [-–—]+ |\s?[:：—]+\s?)(?=\S)", content.text)
    if not match or not _is_marked(reading.chunk.text, leaf.inner, content.at[match.end("term") - 1] + 1):
        return None
    return match["term"], match.end()


def _is_marked(source: str, start: int, end: int) -> bool:
    """Whether `source[start:end]` and its closing mark contain only marked-up text and commas."""
    return (
        regex.fullmatch(r"(?:(\*\*|__|\*|_|`+)(?:(?!\1).)+(?:\1)?[:：]?(?:, | |/|$)*)+", source[start:end], regex.DOTALL)
        is not None
    )


def _first_end(content: Plain, start: int) -> int:
    """Return the end of the first sentence from `start` on, without its full stop."""
    stop = regex.search(r"[.!。！](?=\s|$)|$", content.text[start:])
    return start + (stop.start() if stop else len(content.text))


def _candidate(query: str, answer: Span, name: str) -> Candidate:
    return Candidate(query, "question", answer, metadata={"pattern": name})


def _is_bare(cell: str) -> bool:
    """Whether a cell has only yes or no, or nothing."""
    return _NO_WORD.fullmatch(cell) is not None or cell.casefold() in of_all("yes_no_words")

"""Questions whose answer is an exact span: sentence patterns, terms and options, table cells, questions in the text.

The languages are data (`patterns/`). Everything here refuses rather than guesses: a question must read as one, stand
alone, and have the span as its true answer. Not covered: answers spread over several sentences or rows, and reasoning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import regex

from synthgen.generators.patterns import Language, Pattern
from synthgen.generators.plain import Plain, plain
from synthgen.generators.reading import Candidate, Reading, Sentence, lone
from synthgen.generators.scanner import Block, cells
from synthgen.records import Span
from synthgen.text import contents, key, sentences, words

__all__ = ["patterns", "questions", "tables", "terms"]

MAX_ANSWER_CHARS = 400
_MAX_CODE_LINES = 8

_END = regex.compile(r"[\s.!。！;；]+$")
_CODELIKE = regex.compile(r"-{1,2}\w[\w-]*(?:[ =].{1,30})?|(?=\S*[\p{L}])(?=\S*[\p{Lu}\d_./<>:@-])[^\s,;，；]{2,60}")
_ANSWER = regex.compile(r"(?![\p{Pe}\p{Pf}、，,;；…])(?=.*[\p{L}\p{N}])", regex.DOTALL)
_FOOTNOTE = regex.compile(r"[\s*†‡]+$")
_HISTORY = regex.compile(
    r"(?i)\bchange ?log|release notes|what['’]s new|änderungen|neuerungen|更新日志|变更|发布说明|^\W*v?\d+\.\d+"
)
_BARE = regex.compile(r"[-–—/\s]*|(?i:n/?a|none|yes|no|ja|nein|keine?|是|否|无|x|✓|✗|true|false)")


def patterns(reading: Reading, language: Language) -> Iterator[Candidate]:
    """What the sentences of the chunk define, limit, require, explain or instruct."""
    for sentence in reading.prose():
        if language.cut.search(sentence.text):
            continue
        text = _END.sub("", sentence.text)
        fired: set[str] = set()
        for form in language.patterns:
            match = form.form.fullmatch(text) if form.name not in fired else None
            if match and (candidate := _asked(reading, language, sentence, form, match)):
                fired.add(form.name)
                yield candidate


def _is_history(reading: Reading) -> bool:
    """A list of changes: its imperatives tell what was done, and what "now" holds does not for long."""
    return any(_HISTORY.search(heading) for heading in reading.chunk.headings)


def terms(reading: Reading, language: Language) -> Iterator[Candidate]:
    """Glossary entries and command-line options: a marked term, then a dash or colon (or a definition list)."""
    if _is_history(reading):
        return
    in_glossary = any(language.glossary.search(heading) for heading in reading.chunk.headings)
    for block, content in reading.blocks:
        found = _term(reading, block, content)
        if found is None:
            continue
        term, start = found
        answer = _answer(content, start, _first_end(content, start))
        option = regex.match(r"-{1,2}[a-zA-Z]", term)
        if answer is None or len(words(term)) > 6 or not words(term):
            continue
        if option and (top := _top(reading)):
            yield _question(language.option.format(x=term, top=top), answer, "option")
        elif in_glossary and not option:
            yield _question(language.term.format(x=term), answer, "term")


def tables(reading: Reading, language: Language) -> Iterator[Candidate]:
    """A cell as the answer to its row and column."""
    for block, _ in reading.blocks:
        if block.kind != "table":
            continue
        rows = cells(reading.chunk.text, block)
        if len(rows) < 2 or len(rows[0]) < 2:
            continue
        header = [plain(reading.chunk.text, *span) for span in rows[0]]
        labels = Counter(key(plain(reading.chunk.text, *row[0]).text) for row in rows[1:])
        for row in rows[1:]:
            label = _FOOTNOTE.sub("", plain(reading.chunk.text, *row[0]).text)
            subject = _row_subject(reading, language, header[0].text, label)
            if subject is None or labels[key(label)] > 1:
                continue
            for title, span in zip(header[1:], row[1:], strict=True):
                column = title.text.casefold()
                noun = "option" if label.startswith("-") else header[0].text.casefold()
                template = language.columns.get(f"{noun}/{column}") or language.columns.get(column)
                content = plain(reading.chunk.text, *span)
                if not template or _BARE.fullmatch(content.text):
                    continue
                answer = _answer(content, 0, len(content.text))
                if answer:
                    yield _question(template.format(x=subject), answer, "table")


def questions(reading: Reading, language: Language | None) -> Iterator[Candidate]:
    """Questions that stand in the text: headings with the first paragraph below them, and `Q: … A: …` lines."""
    parsed = reading.blocks
    above = reading.chunk.headings
    if reading.opens and above and _is_question(lone_question(above[-1]), language):
        yield from _harvested(lone_question(above[-1]), parsed, 0, ())
    for i, (block, content) in enumerate(parsed):
        if block.kind == "heading" and _is_question(lone_question(content.text), language):
            yield from _harvested(lone_question(content.text), parsed, i + 1, ((block.start, block.end),))
        else:
            yield from _marked_pair(parsed, i)


def _asked(
    reading: Reading, language: Language, sentence: Sentence, form: Pattern, match: regex.Match[str]
) -> Candidate | None:
    groups = match.groupdict(default="")
    if "s" in groups:
        subject = _subject(reading, language, groups["s"])
        if subject is None:
            return None
        groups["s"] = subject
    wish = groups.get("y", "") or groups.get("c", "")
    if language.vague.search(wish) or len(words(wish)) == 1 or (form.kind == "howto" and _is_history(reading)):
        return None
    asked = form.question.format(**{name: language.mine(value) if name in "scy" else value for name, value in groups.items()})
    if language.unclear.search(asked):
        return None
    if form.code:
        answer = _code_below(reading, sentence)
    else:
        start, end = match.span("a")
        answer = _answer(sentence.plain, sentence.start + start, sentence.start + end)
        if answer and _circular(groups.get("s", ""), groups["a"]):
            return None
        if answer and (language.unclear.search(groups["a"]) or match.string.endswith((":", "："))):
            return None
    return None if answer is None else _question(asked, answer, form.name, form.kind)


def _circular(subject: str, answer: str) -> bool:
    """ "A list of twenty is a list of none": the answer begins with the noun that was asked about."""
    asked, said = contents(words(subject)), contents(words(answer))
    return bool(asked and said) and asked[0] == said[0]


def _subject(reading: Reading, language: Language, subject: str) -> str | None:
    """The subject as it reads inside a question, or None when it would not stand alone."""
    subject = subject.strip()
    if (
        language.dependent.search(subject)
        or len(subject.split()) > language.max_subject_words
        or not regex.search(r"\p{L}", subject)
    ):
        return None
    if (definite := language.definite.fullmatch(subject)) and definite["n"].casefold() not in words(
        " ".join(reading.chunk.headings[-2:])
    ):
        return None
    first = subject.split()[0]
    if first in language.articles or language.common.match(subject) or _seen_small(reading, first):
        return subject[0].lower() + subject[1:]
    return subject


def _seen_small(reading: Reading, word: str) -> bool:
    """Whether the chunk also writes a capitalised word without its capital, so that it is no name."""
    return (
        word.istitle() and regex.search(rf"(?<![\w./-]){regex.escape(word.lower())}(?![\w/-])", reading.chunk.text) is not None
    )


def _row_subject(reading: Reading, language: Language, noun: str, label: str) -> str | None:
    """A row's label as a noun phrase: "the setting `agent_port`"; only labels that name something on their own."""
    codelike = _CODELIKE.fullmatch(label)
    if not label or len(label) > 60 or not regex.search(r"\p{L}", label) or _BARE.fullmatch(label):
        return None
    top = _top(reading)
    if label.startswith("-"):
        return language.option_row.format(x=label, top=top) if top else None
    plain_noun = regex.fullmatch(r"\p{L}[\p{L} -]{1,24}", noun) and key(noun) not in ("name", "key", "term")
    if not codelike and (len(words(label)) > 6 or not plain_noun):
        return None
    if label.startswith("."):
        label = f"{label} ({top})"
    template = language.row if codelike else language.quoted
    return template.format(noun=noun.lower(), Noun=noun, x=label) if plain_noun else label


def _top(reading: Reading) -> str:
    """The document's own title, for options that mean something else in another document."""
    titles = [lone(heading) for heading in reading.chunk.headings[:1]]
    return regex.sub(r"\(\d\)$", "", titles[0]).strip() if titles and len(words(titles[0])) <= 6 else ""


def _term(reading: Reading, block: Block, content: Plain) -> tuple[str, int] | None:
    """The term that a block explains, and where its explanation starts in the block's plain text."""
    if block.kind == "definition" and block.term:
        return plain(reading.chunk.text, *block.term).text.rstrip(":： "), 0
    if block.kind not in ("item", "paragraph") or reading.chunk.text[block.inner : block.inner + 1] not in ("*", "`", "_"):
        return None
    match = regex.match(r"(?P<term>[^:：]{1,60}?)(?: [-–—]+ |\s?[:：—]+\s?)(?=\S)", content.text)
    if not match or not _is_marked(reading.chunk.text, block.inner, content.at[match.end("term") - 1] + 1):
        return None
    return match["term"], match.end()


def _is_marked(source: str, start: int, end: int) -> bool:
    """Whether nothing but marked-up text and commas stands in `source[start:end]` and its closing mark."""
    return (
        regex.fullmatch(r"(?:(\*\*|__|\*|_|`+)(?:(?!\1).)+(?:\1)?[:：]?(?:, | |/|$)*)+", source[start:end], regex.DOTALL)
        is not None
    )


def _first_end(content: Plain, start: int) -> int:
    """The end of the first sentence from `start` on, without its full stop."""
    stop = regex.search(r"[.!。！](?=\s|$)|$", content.text[start:])
    return start + (stop.start() if stop else len(content.text))


def _answer(content: Plain, start: int, end: int) -> Span | None:
    """The exact source span of an answer, trimmed; None when it is too long, empty or has markup that cannot be cut."""
    while end > start and content.text[end - 1] in " .;,:。；，：":
        end -= 1
    while start < end and content.text[start] == " ":
        start += 1
    said = content.text[start:end]
    balanced = all(said.count(left) == said.count(right) for left, right in ("()", "（）", "「」", "“”", "《》"))
    if not balanced or len(said) > MAX_ANSWER_CHARS or not _ANSWER.match(said):
        return None
    return content.exact(start, end)


def _question(query: str, answer: Span, name: str, kind: str = "question") -> Candidate:
    return Candidate(" ".join(query.split()), kind, answer, metadata={"pattern": name})


def _code_below(reading: Reading, sentence: Sentence) -> Span | None:
    """The code right below a sentence that ends its paragraph with a colon; of a console session the first command."""
    following = next((block for block, _ in reading.blocks if block.start >= sentence.block.end), None)
    if sentence.end != len(sentence.plain.text) or following is None or following.kind != "code":
        return None
    text = reading.chunk.text
    code = _CODE.fullmatch(text, following.start, following.end)
    if code is None:
        return None
    span = code.span("code")
    if command := _COMMAND.match(text, *span):
        span = command.span("command")
    fits = span[1] - span[0] <= MAX_ANSWER_CHARS and text.count("\n", *span) < _MAX_CODE_LINES
    return span if fits and span[0] < span[1] else None


_CODE = regex.compile(r"\s*(?:(?P<fence>`{3,}|~{3,})[^\n]*\n)?\s*(?P<code>.*?)\s*(?(fence)(?P=fence))\s*", regex.DOTALL)
_COMMAND = regex.compile(r"[$>#] (?P<command>(?:[^\n]*\\\n)*[^\n]*)")
_ASK_MARK = regex.compile(
    r"(?:Q|F|Question|Frage|问|問|س)\s*\d*\s*[:：.]\s*(?P<q>.{4,190}?[?？؟])\s*(?:(?:A|Answer|Antwort|答|ج)\s*[:：.]\s*(?P<a>.+))?"
)
_REPLY_MARK = regex.compile(r"(?:A|Answer|Antwort|答|ج)\s*[:：.]\s*(?P<a>.+)")


def lone_question(heading: str) -> str:
    """A heading's text with its question mark but without numbering or `Q:`."""
    text = regex.sub(r"^(?:\d{1,3}[.)]\s+|(?:Q|F|问|問)\s*\d*\s*[:：.]\s*)", "", plain(heading).text)
    return text.strip()


def _is_question(heading: str, language: Language | None) -> bool:
    found = words(heading)
    said = contents(found)
    pointing = language is not None and language.vague.search(heading) is not None
    if len(found) < 3 or len(said) < (2 if pointing else 1):
        return False
    return heading.endswith(("?", "？", "؟")) or (language is not None and language.asks.match(heading) is not None)


def _harvested(question: str, parsed: tuple[tuple[Block, Plain], ...], i: int, masks: tuple[Span, ...]) -> Iterator[Candidate]:
    """The question with the paragraph that follows it, cut after a sentence when it is long."""
    if i >= len(parsed) or parsed[i][0].kind != "paragraph":
        return
    content = parsed[i][1]
    if content.text.endswith((":", "：")):
        return
    if answer := _whole_answer(content, 0):
        yield Candidate(question, "question", answer, masks, metadata={"pattern": "heading"})


def _whole_answer(content: Plain, start: int) -> Span | None:
    end = len(content.text)
    if end - start > MAX_ANSWER_CHARS:
        ends = [e for _, e in sentences(content.text) if start < e <= start + MAX_ANSWER_CHARS]
        if not ends:
            return None
        end = ends[-1]
    return content.exact(start, end) if end > start else None


def _marked_pair(parsed: tuple[tuple[Block, Plain], ...], i: int) -> Iterator[Candidate]:
    """`Q: … A: …` in one block, or in two that follow each other."""
    block, content = parsed[i]
    if block.kind not in ("paragraph", "item", "definition"):
        return
    asked = _ASK_MARK.fullmatch(content.text)
    if not asked:
        return
    replied, start = content, asked.start("a")
    if asked["a"] is None:
        if i + 1 == len(parsed) or not (reply := _REPLY_MARK.fullmatch(parsed[i + 1][1].text)):
            return
        replied, start = parsed[i + 1][1], reply.start("a")
    answer = _whole_answer(replied, start)
    if answer:
        mask = content.span(0, asked.end("q"))
        yield Candidate(asked["q"], "question", answer, (mask,), metadata={"pattern": "marked"})

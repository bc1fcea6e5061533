"""What a file of a language holds. A field that a language lacks stays empty; nothing falls back to another language.

Word lists are in lower case unless their field says otherwise. Patterns are strings of the `regex` module, which whoever uses
them compiles, or a `LazyPattern`: so that loading every language costs milliseconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import regex

__all__ = ["ExtractiveRules", "LazyPattern", "Lexicon", "SentencePattern", "counted", "listed", "pattern"]

Words = frozenset[str]
Patterns = tuple[str, ...]


class LazyPattern:
    """A regular expression that is compiled when it is first used."""

    def __init__(self, source: str) -> None:
        self.source = source

    @functools.cached_property
    def compiled(self) -> regex.Pattern[str]:
        return regex.compile(self.source)

    def search(self, text: str) -> regex.Match[str] | None:
        return self.compiled.search(text)

    def match(self, text: str) -> regex.Match[str] | None:
        return self.compiled.match(text)

    def fullmatch(self, text: str) -> regex.Match[str] | None:
        return self.compiled.fullmatch(text)


@dataclass(frozen=True, slots=True)
class SentencePattern:
    """A form of a sentence (without its full stop), and the question that such a sentence answers.

    Named groups of `form`: `s`, the thing asked about, which must stand alone; `a`, the answer; `y`, what somebody wants to do, and
    `c`, a condition. `question` is a template over the groups. `code` means that the answer is the code block that follows.
    """

    name: str
    form: LazyPattern
    question: str
    kind: str = "question"
    code: bool = False


@dataclass(frozen=True, slots=True)
class ExtractiveRules:
    """How the extractive rules ask in a language. Precision over recall: a sentence that is not clearly of a form is left alone.

    Of a subject: `dependent` finds what cannot stand alone; `definite` matches one that only its heading explains ("the file",
    noun in group `n`); `articles` (with a capital) and `common` (matched at its start) lose their capital inside a question.
    Of a wish or condition (`y`, `c`): `vague` finds pronouns and the like; `mine` turns "your" into "my".
    Of a question or an answer: `unclear` finds what points elsewhere. `cut` finds a sentence that ends at an abbreviation.
    Of tables: `columns` maps a column's header to a question about the row `{x}`, or `noun/header` where the first column's
    header matters; other columns are not asked about. `row`, `quoted` and `option_row` name a row.
    `term` and `option` ask about a glossary entry and a command-line option; `glossary` finds the heading of a glossary.
    `asks` matches a heading that is a question.
    """

    patterns: tuple[SentencePattern, ...]
    dependent: LazyPattern
    vague: LazyPattern
    unclear: LazyPattern
    definite: LazyPattern
    articles: frozenset[str]
    mine: Callable[[str], str]
    columns: Mapping[str, str]
    row: str
    quoted: str
    term: str
    option: str
    option_row: str
    common: LazyPattern
    cut: LazyPattern
    glossary: LazyPattern
    asks: LazyPattern
    max_subject_words: int = 7


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What is known of one language.

    Names: `code` is that of ISO 639-1, `scripts` are Unicode's names of the scripts that it is written in, `tag` is the language of
    ISO 639-3 and its script ("deu-Latn"), as evaluation libraries write it.

    Words that say little:
    `stop_words` carry no content, in whatever text they stand: a word that means something in another language is left out.
    `weak_words` carry content for a search, but make no key phrase.
    `common_words` are in most sentences of the language and in few of others, so they tell it from others; so do `question_words`,
    but for those in `joining_question_words`, which also join clauses ("que", "come").

    Whether two questions are one:
    `free_words` may be there or not. `alike` are classes of words that mean the same in a question, the longest word first because
    misspelt words are compared with it. A difference in `negations`, question words or numbers makes another question.
    `contractions` are patterns in a comparison key, where an apostrophe is a space, and what they stand for; `contracted` finds a
    key that may have one. `inflection` is a pattern of the letters that inflection changes at the end of a word. Without spaces between words, `free_letters` and `telling_letters` are patterns that say the same.

    Numbers and names:
    `number_words` are cardinals and ordinals with their value, `quantity_words` others that count ("half"), `scales` multiply the
    number before them. `decade_endings` are patterns of what follows 1850 in "1850s". `name_joins` are the small words inside a name.
    `polite_words` are written with a capital that makes no name of them. `capitalises_nouns` says that a capital is no sign of one.

    Sentences: abbreviations without their last full stop and without spaces. One in lower case is also found with a capital.
    `abbreviations` are followed by something that belongs to them ("Dr", "z.B"). `local_abbreviations` are too, but are words of
    other languages, so they are read as abbreviations only where the language is known. `number_abbreviations` are followed by a
    number ("No"). `name_abbreviations` stand in or after names ("Inc"): they end a sentence only before one of the
    `sentence_openers`, words that begin sentences and no names. `last_abbreviations` may end a sentence ("etc"), but not before a
    small letter or a number. One that is in this list and another is this kind after a number only ("1990 г." and "г. Москва").
    `ordinal_nouns` follow an ordinal that is written as a number with a full stop ("3. Oktober").

    Phrases that give a query away, where a pattern says who refers to what, because the bare words are innocent ("Who is the author
    of Hamlet?", "How do I share this document?"). Case is ignored.
    `references` point at a passage that the asker of a real query cannot see ("according to the text"). `chatter` is a model talking
    about its task. `double_questions` are two in one, `generic_questions` fit every passage and so find none, and `dangling` ones
    have a pronoun or demonstrative without anything that it could stand for ("it" is left out: mostly it stands for nothing).

    Of answers: `lead_ins` are what a model says before its answer ("Sure!", "Answer:", "According to the passage,"), anchored at the
    start, and `sign_offs` what it says after it ("Let me know if …"); `non_answers` say that there is none.

    `greetings` is a pattern of what opens a chat and asks nothing.

    Documents: `generic_headings` say nothing without the one above; `history_headings` is a pattern of those above a list of changes. `ask_labels` and `reply_labels` stand before a question and its answer ("Q:"). `yes_no_words` are cells that say nothing.
    `alone` is a pattern of what only this one of several languages of its script has.

    `abstention` is what is answered to a question that the documents shown do not answer. `rules` are those of the extractive
    generator.
    """

    code: str
    name: str
    scripts: tuple[str, ...]
    tag: str
    stop_words: Words = frozenset()
    weak_words: Words = frozenset()
    common_words: Words = frozenset()
    question_words: Words = frozenset()
    joining_question_words: Words = frozenset()
    free_words: Words = frozenset()
    alike: tuple[str, ...] = ()
    negations: Words = frozenset()
    contracted: str = ""
    contractions: tuple[tuple[str, str], ...] = ()
    inflection: str = ""
    free_letters: str = ""
    telling_letters: str = ""
    number_words: Mapping[str, int] = field(default_factory=dict)
    quantity_words: Words = frozenset()
    scales: Mapping[str, int] = field(default_factory=dict)
    decade_endings: Patterns = ()
    name_joins: Words = frozenset()
    polite_words: Words = frozenset()
    capitalises_nouns: bool = False
    abbreviations: Words = frozenset()
    local_abbreviations: Words = frozenset()
    number_abbreviations: Words = frozenset()
    name_abbreviations: Words = frozenset()
    last_abbreviations: Words = frozenset()
    sentence_openers: Words = frozenset()
    ordinal_nouns: Words = frozenset()
    references: Patterns = ()
    chatter: Patterns = ()
    double_questions: Patterns = ()
    generic_questions: Patterns = ()
    dangling: Patterns = ()
    lead_ins: Patterns = ()
    non_answers: Patterns = ()
    sign_offs: Patterns = ()
    greetings: str = ""
    generic_headings: Words = frozenset()
    history_headings: str = ""
    ask_labels: Words = frozenset()
    reply_labels: Words = frozenset()
    yes_no_words: Words = frozenset()
    alone: str = ""
    abstention: str = ""
    rules: ExtractiveRules | None = None


def listed(*lines: str, between: str | None = None) -> Words:
    """Words as they stand in lines, with spaces between them or what is given."""
    return frozenset(word.strip() for line in lines for word in line.split(between) if word.strip())


def counted(*lines: str) -> dict[str, int]:
    """Words with their numbers: those of a line count up from the number that it begins with; a `-` is passed over.

    Words of one number have a bar between them: "1 one|first two|second".
    """
    return dict(_pairs(lines))


def _pairs(lines: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for line in lines:
        first, *found = line.split()
        for number, same in enumerate(found, int(first)):
            yield from ((word, number) for word in same.split("|") if word != "-")


def pattern(name: str, form: str, question: str, *, kind: str = "question", code: bool = False) -> SentencePattern:
    return SentencePattern(name, LazyPattern(form), question, kind, code)

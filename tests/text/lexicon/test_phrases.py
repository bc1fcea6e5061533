"""Phrases that give a query away, and what every match of one has: the shortcuts of `lint` do not search a query without it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.text.left_over import LEFT_OVER
from synthgen.text.lexicon import lexicons
from synthgen.text.lexicon.base import Lexicon


def phrases(language: Lexicon) -> Iterator[str]:
    yield from language.references
    yield from language.chatter
    yield from language.double_questions
    yield from language.generic_questions
    yield from language.dangling


PHRASES = [
    (phrase, "".join(rf"\p{{{script}}}" for script in language.scripts))
    for language in lexicons()
    if "Latin" not in language.scripts
    for phrase in phrases(language)
]


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(
    st.sampled_from(PHRASES).flatmap(lambda phrase: st.tuples(st.from_regex(re.compile(phrase[0], re.I)), st.just(phrase[1])))
)
def test_a_phrase_of_a_language_has_a_letter_of_its_script(found: tuple[str, str]) -> None:
    text, script = found
    assert regex.search(f"[{script}]", text)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(
    st.sampled_from([(pattern, needed) for pattern, needed in LEFT_OVER if needed]).flatmap(
        lambda one: st.tuples(st.from_regex(re.compile(one[0], re.I)), st.just(one[1]))
    )
)
def test_what_is_left_over_has_one_of_its_characters(found: tuple[str, str]) -> None:
    text, needed = found
    assert set(needed) & set(text)


@pytest.mark.parametrize(
    "query",
    [
        "As described in the document, how deep is the harbour?",
        "Diesem Artikel zufolge: Wie tief ist der Hafen?",
        "Ausgehend vom vorliegenden Abschnitt: Wie tief ist der Hafen?",
        "¿Qué profundidad tiene el puerto, como se indica en este fragmento?",
        "Basándose en el pasaje, ¿qué profundidad tiene el puerto?",
        "Какова глубина гавани согласно данной статье?",
        "Как указано в этом отрывке, какова глубина гавани?",
        "كم عمق الميناء كما جاء في المقال؟",
        "ท่าเรือลึกเท่าไร ตามที่ระบุไว้ในบทความ",
        "从该段文字来看，港口有多深？",
    ],
)
def test_a_query_that_points_at_its_passage_gives_itself_away(query: str) -> None:
    assert matches(lambda language: language.references, query)


@pytest.mark.parametrize(
    "query",
    [
        "Welche Rekonstruktionen unterstützten die Angaben des Artikels von 1999?",
        "Что гласит статья 5 согласно конституции?",
        "¿Qué se menciona en el artículo 5 de la constitución?",
        "Which document describes the depth of the harbour?",
        "本文化节在哪里举行？",
        "ตามกฎหมาย ท่าเรือต้องลึกเท่าไร",
    ],
)
def test_a_query_about_a_text_of_its_own_does_not(query: str) -> None:
    assert not matches(lambda language: language.references, query)


@pytest.mark.parametrize(
    "query", ["¡Claro! ¿Qué es?", "إليك السؤال: ما هو؟", "بالطبع، ما هو؟", "นี่คือคำถาม: คืออะไร", "คำถามที่ 2: คืออะไร"]
)
def test_a_model_that_talks_about_its_task_gives_itself_away(query: str) -> None:
    assert matches(lambda language: language.chatter, query)


def matches(phrases: Callable[[Lexicon], Sequence[str]], query: str) -> bool:
    return any(re.search(phrase, query, re.IGNORECASE) for language in lexicons() for phrase in phrases(language))

"""Invisible characters: wherever one stands, words, keys, scores, quotes and near-duplicates are the same, and no row has it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.records import Chunk, digest, make_document, make_triple
from synthgen.retrieval.bm25 import BM25
from synthgen.text.fold import bare, fold, key, plain
from synthgen.text.invisible import IGNORED, NEVER_SEEN
from synthgen.text.quotes import locate
from synthgen.text.words import jaccard, normalise, shingles, units, words

PASSAGES = [
    "The pump delivers 25 litres per minute, the co-operation of both pumps 10⁶ litres.",
    "Die Förderleistung der Kreiselpumpe beträgt 25 Liter, die der Straße 1½ Liter.",
    "Le débit de la pompe élévatrice est de 25 litres, même à l’arrêt.",
    "Насос подаёт 25 литров в минуту, ёлка стоит рядом.",
    "पंप प्रति मिनट २५ लीटर देता है, और हिन्दी में लिखा है।",
    "تضخ المضخة ٢٥ لترا في الدقيقة",
    "水泵每分钟输送二十五升水，另一台输送三十升。",
    "ポンプは毎分25リットルを送ります。",
    "ปั๊มส่งน้ำ 25 ลิตรต่อนาที",
]
EVERYWHERE = [*sorted(IGNORED), "\u200c"]


@st.composite
def strewn(draw: st.DrawFn, text: str, characters: list[str]) -> str:
    """The text with some of the characters anywhere in it."""
    for at in sorted(draw(st.lists(st.integers(0, len(text)), min_size=1, max_size=8)), reverse=True):
        text = text[:at] + draw(st.sampled_from(characters)) + text[at:]
    return text


@pytest.mark.parametrize("text", PASSAGES)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_comparisons_do_not_see_it(text: str, data: st.DataObject) -> None:
    arabic = any("\u0600" <= character <= "\u06ff" for character in text)
    other = data.draw(strewn(text, EVERYWHERE[:-1] if arabic else EVERYWHERE))
    for folding in (fold, key, bare, plain):
        assert folding(other) == folding(text)
    assert words(other) == words(text)
    assert units(other) == units(text)
    assert jaccard(shingles(other), shingles(text)) == 1


@pytest.mark.parametrize("text", PASSAGES)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_search_does_not_see_it(text: str, data: st.DataObject) -> None:
    others = [passage for passage in PASSAGES if passage != text]
    query, passage = data.draw(strewn(text[:30], EVERYWHERE[:-1])), data.draw(strewn(text, EVERYWHERE[:-1]))
    ids = [str(i) for i in range(len(PASSAGES))]
    _, expected = BM25(ids, [text, *others]).rank([text[:30]], 1)
    places, scores = BM25(ids, [passage, *others]).rank([query], 1)
    assert places.tolist() == [[0]]
    assert scores.tolist() == expected.tolist() != [[0.0]]


@pytest.mark.parametrize("text", PASSAGES)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_documents_rows_and_quotes_are_without_it(text: str, data: st.DataObject) -> None:
    characters = sorted(NEVER_SEEN)
    document = make_document("a.md", data.draw(strewn(text, characters)))
    assert document.text == normalise(text)
    chunk = Chunk(
        id="a#0", document_id="a.md", start=0, end=len(document.text), text=document.text, sha256=digest(document.text)
    )
    row = make_triple(chunk, data.draw(strewn(f"{text[:20]}?", characters)), data.draw(strewn(text[:30].strip(), characters)))
    plain_row = make_triple(chunk, f"{text[:20]}?", text[:30].strip())
    assert (row.id, row.query, row.answer) == (plain_row.id, plain_row.query, plain_row.answer)
    quote = data.draw(strewn(text, characters))
    assert locate(quote, document.text) == (0, len(document.text), 1.0)


@pytest.mark.parametrize("text", PASSAGES)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_quote_is_found_whatever_joins_its_letters(text: str, data: st.DataObject) -> None:
    quote = data.draw(strewn(text, ["\u200d", "\u200e", "\u200f", "\u2066", "\u2069", "\ufe0f"]))
    found = locate(quote, text)
    assert found is not None
    assert found.similarity == 1


@pytest.mark.parametrize(
    "query", ["What does the pu\u00admp do?", "What does the pu&#173;mp do?", "\ufeffWhat does the pu&#x200b;mp do?"]
)
def test_a_query_of_a_model_is_without_it_written_as_an_entity_too(query: str) -> None:
    chunk = Chunk(id="a#0", document_id="a.md", start=0, end=9, text="The pump.", sha256=digest("The pump."))
    row = make_triple(chunk, query, query, metadata={"quote": "The pu\u00admp."})
    assert (row.query, row.answer) == ("What does the pump do?",) * 2
    assert row.metadata["quote"] == "The pump."


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "क्\u200dष", "श्री\u200cमान", "👩\u200d🚒", "❤\ufe0f", "Auf\u200clage", "\u200fשלום"]
)
def test_what_shapes_or_places_others_stays_in_rows(text: str) -> None:
    assert make_document("a.md", text).text == text


def test_a_non_joiner_ends_a_word_in_arabic_script_only() -> None:
    assert words("می\u200cخواهم") == words("می خواهم")
    assert words("Auf\u200clage") == words("Auflage")
    assert words("क्\u200cष") == words("क्ष")

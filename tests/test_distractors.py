"""Distractors never betray the answer, whatever it takes to find enough of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.distractors import add_distractors
from synthgen.records import Chunk, Event, Triple, digest, make_triple
from synthgen.retrieval import index_text
from synthgen.retrieval.bm25 import BM25
from synthgen.text import jaccard, key, shingles

SOURCE = "The ferry to Samsø leaves Hou at nine every morning and carries forty cars on its lower deck."


def chunk(name: str, text: str, *, at: int = 0, **columns: Any) -> Chunk:
    return Chunk(f"{name}#{at}-{at + len(text)}", name, at, at + len(text), text, digest(text), group=name, **columns)


FERRY = chunk("ferry.md", SOURCE)
BUS = chunk("bus.md", "The bus to Hou leaves Odder every hour and carries forty people on its two decks.")
TRAIN = chunk("train.md", "The morning train to Odder leaves Aarhus at seven and carries bicycles.")
FILLERS = [
    chunk(f"filler{i}.md", f"{word} is grown on the fields behind the {tree} forest.")
    for i, (word, tree) in enumerate(
        [("Barley", "oak"), ("Rye", "pine"), ("Flax", "beech"), ("Clover", "birch"), ("Oats", "elm")]
    )
]
ASKED = make_triple(FERRY, "When does the ferry to Samsø leave Hou?", "nine every morning")


def mine(rows: list[Triple], chunks: list[Chunk], **settings: Any) -> tuple[list[Triple], dict[str, Any]]:
    index = BM25([c.id for c in chunks], [index_text(c) for c in chunks])
    return add_distractors(rows, {c.id: c for c in chunks}, index, **{"num": 2, **settings})


def names(triple: Triple) -> set[str]:
    return {d.chunk_id.partition("#")[0] for d in triple.distractors}


def test_the_hardest_come_first_with_rank_and_score() -> None:
    [row], stats = mine([ASKED], [FERRY, BUS, TRAIN, *FILLERS])
    first, second = row.distractors
    assert (first.chunk_id, first.found_by, first.rank) == (BUS.id, "bm25", 2)
    assert second.chunk_id == TRAIN.id
    assert 0 < second.relative < first.relative < 0.95
    assert first.score > second.score
    assert (stats["mined"], stats["random"], stats["short"]) == (2, 0, 0)
    assert stats["hardness"] == pytest.approx((first.relative + second.relative) / 2, abs=1e-6)


def test_random_ones_fill_up_and_say_so() -> None:
    [row], stats = mine([ASKED], [FERRY, BUS, *FILLERS], num=5)
    assert [d.found_by for d in row.distractors].count("random") == stats["random"] > 0
    assert len(names(row)) == 5
    assert stats["missing"] == 0


def test_a_mined_one_is_not_drawn_again() -> None:
    [row], _ = mine([ASKED], [FERRY, BUS, TRAIN, *FILLERS], num=9)
    assert {d.found_by for d in row.distractors} == {"bm25", "random"}
    assert len(row.distractors) == len(names(row)) == 7


def test_a_small_corpus_gives_what_it_has_and_counts_the_rest() -> None:
    [row], stats = mine([ASKED], [FERRY, BUS], num=4)
    assert names(row) == {"bus.md"}
    assert (stats["asked"], stats["missing"], stats["short"]) == (4, 3, 1)
    [alone], stats = mine([ASKED], [FERRY], num=4)
    assert alone.distractors == ()
    assert stats["hardness"] is None


LEAKS = {
    "another positive": BUS,
    "the same text elsewhere": replace(chunk("copy.md", SOURCE), id="copy.md#0-1"),
    "a place of the source": chunk(
        "place.md", "Tickets for the ferry are sold at the kiosk beside the old town hall, every day but Sunday."
    ),
    "an overlapping span": chunk("ferry.md", "its lower deck. The ferry returns at noon to Hou.", at=80),
    "a nearly equal text": chunk("near.md", SOURCE + " Cars."),
    "a chunk with the answer": chunk("answer.md", "Ferry tickets: the counter in Hou opens at Nine, every morning!"),
    "text of a test document": chunk("test.md", "The ferry to Hou is painted in summer.", split="test"),
    "text that lies in several splits": chunk("both.md", "The ferry to Hou is painted in spring.", split=""),
    "a chunk that scores as well": chunk(
        "rival.md", "When does the ferry to Samsø leave Hou? When does it leave Hou? Samsø ferry."
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_the_guard_refuses(leak: str) -> None:
    source = replace(FERRY, places=(LEAKS["a place of the source"].id,))
    positives = (source.id, BUS.id) if leak == "another positive" else (source.id,)
    row = replace(ASKED, positives=positives)
    chunks = [source, LEAKS[leak], TRAIN, *FILLERS]
    [found], _ = mine([row], chunks, num=len(chunks))
    assert LEAKS[leak].id not in {d.chunk_id for d in found.distractors}
    assert TRAIN.id in {d.chunk_id for d in found.distractors}


def test_a_nearly_equal_text_is_refused_where_neither_score_nor_answer_give_it_away() -> None:
    headed = replace(FERRY, headings=("When the ferry leaves Hou for Samsø", "When the ferry leaves Hou for Samsø"))
    row = replace(make_triple(headed, "When does the ferry to Samsø leave Hou?"), id=ASKED.id)
    near = LEAKS["a nearly equal text"]
    [found], stats = mine([row], [headed, near, TRAIN, *FILLERS], num=7)
    assert near.id not in {d.chunk_id for d in found.distractors}
    assert stats["refused"] == {"positive": stats["refused"]["positive"]}, "no other rule was needed"


def test_another_section_of_the_same_document_is_welcome() -> None:
    section = replace(
        chunk(
            "ferry.md", "Tickets for the ferry are sold at the kiosk beside the old town hall, every day but Sunday.", at=500
        ),
        group=FERRY.group,
    )
    [row], _ = mine([ASKED], [FERRY, section, *FILLERS], num=1)
    assert row.distractors[0].chunk_id == section.id


def test_a_test_row_gets_no_training_text() -> None:
    here = replace(FERRY, split="test")
    other = chunk("other.md", "A ferry to Ærø leaves Søby at eleven.", split="test")
    [row], stats = mine([replace(ASKED, split="test")], [here, other, BUS, TRAIN])
    assert names(row) == {"other.md"}
    assert stats["refused"]["split"] > 0


def test_a_short_answer_is_only_looked_for_when_it_is_a_number() -> None:
    seven = chunk("seven.md", "At gate 7 you find a kiosk, a bench and the timetable of the ferry, printed in large letters.")
    no = chunk("no.md", "There is no kiosk, no bench and no timetable of the ferry, not even one in small letters.")
    chunks = [FERRY, seven, no, *FILLERS]
    [row], stats = mine([replace(ASKED, answer="7")], chunks, num=7)
    assert "seven.md" not in names(row)
    assert stats["unchecked_answers"] == 0
    [row], stats = mine([replace(ASKED, answer="no")], chunks, num=7)
    assert {"seven.md", "no.md"} <= names(row)
    assert stats["unchecked_answers"] == 1


def test_numbers_inside_numbers_are_not_the_answer() -> None:
    forty_two = chunk("m.md", "The new ferry is 142 metres long and was built in a shipyard on the other side of the Baltic.")
    [row], _ = mine([replace(ASKED, answer="42")], [FERRY, forty_two, *FILLERS], num=1)
    assert names(row) == {"m.md"}


def test_a_rename_or_an_edited_file_changes_no_other_row() -> None:
    chunks = [FERRY, *FILLERS]
    [before], _ = mine([ASKED], chunks, num=2)
    chosen = {d.chunk_id for d in before.distractors}
    untouched = next(c for c in FILLERS if c.id not in chosen)
    renamed = chunk("renamed/" + untouched.document_id, untouched.text)
    [after], _ = mine([ASKED], [renamed, *(c for c in reversed(chunks) if c is not untouched)], num=2)
    assert [d.chunk_id for d in after.distractors] == [d.chunk_id for d in before.distractors]
    moved = chunk("elsewhere/" + FERRY.document_id, FERRY.text)
    [elsewhere], _ = mine([make_triple(moved, ASKED.query, ASKED.answer)], [moved, *FILLERS], num=2)
    assert [d.chunk_id for d in elsewhere.distractors] == [d.chunk_id for d in before.distractors]
    picks = {tuple(sorted(names(mine([ASKED], chunks, num=2, seed=seed)[0][0]))) for seed in range(12)}
    assert len(picks) > 1, "another seed gives other random ones"


def test_progress_and_order() -> None:
    rows = [ASKED, make_triple(BUS, "How often does the bus leave Odder?", "every hour")]
    seen: list[Event] = []
    found, _ = mine(rows, [FERRY, BUS, TRAIN, *FILLERS], on_event=seen.append)
    assert [t.id for t in found] == [t.id for t in rows]
    assert (seen[-1].stage, seen[-1].done, seen[-1].total) == ("distractors", 2, 2)
    assert mine([], [FERRY])[0] == []


WORDS = "ferry Hou Samsø bus deck nine 9 42 灯塔 morning car"
texts = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=12).map(" ".join)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(texts, st.sampled_from(["train", "test", ""])), min_size=1, max_size=10),
    texts,
    st.sampled_from([None, "nine", "42", "9", "灯塔", "bus deck"]),
    st.integers(0, 6),
)
def test_no_distractor_ever_breaks_a_rule(corpus: list[tuple[str, str]], query: str, answer: str | None, num: int) -> None:
    chunks = [chunk(f"{i}.md", text, split=split) for i, (text, split) in enumerate(corpus)]
    source = chunks[0]
    [row], stats = mine([make_triple(source, query, answer)], chunks, num=num)
    by_id = {c.id: c for c in chunks}
    found = [by_id[d.chunk_id] for d in row.distractors]
    assert len({c.sha256 for c in found}) == len(found) <= num
    assert stats["missing"] == num - len(found)
    for c, d in zip(found, row.distractors, strict=True):
        assert c.split == source.split
        assert jaccard(shingles(c.text), shingles(source.text)) < 0.8
        assert 0 <= d.relative < 0.95
        if answer:
            assert answer not in c.text if answer == "灯塔" else f" {key(answer)} " not in f" {key(c.text)} "

"""Distractors never betray the answer, whatever it takes to find enough of them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fills import at
from support.run_files import write_rivers

import synthgen as sg
from synthgen.cli.views.run import summary
from synthgen.config.settings import Config, Distractors
from synthgen.distractors.checks import STAGE
from synthgen.distractors.guard import Guard, folded
from synthgen.distractors.select import add_distractors
from synthgen.distractors.sources import SOURCES, interleaved, quotas, shares_of
from synthgen.errors import ConfigError
from synthgen.llm.call_store import Call
from synthgen.llm.endpoint import Endpoint
from synthgen.pipeline.import_run import import_rows
from synthgen.pipeline.refilter import refilter
from synthgen.records import Chunk, Completion, Distractor, Event, Triple, digest, make_triple
from synthgen.retrieval import Hit, index_text
from synthgen.retrieval.bm25 import BM25
from synthgen.testing import FakeOpenAI, Fault, Logged
from synthgen.text.fold import key
from synthgen.text.words import jaccard, shingles

SOURCE = "The ferry to Samsø leaves Hou at nine every morning and carries forty cars on its lower deck."


def chunk(name: str, text: str, *, at: int = 0, **columns: Any) -> Chunk:
    return Chunk(f"{name}#{at}-{at + len(text)}", name, at, at + len(text), text, digest(text), **{"group": name, **columns})


FERRY = chunk("ferry.md", SOURCE)
BUS = chunk("bus.md", "The bus to Hou leaves Odder every hour and carries forty people on its two decks.")
TRAIN = chunk("train.md", "The morning train to Odder leaves Aarhus at seven and carries bicycles.")
FILLERS = [
    chunk(f"filler{i}.md", f"{word} is grown on the fields behind the {tree} forest.")
    for i, (word, tree) in enumerate(
        [("Barley", "oak"), ("Rye", "pine"), ("Flax", "beech"), ("Clover", "birch"), ("Oats", "elm")]
    )
]
KIOSK = chunk("ferry.md", "Tickets for the ferry are sold at the kiosk beside the old town hall, but not on Sundays.", at=500)
HARBOUR = chunk("ferry.md", "The harbour of Hou was dredged in spring.", at=300)  # between the two
ASKED = make_triple(FERRY, "When does the ferry to Samsø leave Hou?", "nine every morning")
MINED: Mapping[str, Any] = {"mined": 1.0, "same_document": 0.0}


def index(chunks: Sequence[Chunk]) -> BM25:
    return BM25([c.id for c in chunks], [index_text(c) for c in chunks])


def mine(
    rows: Sequence[Triple], chunks: Sequence[Chunk], *, beside: Mapping[str, Any] | None = None, **given: Any
) -> tuple[list[Triple], dict[str, Any]]:
    """Two mined distractors for each row, as far as nothing else is given; `beside` are arguments that are no settings."""
    settings = Distractors(**{"num": 2, **MINED, **given})
    return add_distractors(rows, {c.id: c for c in chunks}, index(chunks), settings, **(beside or {}))


def names(triple: Triple) -> set[str]:
    return {d.chunk_id.partition("#")[0] for d in triple.distractors}


def ids(triple: Triple) -> list[str]:
    return [d.chunk_id for d in triple.distractors]


class TestSources:
    def test_the_hardest_come_first_with_rank_and_score(self) -> None:
        [row], stats = mine([ASKED], [FERRY, BUS, TRAIN, *FILLERS])
        first, second = row.distractors
        assert (first.chunk_id, first.found_by, first.rank) == (BUS.id, "bm25", 2)
        assert second.chunk_id == TRAIN.id
        assert 0 < second.relative < first.relative < 0.95
        assert first.score > second.score
        [[source]] = index([FERRY, BUS, TRAIN, *FILLERS]).score([ASKED.query], [[FERRY.id]])
        assert stats["found"] == {"bm25": 2}
        assert (stats["filled"], stats["missing"], stats["short"]) == (0, 0, 0)
        assert stats["hardness"] == {
            "judge": "bm25",
            "raw": pytest.approx((first.score + second.score) / 2 / source, abs=1e-5),
            "relative": pytest.approx((first.relative + second.relative) / 2, abs=1e-5),
        }

    def test_the_default_is_half_mined_a_quarter_of_the_document_and_a_quarter_from_anywhere(self) -> None:
        crew = chunk("ferry.md", "Its crew of eleven sleeps ashore.", at=700)
        chunks = [FERRY, HARBOUR, crew, BUS, TRAIN, *FILLERS]
        [row], stats = mine([ASKED], chunks, num=4, mined=0.5, same_document=0.25)
        assert [d.found_by for d in row.distractors] == ["bm25", "same_document", "random", "bm25"]
        assert row.distractors[1].chunk_id == crew.id, "the other one stands beside the passage"
        assert row.distractors[1].rank == row.distractors[2].rank == 0
        assert [d.mined for d in row.distractors] == [True, False, False, True]
        assert stats["filled"] == 0

    def test_one_source_fills_up_for_another_and_that_is_counted(self) -> None:
        [row], stats = mine([ASKED], [FERRY, BUS, *FILLERS], num=5)
        assert Counter(d.found_by for d in row.distractors) == stats["found"]
        assert stats["found"] == {"bm25": 5 - stats["filled"], "random": stats["filled"]}
        assert 0 < stats["filled"] < 5
        assert stats["missing"] == 0
        [row], stats = mine([ASKED], [FERRY, BUS, TRAIN, *FILLERS], num=2, mined=0.0, same_document=1.0)
        assert [d.found_by for d in row.distractors] == ["bm25", "bm25"], "the document has one chunk only"
        assert stats["filled"] == 2

    def test_a_mined_one_is_not_drawn_again(self) -> None:
        [row], _ = mine([ASKED], [FERRY, BUS, TRAIN, *FILLERS], num=9)
        assert {d.found_by for d in row.distractors} == {"bm25", "random"}
        assert len(row.distractors) == len(names(row)) == 7

    def test_a_small_corpus_gives_what_it_has_and_counts_the_rest(self) -> None:
        [row], stats = mine([ASKED], [FERRY, BUS], num=4)
        assert names(row) == {"bus.md"}
        assert (stats["asked"], stats["missing"], stats["short"]) == (4, 3, 1)
        assert type(stats["short"]) is int, "the report says 1, not true"
        [alone], stats = mine([ASKED], [FERRY], num=4)
        assert alone.distractors == ()
        assert stats["hardness"] == {"judge": "bm25", "raw": None, "relative": None}

    def test_the_window_skips_and_takes_hits_that_are_not_the_passage(self) -> None:
        chunks = [FERRY, BUS, TRAIN, *FILLERS]
        [row], _ = mine([ASKED], chunks, num=1, skip=1)
        assert ids(row) == [TRAIN.id]
        [row], stats = mine([ASKED], chunks, num=2, take=1)
        assert stats["found"] == {"bm25": 1, "random": 1}
        assert row.distractors[0].chunk_id == BUS.id

    def test_a_rename_or_an_edited_file_changes_no_other_row(self) -> None:
        drawn = {"mined": 0.0, "num": 2}
        chunks = [FERRY, *FILLERS]
        [before], _ = mine([ASKED], chunks, **drawn)
        untouched = next(c for c in FILLERS if c.id not in ids(before))
        renamed = chunk("renamed/" + untouched.document_id, untouched.text)
        [after], _ = mine([ASKED], [renamed, *(c for c in reversed(chunks) if c is not untouched)], **drawn)
        assert ids(after) == ids(before)
        moved = chunk("elsewhere/" + FERRY.document_id, FERRY.text)
        [elsewhere], _ = mine([make_triple(moved, ASKED.query, ASKED.answer)], [moved, *FILLERS], **drawn)
        assert ids(elsewhere) == ids(before)
        picks = {tuple(ids(mine([ASKED], chunks, beside={"seed": seed}, **drawn)[0][0])) for seed in range(12)}
        assert len(picks) > 1, "another seed gives other random ones"

    def test_rows_of_one_chunk_draw_apart(self) -> None:
        fields = [chunk(f"field{i}.md", f"Field {i} lies behind hedge {i * 7}.") for i in range(60)]
        rows = [make_triple(FERRY, f"When does ferry {i} leave?") for i in range(8)]
        found, _ = mine(rows, [FERRY, *fields], num=3, mined=0.0)
        assert len({tuple(ids(row)) for row in found}) == len(rows)

    def test_progress_and_order(self) -> None:
        rows = [ASKED, make_triple(BUS, "How often does the bus leave Odder?", "every hour")]
        seen: list[Event] = []
        found, _ = mine(rows, [FERRY, BUS, TRAIN, *FILLERS], beside={"on_event": seen.append})
        assert [t.id for t in found] == [t.id for t in rows]
        assert (seen[-1].stage, seen[-1].done, seen[-1].total) == ("distractors", 2, 2)
        assert mine([], [FERRY])[0] == []


class TestMix:
    @settings(max_examples=150, deadline=None)
    @given(st.integers(0, 60), st.integers(0, 8), st.integers(0, 20), st.integers(0, 20))
    def test_shares_are_exact_over_all_rows(self, rows: int, num: int, mined: int, same: int) -> None:
        same = min(same, 20 - mined)
        shares = shares_of(mined / 20, same / 20)
        found = quotas([str(i) for i in range(rows)], num, shares, seed=0)
        assert all(sum(row.values()) == num for row in found)
        for source in SOURCES:
            exact = rows * num * shares[source]
            assert abs(sum(row[source] for row in found) - exact) < 1
            assert all(abs(row[source] - num * shares[source]) < 1 for row in found)

    def test_content_decides_which_row_gets_the_odd_place(self) -> None:
        shares = shares_of(0.5, 0.25)
        names = [f"row{i}" for i in range(40)]
        one = dict(zip(names, quotas(names, 5, shares, seed=0), strict=True))
        other = dict(zip(reversed(names), quotas(names[::-1], 5, shares, seed=0), strict=True))
        assert one == other
        assert one != dict(zip(names, quotas(names, 5, shares, seed=1), strict=True))
        assert Counter(json.dumps(quota) for quota in one.values()).total() == 40
        assert sum(quota["mined"] for quota in one.values()) == 100

    @given(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)))
    def test_every_beginning_has_about_the_mix(self, counts: tuple[int, int, int]) -> None:
        found = {source: [(source, n) for n in range(count)] for source, count in zip(SOURCES, counts, strict=True)}
        order = interleaved(found, shares_of(0.5, 0.25))
        for source in SOURCES:
            assert [one for one in order if one[0] == source] == found[source]
        ample = min(counts[0] // 2, counts[1], counts[2]) * 4
        for length in range(1, ample + 1):
            share = Fraction(sum(one[0] == "mined" for one in order[:length]))
            assert abs(share - Fraction(length, 2)) <= 1

    def test_shares_that_leave_less_than_nothing_are_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"distractors\.same_document.*adds up to more than 1"):
            Config.build({"distractors": {"mined": 0.8, "same_document": 0.3}})
        with pytest.raises(ConfigError, match="twice"):
            Config.build({"distractors": {"judges": ["bm25", "bm25"]}})


LEAKS = {
    "another positive": BUS,
    "the same text elsewhere": replace(chunk("copy.md", SOURCE), id="copy.md#0-1"),
    "a place of the source": chunk(
        "place.md", "Tickets for the ferry are sold at the kiosk beside the old town hall, every day but Sunday."
    ),
    "an overlapping span": chunk("ferry.md", "its lower deck. The ferry returns at noon to Hou.", at=80),
    "the next chunk": chunk("ferry.md", "It returns at noon, with as many cars from the harbour of Ballen.", at=101),
    "a nearly equal text": chunk("near.md", SOURCE + " Cars."),
    "a part of it elsewhere in the document": chunk(
        "ferry.md", "It carries forty cars on its lower deck, with a view of the sea.", at=400
    ),
    "a part of it in a copy that is cut elsewhere": chunk(
        "copy.md",
        "Timetables are printed in May. The ferry has eleven cabins for those who sleep. Bring a coat and a hat on windy days.",
        group="ferry.md",
    ),
    "a chunk with the answer": chunk("answer.md", "Ferry tickets: the counter in Hou opens at Nine, every morning!"),
    "a chunk with another accepted answer": chunk("other.md", "Ferry tickets: the counter in Hou opens at 09:00 sharp."),
    "text of a test document": chunk("test.md", "The ferry to Hou is painted in summer.", split="test"),
    "text that lies in several splits": chunk("both.md", "The ferry to Hou is painted in spring.", split=""),
    "a chunk that scores as well": chunk(
        "rival.md", "When does the ferry to Samsø leave Hou? When does it leave Hou? Samsø ferry."
    ),
}


class TestGuard:
    @pytest.mark.parametrize("leak", LEAKS)
    @pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)], ids=["mined", "same document", "random"])
    def test_refuses(self, leak: str, shares: tuple[float, float]) -> None:
        tail = " The ferry has eleven cabins for those who sleep." if "cut elsewhere" in leak else ""
        source = replace(FERRY, text=SOURCE + tail, places=(LEAKS["a place of the source"].id,))
        positives = (source.id, BUS.id) if leak == "another positive" else (source.id,)
        row = replace(ASKED, positives=positives, metadata={"answers": ["nine", "09:00"]})
        chunks = [source, LEAKS[leak], TRAIN, *FILLERS]
        mined, same_document = shares
        [found], _ = mine([row], chunks, num=len(chunks), mined=mined, same_document=same_document)
        assert LEAKS[leak].id not in ids(found)
        assert {TRAIN.id, *(c.id for c in FILLERS)} <= set(ids(found))

    def test_says_why(self) -> None:
        source = replace(FERRY, places=("place.md#0-93",))
        row = replace(ASKED, metadata={"answers": ["09:00"]})
        chunks = [source, *(c for name, c in LEAKS.items() if name != "another positive"), TRAIN, *FILLERS]
        _, stats = mine([row], chunks, num=9)
        assert set(stats["refused"]) == {
            "positive", "overlap", "adjacent", "near_duplicate", "answer", "split", "score",
        }  # fmt: skip

    def test_a_nearly_equal_text_is_refused_where_neither_score_nor_answer_give_it_away(self) -> None:
        headed = replace(FERRY, headings=("When the ferry leaves Hou for Samsø", "When the ferry leaves Hou for Samsø"))
        row = replace(make_triple(headed, "When does the ferry to Samsø leave Hou?"), id=ASKED.id)
        near = LEAKS["a nearly equal text"]
        [found], stats = mine([row], [headed, near, TRAIN, *FILLERS], num=7)
        assert near.id not in ids(found)
        assert set(stats["refused"]) == {"positive", "near_duplicate"}, "no other rule was needed"

    def test_neighbours_of_a_copy_are_neighbours_too_unless_they_are_asked_for(self) -> None:
        copy = chunk("copy.md", SOURCE + " Cars.", group="ferry.md")
        beside = chunk(
            "copy.md", "It comes back to the harbour of Hou with the last light of the day.", at=110, group="ferry.md"
        )
        far = chunk("copy.md", "The ferry was built in a yard on the other side of the sea.", at=700, group="ferry.md")
        between = chunk("copy.md", "A kiosk sells coffee.", at=400, group="ferry.md")
        chunks = [FERRY, copy, beside, between, far, *FILLERS]
        [row], stats = mine([ASKED], chunks, num=9)
        assert beside.id not in ids(row)
        assert far.id in ids(row)
        assert stats["refused"]["adjacent"] == 1
        [row], _ = mine([ASKED], chunks, num=9, adjacent=True)
        assert {beside.id, far.id} <= set(ids(row))

    def test_the_place_of_a_text_has_neighbours_as_well(self) -> None:
        source = replace(FERRY, places=(f"pages.md#200-{200 + len(SOURCE)}",))
        before = chunk("pages.md", "Departures of the ferry, by harbour, as printed for the summer.", at=100)
        farther = chunk("pages.md", "Harbours of the ferry, from north to south.", at=20)
        [row], _ = mine([ASKED], [source, before, farther, *FILLERS], num=9)
        assert before.id not in ids(row)
        assert farther.id in ids(row)

    def test_pages_of_one_template_are_welcome(self) -> None:
        twin = chunk(
            "twin.md", "The ferry to Fur leaves Branden at ten every evening and carries twenty cars on its lower deck."
        )
        [row], _ = mine([ASKED], [FERRY, twin, *FILLERS], num=1)
        assert ids(row) == [twin.id]

    def test_what_repeats_half_of_the_passage_is_none_wherever_it_stands(self) -> None:
        part = SOURCE.removesuffix("lower deck.")
        other = chunk(
            "other.md", part + "strong back, past the lighthouse and two islands that no map shows, to a quay of wood."
        )
        [row], stats = mine([make_triple(FERRY, ASKED.query)], [FERRY, other, BUS, TRAIN, *FILLERS], num=9, max_relative=1.0)
        assert other.id not in ids(row)
        assert stats["refused"]["overlap"] == 1
        less = replace(other, text=other.text.replace("Samsø leaves Hou at", "Fur goes at about"))
        [row], _ = mine([make_triple(FERRY, ASKED.query)], [FERRY, less, BUS, TRAIN, *FILLERS], num=9, max_relative=1.0)
        assert less.id in ids(row)
        inside = replace(less, group=FERRY.group)
        [row], _ = mine([make_triple(FERRY, ASKED.query)], [FERRY, inside, BUS, TRAIN, *FILLERS], num=9, max_relative=1.0)
        assert inside.id not in ids(row), "in a copy of the document a third is too much"

    def test_places_are_compared_in_little_time(self) -> None:
        length, number = len(SOURCE), 20_000

        def placed(text: str, first: int, step: int) -> Chunk:
            spans = [f"pages.md#{at}-{at + len(text)}" for at in range(first + step, first + step * number, step)]
            return chunk("pages.md", text, at=first, places=tuple(spans))

        source, beside, over = placed(SOURCE, 0, 500), placed(KIOSK.text, length, 500), placed(BUS.text, 490, 500)
        guard = Guard({c.id: c for c in (source, beside, over)})
        started = time.process_time()
        assert guard.sameness(beside, source) == guard.sameness(source, beside) == ""
        assert guard.sameness(over, source) == guard.sameness(source, over) == "overlap"
        assert time.process_time() - started < 2, "each with each would be 1.6 billion comparisons"

    @given(
        st.lists(st.integers(0, 60), min_size=1), st.lists(st.integers(0, 60), min_size=1), st.integers(1, 9), st.integers(1, 9)
    )
    def test_places_overlap_where_they_do(self, ones: list[int], others: list[int], one: int, other: int) -> None:
        def placed(name: str, starts: list[int], length: int) -> Chunk:
            text = (name * length)[:length]
            places = tuple(f"pages.md#{at}-{at + length}" for at in starts[1:])
            return Chunk(name, "pages.md", starts[0], starts[0] + length, text, digest(text), places=places)

        left, right = placed("x", ones, one), placed("y", others, other)
        expected = any(a < b + other and b < a + one for a in ones for b in others)
        assert (Guard({"x": left, "y": right}).sameness(left, right) == "overlap") == expected

    def test_another_section_of_the_same_document_is_welcome(self) -> None:
        [row], _ = mine([ASKED], [FERRY, HARBOUR, KIOSK, *FILLERS], num=1)
        assert ids(row) == [KIOSK.id]

    def test_a_test_row_gets_no_training_text(self) -> None:
        here = replace(FERRY, split="test")
        other = chunk("other.md", "A ferry to Ærø leaves Søby at eleven.", split="test")
        [row], stats = mine([replace(ASKED, split="test")], [here, other, BUS, TRAIN])
        assert names(row) == {"other.md"}
        assert stats["refused"]["split"] > 0

    def test_every_judge_may_refuse(self) -> None:
        chunks = [FERRY, BUS, TRAIN, *FILLERS]
        scores = {c.id: 0.1 * n for n, c in enumerate(reversed(FILLERS))} | {FERRY.id: 0.9, BUS.id: 0.89, TRAIN.id: 0.5}
        beside = {"encoders": FakeEncoders(scores)}
        [row], stats = mine([ASKED], chunks, judges=["bm25", "dense"], beside=beside, num=7)
        assert BUS.id not in ids(row)
        assert stats["refused"]["score"] == 1
        first, second = row.distractors[:2]
        assert (first.chunk_id, first.found_by, first.rank) == (TRAIN.id, "bm25", 3)
        assert (second.chunk_id, second.found_by, second.rank) == (FILLERS[0].id, "dense", 4)
        assert second.score == pytest.approx(0.4)
        assert stats["hardness"]["judge"] == "bm25"
        [row], _ = mine([ASKED], chunks, beside=beside, num=7)
        assert ids(row)[0] == BUS.id

    def test_a_judge_that_nobody_has_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match=r"distractors\.judges"):
            mine([ASKED], [FERRY, BUS], judges=["dense"])
        with pytest.raises(ConfigError, match=r"distractors\.cross_encoder"):
            mine([ASKED], [FERRY, BUS], cross_encoder="some/model")


def looked_for(answer: str, text: str, **columns: Any) -> bool:
    """Whether a chunk of this text would give the answer away."""
    other = chunk("text.md", text)
    guard = Guard({c.id: c for c in (FERRY, other, *FILLERS)})
    row = replace(ASKED, answer=answer, **columns)
    return guard.rejection_reason(other, "train", [FERRY], guard.answer_forms(row)) == "answer"


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            ("the Normans", "Many Normans settled there."),
            ("Norman castle", "Two Norman castles stand there."),
            ("1,000", "It has 1000 seats."),
            ("1000", "It has 1 000 seats.".replace(" 000", "\u202f000")),
            ("$12", "It costs 12 dollars."),
            ("40%", "About 40 percent came."),
            ("U.S.", "The US did not sign."),
            ("UK", "It lies in the UK."),
            ("V", "Type V was never built."),
            ("no", "There is no kiosk."),
            ("7", "At gate 7 there is a kiosk."),
            ("high-voltage", "A high voltage line crosses it."),
            ("红楼梦", "《红楼\n梦》是一部小说。"),
            ("القاهرة", "سافر إلى مدينة كبيرة والقاهرة جميلة"),
            ("محمد", "كتبه مُحَمَّد في ذلك العام"),
            ("กรุงเทพ", "เมืองหลวงคือกรุงเทพ มหานคร"),
            ("“quoted” {braces}\t", "It says: quoted {braces}."),
            ("Battle of Bulge", "In winter the Battle of the Bulge began."),
            ("vitamin A", "The cod has vitamin A in its liver."),
            ("10,000", "In all 10 000 people came."),
            ("10,000 people", "In all 10\u2009000 people came."),
            ("10000", "Es kamen 10.000 Leute."),
            ("1,00,000", "It cost 100000 rupees."),
            ("1,00,000", "It cost 1 00 000 rupees."),
            ("100", "Cabins, cars, seats: 12 100 200"),
            ("٢٠١٤", "وقع ذلك في عام 2014 في المدينة"),
            ("2014", "وقع ذلك في عام ٢٠١٤ في المدينة"),
            ("२५", "At 25 knots it is the fastest."),
            ("بغداد", "ولد الشاعر ببغداد عام 915"),
            ("مصر", "سافر إلى الشام وبمصر مات"),
            ("שלום", "כתוב בשלום הוא"),
            ("أحمد", "قال احمد ذلك"),
            ("תל־אביב", "נסענו אל תל אביב"),
            ("COVID-19", "Of the patients with COVID19 two died."),
            ("COVID19", "Of the patients with COVID-19 two died."),
            ("SARS-CoV-2", "The SARSCoV-2 virus spreads."),
            ("the 1990s", "It was built in the 1990's by them."),
            ("Beyoncé", "The singer Beyonce won."),
            ("Istanbul", "It goes to İstanbul."),
            ("Paris", "It goes to Pa\u00adris today."),
            ("Paris", "It goes to Pa-\nris today."),
            ("T cell", "This is a T-\ncell of its kind."),
        ],
    )
    def test_are_found(self, answer: str, text: str) -> None:
        assert looked_for(answer, text)

    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            ("42", "The ferry is 142 metres long."),
            ("nine", "The nineteen cars left."),
            ("art", "It starts at the party."),
            ("COVID-1", "Of the patients with COVID-19 two died."),
            ("1914-1918", "Two orders were placed: 19141918 and 7."),
            ("10,000", "It carries 10 cars and 0 people."),
            ("5", "It carries 5,000 cars."),
        ],
    )
    def test_are_not_seen_where_they_are_not(self, answer: str, text: str) -> None:
        assert not looked_for(answer, text)

    def test_others_in_the_metadata_count(self) -> None:
        assert looked_for("nine", "It opens at 09:00.", metadata={"answers": ["9", "09:00"]})
        assert looked_for("nine", "It opens at 09:00.", metadata={"answers": "09:00"})
        assert not looked_for("nine", "It opens at 09:00.", metadata={"answers": [9.0, None, {"text": 1}]})

    def test_what_nearly_every_text_contains_is_not_looked_for(self) -> None:
        chunks = [chunk(f"{i}.md", f"这是第{word}本书。") for i, word in enumerate("甲乙丙丁")]
        row = make_triple(chunks[0], "这是书吗?", "是")
        [found], stats = mine([row], chunks, num=3)
        assert len(found.distractors) == 3
        assert stats["unchecked_answers"] == 1
        [_], stats = mine([replace(row, answer="乙")], chunks, num=3)
        assert stats["unchecked_answers"] == 1, "one of four is a quarter"
        rare = [*chunks, *(chunk(f"more{i}.md", f"第{word}页") for i, word in enumerate("戊己庚"))]
        [found], stats = mine([replace(row, answer="乙")], rare, num=6)
        assert stats["unchecked_answers"] == 0
        assert chunks[1].id not in ids(found)

    def test_folding(self) -> None:
        assert folded("The  U.S. spent $1,234.50 (nearly)") == "the us spent 1234 50 nearly\nus spent 1234 50 nearly"
        assert folded("Ein Bau-\nwerk für 10.000") == "ein bau werk fur 10 000\nein bauwerk fur 10000"


class TestFurtherPositives:
    QUERY, ANSWER = "Who led the famous Panther Creek expedition?", "Maria Lund"
    SAID = chunk("said.md", "In 1901 Maria Lund set out with three sleds. Nobody knew what the north would bring that winter.")
    BETTER = chunk("better.md", "The famous Panther Creek expedition was led by Maria Lund.")
    NAMED = chunk("named.md", "The famous Panther Creek expedition ended badly. The Panther Creek book is by Maria Lund.")
    CHUNKS = (SAID, BETTER, TRAIN, *FILLERS)

    def row(self, **columns: Any) -> Triple:
        return replace(make_triple(self.SAID, self.QUERY, self.ANSWER), **columns)

    def test_what_clearly_answers_better_is_one(self) -> None:
        [row], stats = mine([self.row()], self.CHUNKS)
        assert row.positives == (self.SAID.id, self.BETTER.id)
        assert row.chunk_id == self.SAID.id
        assert stats["further_positives"] == 1
        near = chunk("near.md", self.BETTER.text + " Yes.")
        [row], stats = mine([self.row(answer=None, positives=(self.SAID.id, self.BETTER.id))], [*self.CHUNKS, near], num=9)
        assert near.id not in ids(row), "it is guarded like the first"

    @pytest.mark.parametrize(
        ("columns", "chunks"),
        [
            ({"answer": "1901"}, (SAID, chunk("better.md", "The famous Panther Creek expedition was led in 1901."), *FILLERS)),
            ({"query": "Who led it?"}, CHUNKS),
            ({"reviewed": True}, CHUNKS),
            ({}, (SAID, NAMED, *FILLERS)),
            ({}, (SAID, replace(BETTER, split="test"), *FILLERS)),
            ({}, (replace(SAID, text=f"{BETTER.text} {BETTER.text} Creek"), BETTER, *FILLERS)),
        ],
        ids=["answer without content", "query without content", "reviewed", "not in one sentence", "other split", "below"],
    )
    def test_what_does_not_is_none(self, columns: dict[str, Any], chunks: tuple[Chunk, ...]) -> None:
        [row], stats = mine([self.row(**columns)], chunks)
        assert row.positives == (self.SAID.id,)
        assert stats["further_positives"] == 0

    def test_what_says_less_than_the_passage_is_none(self) -> None:
        source = chunk(
            "source.md", f"Long ago Maria Lund led the famous Panther Creek expedition. {self.SAID.text} {KIOSK.text}"
        )
        less = chunk("less.md", "Panther Creek: the famous Panther Creek expedition, by Maria Lund. Creek expedition.")
        row = make_triple(source, self.QUERY, self.ANSWER)
        [[own, other]] = index([source, less, *FILLERS]).score([self.QUERY], [[source.id, less.id]])
        assert other > own
        [row], _ = mine([row], [source, less, *FILLERS])
        assert row.positives == (source.id,)
        short = replace(source, text=source.text.replace("famous ", "").replace("led ", "had "))
        [row], _ = mine([replace(row, positives=(short.id,))], [short, less, *FILLERS])
        assert row.positives == (short.id, less.id)

    def test_every_judge_must_say_so(self) -> None:
        scores = dict.fromkeys((c.id for c in self.CHUNKS), 0.0) | {self.SAID.id: 0.9, self.BETTER.id: 0.8}
        given: dict[str, Any] = {"judges": ["bm25", "dense"], "beside": {"encoders": FakeEncoders(scores)}}
        [row], _ = mine([self.row()], self.CHUNKS, **given)
        assert row.positives == (self.SAID.id,)


class FakeEncoders:
    """A dense search with given scores, and a cross-encoder with scores by text."""

    def __init__(self, scores: Mapping[str, float], reranked: Mapping[str, float] | None = None) -> None:
        self.scores, self.reranked = scores, reranked or {}
        self.asked: list[tuple[str, str]] = []

    def dense(self) -> FakeEncoders:
        return self

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        best = sorted(self.scores.items(), key=lambda pair: -pair[1])[:k]
        return [[Hit(*pair) for pair in best] for _ in queries]

    def score(self, queries: Sequence[str], ids: Sequence[Sequence[str]]) -> list[list[float]]:
        return [[self.scores[id] for id in wanted] for wanted in ids]

    def rerank(self, pairs: Sequence[tuple[str, str]], *, model: str) -> list[float]:
        self.asked += pairs
        return [self.reranked.get(text, -5.0) for _, text in pairs]


class FakePaid:
    """Answers by what stands in the passage; `says` maps a word of it to what the model writes, None to no answer at all."""

    def __init__(self, says: Mapping[str, str | None], otherwise: str | None = "no") -> None:
        self.says, self.otherwise = says, otherwise
        self.asked: list[str] = []
        self.stages: set[str] = set()

    def model(self, stage: str, given: str | None) -> tuple[str, Endpoint]:
        self.stages.add(f"{stage} {given}")
        return "fake-model", at(base_url="http://127.0.0.1:9/v1")

    def answers(self, step: Any, rows: Sequence[Any]) -> Any:
        found = {}
        for (_, passage), request in zip(rows, step.requests(rows), strict=True):
            self.asked.append(request.key)
            said = next((said for word, said in self.says.items() if word in passage.text), self.otherwise)
            if said is not None:
                text = json.dumps({"items": [{"reason": "it is so", "answers": said}]})
                found[request.key] = Call(Completion(request.key, text, "stop"))
        return found


class TestChecks:
    CHUNKS = (FERRY, BUS, TRAIN, *FILLERS)

    def test_a_cross_encoder_refuses_what_it_puts_above_the_passage(self) -> None:
        encoders = FakeEncoders({}, {SOURCE: 2.0, BUS.text: 2.0, TRAIN.text: 1.9})
        [row], stats = mine([ASKED], self.CHUNKS, cross_encoder="some/model", beside={"encoders": encoders}, num=2)
        assert BUS.id not in ids(row)
        assert TRAIN.id in ids(row)
        assert len(row.distractors) == 2, "another one takes its place"
        assert stats["refused"]["cross_encoder"] == 1
        assert len(set(encoders.asked)) == len(encoders.asked), "nothing is asked twice"

    def test_a_model_lets_through_only_what_it_plainly_denies(self) -> None:
        paid = FakePaid({"bus": "yes", "train": "unsure", "Barley": "nonsense", "Rye": None})
        [row], stats = mine([ASKED], self.CHUNKS, check=True, check_model="openai/other", beside={"paid": paid}, num=2)
        assert names(row) <= {"filler2.md", "filler3.md", "filler4.md"}
        assert len(row.distractors) == 2
        assert stats["refused"]["answers"] == 1
        assert stats["refused"]["undecided"] + stats["refused"].get("not_asked", 0) >= 1
        assert paid.stages == {f"{STAGE} openai/other"}
        assert len(set(paid.asked)) == len(paid.asked), "no pair is asked about twice"

    def test_what_nobody_could_be_asked_about_is_no_distractor(self) -> None:
        paid = FakePaid({}, otherwise=None)
        [row], stats = mine([ASKED], self.CHUNKS, check=True, beside={"paid": paid}, num=3)
        assert row.distractors == ()
        assert (stats["short"], stats["refused"]["not_asked"]) == (1, 3)
        assert len(paid.asked) == 3, "and no more candidates are tried"

    def test_stored_answers_are_used_where_nobody_may_be_asked(self) -> None:
        paid = FakePaid({"bus": "yes", "train": "no"}, otherwise=None)
        [row], _ = mine([ASKED], self.CHUNKS, check=True, beside={"paid": paid}, num=2)
        assert ids(row) == [TRAIN.id]

    def test_the_calls_of_a_row_are_bounded(self) -> None:
        fields = [chunk(f"field{i}.md", f"Field {i} lies behind hedge {i * 7}.") for i in range(200)]
        paid = FakePaid({}, otherwise="yes")
        [row], stats = mine([ASKED], [FERRY, *fields], check=True, beside={"paid": paid}, num=3)
        assert row.distractors == ()
        assert len(paid.asked) == stats["refused"]["answers"] == 12

    def test_what_could_not_be_asked_about_is_not_replaced(self) -> None:
        paid = FakePaid({"bus": "yes", "train": "no"}, otherwise=None)
        [row], stats = mine([ASKED], self.CHUNKS, check=True, beside={"paid": paid}, num=3)
        assert ids(row) == [TRAIN.id]
        assert len(paid.asked) == 3, "another candidate would lack an answer as well"
        assert stats["refused"] == {"answers": 1, "not_asked": 1} | {
            reason: n for reason, n in stats["refused"].items() if reason not in ("answers", "not_asked")
        }

    def test_a_cross_encoder_is_asked_first(self) -> None:
        encoders = FakeEncoders({}, {SOURCE: 2.0, BUS.text: 2.0})
        paid = FakePaid({"bus": "no"})
        [row], _ = mine([ASKED], self.CHUNKS, cross_encoder="m", check=True, beside={"encoders": encoders, "paid": paid}, num=1)
        assert BUS.id not in ids(row)
        assert len(paid.asked) == 1

    def test_a_check_without_a_way_to_ask_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match=r"distractors\.check"):
            mine([ASKED], self.CHUNKS, check=True)


def test_the_python_door_takes_the_settings() -> None:
    chunks = [FERRY, HARBOUR, KIOSK, BUS, TRAIN, *FILLERS]
    [row] = sg.add_distractors([ASKED], chunks, num_distractors=2, settings={"mined": 0.0, "same_document": 0.5})
    assert [d.found_by for d in row.distractors] == ["same_document", "random"]
    with pytest.raises(ConfigError, match="mind"):
        sg.add_distractors([ASKED], chunks, settings={"mind": 1.0})


WORDS = "ferry Hou Samsø bus deck nine 9 42 灯塔 morning car"
texts = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=12).map(" ".join)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(texts, st.sampled_from(["train", "test", ""]), st.integers(0, 2)), min_size=1, max_size=10),
    texts,
    st.sampled_from([None, "nine", "42", "9", "灯塔", "bus deck"]),
    st.integers(0, 6),
    st.sampled_from([(1.0, 0.0), (0.5, 0.25), (0.0, 0.5), (0.0, 0.0)]),
)
def test_no_distractor_ever_breaks_a_rule(
    corpus: list[tuple[str, str, int]], query: str, answer: str | None, num: int, shares: tuple[float, float]
) -> None:
    chunks = [chunk(f"{name}.md", text, at=200 * i, split=split) for i, (text, split, name) in enumerate(corpus)]
    source = chunks[0]
    [row], stats = mine([make_triple(source, query, answer)], chunks, num=num, mined=shares[0], same_document=shares[1])
    by_id = {c.id: c for c in chunks}
    found = [by_id[d.chunk_id] for d in row.distractors]
    after = next((c for c in chunks[1:] if c.document_id == source.document_id), None)
    assert len({c.sha256 for c in found}) == len(found) <= num
    assert stats["missing"] == num - len(found)
    assert stats["found"] == Counter(d.found_by for d in row.distractors)
    for c, d in zip(found, row.distractors, strict=True):
        assert c.split == source.split
        assert c is not after
        assert jaccard(shingles(c.text), shingles(source.text)) < 0.8
        assert isinstance(d, Distractor)
        assert 0 <= d.relative < 0.95
        if answer:
            assert answer not in c.text if answer == "灯塔" else f" {key(answer)} " not in f" {key(c.text)} "


def test_equal_scores_are_not_ordered_by_the_names_of_files(tmp_path: Path) -> None:
    wardens = ["Anna", "Bela", "Cleo", "Dora", "Emil", "Finn", "Gerd", "Hans", "Ivan", "Jana", "Kurt", "Lena"]
    texts = [f"The warden {name} keeps oil. " + " ".join(f"{name}{i}" for i in range(20)) for name in wardens]
    texts += [f"Nothing of it: {' '.join(f'w{i}x{j}' for j in range(26))}." for i in range(60)]
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"query": "Which warden Anna keeps oil?", "answer": "Anna3 Anna4", "context": texts[0]}))
    given = {"splits": {"train": 1, "dev": 0}, "training": {"enabled": False}, "filters": {"order": ["round_trip"]}}
    found = []
    for name, order in (("one", texts), ("other", texts[::-1])):
        (tmp_path / name).mkdir()
        for i, text in enumerate(order):
            (tmp_path / name / f"{i:02}.md").write_text(text + "\n")
        result = import_rows(rows, tmp_path / name, tmp_path / f"run {name}", config=Config.build(given))
        [row] = result.kept
        assert sum(d.mined for d in row.distractors) >= 3
        mined = [(result.chunks[d.chunk_id].text, d.found_by, d.rank, d.score) for d in row.distractors]
        rival = result.chunks[str(row.scores["round_trip_rival"])].text
        found.append((mined, rival, row.scores["round_trip"], row.scores["round_trip_rank"]))
    assert found[0] == found[1]


def test_the_summary_of_a_run_has_one_line_about_them(tmp_path: Path) -> None:
    result = sg.run(write_rivers(tmp_path / "docs"), tmp_path / "run", settings={"training": {"enabled": False}})
    told = result.report["distractors"]
    rows = len(result.kept)
    assert told["rows"] == rows
    assert told["asked"] == 5 * rows == sum(told["found"].values()) + told["missing"]
    assert told["found"] == Counter(d.found_by for row in result.kept for d in row.distractors)
    [line] = [line for line in summary(result.report).splitlines() if "distractors" in line]
    assert line.startswith(f"{sum(told['found'].values()):,} distractors: ")
    assert f"{told['short']:,} rows have fewer than 5" in line
    none = sg.run(tmp_path / "docs", tmp_path / "none", settings={"training": {"enabled": False}, "distractors": {"num": 0}})
    assert "distractors" not in summary(none.report)


def test_a_run_asks_about_its_distractors_and_a_second_cut_uses_the_answers(tmp_path: Path) -> None:
    def script(request: Logged) -> Fault | None:
        messages = request.body["messages"]
        assert "meant not to answer" in messages[0]["content"]
        said = "yes" if "Entwash is" in messages[1]["content"] else "no"
        return Fault("says", message=json.dumps({"items": [{"reason": "so it is", "answers": said}]}))

    run = tmp_path / "run"
    with FakeOpenAI(script=script) as server:
        given = {
            "training": {"enabled": False},
            "llm": {"base_url": server.base_url},
            "distractors": {"num": 2, "check": True, "check_model": "openai/fake-model"},
        }
        result = sg.run(write_rivers(tmp_path / "docs"), run, settings=given)
        asked = len(server.log)
        again = refilter(run, settings=["distractors.num=1"])
        assert len(server.log) == asked > 0
    told = result.report["distractors"]
    assert told["refused"]["answers"] > 0
    assert not any("Entwash" in d.chunk_id for row in result.kept for d in row.distractors)
    assert sum(told["found"].values()) == sum(len(row.distractors) for row in result.kept) > 0
    assert 0 < sum(again["distractors"]["found"].values()) <= len(result.kept)
    assert result.report["judgements"][STAGE]["asked"] == asked

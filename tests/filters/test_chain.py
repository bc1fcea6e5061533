"""What each filter turns away, with its reason, and that nothing gets lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from synthgen.config.settings import Config
from synthgen.errors import ConfigError, UnknownNameError
from synthgen.filters import FILTERS, filter_spec
from synthgen.filters.chain import apply_filters, check_filters
from synthgen.filters.context import FilterContext
from synthgen.filters.spec import FilterSpec
from synthgen.records import Chunk, Event, Triple, Verdict, digest, make_triple
from synthgen.registry import describe_options, validate_options
from synthgen.retrieval import index_text
from synthgen.retrieval.bm25 import BM25

ORDER = Config().filters.order

LIGHTHOUSE = (
    "The lighthouse at Skagen was lit in 1858 and stands 46 metres tall. Its lamp turns once every 4 seconds. "
    "The keeper “Anna Holm” logged each passing ship in a green book."
)
BAKERY = "Sourdough rises for twelve hours at room temperature. Bake the loaf at 230 degrees until the crust is dark."
HARBOUR = "Ships over 90 metres need a pilot to enter the harbour. Call the pilot on channel 16 two hours before arrival."
ISLAND = "灯塔位于岛的北端，每四秒闪烁一次。守塔人每天晚上记录经过的船只，并在黎明前关灯。"


def chunk(name: str, text: str, *, at: int = 0, **columns: Any) -> Chunk:
    return Chunk(f"{name}#{at}-{at + len(text)}", name, at, at + len(text), text, digest(text), group=name, **columns)


CHUNKS = [chunk("skagen.md", LIGHTHOUSE), chunk("bread.md", BAKERY), chunk("harbour.md", HARBOUR), chunk("zh/dao.md", ISLAND)]
SKAGEN, BREAD, PORT, DAO = CHUNKS


def context(*more: Chunk, shots: Sequence[str] = ()) -> FilterContext:
    chunks = [*CHUNKS, *more]
    index = BM25([c.id for c in chunks], [index_text(c) for c in chunks])
    return FilterContext({c.id: c for c in chunks}, index, shots)


def judge(filter: str, triple: Triple, where: FilterContext | None = None, **options: Any) -> Verdict:
    [verdict] = filter_spec(filter).function([triple], where or context(), **options)
    return verdict


def span(of: Chunk, words: str) -> tuple[int, int]:
    start = of.start + of.text.index(words)
    return start, start + len(words)


GOOD = make_triple(SKAGEN, "How tall is the lighthouse at Skagen?", "46 metres")


# --- the sieve


def test_the_default_order_keeps_a_good_row_and_says_so() -> None:
    filtered = apply_filters([GOOD], ORDER, context())
    assert [t.id for t in filtered.kept] == [GOOD.id]
    assert filtered.kept_ratio == 1.0
    assert [stage["stage"] for stage in filtered.funnel] == ORDER


def test_both_sides_keep_the_order_of_the_input() -> None:
    rows = [make_triple(SKAGEN, query) for query in ("Skagen lamp", "", "keeper ships logged", "according to the text, who?")]
    filtered = apply_filters(rows, ["format", "lint"], context())
    assert [t.query for t in filtered.kept] == ["Skagen lamp", "keeper ships logged"]
    assert [(r.stage, r.reason) for r in filtered.rejected] == [("format", "empty_query"), ("lint", "passage_reference")]
    assert filtered.reasons == {"format:empty_query": 1, "lint:passage_reference": 1}
    assert filtered.kept_ratio == 0.5


def test_a_test_row_that_does_not_find_its_passage_is_only_flagged() -> None:
    lost = make_triple(SKAGEN, "sourdough loaf crust oven")
    train, dev, test = (replace(lost, split=split) for split in ("train", "dev", "test"))
    filtered = apply_filters([train, dev, test], ["round_trip"], context())
    assert [(t.split, t.flags) for t in filtered.kept] == [
        ("dev", ("round_trip:not_found",)),
        ("test", ("round_trip:not_found",)),
    ]
    assert [(r.triple.split, r.reason) for r in filtered.rejected] == [("train", "not_found")]


def test_the_other_filters_reject_test_rows_too() -> None:
    row = replace(make_triple(SKAGEN, "1) How tall is the lighthouse?"), split="test")
    assert apply_filters([row], ["lint"], context()).reasons == {"lint:numbering": 1}


def test_when_a_kept_twin_falls_later_the_next_one_is_promoted() -> None:
    # The same question and answer on two chunks; the better scored one falls at grounding, which only the other passes.
    rows = [make_triple(c, "How tall is it?", "46 metres", generator="extractive:pattern") for c in (BREAD, SKAGEN)]
    rows[0] = replace(rows[0], scores={"round_trip": 1.0})
    for arrival in (rows, rows[::-1]):
        filtered = apply_filters(arrival, ["exact_duplicates", "grounding"], context())
        assert [t.chunk_id for t in filtered.kept] == [SKAGEN.id]
        assert filtered.reasons == {"grounding:answer_not_found": 1}
        assert filtered.funnel == [
            {"stage": "exact_duplicates", "in": 2, "kept": 2, "rejected": {}},
            {"stage": "grounding", "in": 2, "kept": 1, "rejected": {"answer_not_found": 1}},
        ]


def test_a_row_that_comes_back_is_counted_with_the_others() -> None:
    # One place too few: the worst question of a chunk falls, and its copy elsewhere in the order does not bring it back.
    asked = ("How tall is it?", "When was it lit?", "What does it do?", "Who keeps the log?")
    rows = [make_triple(SKAGEN, query, "46 metres", scores={"round_trip": 1 - n / 10}) for n, query in enumerate(asked)]
    copy = replace(rows[3], id="copy", scores={"round_trip": 0.1})
    filtered = apply_filters(
        [*rows, copy], ["exact_duplicates", "balance"], context(), options={"balance": {"max_per_chunk": 3}}
    )
    assert [t.id for t in filtered.kept] == [row.id for row in rows[:3]]


def test_what_fell_to_a_row_that_fell_to_one_that_stays_does_not_come_back() -> None:
    asked: list[int] = []

    def seen(triples: Sequence[Triple], context: FilterContext) -> list[Verdict]:
        asked.append(len(triples))
        return [Verdict(triple) for triple in triples]

    globals()["seen"] = seen
    best = make_triple(SKAGEN, "How tall is the lighthouse at Skagen, please?", "46 metres", scores={"round_trip": 1.0})
    same = [make_triple(where, "How tall is the lighthouse at Skagen?", "46 metres") for where in (SKAGEN, BREAD, PORT)]
    filtered = apply_filters([best, *same], ["exact_duplicates", "duplicates", f"{__name__}:seen"], context())
    assert [t.id for t in filtered.kept] == [best.id]
    assert asked == [1]
    assert filtered.reasons == {"exact_duplicates:same_answer": 2, "duplicates:near_duplicate": 1}


def drops_a_verdict(triples: Sequence[Triple], context: FilterContext) -> list[Verdict]:
    return [Verdict(triple) for triple in triples][1:]


def is_polite(
    triples: Sequence[Triple], context: FilterContext, *, word: Annotated[str, Field(description="the magic one")] = "please"
) -> list[Verdict]:
    """Only queries with good manners."""
    return [Verdict(t, "" if word in t.query else "rude") for t in triples]


def test_a_filter_of_your_own_works_by_module_and_function(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "my_filters", sys.modules[__name__])
    rows = [make_triple(SKAGEN, "tower height please"), make_triple(SKAGEN, "tower height now")]
    filtered = apply_filters(rows, ["my_filters:is_polite"], context(), options={"my_filters:is_polite": {"word": "now"}})
    assert [t.query for t in filtered.kept] == ["tower height now"]
    with pytest.raises(ConfigError, match="'my_filters:drops_a_verdict' returned 1 verdicts for 2 triples"):
        apply_filters(rows, ["my_filters:drops_a_verdict"], context())


def _not_verdicts(triples: Sequence[Triple], context: FilterContext) -> Any:
    return [Verdict("text") for _ in triples]  # type: ignore[arg-type]


def _breaks(triples: Sequence[Triple], context: FilterContext) -> Any:
    raise KeyError("of its own")


FAULTY_FILTERS: dict[str, tuple[Any, str]] = {
    "none": (lambda triples, context: None, "returned NoneType"),
    "bools": (lambda triples, context: [True for _ in triples], "returned bool for the row"),
    "generator": (lambda triples, context: (Verdict(t) for t in triples), "returned generator"),
    "triples": (lambda triples, context: triples, "returned Triple for the row"),
    "text": (_not_verdicts, r"returned Verdict\(str\) for the row"),
    "no_function": (3, "has no readable signature"),
    "no_function_in_a_spec": (FilterSpec(3), "has no readable signature"),  # type: ignore[arg-type]
    "no_context": (lambda triples: [Verdict(t) for t in triples], "cannot be called with these arguments"),
    "breaks": (_breaks, r"failed in .*test_chain.py, line \d+ \(KeyError: 'of its own'\)"),
}


@pytest.mark.parametrize("name", FAULTY_FILTERS)
def test_a_faulty_filter_is_reported_in_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    faulty, fault = FAULTY_FILTERS[name]
    monkeypatch.setitem(sys.modules, "faulty_filters", SimpleNamespace(**{name: faulty}))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=rf"The filter 'faulty_filters:{name}' {fault}.*It must take \(triples, context\)"):
        apply_filters([GOOD], [f"faulty_filters:{name}"], context())


def test_wrong_names_and_options_are_told_before_anything_runs() -> None:
    with pytest.raises(UnknownNameError, match=r"no filter called 'lnt'. Did you mean 'lint'\?"):
        check_filters(["format", "lnt"])
    with pytest.raises(ConfigError, match=r"no option 'min_ratoi' of filter 'round_trip'. Did you mean 'min_ratio'\?"):
        check_filters(["round_trip"], {"round_trip": {"min_ratoi": 0.5}})
    with pytest.raises(ConfigError, match="min_ratio = 7 of filter 'round_trip' is not allowed"):
        check_filters(["round_trip"], {"round_trip": {"min_ratio": 7}})
    with pytest.raises(ConfigError, match=r"options for 'lnt', but no such filter. Did you mean 'lint'\?"):
        check_filters(["format"], {"lnt": {}})
    with pytest.raises(ConfigError, match="'lint' is in the order twice"):
        check_filters(["lint", "format", "lint"])


def test_options_come_from_the_signature() -> None:
    assert [option.name for option in describe_options(is_polite)] == ["word"]
    [word] = describe_options(is_polite)
    assert (word.type, word.default, word.description) == ("str", "'please'", "the magic one")
    assert validate_options(is_polite, {"word": "now"}) == {"word": "now"}
    for name in FILTERS:
        options = describe_options(filter_spec(name).function)
        assert all(option.description for option in options), f"an option of {name} has no meaning"


def test_each_filter_reports_once_what_it_kept() -> None:
    seen: list[Event] = []
    apply_filters([GOOD, GOOD], ["format", "exact_duplicates"], context(), on_event=seen.append)
    assert [(e.stage, e.done, e.total, e.message) for e in seen] == [
        ("filters", 1, 2, "format: 2 in, 2 kept"),
        ("filters", 2, 2, "exact_duplicates: 2 in, 1 kept"),
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(
                ["Skagen lighthouse lamp", "pilot harbour ships", "", "What is it?", "2) bread", "灯塔 守塔人", "loaf\x07"]
            ),
            st.sampled_from([None, "46 metres", "", "channel 16", "99"]),
            st.sampled_from(["train", "dev", "test"]),
            st.sampled_from(["extractive:pattern", "prompted"]),
        ),
        max_size=25,
    )
)
def test_counts_add_up_and_no_row_is_lost(rows: list[tuple[int, str, str | None, str, str]]) -> None:
    triples = [replace(make_triple(CHUNKS[c], q, a), split=s, generator=g) for c, q, a, s, g in rows]
    filtered = apply_filters(triples, ORDER, context())
    waiting = len(triples)
    for stage in filtered.funnel:
        assert stage["in"] == waiting
        assert stage["in"] == stage["kept"] + sum(stage["rejected"].values())
        waiting = stage["kept"]
    assert waiting == len(filtered.kept)
    assert sum(filtered.reasons.values()) == len(filtered.rejected)
    before = sorted((t.id, t.answer or "", t.split, t.generator) for t in triples)
    after = sorted(
        (t.id, t.answer or "", t.split, t.generator) for t in [*filtered.kept, *(r.triple for r in filtered.rejected)]
    )
    assert before == after
    again = apply_filters(triples[::-1], ORDER, context())
    assert sorted(t.id for t in again.kept) == sorted(t.id for t in filtered.kept), "arrival order must not matter"


# --- format


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("unknown_chunk", replace(GOOD, positives=("gone.md#0-5",))),
        ("unknown_chunk", replace(GOOD, positives=())),
        ("wrong_span", replace(GOOD, end=GOOD.end + 1)),
        ("wrong_span", replace(GOOD, chunk_sha256=BREAD.sha256)),
        ("wrong_span", replace(GOOD, masks=((0, GOOD.end + 9),))),
        ("wrong_span", replace(GOOD, quotes=((5, 5),))),
        ("not_encodable", replace(GOOD, query="How tall \ud83d?")),
        ("control_character", replace(GOOD, answer="46\x00 metres")),
        ("empty_query", replace(GOOD, query=" \n ")),
        ("multiline_query", replace(GOOD, query="How tall\u2028is it?")),
        ("query_too_short", replace(GOOD, query="?")),
        ("query_too_long", replace(GOOD, query="tall " * 300)),
        ("empty_answer", replace(GOOD, answer="  ")),
        ("answer_too_long", replace(GOOD, answer="46 " * 4_000)),
        ("answer_is_query", replace(GOOD, answer="how tall is the lighthouse at Skagen")),
    ],
)
def test_format_names_what_is_wrong(reason: str, row: Triple) -> None:
    assert judge("format", row).reason == reason


def test_format_keeps_answers_of_several_lines_and_any_script() -> None:
    assert judge("format", replace(GOOD, answer="46 metres,\n\tabout 151 feet")).reason == ""
    assert judge("format", make_triple(DAO, "灯塔", "岛的北端")).reason == ""
    assert judge("format", replace(GOOD, query="كم يبلغ ارتفاع المنارة؟", answer=None)).reason == ""


# --- lint


@pytest.mark.parametrize(
    "query",
    [
        "According to the passage, how tall is the lighthouse?",
        "What does the author say about ships?",
        "Based on the provided context, who kept the log?",
        "What is described in this section?",
        "Which lamp is mentioned above?",
        "Laut Text, wie hoch ist der Turm?",
        "Was wird in diesem Abschnitt beschrieben?",
        "Selon le texte, quelle est la hauteur du phare ?",
        "Según el texto, ¿cuánto mide el faro?",
        "Secondo il testo, quanto è alto il faro?",
        "De acordo com o texto, qual é a altura do farol?",
        "Volgens de tekst, hoe hoog is de toren?",
        "Согласно тексту, какой высоты маяк?",
        "根据上文，灯塔有多高？",
        "文中提到的守塔人是谁？",
        "根据这段文字内容，守塔人是谁？",
        "本文によると、灯台の高さは？",
        "この文章では何が述べられていますか",
        "본문에 따르면 등대의 높이는 얼마입니까?",
    ],
)
def test_a_query_that_points_at_its_passage_is_no_query(query: str) -> None:
    assert judge("lint", make_triple(BREAD, query)).reason == "passage_reference"


@pytest.mark.parametrize(
    "query",
    [
        "Who is the author of Hamlet?",
        "How do I share this document with my team?",
        "text editor for large files",
        "What does section 12 of the Companies Act say about directors?",
        "How do I quote a passage in Markdown?",
        "context window size",
        "Wie hoch ist der Turm im Text von Schiller?",
        "如何导出本文件夹？",
        "文中を検索する方法",
        "2023 budget figures for the harbour",
        "3.5 GHz or 5 GHz?",
        "-v prints nothing",
        "Sure Start centres in Leeds",
    ],
)
def test_innocent_queries_pass_lint(query: str) -> None:
    assert judge("lint", make_triple(BREAD, query)).reason == ""


@pytest.mark.parametrize(
    ("reason", "query"),
    [
        ("chatter", "Here are two questions about the passage on bread:"),
        ("chatter", "Sure! How tall is the lighthouse?"),
        ("chatter", "Question 2: how tall is the lighthouse?"),
        ("chatter", "以下是两个问题"),
        ("numbering", "2) How tall is the lighthouse?"),
        ("numbering", "- How tall is the lighthouse?"),
        ("numbering", "3、灯塔有多高？"),
        ("too_short", "灯"),
        ("too_long", "why " * 130),
        ("copied_run", "Why is it so that the lighthouse at Skagen was lit in 1858 and stands 46 metres tall?"),
        ("copied_run", "为什么四秒闪烁一次。守塔人每天晚上记录经过的船只，并在黎明前关灯"),
        ("shot_copied", "How long may sourdough bread be frozen??"),
    ],
)
def test_lint_names_what_is_wrong(reason: str, query: str) -> None:
    where = DAO if "守" in query else SKAGEN
    assert judge("lint", make_triple(where, query), context(shots=["How long may sourdough bread be frozen?"])).reason == reason


def test_a_run_of_seven_words_is_no_copy() -> None:
    query = "where is the lighthouse at Skagen was lit in Jutland"
    assert judge("lint", make_triple(SKAGEN, query)).reason == ""
    verdict = judge("lint", make_triple(SKAGEN, query), max_copied_words=7)
    assert (verdict.reason, verdict.threshold) == ("copied_run", 7)


def test_a_masked_sentence_is_not_copied_from_what_is_shown() -> None:
    sentence = "Its lamp turns once every 4 seconds."
    long = "The lighthouse at Skagen was lit in 1858 and stands 46 metres tall."
    assert judge("lint", make_triple(SKAGEN, long)).reason == "copied_run"
    assert judge("lint", make_triple(SKAGEN, long, masks=(span(SKAGEN, long),))).reason == ""
    assert judge("lint", make_triple(SKAGEN, long, masks=(span(SKAGEN, sentence),))).reason == "copied_run"


# --- exact duplicates


def kept(rows: Sequence[Triple], **options: Any) -> list[Triple]:
    return apply_filters(rows, ["exact_duplicates"], context(), options={"exact_duplicates": options}).kept


def test_the_same_question_and_answer_is_kept_once_across_the_corpus() -> None:
    rows = [make_triple(SKAGEN, "Which channel?", "Channel 16."), make_triple(PORT, "which channel", "channel 16")]
    assert kept(rows) == [min(rows, key=lambda t: t.id)]
    assert kept(rows[::-1]) == [min(rows, key=lambda t: t.id)]


def test_the_best_scored_twin_is_kept() -> None:
    rows = [make_triple(SKAGEN, "Which channel?", "16"), make_triple(PORT, "Which channel?", "16")]
    worse, better = sorted(rows, key=lambda t: t.id)
    scored = [replace(worse, scores={"judge": 0.2}), replace(better, scores={"judge": 0.9})]
    assert [t.id for t in kept(scored, prefer="judge")] == [better.id]


def test_digits_and_negations_make_another_question() -> None:
    rows = [make_triple(SKAGEN, q, "yes") for q in ("Is it lit in 1858?", "Is it lit in 1859?", "Is it not lit in 1858?")]
    assert kept(rows) == rows


def test_the_same_question_on_other_passages_is_an_ambiguity_not_a_duplicate() -> None:
    with_answers = [make_triple(SKAGEN, "How long?", "4 seconds"), make_triple(BREAD, "How long?", "twelve hours")]
    without = [make_triple(SKAGEN, "overview"), make_triple(BREAD, "Overview")]
    assert kept([*with_answers, *without]) == [*with_answers, *without]


def test_one_passage_does_not_answer_a_question_twice() -> None:
    rows = [make_triple(SKAGEN, "How tall is it?", answer) for answer in ("46 metres", "about 150 feet", None)]
    filtered = apply_filters(rows, ["exact_duplicates"], context())
    assert len(filtered.kept) == 1
    assert filtered.reasons == {"exact_duplicates:same_passage": 2}


# --- grounding


def test_an_extractive_answer_stands_in_the_chunk_and_its_place_is_stored() -> None:
    row = make_triple(SKAGEN, "How tall is it?", "46 metres", generator="extractive:pattern")
    verdict = judge("grounding", row)
    assert verdict.triple.quotes == (span(SKAGEN, "46 metres"),)
    assert judge("grounding", replace(row, answer="6 metres")).reason == "answer_not_found"
    assert judge("grounding", replace(row, answer="47 metres")).reason == "answer_not_found"


def test_a_masked_answer_is_not_there() -> None:
    row = make_triple(SKAGEN, "How tall?", "46 metres", generator="extractive:x", masks=(span(SKAGEN, "46 metres"),))
    assert judge("grounding", row).reason == "answer_not_found"


def test_the_generators_own_place_is_kept_when_it_holds_the_answer() -> None:
    where = chunk("twice.md", "Port 22 is open. Close port 22 at night.")
    second = (where.text.rindex("22"), where.text.rindex("22") + 2)
    row = make_triple(where, "Which port closes at night?", "22", generator="extractive:pattern", quotes=(second,))
    assert judge("grounding", row, context(where)).triple.quotes == (second,)
    moved = replace(row, quotes=((0, 4),))
    assert judge("grounding", moved, context(where)).triple.quotes == ((5, 7),)


@pytest.mark.parametrize(
    ("quote", "stands_for"),
    [
        ("Its lamp turns once every 4 seconds.", "Its lamp turns once every 4 seconds."),
        ('the  keeper "anna holm"\nlogged each', "The keeper “Anna Holm” logged each"),
        (
            "The keeper “Anna Holm” logs each passing ship in a green book.",
            "The keeper “Anna Holm” logged each passing ship in a green book.",
        ),
    ],
)
def test_a_quote_is_found_exactly_then_normalised_then_nearly(quote: str, stands_for: str) -> None:
    row = make_triple(SKAGEN, "Who logged the ships?", "Anna Holm", metadata={"quote": quote})
    verdict = judge("grounding", row)
    assert verdict.reason == ""
    [(start, end)] = verdict.triple.quotes
    assert LIGHTHOUSE[start:end] == stands_for
    assert verdict.triple.scores["grounding"] >= 0.9


@pytest.mark.parametrize(
    "quote",
    [
        "The lighthouse was painted red after the war.",
        "Its lamp turns once every 5 seconds.",
        ["Its lamp turns once every 4 seconds.", "It was painted red after the war."],
    ],
)
def test_a_quote_that_is_not_there_rejects_the_row(quote: Any) -> None:
    row = make_triple(SKAGEN, "How fast does it turn?", "quickly", metadata={"quote": quote})
    assert judge("grounding", row).reason == "quote_not_found"


def test_a_written_answer_may_use_other_words_but_no_other_numbers() -> None:
    assert judge("grounding", replace(GOOD, answer="Forty-six metres, so rather tall.")).reason == ""
    assert judge("grounding", replace(GOOD, answer="It is 46 metres tall.")).reason == ""
    assert judge("grounding", replace(GOOD, answer="It is 64 metres tall.")).reason == "number_not_found"
    assert judge("grounding", replace(GOOD, answer="1. Climb it.\n2. Look out.")).reason == ""
    with_heading = replace(SKAGEN, headings=("Version 7",))
    where = FilterContext({SKAGEN.id: with_heading})
    assert judge("grounding", replace(GOOD, answer="In version 7 it is 46 metres."), where).reason == ""
    assert judge("grounding", replace(GOOD, answer="64"), check_numbers=False).reason == ""


def test_numbers_agree_across_separators_and_digits() -> None:
    where = chunk("n.md", "The tank holds 10,000 litres and costs ٤٦ euros.")
    assert judge("grounding", make_triple(where, "How much?", "10000 litres for 46 euros"), context(where)).reason == ""


def test_grounding_works_without_spaces() -> None:
    row = make_triple(DAO, "灯塔在哪里？", "岛的北端", generator="extractive:pattern")
    assert judge("grounding", row).triple.quotes == (span(DAO, "岛的北端"),)


# --- round trip


def test_the_round_trip_stores_score_rank_and_rival() -> None:
    verdict = judge("round_trip", make_triple(SKAGEN, "lighthouse lamp at Skagen"))
    assert verdict.reason == ""
    scores = verdict.triple.scores
    assert (scores["round_trip"], scores["round_trip_rank"]) == (1.0, 1)
    assert scores["round_trip_rival"] in {BREAD.id, PORT.id, DAO.id}
    lost = judge("round_trip", make_triple(SKAGEN, "pilot channel harbour lighthouse"), min_ratio=0.7)
    assert (lost.reason, lost.threshold) == ("not_found", 0.7)
    assert lost.score is not None
    assert 0 <= lost.score < 0.7
    assert lost.triple.scores["round_trip_rival"] == PORT.id
    assert lost.triple.scores["round_trip_rank"] == 2


def test_no_score_at_all_is_undecided_and_kept() -> None:
    verdict = judge("round_trip", make_triple(SKAGEN, "zzz qqq"))
    assert verdict.reason == ""
    assert verdict.triple.flags == ("round_trip:undecided",)
    assert verdict.triple.scores["round_trip"] is None


def test_copies_of_the_source_are_no_rivals() -> None:
    query = "lighthouse lamp at Skagen keeper"
    stub = chunk("stub.md", "Skagen lighthouse, see there. " + "Nothing else is said about anything here at all. " * 8)
    copy = chunk("copy.md", LIGHTHOUSE + " It has 3 floors.")
    overlap = chunk("stub.md", "lighthouse lamp Skagen keeper lighthouse lamp Skagen keeper", at=10)
    elsewhere = replace(chunk("pier.md", "lamp keeper Skagen lighthouse lamp keeper"), sha256=stub.sha256)
    row = make_triple(stub, query)
    assert judge("round_trip", row, context(stub), min_ratio=0.7).reason == "not_found"
    for same in (overlap, elsewhere):
        assert judge("round_trip", row, context(stub, same), min_ratio=0.7).reason == ""
    near = judge("round_trip", GOOD, context(copy))
    assert near.triple.scores["round_trip_rival"] != copy.id
    assert near.triple.scores["round_trip"] == 1.0


def test_a_masked_sentence_is_scored_on_what_is_left_and_kept() -> None:
    sentence = "Its lamp turns once every 4 seconds."
    rival = chunk("lamps.md", "A lamp that turns once every second is a beacon; the lamp of a beacon turns in oil.")
    trivial = judge("round_trip", make_triple(SKAGEN, sentence), context(rival))
    assert trivial.triple.scores["round_trip"] == 1.0
    assert "round_trip_hidden" not in trivial.triple.scores
    masked = make_triple(SKAGEN, sentence, masks=(span(SKAGEN, sentence),))
    verdict = judge("round_trip", masked, context(rival))
    assert verdict.reason == ""
    assert verdict.triple.flags == ()
    assert verdict.triple.scores["round_trip"] < 0.7
    assert verdict.triple.scores["round_trip_hidden"] is True
    assert judge("round_trip", masked, context(rival), hidden="judge").reason == "not_found"


def test_what_repeats_itself_is_found_without_the_masked_sentence() -> None:
    sentence = "The keeper of the lighthouse at Skagen logged ships."
    where = chunk("s.md", f"{sentence} Ships passed the keeper of Skagen lighthouse every hour.")
    row = make_triple(where, sentence, masks=(span(where, sentence),))
    assert judge("round_trip", row, context(where), hidden="judge").reason == ""


def test_a_query_that_is_the_heading_is_scored_without_the_heading() -> None:
    headed = chunk("pilots.md", "Ring the bell and wait for the boat.", headings=("Harbour pilot",))
    title = make_triple(headed, "Harbour pilot")
    assert judge("round_trip", title, context(headed), hidden="judge").reason == "not_found"
    assert judge("round_trip", title, context(headed)).reason == ""
    asked = make_triple(headed, "Which bell calls the harbour pilot boat?")
    assert "round_trip_hidden" not in judge("round_trip", asked, context(headed)).triple.scores


def test_the_round_trip_says_when_it_has_nothing_to_search_with() -> None:
    with pytest.raises(ConfigError, match="no retriever"):
        judge("round_trip", GOOD, FilterContext({SKAGEN.id: SKAGEN}))


# --- lint: queries that no search could answer, and text that is none


@pytest.mark.parametrize(
    ("reason", "query"),
    [
        ("malformed", "�� tall is the lighthouse?"),
        ("malformed", '{"query": "How tall is the lighthouse?"}'),
        ("malformed", 'How tall is the lighthouse?", "answer": "46 metres"'),
        ("malformed", "<question>How tall is the lighthouse?</question>"),
        ("malformed", "**How tall is the lighthouse?**"),
        ("malformed", "How tall is Anna&quot;s lighthouse?"),
        ("malformed", "How tall is the the the lighthouse?"),
        ("malformed", "How taaaaaall is the lighthouse?"),
        ("malformed", "灯塔塔塔塔塔塔有多高"),
        ("malformed", "a ?!? -- ... //"),
        ("malformed", "What is the height in undefined"),
        ("generic", "What is the main topic?"),
        ("generic", "What are the key points discussed?"),
        ("generic", "What is being described?"),
        ("generic", "Can you summarize this?"),
        ("generic", "Was ist das Hauptthema?"),
        ("generic", "Worum geht es?"),
        ("generic", "Quel est le sujet principal ?"),
        ("generic", "¿De qué se trata?"),
        ("generic", "¿Cuál es la idea principal?"),
        ("generic", "Qual è il tema principale?"),
        ("generic", "Qual é o tema principal?"),
        ("generic", "Wat is het hoofdonderwerp?"),
        ("generic", "Какова основная тема?"),
        ("generic", "主要内容是什么？"),
        ("generic", "テーマは何ですか？"),
        ("generic", "주제는 무엇인가요?"),
        ("double_question", "How tall is the lighthouse? Who kept the log?"),
        ("double_question", "How tall is the tower at Skagen, and who is its keeper?"),
        ("double_question", "Wie hoch ist der Turm von Skagen und wer hat das Buch geführt?"),
        ("double_question", "¿Cuánto mide el faro de Skagen y quién es su guardián?"),
        ("double_question", "Quelle est la hauteur du phare et qui est le gardien ?"),
        ("double_question", "Какой высоты маяк в Скагене и кто вёл журнал?"),
        ("double_question", "灯塔有多高？守塔人做什么？"),
        ("needs_passage", "What did he do after this?"),
        ("needs_passage", "When did they arrive?"),
        ("needs_passage", "Which ships were logged after that?"),
        ("needs_passage", "Why was this done?"),
        ("needs_passage", "Wann wurde er gewählt?"),
        ("needs_passage", "Quand est-il mort ?"),
        ("needs_passage", "¿Qué pasó después de esto?"),
        ("needs_passage", "Cosa successe dopo questo?"),
        ("needs_passage", "O que aconteceu depois disso?"),
        ("needs_passage", "Wanneer kwam hij aan?"),
        ("needs_passage", "Когда он умер?"),
        ("needs_passage", "他是什么时候去世的？"),
        ("needs_passage", "彼はいつ亡くなりましたか？"),
        ("needs_passage", "그는 언제 죽었습니까?"),
    ],
)
def test_lint_names_what_no_search_could_answer(reason: str, query: str) -> None:
    assert judge("lint", replace(make_triple(BREAD, "?"), query=query)).reason == reason


@pytest.mark.parametrize(
    "query",
    [
        "Who wrote 'Are You Being Served?' and when?",
        "In what year was “Who's Afraid of Virginia Woolf?” filmed in Skagen?",
        "Where and when did the keeper log ships?",
        "What and where is Skagen?",
        "When did Anna Holm say that she was the keeper?",
        "Who did the keeper say he was?",
        "What does it mean to bake a loaf?",
        "How do these yeasts and those moulds differ in bread dough from beer?",
        "What is the main topic of Hamlet?",
        "What is the purpose of a pilot?",
        "What is described by Newton's second law?",
        "New York, New York lyrics",
        "c++ a += b",
        "C# null coalescing",
        "Wann wurde dieses Jahr der Hafen gebaut?",
        "¿Y quién es Anna Holm?",
        "他人的船如何进港？",
        "Sie suchen Brot",
    ],
)
def test_self_contained_queries_pass_lint(query: str) -> None:
    assert judge("lint", make_triple(BREAD, query)).reason == ""


def test_what_the_passage_shows_is_not_left_over() -> None:
    where = chunk("html.md", "Use <br> for a line break and &amp; for &. The song Bye bye bye has ```fences``` and x //!!??.")
    for query in ("How does <br> work?", "What is &amp; for?", "Who sings bye bye bye?", "x //!!??"):
        assert judge("lint", replace(make_triple(where, "?"), query=query), context(where)).reason == ""
        assert judge("lint", replace(make_triple(BREAD, "?"), query=query), context(where)).reason == "malformed"


def test_a_run_of_thai_letters_is_copied_by_its_words_not_its_letters() -> None:
    where = chunk("th.md", "ประภาคารสกาเกนสร้างขึ้นในปีหนึ่งพันแปดร้อยห้าสิบแปดและสูงสี่สิบหกเมตร")
    assert judge("lint", make_triple(where, "ประภาคารสกาเกนสร้างขึ้นเมื่อไร"), context(where)).reason == ""
    assert judge("lint", make_triple(where, where.text), context(where)).reason == "copied_run"


# --- grounding: the names of an answer


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("name_not_found", "It was kept by Tobias Lund."),
        ("name_not_found", "Napoleon"),
        ("name_not_found", "in March 1858"),
        ("number_not_found", "on 12 March 1858"),
        ("", "Anna Holm kept it."),
        ("", "Anna Holm kept it From 1858."),
        ("", "The log was kept by Holm, Anna."),
        ("", "It turns once every 4 seconds in Skagen."),
        ("", "Every four seconds, says anna holm."),
        ("", "Because the keeper of the Skagen Lighthouse logged ships."),
    ],
)
def test_names_and_dates_of_an_answer_stand_in_the_passage(reason: str, answer: str) -> None:
    assert judge("grounding", make_triple(SKAGEN, "Who kept the log?", answer)).reason == reason


def test_an_answer_may_repeat_the_names_of_its_query() -> None:
    asked = make_triple(SKAGEN, "What did Miss Holm log for the Danish Navy?", "The Danish Navy got ships logged.")
    assert judge("grounding", asked).reason == ""
    assert judge("grounding", replace(asked, answer="The Polish Navy got ships logged.")).reason == "name_not_found"
    assert judge("grounding", replace(asked, answer="The Polish Navy got ships logged."), check_names=False).reason == ""


def test_a_digit_in_the_answer_may_be_a_word_in_the_passage() -> None:
    assert judge("grounding", make_triple(BREAD, "How long does it rise?", "12 hours")).reason == ""
    assert judge("grounding", make_triple(BREAD, "How long does it rise?", "11 hours")).reason == "number_not_found"


def test_a_masked_name_is_not_shown() -> None:
    row = make_triple(SKAGEN, "Who kept the log?", "It was Anna Holm.", masks=(span(SKAGEN, "Anna Holm"),))
    assert judge("grounding", row).reason == "name_not_found"
    assert judge("grounding", replace(row, masks=())).reason == ""


def test_german_nouns_are_no_names() -> None:
    where = chunk("turm.md", "Der Turm wurde von den Fischern gebaut und ist nicht hoch. Er ist aus Stein.")
    row = make_triple(where, "Wer baute den Turm?", "Das waren die Leute vom Hafen.")
    assert judge("grounding", row, context(where)).reason == ""


def test_names_in_text_without_capitals_are_the_latin_words() -> None:
    where = chunk("zh/gps.md", "灯塔使用Fresnel透镜和GPS定位。")
    row = make_triple(where, "灯塔使用什么？", "Fresnel透镜和GPS")
    assert judge("grounding", row, context(where)).reason == ""
    assert judge("grounding", replace(row, answer="使用Bessel透镜"), context(where)).reason == "name_not_found"

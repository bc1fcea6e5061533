"""What is the same question in other words, what only looks like it, and which row stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.errors import ConfigError
from synthgen.filters.chain import apply_filters
from synthgen.filters.common.question_identity import answers_agree, never_same, read
from synthgen.filters.context import FilterContext
from synthgen.filters.duplicates import duplicates
from synthgen.filters.exact_duplicates import exact_duplicates
from synthgen.records import Chunk, Triple, Verdict, digest, make_triple
from synthgen.retrieval import Retriever

NAME = "synthgen.filters.duplicates:duplicates"
HARBOUR = (
    "The pilots of Lindholm guide ships into the harbour since 1911. A pilot boards every ship over 90 metres. In winter the "
    "pilots cross the ice on foot, and the boat follows when the channel is broken. The oldest pilot, Marta Quist, retired in 1974."
)
COPY = HARBOUR + " This page was printed."
BAKERY = "Sourdough rises for twelve hours at room temperature. Bake the loaf at 230 degrees until the crust is dark."
ISLAND = "灯塔位于岛的北端，每四秒闪烁一次。守塔人每天晚上记录经过的船只，并在黎明前关灯。灯塔建于1998年。"


def chunk(name: str, text: str, **columns: Any) -> Chunk:
    return Chunk(f"{name}#0-{len(text)}", name, 0, len(text), text, digest(text), group=name, **{"language": "en"} | columns)


PORT, PRINT, BREAD = chunk("port.md", HARBOUR), chunk("print.md", COPY), chunk("bread.md", BAKERY)
DAO = chunk("dao.md", ISLAND, language="zh")
CHUNKS = [PORT, PRINT, BREAD, DAO]
CONTEXT = FilterContext({c.id: c for c in CHUNKS})


def verdicts(rows: Sequence[Triple], **options: Any) -> list[Verdict]:
    return duplicates(rows, options.pop("context", CONTEXT), **options)


def falls(
    query: str, other: str, answer: str | None = "46", where: Chunk = PORT, there: Chunk | None = None, **options: Any
) -> bool:
    """Whether the second of two rows with one answer falls."""
    rows = [make_triple(where, query, answer, scores={"round_trip": 1.0}), make_triple(there or where, other, answer)]
    first, second = verdicts(rows, **options)
    assert not first.reason, "the better row stays, whatever happens to the other"
    assert second.survivor == (rows[0].id if second.reason else "")
    return bool(second.reason)


# --- the same question


@pytest.mark.parametrize(
    ("query", "edit"),
    [
        ("When did Marta Quist leave the pilots?", "when did marta quist leave the pilots"),
        ("When did Marta Quist leave the pilots?", "WHEN DID MARTA QUIST LEAVE THE PILOTS?!"),
        ("When did Marta Quist leave the pilots?", "When exactly did Marta Quist leave the pilots, please?"),
        ("When did Marta Quist leave the pilots?", "When did Marta Quist leave pilots?"),
        ("Which ship needs a pilot?", "What ship needs a pilot?"),
        ("What is the length of the ship?", "What's the length of the ship?"),
        ("Who did not cross the ice?", "Who didn't cross the ice?"),
        ("In 1998, who won the regatta of Lindholm?", "Who won the regatta of Lindholm in 1998?"),
        ("Who in 1998 won the regatta?", "Who won the regatta in 1998?"),
        ("Who guides the ship into the harbour?", "Who guides the ships into the harbour?"),
        ("Who guides ships into the harbour?", "Who guides ships into the harbuor?"),
        ("Who guides ships into the harbour?", "Who guids ships into the harbour?"),
        ("Which channel is broken first in winter?", "Whcih channel is broken first in winter?"),
    ],
)
def test_an_edit_that_changes_nothing_makes_a_duplicate(query: str, edit: str) -> None:
    assert falls(query, edit)
    assert falls(edit, query)


@pytest.mark.parametrize(
    ("query", "other"),
    [
        ("Who won the regatta in 1998?", "Who won the regatta in 1997?"),
        ("Who won two of the regattas?", "Who won three of the regattas?"),
        ("Which pilots did cross the ice?", "Which pilots did not cross the ice?"),
        ("Which pilots crossed the ice?", "Which pilots never crossed the ice?"),
        ("When did Marta Quist retire?", "When did Marta Holm retire?"),
        ("When did Marta Quist retire?", "Why did Marta Quist retire?"),
        ("Where did the pilots go?", "When did the pilots go?"),
        ("Who guides the ships before the ice breaks?", "Who guides the ships after the ice breaks?"),
        ("What is the main duty of a pilot?", "What is the secondary duty of a pilot?"),
        ("Did Norway defeat Denmark at sea?", "Did Denmark defeat Norway at sea?"),
        ("How far is it from Lindholm to Oslo?", "How far is it from Oslo to Lindholm?"),
        ("What is the tallest mast of the fleet?", "What was the tallest mast of the fleet?"),
        ("Who is the oldest pilot?", "Who is the boldest pilot?"),
        ("How is ice broken in the channel?", "How is ice broken in the chapel?"),
        ("Which vitamin C dose is safe?", "Which vitamin D dose is safe?"),
        ("What does the C++ compiler print?", "What does the C compiler print?"),
        ("Who lost World War I?", "Who lost World War?"),
        ("When did Marta Quist retire?", "When did Marta Quest retire?"),
        ("When did the Browns win?", "When did the Brown win?"),
        ("Who did Oslo beat?", "Who did beat Oslo?"),
        ("What did North American pilots say that pilots do?", "What did pilots say that North American pilots do?"),
    ],
)
def test_a_minimal_pair_is_kept_whatever_the_answers_say(query: str, other: str) -> None:
    assert not falls(query, other)
    assert not falls(other, query)
    assert not falls(query, other, min_similarity=0)


def test_a_word_of_the_corpus_is_no_slip_of_another() -> None:
    assert falls("Which country has pilots?", "Which countyr has pilots?")
    assert falls("Which country has pilots?", "Which county has pilots?")
    known = FilterContext({c.id: c for c in [*CHUNKS, chunk("norfolk.md", "A county is a part of a country.")]})
    assert not falls("Which country has pilots?", "Which county has pilots?", context=known)


def test_scripts_without_spaces_have_edits_and_minimal_pairs_too() -> None:
    query = "1998年谁建造了北端的灯塔？"
    for edit in ("1998年谁建造了北端的灯塔", "请问1998年谁建造了北端灯塔？", "谁建造了北端的灯塔1998年"):
        assert falls(query, edit, "守塔人", DAO), edit
    for other in (
        "1997年谁建造了北端的灯塔？",
        "9819年谁建造了北端的灯塔？",
        "1998年谁没建造北端的灯塔？",
        "1998年谁建造了南端的灯塔？",
        "1998年谁建造了北端的码头？",
    ):
        assert not falls(query, other, "守塔人", DAO), other


def test_words_that_may_differ_are_those_of_the_chunks_language() -> None:
    german = chunk("hafen.md", "Der Hafen.", language="de")
    context = FilterContext(CONTEXT.chunks | {german.id: german})
    assert falls("Wer führt das Schiff in den Hafen?", "Wer führt ein Schiff in den Hafen bitte", where=german, context=context)
    assert not falls(
        "Wer führt das Schiff in den Hafen?", "Wer führt das Schiff a in den Hafen?", where=german, context=context
    )


# --- answers and passages


@pytest.mark.parametrize(
    ("left", "right", "agree"),
    [
        ("Marta Quist", "marta quist.", True),
        ("the pilots of Lindholm harbour", "pilots of Lindholm harbour", True),
        ("the pilots", "the boat", False),
        ("25 men of the pilots of Lindholm", "26 men of the pilots of Lindholm", False),
        ("it is allowed at night in winter", "it is not allowed at night in winter", False),
        ("守塔人每天记录船只", "守塔人每天都记录船只", True),
        (None, "", False),
        (None, None, True),
    ],
)
def test_answers_agree_in_nearly_all_words_and_in_every_number(left: str | None, right: str | None, agree: bool) -> None:
    assert answers_agree(left, right) is agree


def test_the_same_question_with_another_answer_is_kept() -> None:
    rows = [
        make_triple(PORT, "Who crosses the ice?", "the pilots"),
        make_triple(PORT, "who crosses the ice", "ships over 90 metres"),
    ]
    assert [v.reason for v in verdicts(rows)] == ["", ""]


def test_a_duplicate_is_found_in_another_document() -> None:
    assert falls("Who crosses the ice?", "Who exactly crosses the ice?", "the pilots", PORT, BREAD)


def test_without_answers_the_passage_must_be_the_same_and_the_words_nearly_equal() -> None:
    query, edit, slip = "Who crosses the ice in winter?", "who crosses ice in winter", "Who crosses the ice in witner?"
    assert falls(query, edit, None)
    assert falls(query, edit, None, PORT, PRINT), "a copy of the passage"
    assert not falls(query, edit, None, PORT, BREAD)
    assert not falls(query, slip, None)
    assert falls(query, slip, "pilots")
    assert not falls(query, slip, "pilots", min_similarity=0.95)


# --- who stays


def test_the_best_row_stays_and_is_named_with_similarity_and_threshold() -> None:
    rows = [
        make_triple(PORT, query, "the pilots", scores={"round_trip": score})
        for query, score in (("who crosses the ice", 0.8), ("Who crosses the ice?", 0.9), ("Who crosses ice?", 0.7))
    ]
    found = verdicts(rows)
    assert [(v.reason, v.survivor) for v in found] == [("near_duplicate", rows[1].id), ("", ""), ("near_duplicate", rows[1].id)]
    assert (found[0].score, found[0].threshold) == (1.0, 0.5)
    assert [v.triple.id for v in verdicts(rows[::-1])] == [v.triple.id for v in found[::-1]]
    assert [v.survivor for v in verdicts(rows[::-1])] == [v.survivor for v in found[::-1]]


def test_a_reviewed_row_is_the_one_that_stays() -> None:
    best = make_triple(PORT, "who crosses the ice", "the pilots", scores={"round_trip": 1.0})
    read = replace(make_triple(PORT, "Who crosses the ice?", "the pilots"), reviewed=True)
    assert [v.reason for v in verdicts([best, read])] == ["near_duplicate", ""]


def test_exact_duplicates_prefer_reviewed_rows_and_take_over_copies_too() -> None:
    best = make_triple(PORT, "Who crosses the ice?", "the pilots", scores={"round_trip": 1.0})
    read = replace(make_triple(PRINT, "who crosses the ice", "The pilots"), reviewed=True)
    first, second = exact_duplicates([best, read], CONTEXT)
    assert (first.reason, first.survivor, second.reason) == ("same_answer", read.id, "")
    assert second.triple.positives == (PRINT.id, PORT.id)


def test_small_differences_do_not_make_a_chain() -> None:
    """The second answer is like the first and like the third, but these two are not alike: only the second row falls."""
    answers = (
        "the boat with tall masts at the old stone quay",
        "the boat with tall masts at the new brick quay",
        "the ship with short masts at the new brick quay",
    )
    assert answers_agree(answers[0], answers[1])
    assert answers_agree(answers[1], answers[2])
    rows = [
        make_triple(PORT, query, answer, scores={"round_trip": score})
        for query, answer, score in zip(("What moors?", "what moors", "what moors?!"), answers, (0.9, 0.8, 0.7), strict=True)
    ]
    assert [v.survivor for v in verdicts(rows)] == ["", rows[0].id, ""]


def test_the_row_that_stays_takes_over_the_copies_of_its_passage() -> None:
    rows = [
        make_triple(c, q, "the pilots")
        for c, q in ((PORT, "Who crosses ice?"), (PRINT, "Who crosses the ice?"), (BREAD, "who crosses ice"))
    ]
    rows[0] = replace(rows[0], scores={"round_trip": 1.0})
    assert verdicts(rows)[0].triple.positives == (PORT.id, PRINT.id)
    elsewhere = FilterContext({c.id: c for c in (PORT, replace(PRINT, split="test"), BREAD)})
    assert verdicts(rows, context=elsewhere)[0].triple.positives == (PORT.id,), (
        "text of a test document is no positive of train"
    )


def test_the_filter_works_in_the_sieve() -> None:
    rows = [make_triple(PORT, "Who crosses the ice?", "the pilots"), make_triple(PORT, "who crosses the ice", "the pilots")]
    filtered = apply_filters(rows, [NAME], CONTEXT)
    assert filtered.reasons == {f"{NAME}:near_duplicate": 1}
    assert len(filtered.kept) == 1


# --- semantic


class Vectors:
    """An encoder that knows four queries: the first three nearly alike, the last far away."""

    KNOWN = (
        "Who walks over the frozen water?",
        "Who crosses the ice?",
        "Who does not cross the ice?",
        "How is bread baked?",
    )

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        angles = dict(zip(self.KNOWN, (0.0, 0.1, 0.05, 1.5), strict=True))
        return np.array([[np.cos(angles[t]), np.sin(angles[t])] for t in texts], dtype=np.float32)

    def dense(self) -> Retriever:
        raise AssertionError("duplicates asks for vectors only")

    def cross_fitted(self, triples: Sequence[Triple], **options: Any) -> Iterator[tuple[Sequence[int], Retriever]]:
        raise AssertionError("duplicates asks for vectors only")

    def rerank(self, pairs: Sequence[tuple[str, str]], *, model: str) -> list[float]:
        raise AssertionError("duplicates asks for vectors only")

    def digest(self, **columns: Any) -> str:
        raise AssertionError("duplicates asks for vectors only")


WITH_VECTORS = replace(CONTEXT, encoders=Vectors())


def paraphrases(there: Chunk = PORT) -> list[Triple]:
    rows = [make_triple(PORT, Vectors.KNOWN[0], "the pilots", scores={"round_trip": 1.0})]
    return [*rows, *(make_triple(there, query, "the pilots") for query in Vectors.KNOWN[1:])]


def test_paraphrases_fall_by_their_vectors_but_never_across_a_negation() -> None:
    rows = paraphrases()
    found = verdicts(rows, context=WITH_VECTORS, semantic=0.99)
    assert [v.reason for v in found] == ["", "semantic_duplicate", "", ""]
    assert (found[1].survivor, found[1].threshold) == (rows[0].id, 0.99)
    assert found[1].score == pytest.approx(np.cos(0.1), abs=1e-6)


@pytest.mark.parametrize(
    ("left", "right", "never"),
    [
        ("Who crosses the ice?", "Who walks over frozen water?", False),
        ("Which pilot crosses the ice?", "What pilot walks on ice?", False),
        ("Who crosses the ice?", "Why is the ice crossed?", True),
        ("Who crosses in 1974?", "Who crosses in 1911?", True),
        ("Who crosses with Marta?", "Who crosses with a colleague?", True),
        ("Who crosses the ice?", "Who does not cross the ice?", True),
        ("谁修建了灯塔？", "谁没有修建灯塔？", True),
        ("谁修建了灯塔？", "灯塔是谁建造的？", False),
        ("谁修建了灯塔？", "何时修建了灯塔？", True),
    ],
)
def test_no_cosine_makes_one_of_two_numbers_names_negations_or_question_words(left: str, right: str, never: bool) -> None:
    language = "en" if left.isascii() else "zh"
    assert never_same(read(left, language), read(right, language)) is never


def test_across_passages_a_paraphrase_must_be_nearer() -> None:
    close = paraphrases(BREAD)
    assert [v.reason for v in verdicts(close, context=WITH_VECTORS, semantic=0.99)] == ["", "", "", ""]
    assert verdicts(close, context=WITH_VECTORS, semantic=0.97)[1].threshold == 0.99


def test_a_row_that_comes_back_is_compared_by_vectors_too() -> None:
    """The best row falls later. The one that fell to it comes back, and another that shares no word with it falls to that."""

    class Paraphrases(Vectors):
        KNOWN = (
            "Sure, who walks over frozen water?",
            "Who crosses the ice?",
            "Who goes on foot in winter?",
            "How is bread baked?",
        )

    first, last, middle = (make_triple(PORT, query, "the pilots") for query in Paraphrases.KNOWN[:3])
    rows = [replace(row, scores={"round_trip": score}) for row, score in ((first, 1.0), (middle, 0.9), (last, 0.8))]
    where = replace(CONTEXT, encoders=Paraphrases())
    filtered = apply_filters(rows, ["duplicates", "lint"], where, options={"duplicates": {"semantic": np.cos(0.07)}})
    assert [row.query for row in filtered.kept] == [middle.query]
    assert filtered.reasons == {"duplicates:semantic_duplicate": 1, "lint:chatter": 1}


def test_vectors_are_asked_for_only_when_they_are_there() -> None:
    assert verdicts(paraphrases())[1].reason == ""
    with pytest.raises(ConfigError, match=r"semantic = 0\.95 compares vectors, but the filter has no encoder"):
        verdicts(paraphrases(), semantic=0.95)


# --- size


def test_thousands_of_rows_of_one_template_take_no_square_of_the_time() -> None:
    rows = [make_triple(PORT, f"What is the purpose of the quay number {n}?", f"answer {n}") for n in range(3_000)]
    rows += [
        make_triple(PORT, f"What is the xxyyq{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{n % 7} of it?", "one")
        for n in range(2_000)
    ]
    assert sum(bool(v.reason) for v in verdicts(rows)) < 2_000


def test_a_masked_sentence_of_a_copy_is_a_row_of_its_own() -> None:
    sentence = "A pilot boards every ship over 90 metres."
    at = HARBOUR.index(sentence)
    masks = ((at, at + len(sentence)),)
    rows = [replace(make_triple(where, sentence), masks=masks) for where in (PORT, PRINT)]
    assert [v.reason for v in verdicts(rows)] == ["", ""]
    shown = [make_triple(where, "pilot for every ship over 90 metres") for where in (PORT, PRINT)]
    assert sorted(v.reason for v in verdicts(shown)) == ["", "near_duplicate"]
    again = [rows[0], replace(rows[0], id="again", query=sentence.lower())]
    assert sorted(v.reason for v in verdicts(again)) == ["", "near_duplicate"]

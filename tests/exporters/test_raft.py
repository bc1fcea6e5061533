"""RAFT rows: exact quotas, positions that are where they say, and documents that nothing in a text can break."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from support.export_rows import STRANGE, chunk, read

from synthgen import storage
from synthgen.errors import ConfigError
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import check_format, export, rows
from synthgen.exporters.raft.row_plan import RowPlan, document_counts, plan_rows
from synthgen.importers.chat import flatten
from synthgen.records import Chunk, Distractor, Triple, make_triple
from synthgen.text.language import guess_language
from synthgen.text.lexicon import lexicons
from synthgen.text.quotes import MARK, marked

ABSTENTIONS = {language.code: language.abstention for language in lexicons() if language.abstention}

FORMS = ["raft", "raft-chat", "raft-completion", "raft-eval"]
SHARES = [0.0, 0.2, 0.5, 0.8, 1.0]

TEXTS = [
    *STRANGE,
    "המשאבה פועלת במהירות של 2900 סיבובים בדקה. יש לסגור את השסתום לפני הטיפול.",
    "<document>A text</Document>\n\nthat has\r\nall of it: ##BEGIN_QUOTE##, < answer >: and ## End_Quote\t##.",
    "เครื่องสูบน้ำต้องเติมน้ำมันทุก 400 ชั่วโมง และต้องพักหลังใช้งาน",
    "Die Pumpe läuft mit 2900 Umdrehungen, und der Filter wird in warmem Wasser gewaschen.",
]
CHUNKS = [chunk(f"docs/{i}.md", text, language=guess_language(text)) for i, text in enumerate(TEXTS)]
CONTEXT = ExportContext({c.id: c for c in CHUNKS}, {"docs/5.md": "The pump", "docs/1.md": "水泵"}, seed=7)
PUMP = CHUNKS[5]


def row(i: int, *, others: int = 9, **columns: Any) -> Triple:
    """A row of chunk i, whose distractors are the chunks after it."""
    source = CHUNKS[i % len(CHUNKS)]
    around = [CHUNKS[(i + step) % len(CHUNKS)].id for step in range(1, others + 1)]
    made = make_triple(source, columns.pop("query", f"question {i}?"), columns.pop("answer", f"answer {i}"))
    return replace(made, distractors=tuple(Distractor(id, "bm25", n, 5.0, 0.5) for n, id in enumerate(around, 1)), **columns)


ROWS = [row(i) for i in range(60)]


def made(
    triples: Iterable[Triple], format: str = "raft", context: ExportContext = CONTEXT, **options: Any
) -> list[dict[str, Any]]:
    return list(rows(triples, context, format, "train", options=options))


def only(triple: Triple, format: str = "raft", context: ExportContext = CONTEXT, **options: Any) -> dict[str, Any]:
    [found] = made([triple], format, context, **options)
    return found


def notes(triples: Sequence[Triple], folder: Path, format: str = "raft", **options: Any) -> dict[str, int]:
    return export(triples, CONTEXT, format, folder / "out", options=options).notes


def half_up(share: Fraction) -> int:
    return int(share + Fraction(1, 2))


# --- quotas


def spread(counts: Counter[Any], values: Iterable[Any]) -> int:
    """How much more often one of the values is used than another."""
    used = [counts[value] for value in values]
    return max(used) - min(used)


def assert_exact(places: Sequence[RowPlan], p: float, documents: range, memorise: float) -> None:
    modes = Counter(place.mode for place in places)
    without = len(places) - modes["oracle"]
    assert modes["oracle"] == half_up(len(places) * Fraction(str(p)))
    assert modes["memorise"] == half_up(without * Fraction(str(memorise)))
    assert modes["abstain"] == without - modes["memorise"]
    strata = {True: Counter[int](), False: Counter[int]()}
    cells: dict[int, Counter[int | None]] = {number: Counter() for number in documents}
    for place in places:
        assert (place.mode == "oracle") == (place.position is not None)
        strata[place.mode == "oracle"][place.documents] += 1
        cells[place.documents][place.position] += 1
    assert sum(strata[True].values()) + sum(strata[False].values()) == len(places)
    assert all(spread(counts, documents) <= 1 for counts in strata.values())
    assert all(spread(cells[number], range(number)) <= 1 for number in documents)


@pytest.mark.parametrize("p", SHARES)
@pytest.mark.parametrize("documents", [*map(str, range(2, 9)), "2..8", "3..5", "7..8"])
def test_quotas_and_positions_are_exact_for_every_number_of_rows(p: float, documents: str) -> None:
    have = [(f"row {i}", 8) for i in range(200)]
    for size in range(1, 201):
        assert_exact(
            plan_rows(have[:size], size % 3, p=p, documents=document_counts(documents), memorise=0.5),
            p,
            document_counts(documents),
            0.5,
        )


@pytest.mark.parametrize("memorise", [0, 0.2, 1 / 3, 0.8, 1])
def test_the_share_that_memorises_is_exact(memorise: float) -> None:
    for size in (1, 2, 3, 7, 50, 199):
        have = [(f"row {i}", 8) for i in range(size)]
        places = plan_rows(have, 1, p=0.2, documents=range(4, 7), memorise=memorise)
        assert_exact(places, 0.2, range(4, 7), memorise)
        for mode in ("memorise", "abstain"):  # the number of documents tells nothing of what is to be done
            assert spread(Counter(place.documents for place in places if place.mode == mode), range(4, 7)) <= 1


@pytest.mark.parametrize("p", SHARES)
@pytest.mark.parametrize("documents", [*range(2, 9), "2..8"])
def test_rows_show_what_was_dealt_and_the_oracle_is_where_they_say(p: float, documents: int | str) -> None:
    kinds = [(share, number) for share in SHARES for number in [*range(2, 9), "2..8"]]
    triples = [row(i) for i in range(200)]
    for size in range(1 + kinds.index((p, documents)), 201, len(kinds)):  # every number of rows, in one kind or another
        found = made(triples[:size], p=p, documents=documents)
        oracles = [one for one in found if one["oracle_mode"] == "oracle"]
        assert len(oracles) == half_up(size * Fraction(str(p)))
        for kind in (oracles, [one for one in found if one["oracle_mode"] != "oracle"]):
            assert spread(Counter(len(one["context"]["sentences"][0]) for one in kind), document_counts(documents)) <= 1
        for number in document_counts(documents):
            cell = [one["oracle_position"] for one in oracles if len(one["context"]["sentences"][0]) == number]
            assert spread(Counter(cell), range(number)) <= 1
        for triple, one in zip(triples, found, strict=False):
            [shown], [titles] = one["context"]["sentences"], one["context"]["title"]
            assert len(set(shown)) == len(shown) == len(titles)
            at = [i for i, text in enumerate(shown) if text == one["oracle_context"]]
            assert at == ([] if one["oracle_position"] is None else [one["oracle_position"]])
            allowed = {CONTEXT.title(CONTEXT.chunks[id].document_id) for id in (triple.chunk_id, *ids(triple))}
            assert set(titles) <= allowed


def ids(triple: Triple) -> list[str]:
    return [distractor.chunk_id for distractor in triple.distractors]


def test_every_distractor_stands_in_every_place() -> None:
    found = made([row(5, query=f"question {i}?") for i in range(200)], p=1, documents=3)
    shown = Counter(chain.from_iterable(enumerate(one["context"]["title"][0]) for one in found))
    assert set(shown) == {(at, title) for at in range(3) for title in ("The pump", "docs/6.md", "docs/7.md")}


def test_too_few_distractors_give_fewer_documents_and_a_note(tmp_path: Path) -> None:
    triples = [row(i, others=4) for i in range(10)]
    told = notes(triples, tmp_path)
    sizes = Counter((r["oracle_mode"], len(r["context"]["sentences"][0])) for r in read(tmp_path / "out" / "train.jsonl"))
    assert sizes == {("oracle", 5): 8, ("memorise", 4): 1, ("abstain", 4): 1}
    assert told["fewer_documents"] == 2
    assert "fewer_documents" not in notes(ROWS, tmp_path)
    found = made([row(i, others=1 + i % 5) for i in range(50)], p=1, documents="4..6")
    for number in range(2, 7):
        cell = Counter(one["oracle_position"] for one in found if len(one["context"]["title"][0]) == number)
        assert spread(cell, range(number)) <= 1


@pytest.mark.parametrize("documents", [1, "1", "8..3", "1..4", "3-8", "3..", "..8", "many", "", 2.5, [3, 8], True, None])
def test_documents_are_a_number_or_a_range(documents: Any) -> None:
    with pytest.raises(
        ConfigError, match=re.escape("neither a number of documents, 2 or more (5), nor a range of them (3..8)")
    ):
        check_format("raft", {"documents": documents})


def test_what_is_not_oracle_may_all_be_one() -> None:
    assert Counter(one["oracle_mode"] for one in made(ROWS, memorise=1)) == {"oracle": 48, "memorise": 12}
    assert Counter(one["oracle_mode"] for one in made(ROWS, memorise=0)) == {"oracle": 48, "abstain": 12}
    assert Counter(one["oracle_mode"] for one in made(ROWS)) == {"oracle": 48, "memorise": 6, "abstain": 6}


# --- the row


def test_raft_has_the_reference_fields_and_nesting() -> None:
    found = only(row(5), p=1)
    assert list(found) == [
        "id", "type", "question", "context", "oracle_context", "cot_answer", "instruction", "oracle_position", "oracle_mode",
    ]  # fmt: skip
    texts = ("id", "type", "question", "oracle_context", "cot_answer", "instruction", "oracle_mode")
    assert all(isinstance(found[name], str) for name in texts)
    assert found["type"] == "general"
    assert set(found["context"]) == {"title", "sentences"}
    for nested in found["context"].values():
        assert [type(inner) for inner in nested] == [list]
        assert len(nested[0]) == 5
    assert found["context"]["title"][0][found["oracle_position"]] == "The pump"
    assert "docs/6.md" in found["context"]["title"][0], "a document without a title has its path"


@pytest.mark.parametrize("p", SHARES)
def test_the_reference_converters_make_the_other_forms(p: float) -> None:
    """The rules of the reference's formatters, as data: new columns from old ones, and no others."""
    options = {"p": p, "documents": "2..8"}
    reference = made(ROWS, **options)
    assert made(ROWS, "raft-completion", **options) == [
        {"prompt": one["instruction"], "completion": one["cot_answer"] + "<STOP>"} for one in reference
    ]
    assert made(ROWS, "raft-chat", **options, system="Be brief.") == [
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": one["instruction"]},
                {"role": "assistant", "content": one["cot_answer"]},
            ]
        }
        for one in reference
    ]
    assert made(ROWS, "raft-eval", **options) == [
        {
            "question": one["question"],
            "gold_final_answer": one["cot_answer"].split("<ANSWER>: ")[-1],
            "context": "\n".join(one["instruction"].split("\n")[:-1]),
            "oracle_position": one["oracle_position"],
            "oracle_mode": one["oracle_mode"],
        }
        for one in reference
    ]


@pytest.mark.parametrize("documents", [2, 5, 8])
def test_no_text_breaks_the_layout(documents: int) -> None:
    awkward = 'What says\u2028 {it}\t"so" in\n</DOCUMENT>\nand <ANSWER>: or ##begin_quote##?'
    triples = [row(i, query=awkward, answer=TEXTS[i], quotes=((0, len(TEXTS[i])),)) for i in range(len(TEXTS))]
    for triple, one in zip(triples, made(triples, documents=documents), strict=True):
        assert re.findall(r"<DOCUMENT>(.*?)</DOCUMENT>\n", one["instruction"], re.DOTALL) == one["context"]["sentences"][0]
        assert one["instruction"].upper().count("<DOCUMENT>") == one["instruction"].upper().count("</DOCUMENT>") == documents
        assert one["instruction"].split("\n")[-1] == one["question"]
        assert len(one["question"].splitlines()) == 1
        before, *after = one["cot_answer"].split("<ANSWER>: ")
        assert len(after) == 1
        if one["oracle_mode"] != "abstain":
            assert plain(after[0]) == (triple.answer or "").strip()
        assert not MARK.search(one["instruction"] + one["oracle_context"] + after[0])
        found = marked(before)
        assert found is not None
        quotes = [quote for quote, _ in found[1]]
        assert before.count("##begin_quote##") == before.count("##end_quote##") == len(quotes)
        assert bool(quotes) == (one["oracle_mode"] == "oracle")
        for quote in quotes:
            assert any(quote in text for text in one["context"]["sentences"][0])
        assert [plain(text) for text in one["context"]["sentences"][0]] == [
            next(text for text in TEXTS if plain(shown) == text) for shown in one["context"]["sentences"][0]
        ]


def plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&#35;", "#")


def test_a_question_is_one_line_and_carries_its_instruction() -> None:
    found = only(
        row(5, query="How\u2028many\nhours?", instruction="Answer in one word,\nas JSON.", response='{"hours": 400}'), p=1
    )
    assert found["question"] == "How many hours? Answer in one word, as JSON."
    assert found["instruction"].endswith("</DOCUMENT>\nHow many hours? Answer in one word, as JSON.")
    assert found["cot_answer"] == '<ANSWER>: {"hours": 400}'
    answer = only(row(5, response="Line one\nof two"), "raft-eval", p=1)
    assert answer["gold_final_answer"] == "Line one\nof two"


def test_masked_text_is_not_shown() -> None:
    start = TEXTS[5].index("It needs oil every 400 hours.")
    found = only(row(5, masks=((start, start + 29),), quotes=((start, start + 29),)), p=1)
    assert found["oracle_context"] == "Plain text about a pump.  Then it needs rest."
    assert found["context"]["sentences"][0][found["oracle_position"]] == found["oracle_context"]
    assert found["cot_answer"] == "<ANSWER>: answer 5"


def test_what_a_completion_ends_with_is_an_option(tmp_path: Path) -> None:
    assert only(row(5), "raft-completion", p=1, stop="")["completion"] == "<ANSWER>: answer 5"
    assert only(row(5), "raft-completion", p=1, stop=" END")["completion"] == "<ANSWER>: answer 5 END"
    told = notes([row(5), row(6, answer="the <STOP> sign")], tmp_path, "raft-completion", p=1)
    assert told == {"answers_by_rule": 1, "has_stop": 1, "oracle": 1}


def test_no_system_message_is_sent_unless_asked_for() -> None:
    assert [message["role"] for message in only(row(5), "raft-chat")["messages"]] == ["user", "assistant"]


# --- what stands before the answer


def span(text: str, of: Chunk = PUMP) -> tuple[int, int]:
    start = of.text.index(text)
    return start, start + len(text)


def test_the_quote_is_the_sentence_of_the_evidence_and_only_where_it_is_shown() -> None:
    triple = row(5, answer="400 hours", quotes=(span("400 hours"), span("every")))
    shown = only(triple, p=1)
    assert shown["cot_answer"] == "##begin_quote##It needs oil every 400 hours.##end_quote##\n<ANSWER>: 400 hours"
    assert only(triple, p=0, memorise=1)["cot_answer"] == "<ANSWER>: 400 hours"


def test_evidence_outside_of_the_passage_is_not_quoted() -> None:
    later = replace(PUMP, id="later#100-174", start=100, end=174)
    context = replace(CONTEXT, chunks={**CONTEXT.chunks, later.id: later})
    triple = replace(row(5), positives=(later.id,), quotes=((80, 90), (0, 100), (174, 180)))
    assert only(triple, context=context, p=1)["cot_answer"] == "<ANSWER>: answer 5"
    inside = replace(triple, quotes=((90, 110), (160, 190)))
    assert only(inside, context=context, p=1)["cot_answer"].count("##begin_quote##") == 2


def test_an_answer_without_a_model_is_said_to_be_made_by_rule(tmp_path: Path) -> None:
    assert notes(ROWS, tmp_path) == {
        "abstain": 6,
        "answers_by_rule": 54,
        "memorise": 6,
        "oracle": 48,
    }
    thought = [replace(triple, reasoning="So it is.") for triple in ROWS]
    assert "answers_by_rule" not in notes(thought, tmp_path)


def test_evidence_whose_sentence_is_masked_elsewhere_is_quoted_alone() -> None:
    triple = row(5, answer="400 hours", masks=(span("It needs oil "),), quotes=(span("every 400 hours"),))
    found = only(triple, p=1)
    assert "It needs oil" not in found["oracle_context"]
    assert found["cot_answer"] == "##begin_quote##every 400 hours##end_quote##\n<ANSWER>: 400 hours"


def test_reasoning_stands_where_each_of_its_quotes_is_shown(tmp_path: Path) -> None:
    thought = "It is asked how often.\nThe manual says ##begin_quote## every 400 hours ##end_quote##, so <ANSWER>: that is it."
    triple = row(5, answer="400 hours", reasoning=thought, quotes=(span("400 hours"),))
    assert only(triple, p=1)["cot_answer"] == (
        "It is asked how often.\nThe manual says ##begin_quote##every 400 hours##end_quote##, so &lt;ANSWER>: that is it."
        "\n<ANSWER>: 400 hours"
    )
    assert only(triple, p=0, memorise=1)["cot_answer"] == "<ANSWER>: 400 hours", "its document is not shown"
    assert notes([triple], tmp_path, p=0, memorise=1) == {"answers_by_rule": 1, "memorise": 1, "reasoning_left_out": 1}
    other = replace(triple, reasoning="##begin_quote##washed in warm water##end_quote## it says.")  # chunk 7, a distractor
    assert only(other, p=1)["cot_answer"] == f"{other.reasoning}\n<ANSWER>: 400 hours"
    assert only(other, p=0, memorise=1)["cot_answer"] == f"{other.reasoning}\n<ANSWER>: 400 hours"


@pytest.mark.parametrize(
    "thought",
    [
        "##begin_quote##It needs oil every 500 hours.##end_quote##",
        "##begin_quote##every 400 hours##end_quote## and ##begin_quote##seldom##end_quote##",
        "It says ## BEGIN_QUOTE ##every 500 hours## END_QUOTE ##, so 500.",
        "every 400 hours ## End_Quote ##",
        "##begin_quote##every 400 hours",
        "every 400 hours##end_quote##",
        "##begin_quote##every ##begin_quote##400##end_quote## hours##end_quote##",
        "##end_quote##every 400 hours##begin_quote##",
        "##begin_quote## ##end_quote##",
    ],
)
def test_no_quote_is_shown_that_is_not_there(thought: str, tmp_path: Path) -> None:
    triple = row(5, answer="400 hours", reasoning=thought, quotes=(span("400 hours"),))
    by_rule = "##begin_quote##It needs oil every 400 hours.##end_quote##\n<ANSWER>: 400 hours"
    assert only(triple, p=1)["cot_answer"] == by_rule
    assert notes([triple], tmp_path, p=1) == {"answers_by_rule": 1, "oracle": 1, "reasoning_left_out": 1}


def test_marks_of_quotes_are_read_as_models_write_them_and_written_in_one_way() -> None:
    loose = "It says ## BEGIN_QUOTE ##every 400 hours##End_Quote\n##, so 400."
    exported = only(row(5, answer="400 hours", reasoning=loose), p=1)
    exact = "It says ##begin_quote##every 400 hours##end_quote##, so 400."
    assert exported["cot_answer"] == f"{exact}\n<ANSWER>: 400 hours"
    for reasoning in (loose, exact):
        read = flatten(exported | {"cot_answer": f"{reasoning}\n<ANSWER>: 400 hours"}).columns
        assert (read["quote"], read["reasoning"], read["answer"]) == (["every 400 hours"], reasoning, "400 hours")
    assert "reasoning" not in flatten(exported | {"cot_answer": "##Begin_Quote##every## end_quote##\n<ANSWER>: 400"}).columns


@pytest.mark.parametrize("mark", ["##begin_quote##", "## END_QUOTE ##", "##begin_quote####begin_quote##", "##\nEnd_Quote##"])
def test_marks_in_a_text_are_escaped_and_come_back(mark: str) -> None:
    exported = only(row(5, query="What is this?", answer=f"The mark {mark} of it"), p=1)
    assert not MARK.search(exported["cot_answer"])
    assert flatten(exported).columns["answer"] == f"The mark {mark} of it"


def test_reasoning_that_quotes_nothing_has_its_evidence_below(tmp_path: Path) -> None:
    triple = row(5, answer="400 hours", reasoning=" It says so. ", quotes=(span("400 hours"),))
    quote = "##begin_quote##It needs oil every 400 hours.##end_quote##"
    assert only(triple, p=1)["cot_answer"] == f"It says so.\n{quote}\n<ANSWER>: 400 hours"
    assert notes([triple], tmp_path, p=1) == {"oracle": 1}


def test_a_quote_with_marks_of_the_layout_stays_one_quote() -> None:
    triple = row(4, answer="<ANSWER>: ends", quotes=(span(TEXTS[4], CHUNKS[4]),))
    found = only(triple, p=1)
    assert found["cot_answer"].count("##begin_quote##") == found["cot_answer"].count("##end_quote##") == 1
    assert found["cot_answer"].split("<ANSWER>: ")[-1] == "&lt;ANSWER>: ends"


# --- abstaining


def test_an_abstention_is_in_its_own_language() -> None:
    for code, text in ABSTENTIONS.items():
        assert guess_language(text) in (code, ""), text
    assert len(set(ABSTENTIONS.values())) == len(ABSTENTIONS)


def test_abstentions_are_in_the_language_of_the_passage(tmp_path: Path) -> None:
    expected = {1: "zh", 2: "ar", 5: "en", 8: "he", 10: "th", 11: "de"}
    triples = [row(i, quotes=((0, 5),), reasoning="I think so.") for i in expected]
    found = made(triples, p=0, memorise=0)
    assert [one["cot_answer"] for one in found] == [f"<ANSWER>: {ABSTENTIONS[code]}" for code in expected.values()]
    assert notes(triples, tmp_path, p=0, memorise=0) == {"abstain": 6}


def test_an_unknown_language_abstains_in_english_and_is_counted(tmp_path: Path) -> None:
    unknown = chunk("xx.md", "Xyzzy plugh.", language="xx")
    context = replace(CONTEXT, chunks={**CONTEXT.chunks, unknown.id: unknown})
    triple = replace(row(0), positives=(unknown.id,))
    assert (
        only(triple, context=context, p=0, memorise=0)["cot_answer"] == "<ANSWER>: The documents do not answer this question."
    )
    told = export([triple], context, "raft", tmp_path / "out", options={"p": 0, "memorise": 0}).notes
    assert told == {"abstain": 1, "abstention_in_english": 1}
    known = replace(context, chunks={**context.chunks, unknown.id: replace(unknown, language="fr")})
    assert only(triple, context=known, p=0, memorise=0)["cot_answer"] == f"<ANSWER>: {ABSTENTIONS['fr']}"
    told = export([triple], context, "raft", tmp_path / "out", options={"p": 0, "memorise": 0, "abstention": "No."}).notes
    assert told == {"abstain": 1}


def test_a_question_in_another_language_is_answered_in_it() -> None:
    asked = row(5, query="Wie oft braucht die Pumpe Öl und wann ist die Pause?", metadata={"language": "any"})
    assert only(asked, p=0, memorise=0)["cot_answer"] == f"<ANSWER>: {ABSTENTIONS['de']}"
    assert only(replace(asked, metadata={}), p=0, memorise=0)["cot_answer"] == f"<ANSWER>: {ABSTENTIONS['en']}"


def test_the_abstention_is_an_option_in_every_form() -> None:
    options = {"p": 0, "memorise": 0, "abstention": " I do not know. "}
    assert only(row(5), **options)["cot_answer"] == "<ANSWER>: I do not know."
    assert only(row(5), "raft-chat", **options)["messages"][-1]["content"] == "<ANSWER>: I do not know."
    assert only(row(5), "raft-completion", **options)["completion"] == "<ANSWER>: I do not know.<STOP>"
    assert only(row(5), "raft-eval", **options)["gold_final_answer"] == "I do not know."


def test_an_abstention_is_not_imported_as_an_answer() -> None:
    told = flatten(only(row(5), p=0, memorise=0)).columns
    assert told["query"] == "question 5?"
    assert told.get("answer") is None
    assert flatten(only(row(5), p=0, memorise=1)).columns["answer"] == "answer 5"


def test_reasoning_keeps_its_quotes_when_it_is_imported_again() -> None:
    thought = "The manual says ##begin_quote##every 400 hours##end_quote##, so that is it."
    triple = row(5, answer="400 hours", reasoning=thought)
    assert flatten(only(triple, p=1)).columns["reasoning"] == thought
    by_rule = flatten(only(replace(triple, reasoning=None, quotes=(span("400 hours"),)), p=1)).columns
    assert "reasoning" not in by_rule
    assert by_rule["quote"] == ["It needs oil every 400 hours."]


# --- bytes


@pytest.mark.parametrize("format", FORMS)
def test_equal_rows_give_equal_bytes_in_any_order_and_through_parquet(format: str, tmp_path: Path) -> None:
    splits = ("train", "train", "train", "dev", "test")
    triples = [replace(triple, split=splits[i % 5], reasoning="So.", quotes=((0, 5),)) for i, triple in enumerate(ROWS)]
    storage.write_table(tmp_path / "triples.parquet", "triples", [triple.to_dict() for triple in triples])
    stored = [Triple.from_dict(one) for one in storage.read_table(tmp_path / "triples.parquet")]
    options = {"documents": "2..8", "p": 0.5}

    def written(given: Sequence[Triple], name: str) -> dict[str, list[bytes]]:
        export(given, CONTEXT, format, tmp_path / name, options=options)
        return {file.name: file.read_bytes().split(b"\n") for file in (tmp_path / name).glob("*.jsonl")}

    one = written(triples, "one")
    assert sum(len(lines) - 1 for lines in one.values()) == 60
    assert one == written(triples, "two") == written(stored, "three")
    turned = written(triples[::-1], "four")
    assert {name: sorted(lines) for name, lines in turned.items()} == {name: sorted(lines) for name, lines in one.items()}
    assert turned != one


def test_another_seed_deals_otherwise() -> None:
    other = made(ROWS, context=replace(CONTEXT, seed=8))
    for name in ("oracle_mode", "oracle_position", "context"):
        assert [one[name] for one in other] != [one[name] for one in made(ROWS)]


@pytest.mark.parametrize("format", FORMS)
def test_datasets_reads_every_form(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from datasets import load_dataset

    triples = [row(i, answer=TEXTS[i]) for i in range(len(TEXTS))]
    export(triples, CONTEXT, format, tmp_path / "out")
    loaded = load_dataset(
        "json", data_files=str(tmp_path / "out" / "train.jsonl"), cache_dir=str(tmp_path / "c"), split="train"
    )
    assert loaded.to_list() == made(triples, format)
    assert [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text("utf-8").splitlines()] == loaded.to_list()


def test_openai_takes_the_conversations() -> None:
    from openai.types.chat import ChatCompletionMessageParam
    from pydantic import TypeAdapter

    messages = TypeAdapter(list[ChatCompletionMessageParam])
    for one in made([row(i, answer=text) for i, text in enumerate(TEXTS)], "raft-chat", system="Be brief."):
        assert set(one) == {"messages"}
        messages.validate_python(one["messages"], strict=True)
        assert [message["role"] for message in one["messages"]] == ["system", "user", "assistant"]
        assert all(set(message) == {"role", "content"} and message["content"].strip() for message in one["messages"])

"""A query may not mention numbers and names that its passage does not show, whatever the script."""

from __future__ import annotations

from dataclasses import replace

import pytest

from synthgen.filters.common.mentions import Shown, mentions
from synthgen.filters.context import FilterContext
from synthgen.filters.entities import entities
from synthgen.records import Chunk, Verdict, digest, make_triple


def chunk(name: str, text: str, *, at: int = 0, headings: tuple[str, ...] = ()) -> Chunk:
    return Chunk(f"{name}#{at}-{at + len(text)}", name, at, at + len(text), text, digest(text), headings=headings)


SKAGEN = chunk(
    "skagen.md",
    "The lighthouse at Skagen was lit in 1858 by Danish engineers and stands 46 metres tall. Its twelve lamps burn 2.3 million "
    "litres of oil. Anna Holm of the German Coast Guard (GCG) kept the log in World War II.",
    headings=("Towers of Jutland",),
)
TOBIAS = chunk(
    "skagen.md",
    "However, Tobias Lund left for Germany in 1901, on the Hirtshals ferry. Sailors sang, and sailors left. Lund was a keeper.",
    at=400,
)


def judge(query: str, source: Chunk = SKAGEN, *more: Chunk, **options: object) -> Verdict:
    chunks = {c.id: c for c in (SKAGEN, TOBIAS, *more, source)}
    [verdict] = entities([make_triple(source, query)], FilterContext(chunks), **options)  # type: ignore[arg-type]
    return verdict


@pytest.mark.parametrize(
    ("reason", "query"),
    [
        ("number_not_found", "Which tower was lit in 1885?"),
        ("number_not_found", "How tall are the 64 metres of the tower?"),
        ("number_not_found", "Who burns 2.3 litres, 2.4 million or more?"),
        ("number_not_found", "Was it lit in the 1990s?"),
        ("name_not_found", "What did Tobias Holm keep?"),
        ("name_not_found", "How tall is the lighthouse at Hirtshals?"),
        ("name_not_found", "Who was Napoleon of Jutland?"),
        ("name_not_found", "What did However keep in the log?"),
        ("name_not_found", "What is the COVID-19 log?"),
    ],
)
def test_a_number_or_name_of_nowhere_turns_the_query_away(reason: str, query: str) -> None:
    assert judge(query).reason == reason


@pytest.mark.parametrize(
    "query",
    [
        "Which lighthouse was lit in 1858?",
        "Which of the 12 lamps burns?",
        "Who burns 2,300,000 litres of oil?",
        "What was built in the 1850s?",
        "Who kept the log in World War 2?",
        "What did anna holm keep?",
        "What is Skagen's height?",
        "Who worked for Germany?",
        "Which engineers came from DANISH towns?",
        "Who kept the Juttland log?",
        "Which towers are in Jutland?",
        "Who worked at the German Coast Guard?",
        "How tall is the Skägen light?",
        "Who kept the log at the lighthous?",
        "Engineers of which country lit it?",
        "What does the Lighthouse burn?",
    ],
)
def test_what_the_passage_shows_in_another_form_is_there(query: str) -> None:
    assert judge(query).reason == ""


def test_a_heading_shows_names_and_numbers_too() -> None:
    assert judge("How high is version 7 in Ribe?").reason == "number_not_found"
    assert judge("How high is version 7 in Ribe?", replace(SKAGEN, headings=("Ribe", "Version 7"))).reason == ""


def test_the_topic_of_the_document_may_be_missing_from_one_passage() -> None:
    about = [chunk("normans.md", f"The Normans came in the year {year}.", at=100 * year) for year in range(1, 8)]
    other = chunk("normans.md", "Their dukes built castles of stone.", at=9_000)
    verdict = judge("When did the Normans build castles?", other, *about)
    assert verdict.reason == ""
    verdict = judge("When did the Normans build castles?", other, *about, topic_share=0.9)
    assert (verdict.reason, verdict.score, verdict.threshold) == ("name_not_found", 0.875, 0.9)


def test_a_common_name_of_the_corpus_that_the_document_never_uses_is_no_evidence() -> None:
    others = [chunk(f"paper{i}.md", f"Patients with COVID-19 were seen 91 times in ward {i}.") for i in range(9)]
    assert judge("Who kept the log of COVID-19?", SKAGEN, *others).reason == ""
    assert judge("Who kept the log of COVID-91?", SKAGEN, *others).reason == "name_not_found"
    assert judge("Who kept the log of COVID-19?", SKAGEN, *others[:3]).reason == "name_not_found"


def test_the_first_word_is_a_name_only_if_the_document_says_so() -> None:
    assert judge("Lund kept which log?").reason == "name_not_found"
    assert judge("Describe the log of the tower").reason == ""
    assert judge("Keeper of the log?").reason == ""
    assert judge("Sailors kept which log?").reason == ""


def test_a_title_may_have_function_words_with_capitals() -> None:
    series = [chunk("who.md", f"In part {i} the Doctor Who of {i} travels.", at=100 * i) for i in range(2)]
    other = chunk("who.md", "A granddaughter of the Doctor is called Susan.", at=900)
    assert judge("Who is the granddaughter of Doctor Who?", other, *series).reason == ""
    assert judge("Who is the granddaughter of Doctor The?", other, *series).reason == "name_not_found"


def test_nouns_with_capitals_are_names_only_where_the_corpus_makes_them_rare() -> None:
    turm = chunk("turm.md", "Der Turm wurde von den Fischern der Stadt gebaut und ist nicht sehr hoch, aber er ist alt.")
    ofen = chunk("turm.md", "Die Eisbrecher fuhren nach der Wahl mit der Gemeinde und den Leuten von dort.", at=300)
    many = [chunk(f"d{i}.md", f"Die Gemeinde Nummer {i} ist in der Stadt und nicht auf dem Land.") for i in range(12)]
    assert judge("Wann kamen die Eisbrecher zum Turm?", turm, ofen, *many).reason == "name_not_found"
    assert judge("Wann baute die Gemeinde ihn?", turm, ofen, *many).reason == ""
    assert judge("Wann kamen die Eisbrecher zum Turm?", turm, ofen).reason == ""
    assert judge("Wann stand der Turm 1700?", turm, ofen).reason == "number_not_found"


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("灯塔建于一八五八年，使用Fresnel透镜，高四十六米。", "1858年的灯塔用Fresnel透镜吗？", "灯塔用Bessel透镜吗？"),
        ("灯塔高四十六米，耗资三万元。", "46米高的灯塔花了3万元还是30000元？", "64米高的灯塔在哪里？"),
        ("ประภาคารสร้างในปี ๑๘๕๘ โดย Fresnel สูง 46 เมตร", "ประภาคารสร้างในปี 1858 สูงเท่าไร", "ประภาคารสร้างในปี 1885 สูงเท่าไร"),
        ("بنيت المنارة عام ١٨٥٨ بارتفاع ٤٦ مترا", "هل بنيت المنارة عام 1858؟", "هل بنيت المنارة عام 1859؟"),
        (
            "Маяк построил Генрих III при Чикаго в 1858 году.",
            "Что построили при Генрихе 3 у Чикагского озера?",
            "Что построил Людовик?",
        ),
        ("El faro de Málaga mide 33 metros.", "¿Cuánto mide el faro de Malaga?", "¿Cuánto mide el faro de Cádiz?"),
    ],
)
def test_every_script_is_judged_by_what_it_has(text: str, good: str, bad: str) -> None:
    source = chunk("faro.md", text)
    assert judge(good, source).reason == ""
    assert judge(bad, source).reason in ("number_not_found", "name_not_found")


def test_names_can_be_left_unchecked() -> None:
    assert judge("How tall is Hirtshals?", check_names=False).reason == ""
    assert judge("Was it lit in 1885?", check_names=False).reason == "number_not_found"


def test_a_query_explains_its_own_abbreviation() -> None:
    source = chunk("virus.md", "HAdV-55 was seen in 12 patients, who were given HCQ.")
    assert judge("How many had human adenovirus type 55 (HAdV-55)?", source).reason == ""
    assert judge("How many were given Hydroxychloroquine (HCQ)?", source).reason == ""
    assert judge("How many were given Remdesivir (RDV)?", source).reason == "name_not_found"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("16th", "the sixteenth century"),
        ("1628-31", "from 1628 until 1631"),
        ("the 70s", "in 1975 and 1970"),
        ("10,000", "10.000 Liter"),
        ("4.50", "4,5 Liter"),
        ("XIV", "Louis 14"),
        ("3 million", "3,000,000 people"),
        ("30000", "3万元"),
        ("105", "一百零五"),
        ("120000000", "一亿二千万"),
    ],
)
def test_numbers_are_the_same_in_many_forms(number: str, text: str) -> None:
    assert all(Shown(text).has(mention) for mention in mentions(number))


def test_a_name_and_its_initials_show_each_other() -> None:
    written_out = Shown("It was sold to the National Broadcasting Company, whose nerves were of central steel.")
    assert all(written_out.has(mention) for mention in mentions("who owned NBC"))
    assert not any(written_out.has(mention) for mention in mentions("who owned CBS"))
    short = Shown("It was sold to NBC in the U.S. last year.")
    assert all(short.has(mention) for mention in mentions("did the National Broadcasting Company of the United States buy"))
    assert not any(short.has(mention) for mention in mentions("did the Columbia Broadcasting System buy"))


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [make_triple(c, q) for c in (SKAGEN, TOBIAS) for q in ("Where was Lund?", "Who was Holm?", "What is 1901?", "Why?")]
    context = FilterContext({c.id: c for c in (TOBIAS, SKAGEN)})
    verdicts = entities(rows, context)
    assert [v.triple for v in verdicts] == rows
    assert entities(rows[::-1], context) == verdicts[::-1]
    assert entities([], context) == []

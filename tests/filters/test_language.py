"""Query and answer are in the passage's language, or something firm says that they are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from synthgen.filters.context import FilterContext
from synthgen.filters.language import language
from synthgen.records import Chunk, Verdict, digest, make_triple

TEXTS = {
    "en": "The lighthouse at Skagen was lit in 1858 and it is 46 metres tall. The Who and Die Hard were shown to the keepers.",
    "de": "Der Leuchtturm von Skagen wurde 1858 gebaut und ist 46 Meter hoch. Die Wärter nannten ihn nicht nur einen Turm, sondern das Licht.",
    "es": "El faro de Skagen fue construido en 1858 y es una torre de 46 metros. Los guardianes no lo llamaban torre, sino la luz.",
    "fr": "Le phare de Skagen est une tour de 46 mètres qui fut construite en 1858 avec des pierres. Les gardiens y sont restés pour la lumière.",
    "ru": "Маяк в Скагене был построен в 1858 году и имеет высоту 46 метров. Его хранители не называли это башней.",
    "uk": "Маяк у Скагені був збудований у 1858 році та має висоту 46 метрів. Його доглядачі не називали це вежею, але це вона.",
    "zh": "灯塔建于1858年，高46米，使用LED灯和GPS，也用NMEA。守塔人每天晚上记录经过的船只，并在黎明前关灯。"
    "岛上没有其他居民，只有一条小路通向码头。冬天的风浪很大，船只常常无法靠岸。",
    "ja": "スカゲンの灯台は1858年に建てられ、高さは46メートルです。守り人は毎晩、通る船を記録しました。",
    "th": "ประภาคารสกาเกนสร้างขึ้นในปี 1858 และสูง 46 เมตร ผู้ดูแลบันทึกเรือทุกลำที่ผ่าน",
    "ar": "بنيت منارة سكاجن في عام 1858 ويبلغ ارتفاعها 46 مترا. كان الحراس يسجلون كل سفينة تمر.",
}
ASKED = {
    "en": "How tall is the lighthouse?",
    "de": "Wie hoch ist der Leuchtturm?",
    "es": "¿Cuánto mide el faro?",
    "fr": "Quelle est la hauteur du phare ?",
    "ru": "Какова высота маяка?",
    "uk": "Яка висота маяка та коли він був збудований?",
    "zh": "灯塔有多高？",
    "ja": "灯台の高さはどのくらいですか？",
    "th": "ประภาคารสูงเท่าไร",
    "ar": "ما ارتفاع المنارة؟",
}


def judge(of: str, query: str, answer: str | None = None, *, known: bool = True, text: str = "", **options: object) -> Verdict:
    text = text or TEXTS[of]
    chunk = Chunk("a.md#0", "a.md", 0, len(text), text, digest(text), language=of if known else "")
    metadata = options.pop("metadata", {})
    row = make_triple(chunk, query, answer, metadata=metadata)
    [verdict] = language([row], FilterContext({chunk.id: chunk}), **options)  # type: ignore[arg-type]
    return verdict


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("of", TEXTS)
def test_a_question_passes_in_its_own_language_and_in_no_other(of: str, known: bool) -> None:
    reasons = {asked: judge(of, query, known=known).reason for asked, query in ASKED.items()}
    assert reasons == {asked: "" if asked == of else "query_language" for asked in ASKED}


@pytest.mark.parametrize(
    ("of", "query"),
    [
        ("zh", "GPS"),
        ("zh", "GPS LED NMEA"),
        ("zh", "iPhone 15 Pro"),
        ("zh", "Python的asyncio怎么用？"),
        ("th", "Wi-Fi 6 roaming ใช้อย่างไร"),
        ("ja", "東京大学 入試"),
        ("en", "Who sang for The Who in Die Hard?"),
        ("en", "Die Hard release date"),
        ("en", "docker compose restart policy"),
        ("en", "1858"),
        ("en", "blog comment settings"),
        ("de", "Skagen The Who"),
        ("de", "Skagen Leuchtturm 1858"),
        ("de", "Was macht The Who in Skagen?"),
        ("de", "git commit --amend"),
        ("en", "What does 灯塔 mean?"),
    ],
)
def test_names_code_and_keywords_are_no_evidence(of: str, query: str) -> None:
    assert judge(of, query).reason == ""
    assert judge(of, query, known=False).reason == ""


def test_an_answer_has_a_language_too() -> None:
    assert judge("en", ASKED["en"], "Der Turm ist 46 Meter hoch und wurde nicht vergrößert.").reason == "answer_language"
    assert judge("zh", ASKED["zh"], "It is 46 metres tall.").reason == "answer_language"
    assert judge("zh", ASKED["zh"], "GPS").reason == ""
    assert judge("de", ASKED["de"], "46 Meter").reason == ""
    assert judge("en", ASKED["en"], "Der Turm ist 46 Meter hoch und nicht alt.", check_answers=False).reason == ""


def test_a_prompt_may_ask_for_another_language() -> None:
    assert judge("de", ASKED["en"], allow=["en"]).reason == ""
    assert judge("de", ASKED["zh"], allow=["en"]).reason == "query_language"
    assert judge("de", ASKED["zh"], allow=["any"]).reason == ""
    assert judge("zh", ASKED["en"], allow=["en"]).reason == ""
    assert judge("en", ASKED["th"], metadata={"language": "th"}).reason == ""
    assert judge("en", ASKED["de"], metadata={"language": "th"}).reason == "query_language"


def test_the_text_counts_where_the_document_says_another_language() -> None:
    assert judge("en", ASKED["fr"], text=TEXTS["fr"]).reason == ""
    assert judge("en", ASKED["ru"], text=TEXTS["ru"]).reason == ""


def test_words_that_the_passage_quotes_are_no_evidence() -> None:
    quoting = 'The German phrase "was ist das für ein Turm" is painted on the wall of the lighthouse and it is old.'
    assert judge("en", "ist das ein Turm phrase", text=quoting).reason == ""
    assert judge("en", "ist das ein Turm phrase").reason == "query_language"


def test_japanese_is_written_in_two_scripts() -> None:
    kana = "これはとてもながいぶんしょうで、ひらがなばかりです。灯台はここにあります。とおくからもよくみえます。"
    assert judge("ja", "灯台 東京 地図", text=kana).reason == ""


def test_a_table_is_too_little_to_judge_by() -> None:
    assert (
        judge("", "What were the earnings in the fourth quarter?", text="de la 12 | 14 | en 16 | de 18 | la 9 en 3").reason
        == ""
    )


def test_a_passage_of_made_up_words_is_in_no_language() -> None:
    words = "Tolvin barek 4711 sundo mirvat kelup dranis. Fobel hastin 99 gurpo velta monsir." * 3
    passage = Chunk("names.md#0-1", "names.md", 0, len(words), words, digest(words))
    for recorded in ("", "it", "mt"):
        row = make_triple(replace(passage, language=recorded), "What is the price of the Tolvin?", "4711")
        chunks = {passage.id: replace(passage, language=recorded)}
        assert [v.reason for v in language([row], FilterContext(chunks))] == [""]

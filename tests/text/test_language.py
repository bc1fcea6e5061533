"""Languages: by script, by the model, with the document's; and what is too little or no text at all."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.text.language import Guess, guess_language, identify
from synthgen.text.scripts import scripts

TEXTS = {
    "ar": "تقع المنارة شمال الجزيرة، وقد بنيت قبل مئة عام.",
    "bg": "Фарът се намира на северния бряг на острова и е построен преди сто години.",
    "da": "Fyret ligger på øens nordlige kyst, og det blev bygget for hundrede år siden af fiskerne.",
    "de": "Der Reiher ist ein Vogel, und er ist nicht über dem Fluss.",
    "el": "Ο φάρος βρίσκεται στη βόρεια ακτή του νησιού.",
    "en": "The heron is a bird of the river and it is shy.",
    "es": "El faro está en la costa norte de la isla y fue construido hace cien años.",
    "fa": "فانوس دریایی در شمال جزیره است و صد سال پیش ساخته شد.",
    "fr": "Il y a des oiseaux près de la rivière où ils sont.",
    "he": "המגדלור נמצא בצפון האי.",
    "id": "Mercusuar itu berada di pantai utara pulau dan dibangun seratus tahun yang lalu karena kapal sering karam.",
    "it": "Il faro si trova sulla costa settentrionale dell'isola e fu costruito cento anni fa.",
    "ja": "灯台は島の北にあります。",
    "ko": "등대는 섬의 북쪽에 있습니다.",
    "nl": "De vuurtoren staat aan de noordkust van het eiland en werd honderd jaar geleden gebouwd.",
    "pl": "Latarnia morska stoi na północnym wybrzeżu wyspy i została zbudowana sto lat temu.",
    "pt": "O farol fica na costa norte da ilha e foi construído há cem anos.",
    "ro": "Farul se află pe coasta de nord a insulei și a fost construit acum o sută de ani.",
    "ru": "Цапля стоит в воде и не движется, как и вчера.",
    "sv": "Fyren står på öns norra kust och byggdes för hundra år sedan.",
    "th": "ประภาคารตั้งอยู่ทางเหนือของเกาะ",
    "uk": "Маяк стоїть на північному березі острова, і його збудували сто років тому.",
    "zh": "灯塔在岛的北面。",
}
PARTS = {
    "de": TEXTS["de"],
    "en": TEXTS["en"],
    "fr": TEXTS["fr"],
    "th": "ประภาคารตั้งอยู่ทางเหนือของเกาะและสร้างขึ้นเมื่อร้อยปีก่อน",
    "zh": "灯塔在岛的北面，是渔民一百年前建造的。",
}


@pytest.mark.parametrize(("code", "text"), TEXTS.items(), ids=TEXTS)
def test_a_sentence_has_its_language(code: str, text: str) -> None:
    assert guess_language(text) == code
    assert identify(text) > ("", 0.6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123 – 456",
        "π = 3.14159",
        "Xyzzy",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "de la 12 | 14 | en 16 | de 18 | la 9 en 3",
        "name: web\nimage: nginx:1.25\nports:\n  - 8080:80\n",
        "```python\nfor the in of: and_is(the, was)  # the name of the list that is not in it\n```",
        "docker-compose.yml --build --no-cache /usr/local/bin/entrypoint.sh $HOME",
    ],
)
def test_what_is_no_text_has_no_language(text: str) -> None:
    assert guess_language(text) == ""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "DER REIHER IST EIN VOGEL UND NICHT ÜBER DEM FLUSS"),
        ("de", "# **Der Reiher**\n\n- steht [im Wasser](https://example.org/the/river) und `is.not.there`\n- fliegt _selten_"),
        (
            "de",
            "Der Aufruf lautet:\n\n```sh\n# this is the list of all that was there\necho the end of it\n```\n\nDanach ist er fertig.",
        ),
        ("zh", "我们使用 Kubernetes 部署 container，然后用 Prometheus 监控 service 和 node。"),
        ("ja", "サーバーを再起動するには、次の command を実行します。"),
        ("ru", "Команда docker compose up запускает все контейнеры, описанные в файле docker-compose.yml."),
        ("zh", "动画作品《熊猫》由东京ムービー制作,另外也被认为是龙猫的原型,该片于当年上映并引起热潮。"),
        ("en", "Fish\n" * 3 + "The weather of the north is cold in most of the years. " * 200 + "Π"),
    ],
)
def test_markup_code_and_names_say_nothing(code: str, text: str) -> None:
    assert guess_language(text) == code


@pytest.mark.parametrize("document", TEXTS)
def test_a_part_has_the_language_of_its_document_unless_it_is_surely_in_another(document: str) -> None:
    assert guess_language(TEXTS[document], document=document) == document
    assert guess_language("12 | 14 | OK", document=document) == document
    assert guess_language("xyz = f(x)", document=document) == document
    for code in PARTS.keys() - {document, "zh" if document == "ja" else ""}:
        assert guess_language(PARTS[code], document=document) == code


def test_a_part_of_a_japanese_document_without_kana_is_japanese() -> None:
    assert guess_language("東京都庁舎建設計画概要説明会資料一覧", document="ja") == "ja"


@pytest.mark.parametrize(
    "text",
    [
        "- Marie Dupont <marie@example.com>\n- Miguel Ángel\n- João Silva\n- Kim Lee\n- Bruno Oliveira\n- Tiago Ferreira\n- Marco Rossi",
        "- Paris\n- Lyon\n- Marseille\n- Bordeaux\n- Toulouse\n- Strasbourg\n- Clermont-Ferrand\n- Saint-Étienne",
        "- Иван Петров\n- Сергей Иванов\n- Ольга Смирнова\n- Алексей Кузнецов",
        "Andorra\nAfghanistan\nAnguilla\nAlbania\nArmenia\nAngola\nAruba\nAzerbaijan\nBosnia\nBarbados\nBahrain\nBurundi\nBenin",
        "pip-check\n=========\n\nDescription\n***********\n\n.. pip-command-description:: check\n\nUsage\n*****\n\nOptions\n*******",
        "- b6dfdf1 João Silva\n- 0491f16 Ana Pereira\n- 68b4e65 Tiago Ferreira\n- c50435e Bruno Oliveira",
    ],
    ids=["authors", "cities", "Russian names", "countries", "headings", "hashes"],
)
def test_a_list_of_names_is_in_no_language_by_itself_and_in_that_of_its_document(text: str) -> None:
    assert guess_language(text) in ("", "en")
    for document in ("en", "de", "fr"):
        assert guess_language(text, document=document) == document


@pytest.mark.parametrize(
    "line",
    [
        "* 7116d10 fix session cookie (João Silva)",
        "- Refactor cache by @tiago in #4435",
        "- [`3fa9384`](https://example.com/x/commit/3fa9384) fix: null pointer in parser",
        "* **utils:** remove linter config ([#2818](u)), closes [#2818](u)",
        "- Update release notes. Thanks Miguel Ángel.",
    ],
)
def test_a_change_log_is_english(line: str) -> None:
    assert guess_language("# Change log\n\n" + f"{line}\n" * 20 + "- Add an option to the parser of the cache") == "en"
    assert guess_language(line, document="en") == "en"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("en", "- Jürgen Müller\n- Karl-Heinz Schäfer\n- Wolfgang von Braun\n- Günther Weiß\n- Jörg Großmann\n- Jürgen Weiß"),
        ("en", "- João Carlos Pereira da Silva\n- Maria de Souza\n- José dos Santos\n- Luiz Gonçalves\n- Inês Conceição"),
        ("en", "あ い う え お か き く け こ さ し す せ そ た ち つ て と な に ぬ"),
        ("de", "ა ბ გ დ ე ვ ზ თ ი კ ლ მ ნ ო პ ჟ რ ს ტ უ ფ ქ ღ ყ შ ჩ ც ძ წ ჭ ხ ჯ ჰ"),
    ],
)
def test_names_and_single_letters_never_overrule_the_document(document: str, text: str) -> None:
    assert guess_language(text, document=document) == document


def test_a_short_word_is_too_little_to_differ_by() -> None:
    assert guess_language("Bundesgesetz", document="en") == "en"


@given(st.text())
def test_every_text_has_a_guess(text: str) -> None:
    code, confidence = identify(text)
    assert 0 <= confidence <= 1.0001
    assert guess_language(text) in (code, "")
    assert guess_language(text, document="xx") in (code, "xx")


def test_a_text_of_many_backticks_and_letters_takes_no_time() -> None:
    assert guess_language("a" * 300_000) == guess_language("`" * 100_000) == guess_language("](" * 100_000) == ""
    assert identify("") == Guess("", 0.0)


def test_scripts_are_counted_by_letter() -> None:
    assert scripts("Abc ÄÖ 12 ｄ") == {"LATIN": 6}
    assert scripts("茶tea はカタ ก! й") == {"LATIN": 3, "CJK": 1, "KANA": 3, "THAI": 1, "CYRILLIC": 1}


def test_the_model_is_loaded_by_the_first_text_that_needs_it() -> None:
    code = (
        "import sys, synthgen, synthgen.cli.main; from synthgen.text.language import guess_language; guess_language('日本の');"
        " print('py3langid' in sys.modules, guess_language('The heron is a bird of the river'), 'py3langid' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "en", "True"]

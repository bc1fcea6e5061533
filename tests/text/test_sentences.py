"""Where sentences end, and where an abbreviation only looks as if one did. `|` marks each end in a text of the table."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.text.lexicon import LANGUAGES, lexicon
from synthgen.text.sentences import sentences

IN_ANY_LANGUAGE = [
    "El Sr. García llegó.| Luego habló.",
    "In 1863 Gen. Lee led his army north.| He lost.",
    "Ул. Ленина находится в центре.| Она длинная.",
    "Das gilt z. B. für Hunde.| Katzen auch.",
    "Das gilt z.B. für Hunde.| Katzen auch.",
    "Nach Abs. 3 gilt das nicht.| Es gilt Art. 5 des Gesetzes.",
    "Algunos animales, p. ej. Los perros, ladran.| Otros no.",
    "Le discours de M. Dupont a duré.| Mme. Curie écoutait.",
    "Он живёт на ул. Мира, д. 5, в центре.| Там тихо.",
    "Это важно, т. е. Москва решает.| Так и было.",
    "Есть яблоки, груши и т. д.| Все свежие.",
    "Яблоки и т. д. были свежие.| Они вкусные.",
    "Biuro jest przy ul. Długiej 5.| Jest otwarte.",
    "Duże miasta, np. Kraków, rosną.| Małe nie.",
    "Der er mange dyr, bl.a. Hunde og katte.| De larmer.",
    "Man kan f.eks. Bruge en hammer.| Den er tung.",
    "Det finns djur, t.ex. Hundar.| De skäller.",
    "De heer dhr. Jansen kwam.| Hij bleef.",
    "Ha parlato il Dott. Rossi.| Poi il Sig. Bianchi.",
    "O Exmo. Sr. Silva chegou.| Depois falou.",
    "See No. 5 in the list.| It is short.",
    "The U.S. Army came.| It stayed.",
    "See Fig. 3 for details.| It is blue.",
    "It was Lee vs. Grant.| Grant won.",
    "It starts at 5 p.m.| The next day it starts later.",
    "He moved to the U.S.| In 1990 he returned.",
    "Das gilt für Hunde, Katzen usw.| Danach gilt es nicht mehr.",
    "Das gilt für Hunde usw. und für Katzen.| Für Fische nicht.",
    "He left at 5 p.m. and slept.| Then he woke.",
    "Is it safe?| No.| It is not.",
    "She said no.| Nobody heard.",
    "Apples, pears, etc.| They are fresh.",
    "Apples, pears, etc. are fresh.| They are.",
    "Apple Inc. Announced it.| The price rose.",
    "The maker is Apple Inc.| The price rose.",
    "He lives on Main St.| The house is old.",
    "She flew to St. Louis.| It rained.",
    "Martin Luther King Jr. Day is a holiday.| It is in winter.",
    "Mr. and Mrs. Smith met Dr. Jones.| They talked.",
    "J. R. R. Tolkien wrote it.| It is long.",
    "Дж. Р. Р. Толкин писал.| Он писал долго.",
    "Thomas S. Murphy came.| The U.S. Navy, see V&A.| In time it left.",
    "Smith et al. (2019) showed it.| Others did not.",
    "It costs approx. 5 dollars, incl. Tax.| That is cheap.",
    "See pp. 12 and Vol. IV for more.| There is more.",
    "He came in Jan. 2003.| It was cold in Dec.| He left.",
    "The value (e.g. Five) is set.| It stays.",
    "Прибыл проф. Иванов.| Он говорил.",
    "El presidente vive en EE.UU.| Desde aquí se ve.",
    "El ejército de EE.UU. Norteamericano llegó.| Luego salió.",
    "Το βιβλίο π.χ. Αυτό είναι καλό.| Το άλλο όχι.",
    "Проф. Петров живее на ул. Шипка 5.| Той е лекар.",
    "Profesorul dr. Popescu a venit.| El a vorbit.",
    "To jest m.in. Kraków.| Jest duży.",
    "Přišel prof. Novák.| Mluvil dlouho.",
    "灯塔在岛上。|它很高。| No. 5 也在。",
    "Wait...| What?!| Yes.",
    "First line\n\n|second line",
]

IN_ONE_LANGUAGE = [
    ("de", "Am 3. Oktober 1990 war es so weit.| Der 2. Weltkrieg war lange vorbei."),
    ("de", "Die Summe ist 5.| Danach kommt 6."),
    ("de", "Im 19. Jahrhundert war das so, v. a. in Bayern.| Später nicht."),
    ("da", "Den 5. maj 1945 var krigen slut.| Folk dansede."),
    ("no", "Den 17. mai feirer vi.| Det er fest."),
    ("cs", "Dne 28. října 1918 vznikl stát.| Byl to svátek."),
    ("fi", "Se tapahtui 6. joulukuuta 1917.| Se oli torstai."),
    ("en", "There are 5.| March is next."),
    ("pl", "Mieszka przy al. Ujazdowskich 5.| Jest tam cicho."),
    ("pl", "Szkoła im. Jana Pawła jest tam.| Jest duża."),
    ("pl", "Urodził się w 1990 r.| Mieszka w Krakowie."),
    ("nl", "Sommige dieren, bv. Honden, blaffen.| Katten niet."),
    ("nl", "Volgens art. 3 mag het, m.a.w. Het kan.| Zo is het."),
    ("fr", "Maître parle : Me. Durand plaide.| Il gagne."),
    ("it", "Alcuni animali, es. Cani, abbaiano.| Altri no."),
    ("ru", "Он родился в 1990 г.| Москва тогда росла."),
    ("ru", "Компания из г. Москва выросла.| Это так."),
    ("ru", "В 1990 г. он родился.| Он рос."),
    ("uk", "Він жив у м. Київ на вул. Хрещатик.| Там гарно."),
    ("cs", "Mluvil s doc. Novákem.| Bylo to krátké."),
    ("en", "The car is red.| Read the doc.| It is in the env.| Me.| On.| Turn it on."),
    ("", "The car is red.| Read the doc.| It is in the env.| Is it al?"),
    ("sv", "Han föddes 44 f.Kr.| Det var länge sedan."),
    ("pt", "O prof. Souza, p. ex. Ele, veio.| Depois saiu."),
    ("id", "Lihat hlm. 5 dalam buku.| Itu jelas."),
    ("tr", "Prof. Dr. Yılmaz geldi.| Konuştu."),
    ("unknown", "Mr. Smith came.| He left."),
    ("en", "They walked to the old mill.| The water ran."),
    ("en", "He carved the gem.| It was red."),
    ("it", "La casa è mia.| La porta è tua."),
    ("tr", "Bu eski bir ev.| Kapısı mavi."),
    ("es", "Ella puede ir.| Luego vuelve."),
    ("pt", "Ele quer ir.| Depois volta."),
    ("", "They walked to the old mill.| He carved the gem.| La casa è mia.| Ella puede ir.| Bu eski bir ev.| Kapısı mavi."),
    ("de", "Es ist ein Gen.| Man kennt es.| Mr. Smith kennt es."),
    ("it", "Gen. Lee arrivò.| Vinse."),
    ("hu", "Ez 1990. március 3-án volt.| Hideg volt."),
    ("de", "Kaiser Wilhelm II. regierte lange.| Ihm folgte niemand nach Wilhelm II.| Es war so."),
    ("de", "Es war 1990.| Oktober ist ein Monat."),
    ("en", "It weighs 5 lbs. and more.| It weighs 5 lbs.| That is much."),
    ("tr", "3. Bölüm bitti.| Sonra 4. bölüm başladı."),
    ("ru", "В 1990 г. Ельцин победил.| Он был рад."),
    ("uk", "У 1990 р. Кравчук переміг.| Він радів."),
    ("uk", "1990 р. Кравчук переміг.| Він радів."),
    ("pl", "W 1990 r. Wałęsa wygrał.| Cieszył się."),
    ("hi", "डॉ. शर्मा आए।| वे गए।"),
    ("ar", "جاء د. أحمد.| ثم ذهب."),
    ("el", "Πού είναι;| Δεν ξέρω\u037e| Ναι."),
    ("en", "The angle α; the angle β.| Both; one."),
]


def cut(text: str, language: str = "") -> list[str]:
    return [text[start:end] for start, end in sentences(text, language)]


@pytest.mark.parametrize("marked", IN_ANY_LANGUAGE)
def test_a_sentence_ends_where_it_ends(marked: str) -> None:
    assert cut(marked.replace("|", "")) == [one.strip() for one in marked.split("|")]


@pytest.mark.parametrize(("language", "marked"), IN_ONE_LANGUAGE)
def test_a_language_has_its_own_abbreviations(language: str, marked: str) -> None:
    assert cut(marked.replace("|", ""), language) == [one.strip() for one in marked.split("|")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "marked", ["The heron came, i.e. Mr. Grey.| It left at 5 p.m.| The U.S. Navy saw No. 7.", "Das ist z. B. Art. 5.| Es gilt."]
)
def test_what_is_no_word_anywhere_is_an_abbreviation_in_every_language(marked: str, language: str) -> None:
    assert cut(marked.replace("|", ""), language) == [one.strip() for one in marked.split("|")]


WORD_LISTS = ("stop_words", "common_words", "question_words", "negations", "number_words", "sentence_openers")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_a_word_of_a_language_is_an_abbreviation_only_in_its_own_list(language: str, known: bool) -> None:
    own = lexicon(language)
    abbreviations = {
        word.lower()
        for field in fields(own)
        if known and field.name.endswith("abbreviations")
        for word in getattr(own, field.name)
    }
    ordinary = {word for name in WORD_LISTS for word in getattr(own, name) if len(word) > 1 and word.isalpha()} - abbreviations
    for word in sorted(ordinary):
        for form in (word, word.capitalize()):
            text = f"Xxxxx {form}. Zzzzz xxxxx."
            assert cut(text, language if known else "") == [f"Xxxxx {form}.", "Zzzzz xxxxx."]


@given(st.text(alphabet="abcDEФяé漢ไท .!?。\n'\")5", max_size=80), st.sampled_from(["", "en", "de", "ru"]))
def test_sentences_are_in_order_and_leave_out_only_space(text: str, language: str) -> None:
    spans = sentences(text, language)
    borders = [0, *(at for span in spans for at in span), len(text)]
    assert borders == sorted(borders)
    assert all(not text[end:start].strip() for end, start in zip(borders[::2], borders[1::2], strict=True))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)

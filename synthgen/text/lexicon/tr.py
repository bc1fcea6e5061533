"""Turkish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="tr",
    name="Turkish",
    scripts=("Latin",),
    tag="tur-Latn",
    stop_words=listed("ve bir bu için ile olarak olan çok daha gibi kadar sonra veya"),
    common_words=listed("ve bir bu için ile da de olarak olan mi mı mu mü var yok"),
    question_words=listed("kim ne nerede zaman neden niçin nasıl hangi kaç hangisi"),
    negations=listed("değil yok hiç"),
    number_words=counted(
        "0 sıfır bir iki üç dört beş altı yedi sekiz dokuz on", "20 yirmi", "1 birinci ikinci üçüncü dördüncü beşinci"
    ),
    scales={
        **dict.fromkeys(listed("bin"), 10**3),
        **dict.fromkeys(listed("milyon"), 10**6),
        **dict.fromkeys(listed("milyar"), 10**9),
    },
    abbreviations=listed("dr prof vs örn bkz Dr Prof Doç Yrd Av Sn Alb Gen"),
    number_abbreviations=listed("s No Md"),
    last_abbreviations=listed("vb vd"),
    ordinal_nouns=listed("bölüm kısım cilt madde yüzyıl sınıf kat baskı hafta gün"),
    references=(r"\b(?:metne|parçaya|pasaja|bu belgeye|makaleye) göre\b", r"\byukarıda (?:bahsedilen|belirtilen|geçen)\b"),
    chatter=(
        r"^(?:işte|aşağıda) .{0,40}\b(?:soru|örnek)\w*",
        r"^(?:elbette|tabii|tabii ki)\s*[,!:]",
        r"^(?:soru|cevap|yanıt)\s*(?:\d+\s*)?:",
    ),
    greetings=r"merhaba",
    ask_labels=listed("Soru"),
    reply_labels=listed("Cevap Yanıt"),
    yes_no_words=listed("evet hayır yok"),
    abstention="Belgeler bu soruyu yanıtlamıyor.",
)

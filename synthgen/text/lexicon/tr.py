"""Turkish."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="tr",
    name="Turkish",
    scripts=("Latin",),
    tag="tur-Latn",
    common_words=listed("ve bir bu için ile da de olarak olan mi mı mu mü var yok"),
    question_words=listed("kim ne nerede zaman neden niçin nasıl hangi kaç hangisi"),
    negations=listed("değil yok hiç"),
    abbreviations=listed("örn bkz Dr Prof Doç Yrd Av Sn Alb Gen"),
    number_abbreviations=listed("s No Md"),
    last_abbreviations=listed("vb vd"),
    references=(r"\b(?:metne|parçaya|pasaja|bu belgeye|makaleye) göre\b", r"\byukarıda (?:bahsedilen|belirtilen|geçen)\b"),
)

"""Urdu."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="ur",
    name="Urdu",
    scripts=("Arabic",),
    tag="urd-Arab",
    common_words=listed("کے کی میں ہے ہیں سے کو نے تھا تھے"),
    question_words=listed("کیا کون کب کہاں کیوں کیسے کتنے کس"),
    negations=listed("نہیں نہ بغیر"),
    abstention="یہ دستاویزات اس سوال کا جواب نہیں دیتیں۔",
)

"""Hebrew."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="he",
    name="Hebrew",
    scripts=("Hebrew",),
    tag="heb-Hebr",
    stop_words=listed("של את על לא הוא היא עם גם זה זו או כי אל"),
    question_words=listed("מי מה מתי איפה היכן למה מדוע איך כיצד כמה איזה איזו אילו"),
    negations=listed("לא אין בלי ללא"),
    number_words=counted("0 אפס אחד|אחת שניים|שתיים שלושה|שלוש ארבעה|ארבע חמישה|חמש שישה|שש שבעה|שבע שמונה תשעה|תשע עשרה|עשר"),
    scales={
        **dict.fromkeys(listed("אלף אלפים"), 10**3),
        **dict.fromkeys(listed("מיליון מיליוני"), 10**6),
        **dict.fromkeys(listed("מיליארד"), 10**9),
    },
    references=(
        r"(?:לפי|על פי|בהתבסס על) ה(?:טקסט|קטע|פסקה)\b",
        r"ב(?:קטע|טקסט|פסקה) (?:זה|זו|הזה|הזאת|שלעיל)\b",
    ),
    chatter=(r"^(?:שאלה|תשובה)\s*+\d*+\s*+:",),
    ask_labels=listed("שאלה ש"),
    reply_labels=listed("תשובה ת"),
    abstention="המסמכים אינם עונים על השאלה הזאת.",
)

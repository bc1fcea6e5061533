"""Persian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="fa",
    name="Persian",
    scripts=("Arabic",),
    tag="fas-Arab",
    stop_words=listed("در به از که را این آن است بود برای با و یک شد هم تا نیز او"),
    common_words=listed("در به از که را این آن است بود برای با"),
    question_words=listed("چه چیست کیست کی کجا چرا چگونه چند کدام"),
    negations=listed("نه نیست نیستند نبود هیچ بدون"),
    number_words=counted(
        "0 صفر یک دو سه چهار پنج شش هفت هشت نه ده یازده دوازده سیزده چهارده پانزده شانزده هفده هجده نوزده بیست",
        "1 اول دوم سوم چهارم پنجم",
    ),
    scales={
        **dict.fromkeys(listed("هزار"), 10**3),
        **dict.fromkeys(listed("میلیون"), 10**6),
        **dict.fromkeys(listed("میلیارد"), 10**9),
    },
    references=(
        r"(?:طبق|بر اساس|براساس|مطابق(?: با)?|با توجه به) (?:این (?:متن|بند|پاراگراف|سند|مقاله)|متن (?:بالا|فوق|داده|زیر|ارائه))",
        r"در (?:این (?:متن|بند|پاراگراف)|متن (?:بالا|فوق|زیر))",
    ),
    chatter=(
        r"^(?:البته|حتماً|حتما)\s*[،,!:]",
        r"^(?:سؤال|سوال|پرسش|پاسخ|جواب)\s*+\d*+\s*+:",
    ),
    ask_labels=listed("سؤال سوال پرسش"),
    reply_labels=listed("پاسخ جواب"),
    yes_no_words=listed("بله خیر"),
    abstention="این اسناد به این پرسش پاسخ نمی‌دهند.",
)

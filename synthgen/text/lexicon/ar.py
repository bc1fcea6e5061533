"""Arabic."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="ar",
    name="Arabic",
    scripts=("Arabic",),
    tag="ara-Arab",
    stop_words=listed("في على إلى عن من التي الذي كان كانت هو هي هذا هذه أن أو قد"),
    common_words=listed("في على إلى عن التي الذي كان كانت هو هي هذا هذه"),
    question_words=listed("ما ماذا من متى أين لماذا كيف كم أي"),
    negations=listed("لا لم لن ليس ليست غير بدون ما"),
    number_words=counted("0 صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة"),
    scales={
        **dict.fromkeys(listed("ألف آلاف"), 10**3),
        **dict.fromkeys(listed("مليون ملايين"), 10**6),
        **dict.fromkeys(listed("مليار مليارات"), 10**9),
    },
    abbreviations=listed("د أ أ.د"),
    references=(
        r"(?:وفقًا|وفقا|طبقًا|طبقا|بحسب|حسب|بناءً على|استنادًا إلى) ?(?:ل|ال|لل)?(?:هذا )?(?:ال)?(?:نص|فقرة|مقال|مقطع|وثيقة|سياق)",
        r"في هذا (?:النص|المقال|المقطع|السياق)",
        r"كما (?:ورد|ذُكر|ذكر|جاء|هو مذكور|هو موضح) في (?:هذا )?(?:ال)(?:نص|فقرة|مقال|مقطع|وثيقة)",
    ),
    chatter=(
        r"^(?:إليك|هذا هو|هذه هي) .{0,20}(?:سؤال|السؤال|أسئلة|الأسئلة)",
        r"^(?:بالتأكيد|بالطبع|حسنًا|حسنا)\s*[،,!:]",
        r"^(?:السؤال|سؤال|الجواب|الإجابة)\s*+\d*+\s*+:",
    ),
    generic_headings=listed("مراجع|مقدمة", between="|"),
    greetings=r"مرحبا",
    ask_labels=listed("س سؤال"),
    reply_labels=listed("ج جواب"),
    yes_no_words=listed("نعم لا"),
    abstention="لا تحتوي هذه المستندات على إجابة عن هذا السؤال.",
)

"""Vietnamese."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="vi",
    name="Vietnamese",
    scripts=("Latin",),
    tag="vie-Latn",
    stop_words=listed("là của và có được các những trong cho không này với đã"),
    common_words=listed("là của và có được các những trong cho không"),
    question_words=listed("ai gì đâu nào sao"),
    negations=listed("không chưa chẳng"),
    number_words=counted("1 một hai ba bốn", "6 sáu bảy tám chín mười"),
    scales={
        **dict.fromkeys(listed("nghìn ngàn"), 10**3),
        **dict.fromkeys(listed("triệu"), 10**6),
        **dict.fromkeys(listed("tỷ tỉ"), 10**9),
    },
    abbreviations=listed("ThS PGS"),
    local_abbreviations=listed("TS GS TP"),
    last_abbreviations=listed("v.v"),
    references=(
        r"\b(?:theo|dựa (?:vào|trên)|trong) (?:đoạn văn|văn bản|bài viết|đoạn trích|tài liệu|ngữ cảnh) (?:này|trên|đã cho|được cung cấp)\b",
        r"\b(?:theo|dựa (?:vào|trên)) đoạn (?:văn|trích)\b",
    ),
    chatter=(
        r"^(?:dưới đây|sau đây) là .{0,40}(?:câu hỏi|ví dụ)",
        r"^(?:chắc chắn|tất nhiên|dĩ nhiên)\s*[,!:]",
        r"^(?:câu hỏi|trả lời|câu trả lời)\s*(?:\d+\s*)?:",
    ),
    ask_labels=listed("Hỏi"),
    reply_labels=listed("Đáp"),
    abstention="Các tài liệu này không trả lời câu hỏi này.",
)

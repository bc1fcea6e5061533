"""Indonesian."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="id",
    name="Indonesian",
    scripts=("Latin",),
    tag="ind-Latn",
    stop_words=listed("yang di dari untuk dengan adalah itu pada tidak oleh dalam sebagai juga atau telah tersebut"),
    common_words=listed("yang dan di dari untuk dengan adalah ini itu pada tidak"),
    question_words=listed("siapa apa mana kapan mengapa bagaimana berapa"),
    free_words=listed("tepatnya sebenarnya"),
    alike=("mengapa kenapa",),
    negations=listed("tidak bukan tanpa belum jangan kecuali"),
    number_words=counted(
        "0 nol satu dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas", "1 pertama kedua ketiga keempat kelima"
    ),
    scales={
        **dict.fromkeys(listed("ribu"), 10**3),
        **dict.fromkeys(listed("juta"), 10**6),
        **dict.fromkeys(listed("miliar milyar"), 10**9),
        **dict.fromkeys(listed("triliun"), 10**12),
    },
    abbreviations=listed("prof vs dr drs Ir Prof yth a.n"),
    number_abbreviations=listed("No hlm"),
    last_abbreviations=listed("dll dsb dst Tbk"),
    sentence_openers=listed(
        "ini itu dia mereka kami kita saya di ke dari pada dengan untuk dalam setelah sebelum ketika jika tetapi dan atau",
        "karena yang tidak",
    ),
    references=(
        r"\b(?:menurut|berdasarkan|sesuai(?: dengan)?) (?:teks|bacaan|paragraf|kutipan|wacana|konteks|(?:artikel|dokumen) (?:ini|tersebut|di atas))\b",
        r"\b(?:dalam|pada) (?:teks|bacaan|paragraf|kutipan|artikel|dokumen) (?:ini|tersebut|di atas)\b",
        r"\b(?:disebutkan|dijelaskan|dinyatakan) (?:di atas|dalam teks)\b",
    ),
    chatter=(
        r"^berikut (?:ini|adalah) .{0,40}\b(?:pertanyaan|contoh)\w*",
        r"^(?:tentu|tentu saja|baik)\s*[,!:]",
        r"^(?:pertanyaan|jawaban)\s*(?:\d+\s*)?:",
    ),
    generic_questions=(r"^apa (?:topik|tema|gagasan|ide|pokok pikiran|pesan) (?:utama|pokok)(?:nya)?\W*$",),
    ask_labels=listed("Pertanyaan"),
    reply_labels=listed("Jawaban"),
    yes_no_words=listed("ya tidak"),
    abstention="Dokumen-dokumen ini tidak menjawab pertanyaan ini.",
)

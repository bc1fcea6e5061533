"""Hindi."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, counted, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="hi",
    name="Hindi",
    scripts=("Devanagari",),
    tag="hin-Deva",
    stop_words=listed("के का की में है हैं और से को ने पर यह था थे थी"),
    question_words=listed("क्या कौन कब कहाँ कहां क्यों कैसे कितना कितने कितनी किस किसने"),
    negations=listed("नहीं न मत बिना"),
    number_words=counted("0 शून्य एक दो तीन चार पाँच|पांच छह|छः सात आठ नौ दस"),
    scales={
        **dict.fromkeys(listed("हज़ार हजार"), 10**3),
        **dict.fromkeys(listed("लाख"), 10**5),
        **dict.fromkeys(listed("करोड़"), 10**7),
    },
    abbreviations=listed("डॉ प्रो पं"),
    references=(r"(?:इस|उपरोक्त|दिए गए) (?:पाठ|अनुच्छेद|गद्यांश|लेख|दस्तावेज़) (?:के अनुसार|में)", r"(?:पाठ|गद्यांश|अनुच्छेद) के अनुसार"),
    chatter=(r"^(?:प्रश्न|उत्तर)\s*+\d*+\s*+:",),
    greetings=r"नमस्ते",
    ask_labels=listed("प्रश्न"),
    reply_labels=listed("उत्तर"),
    abstention="इन दस्तावेज़ों में इस प्रश्न का उत्तर नहीं है।",
)

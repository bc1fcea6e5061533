"""Hindi."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon, listed

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="hi",
    name="Hindi",
    scripts=("Devanagari",),
    tag="hin-Deva",
    negations=listed("नहीं न मत बिना"),
    references=(r"(?:इस|उपरोक्त|दिए गए) (?:पाठ|अनुच्छेद|गद्यांश|लेख|दस्तावेज़) (?:के अनुसार|में)", r"(?:पाठ|गद्यांश|अनुच्छेद) के अनुसार"),
    abstention="इन दस्तावेज़ों में इस प्रश्न का उत्तर नहीं है।",
)

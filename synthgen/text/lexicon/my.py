"""Burmese."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="my",
    name="Burmese",
    scripts=("Myanmar",),
    tag="mya-Mymr",
    abstention="ဤစာရွက်စာတမ်းများတွင် ဤမေးခွန်း၏ အဖြေ မပါဝင်ပါ။",
)

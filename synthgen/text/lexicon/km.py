"""Khmer."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="km",
    name="Khmer",
    scripts=("Khmer",),
    tag="khm-Khmr",
    abstention="ឯកសារទាំងនេះមិនមានចម្លើយសម្រាប់សំណួរនេះទេ។",
)

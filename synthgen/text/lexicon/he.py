"""Hebrew."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="he",
    name="Hebrew",
    scripts=("Hebrew",),
    tag="heb-Hebr",
    abstention="המסמכים אינם עונים על השאלה הזאת.",
)

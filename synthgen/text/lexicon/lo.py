"""Lao."""

from __future__ import annotations

from synthgen.text.lexicon.base import Lexicon

__all__ = ["LEXICON"]

LEXICON = Lexicon(
    code="lo",
    name="Lao",
    scripts=("Lao",),
    tag="lao-Laoo",
    abstention="ເອກະສານເຫຼົ່ານີ້ບໍ່ມີຄຳຕອບສຳລັບຄຳຖາມນີ້.",
)

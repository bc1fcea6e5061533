"""The question and the answer of a row, as formats show them."""

from __future__ import annotations

from synthgen.records import Triple

__all__ = ["answer", "question"]


def question(triple: Triple) -> str:
    """Return the query, followed by the answer instruction if the answer was written to one."""
    return "\n\n".join(filter(None, [triple.query.strip(), (triple.instruction or "").strip()]))


def answer(triple: Triple) -> str:
    """Return the written answer if there is one, else the row's own answer; "" without either."""
    return (triple.response or triple.answer or "").strip()

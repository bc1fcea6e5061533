"""What formats show of a row."""

from __future__ import annotations

from synthgen.records import Triple

__all__ = ["answer", "question"]


def question(triple: Triple) -> str:
    """The query, and below it how it is to be answered, where the answer was written to an instruction."""
    return "\n\n".join(filter(None, [triple.query.strip(), (triple.instruction or "").strip()]))


def answer(triple: Triple) -> str:
    """The written answer if there is one, else the row's own; "" without any."""
    return (triple.response or triple.answer or "").strip()

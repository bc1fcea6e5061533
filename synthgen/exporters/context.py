"""What every exporter is given, and what it gives."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from synthgen.records import Chunk, Document, Rejection

__all__ = ["ExportContext", "Rows"]

Rows = Generator[Any, None, Mapping[str, int] | None]
"""Yields dictionaries, or (file name, dictionary) pairs where a format is `whole`; returns what is to be noted, as counts."""


@dataclass(frozen=True, slots=True)
class ExportContext:
    """What exporters may look at: chunks by id, titles by document id, the run's seed, the rows that filters turned away.

    `rejected` may be walked more than once. `split` is that of the rows, "" for formats that need all splits at once.
    `labels` are those of all splits, sorted, where the rows are texts with labels.
    """

    chunks: Mapping[str, Chunk]
    titles: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    rejected: Iterable[Rejection] = ()
    split: str = ""
    labels: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, chunks: Mapping[str, Chunk], documents: Iterable[Document], seed: int, rejected: Iterable[Rejection] = ()
    ) -> Self:
        """The context of a run."""
        return cls(chunks, {document.id: document.title for document in documents if document.title}, seed, rejected)

    def title(self, document_id: str) -> str:
        """The document's title, or its path when it has none."""
        return self.titles.get(document_id) or document_id

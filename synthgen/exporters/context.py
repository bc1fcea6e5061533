"""What every exporter receives and returns."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from synthgen.records import Chunk, Document, Rejection

__all__ = ["ExportContext", "Rows"]

Rows = Generator[Any, None, Mapping[str, int] | None]
"""A generator of dictionaries, or of (file name, dictionary) pairs for a `whole` format. It returns counts for the
report's notes.
"""


@dataclass(frozen=True, slots=True)
class ExportContext:
    """What exporters may look at.

    `chunks` are by id and `titles` by document id. `seed` is that of the run. `rejected` are the rows that filters
    rejected; it may be iterated more than once. `split` is the split of the rows, "" for formats that need all splits
    at once. `labels` are the sorted labels of all splits, where the rows are labelled texts.
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
        """Return the context of a run."""
        return cls(chunks, {document.id: document.title for document in documents if document.title}, seed, rejected)

    def title(self, document_id: str) -> str:
        """Return the title of a document, or its path when it has none."""
        return self.titles.get(document_id) or document_id

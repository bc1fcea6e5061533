"""Lists and mappings of records that are short to look at, and the list of triples that knows its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self, SupportsIndex, TypeVar, overload

from synthgen.records import Chunk, Triple
from synthgen.text.humanize import short_repr

__all__ = ["Records", "RecordsById", "Triples"]

_Record = TypeVar("_Record")


class Records(list[_Record]):
    """A list whose `repr` shows a few records and how many there are."""

    __repr__ = short_repr


class RecordsById(dict[str, _Record]):
    """A mapping whose `repr` shows a few records and how many there are."""

    __repr__ = short_repr


class Triples(Records[Triple]):
    """A list of triples that knows the chunks they name, so that formats can show their texts.

    Slices, copies and sums know them, too. What Python makes a plain list (`sorted`, `filter`, a comprehension) is
    `Triples(rows, triples.chunks)` again.
    """

    def __init__(self, triples: Iterable[Triple], chunks: Mapping[str, Chunk]) -> None:
        super().__init__(triples)
        self.chunks = chunks

    @overload
    def __getitem__(self, index: SupportsIndex) -> Triple: ...
    @overload
    def __getitem__(self, index: slice) -> Triples: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Triple | Triples:
        if isinstance(index, slice):
            return Triples(super().__getitem__(index), self.chunks)
        return super().__getitem__(index)

    def copy(self) -> Triples:
        return self[:]

    def __add__(self, other: list[Any]) -> Triples:  # type: ignore[override]
        return Triples([*self, *other], _chunks_of(other, self.chunks))

    def __radd__(self, other: list[Any]) -> Triples:
        return Triples([*other, *self], self.chunks)

    def __iadd__(self, other: Iterable[Triple]) -> Self:  # type: ignore[misc,override]
        self.extend(other)
        return self

    def extend(self, other: Iterable[Triple]) -> None:
        self.chunks = _chunks_of(other, getattr(self, "chunks", {}))  # unpickling extends first
        super().extend(other)

    def __mul__(self, times: SupportsIndex) -> Triples:
        return Triples(super().__mul__(times), self.chunks)

    __rmul__ = __mul__


def _chunks_of(triples: Iterable[Triple], known: Mapping[str, Chunk]) -> Mapping[str, Chunk]:
    return {**known, **triples.chunks} if isinstance(triples, Triples) else known

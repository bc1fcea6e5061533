"""Find many contexts in documents at once, exactly or after normalisation.

Normalisation keeps letters, digits, marks and signs, in NFKC and case-folded. Space and punctuation are ignored, so
line breaks, other quotation marks and Markdown emphasis do not matter. A match begins and ends at a word boundary.

The search follows Rabin and Karp (1987) for many patterns. One window of each context, the one that the fewest other
contexts share, is hashed, and so is every window of the documents. Windows with equal hashes are compared in full. The
time is linear in the length of documents and contexts, in every script.

A context with omitted or changed words is not found, nor is one that combines several places.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from synthgen.records import Document
from synthgen.text.fold import LETTERS
from synthgen.text.words import find

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]

__all__ = ["Location", "WantedContext", "find_contexts"]

_WIDTHS = (32, 16, 8, 4, 2, 1)  # of windows, in folded characters
_WINDOWS = 8  # windows of a context among which the rarest is chosen
_FACTOR = 0x9E3779B97F4A7C15  # odd; the factor of the rolling hash and of its slot in the table
_TABLE_BITS = 22
_UNKNOWN = 255


class WantedContext(NamedTuple):
    """A context without surrounding space, the document to prefer ("" for any), and an offset there that it should cover."""

    text: str
    document_id: str = ""
    at: int | None = None


class Location(NamedTuple):
    """A span of a document. `exact` is true when it equals the context."""

    document_id: str
    start: int
    end: int
    exact: bool


def find_contexts(contexts: Sequence[WantedContext], documents: Sequence[Document]) -> list[Location | None]:
    """Return the location of each context, or None.

    Of several locations, the order of preference is: in the context's own document, at its offset, exact, first.
    """
    search = _Search(contexts)
    for document in documents:
        search.scan(document)
    return search.locations


class _Search:
    def __init__(self, contexts: Sequence[WantedContext]) -> None:
        self.contexts = contexts
        self.locations: list[Location | None] = [None] * len(contexts)
        self._folded = [wanted.text.translate(LETTERS) for wanted in contexts]
        self._edges = [_edges(wanted.text) for wanted in contexts]
        self._lengths = _Lengths()
        self._anchors = _anchors(self._folded)
        self._tables = {width: _table(anchors) for width, anchors in self._anchors.items()}

    def scan(self, document: Document) -> None:
        import numpy as np

        folded = document.text.translate(LETTERS)
        offsets: npt.NDArray[np.int64] | None = None
        for width, hashes in _windows(folded):
            if width not in self._anchors:
                continue
            anchors = self._anchors[width]
            hits = np.flatnonzero(self._tables[width][_slot(hashes)])
            for at, value in zip(hits.tolist(), hashes[hits].tolist(), strict=True):
                for index, shift in anchors.get(value, ()):
                    if (
                        at >= shift
                        and self._may_improve(index, document)
                        and folded.startswith(self._folded[index], at - shift)
                    ):
                        if offsets is None:
                            offsets = self._lengths.offsets(document.text)
                        last = at - shift + len(self._folded[index]) - 1
                        self._take(index, document, int(offsets[at - shift]), int(offsets[last]) + 1)

    def _may_improve(self, index: int, document: Document) -> bool:
        """Return whether a location in `document` could be better than the one found so far."""
        current, wanted = self.locations[index], self.contexts[index]
        if current is None or not current.exact or (current.document_id != wanted.document_id == document.id):
            return True
        return document.id == wanted.document_id and wanted.at is not None and not _covers(current, wanted)

    def _take(self, index: int, document: Document, start: int, end: int) -> None:
        """Keep the location if it is better. `start` and `end` span the folded characters; adjacent punctuation is added."""
        wanted, text = self.contexts[index], document.text
        before, after = self._edges[index]
        exact = text.startswith(wanted.text, start - before) and start >= before
        if exact:
            start, end = start - before, start - before + len(wanted.text)
        else:
            start, end = _widened(text, start, end, before, after)
        if find(text[start:end], text, start) != start:
            return  # inside a word
        found, current = Location(document.id, start, end, exact), self.locations[index]
        if current is None or _goodness(found, wanted) > _goodness(current, wanted):
            self.locations[index] = found


def _goodness(place: Location, wanted: WantedContext) -> tuple[bool, bool, bool]:
    return place.document_id == wanted.document_id, _covers(place, wanted), place.exact


def _covers(place: Location, wanted: WantedContext) -> bool:
    return place.document_id == wanted.document_id and wanted.at is not None and place.start <= wanted.at < place.end


def _edges(text: str) -> tuple[int, int]:
    """Return the number of characters before the first folded character and after the last."""
    positions = [at for at in (_first(text, range(len(text))), _first(text, range(len(text) - 1, -1, -1))) if at is not None]
    return (positions[0], len(text) - 1 - positions[1]) if positions else (0, 0)


def _first(text: str, positions: range) -> int | None:
    return next((at for at in positions if LETTERS[ord(text[at])]), None)


def _widened(text: str, start: int, end: int, before: int, after: int) -> tuple[int, int]:
    """Return the span with the punctuation around it, at most as much as the context has."""
    low, high = max(0, start - before), min(len(text), end + after)
    while start > low and not text[start - 1].isspace() and not LETTERS[ord(text[start - 1])]:
        start -= 1
    while end < high and not text[end].isspace() and not LETTERS[ord(text[end])]:
        end += 1
    return start, end


class _Lengths:
    """The folded length of each character, as an array, to turn folded positions into offsets."""

    def __init__(self) -> None:
        import numpy as np

        self._of = np.full(0x110000, _UNKNOWN, dtype=np.uint8)

    def offsets(self, text: str) -> npt.NDArray[np.int64]:
        """Return the offset in `text` of each character of its folded form."""
        import numpy as np

        codes = _codes(text)
        for code in set(codes[self._of[codes] == _UNKNOWN].tolist()):
            self._of[code] = len(LETTERS[code])
        return np.repeat(np.arange(len(text)), self._of[codes])


def _codes(text: str) -> npt.NDArray[np.uint32]:
    import numpy as np

    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _windows(folded: str) -> Iterator[tuple[int, Hashes]]:
    """Yield the hashes of every window of each width, narrowest first. A window of twice the width is two adjacent windows."""
    import numpy as np

    hashes, width, power = _codes(folded).astype(np.uint64), 1, _FACTOR
    while len(hashes):
        yield width, hashes
        if width == _WIDTHS[0]:
            return
        hashes = hashes[:-width] + hashes[width:] * np.uint64(power)
        width, power = 2 * width, power * power % 2**64


def _anchors(folded: Sequence[str]) -> dict[int, dict[int, list[tuple[int, int]]]]:
    """Return width -> hash -> (context, shift of the window in it), for the rarest of a few windows of each context."""
    windows: list[tuple[int, list[tuple[int, int]]]] = []
    times: Counter[int] = Counter()
    for text in folded:
        width = next((width for width in _WIDTHS if width <= len(text)), 0)
        found: list[tuple[int, int]] = []
        if width:
            hashes = next(hashes for size, hashes in _windows(text) if size == width)
            last = len(text) - width
            shifts = sorted({last * i // (_WINDOWS - 1) for i in range(_WINDOWS)})
            found = [(int(hashes[shift]), shift) for shift in shifts]
            times.update({value for value, _ in found})
        windows.append((width, found))
    anchors: defaultdict[int, dict[int, list[tuple[int, int]]]] = defaultdict(dict)
    for index, (width, found) in enumerate(windows):
        if found:
            value, shift = min(found, key=lambda window: times[window[0]])
            anchors[width].setdefault(value, []).append((index, shift))
    return dict(anchors)


def _slot(hashes: Hashes) -> Hashes:
    import numpy as np

    return (hashes * np.uint64(_FACTOR)) >> np.uint64(64 - _TABLE_BITS)


def _table(anchors: Mapping[int, object]) -> npt.NDArray[np.bool_]:
    """Return which slots have an anchor. Nearly all other windows are skipped at once."""
    import numpy as np

    table = np.zeros(2**_TABLE_BITS, dtype=np.bool_)
    table[_slot(np.array(list(anchors), dtype=np.uint64))] = True
    return table

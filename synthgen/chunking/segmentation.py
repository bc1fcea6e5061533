"""Decides which units of a document form a chunk: the cheapest segmentation, solved exactly.

The borders between units are the nodes of a line, a chunk is an edge, and the shortest path is found in one pass (Knuth
and Plass, "Breaking paragraphs into lines", 1981, do the same with words and lines). Every chunk costs something, so
chunks are full. A cut costs more the more it separates. A chunk under the minimum, or one that crosses the border of a
top-level section, costs more than one more chunk. Costs are whole numbers, so equal input is cut equally everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["CUT_AFTER_HEADING", "Pack", "Unit", "pack"]

CUT_AFTER_HEADING = 100_000

_CHUNK = 100
_SLACK = 40  # times the squared share of the limit that stays unused: evens out the sizes where a cut is needed anyway
_TOO_SMALL = 500
_OVER_SECTION = 200
_UNREACHED = 1 << 62


@dataclass(frozen=True, slots=True)
class Unit:
    """A span of `size` tokens that is not cut further.

    `cut` is the cost of a cut before it. `path` has the indices of the headings above it; a heading's own is included.
    """

    start: int
    end: int
    size: int
    cut: int
    path: tuple[int, ...]
    is_heading: bool = False
    opens_section: bool = False


class Pack(NamedTuple):
    """A chunk of the units `first` to `last`. `path` holds for all of them; `size` is an estimate of its tokens.

    Headings that open the chunk and hold for all of it are in `path` only: `first` is the unit after them.
    """

    first: int
    last: int
    path: tuple[int, ...]
    size: int


def pack(units: Sequence[Unit], gaps: Sequence[int], limit: int, min_tokens: int) -> list[Pack]:
    """Return the chunks in order. `gaps` are the tokens between each unit and the next.

    By these sizes no chunk exceeds `limit` tokens, except for single units that do.
    """
    before = [0, *itertools.accumulate(unit.size + gap for unit, gap in zip(units, gaps, strict=True))]
    costs = [0, *[_UNREACHED] * len(units)]
    edges: list[tuple[int, Pack] | None] = [None] * (len(units) + 1)
    for start, unit in enumerate(units):
        so_far = costs[start] + (unit.cut if start else 0)
        for found, extra in _from(units, start, before, limit):
            cost = so_far + _CHUNK + extra + _SLACK * (limit - found.size) ** 2 // limit**2
            cost += _TOO_SMALL if found.size < min_tokens else 0
            if cost < costs[found.last + 1]:
                costs[found.last + 1], edges[found.last + 1] = cost, (start, found)
    packs = []
    edge = edges[-1]
    while edge:
        packs.append(edge[1])
        edge = edges[edge[0]]
    return packs[::-1]


def _from(units: Sequence[Unit], start: int, before: Sequence[int], limit: int) -> Iterator[tuple[Pack, int]]:
    """Yield every chunk that can begin at `start`, shortest first, with its extra cost beside its size."""
    content = start
    while content < len(units) and units[content].is_heading and before[content] - before[start] <= limit:
        size = before[content] - before[start] + units[content].size
        if size <= limit or content == start:
            path = _shared(units[start : content + 1])[: len(units[start].path) - 1]
            yield Pack(start, content, path, size), CUT_AFTER_HEADING
        content += 1
    if content == len(units) or units[content].is_heading:
        return
    chain = _chain(units[start : content + 1])
    path = _shared(units[start + len(chain) : content + 1])
    extra = 0
    for last in range(content, len(units)):
        unit = units[last]
        if unit.path != path:
            path = _shared_path(path, unit.path)
        while chain and chain[-1] > len(path):  # a heading that does not hold for this unit returns to the text
            chain.pop()
        first = start + len(chain)
        size = before[last] - before[first] + unit.size
        if size > limit and last > first:
            return
        extra += _OVER_SECTION if unit.opens_section and last > content else 0
        yield Pack(first, last, path, size), extra


def _chain(opening: Sequence[Unit]) -> list[int]:
    """Return the path lengths of the headings that open a chunk and hold for all of `opening`, whose last is no heading."""
    chain = []
    for index, unit in enumerate(opening[:-1]):
        depth = len(unit.path)
        if any(later.path[:depth] != unit.path for later in opening[index + 1 :]):
            break
        chain.append(depth)
    return chain


def _shared(units: Sequence[Unit]) -> tuple[int, ...]:
    path = units[0].path
    for unit in units[1:]:
        path = _shared_path(path, unit.path)
    return path


def _shared_path(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return one[:length]

"""What filters said of rows before, so that a second cut judges only what has changed.

Only filters whose verdict on a row depends on nothing but the row, the corpus and their options are remembered (`ROW_FILTERS`): of the
others a row more or less changes the rest. A verdict is known by the filter with its options, the corpus, the shots, the evaluation
queries and the code of all filters, and by everything of the row that is checked, so nothing stale can come back. What is found here is what would be found
again; the file may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgen.filters.code_digest import code
from synthgen.records import Chunk, Triple, Verdict, digest
from synthgen.storage import writing

__all__ = ["ROW_FILTERS", "Memory"]

ROW_FILTERS = frozenset({"format", "lint", "leaks", "language", "entities", "grounding"})
_JUDGING = ("filters/**/*.py", "text/**/*.py", "records.py")
_KEPT = ""  # kept as it was, which is what becomes of most rows


class Memory:
    """Verdicts by filter and row, read from `path` if it is there."""

    def __init__(self, path: Path, chunks: Mapping[str, Chunk], shots: Sequence[str], queries: Sequence[str]) -> None:
        self._path = path
        corpus = [[c.id, c.sha256, c.headings, c.group, c.language, c.places] for c in chunks.values()]
        self._basis = digest([code(*_JUDGING), corpus, list(shots), list(queries)])
        self._before = _read(path)
        self._now: dict[str, dict[bytes, str]] = {}
        self._prints: dict[int, tuple[Triple, bytes]] = {}

    def judged(
        self,
        name: str,
        options: Mapping[str, Any],
        triples: Sequence[Triple],
        judge: Callable[[Sequence[Triple]], Sequence[Verdict]],
    ) -> Sequence[Verdict]:
        """The verdicts of a filter: those that are known, and for the rest those of `judge`."""
        stamp = f"{name} {digest([self._basis, sorted(options.items(), key=str)])[:32]}"
        known = self._now.setdefault(stamp, self._before.get(stamp, {}))
        prints = [self._print(triple) for triple in triples]
        fresh = [i for i, mark in enumerate(prints) if mark not in known]
        verdicts = judge([triples[i] for i in fresh])
        known |= {prints[i]: _written(triples[i], verdict) for i, verdict in zip(fresh, verdicts, strict=True)}
        new = dict(zip(fresh, verdicts, strict=True))
        return [new[i] if i in new else _verdict(triple, known[prints[i]]) for i, triple in enumerate(triples)]

    def save(self) -> None:
        """Write what this command knew and learnt."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        prints = sorted({mark for column in self._now.values() for mark in column})
        columns = {stamp: [known.get(mark) for mark in prints] for stamp, known in sorted(self._now.items())}
        arrays = {"row": pa.array(prints, pa.binary()), **{s: pa.array(c, pa.string()) for s, c in columns.items()}}
        with writing(self._path) as file:
            pq.write_table(pa.table(arrays), file, compression="zstd")

    def _print(self, triple: Triple) -> bytes:
        """Of everything in the row that a filter may look at."""
        found = self._prints.get(id(triple))
        if found is None or found[0] is not triple:
            seen = replace(triple, scores={}, flags=(), distractors=(), request_key=None, prompt_digest=None, reviewed=False)
            found = triple, hashlib.blake2b(repr(seen).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            self._prints[id(triple)] = found
        return found[1]


def _written(given: Triple, verdict: Verdict) -> str:
    scores = {
        name: value for name, value in verdict.triple.scores.items() if name not in given.scores or given.scores[name] != value
    }
    quotes = None if verdict.triple.quotes == given.quotes else verdict.triple.quotes
    if not (verdict.reason or scores or quotes):
        return _KEPT
    return json.dumps([verdict.reason, verdict.score, verdict.threshold, scores, quotes])


def _verdict(triple: Triple, written: str) -> Verdict:
    if written == _KEPT:
        return Verdict(triple)
    reason, score, threshold, scores, quotes = json.loads(written)
    spans = triple.quotes if quotes is None else tuple((start, end) for start, end in quotes)
    found = replace(triple, scores={**triple.scores, **scores}, quotes=spans) if scores or quotes is not None else triple
    return Verdict(found, reason, score, threshold)


def _read(path: Path) -> dict[str, dict[bytes, str]]:
    """What is stored; nothing where there is no file, or a damaged one."""
    if not path.exists():
        return {}
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError):
        return {}
    rows = table["row"].to_pylist()
    stamps = [name for name in table.column_names if name != "row"]
    pairs = {stamp: zip(rows, table[stamp].to_pylist(), strict=True) for stamp in stamps}
    return {stamp: {mark: said for mark, said in listed if said is not None} for stamp, listed in pairs.items()}

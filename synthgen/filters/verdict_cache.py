"""Caches the verdicts of earlier runs, so that a second pass judges only what has changed.

Only filters whose verdict on a row depends on nothing but the row, the corpus, the shots, the evaluation queries and
their options are cached (`FilterSpec.cacheable`). A verdict is stored under all of these and the code of its filter, so
it is only found where the filter would return it again. The file may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthgen.files import writing
from synthgen.filters.code_digest import code_digest
from synthgen.filters.spec import FilterSpec
from synthgen.records import Chunk, Triple, Verdict, digest

__all__ = ["VerdictCache"]

_DIGEST_BYTES = 32  # before the table
_UNCHANGED = ""  # kept, without new scores or quotes: what becomes of most rows


class VerdictCache:
    """Verdicts by filter and row, read from `path` if it is there."""

    def __init__(self, path: Path, chunks: Mapping[str, Chunk], shots: Sequence[str], queries: Sequence[str]) -> None:
        self._path = path
        self._corpus = digest([[c.id, c.sha256, c.headings, c.group, c.language, c.places] for c in chunks.values()])
        self._given = {"shots": digest(list(shots)), "queries": digest(list(queries))}
        self._stored = _read(path)
        self._current: dict[str, dict[bytes, str]] = {}
        self._row_keys: dict[int, tuple[Triple, bytes]] = {}

    def verdicts(
        self,
        name: str,
        spec: FilterSpec,
        options: Mapping[str, Any],
        triples: Sequence[Triple],
        judge: Callable[[Sequence[Triple]], Sequence[Verdict]],
    ) -> Sequence[Verdict]:
        """The verdicts of a filter, one for each triple: the cached ones, and those of `judge` for the rest."""
        column = self._column(name, spec, options)
        cached = self._current.setdefault(column, self._stored.get(column, {}))
        keys = [self._row_key(triple) for triple in triples]
        missing = [i for i, key in enumerate(keys) if key not in cached]
        fresh = dict(zip(missing, judge([triples[i] for i in missing]), strict=True))
        cached |= {keys[i]: _encoded(triples[i], verdict) for i, verdict in fresh.items()}
        return [fresh[i] if i in fresh else _decoded(triple, cached[keys[i]]) for i, triple in enumerate(triples)]

    def save(self) -> None:
        """Write the verdicts that this run has used."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        keys = sorted({key for column in self._current.values() for key in column})
        columns = {name: [cached.get(key) for key in keys] for name, cached in sorted(self._current.items())}
        arrays = {"row": pa.array(keys, pa.binary()), **{name: pa.array(c, pa.string()) for name, c in columns.items()}}
        buffer = pa.BufferOutputStream()
        pq.write_table(pa.table(arrays), buffer, compression="zstd")
        content = buffer.getvalue().to_pybytes()
        with writing(self._path) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def _column(self, name: str, spec: FilterSpec, options: Mapping[str, Any]) -> str:
        """The name of the column with the verdicts of a filter, which stands for all that they depend on beside the row."""
        given = [self._given[need] for need in sorted(spec.needs)]
        code = code_digest(spec.function.__module__, __name__)
        return f"{name} {digest([code, self._corpus, given, sorted(options.items(), key=str)])[:32]}"

    def _row_key(self, triple: Triple) -> bytes:
        """A digest of everything in the row that a filter may look at."""
        found = self._row_keys.get(id(triple))
        if found is None or found[0] is not triple:
            seen = replace(triple, scores={}, flags=(), distractors=(), request_key=None, prompt_digest=None, reviewed=False)
            values = repr([getattr(seen, name) for name in Triple.__slots__])
            found = triple, hashlib.blake2b(values.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            self._row_keys[id(triple)] = found
        return found[1]


def _encoded(given: Triple, verdict: Verdict) -> str:
    scores = {
        name: value for name, value in verdict.triple.scores.items() if name not in given.scores or given.scores[name] != value
    }
    quotes = None if verdict.triple.quotes == given.quotes else verdict.triple.quotes
    if not (verdict.reason or scores or quotes):
        return _UNCHANGED
    return json.dumps([verdict.reason, verdict.score, verdict.threshold, scores, quotes])


def _decoded(triple: Triple, encoded: str) -> Verdict:
    if encoded == _UNCHANGED:
        return Verdict(triple)
    reason, score, threshold, scores, quotes = json.loads(encoded)
    spans = triple.quotes if quotes is None else tuple((start, end) for start, end in quotes)
    found = replace(triple, scores={**triple.scores, **scores}, quotes=spans) if scores or quotes is not None else triple
    return Verdict(found, reason, score, threshold)


def _read(path: Path) -> dict[str, dict[bytes, str]]:
    """The stored verdicts, by column and row; none where there is no file, or a damaged one."""
    if not path.exists():
        return {}
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = path.read_bytes()
    sha256, content = held[:_DIGEST_BYTES], held[_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != sha256:
        return {}
    table = pq.read_table(pa.BufferReader(content))
    rows = table["row"].to_pylist()
    columns = {name: table[name].to_pylist() for name in table.column_names if name != "row"}
    return {
        name: {row: verdict for row, verdict in zip(rows, column, strict=True) if verdict is not None}
        for name, column in columns.items()
    }

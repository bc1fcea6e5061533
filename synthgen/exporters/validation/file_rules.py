"""Rules about several rows: what the rows of a file, or of all files of an export, must have in common.

Each check creates its own instances. A rule receives every row with its file and line, and reports at the end what only
all rows together show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import regex

from synthgen.exporters.validation.findings import Findings

__all__ = ["Columns", "Contradictions", "FileRule", "Judgments", "Keys", "TevatronPassages"]

Row = Mapping[str, Any]
_UNSAFE = regex.compile(r"[\"\p{Cc}\u2028\u2029]")


class FileRule(Protocol):
    """A rule about several rows."""

    def add(self, file: str, line: int, row: Row) -> None: ...

    def finish(self) -> None: ...


class Keys:
    """The rows of a file have the same keys as its first row; `rule` is the reported rule."""

    rule = "mixed_keys"

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._file = ""
        self._first: tuple[str, ...] = ()

    def add(self, file: str, line: int, row: Row) -> None:
        if file != self._file:
            self._file, self._first = file, tuple(row)
        elif tuple(row) != self._first and row.keys() != set(self._first):
            other = sorted(row.keys() ^ set(self._first))
            self._findings.add(self.rule, file, line, f"keys that differ from the first row: {', '.join(map(repr, other))}")

    def finish(self) -> None:
        """Nothing is left to say."""


class Columns(Keys):
    """The same, for readers that turn keys into columns and fail on uneven rows."""

    rule = "uneven_columns"


class Contradictions:
    """No pair of texts has label 1 in one row and label 0 in another."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._labels: dict[int, int] = {}

    def add(self, file: str, line: int, row: Row) -> None:
        label = self._labels.setdefault(hash((row["anchor"], row["document"])), row["label"])
        if label != row["label"]:
            self._findings.add(
                "contradiction", file, line, f"this pair has label {label} in an earlier row, and {row['label']} here"
            )

    def finish(self) -> None:
        """Nothing is left to say."""


class TevatronPassages:
    """Tevatron: each query and each passage of the corpus has one row, and rows refer to passages of the corpus."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._ids: dict[str, set[str]] = {"query_id": set(), "docid": set()}
        self._referenced: dict[str, tuple[str, int]] = {}

    def add(self, file: str, line: int, row: Row) -> None:
        key = "query_id" if "query_id" in row else "docid"
        if row[key] in self._ids[key]:
            self._findings.add("repeated_id", file, line, f"the {key} {row[key]!r} is used by an earlier row")
        self._ids[key].add(row[key])
        for passage in (*row.get("positive_passages", ()), *row.get("negative_passages", ())):
            self._referenced.setdefault(passage["docid"], (file, line))

    def finish(self) -> None:
        """Compare the references with the corpus, which comes last. Without a corpus nothing is compared."""
        corpus = self._ids["docid"]
        for docid, (file, line) in self._referenced.items() if corpus else ():
            if docid not in corpus:
                self._findings.add("unknown_id", file, line, f"the docid {docid!r} is not in the corpus")


class Judgments:
    """Corpus, queries and judgments of a retrieval folder: ids are unique and safe, and judgments refer to existing ids."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._ids: dict[str, set[str]] = {"corpus": set(), "queries": set()}
        self._judged: set[str] = set()
        self._pairs: set[tuple[str, str, str]] = set()
        self._unresolved: list[tuple[str, int, str, str]] = []

    def add(self, file: str, line: int, row: Row) -> None:
        if "corpus-id" in row:
            for kind, name in (("corpus", row["corpus-id"]), ("queries", row["query-id"])):
                if name not in self._ids[kind]:
                    self._unresolved.append((file, line, kind, name))
            self._judged.add(row["query-id"])
            pair = (file, row["query-id"], row["corpus-id"])
            if pair in self._pairs:
                self._findings.add("duplicate", file, line, f"{pair[1]!r} and {pair[2]!r} are judged in an earlier line")
            self._pairs.add(pair)
            return
        name, seen = str(row.get("_id", row.get("id"))), self._ids["corpus" if "corpus" in file else "queries"]
        if name in seen:
            self._findings.add("repeated_id", file, line, f"the id {name!r} is used by an earlier row")
        if _UNSAFE.search(name):
            self._findings.add("unsafe_id", file, line, f"the id {name!r} would be cut or joined by readers of judgments")
        seen.add(name)

    def finish(self) -> None:
        """Resolve the judgments that precede their rows. A part of the folder that is not checked is not compared."""
        for file, line, kind, name in self._unknown():
            self._findings.add("unknown_id", file, line, f"{name!r} is not in {kind}")
        if self._judged:
            for name in sorted(self._ids["queries"] - self._judged):
                self._findings.add("unjudged_query", "", 0, f"no judgment names the query {name!r}")

    def _unknown(self) -> Iterator[tuple[str, int, str, str]]:
        return (late for late in self._unresolved if self._ids[late[2]] and late[3] not in self._ids[late[2]])

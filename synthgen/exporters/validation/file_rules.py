"""Rules about rows together: what a file, or all files of an export, must have in common.

Each is made anew for a check, is shown every row with its file and line, and says at the end what it could only see then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import regex

from synthgen.exporters.validation.findings import Findings

__all__ = ["Columns", "Contradictions", "Judgments", "Keys", "TevatronPassages", "Together"]

Row = Mapping[str, Any]
_UNSAFE = regex.compile(r"[\"\p{Cc}\u2028\u2029]")


class Together(Protocol):
    def see(self, file: str, line: int, row: Row) -> None: ...

    def end(self) -> None: ...


class Keys:
    """Rows of a file have the keys of its first row; `rule` is what it is called when they have not."""

    rule = "mixed_keys"

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._file = ""
        self._first: tuple[str, ...] = ()

    def see(self, file: str, line: int, row: Row) -> None:
        if file != self._file:
            self._file, self._first = file, tuple(row)
        elif tuple(row) != self._first and row.keys() != set(self._first):
            other = sorted(row.keys() ^ set(self._first))
            self._findings.add(self.rule, file, line, f"other keys than in the first row: {', '.join(map(repr, other))}")

    def end(self) -> None:
        """Nothing is left to say."""


class Columns(Keys):
    """The same, for readers that make columns of the keys and fail over other ones."""

    rule = "uneven_columns"


class Contradictions:
    """No pair of texts has label 1 in one row and 0 in another."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._labels: dict[int, int] = {}

    def see(self, file: str, line: int, row: Row) -> None:
        label = self._labels.setdefault(hash((row["anchor"], row["document"])), row["label"])
        if label != row["label"]:
            self._findings.add(
                "contradiction", file, line, f"this pair has label {label} in a row before, and {row['label']} here"
            )

    def end(self) -> None:
        """Nothing is left to say."""


class TevatronPassages:
    """Tevatron: each query and each passage of the corpus has one row, and rows show passages of the corpus."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._known: dict[str, set[str]] = {"query_id": set(), "docid": set()}
        self._shown: dict[str, tuple[str, int]] = {}

    def see(self, file: str, line: int, row: Row) -> None:
        key = "query_id" if "query_id" in row else "docid"
        if row[key] in self._known[key]:
            self._findings.add("repeated_id", file, line, f"the {key} {row[key]!r} stands in a row before")
        self._known[key].add(row[key])
        for passage in (*row.get("positive_passages", ()), *row.get("negative_passages", ())):
            self._shown.setdefault(passage["docid"], (file, line))

    def end(self) -> None:
        """The corpus comes last; where it is not checked along, nothing is said of it."""
        corpus = self._known["docid"]
        for docid, (file, line) in self._shown.items() if corpus else ():
            if docid not in corpus:
                self._findings.add("unknown_id", file, line, f"the docid {docid!r} is not in the corpus")


class Judgments:
    """Corpus, queries and judgments of a retrieval folder: ids are unique and safe, and judgments name what is there."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._ids: dict[str, set[str]] = {"corpus": set(), "queries": set()}
        self._judged: set[str] = set()
        self._pairs: set[tuple[str, str, str]] = set()
        self._late: list[tuple[str, int, str, str]] = []

    def see(self, file: str, line: int, row: Row) -> None:
        if "corpus-id" in row:
            for kind, name in (("corpus", row["corpus-id"]), ("queries", row["query-id"])):
                if name not in self._ids[kind]:
                    self._late.append((file, line, kind, name))
            self._judged.add(row["query-id"])
            pair = (file, row["query-id"], row["corpus-id"])
            if pair in self._pairs:
                self._findings.add("duplicate", file, line, f"{pair[1]!r} and {pair[2]!r} are judged in a line before")
            self._pairs.add(pair)
            return
        name, known = str(row.get("_id", row.get("id"))), self._ids["corpus" if "corpus" in file else "queries"]
        if name in known:
            self._findings.add("repeated_id", file, line, f"the id {name!r} stands in a row before")
        if _UNSAFE.search(name):
            self._findings.add("unsafe_id", file, line, f"the id {name!r} would be cut or joined by readers of judgments")
        known.add(name)

    def end(self) -> None:
        """Judgments may stand before the rows that they name; a part of the folder alone is not compared with what is not there."""
        for file, line, kind, name in self._unknown():
            self._findings.add("unknown_id", file, line, f"{name!r} is not in {kind}")
        if self._judged:
            for name in sorted(self._ids["queries"] - self._judged):
                self._findings.add("unjudged_query", "", 0, f"no judgment names the query {name!r}")

    def _unknown(self) -> Iterator[tuple[str, int, str, str]]:
        return (late for late in self._late if self._ids[late[2]] and late[3] not in self._ids[late[2]])

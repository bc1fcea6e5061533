"""Rows of our own come back: tables and `show --json` identically, exports to the byte, or they are refused by name.

Formats that draw what they show beside a row (`DRAWN`) come back as rows; the bytes of their next export may differ.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import synthgen as sg
from synthgen.config.settings import Config
from synthgen.errors import InputError
from synthgen.exporters.formats import FORMATS
from synthgen.importers.own_exports import LOSSY
from synthgen.pipeline.export import export
from synthgen.pipeline.import_run import import_rows
from synthgen.pipeline.push import push
from synthgen.pipeline.run_folder import RunFolder
from synthgen.storage import TABLES

HANDBOOK = Path(__file__).resolve().parent.parent.parent / "data" / "handbook"
OFF = {"training": {"enabled": False}}
DRAWN = {
    "raft": "a row that abstains has lost its answer",
    "st-triplet": "negatives are mined anew, without the answer",
    "st-ntuple": "negatives are mined anew, without the answer",
    "beir": "answers and masked rows are not in it",
    "mteb": "answers and masked rows are not in it",
}
NO_QUESTIONS = {"classification-chat": "labels", "corpus-text": "passages"}


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few documents of the handbook: tables, lists, a glossary, questions with answers, two languages."""
    folder = tmp_path_factory.mktemp("docs")
    for name in ("faq", "getting-started", "reference", "zh", "legacy"):
        if (HANDBOOK / name).is_dir():
            shutil.copytree(HANDBOOK / name, folder / name)
    (folder / "notes.xyz").write_text("?")
    return folder


@pytest.fixture(scope="module")
def first(docs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sg.run(docs, tmp_path_factory.mktemp("first") / "run", settings=OFF).path


def rows(run: Path, table: str = "triples") -> list[dict[str, Any]]:
    return [row.to_dict() for row in RunFolder(run).read(table)]  # type: ignore[attr-defined]


def again(file: Path, docs: Path, run: Path, settings: Mapping[str, Any] | None = None) -> Path:
    return import_rows(file, docs, run, config=Config.build({**OFF, **(settings or {})})).path


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_comes_back_to_the_byte_or_is_refused_by_name(format: str, first: Path, docs: Path, tmp_path: Path) -> None:
    if format == "classification-chat":
        pytest.skip("its rows are labels; see test_labels_come_back")
    export(first, format, output=str(tmp_path / "one"))
    if format in LOSSY:
        with pytest.raises(InputError, match=f"is an export in the format {format}, which cannot be imported"):
            again(tmp_path / "one", docs, tmp_path / "run")
        return
    if format == "mteb":
        with pytest.raises(InputError, match=r"no qrels"):
            again(tmp_path / "one", docs, tmp_path / "run")
        return
    only_format = {"filters": {"order": ["format"]}}
    run = again(tmp_path / "one", docs, tmp_path / "run", only_format)
    if format in DRAWN:
        known = {(row["query"], row["chunk_id"]) for row in rows(first)}
        assert {(row["query"], row["chunk_id"]) for row in rows(run)} <= known
        return
    export(run, format, output=str(tmp_path / "two"))
    assert files(tmp_path / "two") == files(tmp_path / "one")


@pytest.mark.parametrize("table", [*TABLES, "show", "show as CSV", "run folder", "Hub"])
def test_a_table_comes_back_as_it_was_or_is_refused_by_name(table: str, first: Path, docs: Path, tmp_path: Path) -> None:
    file = first / f"{table}.parquet"
    if table in ("chunks", "documents", "skipped"):
        with pytest.raises(InputError, match=f"is a table of {table}, which holds no rows. Import triples.parquet"):
            again(file, docs, tmp_path / "run")
        return
    if table == "candidates":
        return  # only of an import
    if table.startswith("show"):
        file = tmp_path / ("rows.json" if table == "show" else "rows.csv")
        file.write_text(json.dumps({"rows": rows(first)}) if table == "show" else as_csv(rows(first)), encoding="utf-8")
    elif table == "run folder":
        file = first
    elif table == "Hub":
        file = tmp_path / "copy"
        shutil.copytree(first, file)
        push(file, "somebody/handbook", license="mit", dry_run=True)
        file /= "hub"
    run = again(file, docs, tmp_path / "run")
    if table == "rejected":
        assert {row["id"] for row in rows(run)} <= {row["id"] for row in rows(first, "rejected")}
        return
    expected = {row["id"]: row for row in rows(first)}
    assert {row["id"]: row for row in rows(run)} == expected
    if table != "Hub":  # whose files are by split
        assert [row["id"] for row in rows(run)] == list(expected)


def as_csv(found: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(found[0]))
    writer.writeheader()
    for row in found:
        writer.writerow({name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in row.items()})
    return out.getvalue()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("answer", "Something that only a reviewer knows"),
        ("query", "What would a reviewer ask here instead?"),
        ("reviewed", True),
        ("reasoning", "Because the passage says so."),
        ("kind", "edited"),
        ("metadata", json.dumps({"note": "seen"})),
    ],
)
def test_an_edit_changes_what_was_edited_and_nothing_else(
    column: str, value: Any, first: Path, docs: Path, tmp_path: Path
) -> None:
    found = rows(first)
    at = next(i for i, row in enumerate(found) if row["answer"] and row["quotes"] and not row["masks"])
    found[at] = {**found[at], column: value, "reviewed": True}
    file = tmp_path / "rows.json"
    file.write_text(json.dumps({"rows": found}), encoding="utf-8")
    back = rows(again(file, docs, tmp_path / "run", {"filters": {"order": ["format"]}}))
    free = {"scores", "flags", "distractors"}  # what filters and mining find
    plain = [{name: value for name, value in row.items() if name not in free} for row in back]
    wanted = [{name: value for name, value in row.items() if name not in free} for row in found]
    if column == "query":
        wanted[at]["id"] = plain[at]["id"]
        assert plain[at]["id"] != found[at]["id"]
    if column == "answer":
        wanted[at]["quotes"] = ()
    assert [json.loads(json.dumps(row)) for row in plain] == [json.loads(json.dumps(row)) for row in wanted]

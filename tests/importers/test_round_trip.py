"""Exports of our own come back to the byte, or are refused by name. `test_own_rows` has the tables."""

from __future__ import annotations

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
from synthgen.pipeline.run_folder import RunFolder

HANDBOOK = Path(__file__).resolve().parent.parent.parent / "data" / "handbook"
OFF = {"training": {"enabled": False}}


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


@pytest.mark.parametrize("format", sorted(FORMATS.keys() - {"classification-chat"}))  # that one: test_labels_come_back
def test_an_export_comes_back_to_the_byte_or_is_refused_by_name(format: str, first: Path, docs: Path, tmp_path: Path) -> None:
    export(first, format, output=str(tmp_path / "one"))
    if format in LOSSY:
        with pytest.raises(InputError, match=f"is an export in the format {format}, which cannot be imported"):
            again(tmp_path / "one", docs, tmp_path / "run")
        return
    only_format = {"filters": {"order": ["format"]}}
    run = again(tmp_path / "one", docs, tmp_path / "run", only_format)
    export(run, format, output=str(tmp_path / "two"))
    assert files(tmp_path / "two") == files(tmp_path / "one")


def test_labels_come_back(tmp_path: Path) -> None:
    rows = [
        {"text": f"The kettle {n} {'boils fast' if n % 2 else 'leaks a lot'}, says {n * 7}.", "label": f"{n % 2}"}
        for n in range(40)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    first = import_rows(tmp_path / "rows.jsonl", "-", tmp_path / "first", kind="classification").path
    export(first, "classification-chat", output=str(tmp_path / "one"))
    second = import_rows(tmp_path / "one", "-", tmp_path / "second", kind="classification").path
    export(second, "classification-chat", output=str(tmp_path / "two"))
    assert files(tmp_path / "two") == files(tmp_path / "one")

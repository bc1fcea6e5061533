"""The report of a run: its schema as a file, and reports that other versions wrote."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from support.run_files import write_towns

import synthgen as sg
from synthgen.cli.views.status import status_text
from synthgen.errors import RunFolderError
from synthgen.pipeline.refilter import refilter
from synthgen.pipeline.report import read_report
from synthgen.pipeline.report_schema import SCHEMA_VERSION, RunReport
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.status import status
from synthgen.pipeline.train import train

SCHEMA = json.loads((files("synthgen") / "assets" / "report.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    write_towns(tmp_path / "docs")
    return RunFolder(sg.run(tmp_path / "docs", tmp_path / "run", settings={"training": {"enabled": False}}).path)


def changed(folder: RunFolder, **keys: object) -> None:
    report = json.loads(folder.report.read_text(encoding="utf-8")) | keys
    folder.report.write_text(json.dumps({key: value for key, value in report.items() if value != "absent"}), encoding="utf-8")


def test_the_schema_file_is_that_of_the_types() -> None:
    assert RunReport.model_json_schema() == SCHEMA, (
        'Write it anew: python -c "import json; from synthgen.pipeline.report_schema import RunReport; '
        'print(json.dumps(RunReport.model_json_schema(), indent=2))" > synthgen/assets/report.schema.json'
    )


def test_a_report_fits_its_schema_and_reads_the_same_by_attribute_and_by_key(folder: RunFolder) -> None:
    written = json.loads(folder.report.read_text(encoding="utf-8"))
    jsonschema.validate(written, SCHEMA)
    report = read_report(folder)
    assert report is not None
    assert report.to_dict() == written
    assert report.schema_version == written["schema_version"] == SCHEMA_VERSION
    assert report.rows.kept == report["rows"]["kept"] == written["rows"]["kept"]
    assert report["funnel"][0]["in"] == report.funnel[0].entered
    assert "import" not in report
    with pytest.raises(KeyError):
        report["import"]


def test_a_report_without_a_version_is_read_and_its_note_on_the_measurement_found(folder: RunFolder) -> None:
    note = "The gain was not measured; `synthgen train RUN` measures it."
    changed(folder, schema_version="absent", unmeasured="absent", notes=["One.", note])
    report = read_report(folder)
    assert report is not None
    assert (report.notes, report.unmeasured) == (["One."], note)
    assert status_text(status(folder.path)).count(note) == 1


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"schema_version": SCHEMA_VERSION + 1}, "schema_version 2, and this synthgen reads 1"),
        ({"schema_version": "absent", "lexical_bias": "absent"}, "lexical_bias: Field required"),
        ({"rows": 3}, "rows: "),
    ],
)
def test_what_cannot_be_read_says_what_to_do_and_that_helps(folder: RunFolder, keys: dict[str, object], message: str) -> None:
    changed(folder, **keys)
    with pytest.raises(RunFolderError, match=rf"{message}.*synthgen filter {folder.path}"):
        status(folder.path)
    _filter_helps(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    {
        "half": (b'{"schema_version": 1,\n "docu', "line 2 is not JSON: "),
        "empty": (b"", "line 1 is not JSON: "),
        "not_utf8": (b'{"notes": ["caf\xe9"]}', "it is not UTF-8"),
        "a_list": (b"[]", "the whole of it: "),
    }.values(),
)
def test_a_damaged_report_says_what_to_do_and_that_helps(folder: RunFolder, content: bytes, message: str) -> None:
    folder.report.write_bytes(content)
    for verb in (status, train):
        with pytest.raises(RunFolderError, match=rf"report.json cannot be read \({message}.*synthgen filter {folder.path}"):
            verb(folder.path)
    _filter_helps(folder)


def _filter_helps(folder: RunFolder) -> None:
    damaged = folder.report.read_bytes()
    with pytest.raises(RunFolderError, match=rf"keeps this file as report.json.unreadable.*`synthgen train {folder.path}`"):
        status(folder.path)
    refilter(folder.path)
    assert status(folder.path).finished
    assert folder.report.with_name("report.json.unreadable").read_bytes() == damaged

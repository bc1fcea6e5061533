"""The export of a finished run: where it may go, what it takes the place of, and formats of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.run_files import write_towns
from typer.testing import CliRunner

import synthgen as sg
from synthgen import storage
from synthgen.cli.main import app
from synthgen.errors import ConfigError, EmptyResultError, InputError
from synthgen.pipeline.export import export, export_rows
from synthgen.pipeline.refilter import refilter

OWN = """
def good(triples, context, *, mark: str = "!"):
    for row in triples:
        yield {"q": row.query + mark}

def longer(triples, context, *, than: int = 0):
    for row in triples:
        if len(row.query) > than:
            yield {"q": row.query}
    return {"too_short": sum(len(row.query) <= than for row in triples)}

def none(triples, context):
    return None

def strings(triples, context):
    for row in triples:
        yield row.query

def counted(triples, context):
    yield {"q": 1}
    return 5

def alone(triples):
    yield {"q": 1}

def half(triples, context):
    yield {"q": "\\ud800"}

def unknown(triples, context, *, mark: "Nope" = 1):
    yield {"q": 1}

def breaks(triples, context):
    raise KeyError("of its own")
    yield

nothing = 3
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exporting")
    return sg.run(write_towns(folder / "docs"), folder / "run", settings={"training": {"enabled": False}}).path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished.parent / "docs", tmp_path / "docs")
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = tmp_path / "code" / "dotted" / "sub"
    package.mkdir(parents=True)
    for file in (package / "formats.py", tmp_path / "code" / "undotted.py"):
        file.write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    return "dotted.sub.formats"


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# --- places


def test_an_export_that_would_be_empty_leaves_the_one_before_it(run: Path, own: str) -> None:
    export(run, "undotted:longer")
    before = files(run)
    with pytest.raises(
        EmptyResultError, match=r"No row fits the format 'undotted:longer' \(too_short \d+\), so nothing was written"
    ):
        export(run, "undotted:longer", settings=['exports.options={"undotted:longer": {"than": 999}}'])
    assert files(run) == before


@pytest.mark.parametrize("name", ["calls.sqlite", "triples.parquet", "rows.tsv", "rows.csv", "rows.PARQUET"])
def test_a_file_must_be_json_lines_by_its_name(name: str, run: Path, tmp_path: Path) -> None:
    (run / "calls.sqlite").write_bytes(b"what was paid for")
    before = files(run)
    for place in (run / name, tmp_path / name, run / "exports" / name):
        with pytest.raises(InputError, match=r"its name must end in \.jsonl or \.json"):
            export(run, "st-pair", output=str(place))
    assert files(run) == before


@pytest.mark.parametrize("name", ["", "report.json", "rows.jsonl", "model", "model/rows.jsonl", "exports", "hub/"])
def test_the_rest_of_a_run_is_no_place_for_exports(name: str, run: Path) -> None:
    before = files(run)
    with pytest.raises(InputError, match="stands among the files of the run. Name a place below .*exports"):
        export(run, "st-pair", output=f"{run}/{name}")
    assert files(run) == before


@pytest.mark.parametrize("name", ["raft", "raft/train.jsonl", "raft/more", "st-pair/rows.jsonl", "a.b:c"])
def test_an_export_of_another_format_is_no_place(name: str, run: Path) -> None:
    before = files(run)
    with pytest.raises(InputError, match="is the folder of the export"):
        export(run, "st-pair", output=str(run / "exports" / name))
    assert files(run) == before


def test_what_is_a_file_and_what_a_folder(run: Path, tmp_path: Path, own: str) -> None:
    for folder in ("o/v1.0", "o/rows.jsonl/", "o/plain"):
        export(run, "st-pair", output=f"{tmp_path}/{folder}")
        assert (tmp_path / folder / "train.jsonl").is_file()
    for file in ("o/rows.json", "o/v1.0.jsonl"):
        export(run, "st-pair", output=f"{tmp_path}/{file}")
        assert (tmp_path / file).is_file()
    export(run, "st-pair", output=str(run / "exports" / "mine.jsonl"))
    export(run, "st-pair", output=str(run / "exports" / "st-pair"))
    export(run, f"{own}:good")
    assert (run / "exports" / f"{own}:good" / "train.jsonl").is_file()


def test_parts_of_an_earlier_export_do_not_stay_beside_a_fresh_one(run: Path, tmp_path: Path) -> None:
    mine = ["rows-ii.jsonl", "rows-99.jsonl", "day-2.jsonl"]
    for name in mine:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    for _ in range(2):
        parts = export(run, "st-pair", output=str(tmp_path / "rows.jsonl"), settings=["exports.max_bytes=200"])["files"]
        assert len(parts) > 2
        assert all((tmp_path / name).exists() for name in parts)
    for output in ("rows.jsonl", "day.jsonl"):
        export(run, "st-pair", output=str(tmp_path / output))
    assert {p.name for p in tmp_path.glob("*.jsonl")} == {*mine, "rows.jsonl", "day.jsonl"}
    assert all((tmp_path / name).read_text(encoding="utf-8") == "mine" for name in mine)


def test_a_wrong_split_is_told_also_where_all_are_written(run: Path) -> None:
    with pytest.raises(ConfigError, match="There is no split 'trian'"):
        export(run, "st-pair", split="trian")


def test_a_check_and_a_place_to_write_to_exclude_each_other(run: Path, tmp_path: Path) -> None:
    rows = str(run / "exports" / "st-triplet" / "train.jsonl")
    told = CliRunner().invoke(app, ["export", str(run), "-f", "st-triplet", "--check", rows, "-o", str(tmp_path / "x.jsonl")])
    assert (told.exit_code, "--check writes nothing" in told.output) == (1, True)


# --- formats of one's own


def test_formats_of_ones_own_follow_a_new_cut(run: Path, own: str) -> None:
    good = run / "exports" / f"{own}:good" / "train.jsonl"
    export(run, f"{own}:good")
    gone = shutil.copytree(good.parent, run / "exports" / "no_such_module:rows")
    faulty = shutil.copytree(good.parent, run / "exports" / f"{own}:none")
    before = good.read_text(encoding="utf-8").count("\n")
    lengths = sorted(len(row["query"]) for row in storage.read_table(run / "triples.parquet", ["query"]))
    report = refilter(run, settings=[f"filters.options.format.min_query_chars={lengths[-3]}"])
    assert before > report["exports"][f"{own}:good"]["files"]["train.jsonl"] == good.read_text(encoding="utf-8").count("\n") > 1
    for folder, why in ((gone, "no format called"), (faulty, "returned NoneType")):
        assert not folder.exists()
        [note] = [note for note in report["notes"] if folder.name in note]
        assert "was removed" in note
        assert why in note


@pytest.mark.parametrize(
    ("name", "fault"),
    {
        "none": "returned NoneType",
        "strings": "yielded str",
        "counted": "returned int after its rows",
        "alone": "cannot be called with these arguments",
        "nothing": "has no readable signature",
        "unknown": "has no readable signature .*Nope",
        "breaks": r"failed in .*formats.py, line \d+ \(KeyError: 'of its own'\)",
    }.items(),
)
def test_a_faulty_format_is_told_in_one_sentence(name: str, fault: str, run: Path, own: str, tmp_path: Path) -> None:
    format = f"{own}:{name}"
    for output in (None, str(tmp_path / "rows.jsonl")):
        with pytest.raises(ConfigError, match=rf"The format '{format}' {fault}.*It must be a generator function of \(triples"):
            export(run, format, output=output)
    with pytest.raises(ConfigError, match=fault):
        list(export_rows(run, format, split="train")[0])


def test_a_row_that_is_no_json_names_its_format(run: Path, own: str, tmp_path: Path) -> None:
    format = f"{own}:half"
    for output in (None, str(tmp_path / "rows.jsonl")):
        with pytest.raises(InputError, match=f"A row of the format '{format}' cannot be written as JSON"):
            export(run, format, output=output)
    with pytest.raises(InputError, match=f"A row of the format '{format}'"):
        list(export_rows(run, format, split="train")[0])

"""Our own rows come back as they were: every table, the printed rows and the data set of the Hub, unedited and edited."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from synthgen.cli.main import app
from synthgen.config.settings import load_config
from synthgen.errors import InputError
from synthgen.pipeline.import_run import import_rows
from synthgen.pipeline.push import push
from synthgen.pipeline.run import run
from synthgen.pipeline.run_folder import RunFolder
from synthgen.records import Triple, digest
from synthgen.storage import TABLES, write_table

HANDBOOK = Path(__file__).parents[2] / "data" / "handbook"
PAGES = ("README.md", "reference/cli.md", "reference/glossary.md", "guides/install-linux.md", "policies/support.md")
SETTINGS = {"training": {"enabled": False}}


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    for page in PAGES:
        (folder / page).parent.mkdir(exist_ok=True)
        shutil.copy(HANDBOOK / page, folder / page)
    return folder


@pytest.fixture(scope="module")
def made(docs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with masks, quotes, distractors, flags, scores, and rows with and without an answer."""
    path = tmp_path_factory.mktemp("made") / "run"
    run(docs, path, config=load_config(overrides=SETTINGS))
    return path


def printed(path: Path, *options: str) -> str:
    return CliRunner().invoke(app, ["show", str(path), "-n", "9999", "--json", *options]).stdout


def imported(file: Path, docs: Path, run_folder: Path, settings: Mapping[str, Any] = SETTINGS) -> Path:
    import_rows(file, docs, run_folder, config=load_config(overrides=settings))
    return run_folder


def exports(path: Path) -> dict[str, bytes]:
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted((path / "exports").rglob("*")) if p.is_file()}


def as_jsonl(made: Path, file: Path) -> Path:
    rows = (triple.to_dict() for triple in RunFolder(made).read("triples"))
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def as_json(made: Path, file: Path) -> Path:
    file.write_text(printed(made), encoding="utf-8")
    return file


def as_csv(made: Path, file: Path) -> Path:
    import csv

    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(TABLES["triples"]))
        writer.writeheader()
        for triple in RunFolder(made).read("triples"):
            row = triple.to_dict()
            writer.writerow({name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()})
    return file


FORMS: dict[str, Callable[[Path, Path], Path]] = {
    "show.json": as_json,
    "rows.jsonl": as_jsonl,
    "rows.csv": as_csv,
    "triples.parquet": lambda made, file: Path(shutil.copy(made / "triples.parquet", file)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_comes_back_as_it_was(form: str, made: Path, docs: Path, tmp_path: Path) -> None:
    again = imported(FORMS[form](made, tmp_path / form), docs, tmp_path / "run")
    assert printed(again) == printed(made)
    assert exports(again) == exports(made)
    assert (again / "chunks.parquet").read_bytes() == (made / "chunks.parquet").read_bytes()
    rows = list(RunFolder(made).read("triples"))
    for field in ("masks", "quotes", "distractors", "scores", "metadata"):
        assert any(getattr(row, field) for row in rows), field


@pytest.mark.parametrize(
    "settings",
    [
        {"distractors": {"num": 0}},
        {"distractors": {"num": 2, "mined": 1.0, "same_document": 0.0}},
        {"filters": {"order": ["format"]}},
        {"filters": {"order": []}},
        {"exports": {"formats": ["raft"], "options": {"raft": {"p": 0.5, "documents": "2..4"}}}},
        {"chunking": {"max_tokens": 128}},
    ],
    ids=["no distractors", "two distractors", "one filter", "no filter", "raft", "small chunks"],
)
def test_a_run_of_other_settings_comes_back(settings: dict[str, Any], docs: Path, tmp_path: Path) -> None:
    settings = SETTINGS | settings
    run(docs, tmp_path / "run", config=load_config(overrides=settings))
    again = imported(as_json(tmp_path / "run", tmp_path / "x.json"), docs, tmp_path / "again", settings)
    assert printed(again) == printed(tmp_path / "run")
    assert exports(again) == exports(tmp_path / "run")


def test_a_data_set_of_the_hub_comes_back(made: Path, docs: Path, tmp_path: Path) -> None:
    def pushed(path: Path) -> dict[str, bytes]:
        push(path, "me/handbook", license="mit", dry_run=True)
        files = sorted((path / "hub").rglob("*.parquet"))
        return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}

    before = pushed(made)
    triples = [name for name in before if name.startswith("hub/triples/")]
    assert len(triples) == 3
    again = imported(made / "hub", docs, tmp_path / "run")
    for name, content in pushed(again).items():
        if name.startswith("hub/queries/"):  # of all splits in the order of the run, where the data set is in that of splits
            both = (pq.read_table(io.BytesIO(table)).to_pylist() for table in (content, before[name]))
            one, two = (sorted(rows, key=lambda row: row["_id"]) for rows in both)
            assert one == two
        else:
            assert content == before[name], name
    one = imported(made / triples[0], docs, tmp_path / "one")
    assert len(list(RunFolder(one).read("triples"))) == pq.read_metadata(made / triples[0]).num_rows


# --- edits ------------------------------------------------------------------------------------------------------------


def edited(
    made: Path, docs: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], *, of: str
) -> tuple[Triple, Triple]:
    """The first row of a generator before and after an edit. All other rows must be as they were."""
    rows = [triple.to_dict() for triple in RunFolder(made).read("triples")]
    at = next(i for i, row in enumerate(rows) if row["generator"] == of)
    change(rows[at])
    file = tmp_path / "edited.json"
    file.write_text(json.dumps({"rows": rows}), encoding="utf-8")
    before, after = (
        list(RunFolder(made).read("triples")),
        list(RunFolder(imported(file, docs, tmp_path / "run")).read("triples")),
    )
    assert before[:at] == after[:at]
    assert before[at + 1 :] == after[at + 1 :]
    return before[at], after[at]


def differences(before: Triple, after: Triple) -> dict[str, Any]:
    one, two = before.to_dict(), after.to_dict()
    return {name: two[name] for name in one if one[name] != two[name]}


def test_an_edited_answer_loses_the_quote_of_another(made: Path, docs: Path, tmp_path: Path) -> None:
    before, after = edited(made, docs, tmp_path, lambda row: row.update(answer="Nobody knows"), of="extractive:pattern")
    were = {**before.metadata, "quotes_were": [list(span) for span in before.quotes]}
    assert differences(before, after) == {"answer": "Nobody knows", "quotes": [], "metadata": json.dumps(were, sort_keys=True)}


def test_an_answer_from_elsewhere_in_the_passage_has_its_own_quote(made: Path, docs: Path, tmp_path: Path) -> None:
    chunks = {chunk.id: chunk for chunk in RunFolder(made).read("chunks")}
    rows = [row for row in RunFolder(made).read("triples") if row.generator == "extractive:pattern"]
    text, quote = chunks[rows[0].chunk_id].text, rows[0].quotes[0]
    answer = text[-20:] if quote[1] < rows[0].end - 20 else text[:20]
    answer = " ".join(answer.split()[1:-1]) if "\n" not in answer else answer.split("\n")[0].strip()
    before, after = edited(made, docs, tmp_path, lambda row: row.update(answer=answer), of="extractive:pattern")
    [(start, end)] = after.quotes
    assert text[start - before.start : end - before.start] == after.answer == answer
    assert set(differences(before, after)) == {"answer", "quotes", "metadata"}


def test_a_shorter_answer_keeps_its_quote(made: Path, docs: Path, tmp_path: Path) -> None:
    def shorter(row: dict[str, Any]) -> None:
        row["answer"] = " ".join(row["answer"].split()[:2])

    before, after = edited(made, docs, tmp_path, shorter, of="extractive:pattern")
    assert after.quotes == before.quotes
    assert set(differences(before, after)) <= {"answer"}


def test_an_edited_query_has_the_id_of_its_query(made: Path, docs: Path, tmp_path: Path) -> None:
    before, after = edited(
        made, docs, tmp_path, lambda row: row.update(query="How are minor versions made?"), of="extractive:sentence"
    )
    assert differences(before, after) == {
        "query": "How are minor versions made?",
        "id": digest([before.chunk_sha256, "How are minor versions made?"])[:24],
    }


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"reviewed": True}, {"reviewed": True}),
        ({"reviewed": "accepted"}, {"reviewed": True}),
        ({"reviewed": "edited"}, {"reviewed": True, "metadata": '{"verdict": "edited"}'}),
        ({"note": "checked by hand"}, {"metadata": '{"note": "checked by hand"}'}),
        ({"kind": "definition"}, {"kind": "definition"}),
        ({"reasoning": "It follows from line 2."}, {"reasoning": "It follows from line 2."}),
        ({"instruction": "Be short.", "response": "Yes."}, {"instruction": "Be short.", "response": "Yes."}),
        ({"distractors": []}, {"distractors": []}),
        (
            {"answer": "It is sent on port 7421.<|im_end|>"},
            {"answer": "It is sent on port 7421.", "metadata": '{"mended": ["marks"]}'},
        ),
    ],
)
def test_another_edit_changes_that_field(
    change: dict[str, Any], changed: dict[str, Any], made: Path, docs: Path, tmp_path: Path
) -> None:
    before, after = edited(made, docs, tmp_path, lambda row: row.update(change), of="extractive:heading")
    assert differences(before, after) == changed


def test_what_is_left_out_is_gone_and_the_order_is_the_files(made: Path, docs: Path, tmp_path: Path) -> None:
    rows = [triple.to_dict() for triple in RunFolder(made).read("triples")][::-2]
    (tmp_path / "x.json").write_text(json.dumps(rows), encoding="utf-8")
    again = imported(tmp_path / "x.json", docs, tmp_path / "run")
    assert [row["id"] for row in json.loads(printed(again))["rows"]] == [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positives", []),
        ("quotes", "none"),
        ("masks", [[1]]),
        ("metadata", "{"),
        ("start", "x"),
        ("query", " "),
        ("distractors", [1]),
    ],
)
def test_a_value_that_its_column_cannot_have(name: str, value: Any, made: Path, docs: Path, tmp_path: Path) -> None:
    rows = [triple.to_dict() for triple in RunFolder(made).read("triples")]
    rows[3] |= {name: value}
    (tmp_path / "x.json").write_text(json.dumps(rows), encoding="utf-8")
    folder = RunFolder(imported(tmp_path / "x.json", docs, tmp_path / "run"))
    assert [skip.reason for skip in folder.read("skipped") if skip.path == "x.json:4"] == ["bad_row"]
    assert len(list(folder.read("triples"))) == len(rows) - 1


# --- rejected rows, and what are no rows ------------------------------------------------------------------------------


def test_rejected_rows_stay_rejected_but_for_the_reviewed(made: Path, docs: Path, tmp_path: Path) -> None:
    rows = json.loads(printed(made, "--rejected"))["rows"]
    (tmp_path / "rejected.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    with pytest.raises(InputError, match="is the table `rejected` of a run, and none of its"):
        imported(tmp_path / "rejected.json", docs, tmp_path / "none")
    rows[0]["reviewed"] = rows[1]["reviewed"] = True
    (tmp_path / "rejected.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    folder = RunFolder(imported(tmp_path / "rejected.json", docs, tmp_path / "run"))
    assert [row.id for row in folder.read("triples")] == [rows[0]["id"], rows[1]["id"]]
    assert sum(skip.reason == "was_rejected" for skip in folder.read("skipped")) == len(rows) - 2


@pytest.mark.parametrize("table", sorted(TABLES.keys() - {"triples", "candidates", "rejected"}))
def test_a_table_without_rows_is_refused_by_name(table: str, made: Path, docs: Path, tmp_path: Path) -> None:
    file = made / f"{table}.parquet"
    if not pq.read_metadata(file).num_rows:
        write_table(file := tmp_path / file.name, table, [dict.fromkeys(TABLES[table])])
    with pytest.raises(InputError, match=f"is the table `{table}`, which holds no rows"):
        imported(file, docs, tmp_path / "run")


@pytest.mark.parametrize("table", ["corpus", "queries"])
def test_a_part_of_a_beir_folder_is_refused_by_name(table: str, made: Path, docs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"is the table `{table}`, which holds no rows"):
        imported(made / "exports" / "beir" / f"{table}.jsonl", docs, tmp_path / "run")


def test_candidates_are_judged(made: Path, docs: Path, tmp_path: Path) -> None:
    first = imported(as_json(made, tmp_path / "x.json"), docs, tmp_path / "first")
    again = imported(first / "candidates.parquet", docs, tmp_path / "again", SETTINGS | {"filters": {"order": ["format"]}})
    assert [row.id for row in RunFolder(again).read("candidates")] == [row.id for row in RunFolder(first).read("candidates")]

"""Rows that no table can hold: each is skipped with its reason or ends the command in one paragraph, and the others are read."""

from __future__ import annotations

import json
import os
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.command_line import synthgen

from synthgen.errors import InputError, RunFolderError
from synthgen.evaluation.queries import read_texts
from synthgen.importers.columns import read_rows
from synthgen.importers.qrels import read_qrels
from synthgen.pipeline.run_folder import RunFolder

HERON = "The heron stands in the ford. It waits for minutes, then strikes."
GOOD = {"query": "Where does the heron stand?", "answer": "in the ford", "context": HERON}
DIGITS, DEEP = "9" * 5_000, 50_000


def line(**more: str) -> str:
    """A row as JSON, with values that are written as they are given."""
    return (
        "{"
        + ", ".join(f'"{name}": {text}' for name, text in ({n: json.dumps(v) for n, v in GOOD.items()} | more).items())
        + "}"
    )


SKIPPED = {
    "digits": (line(note=DIGITS), "more than 4,300 digits"),
    "negative_digits": (line(note="-" + DIGITS), "more than 4,300 digits"),
    "digits_within": (line(note=f'{{"a": [{DIGITS}]}}'), "more than 4,300 digits"),
    "digits_as_start": (line(start=DIGITS), "more than 4,300 digits"),
    "digits_as_answer": (line(answer=DIGITS), "more than 4,300 digits"),
    "nested_900": (line(note="[" * 900 + "]" * 900), "nested more than 100 levels"),
    "nested_900_objects": (line(note='{"a":' * 900 + "1" + "}" * 900), "nested more than 100 levels"),
    "nested_101": (line(note="[" * 101 + "]" * 101), "nested more than 100 levels"),
    "nested_without_end": (line(note="[" * DEEP), "nested more than 100 levels"),
    "nested_answer": (line(answer="[" * 900 + "]" * 900), "nested more than 100 levels"),
    "only_brackets": ("[" * DEEP, "nested more than 100 levels"),
    "long_start": (line(start="9" * 30), "start is '9999"),
    "long_end": (line(end="1e30"), "end is '1e+30'"),
    "infinite_start": (line(start="1e999"), "start is 'inf'"),
    "a_key_twice": (line()[:-1] + ', "query": "What else?"}', "the key 'query' stands twice"),
    "a_key_twice_within": (line(metadata='{"a": 1, "a": 2}'), "the key 'a' stands twice"),
    "not_utf_8": (line(note='"x"').replace('"x"', '"\udcff"'), "not UTF-8 text"),
    "a_raw_control_character": (line(note='"\x01"'), "not JSON: Invalid control character"),
    "a_raw_nul": (line(note='"\0"'), "not JSON: Invalid control character"),
    "nothing_but_nul": ("\0" * 50, "not JSON"),
    "two_names_of_one_normal_form": (line()[:-1] + ', "\u00e9": "a", "e\u0301": "b"}', "two columns have the name '\u00e9'"),
}

READ = {
    "nested_90": (line(note="[" * 90 + "]" * 90), None),
    "brackets_in_a_text": (line(note=json.dumps("[" * DEEP)), "[" * DEEP),
    "a_long_number": (line(note="9" * 4_000), int("9" * 4_000)),
    "infinite": (line(note="1e999"), None),
    "not_a_number": (line(note="NaN"), None),
    "half_a_character": (line(note='"a\\ud800b"'), "a\ufffdb"),
    "half_a_character_in_a_key": (line(note='{"\\ud800": 1}'), {"\ufffd": 1}),
    "an_emoji": (line(note='"\\ud83d\\udc26"'), "\U0001f426"),
    "a_written_nul": (line(note='"a\\u0000b"'), "a\0b"),
    "a_key_twice_with_one_value": (line()[:-1] + ', "note": 1, "note": 1}', 1),
    "a_mark_before_the_line": ("\ufeff" + line(note="1"), 1),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_a_row_that_cannot_be_kept_is_skipped_with_its_reason(name: str, tmp_path: Path) -> None:
    text, reason = SKIPPED[name]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(f"{line()}\n{text}\n{line()}\n".encode("utf-8", "surrogateescape"))
    rows, skipped, _ = read_rows(path)
    assert len(rows) == 2
    assert [(skip.path, skip.reason) for skip in skipped] == [("rows.jsonl:2", "bad_row")]
    assert reason in skipped[0].detail
    assert len(skipped[0].detail) < 300


@pytest.mark.parametrize("name", READ)
def test_a_row_that_looks_like_one_of_them_is_read(name: str, tmp_path: Path) -> None:
    text, note = READ[name]
    (tmp_path / "rows.jsonl").write_text(f"{line()}\n{text}\n", encoding="utf-8")
    rows, skipped, _ = read_rows(tmp_path / "rows.jsonl")
    assert (len(rows), skipped) == (2, [])
    if note is not None:
        assert rows[1].metadata["note"] == note


@pytest.mark.parametrize("name", ["digits", "nested_900", "only_brackets", "a_key_twice", "a_raw_nul"])
def test_a_json_file_with_such_a_row_is_told(name: str, tmp_path: Path) -> None:
    text, reason = SKIPPED[name]
    (tmp_path / "rows.json").write_text(f"[{line()}, {text}]", encoding="utf-8")
    with pytest.raises(InputError, match="is not JSON: ") as told:
        read_rows(tmp_path / "rows.json")
    assert reason.removeprefix("not JSON: ") in str(told.value)


CELLS = {
    "brackets": "[" * DEEP,
    "closed_brackets": "[" * 900 + "]" * 900,
    "braces": '{"a":' * 900 + "1" + "}" * 900,
    "quoted_brackets": "['" + "[" * DEEP + "']",
    "minus": "-" * DEEP + "1",
    "digits": DIGITS,
    "digits_in_a_list": f"[{DIGITS}]",
    "hexadecimal_digits": "[0x" + "f" * 5_000 + "]",
    "answers_of_squad": '[{"text": "in the ford", "answer_start": ' + DIGITS + "}]",
    "deep_answers_of_squad": '{"text": ' + "[" * 900 + "]" * 900 + ', "answer_start": [1]}',
    "messages": '[{"role": "user", "content": ' + "[" * DEEP,
    "an_escape_of_nothing": r"['\d', '\UFFFFFFFF']",
    "names": "[x, y]",
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("column", ["answer", "messages", "metadata"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_cell_is_text_or_a_bad_row(suffix: str, column: str, cell: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [GOOD | {column: "x"}, GOOD | {column: CELLS[cell]}]
    path = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        quoted = [",".join('"' + text.replace('"', '""') + '"' for text in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *quoted]) + "\n")
    read, skipped, _ = read_rows(path)
    assert len(read) + len(skipped) == 2
    json.dumps([row.metadata for row in read])


OWN = GOOD | {
    "id": "a",
    "positives": ["c#0-9"],
    "document_id": "c",
    "start": 0,
    "end": 9,
    "chunk_sha256": "0" * 64,
    "quotes": [],
    "masks": [],
    "generator": "x",
}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("start", 10**30),
        ("start", float("inf")),
        ("end", "9" * 5_000),
        ("end", [1]),
        ("quotes", [[0, 10**30]]),
        ("quotes", [[0, float("inf")]]),
        ("masks", [[0, float("nan")]]),
        ("quotes", "[" * DEEP + "]" * DEEP),
        ("metadata", "[" * DEEP),
        ("metadata", '{"a": ' + DIGITS + "}"),
        ("metadata", '{"a": 1, "a": 2}'),
        ("scores", "{" * 900),
        ("distractors", [{"chunk_id": "c", "found_by": "bm25", "rank": 10**30, "score": 1, "relative": 1}]),
        ("distractors", [{"chunk_id": "c", "found_by": "bm25", "rank": 1, "score": "much", "relative": 1}]),
        ("distractors", [{"chunk_id": ["c"], "found_by": "bm25", "rank": 1, "score": 1, "relative": 1}]),
        ("distractors", [{"chunk_id": "c"}]),
        ("positives", [{}]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_value_of_a_row_of_ours_is_a_bad_row(column: str, value: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (OWN, OWN | {column: value})))
    rows, skipped, _ = read_rows(tmp_path / "rows.jsonl")
    assert (len(rows), [skip.reason for skip in skipped]) == (1, ["bad_row"])
    assert len(skipped[0].detail) < 300


@pytest.mark.parametrize(
    "column", ["query", "answer", "id", "document_id", "generator", "note", "metadata", "flags", "reasoning"]
)
def test_half_a_character_in_a_row_of_ours_is_replaced(column: str, tmp_path: Path) -> None:
    value = {"metadata": {"a\ud800": "\udfff"}, "flags": ["\ud800"]}.get(column, "half \ud83d")
    (tmp_path / "rows.jsonl").write_text(json.dumps(OWN | {column: value}) + "\n")
    ((row,), skipped, _) = read_rows(tmp_path / "rows.jsonl")
    assert not skipped
    assert row.own
    for part in row.own.triple.to_dict().values():
        json.dumps(part, ensure_ascii=False, default=str).encode("utf-8")


def test_parquet_whose_values_python_cannot_hold(tmp_path: Path) -> None:
    far = pa.array([datetime(2024, 1, 1).timestamp() * 1_000, 10**15], pa.float64()).cast(pa.int64()).cast(pa.timestamp("ms"))
    texts = pa.Array.from_buffers(pa.string(), 2, [None, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")])
    for name, column in (("far.parquet", far), ("bytes.parquet", texts)):
        table = pa.Table.from_pylist([GOOD, GOOD]).append_column("note", column)
        pq.write_table(table, tmp_path / name)
        rows, skipped, _ = read_rows(tmp_path / name)
        assert (len(rows), [skip.path for skip in skipped]) == (1, [f"{name}:2"])
        assert "a value cannot be read: " in skipped[0].detail


# --- two columns of one name ------------------------------------------------------------------------------------------


def _struct(*fields: pa.Field) -> pa.Array:
    return pa.StructArray.from_arrays([pa.array(["a"])] * len(fields), fields=list(fields))


_TWICE = [pa.field("x", pa.string())] * 2

TWICE = {
    "columns": (["query", "query", "context"], [["a?"], ["b?"], [HERON]], "'query' 2 times"),
    "other_columns": (["query", "context", "note", "note", "note"], [["a?"], [HERON], ["1"], ["2"], ["3"]], "'note' 3 times"),
    "within_a_struct": (["query", "context", "note"], [["a?"], [HERON], _struct(*_TWICE)], "'note.x' 2 times"),
    "within_a_list": (
        ["query", "context", "note"],
        [["a?"], [HERON], pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), _struct(*_TWICE))],
        "x' 2 times",
    ),
    "without_rows": (["query", "query"], [pa.array([], pa.string())] * 2, "'query' 2 times"),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_column_twice_is_told_of_parquet(name: str, tmp_path: Path) -> None:
    names, columns, words = TWICE[name]
    pq.write_table(pa.Table.from_arrays([pa.array(column) for column in columns], names=names), tmp_path / "rows.parquet")
    with pytest.raises(InputError, match="Rename or delete all but one of them") as told:
        read_rows(tmp_path / "rows.parquet")
    assert words in str(told.value)


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("header", ["query,query,context", "query, query,context"])
def test_a_column_twice_is_told_of_csv(suffix: str, header: str, tmp_path: Path) -> None:
    text = f'{header}\na?,b?,"{HERON}"\n'
    (tmp_path / f"rows.{suffix}").write_text(text.replace(",", "\t") if suffix == "tsv" else text, encoding="utf-8")
    with pytest.raises(InputError, match="'query' 2 times"):
        read_rows(tmp_path / f"rows.{suffix}")


def test_columns_that_differ_are_kept(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([GOOD | {"Note": "a", "note": "b", "x": {"note": "c"}}]), tmp_path / "rows.parquet")
    ((row,), skipped, _) = read_rows(tmp_path / "rows.parquet")
    assert not skipped
    assert row.metadata == {"Note": "a", "note": "b", "x": {"note": "c"}}


def _beir(folder: Path, **more: str) -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": HERON}) + "\n" + more.get("corpus", ""))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": GOOD["query"]}) + "\n" + more.get("queries", ""))
    (folder / "qrels" / "test.tsv").write_text("q\td\t1\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("part", ["corpus", "queries"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"_id": "d", "text": "Another."}\n{"_id": "q", "text": "Another?"}\n', "another text has the _id"),
        ("{}}\n", "not JSON"),
        ("[1]\n", "list, not an object"),
        (f'{{"_id": "x", "text": {DIGITS}}}\n', "4,300 digits"),
    ],
)
def test_no_row_of_a_beir_folder_vanishes(part: str, text: str, reason: str, tmp_path: Path) -> None:
    rows, skipped, _ = read_rows(_beir(tmp_path / "given", **{part: text}))
    assert [(row.query, row.context) for row in rows] == [(GOOD["query"], HERON)]
    assert [reason in skip.detail for skip in skipped] == [True]
    assert skipped[0].path.startswith(f"{part}.jsonl:")


def test_a_row_twice_in_a_beir_folder_is_one(tmp_path: Path) -> None:
    rows, skipped, _ = read_rows(_beir(tmp_path / "given", corpus=json.dumps({"_id": "d", "text": HERON}) + "\n"))
    assert (len(rows), skipped) == (1, [])


# --- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"_id": "b", "text": "x", "metadata": ' + "[" * 900 + "]" * 900 + "}", "line 2 .*nested more than 100 levels"),
        ("[" * DEEP, "line 2 .*nested more than 100 levels"),
        ('{"_id": ' + DIGITS + ', "text": "x"}', "line 2 .*more than 4,300 digits"),
        ('{"_id": "b", "text": "\\ud800"}', r"line 2 .*half a character \(a lone surrogate, U\+D800\)"),
        ('{"_id": "\\udc80", "text": "b"}', r"line 2 .*half a character \(a lone surrogate, U\+DC80\)"),
        ('{"_id": "b", "\\udfff": "b", "text": "b"}', r"line 2 .*half a character"),
        ('{"_id": "b", "text": "b", "text": "c"}', "line 2 .*the key 'text' stands twice"),
        ('{"_id": "a", "text": "another"}', "row 2 has the _id 'a', which an earlier row has with another text"),
        ('{"_id": "b", "text": 9}', "row 2 has the keys"),
        ("\0", "line 2 is not JSON"),
        ("null", "line 2 is NoneType"),
    ],
)
def test_a_bad_query_is_told_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_text('{"_id": "a", "text": "b"}\n' + text + "\n")
    with pytest.raises(InputError, match=words) as told:
        read_texts(tmp_path)
    assert len(str(told.value)) < 500


def test_marks_between_joined_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_text(
        '\ufeff{"_id": "a", "text": "b"}\n\ufeff{"_id": "b", "text": "c"}\n', encoding="utf-8"
    )
    assert read_texts(tmp_path) == {"a": "b", "b": "c"}
    (tmp_path / "test.tsv").write_text("\ufeffq\td\t1\n\ufeffr\td\t1\n", encoding="utf-8")
    assert [found[1] for found in read_qrels(tmp_path / "test.tsv")] == ["q", "r"]


# --- names ------------------------------------------------------------------------------------------------------------

BAD_NAMES = [b"caf\xe9", b"\xff\xfe", b"a\xc3", "\u00fc".encode("utf-16-le") + b"\xdc", b"\x80 \x1b[2J"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_rows_of_a_file_whose_name_is_not_utf_8(name: bytes, tmp_path: Path) -> None:
    bad = os.fsdecode(name.replace(b"\0", b""))
    (tmp_path / f"{bad}.jsonl").write_text(json.dumps(GOOD) + "\n{\n")
    (tmp_path / f"{bad}.csv").write_text(f'query,context\na?,"{HERON}"\na?\n')
    pq.write_table(pa.Table.from_pylist([GOOD]), tmp_path / "rows.parquet")
    (tmp_path / "rows.parquet").rename(tmp_path / f"{bad}.parquet")
    for path in tmp_path.iterdir():
        rows, skipped, _ = read_rows(path)
        assert len(rows) == 1
        assert all(place.isprintable() for place in [rows[0].where, *(skip.path for skip in skipped)])
    with pytest.raises(RunFolderError, match="is not UTF-8 text"):
        RunFolder(tmp_path / bad)


def test_commands_with_names_that_are_not_utf_8(tmp_path: Path) -> None:
    bad = os.fsdecode(b"caf\xe9")
    docs, rows, run = tmp_path / f"{bad} docs", tmp_path / f"{bad}.jsonl", tmp_path / "run"
    docs.mkdir()
    (docs / "heron.md").write_text(f"# Heron\n\n{HERON}\n")
    (docs / f"{bad}.md").write_text("# Owl\n\nThe owl sits in the oak. It hears the mouse.\n")
    rows.write_text(json.dumps(GOOD) + "\n{\n")
    refused = synthgen("import", rows, docs, tmp_path / bad)
    assert (refused.returncode, "is not UTF-8 text" in refused.stderr, (tmp_path / bad).exists()) == (1, True, False)
    for _ in range(2):  # the second finds what the first has written
        done = synthgen("import", rows, docs, run, "--set", "training.enabled=false", "-q")
        assert done.returncode == 0, done.stderr
    assert synthgen("status", run, "--json").returncode == 0


def test_a_name_in_another_normal_form_is_kept(tmp_path: Path) -> None:
    path = tmp_path / unicodedata.normalize("NFD", "\u00e9.jsonl")
    path.write_text(json.dumps(GOOD) + "\n")
    assert len(read_rows(path)[0]) == 1


def test_rows_do_not_come_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_rows(tmp_path / "rows.jsonl")

"""Each option that takes a path, with each kind of bad file: one paragraph with exit code 1, no traceback, nothing hung."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import synthgen

HERON = "The heron stands in the ford. It waits for minutes, then strikes."
QRELS = "query-id\tcorpus-id\tscore\nq1\theron.md\t1\n"
QUERY = json.dumps({"_id": "q1", "text": "Where does the heron stand?"}) + "\n"
PASSAGE = json.dumps({"_id": "heron.md", "title": "", "text": HERON}) + "\n"
PROMPT = "name: own\ndescription: d\nkind: question\ntask: Ask {{ wanted }} questions.\ninstructions: [Short.]\nfields: {query: q, answer: a}\n"
PRICES = "dated: 2026-01-01\nmodels: {gpt-4.1-mini: {input: 1, output: 2}}\n"
ROWS = json.dumps({"query": "Where does the heron stand?", "answer": "in the ford", "context": HERON}) + "\n"
SHOTS = json.dumps({"document": HERON, "query": "Where?", "answer": "in the ford"}) + "\n"
TABLE = f'query,answer,context\nWhere does it stand?,in the ford,"{HERON}"\n'

Maker = Callable[[Path, str], Any]


def _socket(path: Path, _: str) -> None:
    """What cannot be opened, whoever asks."""
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


KINDS: dict[str, Maker] = {
    "missing": lambda path, _: None,
    "a_folder": lambda path, _: path.mkdir(),
    "a_link_to_itself": lambda path, _: path.symlink_to(path.name),
    "a_socket": _socket,
    "empty": lambda path, _: path.write_bytes(b""),
    "only_a_mark": lambda path, _: path.write_bytes(b"\xef\xbb\xbf"),
    "utf_16": lambda path, good: path.write_text(good, encoding="utf-16"),
    "utf_16_le_without_mark": lambda path, good: path.write_text(good, encoding="utf-16-le"),
    "utf_16_be_without_mark": lambda path, good: path.write_text(good, encoding="utf-16-be"),
    "utf_32_without_mark": lambda path, good: path.write_text(good, encoding="utf-32-be"),
    "latin_1": lambda path, good: path.write_bytes("caf\u00e9 \u00fcber ".encode("latin-1") + good.encode()),
    "nul_bytes": lambda path, _: path.write_bytes(b"\0" * 5_000),
    "control_characters": lambda path, _: path.write_bytes(bytes(range(32)) * 20),
    "compressed": lambda path, good: path.write_bytes(gzip.compress(good.encode())),
    "deep": lambda path, _: path.write_text("[" * 20_000),
    "digits": lambda path, _: path.write_text('{"a": ' + "9" * 5_000 + "}"),
    "a_list": lambda path, _: path.write_text("[1, 2, 3]\n"),
    "a_word": lambda path, _: path.write_text("heron\n"),
}

PATHS: dict[str, tuple[str, str]] = {
    "-c": ("own.yaml", "seed: 1\n"),
    "generation.prompt": ("own.yaml", PROMPT),
    "generation.shots": ("shots.jsonl", SHOTS),
    "llm.prices": ("prices.yaml", PRICES),
    "jsonl": ("rows.jsonl", ROWS),
    "json": ("rows.json", f"[{ROWS}]"),
    "csv": ("rows.csv", TABLE),
    "tsv": ("rows.tsv", TABLE.replace(",", "\t")),
    "parquet": ("rows.parquet", "PAR1"),
    "beir corpus": ("given/corpus.jsonl", PASSAGE),
    "beir queries": ("given/queries.jsonl", QUERY),
    "beir qrels": ("given/qrels/test.tsv", QRELS),
    "--queries": ("given/queries.jsonl", QUERY),
    "--queries qrels": ("given/qrels/test.tsv", QRELS),
}

FINE = {
    ("-c", "empty"),
    ("-c", "only_a_mark"),  # as good as no file
}


def _arguments(option: str, path: Path, docs: Path) -> list[object]:
    run = docs.parent / "run"
    if option == "-c":
        return ["plan", docs, "-m", "openai/gpt-4.1-mini", "-c", path]
    if "." in option:
        return ["plan", docs, "-m", "openai/gpt-4.1-mini", "--set", f"{option}={path}"]
    if option.startswith("--queries"):
        return ["run", docs, run, "--queries", docs.parent / "given"]
    return ["import", docs.parent / "given" if option.startswith("beir") else path, "-", run]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "heron.md").write_text(f"# Heron\n\n{HERON}\n")
    return tmp_path / "docs"


def _made(option: str, docs: Path) -> Path:
    """The path of an option, whose neighbours are as they should be."""
    name, _ = PATHS[option]
    if name.startswith("given/"):
        (docs.parent / "given" / "qrels").mkdir(parents=True)
        for other, content in (("queries.jsonl", QUERY), ("qrels/test.tsv", QRELS)):
            (docs.parent / "given" / other).write_text(content)
        if option.startswith("beir"):
            (docs.parent / "given" / "corpus.jsonl").write_text(PASSAGE)
        (docs.parent / name).unlink(missing_ok=True)
    return docs.parent / name


@pytest.mark.parametrize("option", PATHS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_ends_in_one_paragraph(kind: str, option: str, docs: Path) -> None:
    path = _made(option, docs)
    KINDS[kind](path, PATHS[option][1])
    done = synthgen(*_arguments(option, path, docs))
    told = [line for line in done.stderr.splitlines() if line.startswith("synthgen: ")]
    if (option, kind) in FINE:
        assert (done.returncode, told) == (0, []), done.stderr
        return
    assert (done.returncode, len(told)) == (1, 1), done.stderr
    assert len(told[0]) < 1_500
    if kind.startswith(("utf_16", "utf_32")) and option != "parquet":
        assert f"is not UTF-8 text, but {kind[:6].upper().replace('_', '-')}. Save it as UTF-8." in told[0]


@pytest.mark.parametrize("option", [option for option in PATHS if option != "parquet"])
def test_a_file_that_may_not_be_read_is_told(option: str, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _made(option, docs)
    path.write_text(PATHS[option][1])
    opened = io.open

    def refused(file: Any, *rest: Any, **more: Any) -> Any:
        if str(file) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(file, *rest, **more)

    monkeypatch.setattr(io, "open", refused)
    done = synthgen(*_arguments(option, path, docs))
    told = [line for line in done.stderr.splitlines() if line.startswith("synthgen: ")]
    assert (done.returncode, len(told)) == (1, 1), done.stderr
    assert f"{path} cannot be read: Permission denied." in told[0]

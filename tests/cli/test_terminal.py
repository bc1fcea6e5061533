"""Nothing that a document, a model, a file name or a server wrote commands the terminal, on any screen or in a log."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from support import command_line

import synthgen.cli
from synthgen.cli.progress import Progress, run_log
from synthgen.records import Event, Meter

TITLE = "\x1b]0;owned\x07"
TEXT = f"The pump{TITLE} needs two litres of oil \u202eevery\u202c day. The valve\x9b2J was made in Leeds in 1990. [red]Stop[/red] it at night."
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "docs").mkdir()
    for n in range(4):
        (folder / "docs" / f"pump{n}{TITLE}.txt").write_text(TEXT.replace("1990", f"199{n}").replace("pump", f"pump {n}"))
    (folder / "docs" / f"left\u202e{TITLE}.xyz").write_text("out")
    rows = [
        {"query": f"What{TITLE} does \u202ethe pump {n} need?", "answer": f"two{TITLE} litres", "positive": TEXT}
        for n in range(4)
    ]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = command(folder, "run", "docs", "run", "--set", "training.enabled=false", "--set", "exports.formats=[st-pair]", "-v")
    assert done.returncode == 0, done.stderr
    assert not RAW.search(done.stdout + done.stderr)
    return folder


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    with chdir(folder):
        return command_line.synthgen(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "run", "-n", "50"],
        ["show", "run", "--rejected"],
        ["show", "run", "--json"],
        ["status", "run"],
        ["status", "run", "--json"],
        ["plan", "docs", "--show", "1", "-m", "openai/x"],
        ["plan", "docs", "--show", "1", "-m", "openai/x", "--json"],
        ["export", "run", "-f", "st-pair"],
        ["import", "rows.jsonl", "-", "imported", "--set", "training.enabled=false", "--set", "filters.order=format"],
        ["show", "run", "--reason", f"no{TITLE}reason"],
        ["run", f"no{TITLE}\u202efolder", "run2"],
        ["list", f"nothing{TITLE}"],
        ["run", "docs", "run3", "-m", f"open{TITLE}ai/x"],
    ],
    ids=lambda arguments: " ".join(arguments[:4]).encode("unicode_escape").decode(),
)
def test_no_screen_has_a_character_that_a_terminal_obeys(arguments: list[str], run: Path) -> None:
    done = command(run, *arguments)
    assert done.stdout + done.stderr
    assert not RAW.search(done.stdout + done.stderr)


def test_what_was_escaped_can_be_read_and_json_is_exact(run: Path) -> None:
    shown = command(run, "show", "run", "-n", "50").stdout
    assert r"\x1b]0;owned\x07" in shown
    assert "[red]Stop[/red]" in shown
    rows = json.loads(command(run, "show", "run", "-n", "50", "--json").stdout)["rows"]
    assert any(TITLE in row["document_id"] for row in rows)


def test_the_log_of_a_run_has_no_such_character(run: Path) -> None:
    assert not RAW.search((run / "run" / "run.log").read_text(encoding="utf-8"))


def test_rows_on_a_terminal_say_the_same_and_a_pipe_gets_the_bytes_of_the_file(run: Path) -> None:
    export = [sys.executable, "-m", "synthgen", "export", "run", "-f", "st-pair", "-o", "-"]
    piped = subprocess.run(export, cwd=run, capture_output=True, check=True).stdout
    assert piped == (run / "run" / "exports" / "st-pair" / "train.jsonl").read_bytes()
    screen, side = pty.openpty()
    process = subprocess.Popen(export, cwd=run, stdout=side, stderr=subprocess.DEVNULL)
    os.close(side)
    shown = b"".join(read(screen)).decode("utf-8")
    assert process.wait() == 0
    assert [json.loads(line) for line in shown.splitlines()] == [json.loads(line) for line in piped.splitlines()]
    assert not RAW.search(shown.replace("\r\n", "\n"))


def read(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(descriptor, 65_536)
        except OSError:
            return
        if not piece:
            return
        yield piece


@pytest.mark.parametrize("said", [TITLE, "\u202eretsim", "a\nb\rc", "\x9b2J", "[red]x[/red]\x1b[0m"])
def test_progress_shows_what_a_server_says_as_codes(said: str, tmp_path: Path) -> None:
    stream = io.StringIO()
    with run_log(tmp_path / "run.log"):
        progress = Progress(stream)
        progress(Event("generate", 1, 2, said, Meter(finished=1, waiting=f"waits: {said}", findings=f"found: {said}")))
        progress.close()
        logging.getLogger("synthgen").warning("told: %s", said)
    shown, logged = stream.getvalue(), (tmp_path / "run.log").read_text(encoding="utf-8")
    assert not RAW.search(shown + logged)
    assert len([line for line in logged.splitlines() if "told: " in line]) == 1
    assert all(re.match(r"\d{4}-\d\d-\d\d", line) for line in logged.splitlines())


def test_only_one_module_of_the_command_line_prints() -> None:
    folder = Path(synthgen.cli.__file__).parent
    printing = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == {"terminal.py"}

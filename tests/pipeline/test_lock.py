"""One command at a time works on a run folder, and the second one is told who the first is."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synthgen.errors import RunFolderError
from synthgen.pipeline import lock
from synthgen.pipeline.run_folder import RunFolder

HOLD = """
import sys
from pathlib import Path
from synthgen.pipeline.run_folder import RunFolder
run = Path(sys.argv[1])
sys.argv = ["/usr/bin/synthgen", *sys.argv[1:]]
with RunFolder(run).held():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(run: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the folder until its standard input ends."""
    command = [sys.executable, "-c", HOLD, str(run), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def told(run: Path) -> str:
    """What a second command is told."""
    with pytest.raises(RunFolderError) as error, RunFolder(run).held():
        pass
    return str(error.value)


def is_free(run: Path) -> bool:
    with RunFolder(run).held():
        return True


def test_the_second_command_is_told_which_one_is_the_first(tmp_path: Path) -> None:
    with holder(tmp_path, "--max-cost", "5", "two words") as process:
        message = told(tmp_path)
    assert f"{tmp_path} is in use by another command: process {process.pid} since " in message
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", message)
    assert f"`synthgen {tmp_path} --max-cost 5 'two words'`" in message
    assert message.endswith("Wait for it, or use another run folder.")


def test_a_killed_command_holds_nothing_and_its_text_means_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert str(process.pid) in (tmp_path / ".lock").read_text(encoding="utf-8")
        assert is_free(tmp_path)
    with holder(tmp_path) as other:
        assert f"process {other.pid} " in told(tmp_path)


def test_a_command_that_ends_takes_its_text_with_it(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.communicate("")
        assert process.returncode == 0
    assert (tmp_path / ".lock").read_bytes() == b""
    assert is_free(tmp_path)


def test_another_machine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunFolder(tmp_path).held():
        monkeypatch.setattr(lock.socket, "gethostname", lambda: "elsewhere")
        text = json.loads((tmp_path / ".lock").read_text(encoding="utf-8"))
        assert f"process {os.getpid()} on another machine, {text['host']}, since" in told(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"pid": 1}', b"\xff\xfe"])
def test_a_text_that_says_nothing_is_left_out(tmp_path: Path, text: bytes) -> None:
    with RunFolder(tmp_path).held():
        (tmp_path / ".lock").write_bytes(text)
        assert told(tmp_path) == f"{tmp_path} is in use by another command. Wait for it, or use another run folder."


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["/opt/venv/bin/synthgen", "run", "docs", "my run"], "synthgen run docs 'my run'"),
        (["/opt/synthgen/__main__.py", "run"], "synthgen run"),
        (["synthgen", "--base-url", "https://me:pa@ss@host/v1"], "synthgen --base-url https://…host/v1"),
        (["synthgen", "--base-url", "https://host/v1?key=abc", "-q"], "synthgen --base-url 'https://host/v1…' -q"),
        (["synthgen", "--set", "llm.stop=[?]"], "synthgen --set 'llm.stop=[?]'"),
        (["synthgen", "two\nlines"], "synthgen 'two lines'"),
        ([""], "''"),
    ],
)
def test_the_command_is_shown_without_what_an_address_may_give_away(argv: list[str], shown: str) -> None:
    assert lock._command(argv) == shown


def test_a_long_command_is_cut() -> None:
    shown = lock._command(["synthgen", "run", "x" * 500])
    assert len(shown) == 200
    assert shown.endswith("x…")


def test_the_environment_is_not_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-toad-in-the-hole")
    with holder(tmp_path):
        assert "toad" not in (tmp_path / ".lock").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="could not be written"), RunFolder(tmp_path / "none").held():
        pass


def test_an_error_of_the_work_is_not_taken_for_one_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="pond"), RunFolder(tmp_path).held():
        raise FileNotFoundError("pond")
    assert is_free(tmp_path)

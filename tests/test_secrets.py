"""The key is sent to the endpoint, and is found nowhere else: no file, log, error, table or report of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import synthgen

from synthgen import storage
from synthgen.testing import FakeOpenAI, Fault, Logged

KEY = "sk-one-ring-9f8e7d6c5b4a-to-rule-them-all"
HEADING = "## Chapter {0}\n\nHobbit number {0} lives in a hole with a round green door and {0} pantries full of seed-cake.\n\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(6):
        text = "".join(HEADING.format(10 * number + part) for part in range(4))
        (folder / f"shire{number}.md").write_text(f"# Shire {number}\n\n{text}", encoding="utf-8")
    return folder


def told_back(request: Logged) -> Fault | None:
    """Errors and answers that repeat the key, as some servers do."""
    if request.path != "/v1/chat/completions":
        return None
    kinds = [
        Fault("error", status=400, message=f"what is Bearer {KEY}?"),
        Fault("error", status=500, message=f"the key {KEY} broke something"),
        Fault("rate_limit", message=f"too many for {KEY}", retry_after_ms="5"),
        Fault("malformed"),
        None,
        None,
    ]
    return kinds[int(request.digest[:4], 16) % len(kinds)] if request.attempt == 1 else None


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file as it is, and tables also as their rows: Parquet may compress what it holds."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"{path} (rows)", repr(list(storage.read_table(path))).encode()


@pytest.mark.slow
def test_the_key_appears_in_nothing_that_a_run_leaves_or_says(tmp_path: Path, docs: Path) -> None:
    run = tmp_path / "run"
    flags = ["-m", "openai/fake-model", "--set", "training.enabled=false", "--set", "chunking.max_tokens=40"]
    with FakeOpenAI(api_key=KEY, script=told_back) as server:
        where = ["--base-url", server.base_url]
        said = [
            synthgen("plan", docs, run, *flags, *where, "--pilot", 4, "--show", 2, key=KEY),
            synthgen("run", docs, run, *flags, *where, "-v", key=KEY),
            synthgen("retry", run, "-v", key=KEY),
            synthgen("status", run, "--json", key=KEY),
            synthgen("show", run, "--rejected", key=KEY),
            synthgen("batch", "submit", tmp_path / "batched", "--docs", docs, *flags, *where, key=KEY),
            synthgen("batch", "collect", tmp_path / "batched", key=KEY),
            synthgen("run", docs, tmp_path / "refused", *flags, *where, key="sk-a-wrong-one"),
        ]
        assert {logged.authorization for logged in server.log} == {f"Bearer {KEY}", "Bearer sk-a-wrong-one"}
        assert [one.returncode for one in said] == [0] * 7 + [1], said
        assert {logged.fault for logged in server.log} >= {"error", "rate_limit", "malformed"}, "the faults were not met"
    for place, content in [*files(tmp_path), *((str(one.args), (one.stdout + one.stderr).encode()) for one in said)]:
        assert KEY.encode() not in content, place
        assert b"sk-a-wrong-one" not in content, place

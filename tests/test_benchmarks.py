"""Every benchmark starts, and those that need no data give a result at a small size."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = sorted(path.name for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))

SMALL = {
    "engine_faults.py": ["--calls", "40", "--rounds", "1", "--retry-after", "0.05"],
    "engine_speed.py": ["--calls", "40", "--rounds", "1", "--in-flight", "64"],
    "export_speed.py": ["--rows", "200", "--formats", "raft", "st-pair"],
    "filter_speed.py": ["--rows", "400"],
    "random_servers.py": ["--servers", "4", "--processes", "1"],
    "rate_limits.py": ["--repeats", "1", "--seconds", "5", "--scenarios", "requests-hidden-stray"],
    "retrieval_gain.py": [],
    "slow_server.py": ["--scale", "0.02", "--calls", "20", "--cells", "one-slot"],
    "time_left.py": ["--runs", "1", "--first", "8", "--processes", "1"],
    "stray_refusals.py": ["--calls", "40", "--shares", "0.1", "--statuses", "529", "--waits", "absent", "date"],
}


def run(name: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, f"benchmarks/{name}", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{name}: {done.stderr[-2_000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_it_starts(name: str) -> None:
    assert "usage" in run(name, "--help")


@pytest.mark.slow
def test_they_give_results(tmp_path: Path) -> None:
    """Two at a time, since most of them wait most of the time."""
    data = tmp_path / "data"
    shutil.copytree(ROOT / "data" / "handbook-queries", data)
    shutil.copytree(ROOT / "data" / "handbook", data / "files")
    (data / "corpus.jsonl").touch()

    def result(name: str) -> Any:
        path = tmp_path / f"{name}.json"
        run(name, *([str(data)] if name == "retrieval_gain.py" else []), *SMALL[name], "--out", str(path))
        return json.loads(path.read_text(encoding="utf-8"))

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(result, SMALL))

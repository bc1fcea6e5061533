"""Nobody pays twice: a run that is killed again and again ends as if nothing had happened.

Faults are on all the while: of the transport at the first attempt, of the answer (which lead to a second request) as a function of
the request. SYNTHGEN_KILLS=50 SYNTHGEN_KILL_CALLS=5000 makes it longer, SYNTHGEN_KILL_SEED another one.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from support.run_files import outputs

from synthgen.testing import FakeOpenAI, mix

CALLS = int(os.environ.get("SYNTHGEN_KILL_CALLS", "600"))
KILLS = int(os.environ.get("SYNTHGEN_KILLS", "4"))
CONCURRENCY = 32
FAULTS = {"rate_limit": 0.05, "error": 0.02, "reset": 0.01, "malformed": 0.02, "truncated": 0.01, "slow": 0.01}
WORDS = (
    "heron",
    "otter",
    "kingfisher",
    "dragonfly",
    "mayfly",
    "trout",
    "crayfish",
    "alder",
    "willow",
    "marsh",
    "reed",
    "sluice",
)


def write_documents(folder: Path, chunks: int) -> None:
    """200 files of ten sections; every section is one chunk and says something of its own."""
    draw = random.Random(7)
    for number in range(chunks // 10):
        sections = []
        for part in range(10):
            words = " ".join(draw.choices(WORDS, k=22))
            sections.append(
                f"## Station {number}.{part}\n\nThe gauge {number * 10 + part} counts {draw.randint(2, 999)} birds: {words}.\n"
            )
        path = folder / f"region{number % 7}" / f"stations{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# Stations {number}\n\n" + "\n".join(sections), encoding="utf-8")


def command(docs: Path, run: Path, server: FakeOpenAI) -> list[str]:
    flags = {
        "chunking.max_tokens": 100,
        "chunking.min_tokens": 5,
        "training.enabled": "false",
        "generation.per_chunk": 2,
        "llm.timeout_s": 2,
    }
    settings = [part for name, value in flags.items() for part in ("--set", f"{name}={value}")]
    model = ["-m", "openai/fake-model", "--base-url", server.base_url, "--concurrency", str(CONCURRENCY)]
    return [sys.executable, "-m", "synthgen", "run", str(docs), str(run), *model, *settings]


def committed(run: Path) -> set[str]:
    """Keys of the call store, read as any tool could read them."""
    if not (run / "calls.sqlite").exists():
        return set()
    with sqlite3.connect(run / "calls.sqlite") as connection:
        try:
            return {key for (key,) in connection.execute("SELECT key FROM calls")}
        except sqlite3.OperationalError:  # killed before the table was made
            return set()


@pytest.mark.slow
def test_kills_cost_nothing_and_change_nothing(tmp_path: Path) -> None:
    docs, run = tmp_path / "docs", tmp_path / "run"
    write_documents(docs, CALLS)
    draw = random.Random(os.environ.get("SYNTHGEN_KILL_SEED", "1"))
    environment = os.environ | {"OPENAI_API_KEY": "k"}
    with FakeOpenAI(latency_s=0.05, script=mix(FAULTS)) as server:
        for kill in range(KILLS):
            before, stored = len(server.log), committed(run)
            process = subprocess.Popen(
                command(docs, run, server), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            wanted = before + draw.randint(1, 2 * (CALLS - len(stored)) // (KILLS - kill + 1) or 1)
            while len(server.log) < wanted and process.poll() is None:
                time.sleep(0.002)
            time.sleep(draw.uniform(0, 0.08))
            process.send_signal(signal.SIGKILL)
            process.wait()
            asked = {entry.key for entry in server.log[before:]}
            assert asked & stored == set(), "a committed call was requested again"
        survived, before = committed(run), len(server.log)
        assert 0 < len(survived) < CALLS, "the kills did not fall into the calls"
        assert subprocess.run(command(docs, run, server), env=environment, capture_output=True).returncode == 0
        assert {entry.key for entry in server.log[before:]} & survived == set()

        killed = Counter(entry.key for entry in server.log)
        assert {entry.fault for entry in server.log} >= set(FAULTS), "some faults were not met"
        unsettled = sum(entry.fault in ("rate_limit", "error", "reset", "slow") for entry in server.log)
        assert sum(killed.values()) - len(killed) - unsettled <= KILLS * CONCURRENCY

        whole = tmp_path / "whole"
        assert subprocess.run(command(docs, whole, server), env=environment, capture_output=True).returncode == 0
        assert committed(run) == committed(whole) == set(killed), "both runs asked the same, follow-ups included"
    assert outputs(run) == outputs(tmp_path / "whole")

"""Run folders with one file damaged at random: what does each verb make of them?

    python benchmarks/run_damage.py [--runs 500] [--first 0] [--processes 2] [--out results/run_damage.json]

Each is a copy of one finished run, paid for at a fake server. A table, the call store, config.yaml, the report, the cached verdicts, an
export or a file of the model is cut, emptied, or overwritten at a random place. Every verb ends as on the whole run, or with one
paragraph. `tests/support/run_damage.py` has the damage and the checks, of which the test suite makes a few.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from engine_setup import write_result

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))  # the test suite does the same in small

from support.run_damage import found, made

from synthgen.testing import FakeOpenAI


def part(number: int, *, first: int, runs: int, processes: int) -> list[str]:
    """What is wrong with every so manieth run."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as place, FakeOpenAI() as server:
        (Path(place) / "made").mkdir()
        run = made(Path(place) / "made", server)
        return list(found(run, Path(place), server, range(first + number, first + runs, processes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    started = time.perf_counter()
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        parts = pool.map(partial(part, first=given.first, runs=given.runs, processes=given.processes), range(given.processes))
        wrong = [one for found_there in parts for one in found_there]
    write_result({"runs": given.runs, "wrong": wrong, "seconds": round(time.perf_counter() - started, 1)}, given.out)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

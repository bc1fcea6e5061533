"""How long `synthgen --help` takes, beside a bare typer program with one verb.

    python benchmarks/help_time.py [--runs 15] [--out results/help_time.json]

Both are started in turn, so that a machine that gets slower slows both; the ratio is of medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

BARE = """
import typer
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

@app.callback()
def root(): ...

@app.command()
def verb(): ...

app(["--help"])
"""


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    commands = {"synthgen": [sys.executable, "-m", "synthgen", "--help"], "bare typer": [sys.executable, "-c", BARE]}
    for command in commands.values():
        seconds(command)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.runs):
        for name, command in commands.items():
            times[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    result = {"median_s": medians, "ratio": medians["synthgen"] / medians["bare typer"], "runs": arguments.runs}
    print(json.dumps(result, indent=2))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

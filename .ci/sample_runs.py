"""Blocks of the documentation that are the output of real runs on data/handbook: no key, no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["BLOCKS"]

ROOT = Path(__file__).resolve().parent.parent

_RUN = "synthgen run data/handbook runs/handbook --queries data/handbook-queries"
_SHORT = [  # lines of the whole output that the README shows: each is the first that begins like this
    "45 documents read",
    r"[\d,]+ rows kept",
    r"[\d,]+ distractors",
    "exports/openai-chat",
    "exports/raft",
    "exports/st-triplet",
    "exports/beir",
    "deployment:",
    r"\s+ndcg@10",
    "BM25 ",
    "base ",
    "tuned ",
    r"BM25\+tuned ",
    "tuned - base:",
    "Everything is in",
]


@cache
def _outputs() -> Mapping[str, str]:
    """Commands and what they print, run one after the other in an empty folder that has the data."""
    commands = [_RUN, "synthgen show runs/handbook -n 1 --rejected --reason not_found"]
    commands.append("synthgen plan data/handbook -m openai/gpt-4o-mini")
    with TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "data", Path(folder) / "data")
        return {command: _printed(command, folder) for command in commands}


def _printed(command: str, folder: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    arguments = [sys.executable, "-m", *command.split()]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return done.stdout.strip()


def _console(command: str, text: str) -> str:
    return f"```text\n$ {command}\n{text}\n```"


def _whole(command: str) -> Callable[[], str]:
    return lambda: _console(command, _outputs()[command])


def _excerpt() -> str:
    lines = _outputs()[_RUN].split("\n")
    return "```text\n" + "\n".join(_chosen(lines, _SHORT)) + "\n```"


def _chosen(lines: Sequence[str], beginnings: Sequence[str]) -> Iterator[str]:
    """The first line with each beginning, in this order; a line `…` stands for what is left out between two."""
    numbers = [next(i for i, line in enumerate(lines) if re.match(beginning, line)) for beginning in beginnings]
    for gap, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        if gap:
            yield "…"
        yield from (_cut(lines[number]) for _, number in run)


def _cut(line: str, width: int = 150) -> str:
    return line if len(line) <= width else line[: line.rindex(";", 0, width) + 1] + " …"


BLOCKS: Mapping[str, Callable[[], str]] = {
    "run-excerpt": _excerpt,
    "run-output": _whole(_RUN),
    "rejected-output": _whole("synthgen show runs/handbook -n 1 --rejected --reason not_found"),
    "plan-output": _whole("synthgen plan data/handbook -m openai/gpt-4o-mini"),
}

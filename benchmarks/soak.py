"""Whether anything is lost, paid twice or left different when commands and the server are killed, again and again.

    python benchmarks/soak.py [--minutes 15] [--seed 0] [--out results/soak.json]

Rounds, until the time is up. Everything in a round is drawn from its number: documents, faults of the server, latency,
concurrency, and what is killed when. A round makes one run folder twice, with the same five commands: `run` with a fake model,
`filter` with fewer distractors, `export`, `train` and `push --dry-run`. The first time nothing disturbs them. The second time

    each command is ended by SIGKILL, SIGTERM or SIGINT at random moments, and given again until it succeeds
    the server is killed and started again on its port, while a command works
    other commands (`run`, `status`, `export`, `filter`) are given on the folder that is in use

`differing` are tables, exports, weights, cards and reports (without their times) that are not byte for byte the same in
both folders. `repeated` are requests for a call that was committed before the command began, read from the log of the server.
`tracebacks` are commands that ended with one, `stuck` those that did not end within five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine_setup import write_documents, write_result

FAULTS = ("rate_limit", "error", "reset", "slow", "unavailable", "bad_json", "malformed", "truncated", "think", "no_usage")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SUFFIXES = (".parquet", ".jsonl", ".tsv", ".safetensors", ".md", ".yaml", ".json")
LONGEST_S = 300.0
MOST_TRIES = 5  # of a command that is disturbed; after them it is left alone


@dataclass
class Server:
    """A fake server in a process of its own that can be killed, and started again at the same address."""

    port: int
    log: Path
    flags: list[str]
    process: subprocess.Popen[str] | None = None
    kills: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        command = [sys.executable, "-m", "synthgen.testing", "--port", str(self.port), "--log", str(self.log), *self.flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()

    def asked(self) -> list[str]:
        """The keys of the requests for chat completions so far, in order."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [key for line in lines if line.endswith("}") and (key := json.loads(line)["key"])]


@dataclass
class Seen:
    """What a soak met."""

    rounds: int = 0
    requests: int = 0
    commands: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    server_kills: int = 0
    beside: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    differing: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def commands(docs: Path, run: Path, server: Server, draw: random.Random) -> list[list[str]]:
    """The commands of a round, one after the other, for one folder."""
    settings = {
        "training.enabled": "false",
        "training.epochs": 1,
        "llm.timeout_s": 2,
        "generation.per_chunk": draw.randint(1, 3),
        "seed": draw.randint(0, 9),
    }
    flags = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    model = ["-m", "openai/fake-model", "--base-url", server.url, "--concurrency", str(draw.choice([1, 4, 32]))]
    return [
        ["run", str(docs), str(run), *model, *flags],
        ["filter", str(run), "--set", "distractors.num=3"],
        ["export", str(run), "-f", "st-ntuple"],
        ["train", str(run)],
        ["push", str(run), "river/soak", "--license", "cc0-1.0", "--dry-run"],
    ]


class Soak:
    """The rounds of a soak, and what was seen in them."""

    def __init__(self, folder: Path) -> None:
        self.seen = Seen()
        self._folder = folder

    def round(self, number: int) -> None:
        draw, folder = random.Random(number), self._folder / str(number)
        docs = write_documents(folder / "docs", draw.randint(20, 60))
        faults = {kind: draw.choice([0.0, 0.01, 0.03, 0.08]) for kind in FAULTS}
        flags = [
            "--latency-ms",
            str(draw.choice([5, 40, 150])),
            "--seed",
            str(number),
            "--no-log-bodies",
            "--retry-after",
            "0.05",
        ]
        flags += [word for kind, rate in faults.items() for word in ("--fault", f"{kind}={rate}")]
        state, port = draw.getstate(), free_port()  # the address is a part of the key of a call
        for name in ("whole", "soaked"):
            draw.setstate(state)
            with self._serving(port, folder / f"{name}.jsonl", flags) as server:
                run = folder / name / "run"
                for command in commands(docs, run, server, draw):
                    if name == "soaked":
                        self._disturbed(command, run, server, draw)
                    else:
                        self._to_its_end(command)
                self.seen.requests += len(server.asked())
                self.seen.server_kills += server.kills
        self.seen.differing += [f"{number}: {name}" for name in different(folder / "whole" / "run", folder / "soaked" / "run")]
        self.seen.rounds += 1

    @contextmanager
    def _serving(self, port: int, log: Path, flags: list[str]) -> Iterator[Server]:
        server = Server(port, log, flags)
        server.start()
        try:
            yield server
        finally:
            server.kill()

    def _disturbed(self, command: Sequence[str], run: Path, server: Server, draw: random.Random) -> None:
        for _ in range(draw.randint(1, MOST_TRIES)):
            before, stored = len(server.asked()), committed(run)
            process = started(command)
            self._disturb(process, run, server, draw)
            ended = self._wait(process, command)
            self.seen.repeated += len(set(server.asked()[before:]) & stored)
            if ended == 0:
                return
        before, stored = len(server.asked()), committed(run)
        self._to_its_end(command)
        self.seen.repeated += len(set(server.asked()[before:]) & stored)

    def _disturb(self, process: subprocess.Popen[str], run: Path, server: Server, draw: random.Random) -> None:
        """Wait a moment that is drawn, then end the command, or the server, or give another command on the same folder."""
        wait_s = draw.choice([draw.uniform(0.2, 1.5), draw.uniform(1.0, 4.0), draw.uniform(2.0, 8.0)])
        ends_at = time.monotonic() + wait_s
        while time.monotonic() < ends_at and process.poll() is None:
            time.sleep(0.01)
        what = draw.choice(["command", "command", "command", "server", "beside"])
        if process.poll() is not None:
            return
        if what == "server":
            server.kill()
            server.kills += 1
            time.sleep(draw.uniform(0.0, 1.0))
            server.start()
        elif what == "beside":
            other = draw.choice([["status", str(run)], ["export", str(run), "-f", "st-pair", "-o", "-"], ["filter", str(run)]])
            done = subprocess.run(
                words(other), capture_output=True, text=True, env=environment(), timeout=LONGEST_S, check=False
            )
            self.seen.beside[f"{other[0]}: {done.returncode}"] += 1
            self._look(other, done.stderr)
        else:
            sent = draw.choice(SIGNALS)
            process.send_signal(sent)
            self.seen.ended[sent.name] += 1

    def _to_its_end(self, command: Sequence[str]) -> None:
        for _ in range(3):  # an outage that was longer than the patience of a command
            if (ended := self._wait(started(command), command)) == 0:
                return
        self.seen.failed.append(f"{ended}: {' '.join(command[:3])}")

    def _wait(self, process: subprocess.Popen[str], command: Sequence[str]) -> int:
        self.seen.commands += 1
        try:
            _, said = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.seen.stuck.append(" ".join(command[:3]))
            return process.returncode
        self._look(command, said)
        return process.returncode

    def _look(self, command: Sequence[str], said: str) -> None:
        if "Traceback (most recent call last)" in said:
            self.seen.tracebacks.append(f"{' '.join(command[:3])}: {said[-600:]}")


def words(command: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "synthgen", *command]


def environment() -> dict[str, str]:
    return os.environ | {"OPENAI_API_KEY": "a-benchmark-key", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def started(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(words(command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment())


def committed(run: Path) -> set[str]:
    """Keys of the answers in the call store that need not be asked for again."""
    store = run / "calls.sqlite"
    if not store.exists():
        return set()
    with closing(sqlite3.connect(store)) as connection:
        try:
            return {key for (key,) in connection.execute("SELECT key FROM calls WHERE status = 'ok'")}
        except sqlite3.OperationalError:  # killed before the table was made
            return set()


def different(one: Path, other: Path) -> list[str]:
    """The results that are not the same in two run folders."""
    left, right = results(one), results(other)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def results(run: Path) -> dict[str, bytes]:
    """Tables, exports, weights, card and report of a run folder, without the times and places of this run."""
    own = {"config.yaml", "calls.sqlite", "run.log"}
    found = {path.relative_to(run).as_posix(): path for path in run.rglob("*") if path.suffix in SUFFIXES and path.is_file()}
    contents = {name: path.read_bytes() for name, path in found.items() if name not in own}
    return {name: timeless(name, content, run) for name, content in contents.items()}


def timeless(name: str, content: bytes, run: Path) -> bytes:
    if name.endswith("report.json"):
        report: dict[str, Any] = json.loads(content)
        report.pop("timing", None)
        content = json.dumps(report, sort_keys=True).encode()
    return content.replace(str(run.parent).encode(), b"")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0, help="number of the first round")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    began, number = time.monotonic(), given.seed
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder))
        while number == given.seed or time.monotonic() - began < 60 * given.minutes:
            soak.round(number)
            number += 1
            print(json.dumps(vars(soak.seen)), file=sys.stderr, flush=True)
    write_result({"seed": given.seed, "minutes": round((time.monotonic() - began) / 60, 1), **vars(soak.seen)}, given.out)


if __name__ == "__main__":
    main()

"""Run folders of which one file is damaged at random, and what each verb makes of them.

`made` runs a paid run once; `damaged` draws from a seed which file of a copy is cut, emptied or overwritten, and where. `wrongs` has
each verb work on the copy. A verb may do what it does on the whole run, or end with one paragraph. Nothing may be asked of the model
again, and nothing sent to the Hub. config.yaml and report.json are text that people may edit: of them a verb may also take what it
reads there.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from support.command_line import synthgen
from support.run_files import outputs, write_towns

from synthgen.testing import FakeOpenAI

__all__ = ["found", "made"]

HOW = ("cut", "flipped", "flipped", "flipped", "overwritten", "emptied", "junk")
EDITABLE = ("config.yaml", "report.json")
WRITTEN = (".lock", "run.log", "calls.sqlite-wal", "calls.sqlite-shm")

READING: Sequence[Sequence[str]] = (
    ("status", "--json"),
    ("show", "-n", "99", "--json"),
    ("show", "-n", "99", "--rejected", "--json"),
    ("show", "-n", "99", "--skipped", "--json"),
    ("export", "-f", "raft", "-o", "-"),
    ("evaluate", "--queries", "QUERIES", "--json"),
    ("push", "ann/towns", "--license", "mit", "--dry-run", "-q"),
)
MAKING = ("filter", "retry", "run")


def made(folder: Path, server: FakeOpenAI, *, trained: bool = True) -> Path:
    """A finished run in `folder`, beside its documents and human queries."""
    docs, run = write_towns(folder / "docs"), folder / "run"
    write_queries(folder / "queries")
    llm = ("-m", "openai/fake-model", "--base-url", server.base_url, "--set", "training.enabled=false")
    training = [("train", run, "--set", "training.epochs=1", "-q")] if trained else []
    for command in (("run", docs, run, *llm, "-q"), *training):
        done = synthgen(*command, key="sk-fake")
        assert done.returncode == 0, done.stderr
    return run


def write_queries(folder: Path) -> None:
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"{name}.md", "text": ""} for name in ("Bree", "Moria")]
    queries = [{"_id": "1", "text": "How many roads meet at Bree?"}, {"_id": "2", "text": "What did miners dig for?"}]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    lines = ["query-id\tcorpus-id\tscore", "1\tBree.md\t1", "2\tMoria.md\t1"]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def damaged(run: Path, seed: int) -> str:
    """Damage a file of `run`; returns what was done. All that there is to say of a file is drawn from the seed."""
    drawn = random.Random(seed)
    tables = sorted(path for path in run.glob("*.*") if path.name not in WRITTEN)
    others = sorted(path for folder in ("exports", "model") for path in (run / folder).rglob("*") if path.is_file())
    path, how = drawn.choice([*tables, drawn.choice(others)]), drawn.choice(HOW)
    content = bytearray(path.read_bytes())
    at = drawn.randrange(len(content))
    if how == "cut":
        del content[at:]
    elif how == "flipped":
        content[at] ^= 1 << drawn.randrange(8)
    elif how == "overwritten":
        content[at : at + 64] = drawn.randbytes(len(content[at : at + 64]))
    else:
        content = bytearray(b"" if how == "emptied" else drawn.randbytes(300))
    path.write_bytes(content)
    return f"seed {seed}: {path.relative_to(run)} {how} at {at}"


def found(run: Path, place: Path, server: FakeOpenAI, seeds: Iterable[int]) -> Iterator[str]:
    """What verbs do wrong on copies of a run, one for each seed, which are made in `place`."""
    shutil.copytree(run.parent, place / "whole")
    whole = answers(place / "whole" / "run")
    for seed in seeds:
        shutil.copytree(run.parent, place / str(seed))
        yield from wrongs(place / str(seed) / "run", run, whole, server, seed)
        shutil.rmtree(place / str(seed))


def wrongs(run: Path, kept: Path, whole: dict[str, str], server: FakeOpenAI, seed: int) -> Iterator[str]:
    """What verbs do wrong on a damaged copy of the run `kept`, for which they print `whole`."""
    what = damaged(run, seed)
    editable = any(f" {name} " in what for name in EDITABLE)
    asked = len(server.log)
    for arguments in READING:
        yield from _wrong(what, run, arguments, whole, editable)
    making = MAKING[seed % len(MAKING)]
    given = (run.parent / "docs", run) if making == "run" else (run,)
    done = synthgen(making, *given, "-q", key="sk-fake")
    yield from _shape(what, making, done.returncode, done.stderr)
    if done.returncode == 0 and not editable and _rows(run) != _rows(kept):
        yield f"{what}: {making} made other rows"
    if len(server.log) != asked:
        yield f"{what}: {len(server.log) - asked} calls were made again"


def answers(run: Path) -> dict[str, str]:
    """What each reading verb prints for a run."""
    return {" ".join(arguments): _done(run, arguments)[1] for arguments in READING}


def _rows(run: Path) -> dict[str, bytes]:
    """Tables and exports; what is left of a damaged model or data set stands in neither."""
    return {name: content for name, content in outputs(run).items() if not name.startswith(("hub/", "model/", "report"))}


def _done(run: Path, arguments: Sequence[str]) -> tuple[int, str, str]:
    verb, *rest = (str(run.parent / "queries") if one == "QUERIES" else one for one in arguments)
    done = synthgen(verb, run, *rest)
    return done.returncode, done.stdout.replace(str(run.parent), "PLACE"), done.stderr


def _wrong(what: str, run: Path, arguments: Sequence[str], whole: dict[str, str], editable: bool) -> Iterator[str]:
    verb = " ".join(arguments)
    code, printed, said = _done(run, arguments)
    yield from _shape(what, verb, code, said)
    if code == 0 and not editable and printed != whole[verb]:
        yield f"{what}: {verb} printed something else"


def _shape(what: str, verb: str, code: int, said: str) -> Iterator[str]:
    lines = [line for line in said.splitlines() if line.startswith("synthgen: ")]
    if code not in (0, 1, 3) or (code and len(lines) != 1) or "Traceback" in said:
        yield f"{what}: {verb} ended with {code}: {said[-300:]}"

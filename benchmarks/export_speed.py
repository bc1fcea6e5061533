"""How fast every format is written and checked, and how much memory that takes.

    python benchmarks/export_speed.py [--rows 100000] [--formats st-pair raft …] [--out results/export_speed.json]

Two rows for each chunk, five distractors each (three mined, one of the document, one random), chunks of about 1,200 characters and ten
of them a document. Words are those of the sample corpus, drawn by how often they stand there, so that tokens are as long as in
English. An answer is a sentence of its chunk, with its quote. `classification-chat` has rows of its own: a text and one of ten labels.

The rows are made once, as the tables of a run folder. Each format is a process of its own, as `synthgen export` is: it reads
the tables (`read_s`), writes the format (`write_s`), reads its files again to check them (`check_s`), and tells its peak memory.
`floor_s` is what `json.dumps` alone takes for the same rows. `triples_per_s` counts the rows that went in, whether or not they make a
row of the format each: some make several, and `corpus-text` joins eight chunks into one.

Seconds are those of the processor (one thread, writing to disk included as far as the system does it for the process), so that other
work on the machine does not change them much; `wall_s` has how long writing and checking took by the clock.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import regex
from engine_setup import in_child, peak_mib, write_result

from synthgen import storage
from synthgen.config.settings import Config
from synthgen.exporters.context import ExportContext
from synthgen.exporters.export import export
from synthgen.exporters.formats import FORMATS
from synthgen.pipeline.export import check_export
from synthgen.records import CLASSIFICATION, Chunk, Distractor, Triple, digest, make_triple

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "handbook"
LABELS = ("billing", "delivery", "refund", "account", "outage", "praise", "complaint", "question", "spam", "other")


def sentences() -> Iterator[list[str]]:
    """Sentences of 8 to 20 words, without end."""
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.rglob("*.md")))
    counts = Counter(regex.findall(r"\p{Latin}[\p{Latin}'-]*", text))
    known = sorted(counts)
    weights = list(itertools.accumulate(counts[word] for word in known))
    draw = random.Random(0)
    while True:
        yield draw.choices(known, cum_weights=weights, k=draw.randint(8, 20))


def chunks_of(count: int) -> list[Chunk]:
    """Ten to a document, of which eight in ten are for training."""
    made, words, offset = [], sentences(), 0
    for number in range(count):
        document = f"manual/part{number // 10 % 100:02d}/page{number // 10}.md"
        offset = 0 if number % 10 == 0 else offset + 40
        text = " ".join(f"{' '.join(next(words)).capitalize()}." for _ in range(14))
        split = ("dev", "test", *["train"] * 8)[number // 10 % 10]
        made.append(
            Chunk(
                f"{document}#{offset}-{offset + len(text)}",
                document,
                offset,
                offset + len(text),
                text,
                digest(text),
                headings=(f"Part {number // 10 % 100}", f"Section {number % 10}"),
                n_tokens=len(text) // 5,
                language="en",
                group=document,
                split=split,
            )
        )
        offset += len(text)
    return made


def triples_of(chunks: list[Chunk], labelled: bool) -> Iterator[Triple]:
    draw = random.Random(1)
    for number, chunk in enumerate(chunks):
        told = chunk.text.split(". ")
        for part in draw.sample(range(len(told) - 1), 2):
            begin = chunk.start + len(". ".join(told[:part])) + (2 if part else 0)
            words = draw.sample(told[part].split(), min(6, len(told[part].split())))
            if labelled:
                text, label = f"{told[part]}. {told[part + 1]} ({number}-{part})", draw.choice(LABELS)
                yield replace(make_triple(chunk, text, label), kind=CLASSIFICATION, generator="import")
                continue
            row = make_triple(chunk, f"How does {' '.join(words)} in {number}-{part}?", told[part])
            document = chunks[number - number % 10 : number - number % 10 + 10]
            others = [("bm25", chunks[draw.randrange(len(chunks))]) for _ in range(3)]
            others += [("same_document", document[(number + 5) % 10]), ("random", chunks[draw.randrange(len(chunks))])]
            distinct = {other.id: how for how, other in others if other.id != chunk.id}
            found = tuple(
                Distractor(name, how, rank, 20.0 / rank, 0.9 / rank) for rank, (name, how) in enumerate(distinct.items(), 1)
            )
            yield replace(
                row,
                quotes=((begin, begin + len(told[part])),),
                kind="how",
                generator="extractive",
                distractors=found,
                scores={"round_trip": {"ratio": 0.91}, "grounding": 1.0},
            )


def make(folder: Path, rows: int) -> None:
    """The tables: chunks, triples, labelled rows."""
    chunks = chunks_of(rows // 2)
    storage.write_table(folder / "chunks.parquet", "chunks", (chunk.to_dict() for chunk in chunks))
    for name, labelled in (("triples", False), ("labelled", True)):
        made = (triple.to_dict() for triple in triples_of(chunks, labelled))
        storage.write_table(folder / f"{name}.parquet", "triples", made)


def measure(format: str, tables: str) -> dict[str, Any]:
    """Seconds and memory of one format."""
    clock = Clock()
    chunks = {row["id"]: Chunk.from_dict(row) for row in storage.read_table(Path(tables) / "chunks.parquet")}
    name = "labelled" if "label" in (FORMATS[format].needs or ()) else "triples"
    triples = [Triple.from_dict(row) for row in storage.read_table(Path(tables) / f"{name}.parquet")]
    titles = {chunk.document_id: f"Page {chunk.document_id}" for chunk in chunks.values()}
    out = Path(tables) / "out" / format
    read_s, _ = clock.lap()
    report = export(triples, ExportContext(chunks, titles, seed=1), format, out)
    write_s, wall_write_s = clock.lap()
    files = {name: out / name for name, n in report.files.items() if n}
    checked = check_export(format, files, Config())
    check_s, wall_check_s = clock.lap()
    peak, written = peak_mib(), sum(report.files.values())
    assert checked.rows == {name: n for name, n in report.files.items() if n}, "every row is read again"
    return {
        "format": format,
        "rows": written,
        "megabytes": round(sum(path.stat().st_size for path in files.values()) / 1e6, 1),
        "triples_per_s": round(len(triples) / write_s),
        "rows_per_s": round(written / write_s),
        "checked_rows_per_s": round(written / check_s),
        "read_s": round(read_s, 2),
        "write_s": round(write_s, 2),
        "floor_s": round(floor(files), 2),
        "check_s": round(check_s, 2),
        "check_to_write": round(check_s / write_s, 2),
        "wall_s": {"write": round(wall_write_s, 2), "check": round(wall_check_s, 2)},
        "peak_mib": round(peak),
        "errors": checked.errors,
        "warnings": checked.warnings,
        "left_out": report.left_out,
        "notes": report.notes,
        "training": {name: checked.training[name] for name in ("tokens", "estimated", "epochs")} if checked.training else {},
    }


class Clock:
    """Seconds of the processor, and by the clock, since the last time it was asked."""

    def __init__(self) -> None:
        self.last = time.process_time(), time.perf_counter()

    def lap(self) -> tuple[float, float]:
        now = time.process_time(), time.perf_counter()
        (cpu, wall), self.last = self.last, now
        return now[0] - cpu, now[1] - wall


def floor(files: dict[str, Path]) -> float:
    """Seconds of json.dumps and the encoder for the rows of these files, which are parsed a thousand at a time."""
    spent = 0.0
    for path in files.values():
        with path.open("rb") as file:
            while lines := list(itertools.islice(file, 1_000)):
                rows = [json.loads(line) for line in lines] if path.suffix == ".jsonl" else []
                clock = Clock()
                for row in rows:
                    json.dumps(row, ensure_ascii=False).encode("utf-8")
                spent += clock.lap()[0]
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--formats", nargs="+", default=list(FORMATS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=3)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(*given.child[1:])))
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), given.rows)
        formats = [in_child(__file__, "measure", format, folder) for format in given.formats]
    worst = {
        "triples_per_s": min(one["triples_per_s"] for one in formats),
        "check_to_write": max(one["check_to_write"] for one in formats),
        "peak_mib": max(one["peak_mib"] for one in formats),
    }
    write_result({"rows": given.rows, "worst": worst, "formats": formats}, given.out)


if __name__ == "__main__":
    main()
